"""Steps that say why a gradient is what it is: the nudge, each path with its product, the check, one step downhill."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from grad_engine.formula import number
from grad_engine.record import GraphRecord
from grad_engine.record.explained import entry_text, nudge_words, path_words, result_text
from grad_engine.record.index import index_of

SECONDS = 4.0
MOST_CHANGES = 8  # of a nudge that are written out


def with_explanations(told: Sequence[dict[str, Any]], record: GraphRecord) -> list[dict[str, Any]]:
    """The steps of a story with those that explain it: the nudge before the turn, the others before the last one."""
    if record.explain is None:
        return list(told)
    turn = next((k for k, step in enumerate(told) if step["direction"] == "backward"), len(told))
    turn -= turn > 0 and told[turn - 1]["direction"] == ""  # the step that turns round belongs to backward
    return [
        *told[:turn],
        *_nudge(record),
        *told[turn:-1],
        *_paths(record),
        *_check(record),
        *_downhill(record),
        told[-1],
    ]


def _step(name: str, title: str, lines: Sequence[str], **what: Any) -> dict[str, Any]:
    rule = [{"words": title, "tone": "", "strong": True}]
    did = [{"words": line, "tone": "", "strong": False} for line in lines]
    return {
        "name": name, "seconds": SECONDS, "subtitle": f"{title}: {' '.join(lines)}", "direction": "", "builds": [],
        "touches": [], "values": [], "shares": [], "adds": [], "settles": [],
        "columns": [{"rule": rule, "did": did, "notes": []}],
    } | what  # fmt: skip


def _nudge(record: GraphRecord) -> list[dict[str, Any]]:
    words = nudge_words(record)
    probe = record.explain.probe if record.explain is not None else None
    if words is None or probe is None:
        return []
    index = index_of(record)
    changes = [
        f"{entry_text(index, each.tensor, each.index)} {'+' if each.change >= 0 else '−'} {number(abs(each.change), 3)}"
        for each in probe.changes
    ]
    told = ", ".join(changes[:MOST_CHANGES]) + (
        f", and {len(changes) - MOST_CHANGES} more" * (len(changes) > MOST_CHANGES)
    )
    touched = [probe.accumulator, *(node.id for each in probe.changes if (node := index.makers.get(each.tensor)))]
    lines = [f"{words}.", f"On the way: {told}." if changes else ""]
    return [_step("nudge", "A nudge", [line for line in lines if line], direction="forward", touches=touched)]


def _paths(record: GraphRecord) -> list[dict[str, Any]]:
    """A step for each path, in which its edges are lit, and one in which the products are added."""
    explain = record.explain
    words = path_words(record)
    if explain is None or not words:
        return []
    index = index_of(record)
    found = []
    for k, (path, line) in enumerate(zip(explain.paths, words, strict=False), 1):
        edges = [step.edge for step in path.steps]
        touched = [index.edges[edges[0]].sender, *(index.edges[edge].receiver for edge in edges)]
        title = "Multiply along the path" if len(explain.paths) == 1 else f"Multiply along path {k}"
        found.append(_step(f"path-{k}", title, [f"{line}."], direction="backward", touches=touched, adds=edges))
    if len(words) > len(explain.paths):
        end = index.edges[explain.paths[0].steps[-1].edge].receiver
        edges = [path.steps[-1].edge for path in explain.paths]
        sums = _step("paths-sum", "Add over the paths", [f"{words[-1]}."], direction="sum", touches=[end], adds=edges)
        found += [sums] if len(explain.paths) > 1 else []
    return found


def _check(record: GraphRecord) -> list[dict[str, Any]]:
    probe = record.explain.probe if record.explain is not None else None
    if probe is None or probe.below is not None:
        return []
    entry = entry_text(index_of(record), index_of(record).accumulators[probe.accumulator].leaf, probe.index)
    line = f"Measured with a nudge of {entry}: {number(probe.ratio)}. Its gradient: {number(probe.gradient)}."
    return [_step("check", "Check", [line], touches=[probe.accumulator])]


def _downhill(record: GraphRecord) -> list[dict[str, Any]]:
    step = record.explain.step if record.explain is not None else None
    if step is None:
        return []
    result = result_text(record).rstrip(",")
    line = (
        f"All leaves move by {number(step.rate)} times their gradient, against it: {result} goes from"
        f" {number(step.before)} to {number(step.after)}. The gradients predicted {number(step.predicted)}."
    )
    return [_step("step", "One step", [line])]
