"""Units of a layer that pass no gradient on: dead, at an end, or saturated."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from grad_engine.health.not_finite import read_by
from grad_engine.health.rows import zeros
from grad_engine.health.told import Told, largest, placed, same_place, some
from grad_engine.record import NodeRecord
from grad_engine.record.index import RecordIndex, mark
from grad_engine.record.layers import at_ends, stuck_units
from grad_engine.record.words import brief, many, percent

STUCK = 0.3  # share of a layer's units that is wrong in half as many rows too
MANY = 0.06  # share of a layer's units from which on it is wrong that they are stuck
FEWEST_ROWS = 32  # in which a unit is 0 or at an end before two of them being so is no chance
FEWEST_EXAMPLES = 16  # whose places, as those of a picture, count as rows
FLAT = 0.01  # part of a gradient that passes a function, below which it is called saturated
MOST_AT_ENDS = 0.5  # share of a function's results near its ends from which on it is called saturated
FEWEST_ENTRIES = 4  # of a result that can be called saturated


def silent_units(index: RecordIndex) -> Iterator[Told]:
    """Calls of relu of several entries, each of which is 0: no gradient passes them."""
    found: dict[tuple[object, ...], str] = {}
    for node in index.record.nodes:
        made = index.tensors[node.outputs[0]]
        if node.op == "relu" and prod(made.shape) > 1 and zeros(made) == 1:
            found.setdefault(same_place(node), placed(index, node, line=True))
    if found:
        yield Told(f"The result of {some(list(found.values()))} is 0 in every entry: no gradient passes.")


def stuck(index: RecordIndex) -> Iterator[Told]:
    """Functions of which some units are 0, or at an end, for the whole batch; and whether that is no chance."""
    for node in index.record.nodes:
        made = index.tensors[node.outputs[0]]
        if zeros(made) in (None, 1) or (counted := stuck_units(node, made)) is None or not counted[0]:
            continue
        units_stuck, units = counted
        # The places of one text or signal are alike, so that they say no more than one row.
        rows = made.shape[0] if len(made.shape) == 3 else prod(made.shape) / units
        much = units_stuck >= units * STUCK
        enough = rows >= FEWEST_ROWS or (rows >= FEWEST_ROWS / 2 and much)
        if len(made.shape) > 3 and made.shape[0] < FEWEST_EXAMPLES and not much:
            enough = False
        of = many(units_stuck, "unit") if len(made.shape) == 3 else f"{units_stuck} of {many(units, 'unit')}"
        where, are = "at an end" if node.ends else "0", "is" if units_stuck == 1 else "are"
        is_answer = _feeds_a_loss(index, node)
        is_wrong = units_stuck >= max(2, units * MANY) and enough and not is_answer
        why = "as sure answers are" if is_answer else "which may be chance" if not enough else "which is few of them"
        end = "" if is_wrong else f", {why}"
        yield Told(
            f"{of} of {placed(index, node, line=True)} {are} {where} for the whole batch{end}.",
            ("stuck", *same_place(node)),
            (node.id,),
            is_wrong,
        )


def near_ends(index: RecordIndex) -> Iterator[Told]:
    """Functions between two ends, such as tanh, most of whose results are so near to these that they are flat."""
    for node in index.record.nodes:
        made = index.tensors[node.outputs[0]]
        share = at_ends(node, made)
        if share is None or share <= MOST_AT_ENDS or prod(made.shape) < FEWEST_ENTRIES or _feeds_a_loss(index, node):
            continue
        where = placed(index, node, line=True).removeprefix(f"{mark(node.id)} ")
        of = where.replace(where.split(" ")[0], f"{node.op} {mark(node.id)}'s outputs", 1)
        words = f"{percent(share)} of {of} are at its ends: hardly any gradient passes.{read_by(index, node)}"
        yield Told(words, ("ends", *same_place(node)), (node.id,))


def _feeds_a_loss(index: RecordIndex, node: NodeRecord) -> bool:
    """Whether a loss over classes reads the result: a probability near 0 or 1 is a good answer."""
    return any(use.node.even_chances for use in index.uses.get(node.outputs[0], ()))


def saturated(index: RecordIndex) -> Iterator[Told]:
    """Functions of one operand that stay between -1 and 1, and are so flat that hardly a gradient passes."""
    found: dict[tuple[object, ...], str] = {}
    for node in index.record.nodes:
        if node.ends or not node.elementwise or len(node.inputs) != 1 or not (edges := index.outgoing(node.id)):
            continue
        made = index.tensors[node.outputs[0]]
        sent, arrived = index.share(edges[0].id), index.gradient(node.id)
        size = largest(made)
        if size is None or size > 1 or prod(made.shape) < FEWEST_ENTRIES or (zeros(made) or 0) > 0.5:
            continue
        if sent is None or arrived is None or sent.norm is None or not arrived.norm:
            continue
        if sent.norm < FLAT * arrived.norm:
            passes = f" ({_percent(sent.norm / arrived.norm)} passes)"
            found.setdefault(same_place(node), placed(index, node) + passes)
    if found:
        yield Told(f"Saturated, so that hardly a gradient passes: {some(list(found.values()))}.")


def _percent(part: float) -> str:
    return "0 %" if part == 0 else f"{brief(part * 100)} %"
