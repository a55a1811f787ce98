"""What a record tells: what happens, in which order, with which words and numbers. Pure data, no drawing.

In flows a record or a view of one (`grad_engine.folding`); out flow beats (`beats`), each with its caption, subtitle
and duration. The film draws them; any other reader can as well. `values` and `names` say how numbers and tensors are
written, `wording` holds the words that several beats share, `telling` makes the beats.

`lesson` is the story that explains: `chooser` takes scenes (`scenes`) by their worth until the time that is given is
used, with the words of `lesson_words`, over the parts of the graph in `units`. It follows one number of one leaf
through the nudge, the paths and the check that the record holds (`explain`). `lesson_facts` reads names and numbers
from the record, `equations` writes rules with numbers that hold as they are written (`spelling`), and `insets` are the
curves, bars and matrices beside the words (`lesson_insets` makes them).
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
from grad_engine.story.chooser import as_table, lesson
from grad_engine.story.scenes import Lesson, Scene, Token
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
    "Lesson",
    "Numbers",
    "Outlook",
    "Piece",
    "Row",
    "Run",
    "Scene",
    "Seed",
    "Sent",
    "Token",
    "Turn",
    "Words",
    "as_table",
    "lesson",
    "story",
]
