"""Optimisers, gradient clipping and learning-rate schedules.

Everything here writes into the memory of parameters and gradients, recorded by nothing; a graph that still needs the
values of before is refused by backward, as after any write in place. Each update is PyTorch's.
"""

from __future__ import annotations

import math
import numbers
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar
from weakref import ref

import numpy as np

from grad_engine.core.allocator import tune_for_training
from grad_engine.core.call import as_tensor
from grad_engine.core.caller import caller_level
from grad_engine.core.node import GradAccum, Mixed, next_sequence_nr
from grad_engine.core.stand_ins import asks
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.core.torch_words import Missing
from grad_engine.core.versions import WRITES
from grad_engine.errors import ArgumentError, GraphError, InPlaceError, ShapeError

# Elements that are updated at a time: what a rule reads and writes of them stays in the cache meanwhile.
BLOCK = 32_768

Parameters = Iterable[Tensor] | Iterable[dict[str, Any]]
Group = dict[str, Any]


# --- optimisers -------------------------------------------------------------------------------------------------------


def _is_number(value: Any) -> bool:
    """Whether a setting is one real number: of Python, NumPy, an array or a tensor of one."""
    if isinstance(value, numbers.Real):
        return True
    return getattr(value, "size", 0) == 1 and getattr(value, "dtype", np.dtype(object)).kind in "fiub"


class Optimizer:
    """Base class of optimisers: `step()` changes every parameter by a rule that the subclass gives in `update()`.

    params: the parameters, such as `model.parameters()`, or dicts {"params": [...], "lr": ...} for groups of them with
        settings of their own. Frozen ones may be among them. A parameter whose `.grad` is None stays as it is, and so
        does all that is known of it.

    The first one that a process makes tells the C library to keep some memory of freed arrays for the next ones, which
    makes steps with arrays above 128 KB up to three times as fast; see tune_allocator(), and how to keep it from that.
    """

    def __init__(self, params: Parameters, **settings: Any) -> None:
        name = type(self).__name__
        given: list[Any] = [params] if type(params) is Tensor else list(params)
        if not given:
            raise ArgumentError(f"{name} was given no parameters; pass model.parameters()")
        groups = given if all(isinstance(each, Mapping) for each in given) else [{"params": given}]
        self.settings = settings
        self.param_groups: list[Group] = []
        seen: set[int] = set()
        for group in groups:
            unknown = [key for key in group if key != "params" and key not in settings]
            if unknown or "params" not in group:
                raise ArgumentError(
                    f"a group of {name} has params and any of {', '.join(settings)}; got {', '.join(map(str, group))}"
                )
            mine: Any = group["params"]
            members = [mine] if type(mine) is Tensor else list(mine)
            for member in members:
                if type(member) is not Tensor or not member.is_leaf:
                    what = "the result of an op" if type(member) is Tensor else type(member).__name__
                    raise ArgumentError(f"{name} moves leaves that require grad, got {what}; pass model.parameters()")
                if id(member) in seen:
                    raise ArgumentError(f"{name} got the same parameter twice (shape {member.shape}); pass it once")
                seen.add(id(member))
            filled = {**settings, **group, "params": members}
            self._check(filled)
            self.param_groups.append(filled)
        if not any(parameter.requires_grad for parameter in self.parameters()):
            raise ArgumentError(f"none of the parameters of {name} requires grad; make them with requires_grad=True")
        self._state: dict[Tensor, _State] = {}
        self._has_warned = False  # of gradients that nobody set to 0
        tune_for_training()

    def _check(self, group: Group) -> None:
        """Raise ArgumentError for a setting that makes no sense."""
        for key in ("lr", "weight_decay", "eps", "momentum", "lr_decay"):
            if not (_is_number(group.get(key, 0)) and group.get(key, 0) >= 0):
                raise ArgumentError(f"{type(self).__name__} takes {key} from 0 up, got {group[key]!r}")
        for key in ("betas", "alpha", "rho"):
            rates = group.get(key, 0)
            if not all(_is_number(rate) and 0 <= rate < 1 for rate in (rates if np.iterable(rates) else (rates,))):
                raise ArgumentError(f"{type(self).__name__} takes {key} from 0 to below 1, got {group[key]!r}")

    @property
    def lr(self) -> float:
        """The learning rate of the first group; assigning sets that of every group."""
        return self.param_groups[0]["lr"]

    @lr.setter
    def lr(self, rate: float) -> None:
        for group in self.param_groups:
            group["lr"] = rate

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Move these parameters too: {"params": [...], "lr": ...}; what is left out is as in the first group."""
        one = type(self)([param_group], **{**self.settings, **{k: v for k, v in param_group.items() if k != "params"}})
        (group,) = one.param_groups
        known = {id(parameter) for parameter in self.parameters()}
        if any(id(parameter) in known for parameter in group["params"]):
            raise ArgumentError(f"{type(self).__name__} moves one of these parameters already; pass each once")
        self.param_groups.append(group)

    def parameters(self) -> Iterator[Tensor]:
        """Every parameter of every group."""
        return (parameter for group in self.param_groups for parameter in group["params"])

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradient of every parameter: `.grad` becomes None, or all 0 without set_to_none."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if type(parameter.node) is GradAccum:
                    if set_to_none or parameter.node.grad is None:
                        parameter.node.grad = None
                    else:
                        parameter.node.grad.array[...] = 0

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient, once; what `closure` gave, which is called first, or None."""
        loss = None if closure is None else closure()
        self._step()
        return loss

    def _step(self) -> None:
        number = next_sequence_nr()
        for group in self.param_groups:
            slots = self.slots(group)
            for parameter in group["params"]:
                node = parameter.node
                if type(node) is not GradAccum or node.grad is None:
                    continue
                p, g = parameter.array, node.grad.array
                state = self._state.get(parameter)
                if state is None:
                    state = self._state[parameter] = _State()
                if state.memory is not p:  # looked at once, not in every step
                    _check_writable(p)
                    state.memory = p
                state.steps += 1
                kept = state.of(slots, p) if slots else ()
                if p.dtype.char == "e":  # not `is HALF`: a dtype that was pickled is another object
                    moved = p.astype(np.float32)
                    self._update_in_blocks(group, state.steps, moved, g.astype(np.float32), *kept)
                    p[...] = moved
                elif p.ndim and (p.size <= BLOCK or type(p) is not np.ndarray):  # a stand-in: a program has no cache
                    self.update(group, state.steps, p, g, *kept)
                else:
                    self._update_in_blocks(group, state.steps, p, g, *kept)
                WRITES.stamp(p, number)
                if type(node.used) is Mixed and node.used() is node.grad and not self._has_warned:
                    self._has_warned = True
                    warnings.warn(
                        "step() moved along gradients that hold those of an earlier step() too; call zero_grad() in "
                        "every round", stacklevel=caller_level(),
                    )  # fmt: skip
                node.used = ref(node.grad)

    def _update_in_blocks(self, group: Group, steps: int, *arrays: np.ndarray) -> None:
        """update() of so many elements at a time; shape () too, of which NumPy makes scalars that nothing can write."""
        if arrays[0].ndim and not all(array.flags.c_contiguous for array in arrays):
            self.update(group, steps, *arrays)
            return
        flat = [array.reshape(-1) for array in arrays]
        for start in range(0, flat[0].size, BLOCK):
            self.update(group, steps, *[array[start : start + BLOCK] for array in flat])

    def slots(self, group: Group) -> tuple[str, ...]:
        """The names of what is kept for each parameter of the group, in its shape; zeros at first."""
        return ()

    def update(self, group: Group, steps: int, p: np.ndarray, g: np.ndarray, *kept: np.ndarray) -> None:
        """Write the new values into `p`, and into `kept`, one array for each of `slots`; leave `g` alone.

        steps: how often, this time included. All arrays have one shape, which may be a part of the parameter's.
        """
        raise ArgumentError(f"{type(self).__name__} has no update(); define update(self, group, steps, p, g, *kept)")

    def rule(self, group: Group) -> str:
        """The update of a parameter p with gradient g as one line, in the names of `slots`: for those who read it."""
        return ""

    # its state

    def state_dict(self) -> dict[str, Tensor]:
        """A copy of the optimiser's state, for grad_engine.save(): settings by group, arrays by parameter.

        "0.lr" is a setting of the first group; "parameter 2.exp_avg" belongs to the third parameter.
        """
        found = {
            f"{number}.{key}": as_tensor(np.array(value, float))
            for number, group in enumerate(self.param_groups)
            for key, value in group.items()
            if key != "params"
        }
        for number, parameter in enumerate(self.parameters()):
            state = self._state.get(parameter)
            if state is not None:
                found[f"parameter {number}.steps"] = as_tensor(np.array(state.steps))
                for slot, array in state.arrays.items():
                    found[f"parameter {number}.{slot}"] = wrap(array.copy(), None)
        return found

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that state_dict() gave, of an optimiser of this kind over parameters of the same shapes.

        Raises ArgumentError or ShapeError, before anything is changed.
        """
        rest = {name: as_tensor(value) for name, value in state.items()}
        settings: list[Group] = []
        found: dict[Tensor, _State] = {}
        number = 0
        try:
            for position, group in enumerate(self.param_groups):
                values = {key: rest.pop(f"{position}.{key}").tolist() for key in group if key != "params"}
                settings.append({key: bool(v) if isinstance(group[key], bool) else v for key, v in values.items()})
                for parameter in group["params"]:
                    mine = f"parameter {number}."
                    number += 1
                    if mine + "steps" in rest:
                        steps = int(rest.pop(mine + "steps"))
                        slots = self.slots({**group, **settings[-1]})
                        dtype = _dtype_of_state(parameter.dtype)
                        arrays = {slot: np.array(rest.pop(mine + slot).array, dtype) for slot in slots}
                        for slot, array in arrays.items():
                            if array.shape != parameter.shape:
                                raise ShapeError(
                                    f"{mine}{slot} has shape {array.shape} where {parameter.shape} is needed; pass the "
                                    "parameters in the order of before"
                                )
                        found[parameter] = _State(steps, arrays)
        except KeyError as error:
            raise ArgumentError(self._foreign(f"{error} is missing")) from None
        if rest:
            raise ArgumentError(self._foreign(f"{', '.join(map(repr, rest))} is unexpected"))
        for group, values in zip(self.param_groups, settings, strict=True):
            group.update(values)
        self._state = found

    def _foreign(self, fault: str) -> str:
        return (
            f"this state is not one of {type(self).__name__} with {len(self.param_groups)} group(s): {fault}; "
            "build the optimiser as it was when it was saved"
        )

    def __repr__(self) -> str:
        settings = ", ".join(f"{key}={self.param_groups[0][key]!r}" for key in self.settings)
        return f"{type(self).__name__}({sum(1 for _ in self.parameters())} parameters, {settings})"


class _State:
    """What an optimiser keeps for one parameter."""

    __slots__ = ("arrays", "memory", "steps")

    def __init__(self, steps: int = 0, arrays: dict[str, np.ndarray] | None = None) -> None:
        self.steps = steps
        self.memory: np.ndarray | None = None  # of the parameter, as it was found writable
        self.arrays = arrays or {}

    def of(self, slots: tuple[str, ...], p: np.ndarray) -> list[np.ndarray]:
        """The arrays of these names, made where there is none yet."""
        arrays = self.arrays
        for slot in slots:
            if slot not in arrays:
                arrays[slot] = np.zeros(p.shape, _dtype_of_state(p.dtype))
        return [arrays[slot] for slot in slots]


def _dtype_of_state(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """What is kept for a parameter is in its own dtype, but in float32 for float16, where 300² is infinite."""
    return np.dtype(np.float32) if dtype.char == "e" else dtype


def _check_writable(array: np.ndarray) -> None:
    """Raise InPlaceError for memory that cannot be written, or that shows one number at several places."""
    repeated = 0 in array.strides and any(not s and n > 1 for s, n in zip(array.strides, array.shape, strict=True))
    if repeated or not array.flags.writeable:
        what = "repeats one number at several places" if repeated else "is read-only"
        raise InPlaceError(
            f"a parameter of shape {array.shape} was to be moved, but its memory {what}; make it of a copy, such as "
            "tensor(values, requires_grad=True)"
        )


def _decayed(g: np.ndarray, p: np.ndarray, weight_decay: float) -> np.ndarray:
    """The gradient with that of weight_decay · |p|² / 2."""
    if not weight_decay:
        return g
    pull = p * weight_decay
    pull += g
    return pull


def _with_decay(group: Group) -> str:
    return f"(g + {group['weight_decay']} * p)" if group["weight_decay"] else "g"


class SGD(Optimizer):
    """p -= lr · g, or along a running sum of gradients with `momentum`; `nesterov` looks one step ahead of it.

    With momentum: v = momentum · v + (1 - dampening) · g, beginning with v = g, and p -= lr · v.
    """

    def __init__(
        self, params: Parameters, lr: float = 1e-3, momentum: float = 0.0, dampening: float = 0.0,
        weight_decay: float = 0.0, nesterov: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov
        )

    def _check(self, group: Group) -> None:
        super()._check(group)
        if group["nesterov"] and (not group["momentum"] or group["dampening"]):
            raise ArgumentError("SGD with nesterov=True needs momentum above 0 and dampening=0")

    def slots(self, group: Group) -> tuple[str, ...]:
        return ("momentum",) if group["momentum"] else ()

    def rule(self, group: Group) -> str:
        momentum, slope = group["momentum"], _with_decay(group)
        if not momentum:
            return f"p -= lr * {slope}"
        share = f" * (1 - {group['dampening']})" if group["dampening"] else ""
        along = f"(g + {momentum} * momentum)" if group["nesterov"] else "momentum"
        return f"momentum = {momentum} * momentum + {slope}{share}; p -= lr * {along}"

    def update(self, group: Group, steps: int, p: np.ndarray, g: np.ndarray, *kept: np.ndarray) -> None:
        g = _decayed(g, p, group["weight_decay"])
        momentum = group["momentum"]
        if momentum:
            (v,) = kept
            if group["dampening"] and steps == 1:  # without it, 0 · momentum + g is g
                v[...] = g
            else:
                v *= momentum
                v += g if not group["dampening"] else g * (1 - group["dampening"])
            g = g + v * momentum if group["nesterov"] else v
        p -= g * group["lr"]


class Adam(Optimizer):
    """p -= lr · m / (√v + eps), where m and v are running means of g and g², corrected for their start at 0.

    Kingma & Ba 2015. weight_decay adds to the gradient, and so is scaled by √v like the rest of it; AdamW keeps it out.
    amsgrad: v never falls again (Reddi et al. 2018).
    """

    decoupled: ClassVar[bool] = False

    def __init__(
        self, params: Parameters, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0, amsgrad: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad)

    def slots(self, group: Group) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq", "max_exp_avg_sq") if group["amsgrad"] else ("exp_avg", "exp_avg_sq")

    def rule(self, group: Group) -> str:
        square = "max_exp_avg_sq" if group["amsgrad"] else "exp_avg_sq"
        decay = f"g += {group['weight_decay']} * p; " if group["weight_decay"] and not self.decoupled else ""
        return f"{decay}p -= lr * exp_avg / (sqrt({square}) + eps), both means corrected for their start at 0"

    def update(self, group: Group, steps: int, p: np.ndarray, g: np.ndarray, *kept: np.ndarray) -> None:
        m, v, *most = kept
        lr, (beta1, beta2) = group["lr"], group["betas"]
        if self.decoupled:
            p *= 1 - lr * group["weight_decay"]
        else:
            g = _decayed(g, p, group["weight_decay"])
        m *= beta1
        part = g * (1 - beta1)
        m += part
        v *= beta2
        np.multiply(g, g, out=part)
        part *= 1 - beta2
        v += part
        if most:
            v = np.maximum(most[0], v, out=most[0])
        np.sqrt(v, out=part)
        part *= 1 / (1 - beta2**steps) ** 0.5  # no math.sqrt: while a step is traced, steps is no float
        part += group["eps"]
        np.divide(m, part, out=part)
        part *= lr / (1 - beta1**steps)
        p -= part


class AdamW(Adam):
    """Adam with weight decay beside the gradient, p *= 1 - lr · weight_decay (Loshchilov & Hutter 2019)."""

    decoupled = True

    def __init__(
        self, params: Parameters, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 1e-2, amsgrad: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad)

    def rule(self, group: Group) -> str:
        return f"p *= 1 - lr * weight_decay; {super().rule(group)}"


class RMSprop(Optimizer):
    """p -= lr · g / (√v + eps), where v is the running mean of g², minus the squared mean of g when `centered`."""

    def __init__(
        self, params: Parameters, lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0.0,
        momentum: float = 0.0, centered: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum, centered=centered
        )

    def slots(self, group: Group) -> tuple[str, ...]:
        wanted = {"square_avg": True, "grad_avg": group["centered"], "momentum": group["momentum"]}
        return tuple(name for name, needed in wanted.items() if needed)

    def rule(self, group: Group) -> str:
        square = "square_avg - grad_avg**2" if group["centered"] else "square_avg"
        part = f"{_with_decay(group)} / (sqrt({square}) + eps)"
        if not group["momentum"]:
            return f"p -= lr * {part}"
        return f"momentum = {group['momentum']} * momentum + {part}; p -= lr * momentum"

    def update(self, group: Group, steps: int, p: np.ndarray, g: np.ndarray, *kept: np.ndarray) -> None:
        v, *others = kept
        alpha = group["alpha"]
        g = _decayed(g, p, group["weight_decay"])
        v *= alpha
        part = g * g
        part *= 1 - alpha
        v += part
        if group["centered"]:
            mean = others.pop(0)
            mean *= alpha
            mean += g * (1 - alpha)
            np.multiply(mean, mean, out=part)
            np.subtract(v, part, out=part)
            np.sqrt(part, out=part)
        else:
            np.sqrt(v, out=part)
        part += group["eps"]
        np.divide(g, part, out=part)
        if group["momentum"]:
            (speed,) = others
            speed *= group["momentum"]
            speed += part
            part = speed
        p -= part * group["lr"]


class Adagrad(Optimizer):
    """p -= lr / (1 + (steps − 1) · lr_decay) · g / (√(sum of g²) + eps) (Duchi et al. 2011)."""

    def __init__(
        self, params: Parameters, lr: float = 1e-2, lr_decay: float = 0.0, weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0, eps: float = 1e-10,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, lr_decay=lr_decay, weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value, eps=eps,
        )  # fmt: skip

    def slots(self, group: Group) -> tuple[str, ...]:
        return ("sum",)

    def rule(self, group: Group) -> str:
        return f"p -= lr * {_with_decay(group)} / (sqrt(sum of g**2) + eps)"

    def update(self, group: Group, steps: int, p: np.ndarray, g: np.ndarray, *kept: np.ndarray) -> None:
        (total,) = kept
        g = _decayed(g, p, group["weight_decay"])
        total += g * g
        part = np.sqrt(total + group["initial_accumulator_value"])
        part += group["eps"]
        np.divide(g, part, out=part)
        part *= group["lr"] / (1 + (steps - 1) * group["lr_decay"])
        p -= part


class Adadelta(Optimizer):
    """p -= lr · g · √(u + eps) / √(v + eps), with running means v of g² and u of the squared steps (Zeiler 2012)."""

    def __init__(
        self, params: Parameters, lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0.0
    ) -> None:
        super().__init__(params, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay)

    def slots(self, group: Group) -> tuple[str, ...]:
        return ("square_avg", "acc_delta")

    def rule(self, group: Group) -> str:
        return f"p -= lr * {_with_decay(group)} * sqrt(acc_delta + eps) / sqrt(square_avg + eps)"

    def update(self, group: Group, steps: int, p: np.ndarray, g: np.ndarray, *kept: np.ndarray) -> None:
        v, u = kept
        rho, eps = group["rho"], group["eps"]
        g = _decayed(g, p, group["weight_decay"])
        v *= rho
        v += g * g * (1 - rho)
        step = np.sqrt(u + eps) / np.sqrt(v + eps) * g
        u *= rho
        u += step * step * (1 - rho)
        p -= step * group["lr"]


class Adamax(Optimizer):
    """Adam with the largest recent |g| in place of the root of its mean square (Kingma & Ba 2015, section 7)."""

    def __init__(
        self, params: Parameters, lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def slots(self, group: Group) -> tuple[str, ...]:
        return ("exp_avg", "exp_inf")

    def rule(self, group: Group) -> str:
        return "p -= lr * exp_avg / exp_inf, the mean corrected for its start at 0"

    def update(self, group: Group, steps: int, p: np.ndarray, g: np.ndarray, *kept: np.ndarray) -> None:
        m, largest = kept
        beta1, beta2 = group["betas"]
        g = _decayed(g, p, group["weight_decay"])
        m *= beta1
        m += g * (1 - beta1)
        largest *= beta2
        np.maximum(largest, np.abs(g) + group["eps"], out=largest)
        p -= m / largest * (group["lr"] / (1 - beta1**steps))


class NAdam(Optimizer):
    """Adam with Nesterov's look ahead (Dozat 2016)."""

    def __init__(
        self, params: Parameters, lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0, momentum_decay: float = 4e-3,
    ) -> None:  # fmt: skip
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay)

    def slots(self, group: Group) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq")

    def rule(self, group: Group) -> str:
        return "p -= lr * (a mean of g and exp_avg) / (sqrt(exp_avg_sq) + eps), corrected for their start at 0"

    def update(self, group: Group, steps: int, p: np.ndarray, g: np.ndarray, *kept: np.ndarray) -> None:
        m, v = kept
        lr, (beta1, beta2), decay = group["lr"], group["betas"], group["momentum_decay"]
        g = _decayed(g, p, group["weight_decay"])
        weights = [beta1 * (1 - 0.5 * 0.96 ** (step * decay)) for step in range(1, steps + 2)]
        product = math.prod(weights[:-1])
        m *= beta1
        m += g * (1 - beta1)
        v *= beta2
        v += g * g * (1 - beta2)
        root = np.sqrt(v / (1 - beta2**steps)) + group["eps"]
        p -= g / root * (lr * (1 - weights[-2]) / (1 - product))
        p -= m / root * (lr * weights[-1] / (1 - product * weights[-1]))


class RAdam(Optimizer):
    """Adam whose first steps are those of momentum alone, until the variance is known well (Liu et al. 2020)."""

    def __init__(
        self, params: Parameters, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def slots(self, group: Group) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq")

    def rule(self, group: Group) -> str:
        return "p -= lr * exp_avg / (sqrt(exp_avg_sq) + eps), or along exp_avg alone in the first steps"

    def update(self, group: Group, steps: int, p: np.ndarray, g: np.ndarray, *kept: np.ndarray) -> None:
        m, v = kept
        lr, (beta1, beta2) = group["lr"], group["betas"]
        g = _decayed(g, p, group["weight_decay"])
        m *= beta1
        m += g * (1 - beta1)
        v *= beta2
        v += g * g * (1 - beta2)
        step = m / (1 - beta1**steps)
        longest = 2 / (1 - beta2) - 1
        length = longest - 2 * steps * beta2**steps / (1 - beta2**steps)
        if length > 5:
            rect = math.sqrt(
                (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length) * (1 - beta2**steps)
            )
            step *= rect / (np.sqrt(v) + group["eps"])
        p -= step * lr


# --- clipping ---------------------------------------------------------------------------------------------------------


@asks("is the norm of the gradients within max_norm?")
def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> float:
    """The norm of all gradients taken as one vector, before they were scaled so that it is at most max_norm.

    norm_type: the power of the norm; math.inf for the largest magnitude.
    error_if_nonfinite: raise GraphError, and scale nothing, where the norm is NaN or infinite. Without it such a norm
        makes gradients NaN or 0.
    """
    if not max_norm >= 0:
        raise ArgumentError(f"clip_grad_norm_() takes max_norm from 0 up, got {max_norm!r}")
    grads = _gradients(parameters)
    norms = [np.linalg.norm(_in_single(g.array).reshape(-1), norm_type).astype(float) for g in grads]
    # NumPy's float64, which has item() as PyTorch's result does; while a step is traced, it is no number yet.
    norm: Any = np.linalg.norm(np.stack(norms), norm_type) if norms else np.float64(0)
    if error_if_nonfinite and not np.isfinite(norm):
        raise GraphError(
            f"clip_grad_norm_() found a gradient norm of {norm}; look for its cause with detect_anomaly(), or pass "
            "error_if_nonfinite=False to scale by it all the same"
        )
    scale = max_norm / (norm + 1e-6)
    if not scale >= 1:
        number = next_sequence_nr()
        for g in grads:
            array = _in_single(g.array)
            _replace(g, array * (float(scale) if type(scale) is np.float64 else scale.astype(array.dtype)), number)
    return norm


def _in_single(array: np.ndarray) -> np.ndarray:
    """The array, in float32 where it has half precision: squares and sums of that overflow."""
    return array.astype(np.float32) if array.dtype.char == "e" else array


def _replace(g: Tensor, values: np.ndarray, number: int) -> None:
    """Write the values into the memory of a gradient, or give it other memory where that cannot be written."""
    if g.array.flags.writeable and 0 not in g.array.strides:
        g.array[...] = values
        WRITES.stamp(g.array, number)
    else:
        g.array = values.astype(g.array.dtype, copy=False)


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Bring every element of every gradient between -clip_value and clip_value."""
    if not clip_value >= 0:
        raise ArgumentError(f"clip_grad_value_() takes clip_value from 0 up, got {clip_value!r}")
    number = next_sequence_nr()
    for g in _gradients(parameters):
        _replace(g, np.clip(g.array, -clip_value, clip_value), number)


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    members = [parameters] if type(parameters) is Tensor else parameters
    return [parameter.grad for parameter in members if parameter.grad is not None]


for _name in (
    "defaults", "profile_hook_step", "register_load_state_dict_post_hook", "register_load_state_dict_pre_hook",
    "register_state_dict_post_hook", "register_state_dict_pre_hook", "register_step_post_hook",
    "register_step_pre_hook", "state",
):  # fmt: skip
    setattr(Optimizer, _name, Missing("an optimiser", _name))
