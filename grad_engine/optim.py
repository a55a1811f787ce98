"""Optimisers, gradient clipping and learning-rate schedules.

Everything here writes into the memory of parameters and gradients, recorded by nothing; a graph that still needs the
values of before is refused by backward, as after any write in place. Each update is PyTorch's.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, ClassVar
from weakref import ref

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.caller import caller_level
from grad_engine.core.node import GradAccum, Mixed, next_sequence_nr
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.core.versions import WRITES
from grad_engine.errors import ArgumentError, GraphError, InPlaceError, ShapeError

# Elements that are updated at a time: what a rule reads and writes of them stays in the cache meanwhile.
BLOCK = 32_768

Parameters = Iterable[Tensor] | Iterable[dict[str, Any]]
Group = dict[str, Any]


# --- optimisers -------------------------------------------------------------------------------------------------------


class Optimizer:
    """Base class of optimisers: `step()` changes every parameter by a rule that the subclass gives in `update()`.

    params: the parameters, such as `model.parameters()`, or dicts {"params": [...], "lr": ...} for groups of them with
        settings of their own. Frozen ones may be among them. A parameter whose `.grad` is None stays as it is, and so
        does all that is known of it.
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

    def _check(self, group: Group) -> None:
        """Raise ArgumentError for a setting that makes no sense."""
        for key in ("lr", "weight_decay", "eps", "momentum", "lr_decay"):
            if not group.get(key, 0) >= 0:
                raise ArgumentError(f"{type(self).__name__} takes {key} from 0 up, got {group[key]!r}")
        for key in ("betas", "alpha", "rho"):
            if not all(0 <= rate < 1 for rate in np.atleast_1d(group.get(key, 0))):
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

    def update(self, group: Group, steps: int, p: np.ndarray, g: np.ndarray, *kept: np.ndarray) -> None:
        g = _decayed(g, p, group["weight_decay"])
        momentum = group["momentum"]
        if momentum:
            (v,) = kept
            if steps == 1:
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
    norm: Any = np.linalg.norm(np.stack(norms), norm_type) if norms else 0.0
    norm = float(norm) if type(norm) is np.float64 else norm  # while a step is traced, it is no number yet
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
            _replace(g, array * (scale if type(scale) is float else scale.astype(array.dtype)), number)
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


# --- schedules --------------------------------------------------------------------------------------------------------


class LRScheduler:
    """Base class of schedules: sets the learning rate after every `step()` as a function of the number of steps.

    Each group's rate goes from its own value when the schedule was made. Call step() once an epoch, or once a batch, in
    whatever unit the arguments are.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise ArgumentError(f"{type(self).__name__} schedules an optimiser, got {type(optimizer).__name__}")
        self.optimizer = optimizer
        self.base_lrs = [group["lr"] for group in optimizer.param_groups]
        self.steps = 0
        self._set()

    def rate(self, base: float, steps: int) -> float:
        """The learning rate after so many steps where it was `base` at first."""
        raise ArgumentError(f"{type(self).__name__} has no rate(); define rate(self, base, steps)")

    def step(self) -> None:
        """Count one step, and set every group's learning rate."""
        self.steps += 1
        self._set()

    def get_last_lr(self) -> list[float]:
        """The learning rate of each group, as it was set last."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def _set(self) -> None:
        for group, base in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = self.rate(base, self.steps)

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
        self, optimizer: Optimizer, factor: Callable[[int], float] | None = None, *,
        lr_lambda: Callable[[int], float] | None = None,
    ) -> None:  # fmt: skip
        given = factor if factor is not None else lr_lambda
        if given is None:
            raise ArgumentError("LambdaLR needs a function of the number of steps; pass factor=")
        self.factor = given
        super().__init__(optimizer)

    def rate(self, base: float, steps: int) -> float:
        return base * self.factor(steps)


class StepLR(LRScheduler):
    """The rate times gamma after every step_size steps."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size, self.gamma = _length("step_size", step_size), gamma
        super().__init__(optimizer)

    def rate(self, base: float, steps: int) -> float:
        return base * self.gamma ** (steps // self.step_size)


class MultiStepLR(LRScheduler):
    """The rate times gamma at each of the milestones."""

    def __init__(self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1) -> None:
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer)

    def rate(self, base: float, steps: int) -> float:
        return base * self.gamma ** sum(step <= steps for step in self.milestones)


class ExponentialLR(LRScheduler):
    """The rate times gamma after every step."""

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        self.gamma = gamma
        super().__init__(optimizer)

    def rate(self, base: float, steps: int) -> float:
        return base * self.gamma**steps


class CosineAnnealingLR(LRScheduler):
    """The rate falls from its first value to eta_min along half a cosine wave of T_max steps, then rises again.

    Loshchilov & Hutter 2017, without restarts.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        self.T_max, self.eta_min = _length("T_max", T_max), eta_min
        super().__init__(optimizer)

    def rate(self, base: float, steps: int) -> float:
        return self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * steps / self.T_max)) / 2


class LinearLR(LRScheduler):
    """Warm-up: the rate times a factor that grows linearly from start_factor to end_factor in total_iters steps."""

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0, total_iters: int = 5
    ) -> None:
        self.start_factor, self.end_factor = start_factor, end_factor
        self.total_iters = _length("total_iters", total_iters)
        super().__init__(optimizer)

    def rate(self, base: float, steps: int) -> float:
        done = min(steps, self.total_iters) / self.total_iters
        return base * (self.start_factor + (self.end_factor - self.start_factor) * done)


class SequentialLR(LRScheduler):
    """Several schedules one after the other; each counts its steps from its milestone.

    `SequentialLR(optimizer, [LinearLR(optimizer), CosineAnnealingLR(optimizer, 95)], milestones=[5])`
    """

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int]) -> None:
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
        super().__init__(optimizer)

    def rate(self, base: float, steps: int) -> float:
        at = sum(steps >= milestone for milestone in self.milestones)
        return self.schedulers[at].rate(base, steps - (self.milestones[at - 1] if at else 0))


class ConstantLR(LRScheduler):
    """The rate times `factor` for total_iters steps, then as it was."""

    def __init__(self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5) -> None:
        self.factor, self.total_iters = factor, _length("total_iters", total_iters)
        super().__init__(optimizer)

    def rate(self, base: float, steps: int) -> float:
        return base * (self.factor if steps < self.total_iters else 1)


class PolynomialLR(LRScheduler):
    """The rate times (1 − steps / total_iters) to the given power; 0 from then on."""

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0) -> None:
        self.total_iters, self.power = _length("total_iters", total_iters), power
        super().__init__(optimizer)

    def rate(self, base: float, steps: int) -> float:
        return base * (1 - min(steps, self.total_iters) / self.total_iters) ** self.power


class MultiplicativeLR(LRScheduler):
    """The rate times lr_lambda(1) · lr_lambda(2) · ... · lr_lambda(steps)."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float]) -> None:
        self.lr_lambda = lr_lambda
        super().__init__(optimizer)

    def rate(self, base: float, steps: int) -> float:
        return base * math.prod(self.lr_lambda(step) for step in range(1, steps + 1))


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine wave from the rate to eta_min in T_0 steps, again from the top in T_mult times as many, and so on.

    Loshchilov & Hutter 2017.
    """

    def __init__(self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0) -> None:
        self.T_0, self.T_mult, self.eta_min = _length("T_0", T_0), _length("T_mult", T_mult), eta_min
        super().__init__(optimizer)

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
        div_factor: float = 25.0, final_div_factor: float = 1e4,
    ) -> None:  # fmt: skip
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ArgumentError("OneCycleLR needs total_steps=, or epochs= and steps_per_epoch=")
            total_steps = epochs * steps_per_epoch
        if anneal_strategy not in ("cos", "linear"):
            raise ArgumentError(f"anneal_strategy of OneCycleLR is 'cos' or 'linear', got {anneal_strategy!r}")
        self.total_steps, self.pct_start, self.bend = _length("total_steps", total_steps), pct_start, anneal_strategy
        self.max_lr, self.lowest = max_lr, max_lr / div_factor / final_div_factor
        self.momenta = (base_momentum, max_momentum) if cycle_momentum else None
        for group in optimizer.param_groups:
            group["lr"] = max_lr / div_factor
        super().__init__(optimizer)

    def rate(self, base: float, steps: int) -> float:
        return self._between(steps, base, self.max_lr, self.lowest)

    def _between(self, steps: int, first: float, top: float, last: float) -> float:
        """From first to top in the first part of the cycle, then to last."""
        if steps >= self.total_steps:
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
        momentum = self._between(self.steps, high, low, high)
        for group in self.optimizer.param_groups:
            if "betas" in group:
                group["betas"] = (momentum, *group["betas"][1:])
            elif "momentum" in group:
                group["momentum"] = momentum


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


def _length(name: str, steps: int) -> int:
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ArgumentError(f"{name} is a number of steps from 1 up, got {steps!r}")
    return steps


lr_scheduler = SimpleNamespace(  # PyTorch's room for them
    LRScheduler=LRScheduler, LambdaLR=LambdaLR, StepLR=StepLR, MultiStepLR=MultiStepLR, ExponentialLR=ExponentialLR,
    CosineAnnealingLR=CosineAnnealingLR, LinearLR=LinearLR, SequentialLR=SequentialLR, ConstantLR=ConstantLR,
    PolynomialLR=PolynomialLR, MultiplicativeLR=MultiplicativeLR, OneCycleLR=OneCycleLR,
    CosineAnnealingWarmRestarts=CosineAnnealingWarmRestarts, ReduceLROnPlateau=ReduceLROnPlateau,
)  # fmt: skip


def __getattr__(name: str) -> Any:
    """An error that says what to do without an optimiser that is not here."""
    raise AttributeError(
        f"grad_engine.optim has no {name!r}; subclass Optimizer, with update(self, group, steps, p, g, *kept), or "
        "minimize with scipy.optimize.minimize and value_and_grad()"
    )
