"""Where ops meet the stand-ins of program/: what traces a function lets them through, and gives results for them."""

from __future__ import annotations

import threading
from typing import Any

STAND_INS: set[type] = set()  # kinds of array, besides NumPy's, that ops take as they are


class _Tracing(threading.local):
    """What notes NumPy's calls on stand-ins in this thread, while a function is traced (program/trace.py)."""

    trace: Any = None


TRACING = _Tracing()
