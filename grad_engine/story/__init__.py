"""What a record tells: why its gradients are what they are, in scenes with words and numbers. Pure data, no drawing.

In flows a record; out flows a lesson (`lesson`), which the film draws; any other reader can as well. `chooser` takes
scenes (`scenes`) by their worth until the time that is given is used, with the words of `lesson_words`, over the parts
of the graph in `units`; a large graph is a row of `boxes`, and sentences name only what is drawn. A lesson follows one
number of one leaf through the nudge, the paths and the check that the record holds (`explain`). `lesson_facts` reads
names and numbers from the record, `equations` writes rules with numbers that hold as they are written (`spelling`), and
`insets` are the curves, bars and matrices beside the words (`lesson_insets` makes them). `values`, `names` and
`wording` say how numbers, tensors and lists are written; the page uses them too.
"""

from grad_engine.story.chooser import PHASES, as_table, lesson
from grad_engine.story.scenes import Lesson, Scene, Token

__all__ = ["PHASES", "Lesson", "Scene", "Token", "as_table", "lesson"]
