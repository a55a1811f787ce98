"""L-BFGS: a quasi-Newton method that asks for the loss several times in a step; its numbers are PyTorch's."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from grad_engine.core.node import next_sequence_nr
from grad_engine.core.tensor import array_of
from grad_engine.core.versions import WRITES
from grad_engine.errors import ArgumentError
from grad_engine.optim.optimizers import Optimizer, Parameters

SUFFICIENT, CURVATURE = 1e-4, 0.9  # the two constants of Wolfe's conditions (Nocedal & Wright 2006, section 3.1)
LONGEST_SEARCH = 25  # losses along one direction
Evaluate = Callable[[float], tuple[float, np.ndarray]]  # (loss, gradient) after a step of that length


@dataclass
class _Past:
    """What is known from earlier iterations."""

    iterations: int = 0
    evaluations: int = 0
    direction: np.ndarray | None = None
    length: float = 0.0
    gradient: np.ndarray | None = None
    loss: float = 0.0
    scale: float = 1.0  # of the first guess of the inverse Hessian
    steps: list[np.ndarray] = field(default_factory=list)
    changes: list[np.ndarray] = field(default_factory=list)  # of the gradient along each step
    weights: list[float] = field(default_factory=list)  # 1 / (step · change)


class LBFGS(Optimizer):
    """Steps along an estimate of Newton's direction, made of the last `history_size` steps (Nocedal 1980).

    step(closure) makes up to `max_iter` iterations; closure sets the gradients to 0, computes the loss, calls
    backward() and returns the loss. It takes one group of parameters.
    line_search_fn: None for steps of length lr, or "strong_wolfe".
    """

    def __init__(
        self, params: Parameters, lr: float = 1.0, max_iter: int = 20, max_eval: int | None = None,
        tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9, history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, max_iter=max_iter, max_eval=max_iter * 5 // 4 if max_eval is None else max_eval,
            tolerance_grad=tolerance_grad, tolerance_change=tolerance_change, history_size=history_size,
            line_search_fn=line_search_fn,
        )  # fmt: skip
        if len(self.param_groups) > 1:
            raise ArgumentError(f"LBFGS takes one group of parameters, got {len(self.param_groups)}")
        if line_search_fn not in (None, "strong_wolfe"):
            raise ArgumentError(f"line_search_fn is None or 'strong_wolfe', got {line_search_fn!r}")
        self._past = _Past()

    def state_dict(self) -> Any:
        """Always an ArgumentError: the estimate of the Hessian is made anew."""
        raise ArgumentError("LBFGS keeps no state; save the parameters, and make it anew")

    def load_state_dict(self, state: Any) -> None:
        """Always an ArgumentError, as state_dict()."""
        self.state_dict()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """What the first call of closure gave, after up to max_iter iterations."""
        if closure is None:
            raise ArgumentError(
                "LBFGS asks for the loss several times in a step; write step(closure), where closure() calls "
                "zero_grad(), computes the loss, calls backward() and returns the loss"
            )
        (group,) = self.param_groups
        past = self._past
        first = closure()
        loss, g, calls = _number(first), self._gradient(), 1
        past.evaluations += 1
        for iteration in range(1, group["max_iter"] + 1):
            if np.abs(g).max(initial=0) <= group["tolerance_grad"]:
                break
            direction = self._direction(g, group["history_size"])
            past.gradient, past.loss = g.copy(), loss
            length = group["lr"] if past.iterations > 1 else min(1.0, 1 / float(np.abs(g).sum())) * group["lr"]
            slope = float(g @ direction)
            past.direction, past.length = direction, length
            if slope > -group["tolerance_change"]:
                break
            last = iteration == group["max_iter"]
            if group["line_search_fn"]:
                start = [parameter.array.copy() for parameter in group["params"]]
                loss, g, length, asked = _strong_wolfe(
                    lambda t: self._evaluated(closure, start, t, direction), length, direction, loss, g, slope  # noqa: B023
                )  # fmt: skip
                past.length = length
                self._move(start, length, direction)
            else:
                self._move([parameter.array for parameter in group["params"]], length, direction)
                asked = 0
                if not last:  # the next step() asks for the loss at this place
                    loss, g, asked = _number(closure()), self._gradient(), 1
            calls += asked
            past.evaluations += asked
            moved = float(np.abs(direction * length).max(initial=0))
            if (
                calls >= group["max_eval"] or moved <= group["tolerance_change"]
                or abs(loss - past.loss) < group["tolerance_change"]
            ):  # fmt: skip
                break
        return first

    def _direction(self, g: np.ndarray, size: int) -> np.ndarray:
        """-H · g by the two loops of Nocedal & Wright (2006), algorithm 7.4."""
        past = self._past
        past.iterations += 1
        if past.direction is None or past.gradient is None:
            return -g
        change, step = g - past.gradient, past.direction * past.length
        along = float(change @ step)
        if along > 1e-10:  # else the curvature along the step says nothing
            if len(past.steps) == size:
                for each in (past.steps, past.changes, past.weights):
                    del each[0]
            past.steps.append(step)
            past.changes.append(change)
            past.weights.append(1 / along)
            past.scale = along / float(change @ change)
        q = -g
        shares = []
        for step, change, weight in zip(past.steps[::-1], past.changes[::-1], past.weights[::-1], strict=True):
            share = float(step @ q) * weight
            shares.append(share)
            q = q - share * change
        q = q * past.scale
        for step, change, weight, share in zip(past.steps, past.changes, past.weights, shares[::-1], strict=True):
            q = q + (share - float(change @ q) * weight) * step
        return q

    def _gradient(self) -> np.ndarray:
        """The gradients of all parameters as one vector; 0 where there is none."""
        found = []
        for parameter in self.param_groups[0]["params"]:
            g = parameter.grad
            found.append(np.zeros(parameter.size, parameter.dtype) if g is None else g.array.reshape(-1))
        return np.concatenate(found)

    def _move(self, start: list[np.ndarray], length: float, direction: np.ndarray) -> None:
        """Put the parameters where they are after a step of that length from `start`."""
        place, number = 0, next_sequence_nr()
        for parameter, before in zip(self.param_groups[0]["params"], start, strict=True):
            part = direction[place : place + before.size].reshape(before.shape)
            place += before.size
            parameter.array[...] = before + length * part
            WRITES.stamp(parameter.array, number)

    def _evaluated(
        self, closure: Callable[[], Any], start: list[np.ndarray], length: float, direction: np.ndarray
    ) -> tuple[float, np.ndarray]:
        self._move(start, length, direction)
        return _number(closure()), self._gradient()


def _number(loss: Any) -> float:
    """The loss as a number, on purpose without its history."""
    return float(array_of(loss))


@dataclass
class _Point:
    """One place along the direction: length of the step, loss, gradient, slope along the direction."""

    t: float
    f: float
    g: np.ndarray
    slope: float


def _strong_wolfe(
    evaluate: Evaluate, t: float, direction: np.ndarray, f: float, g: np.ndarray, slope: float
) -> tuple[float, np.ndarray, float, int]:
    """(loss, gradient, length, losses asked for) of a step that meets Wolfe's strong conditions, where one is found.

    Nocedal & Wright (2006), algorithms 3.5 and 3.6, with cubic interpolation.
    """

    def at(length: float) -> _Point:
        loss, gradient = evaluate(length)
        return _Point(length, loss, gradient, float(gradient @ direction))

    start = before = _Point(0.0, f, g, slope)
    now = at(t)
    asked, rounds = 1, 0
    pair: list[_Point] | None = None
    while rounds < LONGEST_SEARCH:
        if now.f > f + SUFFICIENT * now.t * slope or (rounds > 1 and now.f >= before.f):
            pair = [before, now]
            break
        if abs(now.slope) <= -CURVATURE * slope:
            return now.f, now.g, now.t, asked
        if now.slope >= 0:
            pair = [before, now]
            break
        longer = _lowest(before, now, (now.t + 0.01 * (now.t - before.t), now.t * 10))
        before, now = now, at(longer)
        asked, rounds = asked + 1, rounds + 1
    if pair is None:
        pair = [start, now]
    low, high = (0, 1) if pair[0].f <= pair[1].f else (1, 0)
    width, was_near_an_end = float(np.abs(direction).max(initial=0)), False
    while rounds < LONGEST_SEARCH and abs(pair[1].t - pair[0].t) * width >= 1e-9:
        left, right = sorted((pair[0].t, pair[1].t))
        t, margin = _lowest(pair[0], pair[1]), 0.1 * (right - left)
        near = min(right - t, t - left) < margin
        if near and (was_near_an_end or t >= right or t <= left):
            t = right - margin if abs(t - right) < abs(t - left) else left + margin
            near = False
        was_near_an_end = near
        now = at(t)
        asked, rounds = asked + 1, rounds + 1
        if now.f > f + SUFFICIENT * t * slope or now.f >= pair[low].f:
            pair[high] = now
            low, high = (0, 1) if pair[0].f <= pair[1].f else (1, 0)
            continue
        done = abs(now.slope) <= -CURVATURE * slope
        if not done and now.slope * (pair[high].t - pair[low].t) >= 0:
            pair[high] = pair[low]
        pair[low] = now
        if done:
            break
    best = pair[low]
    return best.f, best.g, best.t, asked


def _lowest(a: _Point, b: _Point, bounds: tuple[float, float] | None = None) -> float:
    """Where the cubic through both losses and slopes is lowest (Nocedal & Wright 2006, equation 3.59)."""
    low, high = bounds or (min(a.t, b.t), max(a.t, b.t))
    if a.t > b.t:
        a, b = b, a
    bend = a.slope + b.slope - 3 * (a.f - b.f) / (a.t - b.t)
    square = bend * bend - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2
    root = math.sqrt(square)
    found = b.t - (b.t - a.t) * ((b.slope + root - bend) / (b.slope - a.slope + 2 * root))
    return min(max(found, low), high)
