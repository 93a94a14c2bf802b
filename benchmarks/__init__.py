"""What dcmon costs on this machine. `python -m benchmarks` measures everything; docs/benchmarks.md explains it."""
