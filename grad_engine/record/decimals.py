"""The shortest decimals of many short floats at once; NumPy spells them one by one, which takes 2 µs each.

A float of 16 or 32 bits is read back from its first nine digits at most. `shortest` tries one digit, two digits, ... on
all numbers together, and keeps the first try that reads back to the same float. A decimal of n digits is a whole number
divided or multiplied by a power of ten; up to 10²² these are exact in float64, so one rounding is made, as in reading
the decimal's text (Clinger 1990, "How to read floating point numbers accurately").
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_DIGITS = {2: 5, 4: 9}  # that tell any two floats of so many bytes apart
USUAL_DIGITS = {2: 0, 4: 6}  # that are too few for most numbers, which are computed ones
EXACT = 22  # the largest power of ten that a float64 holds exactly
FEWEST = 24  # numbers from which on all at once is faster
SMALL_POWER = 2.0**12  # powers of two from 1 up to here have all their digits
POWERS = 10.0 ** np.arange(EXACT + 1)


def shortest(array: NDArray[Any]) -> list[float]:
    """The elements, in C order, as the float64 numbers nearest to their shortest decimals, as NumPy spells them."""
    flat = array.ravel()
    if flat.dtype.itemsize not in MOST_DIGITS:
        return flat.tolist()
    if flat.size < FEWEST:
        return _spelt(flat)
    with np.errstate(all="ignore"):
        found, known = _tried(flat)
    if not known.all():
        others = np.flatnonzero(~known)
        found[others] = _spelt_once(flat[others])
    return found.tolist()


def _spelt(flat: NDArray[Any]) -> list[float]:
    return [float(text) for text in flat.astype("U").tolist()]


def _spelt_once(flat: NDArray[Any]) -> NDArray[Any]:
    """The same where many are equal, as the powers of two among them are."""
    different, places = np.unique(flat, return_inverse=True)
    return np.array(_spelt(different))[places]


def _tried(flat: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The decimals, and which of them are certain."""
    exact = flat.astype(np.float64)
    size = np.abs(exact)
    found = exact.copy()
    known = (size == 0) | ~np.isfinite(exact)
    # Next to a power of two the floats below lie closer than those above: NumPy's rule for it is not the nearest one.
    is_power = np.frexp(size)[0] == 0.5
    pending = np.flatnonzero(~(known | is_power))
    known |= is_power & (size >= 1) & (size <= SMALL_POWER)
    magnitude = np.floor(np.log10(size[pending])).astype(np.int64)
    # What does not fit with six digits fits with no fewer.
    usual, most = USUAL_DIGITS[flat.dtype.itemsize], MOST_DIGITS[flat.dtype.itemsize]
    groups = [(range(1, most + 1), pending, magnitude)]
    if usual and pending.size:
        _, short, _ = _fitting(exact[pending], flat[pending], magnitude, usual)
        groups = [
            (range(1, usual + 1), pending[short], magnitude[short]),
            (range(usual + 1, most + 1), pending[~short], magnitude[~short]),
        ]
    for lengths, pending, magnitude in groups:
        number, single = exact[pending], flat[pending]
        for digits in lengths:
            if not pending.size:
                break
            tried, fits, inside = _fitting(number, single, magnitude, digits)
            found[pending[fits]] = tried[fits]
            known[pending[fits]] = True
            rest = ~fits if inside is None else inside & ~fits
            pending, magnitude, number, single = pending[rest], magnitude[rest], number[rest], single[rest]
    return found, known


def _fitting(
    number: NDArray[Any], single: NDArray[Any], magnitude: NDArray[Any], digits: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None]:
    """The numbers with so many digits, which of them fit, and which can be tried at all: None for all."""
    power = digits - 1 - magnitude
    if power.min() >= 0 and power.max() <= EXACT:  # as nearly always: no number is very large or small
        scale = POWERS[power]
        tried = np.rint(number * scale)
        tried /= scale
        return tried, tried.astype(single.dtype) == single, None
    inside = np.abs(power) <= EXACT
    scale = POWERS[np.where(inside, np.abs(power), 0)]
    up = power >= 0
    whole = np.rint(np.where(up, number * scale, number / scale))
    tried = np.where(up, whole / scale, whole * scale)
    return tried, inside & (tried.astype(single.dtype) == single), inside


def rounded(numbers: NDArray[Any], digits: int) -> list[float]:
    """float64 numbers with so many significant digits, each the float nearest to that decimal."""
    with np.errstate(all="ignore"):
        size = np.abs(numbers)
        magnitude = np.floor(np.log10(np.where(size > 0, size, 1.0)))
        power = digits - 1 - magnitude
        inside = np.isfinite(power) & (np.abs(power) <= EXACT)
        scale = POWERS[np.where(inside, np.abs(power), 0).astype(np.int64)]
        up = power >= 0
        whole = np.rint(np.where(up, numbers * scale, numbers / scale))
        found = np.where(up, whole / scale, whole * scale)
    others = np.flatnonzero(~inside)
    if others.size:
        found[others] = [float(f"{number:.{digits}g}") for number in numbers[others].tolist()]
    return found.tolist()
