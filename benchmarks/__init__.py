"""What dcmon costs, measured on this machine. `python -m benchmarks` runs everything; docs/benchmarks.md explains it."""
