"""`program`: the graph of a record as NumPy, line by line: what was computed, then each step of the chain rule."""

from __future__ import annotations

import argparse
import keyword
import re
from collections.abc import Iterator, Mapping, Sequence

from grad_engine.cli.console import STANDARD, record_in, write_text
from grad_engine.cli.parser import Command, Parser, add_output, add_record
from grad_engine.formula import Tree, text
from grad_engine.record import GraphRecord
from grad_engine.record.index import index_of
from grad_engine.record.parts import EdgeRecord, NodeRecord
from grad_engine.record.words import harmless

_INFIX = {
    "|": ("|", 1), "&": ("&", 2), "==": ("==", 3), "!=": ("!=", 3), "<": ("<", 3), "<=": ("<=", 3), ">": (">", 3),
    ">=": (">=", 3), "+": ("+", 4), "-": ("-", 4), "*": ("*", 5), "/": ("/", 5), "@": ("@", 5), "**": ("**", 8),
}  # fmt: skip
_ATOM, _UNARY, _POSTFIX = 10, 6, 9
# Functions of formulas that have another name in NumPy, or are a few of its calls. {0}, {1} are the arguments.
_WRITTEN = {
    "ln": "np.log({0})", "relu": "np.maximum({0}, 0)", "sigmoid": "1 / (1 + np.exp(-({0})))",
    "rsqrt": "1 / np.sqrt({0})", "softplus": "np.logaddexp({0}, 0)", "softsign": "({0}) / (1 + np.abs({0}))",
    "silu": "({0}) / (1 + np.exp(-({0})))",
}  # fmt: skip
_NUMPY = frozenset({
    "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "cbrt", "ceil", "copysign", "cos",
    "cosh", "deg2rad", "exp", "exp2", "expm1", "floor", "floor_divide", "fmax", "fmin", "fmod", "heaviside",
    "hypot", "isfinite", "isinf", "isnan", "log10", "log1p", "log2", "logaddexp", "logaddexp2", "maximum",
    "minimum", "positive", "rad2deg", "reciprocal", "remainder", "rint", "sign", "sin", "sinh", "sqrt", "square",
    "tan", "tanh", "trunc", "abs", "clip", "dot", "max", "mean", "min", "prod", "sum", "where", "reshape",
    "transpose", "stack", "concatenate", "cumsum", "cumprod", "sort", "argsort", "einsum", "outer", "inner", "kron",
    "tensordot", "broadcast_to", "expand_dims", "squeeze", "flip", "roll", "tril", "triu", "diagonal", "trace",
    "median", "std", "var",
})  # fmt: skip


# Words that NumPy has a function for.
_COPIED = re.compile(r"\{(\w+)\} copied to the shape of \{(\w+)\}")


class _NoNumpy(Exception):
    """A part of a formula is in words, or calls what NumPy does not have."""


def numpy_text(tree: Tree, names: Mapping[str, str]) -> str | None:
    """A formula tree as a NumPy expression, with `names` in the places of parameters; None where it is no NumPy."""
    try:
        return _written(tree, names)[0]
    except _NoNumpy:
        return None


def _written(tree: Tree, names: Mapping[str, str]) -> tuple[str, int]:
    if isinstance(tree, str):
        return names.get(tree, "np.pi" if tree == "pi" else tree), _ATOM
    if not isinstance(tree, list | tuple):
        if isinstance(tree, float) and (tree != tree or tree in (float("inf"), float("-inf"))):
            return f'float("{tree}")', _ATOM
        return repr(tree), (_UNARY if isinstance(tree, int | float) and tree < 0 else _ATOM)
    head, *arguments = tree
    if head == "say" and (copied := _COPIED.fullmatch(str(arguments[0]))):
        of, like = (names.get(name, name) for name in copied.groups())
        return f"np.broadcast_to({of}, {like}.shape)", _ATOM
    if head == "neg":
        return f"-{_inside(arguments[0], _UNARY, names)}", _UNARY
    if head == "not":
        return f"~{_inside(arguments[0], _UNARY, names)}", _UNARY
    if head in _INFIX and len(arguments) == 2:
        sign, binds = _INFIX[head]
        left, right = arguments
        return f"{_inside(left, binds + (sign == '**'), names)} {sign} {_inside(right, binds + 1, names)}", binds
    if head == "T":
        return f"{_inside(arguments[0], _POSTFIX, names)}.T", _POSTFIX
    if head == "index":
        inner = arguments[1]
        key = _listed(inner[1:], names) if _is(inner, "tuple") else _written(inner, names)[0]
        return f"{_inside(arguments[0], _POSTFIX, names)}[{key}]", _POSTFIX
    if head == "attr":
        return f"{_inside(arguments[0], _POSTFIX, names)}.{arguments[1]}", _POSTFIX
    if head == "kw":
        value = bool(arguments[1]) if arguments[0] == "keepdims" else arguments[1]
        return f"{arguments[0]}={_written(value, names)[0]}", 0
    if head == "list":
        return f"[{_listed(arguments, names)}]", _ATOM
    if head == "tuple":
        return f"({_listed(arguments, names)}{',' * (len(arguments) == 1)})", _ATOM
    if head in _WRITTEN and len(arguments) == 1:
        return _WRITTEN[head].format(_written(arguments[0], names)[0]), 4
    if head in _NUMPY:
        return f"np.{head}({_listed(arguments, names)})", _ATOM
    raise _NoNumpy(head)


def _inside(tree: Tree, least: int, names: Mapping[str, str]) -> str:
    shown, binds = _written(tree, names)
    return shown if binds >= least else f"({shown})"


def _listed(trees: Sequence[Tree], names: Mapping[str, str]) -> str:
    return ", ".join(_written(tree, names)[0] for tree in trees)


def _is(tree: Tree, head: str) -> bool:
    return isinstance(tree, list | tuple) and bool(tree) and tree[0] == head


class _Listing:
    def __init__(self, record: GraphRecord) -> None:
        self.record, self.index = record, index_of(record)
        self.names: dict[str, str] = {}  # by tensor, gradients of it with "g " in front
        self._taken = {"np"}
        self._numbers: dict[str, int] = {}  # by word, the last one that was put behind it

    def name(self, tensor: str, gradient: bool = False) -> str:
        """How a tensor is called in the listing, as in the tree and the film, made an identifier."""
        key = f"g {tensor}" if gradient else tensor
        if key not in self.names:
            known = self.index.tensors[tensor].name
            maker = self.index.makers.get(tensor)
            word = known or (f"{maker.op}_{maker.age}" if maker is not None else "const")
            word = re.sub(r"\W", "_", f"g_{self.name(tensor)}" if gradient else word)
            word = f"_{word}" if not word or word[0].isdigit() or keyword.iskeyword(word) else word
            found, number = word, self._numbers.get(word, 1)
            while found in self._taken:
                number += 1
                found = f"{word}_{number}"
            self._numbers[word] = number
            self._taken.add(found)
            self.names[key] = found
        return self.names[key]

    def lines(self) -> Iterator[str]:
        """The listing."""
        record, index = self.record, self.index
        leaves = dict.fromkeys(leaf.leaf for leaf in record.accumulators)
        read = [
            operand.tensor for node in record.nodes for operand in node.inputs if operand.tensor not in index.makers
        ]
        constants = [tensor for tensor in dict.fromkeys(read) if tensor not in leaves]
        roots = [root.tensor for root in record.roots]
        seeds = [f"g_{self.name(tensor)}" for tensor in dict.fromkeys(roots)]
        body = [self._forward(node) for node in record.nodes] + [""]
        for tensor, seed in zip(dict.fromkeys(roots), seeds, strict=True):
            self.names[f"g {tensor}"] = seed
        reached = set(roots)
        for node in reversed(record.nodes):
            body += self._backward(node, reached)
        results = [self.name(tensor) for tensor in dict.fromkeys(roots)]
        results += [self.name(leaf, True) for leaf in leaves if leaf in reached]
        read_by = set(re.findall(r"\w+", "\n".join(line.partition("  #")[0] for line in body)))
        given = [self.name(leaf) for leaf in dict.fromkeys(leaves)]
        given += [name for tensor in constants if (name := self.name(tensor)) in read_by]
        if any(" = ... " in line or " + ... " in line for line in body):
            yield "# Steps that end in ... are not written out: the words beside them say what they compute."
        yield "import numpy as np"
        yield ""
        yield ""
        yield f"def program({', '.join([*given, *seeds])}):"
        yield from (f"    {line}".rstrip() for line in body)
        yield f"    return {', '.join(results)}"

    def _parameters(self, node: NodeRecord) -> dict[str, str]:
        names = {operand.parameter: self.name(operand.tensor) for operand in node.inputs}
        names["out"] = self.name(node.outputs[0])
        names["g"] = self.name(node.outputs[0], True)
        for place, tensor in enumerate(node.outputs):
            names[f"out[{place}]"], names[f"g[{place}]"] = self.name(tensor), self.name(tensor, True)
        return names

    def _forward(self, node: NodeRecord) -> str:
        names = self._parameters(node)
        targets = ", ".join(self.name(tensor) for tensor in node.outputs)
        found = None if node.formula is None else numpy_text(node.formula.forward.tree, names)
        if found is not None and len(node.outputs) == 1:
            return f"{targets} = {found}  # #{node.age} {node.op}"
        words = node.op if node.formula is None else text(node.formula.forward.tree, names)
        return f"{targets} = ...  # #{node.age} {node.op}: {words}"

    def _backward(self, node: NodeRecord, reached: set[str]) -> Iterator[str]:
        if not any(tensor in reached for tensor in node.outputs):
            return
        names = self._parameters(node)
        rules = {rule.slot: rule for rule in node.formula.vjp} if node.formula is not None else {}
        for operand in node.inputs:
            if operand.edge is None:
                continue
            target = self.name(operand.tensor, True)
            rule = rules.get(operand.slot)
            found = None if rule is None else numpy_text(rule.tree, names)
            found = None if found is None else self._summed(found, self.index.edges[operand.edge], operand.tensor, node)
            added = f"{target} + " if operand.tensor in reached else ""
            where = f"# #{node.age} {node.op}, {operand.parameter}"
            if found is not None:
                shown = f"({found})" if added and not re.fullmatch(r"[\w.]+", found) else found
                yield f"{target} = {added}{shown}  {where}"
            else:
                words = "its rule has no formula" if rule is None else rule.text
                yield f"{target} = {added}...  {where}: {words}"
            reached.add(operand.tensor)

    def _summed(self, share: str, edge: EdgeRecord, tensor: str, node: NodeRecord) -> str:
        """A share summed over the axes that the operand had been stretched along."""
        own, whole = self.index.tensors[tensor].shape, self.index.tensors[node.outputs[0]].shape
        if edge.reduced_axes is None or not edge.reduced_axes or own == whole:
            return share
        lead = len(whole) - len(own)
        inside = f"({share})" if not re.fullmatch(r"[\w.()]+", share) else share
        if lead:
            inside += f".sum(axis={tuple(range(lead)) if lead > 1 else 0})"
        stretched = tuple(k for k, n in enumerate(own) if n == 1 and whole[k + lead] != 1)
        return inside + (f".sum(axis={stretched}, keepdims=True)" if stretched else "")


def listing(record: GraphRecord) -> str:
    """The record as a Python program: each op with its formula as NumPy, then each share of each gradient.

    Where a formula is in words, or NumPy has no such function, the line says so in a comment and computes nothing.
    """
    head = f"# {harmless(record.title or 'a recorded graph')}\n" if record.title else ""
    return head + "\n".join(harmless(line) for line in _Listing(record).lines()) + "\n"


def run(options: argparse.Namespace) -> int:
    """Prints the graph as NumPy: what was computed, and each step of the chain rule, line by line."""
    return write_text(listing(record_in(options.file)), options.output or STANDARD, "program")


def arguments(parser: Parser) -> None:
    """Adds what `program` takes."""
    add_record(parser)
    add_output(parser)


COMMAND = Command("program", run, arguments, ("program", "program graph.json -o graph.py"))
