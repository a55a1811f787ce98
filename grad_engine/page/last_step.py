"""The last beat of the page: the gradient of every leaf, and two sentences about the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from grad_engine import formula
from grad_engine.formula import number
from grad_engine.page.captions import Close, Column, Row, Words, subtitle_of
from grad_engine.page.step_facts import Facts
from grad_engine.record import (
    BackwardRecord,
    LeafChangeRecord,
    NodeRecord,
    SendEvent,
)
from grad_engine.record.index import is_plain_number
from grad_engine.story.values import nonfinite, nonfinite_word, norm
from grad_engine.story.wording import MOST_NAMES, filled, letters_in, listed, some_of


class LastStep(Facts):
    """The last beat, with its table and its two sentences."""

    def close(self, run: BackwardRecord | None) -> Close:
        """The beat with the table of all leaves."""
        after = {change.accumulator: change for change in run.leaves} if run is not None else {}
        edges = {edge.id: edge.receiver for edge in self.record.edges}
        sent = (
            [edges[event.edge] for event in self.record.runs[-1].events if isinstance(event, SendEvent)]
            if run is not None
            else []
        )
        arrivals = Counter(sent)
        rows = [
            self.row(accumulator.id, after.get(accumulator.id), arrivals[accumulator.id])
            for accumulator in self.record.accumulators
        ]
        room = 7
        shown = rows if len(rows) <= room else rows[: room - 1]
        if run is None:
            said = "Backward has not been run" if not self.record.runs else "The graph is kept for backward"
            caption = Column(
                (Words(f"{said}: no leaf has a gradient yet"),),
                (Words("Backward reads the graph from its result to its leaves", "muted"),),
            )
        else:
            first, second = self.moral(run, rows)
            caption = Column((Words(first),), (Words(second),))
        return Close(
            "close",
            (caption,),
            6.6 if run is not None else 4.0,
            subtitle_of((caption,)),
            tuple(shown),
            len(rows) - len(shown),
            run is not None,
        )

    def row(self, accumulator: str, change: LeafChangeRecord | None, arrived: int) -> Row:
        """The line of one leaf."""
        leaf = self.tensors[self.index.leaf(accumulator).id]
        gradient = self.tensors[change.after] if change is not None else None
        size = norm(gradient) if gradient is not None else None
        held = change is not None and change.before is not None
        return Row(
            accumulator, self.names[leaf.id], leaf, arrived, held, "" if size is None else number(size), gradient
        )

    def moral(self, run: BackwardRecord, rows: Sequence[Row]) -> tuple[str, str]:
        """Two sentences about the run: what the leaves have, and why or where something is not finite."""
        root = self.tensors[self.nodes[run.root].outputs[run.output]]
        gradients = [row.gradient for row in rows if row.gradient is not None]
        bad = [row.name for row in rows if row.gradient is not None and nonfinite(row.gradient)]
        if bad:
            if len(bad) == len(rows) > MOST_NAMES:
                return f"All {len(bad)} leaf gradients hold NaN or ∞", self.origin()
            return f"The gradient of {some_of(bad)} is not finite", self.origin()
        if (not_finite := nonfinite(root)) and gradients:
            word = nonfinite_word(root)
            held = f"holds {not_finite} {word}" if root.shape else f"is {word}"
            return f"{self.names[root.id]} {held}, yet every leaf gradient is finite", self.despite(
                "them" if root.shape else "it"
            )
        shared = [row.name for row in rows if row.shares > 1]
        nothing = [row.name for row in rows if row.gradient is None]
        target = self.names[root.id]
        meant = target if root.shape == () else f"L, the sum of {target},"
        first = f"Every leaf has its gradient: how much {meant if self.ones(run.seed) else 'L'} changes with it"
        if nothing:
            them = "it" if len(nothing) == 1 else "them"
            first = f"{target} does not depend on {some_of(nothing)}: the run leaves {them} alone"
        second = (
            f"{some_of(shared)} {'was' if len(shared) == 1 else 'were'} used more than once: shares add up"
            if shared
            else f"Each leaf {'that the run reached ' if nothing else ''}was used once: one share each"
        )
        return first, second + "."

    def despite(self, what: str) -> str:
        """How gradients can be finite although the result is not, in one sentence; `what` stands for its NaN or ∞."""
        record, made = self.record, self.maker()
        events = [event for id, sent in self.index.turns if made is not None and id == made.id for event in sent]
        if made is None or not events:
            return "No rule passed on what is not finite."
        sent = [self.index.tensors[event.share] for event in events if isinstance(event, SendEvent)]
        slot = next(edge.slot for edge in record.edges if edge.id == events[0].edge)
        rule = (
            next((rule for rule in made.formula.vjp if rule.slot == slot), None) if made.formula is not None else None
        )
        if rule is None or any(map(nonfinite, sent)) or set(made.saved) & set(made.outputs):
            return f"#{made.age} {made.op} made {what}; on the way to the leaves a rule cut off what is not finite."
        signs = letters_in(rule.tree)
        kept = [i for i in made.inputs if i.tensor in made.saved and (i.parameter in signs or "say" in signs)]
        read = [*dict.fromkeys(self.names[i.tensor] for i in kept if not is_plain_number(self.index.tensors[i.tensor]))]
        reads = f"{listed(read)}, which {'is' if len(read) == 1 else 'are'} finite" if read else "no value"
        known = {i.parameter: t for i in made.inputs if is_plain_number(t := self.index.tensors[i.tensor])}
        said = formula.text(filled(rule.tree, known), self.parameters(made))
        return (
            f"#{made.age} {made.op} made {what}; its rule {said} reads {reads}, "
            f"so a number comes out: not a slope of {made.op} where {made.op} has no value."
        )

    def maker(self) -> NodeRecord | None:
        """The first op that turned finite operands into a result that is not; None where there is none."""
        return next(
            (
                node
                for node in self.record.nodes
                if any(nonfinite(self.index.tensors[out]) for out in node.outputs)
                and not any(nonfinite(self.index.tensors[operand.tensor]) for operand in node.inputs)
            ),
            None,
        )

    def origin(self) -> str:
        """Where the first NaN or infinity was made, in one sentence: among the values, and among the gradients."""
        record = self.record
        run, made, found = record.runs[-1], self.maker(), []
        makers = {out for node in record.nodes for out in node.outputs}
        read = (operand.tensor for node in record.nodes for operand in node.inputs)
        given = next((t for t in read if t not in makers and nonfinite(self.index.tensors[t])), None)
        if given is not None:
            found.append(f"{nonfinite_word(self.index.tensors[given])} came in with {self.names[given]}")
        elif made is not None:
            word = next(word for out in made.outputs if (word := nonfinite_word(self.index.tensors[out])))
            found.append(f"#{made.age} {made.op} made the first {word}")
        if word := nonfinite_word(self.index.tensors[run.seed]):
            found.append(f"{word} came in with the seed")
        else:
            sent = (event for event in run.events if isinstance(event, SendEvent))
            for event in sent:
                if word := nonfinite_word(self.index.tensors[event.share]):
                    edge = next(edge for edge in record.edges if edge.id == event.edge)
                    sender = next(node for node in record.nodes if node.id == edge.sender)
                    found.append(f"#{sender.age} {sender.name} sent the first {word} gradient")
                    break
        return f"{', '.join(found) or 'Finite shares add up to more than a float can hold'}."
