"""What a tree shows of a record: closed modules as single nodes, of which the ops inside answer."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from grad_engine.folding import Fold, View
from grad_engine.record.index import Measure, Origin, index_of, together


class Shown:
    """The part of a record that a tree shows, and the record that holds what is inside its closed modules."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.index = index_of(view.record)  # closed modules are nodes
        self.source = index_of(view.source)  # every op is a node
        self.whole = index_of(view.whole or view.source)  # of which this may be a part

    @cached_property
    def folds(self) -> dict[str, Fold]:
        """What each closed module stands for, by the id of its node."""
        return dict(self.view.folds)

    @cached_property
    def home(self) -> dict[str, str]:
        """The node that stands for an op which is inside a closed module."""
        return {op.id: id for id, fold in self.folds.items() for op in fold.ops}

    def broken_value(self, part: str) -> Measure | None:
        """The measure of what a part made that is not finite; of a closed module that of everything inside."""
        fold = self.folds.get(part)
        if fold is None:
            return self.source.broken_value(part)
        return together([m for op in fold.ops if (m := self.source.broken_value(op.id)) is not None])

    def gradients(self, node: str) -> list[Measure]:
        """The measures of the gradient of an op, or of every op inside a closed module."""
        fold = self.folds.get(node)
        parts = [node] if fold is None else [op.id for op in fold.ops]
        index = self.index if fold is None else self.source
        return [m for part in parts if (m := index.gradient(part)) is not None]

    def gradient(self, node: str) -> Measure | None:
        """The measure of the gradient of an op; of a closed module its largest, or all that is not finite."""
        if node not in self.folds:
            return self.index.gradient(node)
        measures = self.gradients(node)
        if (bad := together([m for m in measures if m.bad])) is not None:
            return bad
        return max(measures, key=lambda m: m.norm or 0.0, default=None)

    def steps(self, node: str) -> list[int]:
        """When an op ran in the last run, or every op inside a closed module, in order."""
        fold = self.folds.get(node)
        parts = [node] if fold is None else [op.id for op in fold.ops]
        return sorted(self.source.steps[part] for part in parts if part in self.source.steps)

    def leaves_inside(self, parts: Iterable[str]) -> set[str]:
        """The accumulators of the leaves that are read inside those of these parts that are closed modules."""
        of = self.source.accumulator_of
        ops = (op for part in parts if part in self.folds for op in self.folds[part].ops)
        return {of[operand.tensor] for op in ops for operand in op.inputs if operand.tensor in of}

    @cached_property
    def broken(self) -> set[str]:
        """The parts whose value holds a NaN or an infinity, with closed modules in the place of what is inside them."""
        return {self.home.get(part, part) for part in self.source.broken}

    @cached_property
    def value_origins(self) -> list[Origin]:
        """`RecordIndex.value_origins`, with closed modules in the place of what is inside them."""
        return [origin._replace(part=self.home.get(origin.part, origin.part)) for origin in self.source.value_origins]

    @cached_property
    def gradient_origin(self) -> Origin | None:
        """`RecordIndex.gradient_origin`, with closed modules in the place of what is inside them."""
        found = self.source.gradient_origin
        return found._replace(part=self.home.get(found.part, found.part)) if found is not None else None
