"""What each operation sends, and what its answer means. Pure: no clock, no socket."""
