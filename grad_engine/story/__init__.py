"""What a record tells: what happens, in which order, with which words and numbers. Pure data, no drawing.

In flows a record or a view of one (`grad_engine.folding`); out flow beats (`beats`), each with its caption, subtitle
and duration. The film draws them; any other reader can as well. `values` and `names` say how numbers and tensors are
written, `wording` holds the words that several beats share, `telling` makes the beats.
"""

from grad_engine.story.beats import (
    FRAME,
    Beat,
    Build,
    Close,
    Column,
    Flow,
    Formula,
    Gather,
    Numbers,
    Outlook,
    Piece,
    Row,
    Run,
    Seed,
    Sent,
    Turn,
    Words,
)
from grad_engine.story.telling import PHASES, story

__all__ = [
    "FRAME",
    "PHASES",
    "Beat",
    "Build",
    "Close",
    "Column",
    "Flow",
    "Formula",
    "Gather",
    "Numbers",
    "Outlook",
    "Piece",
    "Row",
    "Run",
    "Seed",
    "Sent",
    "Turn",
    "Words",
    "story",
]
