"""Benchmarks: `python -m tests.bench.ops` and so on. Each measures against its controls in one process."""

import os

# One thread for everyone, unless the environment says otherwise: NumPy's BLAS reads this when it is loaded, and its
# second thread, waiting for work, would take time from whoever's turn it is.
for _name in ("OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(_name, "1")
