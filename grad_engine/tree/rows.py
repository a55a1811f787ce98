"""The lines of a tree before they are text: one row per op and per edge to a leaf, and which rows a fold hides."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from grad_engine.record import EdgeRecord
from grad_engine.record.index import Measure, together
from grad_engine.tree.shown import Shown

LONG_RUN = 8  # single-child ops in a row from which on the middle folds
LONG_REPEAT = 6  # equal siblings in a row from which on the middle folds
SHOWN_ORIGINS = 3  # places where NaN begins that no fold may hide; more of them would crowd out the rest


@dataclass(slots=True)
class Row:
    """One line: an op met for the first time ("op"), one met before ("seen"), or one edge to a leaf ("leaf")."""

    kind: str
    part: str  # id of the op node or the accumulator
    edges: tuple[EdgeRecord, ...]  # the edges it stands for; none at a root
    parent: int  # index of the row it hangs under, -1 at a root
    level: int  # how far it is indented
    depth: int  # how many edges it is away from its root
    last: bool  # the last of its siblings
    run: bool  # goes on in a run of single children, at the level of its parent
    lines: int = 0  # rows that hang under it
    end: int = 0  # index after the last row below it
    size: Measure | None = None  # of an op the complete gradient, of any other line the share that its edges bring


def rows(shown: Shown, roots: Sequence[str]) -> list[Row]:
    """Every line of the trees under `roots`, in the order of printing; each op once in full, in linear time."""
    index = shown.index
    measured, shares = index.measured, index.shares
    found: list[Row] = []
    met: set[str] = set()
    pending: list[tuple[str, tuple[EdgeRecord, ...], int, bool]] = [(part, (), -1, True) for part in reversed(roots)]
    while pending:
        part, edges, parent, last = pending.pop()
        level = depth = 0
        run = False
        if parent >= 0:
            up = found[parent]
            # The first single child is indented, as everywhere; those below it share its level.
            run = up.lines == 1 and up.parent >= 0 and found[up.parent].lines == 1
            level = up.level if run else up.level + 1
            depth = up.depth + 1
        if part in index.accumulators or part in met:
            kind = "seen" if part in met else "leaf"
            row = Row(kind, part, edges, parent, level, depth, last, run)
            sizes = [m for edge in edges if (m := measured(shares.get(edge.id))) is not None]
            row.size = sizes[0] if len(sizes) == 1 else together(sizes)
            found.append(row)
            continue
        met.add(part)
        row = Row("op", part, edges, parent, level, depth, last, run)
        row.size = shown.gradient(part)
        below: list[tuple[str, tuple[EdgeRecord, ...], int, bool]] = []
        for receiver, parallel in index.receivers(part):
            # Two edges into one op are one line, two edges into one leaf are two: each brings a share of its own.
            groups = [(edge,) for edge in parallel] if receiver in index.accumulators else [tuple(parallel)]
            below.extend((receiver, group, len(found), False) for group in groups)
        below.sort(key=lambda child: child[1][0].slot)
        if below:
            below[-1] = (*below[-1][:3], True)
        row.lines = len(below)
        found.append(row)
        pending.extend(reversed(below))
    for i in reversed(range(len(found))):
        row = found[i]
        row.end = max(row.end, i + 1)
        if row.parent >= 0:
            found[row.parent].end = max(found[row.parent].end, row.end)
    return found


@dataclass(frozen=True, slots=True)
class Fold:
    """What is not printed: a stretch of rows between two that are."""

    start: int
    stop: int


def folded(
    found: list[Row], shown: Shown, *, keep: set[str], full: bool, depth: int | None, limit: int | None
) -> list[int | Fold]:
    """The rows to print, by index, and the folds between them: at most about `limit` lines.

    While there is room, what lies on the way to an op or leaf in `keep` stays, else that to the first NaN and to the
    largest gradient.
    """
    must = _landmarks(found, shown, keep)
    way = _every_way(found, must) if keep else _way(found, must)
    hidden = bytearray(len(found))
    if depth is not None:
        for i, row in enumerate(found):
            hidden[i] = row.depth > depth
    elif not full:
        _fold_runs(found, shown, way, hidden)
        _fold_repeats(found, shown, way, hidden)
    if keep:
        for i in range(len(found)):
            hidden[i] |= i not in way
    if limit is not None:
        _fold_to(limit, found, must, way, hidden)
    return _printed(hidden, must_fold=depth is not None or bool(keep))


def _landmarks(found: list[Row], shown: Shown, keep: set[str]) -> list[int]:
    """The rows that a fold spares, the most important first: `keep`; else roots, first NaN, largest gradient."""
    if keep:
        return [i for i, row in enumerate(found) if row.part in keep]
    first: dict[str, int] = {}  # part -> its first line
    largest, where = 0.0, []
    for i, row in enumerate(found):
        if row.kind == "seen":
            continue
        first.setdefault(row.part, i)
        if (norm := _norm(row)) > largest:
            largest, where = norm, [i]
    values = [first[origin.part] for origin in shown.value_origins if origin.part in first][:SHOWN_ORIGINS]
    senders = []
    if (origin := shown.gradient_origin) is not None:
        senders = [first[origin.part]] if origin.part in first else []
        senders += [i for i, row in enumerate(found) if any(edge.id == origin.edge for edge in row.edges)]
    roots = [i for i, row in enumerate(found) if row.parent < 0]
    return list(dict.fromkeys((*roots, *values[:1], *where, *senders, *values[1:])))


def _norm(row: Row) -> float:
    return (row.size.norm or 0.0) if row.size is not None else 0.0


def _way(found: list[Row], targets: Iterable[int]) -> set[int]:
    way: set[int] = set()
    for i in targets:
        while i >= 0 and i not in way:
            way.add(i)
            i = found[i].parent
    return way


def _every_way(found: list[Row], targets: Iterable[int]) -> set[int]:
    """The rows on the way to `targets`, also where the way goes on in an op that is printed further up."""
    seen: dict[str, list[int]] = {}
    for i, row in enumerate(found):
        if row.kind == "seen":
            seen.setdefault(row.part, []).append(i)
    way: set[int] = set()
    pending = list(targets)
    while pending:
        i = pending.pop()
        while i >= 0 and i not in way:
            way.add(i)
            pending.extend(seen.get(found[i].part, ()) if found[i].kind == "op" else ())
            i = found[i].parent
    return way


def _fold_runs(found: list[Row], shown: Shown, way: set[int], hidden: bytearray) -> None:
    """Hides the middle of long runs; an op that another line refers to, or a landmark, ends a run."""
    marks = _ends(way, found)
    run: list[int] = []
    for i, row in enumerate(found):
        plain = row.kind == "op" and row.lines == 1 and len(row.edges) <= 1 and i not in marks
        plain = plain and len(shown.index.incoming.get(row.part, ())) <= 1
        if plain and row.run and run:
            run.append(i)
            continue
        _hide_middle(run, hidden)
        run = [i] if plain and row.run else []
    _hide_middle(run, hidden)


def _hide_middle(run: list[int], hidden: bytearray) -> None:
    if len(run) > LONG_RUN:
        for i in run[1:-1]:
            hidden[i] = 1


def _ends(way: set[int], found: list[Row]) -> set[int]:
    """The rows on a way at which it ends: a run on the way may fold, its end may not."""
    inner = {found[i].parent for i in way}
    return way - inner


def _fold_repeats(found: list[Row], shown: Shown, way: set[int], hidden: bytearray) -> None:
    """Hides the middle of long stretches of siblings that look alike down to their leaves."""
    if all(row.lines < LONG_REPEAT for row in found):
        return
    kinds: dict[object, int] = {}
    below: list[list[int]] = [[] for _ in found]  # kinds of the children, last first
    crowds: dict[int, list[int]] = {}
    kind_of = [0] * len(found)
    for i in reversed(range(len(found))):
        row = found[i]
        shape = shown.index.leaf(row.part).shape if row.kind == "leaf" else ()
        name = shown.index.nodes[row.part].name if row.kind != "leaf" else ""
        kind = kinds.setdefault((row.kind, name, shape, tuple(below[i])), len(kinds))
        kind_of[i] = kind
        below[i] = []
        if row.parent >= 0:
            below[row.parent].append(kind)
            if found[row.parent].lines >= LONG_REPEAT:
                crowds.setdefault(row.parent, []).append(i)
    for crowd in crowds.values():
        alike: list[int] = []
        for i in (*reversed(crowd), -1):
            if i >= 0 and i not in way and (not alike or kind_of[alike[-1]] == kind_of[i]):
                alike.append(i)
                continue
            if len(alike) >= LONG_REPEAT:
                for j in alike[2:-1]:
                    hidden[j : found[j].end] = b"\1" * (found[j].end - j)
            alike = [i] if i >= 0 and i not in way else []


def _fold_to(limit: int, found: list[Row], must: list[int], way: set[int], hidden: bytearray) -> None:
    """Hides what is far down, and where little gradient goes, until about `limit` lines are left."""
    left = [i for i in range(len(found)) if not hidden[i]]
    if sum(1 for _ in _pieces(hidden)) <= limit:
        return
    cost = _costs(found)
    ranks = {i: rank for rank, i in enumerate(must)}
    order = sorted(left, key=lambda i: (ranks.get(i, len(must)), i not in way, cost[i], i))
    few, many = 1, len(order)
    while few < many:  # the longest beginning of `order` that fits
        middle = (few + many + 1) // 2
        if _lines(order[:middle], len(found)) <= limit:
            few = middle
        else:
            many = middle - 1
    kept = set(order[:few])
    for i in left:
        hidden[i] = i not in kept


def _lines(kept: list[int], total: int) -> int:
    """Lines for these rows and one for each stretch between them."""
    places = [-1, *sorted(kept), total]
    return len(kept) + sum(after - before > 1 for before, after in pairwise(places))


def _costs(found: list[Row]) -> list[float]:
    """How little each row matters: its distance from the root, where a step towards small gradients counts more."""
    largest = [_norm(row) for row in found]
    for i in reversed(range(len(found))):
        if (parent := found[i].parent) >= 0:
            largest[parent] = max(largest[parent], largest[i])
    top = max(largest, default=0.0)
    cost = [0.0] * len(found)
    for i, row in enumerate(found):
        if row.parent >= 0:
            small = 0.0
            if 0 < top < math.inf:
                small = 3.0 if largest[i] <= 0 else min(3.0, max(0.0, math.log10(top) - math.log10(largest[i])))
            cost[i] = cost[row.parent] + 1.0 + small
    return cost


def _pieces(hidden: bytearray) -> Iterator[tuple[int, int]]:
    """Each row to print as (i, i + 1), each stretch of hidden rows as (start, stop)."""
    i, total = 0, len(hidden)
    while i < total:
        stop = i + 1
        if hidden[i]:
            stop = hidden.find(0, i)
            stop = total if stop < 0 else stop
        yield i, stop
        i = stop


def _printed(hidden: bytearray, must_fold: bool) -> list[int | Fold]:
    """A fold takes a line itself, so a single hidden row is printed instead, unless it was asked to go."""
    return [
        Fold(start, stop) if hidden[start] and (must_fold or stop - start > 1) else start
        for start, stop in _pieces(hidden)
    ]
