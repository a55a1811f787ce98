"""The beats of a backward run: seed, rules, shares, sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from grad_engine.page.captions import (
    Beat,
    Column,
    Formula,
    Gather,
    Numbers,
    Piece,
    Run,
    Seed,
    Sent,
    Turn,
    Words,
    signs_in,
    subtitle_of,
)
from grad_engine.page.forward_steps import ROOM, TOGETHER
from grad_engine.page.step_facts import Facts
from grad_engine.record import (
    AccumulateEvent,
    BackwardRecord,
    EdgeRecord,
    NodeRecord,
    SendEvent,
    TensorRecord,
)
from grad_engine.record.index import Turn as NodeTurn
from grad_engine.story.names import bar
from grad_engine.story.values import nonfinite, nonfinite_word, shape_text
from grad_engine.story.wording import axes_text, count_text, number_word, times_word

SHARES = 4  # shares that a viewer can follow at a time


class Backward(Facts):
    """The beats of one backward run, in the order of its events."""

    def backward(self, run: BackwardRecord) -> list[Beat]:
        """The beats of one backward run, in the order of its events."""
        root = self.nodes[run.root]
        reached = frozenset(event.edge for event in run.events if isinstance(event, SendEvent))
        which = len(self.record.runs)
        again = f" (run {which} of {which})" if which > 1 else ""
        target = self.names[root.outputs[run.output]]
        scalar = self.tensors[root.outputs[run.output]].shape == ()
        ones = self.ones(run.seed)
        meant = (
            target if scalar and ones else f"L, the sum of {target}," if ones else f"L, {target} weighted by the seed,"
        )
        asked = f"How much does {meant} change when one tensor changes a little? That is its gradient."
        if word := nonfinite_word(
            self.tensors[root.outputs[run.output]]
        ):  # then L is not finite either, and has no slope
            held = f"{target} is {word}" if scalar else f"{target} holds {word}"
            if not (scalar and ones):
                held += ", and so would its sum L" if ones and word == "NaN" else ", so L is not finite either"
            asked = f"{held}: each rule runs all the same, on the numbers it reads."
        turn = Column(
            (Words(f"Now the same edges are read the other way, from {target} to the leaves{again}"),),
            (Words(asked, "muted"),),
        )
        seed = self.tensors[run.seed]
        beats: list[Beat] = [
            Turn("turn", (turn,), 2.2, subtitle_of((turn,)), reached),
            self.seeded(run, seed, target, scalar),
        ]
        before = {change.accumulator: change.before for change in run.leaves if change.before is not None}
        total = Counter(self.edges[edge].receiver for edge in reached)
        waiting: dict[str, list[tuple[str, str]]] = {}  # receiver -> (edge, share) that have arrived
        for some in self.together(self.index.turns, before):
            beats += self.turn(run, some, total, waiting, before)
        if not run.complete:
            caption = Column((Words("The run was interrupted here", "nonfinite"),))
            beats.append(Run("interrupted", (caption,), 1.8, subtitle_of((caption,)), (), ()))
        return beats

    def seeded(self, run: BackwardRecord, seed: TensorRecord, target: str, scalar: bool) -> Seed:
        """The beat in which the seed arrives."""
        ones = self.ones(run.seed)
        of = target if scalar and ones else "L"
        meant = f"all ones: L is the sum of {target}" if ones else f"L is {target} weighted by it"
        remark = [Words(meant, "muted")] if of == "L" else []
        given = Column(
            (Words(f"It starts with the seed {bar(target)} = ∂{of}/∂{target}"),),
            (Numbers(seed, f"{bar(target)} =", "gradient"), *remark),
        )
        # Where L is not finite it has no slope: the bars then name what the rules compute, and no more.
        ruled = ", by the rules" if nonfinite(self.tensors[self.nodes[run.root].outputs[run.output]]) else ""
        key = Column(
            (Words(f"A bar means gradient: {bar('x')} = ∂{of}/∂x{ruled}"),),
            (
                Words("g: the gradient that comes to an op", "muted", brief="g: the one that comes to an op"),
                Words("✓ complete", "done"),
                Words("Σ summed", "done"),
            ),
        )
        return Seed("seed", (given, key), 3.2, subtitle_of((given, key)), run.root, seed)

    def sent(
        self,
        events: Sequence[SendEvent | AccumulateEvent],
        total: Counter[str],
        waiting: dict[str, list[tuple[str, str]]],
        before: Mapping[str, str],
    ) -> list[Sent]:
        """The shares among some events; each is added to `waiting`."""
        found = []
        for event in events:
            if not isinstance(event, SendEvent):
                continue
            edge = self.edges[event.edge]
            arrived = waiting.setdefault(edge.receiver, [])
            arrived.append((event.edge, event.share))
            share = self.tensors[event.share]
            raw = edge.raw_shape if edge.reduced_axes and edge.raw_shape != share.shape else None
            of = total[edge.receiver]
            settles = len(arrived) == of == 1 and edge.receiver not in before
            found.append(Sent(event.edge, edge.receiver, share, raw, len(arrived), of, settles))
        return found

    def together(self, turns: Sequence[NodeTurn], before: Mapping[str, str]) -> list[list[NodeTurn]]:
        """The turns in their order, grouped where several fit into one beat.

        The turns of a group follow each other, none waits for another, and no sum is complete before the last.
        """
        found: list[list[NodeTurn]] = []
        for turn in turns:
            group = found[-1] if found and not self.sums(found[-1][-1].events, before) else []
            if group and self.beside_each_other([*group, turn]):
                group.append(turn)
            else:
                found.append([turn])
        return found

    def beside_each_other(self, turns: Sequence[NodeTurn]) -> bool:
        """Whether the last of some turns fits into one beat with the others."""
        sent = [[event.edge for event in events if isinstance(event, SendEvent)] for _, events in turns]
        if len(turns) > TOGETHER or sum(map(len, sent)) > SHARES:
            return False
        *others, last = (node for node, _ in turns)
        if last in {self.edges[edge].receiver for edges in sent for edge in edges}:
            return False
        if not all(self.akin(last, other) for other in others):
            return False
        rules = [
            self.sending(node, [(edge, 2) for edge in edges]) for (node, _), edges in zip(turns, sent, strict=True)
        ]
        return max(map(signs_in, rules)) <= ROOM[len(turns)]

    def sums(self, events: Sequence[SendEvent | AccumulateEvent], before: Mapping[str, str]) -> list[AccumulateEvent]:
        """The additions that complete a sum of several shares."""
        last = {e.receiver: e for e in events if isinstance(e, AccumulateEvent) and e.k == e.of}
        return [e for e in last.values() if e.of > 1 or e.receiver in before]

    def turn(
        self,
        run: BackwardRecord,
        turns: Sequence[NodeTurn],
        total: Counter[str],
        waiting: dict[str, list[tuple[str, str]]],
        before: Mapping[str, str],
    ) -> list[Beat]:
        """The beats of one turn or a group of turns: the rules run, then every sum that is now complete."""
        sent = [self.sent(events, total, waiting, before) for _, events in turns]
        everything = tuple(part for some in sent for part in some)
        if len(turns) == 1:
            columns = self.ran(run, turns[0][0], sent[0])
        else:
            columns = [self.beside(node, some) for (node, _), some in zip(turns, sent, strict=True)]
        seconds = 2.1 + 0.35 * (min(len(everything), 3) - 1) + 0.4 * any(part.raw is not None for part in everything)
        seconds += 0.5 * (len(turns) - 1)
        nodes = tuple(node for node, _ in turns)
        name = "-".join(["backward", *nodes])
        beats: list[Beat] = [Run(name, tuple(columns), seconds, subtitle_of(columns), nodes, everything)]
        complete = self.sums([event for _, events in turns for event in events], before)
        return beats + [self.gathered(e.receiver, e, waiting[e.receiver], before.get(e.receiver)) for e in complete]

    def ran(self, run: BackwardRecord, node: str, sent: Sequence[Sent]) -> list[Column]:
        """The caption of one turn: the gradient that arrived, and the rule of each share."""
        record = self.nodes[node]
        gradient = next((id for id in run.gradients.get(node, ()) if id is not None), None)
        label = f"g = {bar(self.names[record.outputs[0]])} ="
        did: tuple[Piece, ...] = (Numbers(self.tensors[gradient], label, "gradient"),) if gradient is not None else ()
        columns = [Column((Words(self.tag(record), "muted"), Words(record.name, "ink", True)), did)]
        columns += [self.passed(record, part) for part in sent[:2]]
        if len(sent) > 2:
            columns[-1] = replace(
                columns[-1],
                did=(*columns[-1].did, Words(f"and {count_text(len(sent) - 2, 'more share')}", "muted", brief="…")),
            )
        if not sent:
            columns.append(Column((Words("passes nothing on", "muted"),)))
        return columns

    def beside(self, node: str, sent: Sequence[Sent]) -> Column:
        """The column of one turn in a beat that it shares with others."""
        columns = [self.passed(self.nodes[node], part) for part in sent]
        did = [piece for column in columns for piece in column.did] or [Words("passes nothing on", "muted")]
        notes = [note for column in columns for note in column.notes]
        return Column(self.sending(node, [(part.edge, part.of) for part in sent]), tuple(did), tuple(notes))

    def sending(self, node: str, shares: Sequence[tuple[str, int]]) -> tuple[Piece, ...]:
        """The rules of a node's shares; `shares` holds for each its edge and how many shares its receiver gets."""
        record = self.nodes[node]
        rules = [self.share(record, self.edges[edge], "=" if of == 1 else "+=") for edge, of in shares]
        linked = [piece for rule in rules for piece in (Words("and", "muted"), rule)][1:]
        return (Words(self.tag(record), "muted"), *(linked or [Words(record.name, "ink", True)]))

    def share(self, node: NodeRecord, edge: EdgeRecord, sign: str) -> Piece:
        """The rule of one share."""
        target = self.names[self.index.owner(edge.receiver, edge.output)]
        rule = next((r for r in node.formula.vjp if r.slot == edge.slot), None) if node.formula else None
        if rule is None:
            return Words(f"share for {target}")
        return Formula(target, True, sign, self.said(node, rule.tree), self.parameters(node), self.scalars(node))

    def passed(self, node: NodeRecord, part: Sent) -> Column:
        """The column of one share: its rule and its numbers."""
        edge = self.edges[part.edge]
        target = self.names[self.index.owner(edge.receiver, edge.output)]
        sign = "=" if part.of == 1 else "+="
        did: list[Piece] = [Numbers(part.share, f"{bar(target)} {sign}", "gradient")]
        if part.of > 1:
            did.append(
                Words(
                    f"waits, {part.k} of {part.of}" if part.k < part.of else f"{part.k} of {part.of}, to add",
                    "muted",
                    brief=f"{part.k}/{part.of}",
                )
            )
        if nonfinite(part.share) and part.share.shape:  # a single number is read as NaN or ∞ anyway
            did.append(Words(nonfinite_word(part.share), "nonfinite"))
        notes: tuple[Words, ...] = ()
        if part.raw is not None:
            raw, to = shape_text(part.raw), shape_text(part.share.shape)
            undone = f"stretched, so Σ over {axes_text(edge)}: {raw} → {to}"
            notes = (Words(undone, "gradient", brief=f"stretched: Σ → {to}"),)
        return Column((self.share(node, edge, sign),), tuple(did), notes)

    def gathered(
        self, receiver: str, event: AccumulateEvent, arrived: Sequence[tuple[str, str]], before: str | None
    ) -> Gather:
        """The beat in which shares become a sum."""
        target = self.item_name(receiver)
        parts = [Numbers(self.tensors[before], "held before", "gradient")] if before is not None else []
        room = 3 - len(parts)
        shown = arrived if event.of <= room else arrived[: room - 1]
        parts += [
            Numbers(self.tensors[share], f"from #{self.nodes[self.edges[edge].sender].age}", "gradient")
            for edge, share in shown
        ]
        total = Numbers(self.tensors[event.partial], bar(target), "done")
        if event.of == 1:
            said = f"{target} already held a gradient: the new share is added to it"
        else:
            said = f"{target} was used {times_word(event.of)}, so its gradient is the sum of {number_word(event.of)}"
            said += " shares"
            said += ", added to what it already held" if before is not None else ""
        more = event.of - len(shown)
        line: list[Piece] = []
        for k, part in enumerate(parts):
            line += ([Words("+", "muted")] if k else []) + [part]
        line += [Words(f"+ {more} more", "muted")] if more else []
        line += [Words("=", "muted"), total]
        caption = Column((Words(said),), tuple(line))
        seconds = 4.0 if receiver in self.index.accumulators else 2.8
        edges = tuple(edge for edge, _ in arrived)
        senders = tuple(dict.fromkeys(self.edges[edge].sender for edge in edges))
        return Gather(
            f"sum-{receiver}",
            (caption,),
            seconds,
            subtitle_of((caption,)),
            receiver,
            event.of,
            tuple(parts),
            edges,
            senders,
            total,
            more,
        )
