"""Function: an op that brings its own backward, for those who come from PyTorch."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, ClassVar, NoReturn

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.grad_mode import current_mode, enable_grad, no_grad
from grad_engine.core.node import (
    GeneralNode,
    Output,
)
from grad_engine.core.op import Op, Rule
from grad_engine.core.outside_memory import COPIED, SHARED, fingerprint
from grad_engine.core.tensor import Tensor, array_of, wrap
from grad_engine.core.versions import WRITES
from grad_engine.errors import ArgumentError, GraphError, InPlaceError, ShapeError
from grad_engine.formula import Tree


class SavedArray:
    """An array that a Function saved and that others may write to: a copy where that is cheap, else a fingerprint."""

    def __init__(self, value: Any) -> None:
        self.array = np.asarray(array_of(value))
        self.print: bytes | None = None
        if type(value) is not Tensor and (self.array.nbytes <= COPIED or self.array.dtype.kind in "iub"):
            self.array = self.array.copy()
        elif type(value) is not Tensor or id(self.array) in SHARED:
            self.print = fingerprint(self.array)


class Context:
    """What forward passes on to backward: saved tensors, and any attribute that forward sets on it."""

    needs_input_grad: tuple[bool, ...] = ()  # for each argument of forward; in backward, whether its share is asked for

    def __init__(self) -> None:
        self._given: tuple[Any, ...] = ()
        self._saved: list[tuple[str, Any]] = []  # ("input", slot), ("output", index) or ("value", array)
        self._without_grad: tuple[Any, ...] = ()
        self._materialize = True
        self._sequence_nr = -1
        self._edges: tuple[Any, ...] = ()  # of the inputs: a saved one has its history, so that backward can use it
        self._values: tuple[Sequence[Any], Sequence[Any], bool] | None = None  # during backward alone

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep inputs, outputs or other tensors (or None) for backward, which finds them in `saved_tensors`."""
        for each in tensors:
            if each is not None and not isinstance(each, Tensor | np.ndarray | np.generic):
                raise ArgumentError(
                    f"save_for_backward() takes tensors, got {type(each).__name__}; set other things as attributes: "
                    "ctx.alpha = alpha"
                )
        self._given = tensors

    def mark_non_differentiable(self, *outputs: Any) -> None:
        """Say which outputs carry no gradient; those that are not floating point never do."""
        self._without_grad = outputs

    def set_materialize_grads(self, flag: bool) -> None:
        """Whether backward gets zeros (True, the default) or None for an output that no gradient reached."""
        self._materialize = bool(flag)

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """The saved tensors, in the order they were given. Raises InPlaceError when one was changed since."""
        if self._values is None:
            raise GraphError("saved_tensors are there during backward; in forward, use the tensors themselves")
        inputs, outputs, differentiable = self._values
        found: list[Tensor | None] = []
        for kind, what in self._saved:
            if what is None:
                found.append(None)
                continue
            if kind == "value" and differentiable and what.array.dtype.kind == "f":
                raise GraphError(
                    "a saved tensor is neither an input nor an output of forward, so a second derivative through it "
                    "would be lost; return it as another output, compute it again in backward, or set it as an "
                    "attribute of ctx if it is constant"
                )
            value = what.array if kind == "value" else (inputs if kind == "input" else outputs)[what]
            if kind == "value" and what.print is not None and fingerprint(what.array) != what.print:
                raise InPlaceError(
                    f"an array of shape {what.array.shape} that forward saved was written to since; save a copy of it"
                )
            array = array_of(value)
            if WRITES.latest_of(array) > self._sequence_nr:
                raise InPlaceError(
                    f"a tensor of shape {array.shape} that forward saved (version {self._sequence_nr}) was changed in "
                    f"place since (version {WRITES.latest_of(array)}); change a clone() instead"
                )
            edge = self._edges[what] if kind == "input" else None
            found.append(value if type(value) is Tensor else wrap(np.asarray(value), edge))
        return tuple(found)

    def _settle(self, inside: Sequence[Any], parts: Sequence[Any], arrays: Sequence[np.ndarray]) -> None:
        """Write down what was saved as places among inputs and outputs, so that nothing here leads back to them."""

        def place(each: Any) -> tuple[str, Any]:
            for slot, operand in enumerate(inside):
                if each is operand or each is operand.array:
                    return "input", slot
            for index, (part, array) in enumerate(zip(parts, arrays, strict=True)):
                if each is part or each is array:
                    return "output", index
            return "value", SavedArray(each)

        self._saved = [("value", None) if each is None else place(each) for each in self._given]
        self._given = ()


class Function:
    """An op with a hand-written backward, as in PyTorch: subclass it, and call `apply`.

    forward(ctx, *args): computes on tensors, unrecorded, and returns a tensor or a tuple of them; arrays do too.
    backward(ctx, *gs): gets the gradient of each output and returns one share for each argument of forward, None for
        those that are not tensors. Written with ops, it can itself be differentiated.

        class Cube(grad_engine.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x * x * x

            @staticmethod
            def backward(ctx, g):
                (x,) = ctx.saved_tensors
                return 3 * g * x * x

        y = Cube.apply(x)

    One call is one node of the graph, named after the class. `symbol` and `category` say how it is drawn.
    """

    symbol: ClassVar[str] = "f"
    category: ClassVar[str] = "function"
    forward: ClassVar[Callable[..., Any]]
    backward: ClassVar[Callable[..., Any]]

    def __new__(cls, *_: Any) -> NoReturn:
        raise ArgumentError(f"{cls.__name__} is not made but called: write {cls.__name__}.apply(x)")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """What `forward` returns for these arguments, as tensors that remember how they were made."""
        for each in args:
            if isinstance(each, list | tuple) and any(type(part) is Tensor and part.node is not None for part in each):
                raise ArgumentError(
                    f"{cls.__name__} sends no gradient to tensors inside a {type(each).__name__}; "
                    "pass each as an argument"
                )
        slots = [position for position, each in enumerate(args) if type(each) is Tensor]
        operands = [args[position] for position in slots]
        ctx = Context()
        ctx.needs_input_grad = tuple(type(each) is Tensor and each.node is not None for each in args)
        # Views, so that each input is an object of its own and one that is returned unchanged is known for a view.
        inside = [wrap(each.array.view(), None) for each in operands]
        given = iter(inside)
        with no_grad():
            result = cls.forward(ctx, *(next(given) if type(each) is Tensor else each for each in args))
        several = isinstance(result, tuple | list)
        parts = list(result) if several else [result]
        arrays = [_output_array(cls.__name__, part) for part in parts]
        for index, array in enumerate(arrays):
            if any(array is other for other in arrays[:index]):
                arrays[index] = array.view()
        if not (current_mode().record and any(ctx.needs_input_grad)):
            made = tuple(wrap(array, None) for array in arrays)
            return made if several else made[0]
        without_grad = [any(each is part for each in ctx._without_grad) for part in parts]
        ctx._settle(inside, parts, arrays)
        others = {position: each for position, each in enumerate(args) if position not in slots}
        reads = frozenset(spot for spot in ctx._saved if spot[0] != "value")
        op = _function_op(cls, len(args), tuple(slots), several, reads)  # type: ignore[arg-type]  # a class has a hash
        node = GeneralNode(
            op,
            tuple(arrays) if several else arrays[0],
            tuple(each.array for each in operands),
            tuple(each.node for each in operands),
            (*map(_shown, others.values()), ctx),
        )
        ctx._sequence_nr, ctx._edges = node.sequence_nr, node.edges
        if (watch := current_mode().watch) is not None:
            watch(node)
        return handed_out(node, arrays, without_grad)


@lru_cache(maxsize=1024)
def _function_op(cls: Any, count: int, slots: tuple[int, ...], several: bool, reads: frozenset[tuple[str, int]]) -> Op:
    """The op of calls of `cls` with `count` arguments, tensors at `slots`, that save what `reads` names."""
    names = _argument_names(cls.forward, count)
    inputs = tuple(names[position] for position in slots)
    if not hasattr(cls, "backward"):
        raise ArgumentError(f"{cls.__name__} has no backward; give it one, or call it inside no_grad()")

    def rule(g: Any, out: Any, *rest: Any, wanted: Sequence[bool]) -> list[Any]:
        operands, ctx = rest[: len(slots)], rest[-1]
        outs, gs = (out, g) if several else ((out,), (g,))
        return _shares_of(cls, ctx, slots, operands, outs, gs, wanted)

    return own_op(
        cls.__name__,
        inputs,
        cls.forward,
        rule,
        several,
        static=tuple(name for position, name in enumerate(names) if position not in slots),
        symbol=cls.symbol,
        category=cls.category,
        summary=(inspect.getdoc(cls) or f"{cls.__name__}.").splitlines()[0],
        formula=f"what the backward of {cls.__name__} makes of {{g}}",
        reads=frozenset(inputs[what] if kind == "input" else "out" for kind, what in reads),
    )


def _argument_names(forward: Callable[..., Any], count: int) -> list[str]:
    """What forward calls its arguments after ctx: "x", "y", or "xs[0]", "xs[1]" of a starred one."""
    names: list[str] = []
    for parameter in [*inspect.signature(forward).parameters.values()][1:]:
        if parameter.kind is parameter.VAR_POSITIONAL:
            names += [f"{parameter.name}[{i}]" for i in range(count - len(names))]
        else:
            names.append(f"{parameter.name}_" if parameter.name in ("g", "out") else parameter.name)
    return names[:count]


def _shares_of(
    cls: type[Function],
    ctx: Context,
    slots: Sequence[int],
    operands: Sequence[Any],
    outs: Sequence[Any],
    gs: Sequence[Any],
    wanted: Sequence[bool],
) -> list[Any]:
    """What `cls.backward` returns for the operands: checked, arrays for arrays and Tensors for Tensors."""
    differentiable = any(type(each) is Tensor for each in operands)
    given: list[Tensor | None] = []
    for g, out in zip(gs, outs, strict=True):
        if g is not None:  # a copy, since the array may be on its way to others; a backward may change it
            given.append(wrap(np.array(array_of(g)), g.node if type(g) is Tensor else None))
        else:
            given.append(wrap(np.zeros_like(array_of(out)), None) if ctx._materialize else None)
    count = len(ctx.needs_input_grad)
    asked = [False] * count
    for slot, want in zip(slots, wanted, strict=True):
        asked[slot] = want
    before = ctx._values, ctx.needs_input_grad
    ctx._values, ctx.needs_input_grad = (operands, outs, differentiable), tuple(asked)
    try:
        with enable_grad() if differentiable else no_grad():
            answer = cls.backward(ctx, *given)
    finally:
        ctx._values, ctx.needs_input_grad = before  # tensors of this pass lead to nodes, and ctx hangs on one
    answers = [*answer] if isinstance(answer, tuple | list) else [answer]
    if len(answers) < count or any(each is not None for each in answers[count:]):
        raise ArgumentError(
            f"backward of {cls.__name__} returned {len(answers)} shares for the {count} arguments of forward; "
            "return one for each, None for those without a gradient"
        )
    if any(each is not None for position, each in enumerate(answers) if position not in slots and position < count):
        raise ArgumentError(
            f"backward of {cls.__name__} returned a share for an argument that is no tensor; return None there"
        )
    return [
        _share(cls.__name__, answers[slot], operand, differentiable) if want else None
        for slot, operand, want in zip(slots, operands, wanted, strict=True)
    ]


def _share(name: str, share: Any, operand: Any, differentiable: bool) -> Any:
    if share is None:
        return None
    if type(share) is not Tensor and differentiable:
        raise GraphError(
            f"backward of {name} returned {type(share).__name__}, through which no second derivative is known; write "
            "it with ops on tensors, so that it can be differentiated"
        )
    array = array_of(as_tensor(share))
    if array.shape != operand.shape:
        try:
            fits = np.broadcast_shapes(array.shape, operand.shape) == array.shape
        except ValueError:
            fits = False
        if not fits:
            raise ShapeError(
                f"backward of {name} returned a share of shape {array.shape} for an input of shape {operand.shape}; "
                "return one of the input's own shape"
            )
    return share if differentiable else array


def _output_array(name: str, part: Any) -> np.ndarray:
    if part is None or isinstance(part, str):
        raise ArgumentError(f"forward of {name} returned {part!r}; return a tensor, or a tuple of tensors")
    return as_tensor(part).array


def _shown(value: Any) -> Any:
    """An argument that is no tensor, as records show it: what it says, where that is the same on every run."""
    if value is None or isinstance(value, bool | int | float | str | np.ndarray | np.generic):
        return value
    if isinstance(value, tuple | list):
        return tuple(map(_shown, value))
    return getattr(value, "__name__", type(value).__name__)


# --- what checkpoint() needs too ------------------------------------------------------------------------------------


def own_op(
    name: str,
    inputs: tuple[str, ...],
    forward: Callable[..., Any],
    rule: Rule,
    several: bool,
    *,
    symbol: str,
    category: str,
    summary: str,
    formula: str,
    reads: frozenset[str],
    static: tuple[str, ...] = (),
    forward_formula: Callable[..., Tree] | None = None,
) -> Op:
    """An op outside the table, for the calls of one Function or checkpoint; its node holds one thing for `rule`."""
    return Op(
        name=name,
        label=f"{name[:1].upper()}{name[1:]}Backward",
        forward=forward,
        inputs=inputs,
        required=len(inputs),
        static=dict.fromkeys(static, inspect.Parameter.empty),
        saves=("kept",),
        rules=(None,) * len(inputs),
        joint=rule,
        multi_output=several,
        symbol=symbol,
        category=category,
        summary=summary,
        head=name,
        forward_formula=forward_formula,
        described=dict.fromkeys(inputs, formula),
        described_reads=reads,
    )


def handed_out(node: GeneralNode, arrays: Sequence[np.ndarray], without_grad: Sequence[bool]) -> Any:
    """The results of `node` as tensors; those `without_grad` carry no gradient."""
    carries = [array.dtype.kind == "f" and not alone for array, alone in zip(arrays, without_grad, strict=True)]
    if not node.op.multi_output:
        return wrap(arrays[0], node if carries[0] else None)
    pairs = zip(arrays, carries, strict=True)
    return tuple(wrap(array, Output(node, i) if carry else None) for i, (array, carry) in enumerate(pairs))
