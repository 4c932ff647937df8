"""Jobs: what a client process runs. One module for each job, with a `run(…)` that returns JSON data."""
