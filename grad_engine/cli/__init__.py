"""The command line: `python -m grad_engine`, one file per command that computes something of its own."""
