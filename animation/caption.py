"""The words of the film: the caption panel, the sum of shares, the closing table. Everything is fitted to its room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from animation import lettering, theme
from animation.glyphs import Colours, Ink, Part, card_points, line_points, numbers, numbers_size, words
from animation.numbers import Matrix, matrix, number_text, shape_text
from animation.story import Close, Column, Formula, Gather, Numbers, Piece, Row, Words

PAD = 0.30
GAP = 0.20


def caption(columns: Sequence[Column], colours: Colours) -> Part:
    """What the caption panel says: columns side by side, each with its rule above and its numbers below."""
    inks: list[Ink | Part] = []
    room = theme.GRAPH_WIDTH - 2 * PAD
    left = -theme.GRAPH_WIDTH / 2 + PAD
    shares = _shares(columns, room)
    for k, (column, wide) in enumerate(zip(columns, shares, strict=True)):
        if k:
            x = left - PAD
            half = theme.PANEL_HEIGHT / 2 - 0.24
            inks.append(Ink(line_points([(x, theme.PANEL_MIDDLE - half), (x, theme.PANEL_MIDDLE + half)]), stroke=colours.idle, width=1.6))
        above = theme.PANEL_MIDDLE + (0.40 if column.did else 0.0)
        notes = _notes(column.notes, above, left + wide, 0.62 * wide, colours)
        taken = left + wide - float(notes.get_left()[0]) + 0.4 if notes.inks else 0.0
        inks += [line(column.rule, above, left, wide - taken, theme.FORMULA, colours), notes]
        if column.did:
            inks.append(line(column.did, theme.PANEL_MIDDLE - 0.33, left, wide, theme.BODY, colours))
        left += wide + 2 * PAD
    return Part(*inks)


def _shares(columns: Sequence[Column], room: float) -> list[float]:
    """How wide each column is: what it needs if all fit, else what it needs cut in proportion."""
    free = room - 2 * PAD * (len(columns) - 1)
    if len(columns) == 1:
        return [free]
    needs = [max(_need(column.rule, theme.FORMULA), _need(column.did, theme.BODY)) + 0.1 for column in columns]
    spare = free - sum(needs)
    if spare >= 0:
        return [need + spare / len(needs) for need in needs]
    return [need * free / sum(needs) for need in needs]


def _need(pieces: Sequence[Piece], size: float) -> float:
    return sum(_extent(piece, size, 4) for piece in pieces) + GAP * max(len(pieces) - 1, 0)


def _notes(pieces: Sequence[Words], y: float, right: float, room: float, colours: Colours) -> Part:
    inks: list[Ink] = []
    for piece in reversed(pieces):
        text = lettering.shortened(piece.text, theme.BODY, room)
        if text != piece.text and inks:
            break
        inks.append(words(text, theme.BODY, getattr(colours, piece.tone), (right, y), anchor="right", bold=piece.strong))
        wide = lettering.width(text, theme.BODY, piece.strong) + 0.42
        right, room = right - wide, room - wide
    return Part(*inks)


def line(pieces: Sequence[Piece], y: float, left: float, room: float, size: float, colours: Colours) -> Part:
    """A line of pieces from `left`, at most `room` wide: numbers lose columns first, then words their ends."""
    kept = list(pieces)
    columns = 4
    while columns and sum(_extent(p, size, columns) for p in kept) + GAP * (len(kept) - 1) > room:
        columns -= 1
    while len(kept) > 1 and sum(_extent(p, size, columns) for p in kept) + GAP * (len(kept) - 1) > room and isinstance(kept[-1], Words):
        kept.pop()
    inks: list[Ink | Part] = []
    end = left + room
    for piece in kept:
        if end - left < 0.2:
            break
        drawn = _draw(piece, (left, y), end - left, size, columns, colours)
        inks.append(drawn)
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


def sum_places(beat: Gather) -> tuple[list[tuple[float, float]], float, int]:
    """Where the summands and the sum stand on the plate (left, width of each), how wide it is, columns shown of each."""
    size = sum_size(beat)
    everything = [*beat.parts, beat.total]
    room = theme.GRAPH_WIDTH - 1.6
    for columns in (4, 3, 2, 1, 0):
        extents = [max(_extent(replace(p, label=""), size, columns), lettering.width(p.label, theme.BODY) + 0.1) for p in everything]
        wide = sum(extents) + 0.7 * (len(everything) - 1) + (1.3 if beat.more else 0.0)
        if wide <= room:
            break
    left = -wide / 2
    places = []
    for k, extent in enumerate(extents):
        if k == len(extents) - 1 and beat.more:
            left += 1.3
        places.append((left, extent))
        left += extent + 0.7
    return places, wide + 1.0, columns


def sum_size(beat: Gather) -> float:
    """The type size of the numbers on the plate."""
    return 0.56 if beat.total.tensor.shape == () else 0.34


def sum_parts(beat: Gather, y: float, colours: Colours) -> tuple[Part, list[Part], Part]:
    """The plate of a sum; each summand with its sign; the equals sign with the sum."""
    places, wide, columns = sum_places(beat)
    size = sum_size(beat)
    high = 2.05
    plate = Part(Ink(card_points(wide, high, 0.2, (0.0, y)), fill=colours.panel, stroke=colours.gradient, width=2.6))
    summands = []
    for k, (part, (left, extent)) in enumerate(zip(beat.parts, places, strict=False)):
        inks = _summand(part, left, extent, y, size, columns, colours)
        if k:
            inks.append(words("+", 0.5, colours.ink, (left - 0.35, y - 0.12), bold=True))
        summands.append(Part(*inks))
    if beat.more:
        summands.append(Part(words(f"+ {beat.more} more", theme.LARGE, colours.muted, (places[-1][0] - 1.35, y - 0.12))))
    left, extent = places[-1]
    inks = _summand(beat.total, left, extent, y, size, columns, colours)
    inks.append(words("=", 0.5, colours.ink, (left - 0.35, y - 0.12), bold=True))
    return plate, summands, Part(*inks)


def _summand(part: Numbers, left: float, extent: float, y: float, size: float, columns: int, colours: Colours) -> list[Ink | Part]:
    middle = left + extent / 2
    wide = _extent(replace(part, label=""), size, columns)
    return [
        words(part.label, theme.BODY, getattr(colours, part.tone), (middle, y + 0.66), bold=True),
        _draw(replace(part, label=""), (middle - wide / 2, y - 0.12), wide + 0.01, size, columns, colours),
    ]


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
    return next((c for c in (4, 3, 2, 1) if _extent(Numbers(row.gradient), min(size, theme.BODY), c) <= room), 0)


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
