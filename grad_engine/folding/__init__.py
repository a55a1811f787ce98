"""What of a record is shown, and what of it is shown as one.

In flows a record (`grad_engine.record`) and its index; out flow items and links (`items`), equal parts, repeats and
chains (`structure`), several ops as one box (`groups`), closed modules as boxes (`module_tree`), or the part of a
record that is to be seen (`views`). Tree, draw, story and film read the answer here, so that they agree.
"""

from grad_engine.folding.groups import GROUP, MOST_OPS, Fold, Groups
from grad_engine.folding.items import Link, drawn
from grad_engine.folding.module_tree import Group, Module, by_module, hierarchy, in_few, module_view, modules
from grad_engine.folding.structure import Repeat, chains, equal, repeats, signature
from grad_engine.folding.views import FOLDS, View, view

__all__ = [
    "FOLDS",
    "GROUP",
    "MOST_OPS",
    "Fold",
    "Group",
    "Groups",
    "Link",
    "Module",
    "Repeat",
    "View",
    "by_module",
    "chains",
    "drawn",
    "equal",
    "hierarchy",
    "in_few",
    "module_view",
    "modules",
    "repeats",
    "signature",
    "view",
]
