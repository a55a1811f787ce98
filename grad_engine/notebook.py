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
from grad_engine.record.index import index_of
from grad_engine.record.words import harmless

DRAWN = 60  # ops up to which a record without modules is shown as a picture; a larger one as a tree


def tensor_html(tensor: Tensor) -> str:
    """A line of facts and the values, at most a few lines of them."""
    facts = [f"shape {tensor.shape}", str(tensor.dtype)]
    if tensor.name is not None:
        facts.insert(0, f"<b>{escape(harmless(tensor.name[:80]))}</b>")
    if type(tensor.node) is GradAccum:
        facts.append("requires grad")
    elif tensor.node is not None:
        facts.append(f"made by {escape(harmless(tensor.node.name))}")
    values = np.array2string(tensor.data, threshold=60, edgeitems=3, max_line_width=100)
    return f"<div>{' · '.join(facts)}</div><pre>{escape(values[:4000])}</pre>"


def record_bundle(record: GraphRecord, include: Any = None, exclude: Any = None) -> dict[str, str]:
    """A picture where the record is small and the layout library is there, else the tree; the tree as text too.

    The picture is the HTML too: a notebook prefers HTML to SVG.
    """
    from grad_engine.tree import tree

    bundle: dict[str, str] = {**tree(record, max_lines=60)._repr_mimebundle_((), ())}
    if record.counts.ops <= DRAWN or index_of(record).scopes:  # closed modules make a large one small
        from grad_engine.draw import to_svg

        with suppress(GradEngineError):  # without the layout library the tree says as much
            picture = to_svg(record)
            bundle |= {"image/svg+xml": picture, "text/html": f'<div style="overflow-x: auto">{picture}</div>'}
    return bundle
