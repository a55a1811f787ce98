"""How the process gets and gives back memory for large arrays: on request, and for programs that train."""

from __future__ import annotations

import os

import numpy as np

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # from malloc.h of glibc
SIZES = (1 << 30, 32 << 20)  # older versions of glibc take at most the second
KEPT = 128 << 20  # bytes of freed memory that a program that trains keeps at most


class _Asked:
    """Whether this process has had its allocator tuned, or been asked to, or not to."""

    already = os.environ.get("GRAD_ENGINE_MALLOC", "") != ""
    shown = already  # a large array that was freed


def tune_allocator() -> bool:
    """Whether the C library now keeps the memory of freed arrays of up to 1 GiB for the next ones (glibc only).

    By default glibc returns each large array to the kernel when it is freed, and the next one is faulted in page by
    page: from about 200 x 200 elements on, that costs more than the arithmetic (adding two 500 x 500 matrices, with its
    backward: 1.9 ms, and 0.15 ms after this call). The price is that the process holds on to its largest use of memory.

    It is the setting of the whole process: call this once at the start, or set GRAD_ENGINE_MALLOC=1 in the environment,
    which does so on import. A program that makes an optimiser of `optim` gets a smaller form of it: arrays of up to 32
    MB, of which at most 128 MB are kept; one that hands an array above 64 KB to an op, and makes no optimiser, gets
    what glibc does by itself after an array of 32 MB was freed, which keeps at most 64 MB. GRAD_ENGINE_MALLOC=0 keeps
    both from happening. Elsewhere than on glibc it changes nothing and returns False.
    """
    _Asked.already = _Asked.shown = True
    return any(_set_thresholds(size, size) for size in SIZES)


def tune_for_training() -> None:
    """Keep some memory of freed arrays, once in a process, where nobody asked for anything else."""
    if not _Asked.already:
        _Asked.already = True
        _set_thresholds(SIZES[-1], KEPT)


def free_a_large_array() -> None:
    """Free an array of nearly 32 MB, once in a process, where nobody asked for anything else.

    glibc takes from it that such arrays come and go: it no longer asks the kernel for each, and gives memory back when
    64 MB of it are free. A graph frees its arrays together: without this they would be given back after each pass, and
    fetched page by page in the next (logistic regression, 50,000 x 50: 3.4 ms, and 1.8 ms after it; the Jacobian of a
    curve at 20,000 points: 2.0 and 0.56 ms). Its pages are never touched, so it takes 10 us.
    """
    if not _Asked.shown:
        _Asked.shown = True
        try:
            np.empty(SIZES[-1] - (1 << 16), np.uint8)
        except MemoryError:  # a process with a limit
            return


def _set_thresholds(array: int, kept: int) -> bool:
    """Keep freed arrays of less than `array` bytes in the process, and up to `kept` bytes of its free memory.

    Both or neither: without the first, the second makes large arrays slower.
    """
    if not _is_glibc():
        return False
    import ctypes

    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(M_MMAP_THRESHOLD, array) == 1 and mallopt(M_TRIM_THRESHOLD, kept) == 1)


def _is_glibc() -> bool:
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (AttributeError, ValueError, OSError):  # not Unix; a libc that does not know the question
        return False
