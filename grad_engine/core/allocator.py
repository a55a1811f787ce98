"""How the process gets and gives back memory for large arrays: a setting that is only ever changed on request."""

from __future__ import annotations

import os

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # from malloc.h of glibc
SIZES = (1 << 30, 32 << 20)  # older versions of glibc take at most the second


def tune_allocator() -> bool:
    """Whether the C library now keeps the memory of freed arrays of up to 1 GiB for the next ones (glibc only).

    By default glibc returns each large array to the kernel when it is freed, and the next one is faulted in page by
    page: from about 200 x 200 elements on, that costs more than the arithmetic (adding two 500 x 500 matrices, with its
    backward: 1.9 ms, and 0.15 ms after this call). The price is that the process holds on to its largest use of memory.

    It is the setting of the whole process, so nobody but the program should decide it: call this once at the start, or
    set GRAD_ENGINE_MALLOC=1 in the environment, which does so on import. Elsewhere than on glibc it changes nothing and
    returns False.
    """
    if not _is_glibc():
        return False
    import ctypes

    mallopt = ctypes.CDLL(None).mallopt
    # Both or neither: without the first, the second makes large arrays slower.
    return any(mallopt(M_MMAP_THRESHOLD, size) == 1 and mallopt(M_TRIM_THRESHOLD, size) == 1 for size in SIZES)


def _is_glibc() -> bool:
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (AttributeError, ValueError, OSError):  # not Unix; a libc that does not know the question
        return False
