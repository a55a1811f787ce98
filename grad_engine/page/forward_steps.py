"""The beats in which the graph is built."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import replace
from math import prod

from grad_engine.page.captions import Beat, Build, Column, Flow, Formula, Numbers, Piece, Words, signs_in, subtitle_of
from grad_engine.page.step_facts import Facts
from grad_engine.record import (
    NodeRecord,
)
from grad_engine.record.index import is_plain_number
from grad_engine.story.values import is_number, nonfinite, nonfinite_word, number_text, shape_text
from grad_engine.story.wording import count_text, listed, number_word

TOGETHER = 3  # ops that one beat can show side by side
LOOKED_AT = 64  # ops of one depth among which those for one beat are sought
ROOM = {1: 1000, 2: 40, 3: 24}  # characters of a rule that fit, by how many rules stand side by side
MOST_SIGNS = 28  # characters in the names of the leaves whose numbers the first beat shows


class Forward(Facts):
    """The beats of the forward pass.

    Ops that do not depend on each other share a beat if they belong together: they have the same depth, and do the same
    or read the same.
    """

    def forward(self) -> list[Beat]:
        """The beats in which the graph is built."""
        users: Counter[str] = Counter()
        beats: list[Beat] = [self.build(step, users, first=k == 0) for k, step in enumerate(self.steps())]
        column, *others = beats[0].columns
        if (remark := self.remarks()[0]) not in column.notes:
            columns = (replace(column, notes=(remark, *column.notes)[:2]), *others)
            beats[0] = replace(beats[0], columns=columns, subtitle=subtitle_of(columns))
        return beats

    def steps(self) -> list[list[str]]:
        """The items that appear together: leaves, or ops of one depth with the constants that they read."""
        steps: list[list[str]] = []
        there: set[str] = set()
        along = set(self.tensors)  # what appears with the op that reads it: constants

        levels: dict[int, deque[str]] = {}  # those that are not there yet
        for id in self.items:
            if id in self.nodes:
                levels.setdefault(self.depth[id], deque()).append(id)

        def ready(id: str) -> bool:
            return all(link.source in there or link.source in along for link in self.links.get(id, ()))

        for item in self.items:
            if item in self.index.accumulators:
                if steps and steps[-1][-1] in self.index.accumulators:
                    steps[-1].append(item)
                else:
                    steps.append([item])
                there.add(item)
            elif item in self.nodes and item not in there:
                level = levels[self.depth[item]]
                near = [level.popleft() for _ in range(min(LOOKED_AT, len(level)))]
                fellows = [id for id in near if id == item or (ready(id) and self.akin(item, id))]
                size = -(-len(fellows) // -(-len(fellows) // TOGETHER))  # 4 are shown as 2 and 2
                while size > 1 and any(
                    signs_in(self.making(self.nodes[id], ROOM[size])) > ROOM[size] for id in fellows[:size]
                ):
                    size -= 1
                step: dict[str, None] = {}
                for id in fellows[:size]:
                    sources = [link.source for link in self.links.get(id, ())]
                    step |= dict.fromkeys([*(s for s in sources if s in along and s not in there), id])
                steps.append([*step])
                there.update(step)
                level.extendleft(id for id in reversed(near) if id not in there)
        return steps

    def flows(self, node: NodeRecord) -> list[Flow]:
        """The values that an op reads, as they move along their links."""
        found = [(link, self.operand(node, link)) for link in self.links.get(node.id, ())]
        return [Flow(link.id, link.source, self.tensors[o.tensor], self.stretched(node, o)) for link, o in found]

    def remarks(self) -> tuple[Words, ...]:
        """How large the graph is."""
        return (Words(self.size(), "muted"),)

    def build(self, step: Sequence[str], users: Counter[str], first: bool) -> Build:
        """The beat in which the items of `step` appear."""
        nodes = [self.nodes[item] for item in step if item in self.nodes]
        flows: list[Flow] = []
        before, new = bool(users), Counter[str]()
        for node in nodes:
            flows += self.flows(node)
            new.update(link.source for link in self.links.get(node.id, ()) if link.source in self.index.accumulators)
        users.update(new)
        if nodes:
            told = [self.computed(node, new, users, len(nodes)) for node in nodes]
            columns = tuple(column for column, _ in told)
            seconds = max(seconds for _, seconds in told) + 0.7 * (len(told) - 1)
            if not before and users:  # the first beat that shows counters
                columns = (*columns[:-1], self.counting(columns[-1], min(users.values())))
            name = "-".join(["forward", *(node.id for node in nodes)])
        else:
            columns, seconds, name = (self.introduced(step, first),), 3.4 if first else 1.4, f"leaf-{step[0]}"
        return Build(name, columns, seconds, subtitle_of(columns), tuple(step), tuple(flows))

    def counting(self, column: Column, of: int) -> Column:
        """The column with an explanation of the counters; it replaces the second remark unless that warns of a NaN."""
        if any(note.tone == "nonfinite" for note in column.notes[1:]):
            return column
        said = Words(f"0/{of}: gradient shares, arrived / expected", "muted", brief=f"0/{of} shares arrived")
        return replace(column, notes=(*column.notes[:1], said))

    def introduced(self, step: Sequence[str], first: bool) -> Column:
        """The column for leaves and constants that appear."""
        leaves = [self.index.leaf(item).id for item in step if item in self.index.accumulators]
        shown = ", ".join(self.described(tensor) for tensor in leaves[:5]) + (", …" if len(leaves) > 5 else "")
        if first and leaves:
            # A few leaves with their numbers explain more than many without.
            many = next((n for n in (4, 3) if sum(len(self.names[leaf]) for leaf in leaves[:n]) <= MOST_SIGNS), 2)
            did: list[Piece] = [Numbers(self.tensors[leaf], f"{self.names[leaf]} =", "value") for leaf in leaves[:many]]
            did += [Words("…", "muted")] if len(leaves) > many else []
            return Column((Words("Leaves: the tensors we want gradients for"),), tuple(did), self.remarks())
        if len(leaves) == 1:
            leaf = self.tensors[leaves[0]]
            return Column(
                (Words(f"A new leaf, created here: {self.described(leaf.id)}"),),
                (Numbers(leaf, f"{self.names[leaf.id]} =", "value"),),
            )
        return Column(
            (
                Words(
                    f"{count_text(len(leaves), 'new leaf', 'new leaves')}: {shown}"
                    if leaves
                    else "Constants: no gradient is wanted for them"
                ),
            )
        )

    def described(self, tensor: str) -> str:
        """A tensor in a sentence: its name with its number, or with its shape."""
        record = self.tensors[tensor]
        return (
            f"{self.names[tensor]} = {number_text(record)}"
            if is_number(record)
            else f"{self.names[tensor]} {shape_text(record.shape)}"
        )

    def making(self, node: NodeRecord, room: int = ROOM[1]) -> tuple[Piece, ...]:
        """The formula of an op's result; of many operands only those that fit are named."""
        told, tag = self.names[node.outputs[0]], self.tag(node)
        before = () if told.partition("[")[0] == tag else (Words(tag, "muted"),)
        names = [*dict.fromkeys(self.names[i.tensor] for i in node.inputs)]
        rule: Piece = Words(f"{told} = {node.op}({', '.join(names)})")
        if node.formula is not None:
            tree = self.said(node, node.formula.forward.tree)
            rule = Formula(told, False, "=", tree, self.parameters(node), self.scalars(node))
        while len(names) > 2 and signs_in((*before, rule)) > room:
            names = [*names[: min(len(names) - 2, room)], "…"]  # a name takes one sign at least
            rule = Words(f"{told} = {node.op}({', '.join(names)})")
        return (*before, rule)

    def computed(self, node: NodeRecord, new: Counter[str], users: Counter[str], many: int) -> tuple[Column, float]:
        """The column for one of `many` ops of a beat, and its seconds. Beside others it has one remark at most."""
        out = self.tensors[node.outputs[0]]
        told = self.names[out.id]
        notes: list[Words] = []
        for operand in node.inputs:
            stretched = self.stretched(node, operand)
            if stretched is not None and operand.broadcast_from != ():
                own = shape_text(self.tensors[operand.tensor].shape)
                notes.append(
                    Words(f"{self.names[operand.tensor]} is broadcast {own} → {shape_text(stretched)}", "value")
                )
        not_finite = nonfinite(out)
        if not_finite:
            came = max((nonfinite(self.tensors[operand.tensor]) for operand in node.inputs), default=0)
            said = (
                f"{nonfinite_word(out)} in {not_finite} of {prod(out.shape)} entries"
                if out.shape
                else f"the result is {nonfinite_word(out)}"
            )
            notes.append(Words(f"{said}: {'travels on' if came else 'carried on, not hidden'}", "nonfinite"))
        rule = self.making(node, ROOM[many])
        if many > 1:
            did = (Numbers(out, f"{told} =", "value"),)
            return Column(rule, did, tuple(notes[-1:])), 1.9 + 0.35 * bool(notes)
        notes += [
            Words(f"{self.item_name(card)} now has {number_word(users[card])} users", "muted")
            for card in new
            if users[card] > 1
        ]
        if any(root.node == node.id for root in self.record.roots):
            notes.append(
                Words(
                    "the root: forward is done, the graph is kept" if node is self.record.nodes[-1] else "a root",
                    "muted",
                )
            )
        kept = [self.names[tensor] for tensor in dict.fromkeys(node.saved) if not is_plain_number(self.tensors[tensor])]
        if kept:
            notes.append(Words(f"keeps {listed(kept)} for backward", "muted"))
        if not notes:
            notes.append(Words(f"recorded as {node.name}", "muted"))
        seen = dict.fromkeys(i.tensor for i in node.inputs if not is_plain_number(self.tensors[i.tensor]))
        line: list[Piece] = [
            Numbers(self.tensors[tensor], f"{self.names[tensor]} =", "value") for tensor in list(seen)[:3]
        ]
        if len(seen) > 3:
            line.append(Words("…", "muted"))
        line += [Words("→", "muted"), Numbers(out, f"{told} =", "value")]
        caption = Column(rule, tuple(line), tuple(notes[:2]))
        return caption, 1.9 + 0.35 * min(len(notes) - 1, 1) + 0.35 * bool(not_finite)
