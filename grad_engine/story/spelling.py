"""How the numbers of one lesson are written: the same number always alike, with the digits that its equations need."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from grad_engine.formula import number

FEW, SOME = 3, 4  # digits of an entry of a tensor, and of a single number
MORE = 2  # digits that a number may have beyond the usual
ROUNDS = 6
YIELDS = 25.0  # cost at which another equation may be broken, for a while
MOST_NUMBERS = 8  # of an equation whose digits are changed
LARGE = 99999.5  # from which on a number is written with a power of ten
NOISE = 1e-12  # part of the largest term of a sum below which it is rounding

Combined = Callable[[Sequence[float]], float | None]


@dataclass(frozen=True, slots=True)
class Equation:
    """Operands, what is done with them, and what comes out."""

    operands: tuple[float, ...]
    total: float
    combined: Combined


class Spelling:
    """Digits for each number; one for which nothing was noted has the usual ones."""

    def __init__(self, digits: int) -> None:
        self.usual = digits
        self.noted: dict[float, int] = {}
        self.zeros: set[float] = set()  # numbers that are 0 up to rounding
        self.fixed: set[float] = set()  # numbers whose digits no equation changes

    def text(self, value: float) -> str:
        """The number as it is written everywhere in the lesson."""
        key = _key(value)
        return "0" if key in self.zeros else _number(value + 0.0, self.noted.get(key, self.usual))

    def digits(self, value: float) -> int:
        """With how many digits a number is written at most."""
        return self.noted.get(_key(value), self.usual)

    def call_zero(self, value: float) -> None:
        """Writes a number that is nothing but rounding as 0."""
        if value and math.isfinite(value):
            self.zeros.add(_key(value))

    def fix(self, value: float, digits: int) -> None:
        """Writes a number with so many digits, whatever equations it stands in."""
        if math.isfinite(value):
            self.noted[_key(value)] = digits
            self.fixed.add(_key(value))

    def loosen(self, value: float) -> None:
        """Lets equations change the digits of a number that was fixed."""
        self.fixed.discard(_key(value))
        self.noted.pop(_key(value), None)

    def holds(self, equation: Equation) -> bool:
        """Whether the operands as they are written give the total as it is written, to its last digit."""
        result = equation.combined([read(self.text(value)) for value in equation.operands])
        if result is None:
            return False
        shown = self.text(equation.total)
        largest = max((abs(value) for value in equation.operands if math.isfinite(value)), default=0.0)
        if shown == "0" and abs(result) <= NOISE * largest:
            return True
        return figure(result + 0.0, self.digits(equation.total)) == shown

    def settle(self, equations: Sequence[Equation], again: bool = False) -> None:
        """Notes digits with which as many of these equations hold as possible, and as few more digits as possible.

        Where one does not hold, digits of one or two of its numbers are changed if that is best for all equations in
        which these stand. again: whether to try from more digits everywhere where that was not enough.
        """
        uses: dict[float, list[Equation]] = {}
        for equation in equations:
            for key in {_key(value) for value in (*equation.operands, equation.total)}:
                uses.setdefault(key, []).append(equation)
        start = dict(self.noted)
        self._settle(equations, uses)
        failing = sum(not self.holds(equation) for equation in equations)
        if not failing or not again:
            return
        found, self.noted = self.noted, start
        self.usual += 1
        self._settle(equations, uses)
        better = sum(not self.holds(equation) for equation in equations) < failing
        self.noted = {key: self.digits(key) for key in uses if math.isfinite(key)} | self.noted if better else found
        self.usual -= 1

    def _settle(self, equations: Sequence[Equation], uses: Mapping[float, Sequence[Equation]]) -> None:
        """The same from the digits that are noted now."""
        best = len(equations) + 1, dict(self.noted)
        for round_ in range(ROUNDS):
            failing = [equation for equation in equations if not self.holds(equation)]
            if len(failing) < best[0]:
                best = len(failing), dict(self.noted)
            if not failing:
                return
            # One that breaks another may be mended first: the other may have more numbers to give way.
            slack = YIELDS if round_ < ROUNDS - 2 else 0.0
            changed = [self._mend(equation, uses, slack) for equation in failing]
            if not any(changed):
                break
        if sum(not self.holds(equation) for equation in equations) > best[0]:
            self.noted = best[1]

    def _mend(self, equation: Equation, uses: Mapping[float, Sequence[Equation]], slack: float) -> bool:
        """Changes digits so that an equation holds, if that is better for all, or worse by less than `slack`."""
        if self.holds(equation):
            return False
        numbers = list(dict.fromkeys(map(_key, (equation.total, *equation.operands))))
        numbers = [key for key in numbers if math.isfinite(key) and key not in self.zeros and key not in self.fixed][
            :MOST_NUMBERS
        ]
        moves = [{key: digits} for key in numbers for digits in self._choices(key)]
        moves += [
            {one: first, other: second}
            for one, other in combinations(numbers, 2)
            for first in self._choices(one)
            for second in self._choices(other)
        ]
        moves += [dict.fromkeys(numbers, self.usual + more) for more in range(1, MORE + 1)]
        others = [key for key in numbers if key != _key(equation.total)]
        moves += [dict.fromkeys(others, self.usual + more) for more in range(1, MORE + 1)]
        best: tuple[float, dict[float, int]] | None = None
        for move in moves:
            touched = list({id(each): each for key in move for each in uses[key]}.values())
            before = self._cost(touched, move)
            kept = {key: self.noted.get(key) for key in move}
            self.noted.update(move)
            gain = before - self._cost(touched, move) if self.holds(equation) else -math.inf
            for key, digits in kept.items():
                if digits is None:
                    del self.noted[key]
                else:
                    self.noted[key] = digits
            if gain > -slack and (best is None or gain > best[0]):
                best = gain, move
        if best is not None:
            self.noted.update(best[1])
        return best is not None

    def _choices(self, key: float) -> list[int]:
        now = self.digits(key)
        return [digits for digits in range(FEW, self.usual + MORE + 1) if digits != now]

    def _cost(self, touched: Sequence[Equation], move: Mapping[float, int]) -> float:
        """What it costs that equations do not hold, and that these numbers have other digits than usual."""
        untrue = sum(not self.holds(equation) for equation in touched)
        return 10.0 * untrue + sum(1.0 + abs(n - self.usual) for key in move if (n := self.digits(key)) != self.usual)


@lru_cache(maxsize=1 << 15)
def _number(value: float, digits: int) -> str:
    return figure(value, digits)


def figure(value: float, digits: int = SOME) -> str:
    """A number with so many digits; 1000 and not 1e3, and all digits of whole numbers up to 99999."""
    size = abs(value)
    return number(value, len(f"{size:.0f}") if 10.0**digits <= size < LARGE else digits)


@lru_cache(maxsize=1 << 15)
def read(text: str) -> float:
    """The number that is written."""
    return float(text.replace("−", "-").replace("NaN", "nan").replace("∞", "inf"))


@lru_cache(maxsize=1 << 15)
def _key(value: float) -> float:
    return float(f"{abs(value):.9g}") if math.isfinite(value) else math.inf
