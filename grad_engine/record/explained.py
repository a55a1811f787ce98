"""What explains a record (`explain`), in words: the nudge beside the gradient, and the product of each path."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import isfinite

from grad_engine.errors import ArgumentError
from grad_engine.formula import number
from grad_engine.record.index import RecordIndex, index_of
from grad_engine.record.parts import GraphRecord, PathRecord

MOST_FACTORS = 7  # of a path that are written out; the middle of a longer one is left out
ENDS = 3  # factors and names that stay at either end then


def entry_named(record: GraphRecord, follow: str, argument: str = "explain") -> tuple[str, tuple[int, ...]]:
    """The accumulator and the index of an entry given as `W1[0,4]`, `x2`, or `a0[3]`.

    Raises ArgumentError, which names `argument`, for a leaf or an entry that the record does not have.
    """
    match = re.fullmatch(r"\s*(.+?)\s*(?:\[([\d,\s]*)\])?\s*", follow)
    index = index_of(record)
    names = {index.label(accumulator.leaf): accumulator.id for accumulator in record.accumulators}
    names |= {accumulator.id: accumulator.id for accumulator in record.accumulators}
    known = ", ".join(str(name) for name in list(names)[:4])
    if match is None or match[1] not in names:
        raise ArgumentError(f"{argument} names a leaf and one of its entries, got {follow!r}; leaves are {known}")
    shape = index.leaf(names[match[1]]).shape
    entry = tuple(int(part) for part in (match[2] or "").split(",") if part.strip())
    if len(entry) != len(shape) or any(k >= n for k, n in zip(entry, shape, strict=True)):
        raise ArgumentError(
            f"{argument}={follow!r} is no entry of {match[1]}, which has shape {shape}; give an index for each axis"
        )
    return names[match[1]], entry


def entry_text(index: RecordIndex, tensor: str, entry: Sequence[int]) -> str:
    """A tensor with one of its entries: `W1[0,4]`, or only the name of a single number."""
    label = index.label(tensor) or tensor
    return f"{label}[{','.join(map(str, entry))}]" if entry else label


def result_text(record: GraphRecord) -> str:
    """What the gradients of the last run are gradients of: its root, or L, a sum over it."""
    name, meaning = result_parts(record)
    return f"{name}, {meaning}," if meaning else name


def result_parts(record: GraphRecord) -> tuple[str, str]:
    """The same in two parts: `z` and nothing, or `L` and what it is, such as `the sum of the finite part of z`."""
    index = index_of(record)
    run = index.run
    if run is None:
        return "", ""
    root = index.nodes[run.root].outputs[run.output]
    name = index.label(root) or root
    seed = index.tensors[run.seed].data
    values = seed.values if seed is not None else None
    ones = values is not None and all(value == 1 for value in values)
    if ones and index.tensors[root].shape == ():
        return name, ""
    measured = index.measured(root)
    finite = "the finite part of " if measured is not None and measured.bad else ""
    return "L", f"the sum of {finite}{name}" if ones else f"{finite}{name} weighted by the seed"


def nudge_words(record: GraphRecord) -> str | None:
    """One line on the nudge of the record, or why there is none; None for a record that explains nothing.

    For example `x2 + 0.001 moves z by 0.007: 7.001 times; its gradient is 7`.
    """
    if record.explain is None:
        return None
    probe = record.explain.probe
    if probe is None:
        return f"no nudge: {record.explain.reason}" if record.explain.reason else None
    index = index_of(record)
    entry = entry_text(index, index.accumulators[probe.accumulator].leaf, probe.index)
    result, gradient = result_text(record), number(probe.gradient)
    if probe.below is not None and probe.above is not None:
        return (
            f"{entry} is at a kink: a nudge moves {result} {number(probe.below + 0.0)} times to one side and"
            f" {number(probe.above + 0.0)} times to the other; its gradient is {gradient}"
        )
    moved = f"{entry} + {number(probe.delta)} moves {result} by {number(probe.root_change, 3)}"
    return f"{moved}: {number(probe.ratio)} times; {'' if probe.agrees else 'but '}its gradient is {gradient}"


def path_words(record: GraphRecord) -> list[str]:
    """A line for each path to the followed entry: its factors, their product, and what it leads through; then the sum.

    For example `1 · 1 · 4 = 4 along z[1], x5, #3 to x2`.
    """
    if record.explain is None or not record.explain.paths:
        return []
    index = index_of(record)
    paths = record.explain.paths
    lines = [_path_text(index, path) for path in paths]
    last = paths[0].steps[-1]
    gradient = record.explain.probe.gradient if record.explain.probe is not None else None
    if gradient is None or not isfinite(gradient):
        return lines
    products = [path.steps[-1].product for path in paths]
    others = gradient - sum(products)
    shown = [number(product) for product in products]
    if abs(others) > 1e-9 * max(abs(gradient), *map(abs, products)):
        shown.append(f"{number(others)} along others")
    text = " + ".join(shown).replace("+ −", "− ")
    followed = entry_text(index, index.target(last.edge), last.to)
    return [*lines, f"{text} = {number(gradient)}, the gradient of {followed}"]


def _path_text(index: RecordIndex, path: PathRecord) -> str:
    first = path.steps[0]
    start = first.product / first.slope if first.slope else 1.0  # the entry of the seed
    factors = [*([] if start == 1 else [number(start)]), *(number(step.slope) for step in path.steps)]
    sender = index.edges[first.edge].sender
    root = index.run.output if index.run is not None and index.run.root == sender else 0
    names = [entry_text(index, index.nodes[sender].outputs[root], first.of)]
    names += [entry_text(index, index.target(step.edge), step.to) for step in path.steps]
    *through, end = names
    product = f"{' · '.join(_shortened(factors))} = {number(path.steps[-1].product)}"
    return f"{product} along {', '.join(_shortened(through))} to {end}"


def _shortened(parts: Sequence[str]) -> list[str]:
    if len(parts) <= MOST_FACTORS:
        return list(parts)
    return [*parts[:ENDS], "…", *parts[-ENDS:]]
