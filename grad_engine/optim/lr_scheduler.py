"""Learning-rate schedules: each sets the rate of every group of an optimiser after every step()."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.tensor import Tensor
from grad_engine.core.torch_words import missing
from grad_engine.errors import ArgumentError
from grad_engine.optim.optimizers import Optimizer


class LRScheduler:
    """Base class of schedules: sets the learning rate after every `step()` as a function of the number of steps.

    Each group's rate goes from its own value when the schedule was made. Call step() once an epoch, or once a batch, in
    whatever unit the arguments are.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise ArgumentError(f"{type(self).__name__} schedules an optimiser, got {type(optimizer).__name__}")
        if last_epoch != -1:
            raise ArgumentError(
                f"{type(self).__name__} begins at its first step, got last_epoch={last_epoch}; load_state_dict() of "
                "the schedule goes on from a later one"
            )
        self.optimizer = optimizer
        self.base_lrs = [group["lr"] for group in optimizer.param_groups]
        self.steps = 0
        self._set()

    def rate(self, base: float, steps: int) -> float:
        """The learning rate after so many steps where it was `base` at first."""
        raise ArgumentError(f"{type(self).__name__} has no rate(); define rate(self, base, steps)")

    @property
    def last_epoch(self) -> int:
        """The number of steps so far, under PyTorch's name."""
        return self.steps

    def get_lr(self) -> list[float]:
        """The learning rate of each group after `last_epoch` steps; a schedule of one's own may define this alone."""
        return [self.rate(base, self.steps) for base in self.base_lrs]

    def step(self, epoch: Any = None) -> None:
        """Count one step, or go to the step given, and set every group's learning rate."""
        self.steps = self.steps + 1 if epoch is None else epoch
        self._set()

    def get_last_lr(self) -> list[float]:
        """The learning rate of each group, as it was set last."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def _set(self) -> None:
        for group, rate in zip(self.optimizer.param_groups, self.get_lr(), strict=True):
            group["lr"] = rate

    def state_dict(self) -> dict[str, Tensor]:
        """The state of the schedule, for grad_engine.save(): the number of steps so far and the first rates."""
        return {"steps": as_tensor(np.array(self.steps)), "base_lrs": as_tensor(np.array(self.base_lrs, float))}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that state_dict() gave; the learning rates become those of that moment."""
        if {*state} != {"steps", "base_lrs"} or len(bases := np.ravel(as_tensor(state["base_lrs"]).array)) != len(
            self.base_lrs
        ):
            raise ArgumentError(
                f"a schedule of {len(self.base_lrs)} group(s) has a state of steps and base_lrs, got "
                f"{', '.join(map(str, state)) or 'nothing'}; pass what state_dict() gave"
            )
        self.steps, self.base_lrs = int(as_tensor(state["steps"]).item()), bases.tolist()
        self._set()


class LambdaLR(LRScheduler):
    """The first rate times factor(steps), which PyTorch calls lr_lambda."""

    def __init__(
        self, optimizer: Optimizer, factor: Callable[[int], float] | None = None, last_epoch: int = -1, *,
        lr_lambda: Callable[[int], float] | None = None,
    ) -> None:  # fmt: skip
        given = factor if factor is not None else lr_lambda
        if given is None:
            raise ArgumentError("LambdaLR needs a function of the number of steps; pass factor=")
        self.factor = given
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, steps: int) -> float:
        return base * self.factor(steps)


class StepLR(LRScheduler):
    """The rate times gamma after every step_size steps."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size, self.gamma = _length("step_size", step_size), gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, steps: int) -> float:
        return base * self.gamma ** (steps // self.step_size)


class MultiStepLR(LRScheduler):
    """The rate times gamma at each of the milestones."""

    def __init__(
        self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, steps: int) -> float:
        return base * self.gamma ** sum(step <= steps for step in self.milestones)


class ExponentialLR(LRScheduler):
    """The rate times gamma after every step."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, steps: int) -> float:
        return base * self.gamma**steps


class CosineAnnealingLR(LRScheduler):
    """The rate falls from its first value to eta_min along half a cosine wave of T_max steps, then rises again.

    Loshchilov & Hutter 2017, without restarts.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max, self.eta_min = _length("T_max", T_max), eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, steps: int) -> float:
        return self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * steps / self.T_max)) / 2


class LinearLR(LRScheduler):
    """Warm-up: the rate times a factor that grows linearly from start_factor to end_factor in total_iters steps."""

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0, total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:  # fmt: skip
        self.start_factor, self.end_factor = start_factor, end_factor
        self.total_iters = _length("total_iters", total_iters)
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, steps: int) -> float:
        done = min(steps, self.total_iters) / self.total_iters
        return base * (self.start_factor + (self.end_factor - self.start_factor) * done)


class SequentialLR(LRScheduler):
    """Several schedules one after the other; each counts its steps from its milestone.

    `SequentialLR(optimizer, [LinearLR(optimizer), CosineAnnealingLR(optimizer, 95)], milestones=[5])`
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int], last_epoch: int = -1
    ) -> None:
        if len(milestones) != len(schedulers) - 1 or [*milestones] != sorted({*milestones}):
            raise ArgumentError(
                f"SequentialLR takes a growing milestone for each schedule but the first, got {len(schedulers)} "
                f"schedules and {[*milestones]}"
            )
        if any(each.optimizer is not optimizer for each in schedulers):
            raise ArgumentError("SequentialLR was given a schedule of another optimiser; make all of them on one")
        self.schedulers, self.milestones = [*schedulers], [*milestones]
        # Each of them has set the rates when it was made; those of before are known to the first.
        for group, base in zip(optimizer.param_groups, schedulers[0].base_lrs, strict=True):
            group["lr"] = base
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, steps: int) -> float:
        at = sum(steps >= milestone for milestone in self.milestones)
        return self.schedulers[at].rate(base, steps - (self.milestones[at - 1] if at else 0))


class ConstantLR(LRScheduler):
    """The rate times `factor` for total_iters steps, then as it was."""

    def __init__(self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5, last_epoch: int = -1) -> None:
        self.factor, self.total_iters = factor, _length("total_iters", total_iters)
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, steps: int) -> float:
        return base * (self.factor if steps < self.total_iters else 1)


class PolynomialLR(LRScheduler):
    """The rate times (1 − steps / total_iters) to the given power; 0 from then on."""

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        self.total_iters, self.power = _length("total_iters", total_iters), power
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, steps: int) -> float:
        return base * (1 - min(steps, self.total_iters) / self.total_iters) ** self.power


class MultiplicativeLR(LRScheduler):
    """The rate times lr_lambda(1) · lr_lambda(2) · ... · lr_lambda(steps)."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float], last_epoch: int = -1) -> None:
        self.lr_lambda = lr_lambda
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, steps: int) -> float:
        return base * math.prod(self.lr_lambda(step) for step in range(1, steps + 1))


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine wave from the rate to eta_min in T_0 steps, again from the top in T_mult times as many, and so on.

    Loshchilov & Hutter 2017.
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        self.T_0, self.T_mult, self.eta_min = _length("T_0", T_0), _length("T_mult", T_mult), eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, steps: int) -> float:
        length = self.T_0
        while steps >= length:
            steps, length = steps - length, length * self.T_mult
        return self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * steps / length)) / 2


class OneCycleLR(LRScheduler):
    """From max_lr / div_factor up to max_lr in the first pct_start of the steps, then down to far less (Smith 2018).

    The lowest rate, at the end, is the first over final_div_factor. total_steps: or epochs · steps_per_epoch. Where the
    optimiser has a momentum, or betas, it goes from max_momentum down to base_momentum and up again meanwhile.
    """

    def __init__(
        self, optimizer: Optimizer, max_lr: float, total_steps: int | None = None, epochs: int | None = None,
        steps_per_epoch: int | None = None, pct_start: float = 0.3, anneal_strategy: str = "cos",
        cycle_momentum: bool = True, base_momentum: float = 0.85, max_momentum: float = 0.95,
        div_factor: float = 25.0, final_div_factor: float = 1e4, three_phase: bool = False, last_epoch: int = -1,
    ) -> None:  # fmt: skip
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ArgumentError("OneCycleLR needs total_steps=, or epochs= and steps_per_epoch=")
            total_steps = epochs * steps_per_epoch
        if anneal_strategy not in ("cos", "linear"):
            raise ArgumentError(f"anneal_strategy of OneCycleLR is 'cos' or 'linear', got {anneal_strategy!r}")
        if three_phase:
            raise ArgumentError("OneCycleLR has two phases here; leave three_phase out")
        self.total_steps, self.pct_start, self.bend = _length("total_steps", total_steps), pct_start, anneal_strategy
        self.max_lr, self.lowest = max_lr, max_lr / div_factor / final_div_factor
        self.momenta = (base_momentum, max_momentum) if cycle_momentum else None
        for group in optimizer.param_groups:
            group["lr"] = max_lr / div_factor
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, steps: int) -> float:
        return self._between(steps, base, self.max_lr, self.lowest)

    def _between(self, steps: int, first: float, top: float, last: float) -> float:
        """From first to top in the first part of the cycle, then to last."""
        if steps > self.total_steps:  # one step more than there are rates, as in PyTorch
            raise ArgumentError(f"OneCycleLR was made for {self.total_steps} steps, and is asked for more")
        turn, end = self.pct_start * self.total_steps - 1, self.total_steps - 1
        if steps <= turn:
            start, stop, done = first, top, steps / turn
        else:
            start, stop, done = top, last, (steps - turn) / (end - turn)
        if self.bend == "linear":
            return start + (stop - start) * done
        return stop + (start - stop) * (1 + math.cos(math.pi * done)) / 2

    def _set(self) -> None:
        super()._set()
        if self.momenta is None:
            return
        low, high = self.momenta
        _set_momentum(self.optimizer, self._between(self.steps, high, low, high))


class CyclicLR(LRScheduler):
    """From base_lr up to max_lr in step_size_up steps, down again in step_size_down, and so on (Smith 2017).

    mode: "triangular", "triangular2" (each cycle half as high) or "exp_range" (times gamma in every step); or scale_fn,
    a function of the cycle or, with scale_mode="iterations", of the step. Momentum goes the other way.
    """

    def __init__(
        self, optimizer: Optimizer, base_lr: float, max_lr: float, step_size_up: int = 2000,
        step_size_down: int | None = None, mode: str = "triangular", gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None, scale_mode: str = "cycle", cycle_momentum: bool = True,
        base_momentum: float = 0.8, max_momentum: float = 0.9, last_epoch: int = -1,
    ) -> None:  # fmt: skip
        shapes: dict[str, tuple[Callable[[float], float], str]] = {
            "triangular": (lambda cycle: 1.0, "cycle"), "triangular2": (lambda cycle: 0.5 ** (cycle - 1), "cycle"),
            "exp_range": (lambda steps: gamma**steps, "iterations"),
        }  # fmt: skip
        if scale_fn is None and mode not in shapes:
            raise ArgumentError(f"mode of CyclicLR is one of {', '.join(shapes)}, got {mode!r}")
        self.scale, self.of = (scale_fn, scale_mode) if scale_fn is not None else shapes[mode]
        up = _length("step_size_up", step_size_up)
        self.length = up + (up if step_size_down is None else _length("step_size_down", step_size_down))
        self.turn, self.max_lr = up / self.length, max_lr
        self.momenta = (base_momentum, max_momentum) if cycle_momentum else None
        for group in optimizer.param_groups:
            group["lr"] = base_lr
        super().__init__(optimizer, last_epoch)

    def _height(self, steps: int) -> float:
        """From 0 at the ends of a cycle to its height where it turns."""
        cycle = math.floor(1 + steps / self.length)
        place = 1 + steps / self.length - cycle
        part = place / self.turn if place <= self.turn else (place - 1) / (self.turn - 1)
        return part * self.scale(cycle if self.of == "cycle" else steps)

    def rate(self, base: float, steps: int) -> float:
        return base + (self.max_lr - base) * self._height(steps)

    def _set(self) -> None:
        super()._set()
        if self.momenta is not None:
            low, high = self.momenta
            _set_momentum(self.optimizer, high - (high - low) * self._height(self.steps))


class ChainedScheduler(LRScheduler):
    """Several schedules at once: the first rate times the factor of each."""

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        of = schedulers[0].optimizer if optimizer is None else optimizer
        if any(each.optimizer is not of for each in schedulers):
            raise ArgumentError("ChainedScheduler was given a schedule of another optimiser; make all of them on one")
        self.schedulers = [*schedulers]
        for group, base in zip(of.param_groups, schedulers[0].base_lrs, strict=True):
            group["lr"] = base
        super().__init__(of)

    def rate(self, base: float, steps: int) -> float:
        return math.prod((each.rate(base, steps) / base for each in self.schedulers), start=base)


class ReduceLROnPlateau:
    """The rate times factor when a measure, given to step(), has got no better for more than `patience` steps."""

    def __init__(
        self, optimizer: Optimizer, mode: str = "min", factor: float = 0.1, patience: int = 10,
        threshold: float = 1e-4, threshold_mode: str = "rel", cooldown: int = 0, min_lr: float = 0.0, eps: float = 1e-8,
    ) -> None:  # fmt: skip
        if mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise ArgumentError(
                f"mode is 'min' or 'max' and threshold_mode 'rel' or 'abs', got {mode!r} and {threshold_mode!r}"
            )
        if not factor < 1:
            raise ArgumentError(f"factor of ReduceLROnPlateau is below 1, got {factor!r}")
        self.optimizer, self.mode, self.factor, self.patience = optimizer, mode, factor, patience
        self.threshold, self.threshold_mode, self.cooldown = threshold, threshold_mode, cooldown
        self.min_lr, self.eps = min_lr, eps
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = 0

    def step(self, metrics: Any) -> None:
        """Take note of the measure, a number, and lower the rates where it is time."""
        current = float(metrics)
        sign = 1 if self.mode == "min" else -1
        if self.threshold_mode == "rel":  # PyTorch's: a part of the best, whatever its sign
            wanted = self.best * (1 - sign * self.threshold) if math.isfinite(self.best) else self.best
        else:
            wanted = self.best - sign * self.threshold
        if sign * current < sign * wanted:
            self.best, self.num_bad_epochs = current, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            for group in self.optimizer.param_groups:
                lower = max(group["lr"] * self.factor, self.min_lr)
                if group["lr"] - lower > self.eps:
                    group["lr"] = lower
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0

    def get_last_lr(self) -> list[float]:
        """The learning rate of each group, as it is now."""
        return [group["lr"] for group in self.optimizer.param_groups]


def _set_momentum(optimizer: Optimizer, momentum: float) -> None:
    for group in optimizer.param_groups:
        if "betas" in group:
            group["betas"] = (momentum, *group["betas"][1:])
        elif "momentum" in group:
            group["momentum"] = momentum


def _length(name: str, steps: int) -> int:
    if isinstance(steps, bool) or not isinstance(steps, int | float) or steps < 1 or steps != int(steps):
        raise ArgumentError(f"{name} is a number of steps from 1 up, got {steps!r}")
    return int(steps)


_LRScheduler = LRScheduler  # PyTorch's older name


__path__: list[str] = []  # no files: `from` asks for a submodule then, and the error has the words of __getattr__


def __getattr__(name: str) -> Any:
    """An error that says what to write."""
    raise AttributeError(missing("grad_engine.optim.lr_scheduler", name, globals()))
