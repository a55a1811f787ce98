"""An op's calls and rules written down as formulas: what records, trees and films show, and what a rule reads."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from numpy import ndarray

from grad_engine.formula import CONSTANTS, Tree
from grad_engine.formula.symbol import Symbol, tree_of


class OpFormulas:
    """The methods of Op that return formula trees; the fields they read are those of Op."""

    __slots__ = ()

    inputs: tuple[str, ...]
    variadic: bool
    static: Mapping[str, Any]
    saves: tuple[str, ...]
    rules: tuple[Callable[..., Any] | None, ...]
    joint: Callable[..., Any] | None
    head: str
    forward_formula: Callable[..., Tree] | None
    described: Mapping[str, Tree | Callable[..., Any]]
    described_reads: frozenset[str]

    def parameters(self, count: int) -> tuple[str, ...]:
        """The name of each of `count` operands in the formulas: x, y, or xs[0], xs[1], ... of a variadic op."""
        return tuple(f"{self.inputs[0]}[{i}]" for i in range(count)) if self.variadic else self.inputs

    def forward_tree(self, arrays: Sequence[Any], rest: Sequence[Any]) -> Tree:
        """What this call computes, as a formula tree over its parameters; Python numbers stand for themselves."""
        names = self.parameters(len(arrays))
        operands: list[Tree] = [
            array if isinstance(array, bool | int | float) or array is None else name
            for name, array in zip(names, arrays, strict=True)
        ]
        static = dict(zip(self.static, rest, strict=False))
        if self.forward_formula is not None:
            return self.forward_formula(*([operands] if self.variadic else operands), **static)
        shown: list[Tree] = [["list", *operands]] if self.variadic else []
        for place, (name, part) in enumerate(zip(names, operands, strict=True)):
            if part is not None and not self.variadic:  # what comes after one that was left out needs its name
                shown.append(part if len(shown) == place else ["kw", name, part])
        changed = [
            ["kw", name, tree_of(value)]
            for name, value in static.items()
            if self.static[name] is inspect.Parameter.empty or not _same(value, self.static[name])
        ]
        return [self.head, *shown, *changed]

    def rule_trees(self, out: Any, arrays: Sequence[Any], rest: Sequence[Any], wanted: Sequence[bool]) -> list[Tree]:
        """The rule for each wanted operand as a formula tree; None for the others."""
        trees: list[Tree] = [None] * len(arrays)
        names = self.parameters(len(arrays))
        args: list[Any] = [
            Symbol(name, array.shape, array.dtype) if isinstance(array, ndarray) else array
            for name, array in zip(names, arrays, strict=True)
        ]
        count = len(self.static)
        others = [*rest[:count], *(Symbol(name) for name in self.saves)]
        g, result = (_symbols(name, out) for name in ("g", "out"))
        operands = [args] if self.variadic else args
        joint: list[Any] | None = None
        for slot, want in enumerate(wanted):
            if not want:
                continue
            described = self.described.get(self.inputs[0 if self.variadic else slot])
            rule = None if self.variadic else self.rules[slot]
            if callable(described):
                described = described(g, result, *operands, *others)
            if isinstance(described, str):  # words; of a variadic operand they speak of one at a time
                own = described.replace(f"{{{self.inputs[0]}}}", f"{{{names[slot]}}}") if self.variadic else described
                trees[slot] = ["say", own]
            elif described is not None:
                trees[slot] = described.tree if isinstance(described, Symbol) else described
            elif rule is not None:
                trees[slot] = tree_of(rule(g, result, *operands, *others))
            elif self.joint is not None:
                if joint is None:
                    joint = self.joint(g, result, *operands, *others, wanted=wanted)
                trees[slot] = tree_of(joint[slot])
        return trees

    def reads(self, tree: Tree) -> frozenset[str]:
        """The values (parameters, "out") that a rule with this formula tree needs at backward time.

        A described rule may be computed in another way than its formula says, so what it was declared to read counts.
        """
        found, pending = set(self.described_reads), [tree]
        while pending:
            part = pending.pop()
            if isinstance(part, str):
                found.add(part)
            elif isinstance(part, list) and part[0] != "say":
                pending.extend(part[2:] if part[0] == "kw" else part[1:2] if part[0] == "attr" else part[1:])
        return frozenset(found) - CONSTANTS.keys()


def _symbols(name: str, out: Any) -> Any:
    """The Symbol of a result, or one for each of several."""
    if isinstance(out, tuple):
        return tuple(Symbol(f"{name}[{i}]", part.shape, part.dtype) for i, part in enumerate(out))
    return Symbol(name, out.shape, out.dtype)


def _same(value: Any, default: Any) -> bool:
    return value is default or (type(value) is type(default) and not isinstance(value, ndarray) and value == default)
