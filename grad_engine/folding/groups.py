"""Several ops drawn as one box.

A box stands for no more and no less than its ops: it reads what they read, makes what they make for others, and sends
the shares that they send to others. What runs inside is not shown, only counted.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from itertools import groupby
from math import prod

from grad_engine.record import (
    AccumulateEvent,
    BackwardRecord,
    EdgeRecord,
    Event,
    ForwardRecord,
    GraphRecord,
    InputRecord,
    NodeRecord,
    RootRecord,
    RunEvent,
    SendEvent,
)
from grad_engine.record.words import many

MOST_OPS = 24  # that have a beat and a drawing of their own
MOST_ITEMS = 34  # ops and cards that can be drawn together with everything written on them
MOST_LEAVES = 4  # of one box that are drawn beside it
MOST_TRIED = 50  # groups on a cycle that are tried one by one, each in one pass over the graph
LONGEST_ROUND = 128  # groups of one round that are looked for, which keeps the search linear
GROUP = "group"  # category of a box that stands for several ops


@dataclass(frozen=True, slots=True)
class Fold:
    """Several ops that are drawn as one."""

    label: str
    ops: tuple[NodeRecord, ...]
    leaves: int = 0  # leaf tensors that nothing else reads, and that lie inside
    times: int = 1  # how often the same ops follow each other

    @property
    def size(self) -> str:
        """How much is inside, in few words."""
        ops = many(len(self.ops), "op")
        return f"{ops}, {many(self.leaves, 'leaf', 'leaves')}" if self.leaves else ops


def folded(
    record: GraphRecord, most: bool, elsewhere: Mapping[str, int] | None = None
) -> tuple[GraphRecord, dict[str, Fold]]:
    """The record with ops folded until at most MOST_OPS are left, or as far as possible, and the folds by node id.

    Tried in this order: ops of one scope, from the inside out; the same ops again and again; chains of ops with one
    operand; and if there still is too much, leaves that are read inside one box only. `elsewhere` says of how many
    shares of each receiver the record knows nothing.
    """
    groups = Groups(record, elsewhere or {})
    depths = sorted({len(node.scope.split(".")) for node in record.nodes if node.scope}, reverse=True)
    steps: list[Callable[[], None]] = [groups.repeated]
    steps += [lambda depth=depth: groups.scoped(depth) for depth in depths]  # type: ignore[misc]
    steps += [groups.repeated, groups.chained, groups.repeated]
    for step in steps[1:] if depths else steps:
        if not most and len(groups.members) <= MOST_OPS:
            break
        step()
    return groups.record(most)


def modules_folded(record: GraphRecord, most: int) -> tuple[GraphRecord, dict[str, Fold]]:
    """The record with modules folded from the inside out until at most `most` parts are left, then chains of ops.

    Modules that hold all ops stay open. Leaves that are read inside one module only lie inside it.
    """
    groups = Groups(record, {})
    scopes = [node.scope.split(".") if node.scope else [] for node in record.nodes]
    same = 0
    while all(len(scope) > same and scope[same] == scopes[0][same] for scope in scopes):
        same += 1
    for depth in sorted({len(scope) for scope in scopes if len(scope) > same}, reverse=True):
        if len(groups.members) <= most:
            break
        groups.scoped(depth)
    if len(groups.members) > most:
        groups.chained()
    return groups.record(most=True)


class Groups:
    """A partition of the ops into groups that can each be drawn as one box; at first every op is a group.

    No path in the graph leaves a group and comes back to it, so the graph of groups has no cycle.
    """

    def __init__(self, record: GraphRecord, elsewhere: Mapping[str, int]) -> None:
        self.source = record
        self.elsewhere = elsewhere
        self.nodes = {node.id: node for node in record.nodes}
        self.made_by = {tensor: node.id for node in record.nodes for tensor in node.outputs}
        self.leaves = {accumulator.leaf: accumulator.id for accumulator in record.accumulators}
        # Numbers without a name are written inside the op that reads them, and so inside its box.
        self.numbers = {t.id for t in record.tensors if t.role == "constant" and t.shape == () and not t.name}
        self.roots = {root.node for root in record.roots} | {run.root for run in record.runs}
        self.shapes = {tensor.id: tensor.shape for tensor in record.tensors}
        self.group = {id: id for id in self.nodes}  # op -> the group that it belongs to
        self.members: dict[str, list[str]] = {id: [id] for id in self.nodes}
        self.labels: dict[str, str] = {}
        self.times: dict[str, int] = {}

    def ways(self) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
        """Which groups each group reads, and which read it."""
        reads: dict[str, set[str]] = {id: set() for id in self.members}
        readers: dict[str, set[str]] = {id: set() for id in self.members}
        for node in self.nodes.values():
            here = self.group[node.id]
            for operand in node.inputs:
                if operand.tensor in self.made_by:
                    there = self.group[self.made_by[operand.tensor]]
                    if there != here:
                        reads[here].add(there)
                        readers[there].add(here)
        return reads, readers

    def join(self, parts: Sequence[str], label: str, times: int = 1) -> None:
        """Makes one group of several. The caller knows that no path leaves them and returns (`join_closed` checks)."""
        if len(parts) < 2:
            return
        members = sorted((id for part in parts for id in self.members[part]), key=lambda id: self.nodes[id].age)
        key = members[-1]
        for part in parts:
            del self.members[part]
            self.labels.pop(part, None)
            self.times.pop(part, None)
        self.members[key] = members
        self.labels[key] = label
        if times > 1:
            self.times[key] = times
        self.group |= dict.fromkeys(members, key)

    def join_closed(self, pieces: Sequence[tuple[Sequence[str], str]]) -> None:
        """Makes one group of each piece (its groups, its label) that no path leaves and comes back to.

        All are tried at once. Those that lie on a cycle when all are joined are tried again one by one, in their order,
        up to MOST_TRIED of them.
        """
        _, readers = self.ways()
        home = {part: k for k, (parts, _) in enumerate(pieces) for part in parts}
        contracted: dict[Hashable, set[Hashable]] = {home.get(id, id): set() for id in self.members}
        for id, others in readers.items():
            here = home.get(id, id)
            contracted[here] |= {home.get(other, other) for other in others} - {here}
        knotted = {key for component in cycles(contracted) for key in component}
        open_pieces = []
        for k, (parts, label) in enumerate(pieces):
            if k in knotted:
                open_pieces.append((parts, label))
            else:
                self.join(parts, label)
        for parts, label in open_pieces[:MOST_TRIED]:
            if self.closed(parts):
                self.join(parts, label)

    def closed(self, parts: Sequence[str]) -> bool:
        """Whether no path leaves some groups and comes back to them."""
        _, readers = self.ways()
        inside = set(parts)
        pending = [id for part in parts for id in readers[part] if id not in inside]
        seen = set(pending)
        while pending:
            for id in readers[pending.pop()]:
                if id in inside:
                    return False
                if id not in seen:
                    seen.add(id)
                    pending.append(id)
        return True

    def scoped(self, depth: int) -> None:
        """Folds the ops of every scope of at least this depth into one box per scope of this depth."""
        found: dict[str, list[str]] = {}
        for id, members in self.members.items():
            scopes = {".".join(self.nodes[member].scope.split(".")[:depth]) for member in members}
            if len(scopes) == 1 and len((scope := scopes.pop()).split(".")) == depth and scope:
                found.setdefault(scope, []).append(id)
        reads, _ = self.ways()
        self.join_closed([(part, scope) for scope, parts in found.items() for part in connected(parts, reads)])

    def lines(self, alone: bool) -> list[list[str]]:
        """Chains of groups, each read by the next only and reading nothing else; with `alone`, no leaf either."""
        reads, readers = self.ways()
        following: dict[str, str] = {}
        for id in self.members:
            (before,) = reads[id] if len(reads[id]) == 1 else (None,)
            if before is None or readers[before] != {id} or self.roots & set(self.members[before]):
                continue
            operands = [operand for member in self.members[id] for operand in self.nodes[member].inputs]
            if not alone or not any(operand.tensor in self.leaves for operand in operands):
                following[before] = id
        inner = set(following.values())
        starts = [id for id in following if id not in inner]
        found = []
        for id in starts:
            line = [id]
            while line[-1] in following:
                line.append(following[line[-1]])
            found.append(line)
        return found

    def chained(self) -> None:
        """Folds chains of ops that read no leaf on the way; existing boxes stay as they are."""
        for line in self.lines(alone=True):
            for boxed, some in groupby(line, lambda id: id in self.labels):
                part = list(some)
                ops = [self.label(id) for id in part]
                if not boxed:
                    self.join(part, " → ".join(ops) if len(ops) <= 3 else f"{ops[0]} → … → {ops[-1]}")

    def repeated(self) -> None:
        """Folds groups of a chain that repeat at least three times, such as the equal layers of a network."""
        for line in self.lines(alone=False):
            self.fold_rounds(line)

    def fold_rounds(self, line: Sequence[str], shapes: bool = True) -> None:
        """Folds what repeats at least three times in a line of groups, which no path leaves and enters again."""
        known: dict[tuple[object, ...], int] = {}
        kinds = [known.setdefault(self.kind(id, shapes), len(known)) for id in line]
        covers = _covers(kinds)
        at = 0
        while at < len(line):
            # The most groups that one round and its repetitions cover, and of equal ones the shorter round.
            covered, long = max(((many[at], -k) for k, many in covers.items()), default=(0, 0))
            long = -long
            if not covered:
                at += 1
                continue
            end = at + covered
            while end < len(line) and kinds[end] == kinds[end - long]:
                end += 1
            # A round begins where it reads the most, as a layer does with its weights.
            starts = range(at, min(at + long, end - covered + 1))
            at = max(starts, key=lambda k: self.weight(line[k]))
            names = [self.label(id) for id in line[at : at + long]]
            finals = [self.label(id) for id in line[at + covered - long : at + covered]]
            names = [one if one == other else f"{one} … {other}" for one, other in zip(names, finals, strict=True)]
            self.join(line[at : at + covered], _way(names), covered // long)
            at += covered

    def in_order(self) -> list[str]:
        """The groups in an order in which each comes after those that it reads."""
        reads, readers = self.ways()
        return _sorted(reads, readers, {id: self.nodes[id].age for id in self.members})

    def within(self, most: int) -> None:
        """Folds what follows each other until at most `most` groups are left: rounds, ops between boxes, anything.

        What follows each other in an order of the graph can be one box: no path leaves it and comes back.
        """
        for shapes in (True, False):
            if len(self.members) > most:
                self.fold_rounds(self.in_order(), shapes)
        if len(self.members) > most:
            for boxed, some in groupby(self.in_order(), lambda id: id in self.labels):
                if not boxed:
                    self.join_stretch(list(some))
        if len(self.members) > most:
            line = self.in_order()
            for part in range(most):
                self.join_stretch(line[part * len(line) // most : (part + 1) * len(line) // most])

    def join_stretch(self, parts: Sequence[str]) -> None:
        """Makes one group of groups that follow each other."""
        self.join(parts, _way([self.label(id) for id in parts]))

    def weight(self, id: str) -> int:
        """How many numbers a group reads from leaves."""
        read = {operand.tensor for member in self.members[id] for operand in self.nodes[member].inputs}
        return sum(prod(self.shapes[tensor]) for tensor in read if tensor in self.leaves)

    def label(self, id: str) -> str:
        """What a group is called."""
        label = self.labels.get(id, self.nodes[id].op)
        if id not in self.times:
            return label
        return f"({label}) ×{self.times[id]}" if " → " in label else f"{label} ×{self.times[id]}"

    def kind(self, id: str, shapes: bool = True) -> tuple[object, ...]:
        """The structure of a group: equal for groups that do the same, to tensors of the same shapes."""
        place = {member: k for k, member in enumerate(self.members[id])}
        found: list[object] = []
        for node in (self.nodes[member] for member in self.members[id]):
            read = tuple(
                (
                    operand.parameter,
                    place.get(self.made_by.get(operand.tensor, ""), -1),
                    self.shapes[operand.tensor] if shapes else (),
                )
                for operand in node.inputs
            )
            found.append((node.op, read, tuple(self.shapes[out] if shapes else () for out in node.outputs)))
        return tuple(found)

    def record(self, most: bool) -> tuple[GraphRecord, dict[str, Fold]]:
        """The record with every group as one node."""
        source = self.source
        boxes = {id for id in self.members if id in self.labels}
        readers_of: dict[str, set[str]] = {}  # leaf -> the groups that read it
        for node in source.nodes:
            for operand in node.inputs:
                if operand.tensor in self.leaves:
                    readers_of.setdefault(operand.tensor, set()).add(self.group[node.id])
        inside = {leaf: next(iter(some)) for leaf, some in readers_of.items() if len(some) == 1 and some <= boxes}
        fullest = max(Counter(inside.values()).values(), default=0)
        if not most and fullest <= MOST_LEAVES and len(self.members) + len(self.leaves) <= MOST_ITEMS:
            inside = {}  # there is room for them
        hidden = {self.leaves[leaf] for leaf in inside}
        reads, readers = self.ways()
        order = _sorted(reads, readers, {id: self.nodes[id].age for id in self.members})
        needed = {root.tensor for root in source.roots}
        needed |= {self.nodes[run.root].outputs[run.output] for run in source.runs}
        for node in source.nodes:
            home = self.group[node.id]
            needed |= {o.tensor for o in node.inputs if self.group.get(self.made_by.get(o.tensor, "")) != home}
        nodes: list[NodeRecord] = []
        folds: dict[str, Fold] = {}
        slots: dict[str, int] = {}  # edge id -> the slot of its box
        spot: dict[str, tuple[str, int]] = {}  # tensor -> the node that shows it as its output
        for id in order:
            if id not in boxes:
                nodes.append(self.nodes[id])
                spot |= {out: (id, k) for k, out in enumerate(self.nodes[id].outputs)}
                continue
            members = [self.nodes[member] for member in self.members[id]]
            inputs: list[InputRecord] = []
            taken: set[str] = set()
            for operand in (operand for member in members for operand in member.inputs):
                own = self.group.get(self.made_by.get(operand.tensor, "")) == id or operand.tensor in inside
                if own or (operand.edge is None and (operand.tensor in taken or operand.tensor in self.numbers)):
                    continue
                taken.add(operand.tensor)
                if operand.edge is not None:
                    slots[operand.edge] = len(inputs)
                inputs.append(replace(operand, slot=len(inputs), parameter=f"x{len(inputs)}"))
            outputs = tuple(out for member in members for out in member.outputs if out in needed)
            outputs = outputs or members[-1].outputs
            spot |= {out: (id, k) for k, out in enumerate(outputs)}
            label = self.label(id)
            count = sum(there == id for there in inside.values())
            folds[id] = Fold(label, tuple(members), count, self.times.get(id, 1))
            nodes.append(NodeRecord(id, members[-1].age, label, label, GROUP, label, tuple(inputs), outputs))
        edges: list[EdgeRecord] = []
        for edge in source.edges:
            sender, receiver, output = self.group[edge.sender], edge.receiver, edge.output
            if receiver in self.nodes:
                tensor = self.nodes[receiver].outputs[output]
                if self.group[receiver] == sender:
                    continue
                receiver, output = spot[tensor]
            if receiver in hidden:
                continue
            slot = slots.get(edge.id, edge.slot)
            edges.append(replace(edge, sender=sender, receiver=receiver, output=output, slot=slot))
        forward = [
            *(step for step in source.forward if step.kind != "op" and step.id not in inside),
            *(ForwardRecord("op", node.id) for node in nodes),
        ]
        first = {step.id: k for k, step in enumerate(source.forward)}
        made = replace(
            source,
            nodes=tuple(nodes),
            edges=tuple(edges),
            accumulators=tuple(a for a in source.accumulators if a.id not in hidden),
            roots=tuple(RootRecord(spot[r.tensor][0], r.tensor, spot[r.tensor][1]) for r in source.roots),
            forward=_interleaved(source, forward, first),
            runs=tuple(self.run(run, edges, spot, reads, readers) for run in source.runs[-1:]),
        )
        return made, folds

    def run(
        self,
        run: BackwardRecord,
        edges: Sequence[EdgeRecord],
        spot: Mapping[str, tuple[str, int]],
        reads: Mapping[str, set[str]],
        readers: Mapping[str, set[str]],
    ) -> BackwardRecord:
        """A backward run in terms of groups: each runs when all shares that it waits for have arrived, newest first."""
        started: dict[str, int] = {}
        sends: dict[str, list[SendEvent]] = {}
        sums: dict[tuple[str, int], str] = {}  # (receiver, output) of the source -> its complete sum
        there = {edge.id: edge for edge in edges}
        whole = {edge.id: edge for edge in self.source.edges}
        for k, event in enumerate(run.events):
            if isinstance(event, RunEvent):
                started.setdefault(self.group[event.node], k)
            elif isinstance(event, SendEvent):
                if event.edge in there:
                    sends.setdefault(there[event.edge].sender, []).append(event)
            elif event.k == event.of:
                sums[event.receiver, whole[event.edge].output] = event.partial
        ran = {id: {other for other in readers[id] if other in started} for id in started}
        then = {id: {other for other in reads[id] if other in started} for id in started}
        events: list[Event] = []
        of = Counter((there[e.edge].receiver, there[e.edge].output) for some in sends.values() for e in some)
        reached = {(edge.receiver, there[id].receiver, there[id].output) for id, edge in whole.items() if id in there}
        for old, receiver, output in reached:
            of[receiver, output] += self.elsewhere.get(old, 0)
        came: Counter[tuple[str, int]] = Counter()
        for id in _sorted(ran, then, started):
            events.append(RunEvent(id))
            for send in sends.get(id, ()):
                events.append(send)
                edge, first = there[send.edge], whole[send.edge]
                key = (edge.receiver, edge.output)
                came[key] += 1
                total = sums.get((first.receiver, first.output))
                if total is not None:
                    partial = total if came[key] == of[key] else send.share
                    events.append(AccumulateEvent(edge.receiver, send.edge, came[key], of[key], partial))
        gradients: dict[str, tuple[str | None, ...]] = {}
        for node in self.source.nodes:
            for out, found in zip(node.outputs, run.gradients.get(node.id, ()), strict=False):
                if out in spot:
                    id, place = spot[out]
                    now = [*gradients.get(id, ()), *[None] * (place + 1)][: max(place + 1, len(gradients.get(id, ())))]
                    now[place] = found
                    gradients[id] = tuple(now)
        root, output = spot[self.nodes[run.root].outputs[run.output]]
        return replace(run, root=root, output=output, events=tuple(events), gradients=gradients)


def cycles(graph: Mapping[Hashable, Iterable[Hashable]]) -> list[list[Hashable]]:
    """The sets of keys that lie on a cycle together; `graph` maps each key to those it leads to (Tarjan, 1972)."""
    order: dict[Hashable, int] = {}
    low: dict[Hashable, int] = {}
    path: list[Hashable] = []
    on_path: set[Hashable] = set()
    found: list[list[Hashable]] = []
    for start in graph:
        if start in order:
            continue
        pending: list[tuple[Hashable, Iterator[Hashable]]] = [(start, iter(graph[start]))]
        order[start] = low[start] = len(order)
        path.append(start)
        on_path.add(start)
        while pending:
            key, others = pending[-1]
            for other in others:
                if other not in order:
                    order[other] = low[other] = len(order)
                    path.append(other)
                    on_path.add(other)
                    pending.append((other, iter(graph[other])))
                    break
                if other in on_path:
                    low[key] = min(low[key], order[other])
            else:
                pending.pop()
                if pending:
                    low[pending[-1][0]] = min(low[pending[-1][0]], low[key])
                if low[key] == order[key]:
                    component = [path.pop()]
                    while component[-1] != key:
                        component.append(path.pop())
                    on_path -= set(component)
                    if len(component) > 1:
                        found.append(component)
    return found


def connected(keys: Sequence[str], reads: Mapping[str, set[str]]) -> list[list[str]]:
    """The keys in connected lists: each is linked to another of its list, directly or through others of it."""
    inside, home = set(keys), {key: key for key in keys}

    def top(key: str) -> str:
        while home[key] != key:
            home[key] = home[home[key]]
            key = home[key]
        return key

    for key in keys:
        for other in reads[key] & inside:
            home[top(key)] = top(other)
    found: dict[str, list[str]] = {}
    for key in keys:
        found.setdefault(top(key), []).append(key)
    return list(found.values())


def _way(names: Sequence[str]) -> str:
    """What several parts are called that follow each other."""
    return " → ".join(names) if len(names) <= 3 else f"{names[0]} → … → {names[-1]}"


def _covers(kinds: Sequence[int]) -> dict[int, list[int]]:
    """Length of a round -> from each place on, how many places that round and its repetitions cover; 0: under three."""
    found = {}
    for long in range(1, min(LONGEST_ROUND, len(kinds) // 3) + 1):
        run, many = 0, [0] * len(kinds)
        for k in range(len(kinds) - long - 1, -1, -1):
            run = run + 1 if kinds[k] == kinds[k + long] else 0
            times = run // long + 1
            many[k] = times * long if times >= 3 else 0
        if any(many):
            found[long] = many
    return found


def _sorted(before: Mapping[str, set[str]], after: Mapping[str, set[str]], place: Mapping[str, int]) -> list[str]:
    """The keys in an order in which each comes after those it waits for, and otherwise by their place."""
    waits = {id: len(others) for id, others in before.items()}
    ready = [(place[id], id) for id, many in waits.items() if not many]
    heapify(ready)
    found = []
    while ready:
        _, id = heappop(ready)
        found.append(id)
        for other in after[id]:
            waits[other] -= 1
            if not waits[other]:
                heappush(ready, (place[other], other))
    return found


def _interleaved(
    source: GraphRecord, steps: Sequence[ForwardRecord], first: Mapping[str, int]
) -> tuple[ForwardRecord, ...]:
    """The forward steps: leaves where the program made them, between ops in their new order."""
    leaves = deque(step for step in steps if step.kind != "op")
    found: list[ForwardRecord] = []
    for step in (step for step in steps if step.kind == "op"):
        while leaves and first.get(leaves[0].id, 0) < first.get(step.id, 0):
            found.append(leaves.popleft())
        found.append(step)
    return (*found, *leaves)
