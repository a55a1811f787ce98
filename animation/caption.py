"""The words of the film: the caption panel, the sum of shares, the closing table. Everything is fitted to its room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from animation import formulas, lettering, theme
from animation.figures import Matrix, matrix, number_text, shape_text
from animation.glyphs import line_points, numbers, numbers_size, toned, words
from animation.ink import Ink, Part
from animation.story import Beat, Close, Column, Formula, Gather, Numbers, Piece, Row, Words
from grad_engine.draw.palette import Palette as Colours
from grad_engine.draw.typst import formula_typst, named
from grad_engine.errors import GradEngineError

P = TypeVar("P", bound=Piece)

PAD = 0.30
GAP = 0.20
# How a caption is set if it does not fit otherwise: size of the type, remarks, fewest columns of numbers.
GIVING_WAY = ((1.0, 2, 2), (1.0, 1, 2), (0.9, 1, 2), (0.8, 1, 2), (0.7, 1, 2), (0.8, 1, 0), (0.7, 1, 0), (0.7, 0, 0))
FEWER = {4: 3, 3: 2, 2: 0}  # columns of numbers that are shown: one alone would be dots
MATHS = 1.06  # size of a formula that is typeset beside words, and of one that is written as text
TEXT = 0.85
HIGHEST = 0.66  # a formula in the upper line
ABOVE = 0.47
BELOW = theme.PANEL_MIDDLE - 0.36
LEADING = 0.42  # between the lines of a sentence
LEAST_GAP = 0.5  # between the columns of the table
# Rows of each matrix in the closing table, and the size of their type: the first that fits is taken.
TYPES = (*((2, size) for size in (0.40, 0.37, 0.34, 0.31, 0.29, 0.27)), *((1, size) for size in (0.36, 0.31, 0.27)))
SUM = theme.PANEL_MIDDLE - 0.44


@dataclass(frozen=True, slots=True)
class Setting:
    """How the columns of a caption share the panel."""

    rule: float  # size of the type in the upper line, as a part of its largest
    scale: float  # and in the lower line
    said: int  # of the remarks: 2 all, 1 in brief, 0 none
    most: tuple[int, ...]  # columns of numbers in each matrix
    widths: tuple[float, ...]


def caption(beat: Beat, colours: Colours) -> Part:
    """What the caption panel says: columns side by side, each with its rule above and its numbers below."""
    columns = [replace(column, did=()) for column in beat.columns] if isinstance(beat, Gather) else beat.columns
    how = _setting(columns)
    rule, below = theme.LARGE * how.rule, max(theme.SMALLEST, how.scale * _did_size(columns))
    inks: list[Ink | Part] = []
    left = -theme.GRAPH_WIDTH / 2 + PAD
    for k, (column, wide, most) in enumerate(zip(columns, how.widths, how.most, strict=True)):
        if k:
            x, half = left - PAD, theme.PANEL_HEIGHT / 2 - 0.24
            ends = [(x, theme.PANEL_MIDDLE - half), (x, theme.PANEL_MIDDLE + half)]
            inks.append(Ink(line_points(ends), stroke=colours.idle, width=1.6))
        above = theme.PANEL_MIDDLE + (0.50 if isinstance(beat, Gather) else ABOVE if column.did else 0.0)
        ruled = min(_need(column.rule, rule), wide)
        notes = _notes(_remarks(column.notes, how.said), above, left + wide, wide - ruled - 0.3, colours)
        inks += [line(column.rule, above, left, ruled + 0.01, rule, colours), notes]
        if column.did:
            did = _remarks(column.did, how.said)
            broken = _broken(did, wide, below)
            inks += [
                line(pieces, BELOW + LEADING * (0.5 * (len(broken) - 1) - k), left, wide + 0.01, below, colours, most)
                for k, pieces in enumerate(broken)
            ]
        left += wide + 2 * PAD
    return Part(*inks)


def _sentence(pieces: Sequence[Piece]) -> Words | None:
    """The words that are all there is in a line."""
    return pieces[0] if len(pieces) == 1 and isinstance(pieces[0], Words) else None


def _broken(pieces: Sequence[Piece], room: float, size: float) -> list[Sequence[Piece]]:
    """A line of pieces; a sentence that is too long for one is broken into two, nearly as long as each other."""
    sentence = _sentence(pieces)
    if sentence is None or (long := lettering.width(sentence.text, size, sentence.strong)) <= room:
        return [pieces]
    words_ = sentence.text.split(" ")
    breaks = [(" ".join(words_[:k]), " ".join(words_[k:])) for k in range(1, len(words_))]
    halves = min(
        breaks, key=lambda pair: abs(lettering.width(pair[0], size, sentence.strong) - 0.55 * long), default=()
    )
    return [(replace(sentence, text=half),) for half in halves] or [pieces]


def _did_size(columns: Sequence[Column]) -> float:
    """The type size of the lower line: larger where there is no more than a sentence, or a number in every column."""
    if len(columns) == 1 and (sentence := _sentence(columns[0].did)) and sentence.tone == "ink":
        return theme.LARGE
    shown = [[piece for piece in column.did if isinstance(piece, Numbers)] for column in columns if column.did]
    single = all(some and all(piece.tensor.shape == () for piece in some) for some in shown)
    return theme.LARGE if shown and single else theme.BODY


def _setting(columns: Sequence[Column]) -> Setting:
    """What has to give way so that all columns fit: numbers, then remarks, then the size of the type."""
    free = theme.GRAPH_WIDTH - 2 * PAD - 2 * PAD * (len(columns) - 1)
    for scale, said, least in GIVING_WAY:
        most = [4] * len(columns)
        below = max(theme.SMALLEST, scale * _did_size(columns))

        def needs(
            scale: float = scale, said: int = said, below: float = below, most: Sequence[int] = most
        ) -> list[float]:
            found = []
            for column, many in zip(columns, most, strict=True):
                rule = _need(column.rule, theme.LARGE * scale) + _noted(columns, column, said)
                did = _broken(_remarks(column.did, said), free / len(columns) - 0.1, below)
                found.append(max(rule, *(_need(pieces, below, many) for pieces in did)) + 0.1)
            return found

        # The gradient that comes in has been seen before, so it gives way first; then whoever shows most.
        while sum(now := needs()) > free:
            gains = []
            for k, many in enumerate(most):
                if many > least:
                    most[k] = FEWER[many]
                    gains.append((k == 0 and many > 2, now[k] - needs()[k] > 0.05, many, -k))
                    most[k] = many
            if not gains:
                break
            k = -max(gains)[3]
            most[k] = FEWER[most[k]]
        else:
            spare = (free - sum(now)) / len(now)
            widths = tuple(need + spare for need in now)
            return Setting(_rule_scale(columns, widths, said, scale), scale, said, tuple(most), widths)
    # The name of an op is the last to be shortened.
    named = min(_need(columns[0].rule, theme.LARGE * scale) + 0.1, free / len(columns)) if len(columns) > 1 else free
    others = sum(now[1:])
    return Setting(scale, scale, said, tuple(most), (named, *((free - named) * need / others for need in now[1:])))


def _rule_scale(columns: Sequence[Column], widths: Sequence[float], said: int, least: float) -> float:
    """How large the upper line can be, where it is the lower one that needs small type."""
    for scale in (1.0, 0.9, 0.8):
        needs = [_need(column.rule, theme.LARGE * scale) + _noted(columns, column, said) for column in columns]
        if scale > least and all(need <= wide for need, wide in zip(needs, widths, strict=True)):
            return scale
    return least


def _noted(columns: Sequence[Column], column: Column, said: int) -> float:
    """How much room the remarks at a rule are given: in one column alone they have what the rule leaves."""
    notes = _remarks(column.notes, said) if len(columns) > 1 else ()
    return sum(lettering.width(note.text, theme.BODY) + 0.42 for note in notes)


def _remarks(pieces: Sequence[P], said: int) -> list[P]:
    """The pieces, with what is left of the remarks among them."""
    found: list[P] = []
    for piece in pieces:
        if isinstance(piece, Words) and piece.brief is not None and said < 2:
            if said and piece.brief:
                found.append(replace(piece, text=piece.brief))
        else:
            found.append(piece)
    return found


def _need(pieces: Sequence[Piece], size: float, columns: int = 4) -> float:
    return sum(_extent(piece, size, columns) for piece in pieces) + GAP * max(len(pieces) - 1, 0)


def _notes(pieces: Sequence[Words], y: float, right: float, room: float, colours: Colours) -> Part:
    kept: list[Words] = []
    for piece in pieces:
        for text in (piece.text, piece.brief or "", lettering.shortened(piece.text, theme.BODY, room, piece.strong)):
            if text and lettering.width(text, theme.BODY, piece.strong) <= room:
                break
        if not text or (text not in (piece.text, piece.brief) and kept):
            break
        kept.append(replace(piece, text=text))
        room -= lettering.width(text, theme.BODY, piece.strong) + 0.42
    inks = []
    for piece in reversed(kept):
        inks.append(
            words(piece.text, theme.BODY, getattr(colours, piece.tone), (right, y), anchor="right", bold=piece.strong)
        )
        right -= lettering.width(piece.text, theme.BODY, piece.strong) + 0.42
    return Part(*inks)


def line(
    pieces: Sequence[Piece], y: float, left: float, room: float, size: float, colours: Colours, columns: int = 4
) -> Part:
    """A line of pieces from `left`, at most `room` wide: numbers lose columns first, then words their ends."""
    kept = list(pieces)
    while columns > 2 and _need(kept, size, columns) > room:
        columns = FEWER[columns]
    while len(kept) > 1 and _need(kept, size, columns) > room and isinstance(last := kept[-1], Words):
        if last.strong:  # the name of an op is shortened, never dropped
            break
        kept.pop()
    if columns and _need(kept, size, columns) > room:
        columns = 0
    inks: list[Ink | Part] = []
    end = left + room
    for piece in kept:
        if end - left < 0.2:
            break
        inks.append(_draw(piece, (left, y), end - left, size, columns, colours))
        left += min(_extent(piece, size, columns), end - left) + GAP
    return Part(*inks)


def _shown(piece: Numbers, columns: int) -> Matrix | None:
    if not columns or piece.tensor.shape == ():
        return None
    return matrix(piece.tensor, piece.lines, columns if len(piece.tensor.shape) > 1 else 2 * columns - 1)


def _plain(piece: Numbers) -> str:
    return (
        number_text(piece.tensor)
        if piece.tensor.shape == () and piece.tensor.data is not None
        else shape_text(piece.tensor.shape)
    )


def _extent(piece: Piece, size: float, columns: int) -> float:
    if isinstance(piece, Words):
        return lettering.width(piece.text, size, piece.strong)
    if isinstance(piece, Formula):
        made = _fitted(piece, size, theme.GRAPH_WIDTH)
        return lettering.width(piece.text, _text(size)) if made is None else _long(*made)
    label = lettering.width(piece.label, size) + 0.12 if piece.label else 0.0
    shown = _shown(piece, columns)
    return label + (lettering.width(_plain(piece), size) if shown is None else numbers_size(shown, size)[0])


def _height(piece: Numbers, size: float, columns: int) -> float:
    shown = _shown(piece, columns)
    return size if shown is None else numbers_size(shown, size)[1]


def _text(size: float) -> float:
    return max(theme.SMALLEST, TEXT * size)


def typeset(piece: Formula, size: float) -> tuple[lettering.Outline, lettering.Outline] | None:
    """The name on the left of an equation and the rest of it as typeset outlines; None where they cannot be set."""
    try:
        right = formula_typst(piece.tree, piece.names, scalars=piece.scalars)
    except GradEngineError:
        return None
    name = f"overline({named(piece.target)})" if piece.barred else named(piece.target)
    sign = '"+"#h(0pt)=' if piece.relation == "+=" else "="
    left, rest = formulas.typeset(name, size), formulas.typeset(f"{sign} {right}", size)
    return (left, rest) if left is not None and rest is not None else None


def _fitted(piece: Formula, size: float, room: float) -> tuple[lettering.Outline, lettering.Outline, float] | None:
    """The typeset equation at the largest type size at which it is not too wide and not too high, and that size."""
    for smaller in (MATHS * size, size, 0.92 * size, 0.84 * size, 0.76 * size):
        made = typeset(piece, smaller) if smaller >= theme.SMALLEST else None
        if made is not None and _long(*made, smaller) <= room and max(o.top - o.bottom for o in made) <= HIGHEST:
            return *made, smaller
    return None


def _long(name: lettering.Outline, equation: lettering.Outline, size: float) -> float:
    return name.width + 0.25 * size + equation.width


def _draw(piece: Piece, at: tuple[float, float], room: float, size: float, columns: int, colours: Colours) -> Part:
    left, y = at
    if isinstance(piece, Words):
        return Part(
            words(
                piece.text,
                size,
                getattr(colours, piece.tone),
                at,
                anchor="left",
                bold=piece.strong,
                room=room,
            )
        )
    if isinstance(piece, Formula):
        made = _fitted(piece, size, room)
        if made is None:
            return Part(words(piece.text, _text(size), colours.ink, at, anchor="left", room=room))
        name, equation, used = made
        tallest = max(name.top, equation.top) - min(name.bottom, equation.bottom)
        # A fraction is centred on the line, anything lower stands on it like the words beside it.
        base = y - (max(name.top, equation.top) - tallest / 2 if tallest > 0.55 else lettering.cap_height(size) / 2)
        tone = colours.gradient if piece.barred else colours.value
        return Part(
            Ink(name.shape, fill=tone, at=(left, base), text=piece.target, size=used),
            Ink(
                equation.shape,
                fill=colours.ink,
                at=(left + name.width + 0.25 * used, base),
                text=piece.text,
                size=used,
            ),
        )
    inks: list[Ink | Part] = []
    tone = getattr(colours, piece.tone)
    if piece.label:
        inks.append(words(piece.label, size, tone, at, anchor="left", room=room))
        left += lettering.width(piece.label, size) + 0.12
    shown = _shown(piece, columns)
    if shown is None:
        rest = at[0] + room - left
        if rest > 0:
            said = _plain(piece)
            inks.append(words(said, size, toned(said, colours.ink, colours), (left, y), anchor="left", room=rest))
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
    choices = [(size, columns) for columns in (4, 3, 2) for size in sizes] + [(theme.BODY, 0)]
    for size, columns in choices:
        extents = [
            max(_extent(replace(p, label=""), size, columns), lettering.width(p.label, theme.SMALLEST, True))
            for p in everything
        ]
        high = max(_height(piece, size, columns) for piece in everything)
        if sum(extents) <= room and high <= 0.80:
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
        inks.append(
            words(piece.label, theme.SMALLEST, tone, (left + extent / 2, SUM + max(0.40, high / 2 + 0.18)), bold=True)
        )
        inks.append(_draw(bare, (left + (extent - wide) / 2, SUM), wide + 0.01, size, columns, colours))
        parts.append(Part(*inks))
        left += extent + signs
    return parts[:-1], parts[-1]


# the closing table


def table(beat: Close, colours: Colours) -> list[Part]:
    """The closing table: its head, then a part for every line."""
    top, pitch = _grid(beat)
    for lines, type_size in TYPES:
        size = max(theme.BODY, min(0.40, 0.5 * pitch, 1.15 * type_size))
        heads, cells_ = _cells(beat, lines)
        widths = [
            max([lettering.width(head, theme.BODY), *(_cell_size(row[k], size, type_size)[0] for row in cells_)])
            for k, head in enumerate(heads)
        ]
        high = max((_cell_size(cell, size, type_size)[1] for row in cells_ for cell in row), default=0.0)
        if high <= 0.94 * pitch and sum(widths) + LEAST_GAP * (len(widths) - 1) <= theme.GRAPH_WIDTH:
            break
    gap = min(1.2, (theme.GRAPH_WIDTH - sum(widths)) / (len(widths) - 1))
    used = min(sum(widths) + gap * (len(widths) - 1), theme.GRAPH_WIDTH)
    stops = [-used / 2 + sum(widths[:k]) + gap * k for k in range(len(widths))]
    rule = [(-used / 2, top - 0.28), (used / 2, top - 0.28)]
    head = [
        words(text, theme.BODY, colours.muted, (x, top), anchor="left") for text, x in zip(heads, stops, strict=True)
    ]
    parts = [Part(*head, Ink(line_points(rule), stroke=colours.idle, width=1.8))]
    for k, row in enumerate(cells_):
        y = top - 0.40 - (k + 0.5) * pitch
        inks: list[Ink | Part] = []
        for x, cell in zip(stops, row, strict=True):
            room = used / 2 - x + 0.01
            if isinstance(cell, Numbers):
                kind = size if cell.tensor.shape == () else type_size
                inks.append(_draw(cell, (x, y), room, kind, _fit(cell, room, kind), colours))
            elif cell is not None:
                inks.append(
                    words(
                        cell.text, size, getattr(colours, cell.tone), (x, y), anchor="left", bold=cell.strong, room=room
                    )
                )
        parts.append(Part(*inks))
    if beat.more:
        y = top - 0.40 - (len(cells_) + 0.5) * pitch
        more = f"… and {beat.more} more {'leaf' if beat.more == 1 else 'leaves'}"
        parts.append(Part(words(more, size, colours.muted, (stops[0], y), anchor="left")))
    return parts


def _grid(beat: Close) -> tuple[float, float]:
    """Where the head of the table stands, and how far its lines are apart."""
    many = len(beat.rows) + (1 if beat.more else 0)
    high, low = theme.GRAPH_TOP - 0.15, theme.PANEL_MIDDLE + theme.PANEL_HEIGHT / 2 + 0.2
    pitch = min(1.3, (high - low - 0.40) / max(many, 1))
    return high - max(0.0, (high - low - 0.40 - pitch * many) / 2) * 0.8, pitch


def _cells(beat: Close, lines: int) -> tuple[tuple[str, ...], list[tuple[Words | Numbers | None, ...]]]:
    """What stands in the table: numbers need neither a shape nor a norm."""
    single = all(row.leaf.shape == () for row in beat.rows)
    heads = ("leaf", "value", "shares", "gradient") if single else ("leaf", "shape", "shares", "‖grad‖", "gradient")
    found: list[tuple[Words | Numbers | None, ...]] = []
    for row in beat.rows:
        name = Words(row.name, "ink", True)
        value = Numbers(row.leaf, "", "value") if single else Words(shape_text(row.leaf.shape), "value")
        if row.gradient is None:
            rest: tuple[Words | Numbers | None, ...] = (
                Words("not reached" if beat.finished else "not run yet", "muted"),
                None,
            )
        else:
            rest = Words(_arrived(row), "done", True), Numbers(row.gradient, "", "done", lines)
        if not single:
            tone = "nonfinite" if row.norm in ("NaN", "∞") else "ink"
            rest = (rest[0], Words(row.norm, tone) if row.norm else None, rest[1])
        found.append((name, value, *rest))
    return heads, found


def _cell_size(cell: Words | Numbers | None, size: float, type_size: float) -> tuple[float, float]:
    """How wide and high a cell is, with words and numbers of these sizes."""
    if cell is None:
        return 0.0, 0.0
    if isinstance(cell, Words):
        return lettering.width(cell.text, size, cell.strong), size
    kind = size if cell.tensor.shape == () else type_size
    return _extent(cell, kind, 4), _height(cell, kind, 4)


def _arrived(row: Row) -> str:
    if not row.shares:  # it has a gradient all the same
        return "held"
    held = "held + " if row.held else ""
    return f"{'Σ' if row.shares > 1 or row.held else '✓'} {held}{row.shares}/{row.shares}"


def _fit(cell: Numbers, room: float, size: float) -> int:
    return next((columns for columns in (4, 3, 2) if _extent(cell, size, columns) <= room), 0)
