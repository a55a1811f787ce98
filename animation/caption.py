"""The words of the film: the caption panel, the sum of shares, the closing table. Everything is fitted to its room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from animation import lettering, theme
from animation.glyphs import Colours, Ink, Part, line_points, numbers, numbers_size, words
from animation.numbers import Matrix, matrix, number_text, shape_text
from animation.story import Beat, Close, Column, Formula, Gather, Numbers, Piece, Row, Words

PAD = 0.30
GAP = 0.20
BELOW = theme.PANEL_MIDDLE - 0.33
SUM = theme.PANEL_MIDDLE - 0.40


def caption(beat: Beat, colours: Colours) -> Part:
    """What the caption panel says: columns side by side, each with its rule above and its numbers below."""
    inks: list[Ink | Part] = []
    left = -theme.GRAPH_WIDTH / 2 + PAD
    for k, (column, (wide, most)) in enumerate(zip(beat.columns, _widths(beat.columns), strict=True)):
        if k:
            x, half = left - PAD, theme.PANEL_HEIGHT / 2 - 0.24
            ends = [(x, theme.PANEL_MIDDLE - half), (x, theme.PANEL_MIDDLE + half)]
            inks.append(Ink(line_points(ends), stroke=colours.idle, width=1.6))
        above = theme.PANEL_MIDDLE + (0.40 if column.did else 0.0)
        ruled = min(_need(column.rule, theme.FORMULA), wide)
        notes = _notes(column.notes, above, left + wide, wide - ruled - 0.3, colours)
        inks += [line(column.rule, above, left, ruled + 0.01, theme.FORMULA, colours), notes]
        if column.did and not isinstance(beat, Gather):
            inks.append(line(column.did, BELOW, left, wide, theme.BODY, colours, most))
        left += wide + 2 * PAD
    return Part(*inks)


def _widths(columns: Sequence[Column]) -> list[tuple[float, int]]:
    """How wide each column is, and how many columns of numbers it may show."""
    free = theme.GRAPH_WIDTH - 2 * PAD - 2 * PAD * (len(columns) - 1)
    if len(columns) == 1:
        return [(free, 4)]
    most = [4] * len(columns)

    def needs() -> list[float]:
        return [
            max(
                _need(column.rule, theme.FORMULA) + sum(lettering.width(n.text, theme.BODY) + 0.42 for n in column.notes),
                _need(column.did, theme.BODY, many),
            )
            + 0.1
            for column, many in zip(columns, most, strict=True)
        ]

    # The gradient that comes in has been seen before, so it gives way first.
    while (short := sum(needs()) - free) > 0 and (most[0] > 2 or max(most[1:]) > 1):
        most[0 if most[0] > 2 else max(range(1, len(columns)), key=lambda k: (most[k] > 1, needs()[k]))] -= 1
    found = needs()
    if short > 0:
        return [(need * free / sum(found), many) for need, many in zip(found, most, strict=True)]
    return [(need + (free - sum(found)) / len(found), many) for need, many in zip(found, most, strict=True)]


def _need(pieces: Sequence[Piece], size: float, columns: int = 4) -> float:
    return sum(_extent(piece, size, columns) for piece in pieces) + GAP * max(len(pieces) - 1, 0)


def _notes(pieces: Sequence[Words], y: float, right: float, room: float, colours: Colours) -> Part:
    kept: list[Words] = []
    for piece in pieces:
        text = lettering.shortened(piece.text, theme.BODY, room, piece.strong)
        if not text or (text != piece.text and kept):
            break
        kept.append(replace(piece, text=text))
        room -= lettering.width(text, theme.BODY, piece.strong) + 0.42
    inks = []
    for piece in reversed(kept):
        inks.append(words(piece.text, theme.BODY, getattr(colours, piece.tone), (right, y), anchor="right", bold=piece.strong))
        right -= lettering.width(piece.text, theme.BODY, piece.strong) + 0.42
    return Part(*inks)


def line(
    pieces: Sequence[Piece], y: float, left: float, room: float, size: float, colours: Colours, columns: int = 4
) -> Part:
    """A line of pieces from `left`, at most `room` wide: numbers lose columns first, then words their ends."""
    kept = list(pieces)
    while columns and _need(kept, size, columns) > room:
        columns -= 1
    while len(kept) > 1 and _need(kept, size, columns) > room and isinstance(kept[-1], Words):
        kept.pop()
    inks: list[Ink | Part] = []
    end = left + room
    for piece in kept:
        if end - left < 0.2:
            break
        inks.append(_draw(piece, (left, y), end - left, size, columns, colours))
        left += min(_extent(piece, size, columns), end - left) + GAP
    return Part(*inks)


def _shown(piece: Numbers, columns: int) -> Matrix | None:
    return matrix(piece.tensor, 2, columns) if columns and piece.tensor.shape != () else None


def _plain(piece: Numbers) -> str:
    return number_text(piece.tensor) if piece.tensor.shape == () and piece.tensor.data is not None else shape_text(piece.tensor.shape)


def _extent(piece: Piece, size: float, columns: int) -> float:
    if isinstance(piece, Words):
        return lettering.width(piece.text, _type(piece, size), piece.strong)
    if isinstance(piece, Formula):
        set_ = typeset(piece, size)
        return set_.width if set_ is not None else lettering.width(piece.text, 0.9 * size)
    label = lettering.width(piece.label, size) + 0.12 if piece.label else 0.0
    shown = _shown(piece, columns)
    return label + (lettering.width(_plain(piece), size) if shown is None else numbers_size(shown, size)[0])


def _type(piece: Words, size: float) -> float:
    return theme.LARGE if size == theme.FORMULA else size


def typeset(piece: Formula, size: float) -> lettering.Outline | None:
    """The equation as typeset outlines; None where it must be written as text."""
    return None


def _draw(piece: Piece, at: tuple[float, float], room: float, size: float, columns: int, colours: Colours) -> Part:
    left, y = at
    if isinstance(piece, Words):
        return Part(words(piece.text, _type(piece, size), getattr(colours, piece.tone), at, anchor="left", bold=piece.strong, room=room))
    if isinstance(piece, Formula):
        made = typeset(piece, size)
        if made is not None and made.width <= room:
            return Part(Ink(made.points + (left, y, 0.0), fill=colours.ink, text=piece.text, size=size))
        return Part(words(piece.text, 0.9 * size, colours.ink, at, anchor="left", room=room))
    inks: list[Ink | Part] = []
    tone = getattr(colours, piece.tone)
    if piece.label:
        inks.append(words(piece.label, size, tone, at, anchor="left", room=room))
        left += lettering.width(piece.label, size) + 0.12
    shown = _shown(piece, columns)
    if shown is None:
        rest = at[0] + room - left
        if rest > 0:
            inks.append(words(_plain(piece), size, colours.ink, (left, y), anchor="left", room=rest))
    else:
        inks.append(numbers(shown, size, colours, piece.tone, (left, y)))
    return Part(*inks)


# the sum at a leaf


def sum_parts(beat: Gather, colours: Colours) -> tuple[list[Part], Part]:
    """Each summand with its sign, and the sum, in the caption panel: as large as there is room."""
    everything = [*beat.parts, beat.total]
    signs = 0.62
    room = theme.GRAPH_WIDTH - 2 * PAD - signs * (len(everything) - 1) - (1.4 if beat.more else 0.0)
    sizes = (0.50,) if beat.total.tensor.shape == () else (0.34, 0.30, theme.BODY)
    choices = [(size, columns) for columns in (4, 3, 2, 1) for size in sizes] + [(theme.BODY, 0)]
    for size, columns in choices:
        extents = [max(_extent(replace(p, label=""), size, columns), lettering.width(p.label, theme.SMALLEST, True)) for p in everything]
        if sum(extents) <= room:
            break
    left = -theme.GRAPH_WIDTH / 2 + PAD
    parts = []
    for k, (piece, extent) in enumerate(zip(everything, extents, strict=True)):
        inks: list[Ink | Part] = []
        last = k == len(everything) - 1
        if last and beat.more:
            more = words(f"+ {beat.more} more", theme.BODY, colours.muted, (left - 0.3, SUM), anchor="left")
            inks.append(more)
            left += 1.4
        if k:
            inks.append(words("=" if last else "+", 0.44, colours.ink, (left - signs / 2, SUM), bold=True))
        tone = getattr(colours, piece.tone)
        bare = replace(piece, label="")
        wide = _extent(bare, size, columns)
        inks.append(words(piece.label, theme.SMALLEST, tone, (left + extent / 2, SUM + 0.46), bold=True))
        inks.append(_draw(bare, (left + (extent - wide) / 2, SUM), wide + 0.01, size, columns, colours))
        parts.append(Part(*inks))
        left += extent + signs
    return parts[:-1], parts[-1]


# the closing table

HEADS = ("leaf", "shape", "shares", "‖grad‖", "gradient")


def table(beat: Close, colours: Colours) -> list[Part]:
    """The closing table: its head, then a part for every line."""
    many = len(beat.rows) + (1 if beat.more else 0)
    top = theme.GRAPH_TOP - 0.25
    pitch = min(0.98, (top - 0.35 - theme.TAPE_MIDDLE) / max(many, 1))
    lines = 2 if pitch >= 0.80 else 1
    size = 0.30 if pitch > 0.6 else theme.BODY
    stops = _stops(beat, size, lines)
    used = stops[-1]
    left = -used / 2
    columns = [left + stop for stop in stops[:-1]]
    head = Part(
        *(words(text, theme.BODY, colours.muted, (x, top), anchor="left") for text, x in zip(HEADS, columns, strict=True)),
        Ink(line_points([(left, top - 0.26), (left + used, top - 0.26)]), stroke=colours.idle, width=1.8),
    )
    parts = [head]
    for k, row in enumerate(beat.rows):
        y = top - 0.35 - (k + 0.5) * pitch
        inks: list[Ink | Part] = [
            words(row.name, size * 1.1, colours.ink, (columns[0], y), anchor="left", bold=True),
            words(row.shape, size, colours.value, (columns[1], y), anchor="left"),
        ]
        if row.gradient is None:
            text = "no gradient" if beat.finished else "not run yet"
            inks.append(words(text, size, colours.muted, (columns[2], y), anchor="left"))
        else:
            inks.append(words(_arrived(row), size, colours.done, (columns[2], y), anchor="left", bold=True))
            inks.append(words(row.norm, size, colours.ink, (columns[3], y), anchor="left"))
            inks.append(_draw(Numbers(row.gradient, "", "done"), (columns[4], y), left + used - columns[4] + 0.01, size if lines == 1 else theme.BODY, _fit(row, left + used - columns[4], size), colours))
        parts.append(Part(*inks))
    if beat.more:
        y = top - 0.35 - (many - 0.5) * pitch
        parts.append(Part(words(f"… and {beat.more} more leaves", size, colours.muted, (columns[0], y), anchor="left")))
    return parts


def row_middle(beat: Close, k: int) -> tuple[float, float]:
    """Where the k-th line of the table begins."""
    many = len(beat.rows) + (1 if beat.more else 0)
    top = theme.GRAPH_TOP - 0.25
    pitch = min(0.98, (top - 0.35 - theme.TAPE_MIDDLE) / max(many, 1))
    return -theme.GRAPH_WIDTH / 2 + 2.0, top - 0.35 - (k + 0.5) * pitch


def _arrived(row: Row) -> str:
    return f"{'Σ' if row.shares > 1 else '✓'} {row.shares}/{row.shares}"


def _fit(row: Row, room: float, size: float) -> int:
    assert row.gradient is not None
    return next((c for c in (4, 3, 2, 1) if _extent(Numbers(row.gradient), min(size, theme.BODY), c) <= room + 1e-6), 0)


def _stops(beat: Close, size: float, lines: int) -> list[float]:
    """Where the columns begin, and the width of the whole table."""
    gap = 0.75
    widths = [
        max([lettering.width(HEADS[0], theme.BODY), *(lettering.width(row.name, size * 1.1, True) for row in beat.rows)]),
        max([lettering.width(HEADS[1], theme.BODY), *(lettering.width(row.shape, size) for row in beat.rows)]),
        max([lettering.width(HEADS[2], theme.BODY), *(lettering.width("Σ 9/9" if row.gradient is not None else "no gradient", size, True) for row in beat.rows)]),
        max([lettering.width(HEADS[3], theme.BODY), *(lettering.width(row.norm, size) for row in beat.rows)]),
    ]
    stops = [0.0]
    for wide in widths:
        stops.append(stops[-1] + wide + gap)
    room = theme.GRAPH_WIDTH - stops[-1]
    last = [_extent(Numbers(row.gradient), theme.BODY if lines == 2 else size, 4) for row in beat.rows if row.gradient is not None]
    stops.append(stops[-1] + min(room, max([lettering.width(HEADS[4], theme.BODY), *last])))
    return stops
