"""What is worth knowing about a record, in words, with the items that it is about."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from grad_engine.formula import number
from grad_engine.record.index import RecordIndex
from grad_engine.record.words import many, origin_words

MOST_NAMED = 12  # items of one finding


def findings(index: RecordIndex, changes: Mapping[str, Sequence[str]] | None = None) -> list[dict[str, Any]]:
    """The findings, the ones to look at first in front: {"tone", "title", "text", "about"}."""
    found = [*_origins(index), *_changed(changes), *_without_gradient(index), *_sizes(index), *_longest_sum(index)]
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


def _origins(index: RecordIndex) -> list[dict[str, Any]]:
    """Where the first number that is not finite was made, forward and backward."""
    made, sent = "The first NaN or infinity among the values: made by", "The first among the gradients: sent by"
    found = [_finding("nonfinite", made, [first.part], origin_words(index, first)) for first in index.value_origins[:1]]
    origin = index.gradient_origin
    if origin is not None and origin.edge is None:
        found.append(_finding("nonfinite", "The run started with a gradient that is not finite at", [origin.part]))
    elif origin is not None:
        found.append(_finding("nonfinite", sent, [origin.part], origin_words(index, origin)))
    return found


def _without_gradient(index: RecordIndex) -> list[dict[str, Any]]:
    if index.run is None:
        return [_finding("", "No backward run is recorded", [], "There are values, and no gradients yet.")]
    none = [each for each in index.accumulators if index.gradient_tensor(each) is None]
    zero = [each for each in index.accumulators if (size := index.gradient(each)) is not None and size.norm == 0]
    found = []
    if none:
        found.append(_finding("nonfinite", f"{many(len(none), 'leaf', 'leaves')} without a gradient:", none))
    if zero:
        found.append(_finding("", f"{many(len(zero), 'leaf', 'leaves')} with a gradient of zeros:", zero))
    return found


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
