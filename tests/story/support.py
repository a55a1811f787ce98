"""What tests of stories share."""

from __future__ import annotations

from grad_engine.story.beats import Beat


def told(beat: Beat) -> str:
    """All words of a beat's caption."""
    return " | ".join(
        piece.text for column in beat.columns for piece in (*column.rule, *column.notes, *column.did) if piece.text
    )


def named(beats: tuple[Beat, ...], name: str) -> Beat:
    return next(beat for beat in beats if beat.name == name)
