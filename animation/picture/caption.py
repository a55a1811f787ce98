"""The caption panel: columns side by side, each with its rule above and its numbers below, fitted to their room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from grad_engine.draw.palette import Palette as Colours
from grad_engine.story.beats import Beat, Column, Gather, Numbers, Piece, Words

from .. import theme
from ..render.primitives import Part, Primitive
from .pieces import FEWER, P, line, width_needed
from .shapes import line_points
from .text import shortened, text_width, words

# How a caption is set if it does not fit otherwise: size of the type, remarks, fewest columns of numbers.
GIVING_WAY = ((1.0, 2, 2), (1.0, 1, 2), (0.9, 1, 2), (0.8, 1, 2), (0.7, 1, 2), (0.8, 1, 0), (0.7, 1, 0), (0.7, 0, 0))
ABOVE = 0.47
BELOW = theme.PANEL_MIDDLE - 0.36
LEADING = 0.42  # between the lines of a sentence


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
    primitives: list[Primitive | Part] = []
    left = -theme.GRAPH_WIDTH / 2 + theme.PANEL_PAD
    for k, (column, wide, most) in enumerate(zip(columns, how.widths, how.most, strict=True)):
        if k:
            x, half = left - theme.PANEL_PAD, theme.PANEL_HEIGHT / 2 - 0.24
            ends = [(x, theme.PANEL_MIDDLE - half), (x, theme.PANEL_MIDDLE + half)]
            primitives.append(Primitive(line_points(ends), stroke=colours.idle, width=1.6))
        above = theme.PANEL_MIDDLE + (0.50 if isinstance(beat, Gather) else ABOVE if column.did else 0.0)
        ruled = min(width_needed(column.rule, rule), wide)
        notes = _notes(_remarks(column.notes, how.said), above, left + wide, wide - ruled - 0.3, colours)
        primitives += [line(column.rule, above, left, ruled + 0.01, rule, colours), notes]
        if column.did:
            did = _remarks(column.did, how.said)
            broken = _broken(did, wide, below)
            primitives += [
                line(pieces, BELOW + LEADING * (0.5 * (len(broken) - 1) - k), left, wide + 0.01, below, colours, most)
                for k, pieces in enumerate(broken)
            ]
        left += wide + 2 * theme.PANEL_PAD
    return Part(*primitives)


def _sentence(pieces: Sequence[Piece]) -> Words | None:
    """The words that are all there is in a line."""
    return pieces[0] if len(pieces) == 1 and isinstance(pieces[0], Words) else None


def _broken(pieces: Sequence[Piece], room: float, size: float) -> list[Sequence[Piece]]:
    """A line of pieces; a sentence that is too long for one is broken into two, nearly as long as each other."""
    sentence = _sentence(pieces)
    if sentence is None or (long := text_width(sentence.text, size, sentence.strong)) <= room:
        return [pieces]
    words_ = sentence.text.split(" ")
    breaks = [(" ".join(words_[:k]), " ".join(words_[k:])) for k in range(1, len(words_))]
    halves = min(breaks, key=lambda pair: abs(text_width(pair[0], size, sentence.strong) - 0.55 * long), default=())
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
    free = theme.GRAPH_WIDTH - 2 * theme.PANEL_PAD - 2 * theme.PANEL_PAD * (len(columns) - 1)
    for scale, said, least in GIVING_WAY:
        most = [4] * len(columns)
        below = max(theme.SMALLEST, scale * _did_size(columns))

        def needs(
            scale: float = scale, said: int = said, below: float = below, most: Sequence[int] = most
        ) -> list[float]:
            found = []
            for column, many in zip(columns, most, strict=True):
                rule = width_needed(column.rule, theme.LARGE * scale) + _noted(columns, column, said)
                did = _broken(_remarks(column.did, said), free / len(columns) - 0.1, below)
                found.append(max(rule, *(width_needed(pieces, below, many) for pieces in did)) + 0.1)
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
    named = (
        min(width_needed(columns[0].rule, theme.LARGE * scale) + 0.1, free / len(columns)) if len(columns) > 1 else free
    )
    others = sum(now[1:])
    return Setting(scale, scale, said, tuple(most), (named, *((free - named) * need / others for need in now[1:])))


def _rule_scale(columns: Sequence[Column], widths: Sequence[float], said: int, least: float) -> float:
    """How large the upper line can be, where it is the lower one that needs small type."""
    for scale in (1.0, 0.9, 0.8):
        needs = [width_needed(column.rule, theme.LARGE * scale) + _noted(columns, column, said) for column in columns]
        if scale > least and all(need <= wide for need, wide in zip(needs, widths, strict=True)):
            return scale
    return least


def _noted(columns: Sequence[Column], column: Column, said: int) -> float:
    """How much room the remarks at a rule are given: in one column alone they have what the rule leaves."""
    notes = _remarks(column.notes, said) if len(columns) > 1 else ()
    return sum(text_width(note.text, theme.BODY) + 0.42 for note in notes)


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


def _notes(pieces: Sequence[Words], y: float, right: float, room: float, colours: Colours) -> Part:
    kept: list[Words] = []
    for piece in pieces:
        for text in (piece.text, piece.brief or "", shortened(piece.text, theme.BODY, room, piece.strong)):
            if text and text_width(text, theme.BODY, piece.strong) <= room:
                break
        if not text or (text not in (piece.text, piece.brief) and kept):
            break
        kept.append(replace(piece, text=text))
        room -= text_width(text, theme.BODY, piece.strong) + 0.42
    primitives = []
    for piece in reversed(kept):
        primitives.append(
            words(piece.text, theme.BODY, getattr(colours, piece.tone), (right, y), anchor="right", bold=piece.strong)
        )
        right -= text_width(piece.text, theme.BODY, piece.strong) + 0.42
    return Part(*primitives)
