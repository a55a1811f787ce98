"""Random numbers in a program: drawn at each run, from the generator that eager mode would draw from."""

from __future__ import annotations

import copy
import random as python_random
from collections.abc import Callable
from typing import Any

import numpy as np

from grad_engine.core.stand_ins import STAND_INS, TRACING
from grad_engine.errors import TraceError
from grad_engine.program.steps import DRAW, leaves

_DRAWING = frozenset({
    "random", "normal", "standard_normal", "uniform", "integers", "exponential", "standard_exponential", "beta",
    "binomial", "poisson", "gamma", "standard_gamma", "laplace", "logistic", "lognormal", "gumbel", "geometric",
    "chisquare", "standard_t", "standard_cauchy", "triangular", "rayleigh", "weibull", "pareto", "power", "wald",
    "vonmises", "f", "multinomial", "multivariate_normal", "dirichlet", "choice", "permutation", "permuted",
    "negative_binomial", "hypergeometric", "zipf", "logseries", "noncentral_chisquare", "noncentral_f",
    "multivariate_hypergeometric",
})  # fmt: skip


class TracedGenerator:
    """Stands for a NumPy generator: each draw is a step. The generator itself does not move while tracing."""

    def __init__(self, generator: np.random.Generator) -> None:
        self.generator = generator
        self.copy = copy.deepcopy(generator)  # the draws of the trace are taken from it

    __class__ = property(lambda self: np.random.Generator)

    def __getattr__(self, name: str) -> Any:
        trace = TRACING.trace
        if trace is None:
            return getattr(self.generator, name)
        if name not in _DRAWING:
            raise TraceError(f"{name} of a random generator is not traced{trace.at()}; draw with random() or normal()")

        def draw(*args: Any, **named: Any) -> Any:
            if named.get("out") is not None:
                raise TraceError(f"a draw with out= is not traced{trace.at()}; assign the result instead")
            return trace.record(DRAW, name, (Drawn(self), *args), named)

        return draw


class Drawn:
    """The generator as an argument of a step: the copy while tracing, itself in the program."""

    def __init__(self, stand_in: TracedGenerator) -> None:
        self.generator = stand_in.generator
        self._copy = stand_in.copy

    def __getattr__(self, name: str) -> Any:
        return getattr(self._copy, name)


def traced_default_rng(default_rng: Callable[..., Any]) -> Callable[..., Any]:
    """np.random.default_rng() while a function is traced: what a seed makes is made anew at each run, or refused."""

    def make(seed: Any = None) -> Any:
        trace = TRACING.trace
        if trace is None:
            return default_rng(seed)
        if type(seed) in (TracedGenerator, _Seeded):
            return seed
        if isinstance(seed, np.random.Generator):
            raise TraceError(
                f"a random generator was reached in a way that the trace does not follow{trace.at()}; pass it to the "
                "compiled function as an argument"
            )
        if type(seed) in STAND_INS:
            raise TraceError(
                f"a generator that is made from a seed of each run cannot be written as NumPy calls{trace.at()}; draw "
                "from a generator that was made outside"
            )
        if seed is None:
            raise TraceError(
                f"np.random.default_rng() without a seed was called in a compiled function{trace.at()}; make the "
                "generator outside and draw from it inside"
            )
        return _Seeded(default_rng(seed))

    return make


class _Seeded:
    """A generator made in the function from a seed that is always the same: so are its draws."""

    def __init__(self, generator: np.random.Generator) -> None:
        self.generator = generator

    __class__ = property(lambda self: np.random.Generator)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.generator, name)
        if not callable(found):
            return found

        def draw(*args: Any, **named: Any) -> Any:
            if TRACING.trace is not None and any(type(leaf) in STAND_INS for leaf in leaves((args, named))):
                raise TraceError(
                    f"{name}() of a generator that is made in the compiled function was given values of each run"
                    f"{TRACING.trace.at()}; make the generator outside and pass it as an argument"
                )
            trace, TRACING.trace = TRACING.trace, None  # NumPy makes the arrays of its draws by np.empty()
            try:
                return found(*args, **named)
            finally:
                TRACING.trace = trace

        return draw


class Unmoved:
    """Finds out whether generators whose draws cannot be traced were drawn from, and puts them back.

    They are those behind np.random.normal() and random.random(), and `others` of their kinds.
    """

    def __init__(self, others: list[Any]) -> None:
        self.before = [(each, _state(each)) for each in (np.random, python_random, *others)]

    def check(self, error: Exception | None = None) -> None:
        """Raise TraceError if one of them moved, on whose account `error` may have been raised."""
        moved = [(each, before) for each, before in self.before if before != _state(each)]
        for each, before in moved:
            if isinstance(each, np.random.Generator):
                each.bit_generator.state = before[-1].state
            else:
                each.set_state(before[-1].state) if hasattr(each, "set_state") else each.setstate(before)
        if moved:
            raise TraceError(
                "the compiled function drew from np.random or random, or from a generator that the trace does not "
                "follow, and these numbers would be the same at each run; "
                "make rng = np.random.default_rng(seed) outside and call rng.normal() inside"
            ) from error


def _state(generator: Any) -> Any:
    """What a generator would draw next, as something that can be compared at once, and what puts it back."""
    if isinstance(generator, np.random.Generator):
        now = generator.bit_generator.state
        return repr(now), _Kept(now)
    if not hasattr(generator, "get_state"):
        return generator.getstate()
    state = generator.get_state(legacy=False)
    return state["state"]["key"].tobytes(), state["state"].get("pos"), state["has_gauss"], state["gauss"], _Kept(state)


class _Kept:
    """The state of a NumPy generator, which is not compared itself."""

    def __init__(self, state: Any) -> None:
        self.state = state

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Kept)

    __hash__ = None  # type: ignore[assignment]
