"""What is worth knowing about a record, in words, with the items that it is about."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from grad_engine.formula import number
from grad_engine.health.findings import NO_RUN, told_of
from grad_engine.health.not_finite import born
from grad_engine.health.rows import parameter_rows
from grad_engine.record.index import RecordIndex
from grad_engine.record.words import harmless, many

MOST_NAMED = 12  # items of one finding
MOST_REPORTED = 5_000  # ops of a graph of which a whole report is made


def findings(index: RecordIndex, changes: Mapping[str, Sequence[str]] | None = None) -> list[dict[str, Any]]:
    """The findings, the ones to look at first in front: {"tone", "title", "text", "about"}."""
    found = [*_wrong(index), *_changed(changes), *_without_gradient(index), *_sizes(index), *_longest_sum(index)]
    return sorted(found, key=lambda each: each["tone"] != "nonfinite")


def _changed(changes: Mapping[str, Sequence[str]] | None) -> list[dict[str, Any]]:
    if changes is None:
        return []
    if not changes:
        return [_finding("", "Nothing changed", [], "Ops, wiring and numbers are those of the record before.")]
    gone = changes.get("", ())
    text = f"gone: {', '.join(gone)}" if gone else ""
    return [_finding("", "Changed, marked Δ:", [part for part in changes if part], text)]


def _finding(tone: str, title: str, about: Sequence[str], text: str = "") -> dict[str, Any]:
    more = f"and {len(about) - MOST_NAMED} more" if len(about) > MOST_NAMED else ""
    return {
        "tone": tone,
        "title": title,
        "text": " ".join(filter(None, (text, more))),
        "about": list(about[:MOST_NAMED]),
    }


def _wrong(index: RecordIndex) -> list[dict[str, Any]]:
    """What the report calls wrong: its first sentence as the title. Of a very large graph, where NaN begins alone."""
    is_large = len(index.nodes) > MOST_REPORTED
    told = list(born(index)) if is_large else told_of(index, parameter_rows(index))
    found = []
    for one in told:
        if one.is_wrong and one.about != NO_RUN:
            first, stop, rest = harmless(one.words).partition(". ")
            about = [part for part in one.ops if part in index.nodes or part in index.accumulators]
            found.append(_finding("nonfinite", first + stop.strip(), about, rest))
    return found


def _without_gradient(index: RecordIndex) -> list[dict[str, Any]]:
    if index.run is None:
        return [_finding("", "No backward run is recorded", [], "There are values, and no gradients yet.")]
    zero = [each for each in index.accumulators if (size := index.gradient(each)) is not None and size.norm == 0]
    return [_finding("", f"{many(len(zero), 'leaf', 'leaves')} with a gradient of zeros:", zero)] if zero else []


def _sizes(index: RecordIndex) -> list[dict[str, Any]]:
    """The largest and the smallest gradient of a leaf."""
    norms = {each: size.norm for each in index.accumulators if (size := index.gradient(each)) and size.norm}
    if len(norms) < 2:
        return []
    most, least = max(norms, key=norms.__getitem__), min(norms, key=norms.__getitem__)
    found = [_finding("", "The largest gradient of a leaf:", [most], f"‖grad‖ {number(norms[most])}")]
    if norms[most] > norms[least]:
        apart = math.log10(norms[most]) - math.log10(norms[least])
        text = f"‖grad‖ {number(norms[least])}, {number(apart, 2)} powers of ten below the largest"
        found.append(_finding("", "The smallest:", [least], text))
    return found


def _longest_sum(index: RecordIndex) -> list[dict[str, Any]]:
    """Where the most shares were added."""
    sums = {receiver: len(edges) for receiver, edges in index.sums.items() if len(edges) > 1}
    if not sums:
        return []
    most = max(sums, key=sums.__getitem__)
    return [_finding("", "The longest sum:", [most], f"{many(sums[most], 'share')} of gradient added")]
