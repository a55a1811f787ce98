"""Garbage collection paused, while many objects are made and none can be part of a cycle."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collection_paused() -> Iterator[None]:
    """Context manager that pauses garbage collection, which would visit every new object again and again.

    Measured on a record of 11,000 nodes and 20 MB: 2.2 s to read with collection, 0.9 s without.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
