"""A record -> its beats: what happens, in order, with caption, subtitle and duration. Pure: no drawing.

Nothing is computed here that the record does not say: the order is that of its event lists, the numbers are its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import isfinite, prod

from grad_engine import formula
from grad_engine.folding.items import Link, drawn
from grad_engine.folding.view import View
from grad_engine.formula import Tree, number
from grad_engine.record import (
    AccumulateEvent,
    BackwardRecord,
    EdgeRecord,
    GraphRecord,
    InputRecord,
    LeafChangeRecord,
    NodeRecord,
    RunEvent,
    SendEvent,
    Shape,
    TensorRecord,
)
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
from grad_engine.story.names import Names, bar, headline, plain
from grad_engine.story.values import is_number, nonfinite, nonfinite_word, norm, number_text, shape_text, values
from grad_engine.story.wording import (
    axes_text,
    count_text,
    filled,
    letters_in,
    listed,
    number_word,
    signs_in,
    subtitle_of,
    times_word,
)

NodeTurn = tuple[str, list[SendEvent | AccumulateEvent]]  # a node that ran, and what it sent


LONGEST = 45.0  # seconds of a whole film at default speed


SHORTEST_BEAT = 0.6  # seconds


PHASES = ("both", "forward", "backward")


ONE_BY_ONE = 24  # ops of a graph in which every op is told of


TOGETHER = 3  # ops that can be told of side by side


SHARES = 4  # shares that can be followed at a time


ROOM = {1: 1000, 2: 40, 3: 24}  # signs of a rule that there is room for, by how many stand side by side


MOST_SIGNS = 28  # in the names of the leaves whose numbers are shown at first


UNRUSHED = 0.85  # of its natural length is what a beat should have


FAR = 5  # ranks between ops that are hard to look at together


MOST_BEATS = 14  # for each phase of a larger graph


def story(
    shown: GraphRecord | View,
    *,
    phase: str = "both",
    speed: float = 1.0,
    longest_name: int = 14,
    legend: str = "",
) -> tuple[Beat, ...]:
    """The beats of a record, or of a view of one, in order; at default speed at most LONGEST seconds in all.

    `phase` is one of PHASES, `speed` divides every duration, names are cut at `longest_name` characters;
    `legend` says how gradients look where many ops share a beat.
    """
    shown = shown if isinstance(shown, View) else View(shown, shown)
    beats = _Teller(shown, longest_name, legend, hurried=False).story(phase)
    if UNRUSHED * sum(beat.seconds for beat in beats) > LONGEST:
        beats = _Teller(shown, longest_name, legend, hurried=True).story(phase)
    return tuple(_timed(beats, speed))


def _timed(beats: Sequence[Beat], speed: float) -> Iterable[Beat]:
    total = sum(beat.seconds for beat in beats)
    limit = min(LONGEST, 14 + 4 * len(beats))
    # Whatever must shrink takes its time from what every beat has above the shortest. The end is not hurried.
    floors = [beat.seconds if isinstance(beat, Close) else SHORTEST_BEAT for beat in beats]
    floor = sum(floors)
    shrink = 1.0 if total <= limit else max(0.0, (limit - floor) / max(total - floor, 1e-9))
    for beat, least in zip(beats, floors, strict=True):
        seconds = least + (beat.seconds - least) * shrink
        yield replace(beat, seconds=max(3, int(seconds / speed / FRAME + 1e-6)) * FRAME)


class _Teller:
    """Turns the parts of one record into beats.

    Ops that do not depend on each other share a beat if they belong together: they have the same depth, and do the same
    or read the same. Where that leaves no time to read, `hurried`, ops of one depth need not have more in common.
    """

    def __init__(self, shown: View, longest_name: int, legend: str, hurried: bool) -> None:
        self.view = shown
        self.legend = legend
        self.hurried = hurried
        self.record = record = shown.record
        self.names = Names(shown.whole or shown.source, longest_name)
        self.tensors = {tensor.id: tensor for tensor in record.tensors}
        self.all_tensors = {tensor.id: tensor for tensor in (shown.whole or shown.source).tensors}
        self.nodes = {node.id: node for node in record.nodes}
        self.edges = {edge.id: edge for edge in record.edges}
        self.leaves = {accumulator.leaf: accumulator.id for accumulator in record.accumulators}
        self.leaf_of = {accumulator.id: accumulator.leaf for accumulator in record.accumulators}
        self.all_leaves = {accumulator.id: accumulator.leaf for accumulator in shown.source.accumulators}
        self.made_by = {tensor: node.id for node in record.nodes for tensor in node.outputs}
        self.items, links = drawn(record)
        self.links: dict[str, list[Link]] = {}
        for link in links:
            self.links.setdefault(link.target, []).append(link)
        self.one_by_one = len(record.nodes) <= ONE_BY_ONE
        numbers = {tensor.id for tensor in record.tensors if plain(tensor)}
        self.read = {node.id: {operand.tensor for operand in node.inputs} - numbers for node in record.nodes}
        self.roots = {root.node for root in record.roots}
        self.depth: dict[str, int] = {}
        for node in record.nodes:
            before = [self.depth[self.made_by[tensor]] for tensor in self.read[node.id] if tensor in self.made_by]
            self.depth[node.id] = max(before, default=0) + 1
        # Ops are drawn near what reads them.
        self.late = dict.fromkeys(self.depth, max(self.depth.values(), default=0))
        for node in reversed(record.nodes):
            for tensor in self.read[node.id] & self.made_by.keys():
                maker = self.made_by[tensor]
                self.late[maker] = min(self.late[maker], self.late[node.id] - 1)

    def story(self, phase: str) -> list[Beat]:
        """All beats, as long as they would be if there were time enough."""
        run = self.record.runs[-1] if self.record.runs else None
        beats = self.everything() if phase == "backward" and run is not None else self.forward()
        if phase != "forward" and run is not None:
            beats += self.backward(run)
        return [*beats, self.close(run if phase != "forward" else None)]

    def akin(self, one: str, other: str) -> bool:
        """Whether two ops that do not depend on each other belong together. A root has its beat for itself."""
        if {one, other} & self.roots or abs(self.late[one] - self.late[other]) > FAR:
            return False
        same = self.nodes[one].op == self.nodes[other].op or bool(self.read[one] & self.read[other])
        return self.hurried or (same and self.depth[one] == self.depth[other])

    # names

    def owner(self, receiver: str, output: int = 0) -> str:
        """The tensor that a gradient reaching `receiver` belongs to."""
        return self.leaf_of[receiver] if receiver in self.leaf_of else self.nodes[receiver].outputs[output]

    def item_name(self, item: str) -> str:
        """What stands for a card or a node in a sentence."""
        return self.names[self.owner(item)]

    def parameters(self, node: NodeRecord) -> dict[str, str]:
        """What stands in a formula of the node for each of its parameters, and for its result."""
        return {i.parameter: self.names[i.tensor] for i in node.inputs} | {"out": self.names[node.outputs[0]]}

    def scalars(self, node: NodeRecord) -> frozenset[str]:
        """The parameters of a node's formulas that are single numbers."""
        found = {i.parameter for i in node.inputs if self.tensors[i.tensor].shape == ()}
        return frozenset(found | {"out", "g"} if all(self.tensors[t].shape == () for t in node.outputs) else found)

    def said(self, node: NodeRecord, tree: Tree) -> Tree:
        """A formula of the node with the numbers among its operands put in, and what they make trivial left out."""
        return filled(tree, {i.parameter: t for i in node.inputs if plain(t := self.tensors[i.tensor])})

    def tag(self, node: NodeRecord) -> str:
        """What stands before a node: its place in creation order, or how much is in the box."""
        fold = self.view.folds.get(node.id)
        return f"#{node.age}" if fold is None else fold.size

    # forward

    def forward(self) -> list[Beat]:
        """The beats in which the graph is built."""
        if self.one_by_one:
            steps = self.steps()
        else:
            size = -(-len(self.items) // MOST_BEATS)
            steps = [list(self.items[k : k + size]) for k in range(0, len(self.items), size)]
        users: Counter[str] = Counter()
        beats: list[Beat] = [self.build(step, users, first=k == 0) for k, step in enumerate(steps)]
        column, *others = beats[0].columns
        if (remark := self.remarks()[0]) not in column.notes:
            columns = (replace(column, notes=(remark, *column.notes)[:2]), *others)
            beats[0] = replace(beats[0], columns=columns, subtitle=subtitle_of(columns))
        return beats

    def steps(self) -> list[list[str]]:
        """The items that appear together: leaves, or ops of one depth with the constants that they read."""
        steps: list[list[str]] = []
        there: set[str] = set()
        along = set(self.tensors)  # what appears with the op that reads it: constants, and leaves if there is no time

        def ready(id: str) -> bool:
            return all(link.source in there or link.source in along for link in self.links.get(id, ()))

        for item in self.items:
            if item in self.leaf_of and self.hurried and not there.isdisjoint(self.nodes):
                along.add(item)
            elif item in self.leaf_of:
                if steps and steps[-1][-1] in self.leaf_of:
                    steps[-1].append(item)
                else:
                    steps.append([item])
                there.add(item)
            elif item in self.nodes and item not in there:
                level = [id for id in self.nodes if id not in there and self.depth[id] == self.depth[item]]
                fellows = [id for id in level if id == item or (ready(id) and self.akin(item, id))]
                size = -(-len(fellows) // -(-len(fellows) // TOGETHER))  # 4 are told of as 2 and 2
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
        return steps

    def long(self, id: str, many: int) -> int:
        """How long the rule of an op is that stands beside others."""
        return signs_in(self.making(self.nodes[id], ROOM[many]))

    def everything(self) -> list[Beat]:
        """One beat in which the whole graph is there."""
        users = Counter(edge.receiver for edge in self.record.edges if edge.receiver in self.leaf_of)
        caption = Column(
            (Words(f"The graph as it was recorded: {self.size()}"),),
            (Words(headline(self.view.whole or self.view.source), "muted"),),
        )
        flows = tuple(flow for node in self.record.nodes for flow in self.flows(node))
        return [Build("graph", (caption,), 2.4, "The graph as it was recorded", tuple(self.items), flows, dict(users))]

    def size(self) -> str:
        """How large the graph is, in words."""
        source = self.view.source
        return f"{count_text(len(source.nodes), 'operation')}, {count_text(len(source.accumulators), 'leaf tensor')}"

    def flows(self, node: NodeRecord) -> list[Flow]:
        """The values that run into a node."""
        found = [(link, self.operand(node, link)) for link in self.links.get(node.id, ())]
        return [Flow(link.id, link.source, self.tensors[o.tensor], self.stretched(node, o)) for link, o in found]

    def remarks(self) -> tuple[Words, ...]:
        """How large the graph is, and what of it is not shown or drawn as one."""
        if self.view.note:
            return (Words(self.view.note, "muted"),)
        if self.view.folds:
            return (Words(f"{self.size()}, drawn as {count_text(len(self.nodes), 'box', 'boxes')}", "muted"),)
        return (Words(self.size(), "muted"),)

    def build(self, step: Sequence[str], users: Counter[str], first: bool) -> Build:
        """The beat in which the items of `step` appear."""
        nodes = [self.nodes[item] for item in step if item in self.nodes]
        flows: list[Flow] = []
        before = users.copy()
        for node in nodes:
            flows += self.flows(node)
            users.update(link.source for link in self.links.get(node.id, ()) if link.source in self.leaf_of)
        seen = {card: users[card] for card in self.leaf_of}
        if nodes and self.one_by_one:
            told = [self.computed(node, users - before, users, len(nodes)) for node in nodes]
            columns = tuple(column for column, _ in told)
            seconds = max(seconds for _, seconds in told) + 0.7 * (len(told) - 1)
            if not before and users:  # the first counters there are
                columns = (*columns[:-1], self.counting(columns[-1], min(users.values())))
            name = "-".join(["forward", *(node.id for node in nodes)])
        elif nodes:
            columns, seconds, name = (self.several(nodes, "built"),), 2.0, f"forward-{nodes[0].id}-{nodes[-1].id}"
        else:
            columns, seconds, name = (self.introduced(step, first),), 3.4 if first else 1.4, f"leaf-{step[0]}"
        return Build(name, columns, seconds, subtitle_of(columns), tuple(step), tuple(flows), seen)

    def counting(self, column: Column, of: int) -> Column:
        """The column, with what the counter of a leaf means in place of a second remark that matters less."""
        if any(note.tone == "nonfinite" for note in column.notes[1:]):
            return column
        said = Words(f"0/{of}: gradient shares, arrived / expected", "muted", brief=f"0/{of} shares arrived")
        return replace(column, notes=(*column.notes[:1], said))

    def introduced(self, step: Sequence[str], first: bool) -> Column:
        """What is said when leaves and constants appear."""
        leaves = [self.leaf_of[item] for item in step if item in self.leaf_of]
        shown = ", ".join(self.described(tensor) for tensor in leaves[:5]) + (", …" if len(leaves) > 5 else "")
        if first and leaves:
            # A few with their numbers say more than many without.
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
        """The rule by which an op makes its result; of many operands those that there is room for are named."""
        told, tag = self.names[node.outputs[0]], self.tag(node)
        before = () if told.partition("[")[0] == tag else (Words(tag, "muted"),)
        names = [*dict.fromkeys(self.names[i.tensor] for i in node.inputs)]
        if node.id in self.view.folds:
            some = ", ".join(names if len(names) <= 3 else [*names[:2], "…"])
            return (*before, Words(f"{told} = {node.op} of {some}"))
        rule: Piece = Words(f"{told} = {node.op}({', '.join(names)})")
        if node.formula is not None:
            tree = self.said(node, node.formula.forward.tree)
            rule = Formula(told, False, "=", tree, self.parameters(node), self.scalars(node))
        while len(names) > 2 and signs_in((*before, rule)) > room:
            names = [*names[:-2], "…"]
            rule = Words(f"{told} = {node.op}({', '.join(names)})")
        return (*before, rule)

    def computed(self, node: NodeRecord, new: Counter[str], users: Counter[str], many: int) -> tuple[Column, float]:
        """What is said about one op of `many` in a beat, and for how long; beside others, only what is special."""
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
        if node.id in self.view.folds:
            ops = Counter(op.op for op in self.view.folds[node.id].ops)
            notes.append(Words(", ".join(f"{many} × {op}" for op, many in ops.most_common(4)), "muted"))
        kept = [self.names[tensor] for tensor in dict.fromkeys(node.saved) if not plain(self.tensors[tensor])]
        if kept:
            notes.append(Words(f"keeps {listed(kept)} for backward", "muted"))
        if not notes:
            notes.append(Words(f"recorded as {node.name}", "muted"))
        seen = dict.fromkeys(i.tensor for i in node.inputs if not plain(self.tensors[i.tensor]))
        line: list[Piece] = [
            Numbers(self.tensors[tensor], f"{self.names[tensor]} =", "value") for tensor in list(seen)[:3]
        ]
        if len(seen) > 3:
            line.append(Words("…", "muted"))
        line += [Words("→", "muted"), Numbers(out, f"{told} =", "value")]
        caption = Column(rule, tuple(line), tuple(notes[:2]))
        return caption, 1.9 + 0.35 * min(len(notes) - 1, 1) + 0.35 * bool(not_finite)

    def several(self, nodes: Sequence[NodeRecord], verb: str, remark: str = "") -> Column:
        """What is said about many ops at once."""
        folds = self.view.folds
        ops = [op for node in nodes for op in (folds[node.id].ops if node.id in folds else (node,))]
        ages = sorted(op.age for op in ops)
        kinds = ", ".join(f"{many} × {op}" for op, many in Counter(op.op for op in ops).most_common(6))
        whole = "" if len(ages) == 1 or len(ages) == ages[-1] - ages[0] + 1 else "among "
        said = f"{whole}#{ages[0]} to #{ages[-1]}: {count_text(len(ops), 'operation')} {verb}"
        notes = (Words(remark, "muted"),) if remark else ()
        return Column((Words(said[0].upper() + said[1:]),), (Words(kinds, "muted"),), notes)

    def operand(self, node: NodeRecord, link: Link) -> InputRecord:
        """The operand that a link brings to a node."""
        for operand in node.inputs:
            if link.id in (operand.edge, f"{node.id}:{operand.slot}"):
                return operand
        raise KeyError(link.id)

    def stretched(self, node: NodeRecord, operand: InputRecord) -> Shape | None:
        """The shape that broadcasting gives an operand, where it changes anything."""
        if operand.broadcast_from is None:
            return None
        edge = self.edges.get(operand.edge or "")
        shape = (
            edge.raw_shape if edge is not None and edge.raw_shape is not None else self.tensors[node.outputs[0]].shape
        )
        return shape if shape != self.tensors[operand.tensor].shape else None

    # backward

    def backward(self, run: BackwardRecord) -> list[Beat]:
        """The beats of one backward run, in the order of its events."""
        root = self.nodes[run.root]
        reached = frozenset(event.edge for event in run.events if isinstance(event, SendEvent))
        which = len(self.view.source.runs)
        again = f" (run {which} of {which})" if which > 1 else ""
        target = self.names[root.outputs[run.output]]
        scalar = self.tensors[root.outputs[run.output]].shape == ()
        ones = self.ones(run.seed)
        inner = self.view.whole is not None and not any(
            root.outputs[run.output] == other.tensor for other in self.view.whole.roots
        )
        meant = (
            "the result"
            if inner
            else target
            if scalar and ones
            else f"L, the sum of {target},"
            if ones
            else f"L, {target} weighted by the seed,"
        )
        asked = f"How much does {meant} change when one tensor changes a little? That is its gradient."
        if word := nonfinite_word(self.tensors[root.outputs[run.output]]):  # then so is L, and nothing can be asked
            held = f"{target} is {word}" if scalar else f"{target} holds {word}"
            if not inner and not (scalar and ones):
                held += ", and so would its sum L" if ones and word == "NaN" else ", so L is not finite either"
            asked = f"{held}: each rule runs all the same, on the numbers it reads."
        turn = Column(
            (Words(f"Now the same edges are read the other way, from {target} to the leaves{again}"),),
            (Words(asked, "muted"),),
        )
        seed = self.tensors[run.seed]
        beats: list[Beat] = [
            Turn("turn", (turn,), 2.2, subtitle_of((turn,)), reached),
            self.received(seed, target) if inner else self.seeded(run, seed, target, scalar),
        ]
        before = {change.accumulator: change.before for change in run.leaves if change.before is not None}
        total = Counter(self.edges[edge].receiver for edge in reached) + Counter(self.view.elsewhere)
        waiting: dict[str, list[tuple[str, str]]] = {}  # receiver -> (edge, share) that have arrived
        turns = turns_of(run)
        if self.one_by_one:
            for some in self.together(turns, before):
                beats += self.turn(run, some, total, waiting, before)
        else:
            size = -(-len(turns) // MOST_BEATS)
            for k in range(0, len(turns), size):
                part = turns[k : k + size]
                sent = tuple(s for _, events in part for s in self.sent(events, total, waiting, before))
                caption = self.several([self.nodes[node] for node, _ in part], "run their rules", self.legend)
                name = f"backward-{part[0][0]}-{part[-1][0]}"
                beats.append(Run(name, (caption,), 2.0, subtitle_of((caption,)), tuple(node for node, _ in part), sent))
            beats += self.outlook(run)
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
        # Where L is no number it has no slope: what the rules make is all there is.
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

    def received(self, gradient: TensorRecord, target: str) -> Seed:
        """The beat in which a gradient arrives from what is not shown."""
        caption = Column(
            (Words(f"{bar(target)} comes from what is not shown"),),
            (Numbers(gradient, f"{bar(target)} =", "gradient"),),
        )
        return Seed("seed", (caption,), 2.0, subtitle_of((caption,)), self.record.runs[-1].root, gradient)

    def ones(self, seed: str) -> bool:
        """Whether a seed is 1 everywhere, as far as is recorded."""
        known = values(self.tensors[seed])
        return known is not None and bool((known == 1).all())

    def sent(
        self,
        events: Sequence[SendEvent | AccumulateEvent],
        total: Counter[str],
        waiting: dict[str, list[tuple[str, str]]],
        before: Mapping[str, str],
    ) -> list[Sent]:
        """The shares among some events; `waiting` is told of each."""
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
            settles = len(arrived) == of and (not self.one_by_one or (of == 1 and edge.receiver not in before))
            found.append(Sent(event.edge, edge.receiver, share, raw, len(arrived), of, settles))
        return found

    def together(self, turns: Sequence[NodeTurn], before: Mapping[str, str]) -> list[list[NodeTurn]]:
        """The turns in their order, with those in one list that can be told of side by side.

        They followed each other, none of them waited for another, and no sum was complete before the last.
        """
        found: list[list[NodeTurn]] = []
        for node, events in turns:
            group = found[-1] if found and not self.sums(found[-1][-1][1], before) else []
            if group and self.beside_each_other([*group, (node, events)]):
                group.append((node, events))
            else:
                found.append([(node, events)])
        return found

    def beside_each_other(self, turns: Sequence[NodeTurn]) -> bool:
        """Whether the last of some turns can be told of beside the others."""
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
        """The last additions to what is a sum."""
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
        """The beats of one node's turn, or of some: their rules run, then whatever became complete is summed."""
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
        """What is said about one node's turn: the gradient that came, and the rule of each share."""
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
        fold = self.view.folds.get(node)
        if fold is not None and fold.leaves:
            inside = f"its {count_text(fold.leaves, 'leaf', 'leaves')} inside: ✓"
            columns[0] = replace(columns[0], notes=(Words(inside, "done"),))
        elif not sent:
            columns.append(Column((Words("passes nothing on", "muted"),)))
        return columns

    def beside(self, node: str, sent: Sequence[Sent]) -> Column:
        """What is said about one node's turn in a beat that it shares."""
        columns = [self.passed(self.nodes[node], part) for part in sent]
        did = [piece for column in columns for piece in column.did] or [Words("passes nothing on", "muted")]
        notes = [note for column in columns for note in column.notes]
        return Column(self.sending(node, [(part.edge, part.of) for part in sent]), tuple(did), tuple(notes))

    def sending(self, node: str, shares: Sequence[tuple[str, int]]) -> tuple[Piece, ...]:
        """The rules by which a node makes its shares: of each the edge, and how many its receiver gets."""
        record = self.nodes[node]
        rules = [self.share(record, self.edges[edge], "=" if of == 1 else "+=") for edge, of in shares]
        linked = [piece for rule in rules for piece in (Words("and", "muted"), rule)][1:]
        return (Words(self.tag(record), "muted"), *(linked or [Words(record.name, "ink", True)]))

    def share(self, node: NodeRecord, edge: EdgeRecord, sign: str) -> Piece:
        """The rule of one share."""
        target = self.names[self.owner(edge.receiver, edge.output)]
        rule = next((r for r in node.formula.vjp if r.slot == edge.slot), None) if node.formula else None
        if rule is None:
            return Words(f"share for {target}")
        return Formula(target, True, sign, self.said(node, rule.tree), self.parameters(node), self.scalars(node))

    def passed(self, node: NodeRecord, part: Sent) -> Column:
        """What is said about one share."""
        edge = self.edges[part.edge]
        target = self.names[self.owner(edge.receiver, edge.output)]
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
        if nonfinite(part.share) and part.share.shape:  # a single number says it itself
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
        seconds = 4.0 if receiver in self.leaf_of else 2.8
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

    # the end

    def outlook(self, run: BackwardRecord) -> list[Outlook]:
        """The beat that points at the largest gradient, the longest sum, and the first NaN or the smallest gradient."""
        sizes = {item: size for item, (_, size) in self.gradients(run).items() if size is not None}
        finite = {item: size for item, size in sizes.items() if isfinite(size)}
        arrived = Counter(self.edges[event.edge].receiver for event in run.events if isinstance(event, SendEvent))
        found: list[tuple[str, str, str, str]] = []  # item, title, words, tone
        if finite:
            item = max(finite, key=finite.__getitem__)
            found.append((item, "largest gradient", f"‖grad {self.called(item)}‖ = {number(finite[item])}", "ink"))
        item, many = max(arrived.items(), key=lambda pair: pair[1], default=("", 0))
        if many > 1:
            found.append((item, "longest sum", f"grad {self.called(item)}: {many} shares", "ink"))
        not_finite = next(
            (node.id for node in self.record.nodes if any(nonfinite(self.tensors[o]) for o in node.outputs)), ""
        )
        not_finite = not_finite or next((item for item, size in sizes.items() if not isfinite(size)), "")
        if not_finite:
            found.append((not_finite, "first NaN or ∞", self.called(not_finite), "nonfinite"))
        elif len(finite) > 1 and min(finite.values()) < max(finite.values()):
            item = min(finite, key=finite.__getitem__)
            found.append((item, "smallest gradient", f"‖grad {self.called(item)}‖ = {number(finite[item])}", "ink"))
        if not found:
            return []
        columns = tuple(
            Column((Words(f"{k + 1}", "ink", True), Words(title)), (Words(words, tone),))
            for k, (_, title, words, tone) in enumerate(found)
        )
        return [Outlook("outlook", columns, 3.6, subtitle_of(columns), tuple(item for item, *_ in found))]

    def called(self, item: str) -> str:
        """What stands for an item in a few words: its name, and its number if it is an op."""
        name = self.item_name(item)
        return name if item in self.leaf_of or name.startswith("#") else f"{name} (#{self.nodes[item].age})"

    def gradients(self, run: BackwardRecord) -> dict[str, tuple[TensorRecord, float | None]]:
        """The complete gradient of every op and leaf that the run reached, and its norm."""
        found = {
            node: self.tensors[next(id for id in ids if id is not None)]
            for node, ids in run.gradients.items()
            if node in self.nodes and any(id is not None for id in ids)
        }
        found |= {c.accumulator: self.tensors[c.after] for c in run.leaves if c.accumulator in self.leaf_of}
        return {item: (tensor, norm(tensor)) for item, tensor in found.items()}

    def close(self, run: BackwardRecord | None) -> Close:
        """The beat with the table of all leaves."""
        after = {change.accumulator: change for change in run.leaves} if run is not None else {}
        edges = {edge.id: edge.receiver for edge in self.view.source.edges}
        sent = (
            [edges[event.edge] for event in self.view.source.runs[-1].events if isinstance(event, SendEvent)]
            if run is not None
            else []
        )
        arrivals = Counter(sent) + Counter(self.view.elsewhere)
        rows = [
            self.row(accumulator.id, after.get(accumulator.id), arrivals[accumulator.id])
            for accumulator in self.view.source.accumulators
        ]
        room = 7
        shown = rows if len(rows) <= room else rows[: room - 1]
        if run is None:
            said = "Backward has not been run" if not self.record.runs else "The graph is kept for backward"
            caption = Column(
                (Words(f"{said}: no leaf has a gradient yet"),),
                (Words("The tape above is what backward will read, from right to left", "muted"),),
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
        leaf = self.tensors[self.all_leaves[accumulator]]
        gradient = self.tensors[change.after] if change is not None else None
        size = norm(gradient) if gradient is not None else None
        held = change is not None and change.before is not None
        return Row(
            accumulator, self.names[leaf.id], leaf, arrived, held, "" if size is None else number(size), gradient
        )

    def moral(self, run: BackwardRecord, rows: Sequence[Row]) -> tuple[str, str]:
        """Two honest sentences about what the run has shown."""
        root = self.tensors[self.nodes[run.root].outputs[run.output]]
        if self.view.elsewhere:
            some = listed([self.item_name(id) for id in list(self.view.elsewhere)[:3]])
            return f"Shares also reach {some} from what is not shown", f"{self.view.note}."
        gradients = [row.gradient for row in rows if row.gradient is not None]
        bad = [row.name for row in rows if row.gradient is not None and nonfinite(row.gradient)]
        if bad:
            return f"The gradient of {listed(bad)} is not finite", self.origin()
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
            first = f"{target} does not depend on {listed(nothing[:4])}: the run leaves {them} alone"
        second = (
            f"{listed(shared[:4])} {'was' if len(shared) == 1 else 'were'} used more than once: shares add up"
            if shared
            else "Each leaf was used once: one share each"
        )
        return first, second + "."

    def despite(self, what: str) -> str:
        """How gradients can be finite although the result is not, in one sentence; `what` stands for its NaN or ∞."""
        record, made = self.view.whole or self.view.source, self.maker()
        events = [
            event for id, sent in turns_of(record.runs[-1]) if made is not None and id == made.id for event in sent
        ]
        if made is None or not events:
            return "No rule passed on what is not finite."
        sent = [self.all_tensors[event.share] for event in events if isinstance(event, SendEvent)]
        slot = next(edge.slot for edge in record.edges if edge.id == events[0].edge)
        rule = (
            next((rule for rule in made.formula.vjp if rule.slot == slot), None) if made.formula is not None else None
        )
        if rule is None or any(map(nonfinite, sent)) or set(made.saved) & set(made.outputs):
            return f"#{made.age} {made.op} made {what}; on the way to the leaves a rule cut off what is not finite."
        signs = letters_in(rule.tree)
        kept = [i for i in made.inputs if i.tensor in made.saved and (i.parameter in signs or "say" in signs)]
        read = [*dict.fromkeys(self.names[i.tensor] for i in kept if not plain(self.all_tensors[i.tensor]))]
        reads = f"{listed(read)}, which {'is' if len(read) == 1 else 'are'} finite" if read else "no value"
        known = {i.parameter: t for i in made.inputs if plain(t := self.all_tensors[i.tensor])}
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
                for node in (self.view.whole or self.view.source).nodes
                if any(nonfinite(self.all_tensors[out]) for out in node.outputs)
                and not any(nonfinite(self.all_tensors[operand.tensor]) for operand in node.inputs)
            ),
            None,
        )

    def origin(self) -> str:
        """Where what is not finite began, in one sentence: among the values, and among the gradients."""
        record = self.view.whole or self.view.source
        run, made, found = record.runs[-1], self.maker(), []
        makers = {out for node in record.nodes for out in node.outputs}
        read = (operand.tensor for node in record.nodes for operand in node.inputs)
        given = next((t for t in read if t not in makers and nonfinite(self.all_tensors[t])), None)
        if given is not None:
            found.append(f"{nonfinite_word(self.all_tensors[given])} came in with {self.names[given]}")
        elif made is not None:
            word = next(word for out in made.outputs if (word := nonfinite_word(self.all_tensors[out])))
            found.append(f"#{made.age} {made.op} made the first {word}")
        if word := nonfinite_word(self.all_tensors[run.seed]):
            found.append(f"{word} came in with the seed")
        else:
            sent = (event for event in run.events if isinstance(event, SendEvent))
            for event in sent:
                if word := nonfinite_word(self.all_tensors[event.share]):
                    edge = next(edge for edge in record.edges if edge.id == event.edge)
                    sender = next(node for node in record.nodes if node.id == edge.sender)
                    found.append(f"#{sender.age} {sender.name} sent the first {word} gradient")
                    break
        return f"{', '.join(found) or 'Finite shares add up to more than a float can hold'}."


def turns_of(run: BackwardRecord) -> list[NodeTurn]:
    """The steps of a run in order: each node that ran, and what was sent and added in its turn."""
    turns: list[NodeTurn] = []
    for event in run.events:
        if isinstance(event, RunEvent):
            turns.append((event.node, []))
        elif turns:
            turns[-1][1].append(event)
    return turns
