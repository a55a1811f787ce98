"""How tensors and records show themselves in a notebook. Both stay small, whatever they hold."""

from __future__ import annotations

from contextlib import suppress
from html import escape
from typing import Any

import numpy as np

from grad_engine.core.node import GradAccum
from grad_engine.core.tensor import Tensor
from grad_engine.errors import GradEngineError
from grad_engine.record import GraphRecord

DRAWN = 60  # ops up to which a record is shown as a picture; a larger one as a tree


def tensor_html(tensor: Tensor) -> str:
    """A line of facts and the values, at most a few lines of them."""
    facts = [f"shape {tensor.shape}", str(tensor.dtype)]
    if tensor.name is not None:
        facts.insert(0, f"<b>{escape(tensor.name[:80])}</b>")
    if type(tensor.node) is GradAccum:
        facts.append("requires grad")
    elif tensor.node is not None:
        facts.append(f"made by {escape(tensor.node.name)}")
    values = np.array2string(tensor.data, threshold=60, edgeitems=3, max_line_width=100)
    return f"<div>{' · '.join(facts)}</div><pre>{escape(values[:4000])}</pre>"


def record_bundle(record: GraphRecord, include: Any = None, exclude: Any = None) -> dict[str, str]:
    """A picture where the record is small and the layout library is there, and the tree beside it as HTML and text."""
    from grad_engine.tree import tree

    bundle: dict[str, str] = {**tree(record, max_lines=60)._repr_mimebundle_((), ())}
    if record.counts.ops <= DRAWN:
        from grad_engine.draw import to_svg

        with suppress(GradEngineError):  # without the layout library the tree says as much
            bundle["image/svg+xml"] = to_svg(record)
    return bundle


def record_line(record: GraphRecord) -> str:
    """A record in one line; its dataclass fields would fill pages."""
    counts = record.counts
    return f"<GraphRecord {record.title!r}: {counts.ops} ops, {counts.leaves} leaves, {len(record.runs)} backward runs>"


GraphRecord._repr_mimebundle_ = record_bundle  # type: ignore[attr-defined]
GraphRecord.__repr__ = record_line  # type: ignore[assignment]
