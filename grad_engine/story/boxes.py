"""The row of boxes that a large graph is drawn as, and what is drawn of a box that is opened."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from grad_engine.folding.groups import Fold, modules_folded
from grad_engine.folding.views import around
from grad_engine.record import GraphRecord
from grad_engine.record.index import RecordIndex
from grad_engine.story.units import Unit

MOST = 14  # boxes in the row
FEW = 2  # ops between two equal units that are drawn with the first
FEW_SIGNS = 3  # ops of a box that may be called by their signs
FEW_INSIDE = 12  # ops of a box that are drawn by themselves when it is opened
MOST_INSIDE = 18  # ops, and what they read from outside, that can be drawn together
MOST_OPENED = 400  # ops of a box that can be opened
ROW = 13.4  # length of the row, in the units of the stage
WIDEST, APART, MARGIN = 1.5, 0.30, 0.08  # of a box: its width, the gap to the next, the room beside its name
LETTER = 0.125  # width of a letter of a name
SURE = 9  # letters for which the row always finds room


@dataclass(frozen=True, slots=True)
class RowBox:
    """A box of the row: a unit, what lies between two, or a stretch of ops that are like no others."""

    ops: tuple[str, ...]
    labels: tuple[str, ...]  # what may stand in it: the first that fits, of which the first fits nearly always
    title: str  # what it is called where there is room
    equal: bool  # whether it is one of several equal ones
    end: str  # the op whose gradient enters it: the last of the unit, without what is drawn with it
    outside: int  # how many results and leaves from outside it reads, which stand beside its ops when it is opened

    @property
    def label(self) -> str:
        """What stands in it."""
        return self.labels[0]

    @property
    def few(self) -> bool:
        """Whether every op of it is drawn by itself when it is opened."""
        return len(self.ops) <= FEW_INSIDE and len(self.ops) + self.outside <= MOST_INSIDE

    @property
    def small(self) -> str:
        """How much is in it; "" for one op."""
        return f"{len(self.ops)} ops" if len(self.ops) > 1 else ""


def row_of(parts: Sequence[Unit], index: RecordIndex, signs: Mapping[str, str]) -> tuple[RowBox, ...]:
    """The boxes of the row, at most MOST: ops between equal units share one, and the middle of many units is one.

    signs: what each op is called.
    """
    runs: list[tuple[list[str], str, str]] = []  # ops; the label of an equal unit; the last op that counts
    for unit in parts:
        if unit.kind >= 0:
            if len(runs) > 1 and not runs[-1][1] and len(runs[-1][0]) <= FEW and runs[-2][1]:
                runs[-2][0].extend(runs.pop()[0])  # the little between two units belongs to the first
            runs.append(([*unit.ops], unit.label, unit.ops[-1]))
        elif runs and not runs[-1][1]:
            runs[-1][0].extend(unit.ops)
        else:
            runs.append(([*unit.ops], "", ""))
    pieces = []
    alone = not any(label for _, label, _ in runs)
    for ops, label, end in runs:
        size = len(ops)
        if alone:
            size = math.ceil(len(ops) / min(MOST - 2, max(2, math.ceil(len(ops) / 6))))
        elif not label and len(ops) > FEW_INSIDE:
            size = math.ceil(len(ops) / math.ceil(len(ops) / FEW_INSIDE))
        pieces += [(some := ops[k : k + size], label, end or some[-1]) for k in range(0, len(ops), size)]
    if len(pieces) > MOST:
        keep = MOST // 2
        middle = pieces[keep - 1 : -keep]
        many = sum(bool(label) for _, label, _ in middle)
        merged = [op for some, _, _ in middle for op in some]
        pieces = [
            *pieces[: keep - 1],
            (merged, f"{many} more" if many else "", middle[-1][2]),
            *pieces[-keep:],
        ]
    pitch = min(WIDEST + 2 * APART, ROW / len(pieces))
    room = max(int((min(WIDEST, pitch - APART) - MARGIN) / LETTER), SURE)
    found: list[RowBox] = []
    for ops, label, end in pieces:
        labels = [label, label.rpartition(" ")[2]] if label else _labels(ops, index, signs)
        taken = {box.label for box in found}
        first = next((k for k, each in enumerate(labels) if len(each) <= room and each not in taken), len(labels) - 1)
        read = {source for op in ops for source in index.sources(op)} - {*ops}
        found.append(RowBox(tuple(ops), tuple(labels[first:]), labels[0], bool(label), end, len(read)))
    return tuple(found)


def _labels(ops: Sequence[str], index: RecordIndex, signs: Mapping[str, str]) -> list[str]:
    """What a box of unlike ops may be called, the longest first: its modules, one of them, its ops, their numbers."""
    scopes = [index.nodes[op].scope for op in ops]
    modules = list(dict.fromkeys(scope.partition(".")[0] for scope in scopes if scope))
    few = list(dict.fromkeys(signs[op] for op in ops)) if len(ops) <= FEW_SIGNS else []
    ages = [index.nodes[op].age for op in (ops[0], ops[-1])]
    span = f"#{ages[0]}–{ages[1]}" if len(ops) > 1 else f"#{ages[0]}"
    return [*dict.fromkeys(" ".join(some) for some in (modules, modules[:1], few) if some), span]


def opened(record: GraphRecord, box: RowBox, sign: Callable[[str], str]) -> tuple[GraphRecord, dict[str, str]]:
    """What is drawn of a box when it is opened: its part of the record, and what is drawn as one part.

    Modules are folded from the inside out until few parts are left, and then chains of ops. The second is id of a part
    -> name of the module, or the signs of a chain.
    """
    part = around(record, set(box.ops)).record
    if len(box.ops) <= FEW_INSIDE:
        return part, {}
    shown, folds = modules_folded(part, FEW_INSIDE + FEW)
    return shown, {id: name_of(fold, sign) for id, fold in folds.items() if len(fold.ops) > 1}


def name_of(fold: Fold, sign: Callable[[str], str]) -> str:
    """What several ops that are drawn as one are called: as their module, or by their signs."""
    if " → " not in fold.label:
        return last_part(fold.label)
    signs = [sign(op.id) for op in fold.ops]
    return " → ".join(signs if len(signs) <= FEW_SIGNS else [signs[0], "…", signs[-1]])


def parts_of(record: GraphRecord, box: RowBox, sign: Callable[[str], str]) -> dict[str, str]:
    """Op of a box -> what it is drawn in when the box is opened; "" where its own sign can be read.

    Empty where there is too much in the box for its parts to be drawn.
    """
    if box.few:
        return dict.fromkeys(box.ops, "")
    if not FEW_INSIDE < len(box.ops) <= MOST_OPENED:
        return {}
    shown, folds = modules_folded(around(record, set(box.ops)).record, FEW_INSIDE + FEW)
    if len(shown.nodes) > FEW_INSIDE + FEW or len(shown.nodes) + len(shown.accumulators) > MOST_INSIDE:
        return {}
    found = dict.fromkeys(box.ops, "")
    for fold in folds.values():
        name = name_of(fold, sign)
        found |= {op.id: name for op in fold.ops if len(fold.ops) > 1 and sign(op.id) not in name.split(" → ")}
    return found


def last_part(label: str) -> str:
    """What a module is called inside its box: `attn` for `blocks.11.attn`."""
    return label.rpartition(".")[2] or label
