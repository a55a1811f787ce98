"""PyTorch's names of backward steps -> our ops: which operand is which, and with what arguments they were called.

A step that is not listed here is ours by its name alone, where the op of that name takes its inputs and nothing else;
any other keeps its own name and has no formula.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np

from grad_engine.core.define import BY_NAME
from grad_engine.core.op import Op

FIRST_NEGATIVE = 2**63  # from here on, an axis or index that PyTorch keeps is a negative number without its sign
LIBRARIES = re.compile(r"\A(?:Native|Cudnn|Mkldnn|Miopen|Slow|Thnn|Mps|Xnnpack)(?=[A-Z])")  # that compute a step
REDUCTIONS = {0: "none", 1: "mean", 2: "sum"}


@dataclass(frozen=True, slots=True)
class Step:
    """A backward step of PyTorch as it shows itself: its name, its inputs, what it kept, the shape it works on."""

    name: str  # "Add", from AddBackward0
    inputs: int
    kept: Mapping[str, Any]  # "dim" -> 1, from `_saved_dim`; tensors are among them
    shape: tuple[int, ...]  # of the result


@dataclass(frozen=True, slots=True)
class Call:
    """A step as a call of one of our ops. An operand is an input (its number), or something kept (its name)."""

    op: Op
    operands: tuple[int | str, ...]
    static: Mapping[str, Any]


@cache
def short_name(name: str) -> str:
    """Add, from AddBackward0 or torch::autograd::AddBackward1."""
    return re.sub(r"Backward\d*\Z", "", name.rpartition("::")[2]) or name


@cache
def snake(name: str) -> str:
    """log_softmax, from LogSoftmax; max_pool2d_with_indices, from MaxPool2DWithIndices."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])(?<!\d(?=D(?:[A-Z]|\Z)))|(?<=\dD)(?=[A-Z])", "_", name).lower()


@cache
def plain_name(name: str) -> str:
    """LayerNorm, from NativeLayerNorm; MaxPool2d, from MaxPool2DWithIndices: without the library that computes it."""
    shown = LIBRARIES.sub("", name)
    shown = shown.removesuffix("WithIndices") or shown
    return re.sub(r"(?<=\d)D(?=[A-Z]|\Z)", "d", shown)


def as_our_call(step: Step) -> Call | None:
    """The step as a call of our op; None where there is none that means the same."""
    if step.name in CALLS_OF_OURS:
        found = CALLS_OF_OURS[step.name](step)
        return None if found is None else Call(BY_NAME[found[0]], *found[1:])
    op: Op | None = BY_NAME.get(snake(step.name))
    if op is None or op.static or op.variadic or op.multi_output or len(op.inputs) != step.inputs:
        return None
    return Call(op, tuple(range(step.inputs)), {})


def signed(value: Any) -> Any:
    """A kept argument with the sign that PyTorch's unsigned storage took from its negative numbers."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value - 2 * FIRST_NEGATIVE if value >= FIRST_NEGATIVE else value
    return tuple(signed(part) for part in value) if isinstance(value, list | tuple) else value


Found = tuple[str, tuple[int | str, ...], dict[str, Any]] | None


def _plain(op: str, *operands: int | str) -> Callable[[Step], Found]:
    return lambda step: (op, operands, {})


def _arguments(op: str, **arguments: str) -> Callable[[Step], Found]:
    """A call of `op` on all inputs; its keywords are kept under PyTorch's names."""
    return lambda step: (
        op,
        tuple(range(step.inputs)),
        {ours: step.kept[theirs] for ours, theirs in arguments.items() if step.kept.get(theirs) is not None},
    )


def _reduction(op: str) -> Callable[[Step], Found]:
    def call(step: Step) -> Found:
        axis = step.kept.get("dim")
        return op, (0,), {"axis": axis or None, "keepdims": bool(step.kept.get("keepdim", False))}

    return call


def _added(op: str) -> Callable[[Step], Found]:
    # x + alpha · y is no op of ours
    return lambda step: (op, (0, 1), {}) if step.kept.get("alpha", 1) == 1 else None


def _multiplied(op: str) -> Callable[[Step], Found]:
    return lambda step: (op, (0, 1 if step.inputs > 1 else "other"), {})


def _power(step: Step) -> Found:
    if step.inputs > 1:
        return "pow", (0, 1), {}
    scalar_base = isinstance(step.kept.get("self"), int | float)
    return "pow", (("self", 0) if scalar_base else (0, "exponent")), {}


def _reshaped(op: str) -> Callable[[Step], Found]:
    return lambda step: (op, (0,), {"shape": step.shape})


def _swapped(step: Step) -> Found:
    axes = list(range(len(step.shape)))
    one, other = step.kept["dim0"], step.kept["dim1"]
    axes[one], axes[other] = axes[other], axes[one]
    return "transpose", (0,), {"axes": tuple(axes)}


def _selected(step: Step) -> Found:
    axis = step.kept["dim"]
    return "index", (0,), {"index": (*[slice(None)] * (axis % (len(step.shape) + 1)), step.kept["index"])}


def _sliced(step: Step) -> Found:
    kept = step.kept
    start, end, stride = kept["start"] or None, kept["end"], kept["step"]
    part = slice(start, None if end is None or end >= FIRST_NEGATIVE - 1 else end, None if stride == 1 else stride)
    return "index", (0,), {"index": (*[slice(None)] * (kept["dim"] % len(step.shape)), part)}


def _joined(op: str) -> Callable[[Step], Found]:
    return lambda step: (op, tuple(range(step.inputs)), {"axis": step.kept["dim"]})


def _loss(op: str) -> Callable[[Step], Found]:
    def call(step: Step) -> Found:
        if step.kept.get("weight") is not None or step.kept["reduction"] not in REDUCTIONS:
            return None
        static = {"reduction": REDUCTIONS[step.kept["reduction"]]}
        if "ignore_index" in step.kept:
            static["ignore_index"] = step.kept["ignore_index"]
        return op, (0, 1 if step.inputs > 1 else "target"), static

    return call


def _convolved(step: Step) -> Found:
    kept, axes = step.kept, len(step.shape) - 2
    if kept["transposed"] or axes not in (1, 2, 3):
        return None
    static = {key: kept[key] for key in ("stride", "padding", "dilation", "groups")}
    return f"conv{axes}d", (0, 1, 2), static


def _taken(step: Step) -> Found:
    return "take", (0, "index"), {"axis": step.kept["dim"]}


def _embedded(step: Step) -> Found:
    kept = step.kept
    if kept["scale_grad_by_freq"] or kept["sparse"]:
        return None
    padding = kept["padding_idx"]  # -1: none
    return "embedding", ("indices", 0), {"padding_idx": padding} if padding >= 0 else {}


def _gathered(step: Step) -> Found:
    axis, index, x = step.kept["dim"], step.kept.get("index"), step.kept.get("self")
    if index is None or x is None:  # freed
        return None
    axes = range(x.ndim)
    # PyTorch takes an index that covers a part of the other axes, NumPy does not.
    if x.ndim != index.ndim or any(x.shape[k] != index.shape[k] for k in axes if k != axis % max(x.ndim, 1)):
        return None
    return "take_along_axis", (0, "index"), {"axis": axis}


RESHAPE, EXPAND = _reshaped("reshape"), _reshaped("broadcast_to")
CALLS_OF_OURS: dict[str, Callable[[Step], Found]] = {
    "Add": _added("add"),
    "Sub": _added("sub"),
    "Mul": _multiplied("mul"),
    "Div": _multiplied("div"),
    "Pow": _power,
    "Log": _plain("ln", 0),
    "Clamp": _plain("clip", 0, "min", "max"),
    "Where": _plain("where", "condition", 0, 1),
    "Mm": _plain("matmul", 0, 1),
    "Bmm": _plain("matmul", 0, 1),
    "Mv": _plain("matmul", 0, 1),
    "Addmm": _arguments("addmm", beta="beta", alpha="alpha"),
    "Sum": _reduction("sum"),
    "Mean": _reduction("mean"),
    "Logsumexp": _reduction("logsumexp"),
    "Amax": _reduction("amax"),
    "Amin": _reduction("amin"),
    "Softmax": _arguments("softmax", axis="dim"),
    "SafeSoftmax": _arguments("softmax", axis="dim"),
    "LogSoftmax": _arguments("log_softmax", axis="dim"),
    "Gelu": _arguments("gelu", approximate="approximate"),
    "LeakyRelu": _arguments("leaky_relu", negative_slope="negative_slope"),
    "T": _plain("transpose", 0),
    "Transpose": _swapped,
    "Permute": _arguments("transpose", axes="dims"),
    "View": RESHAPE,
    "UnsafeView": RESHAPE,
    "ReshapeAlias": RESHAPE,
    "Expand": EXPAND,
    "Unsqueeze": _arguments("unsqueeze", axis="dim"),
    "Squeeze": _arguments("squeeze", axis="dim"),
    "Select": _selected,
    "Slice": _sliced,
    "Embedding": _embedded,
    "Gather": _gathered,
    "IndexSelect": _taken,
    "Cat": _joined("concat"),
    "Stack": _joined("stack"),
    "Convolution": _convolved,
    "NllLoss": _loss("nll_loss"),
    "MseLoss": _loss("mse_loss"),
    "L1Loss": _loss("l1_loss"),
}


# Steps whose backward rule is that of an op of ours, although they are no call of it.
LIKE_OURS: dict[str, str] = {
    **dict.fromkeys(("Addbmm", "Addmv", "Addr", "Baddbmm"), "addmm"),
    **{
        f"ScaledDotProduct{kind}Attention{device}": "scaled_dot_product_attention"
        for kind in ("Flash", "Efficient", "Cudnn", "FusedAttentionOverrideable")
        for device in ("", "ForCpu")
    },
}


def like_ours(name: str) -> Op | None:
    """The op of ours with the name of a step, or with its rule; None where there is none."""
    names = snake(name), snake(plain_name(name)), LIKE_OURS.get(name, "")
    return next((BY_NAME[each] for each in names if each in BY_NAME), None)


def _attended(out: tuple[int, ...], q: tuple[int, ...], k: tuple[int, ...], *rest: tuple[int, ...]) -> int:
    return math.prod(q) * k[-2] + math.prod(out) * k[-2]


def _transposed(out: tuple[int, ...], x: tuple[int, ...], weight: tuple[int, ...], *bias: tuple[int, ...]) -> int:
    return math.prod(x) * math.prod(weight[1:])


# How many products are summed by steps that are no call of ours: by the shapes of the result and of the operands.
MULTIPLY_ADDS: dict[str, Callable[..., int]] = {
    "Convolution": _transposed,  # the others are calls of ours
    "ScaledDotProductFlashAttentionForCpu": _attended,
    "ScaledDotProductFlashAttention": _attended,
    "ScaledDotProductEfficientAttention": _attended,
    "Baddbmm": lambda out, x, y, z: math.prod(out) * y[-1],
}

COPIES = frozenset({"Clone", "Alias"})
# Steps whose result is the same numbers in the same order.
RESHAPES = frozenset(name for name, call in CALLS_OF_OURS.items() if call is RESHAPE) | COPIES
PERMUTATIONS = frozenset({"T", "Transpose", "Permute"})  # the same numbers in another order
SAME_NUMBERS = RESHAPES | PERMUTATIONS  # and so is what goes back
EXPANSIONS = frozenset(name for name, call in CALLS_OF_OURS.items() if call is EXPAND)


def trace(call: Call, arrays: Sequence[Any], out: Any, wanted: Sequence[bool]) -> tuple[Any, list[Any]]:
    """The formula trees of a call: what it computes, and the rule of each wanted operand.

    `arrays` are stand-ins of the right shapes (see `stand_in`), numbers, or None for an operand that was left out.
    """
    rest = [call.static.get(key, default) for key, default in call.op.static.items()]
    return call.op.forward_tree(arrays, rest), call.op.rule_trees(out, arrays, rest, wanted)


@lru_cache(4096)
def stand_in(shape: tuple[int, ...]) -> Any:
    """An array of zeros that takes no room, however large the shape: formulas are traced by shapes alone."""
    return np.broadcast_to(np.zeros(()), shape)
