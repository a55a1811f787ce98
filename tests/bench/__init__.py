"""Benchmarks: `python -m tests.bench.ops` and so on. Each measures against its controls in one process."""
