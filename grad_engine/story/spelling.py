"""How the numbers of one lesson are written: the same number always alike, with the digits that its equations need."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from grad_engine.formula import number

FEW, SOME = 3, 4  # digits of an entry of a tensor, and of a single number
MOST = 7  # digits
NOISE = 1e-12  # part of the largest term of a sum below which it is rounding

Combined = Callable[[Sequence[float]], float | None]


class Spelling:
    """Digits for each number; one for which nothing was noted has the usual ones."""

    def __init__(self, digits: int) -> None:
        self.usual = digits
        self.noted: dict[float, int] = {}

    def text(self, value: float) -> str:
        """The number as it is written everywhere in the lesson."""
        return number(value + 0.0, self.digits(value))

    def digits(self, value: float) -> int:
        """With how many digits a number is written at most."""
        return self.noted.get(_key(value), self.usual)

    def note(self, value: float, digits: int) -> None:
        """Writes a number with at least so many digits from now on."""
        if digits > self.digits(value):
            self.noted[_key(value)] = digits

    def holds(self, operands: Sequence[float], total: float, combined: Combined) -> bool:
        """Whether the operands as they are written give the total as it is written, to its last digit."""
        result = combined([read(self.text(value)) for value in operands])
        return result is not None and number(result + 0.0, self.digits(total)) == self.text(total)

    def fit(self, operands: Sequence[float], total: float, combined: Combined) -> bool:
        """Notes digits with which the operands give the total as it is written; False where MOST are not enough.

        The operand with the fewest digits, and of several the largest, gets one more until the equation holds.
        """
        before = dict(self.noted)
        while not self.holds(operands, total, combined):
            rounded = [value for value in operands if self.digits(value) < MOST and not self.exact(value)]
            if not rounded:
                self.noted = before
                return False
            shortest = min(rounded, key=lambda value: (self.digits(value), -abs(value)))
            self.note(shortest, self.digits(shortest) + 1)
        return True

    def exact(self, value: float) -> bool:
        """Whether more digits would change nothing."""
        return not math.isfinite(value) or read(self.text(value)) == value


def read(text: str) -> float:
    """The number that is written."""
    return float(text.replace("−", "-").replace("NaN", "nan").replace("∞", "inf"))


def _key(value: float) -> float:
    return float(f"{abs(value):.9g}") if math.isfinite(value) else math.inf
