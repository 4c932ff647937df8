"""What runs in a fresh client process, one module a job, each with a `run(…)` that returns plain JSON data."""
