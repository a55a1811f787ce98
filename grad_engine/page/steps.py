"""The steps of the page: its beats as plain data, each with what it builds, sends and settles."""

from __future__ import annotations

from typing import Any, Protocol

from grad_engine.formula import Tree
from grad_engine.page.backward_steps import Backward
from grad_engine.page.captions import Beat, Build, Column, Formula, Gather, Numbers, Piece, Run, Seed, Words
from grad_engine.page.explained import with_explanations
from grad_engine.page.forward_steps import Forward
from grad_engine.page.last_step import LastStep
from grad_engine.record import GraphRecord

LONGEST_NAME = 60  # characters
TONES = {"ink": "", "value": "value", "gradient": "gradient"}


class Kept(Protocol):
    """Where formulas and tensors that a step refers to are put; `payload.Store` is one."""

    def formula(self, tree: Tree) -> int:
        """The number of a formula."""

    def tensor(self, tensor: str) -> str | None:
        """The id of a tensor."""


def steps(record: GraphRecord, store: Kept) -> list[dict[str, Any]]:
    """Every beat of a record, told op by op."""
    return with_explanations([_step(beat, store) for beat in beats(record)], record)


class _Teller(Forward, Backward, LastStep):
    """Turns one record into beats."""


def beats(record: GraphRecord) -> list[Beat]:
    """What happened in a record, op by op: the order is that of its event lists, the numbers are its own."""
    teller = _Teller(record, LONGEST_NAME)
    run = record.runs[-1] if record.runs else None
    return [*teller.forward(), *(teller.backward(run) if run is not None else []), teller.close(run)]


def _step(beat: Beat, store: Kept) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": beat.name, "seconds": round(beat.seconds, 2), "subtitle": beat.subtitle, "direction": "",
        "builds": [], "touches": [], "values": [], "shares": [], "adds": [], "settles": [],
        "columns": [_column(column, store) for column in beat.columns],
    }  # fmt: skip
    if isinstance(beat, Build):
        items = list(beat.items)
        found |= {
            "direction": "forward",
            "builds": items,
            "touches": items,
            "values": [flow.link for flow in beat.flows],
        }
    elif isinstance(beat, Seed):
        found |= {"direction": "backward", "touches": [beat.root], "settles": [beat.root]}
    elif isinstance(beat, Run):
        found |= {
            "direction": "backward", "touches": list(beat.nodes), "shares": [sent.edge for sent in beat.sent],
            "settles": [sent.receiver for sent in beat.sent if sent.settles],
        }  # fmt: skip
    elif isinstance(beat, Gather):
        found |= {
            "direction": "sum", "touches": [beat.receiver], "adds": list(beat.edges), "settles": [beat.receiver],
        }  # fmt: skip
    return found


def _column(column: Column, store: Kept) -> dict[str, Any]:
    return {
        "rule": [_piece(piece, store) for piece in column.rule],
        "did": [_piece(piece, store) for piece in column.did],
        "notes": [_piece(piece, store) for piece in column.notes],
    }


def _piece(piece: Piece, store: Kept) -> dict[str, Any]:
    if isinstance(piece, Words):
        return {"words": piece.text, "tone": TONES.get(piece.tone, piece.tone), "strong": piece.strong}
    if isinstance(piece, Numbers):
        tone = TONES.get(piece.tone, piece.tone)
        return {"tensor": store.tensor(piece.tensor.id), "label": piece.label, "tone": tone}
    assert isinstance(piece, Formula)
    return {
        "formula": store.formula(piece.tree), "target": piece.target, "barred": piece.barred,
        "relation": piece.relation, "names": dict(piece.names),
    }  # fmt: skip
