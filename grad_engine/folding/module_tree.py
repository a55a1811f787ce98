"""A record in which closed modules are boxes: the depth that fits, equal repeats as one, always a graph without cycles.

Modules are the scopes of a record, read as paths: an op of scope `h.3.attn` is in `h`, `h.3` and `h.3.attn`. Each call
of a module is a box of its own, and equal calls or numbered siblings that follow each other are one box with a count.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from grad_engine.errors import GraphError
from grad_engine.folding.groups import Fold, Groups, cycles
from grad_engine.folding.structure import Repeat, repeats, signature
from grad_engine.folding.views import View, around, focused
from grad_engine.record import GraphRecord, NodeRecord
from grad_engine.record.index import RecordIndex, index_of
from grad_engine.record.parts import Event, RunEvent

DEEPEST = 12  # parts of a path; what a scope has beyond stays in the last
UNIT = 8  # ops up to which a module without modules inside stays one box: a Linear, a LayerNorm
FEWEST = 4  # boxes; a picture of less opens one module more, although that leads over the limit
CROWDED = 1.7  # times the number of nodes that are wanted: so many ops and leaves together still are shown
FEWEST_BESIDE = 2  # boxes; equal modules stay one box where there are so many
MOST_LINES = 4  # from a box to another, or of constants to a box; of more, one is drawn, or none
LEAST_TIMES = 3  # equal modules in a row that become one box
LONG_LOOP = 8  # boxes; a module that repeats itself stays one box where its inside would be more


@dataclass(eq=False, slots=True)
class Module:
    """One call of a module: its path, what it holds, and the modules that ran inside it."""

    path: str
    depth: int  # parts of the path; 0 for the whole record
    ops: list[NodeRecord] = field(default_factory=list)  # everything inside, by age
    own: list[NodeRecord] = field(default_factory=list)  # what is in no module inside this one
    inner: list[Module] = field(default_factory=list)  # in the order in which they first ran


Family = tuple[Module, ...]  # equal modules that follow each other


def modules(record: GraphRecord) -> Module:
    """The whole record as a module, which holds the calls of the modules at the top, and so on."""
    whole = Module("", 0)
    current: dict[tuple[str, ...], Module] = {}
    first: dict[tuple[str, ...], tuple[str, int]] = {}  # the scope and the call with which the current call began
    scopes = scopes_of(index_of(record))
    for node in record.nodes:
        scope = scopes.get(node.id, "")
        here, outer_is_new = whole, False
        whole.ops.append(node)
        parts = scope.split(".", DEEPEST - 1) if scope else []
        for depth in range(1, len(parts) + 1):
            path = tuple(parts[:depth])
            begun = first.get(path)
            again = begun is not None and begun[0] == scope and begun[1] != node.call
            if begun is None or again or outer_is_new:
                outer_is_new = True
                first[path] = (scope, node.call)
                current[path] = Module(".".join(path), depth)
                here.inner.append(current[path])
            here = current[path]
            here.ops.append(node)
        here.own.append(node)
    return whole


def scopes_of(index: RecordIndex) -> dict[str, str]:
    """The scope of each op that has one, by the op's id."""
    return {node: scope for scope, nodes in index.scopes.items() for node in nodes}


def paths(record: GraphRecord) -> list[str]:
    """The path of every module of a record, outer ones first, in the order in which they ran."""
    found: dict[str, None] = {}
    pending = [modules(record)]
    while pending:
        module = pending.pop()
        found[module.path] = None
        pending.extend(reversed(module.inner))
    return [path for path in found if path]


@dataclass(frozen=True, slots=True)
class Group:
    """One call of a module, or equal modules together, as a place in a tree of groups."""

    id: str  # "m0", "m1", ...: parents before what they hold
    parent: str | None
    label: str  # what it is called inside its parent; "h.0 … h.11" for equal ones together
    path: str  # of the module, of the first of equal ones
    times: int = 1  # how many equal modules it holds, or rounds of a loop
    call: int = 0  # which call of this path it is, from 0


def hierarchy(record: GraphRecord) -> tuple[list[Group], dict[str, str]]:
    """All groups of a record, parents first, and the id of the innermost group of each op that is in one.

    Equal modules that follow each other are in a group of their own. A list of layers, which holds nothing but numbered
    modules, is left out: what it holds stands in its place, unless that is one loop of many modules.
    """
    kinds, loops = _Kinds(record), _Loops(record)
    groups: list[Group] = []
    home: dict[str, str] = {}
    calls: dict[str, int] = {}

    def add(parent: Group | None, label: str, path: str, times: int) -> Group:
        outer = f"{parent.path}." if parent is not None else ""
        call = calls[path] = calls.get(path, -1) + (times == 1)
        shown = label.replace(outer, "") if outer else label
        groups.append(Group(f"m{len(groups)}", parent.id if parent else None, shown, path, times, max(call, 0)))
        return groups[-1]

    pending: list[tuple[Module, Group | None]] = [(modules(record), None)]
    while pending:
        module, group = pending.pop()
        if group is not None:
            home |= dict.fromkeys((node.id for node in module.own), group.id)
        inside: list[tuple[Module, Group | None]] = []
        for family in _families(module.inner, kinds, set()):
            around = add(group, _label(family), family[0].path, len(family)) if len(family) > 1 else group
            for each in family:
                numbered = all(inner.path.rpartition(".")[2].isdigit() for inner in each.inner)
                holds_only_modules = not each.own and len(each.inner) > 1 and len(family) == 1 and numbered
                rounds = _rounds_of_long_loop(each, list(_families(each.inner, kinds, set())), loops)
                left_out = holds_only_modules and rounds == 1
                inside.append((each, group if left_out else add(around, each.path, each.path, rounds)))
        pending += reversed(inside)
    return groups, home


def module_view(
    record: GraphRecord,
    most: int,
    *,
    full: bool = False,
    level: int | None = None,
    expand: Collection[str] = (),
    focus: str | int | None = None,
    limit: int | None = None,
) -> View:
    """What of a record is shown in about `most` nodes: modules open from the outside in until there are so many.

    full: every op is shown. level: modules of so many parts are closed, those of fewer are open. expand: paths of
    modules that are open whatever the limit says; of one that is called again and again, its last call. focus: the path
    of a module, of which only the inside is shown (and `level` counts from there), or a name for which
    `RecordIndex.find` knows an op or leaf, with the ops around it. limit: how many nodes there are at most, where
    nothing else was asked for; ops that follow each other are one then.

    Raises GraphError for a name that stands for nothing.
    """
    _check_paths(record, expand)
    shown = View(record, record)
    depth = 0
    if focus is not None:
        path = str(focus)
        if is_module(index_of(record), path):
            ops = index_of(record).find(path)
            depth = path.count(".") + 1
            shown = replace(around(record, set(ops)), note=f"Only {path}; the graph has {len(record.nodes)} ops")
        else:
            shown = focused(record, path, most)
    source = shown.source
    asked = level is not None or bool(expand)
    crowded = len(source.nodes) > most or len(source.nodes) + len(source.accumulators) > CROWDED * most
    if full or not (asked or crowded) or not index_of(source).scopes:
        return shown
    if depth:
        expand = {*expand, path}
    limit = None if asked or depth else limit
    folded, folds = by_module(
        source, most, level=level + depth if level is not None else None, expand=expand, limit=limit
    )
    return replace(shown, record=folded, folds=folds)


def in_few(record: GraphRecord, most: int) -> tuple[GraphRecord, dict[str, Fold]]:
    """The record in at most `most` nodes, whatever its modules are: repeats, and what follows each other, are boxes."""
    groups = Groups(record, {})
    groups.within(most)
    shown, folds = groups.record(True)
    folds = {id: replace(fold, label=groups.labels[id]) for id, fold in folds.items()}  # the count stands beside it
    return _with_one_edge_for_many(_without_small_inputs(shown, folds), folds), folds


def calls_of(record: GraphRecord, path: str) -> list[Module]:
    """The calls of the module of this path, in the order in which they ran."""
    found: list[Module] = []
    pending = [modules(record)]
    while pending:
        module = pending.pop()
        if module.path == path and module.depth:
            found.append(module)
        elif not module.depth or path.startswith(f"{module.path}."):
            pending.extend(reversed(module.inner))
    return found


def is_module(index: RecordIndex, name: str) -> bool:
    """Whether a name is the path of a module, and not that of a tensor, an op or a leaf."""
    taken = name in index.nodes or name in index.accumulators or name in index.names()
    within = f"{name}."
    return not taken and any(scope == name or scope.startswith(within) for scope in index.scopes)


def _check_paths(record: GraphRecord, asked: Collection[str]) -> None:
    known = paths(record) if asked else []
    for path in asked:
        if path not in known:
            some = ", ".join(repr(name) for name in known[:6])
            have = f"ask for one of {some}" if known else "the record has none"
            raise GraphError(f"no module is called {path!r}: {have}")


def by_module(
    record: GraphRecord,
    most: int,
    *,
    level: int | None = None,
    expand: Collection[str] = (),
    limit: int | None = None,
) -> tuple[GraphRecord, dict[str, Fold]]:
    """The record with closed modules as single nodes, and by the ids of these what each stands for.

    Modules open from the outside in while there are at most about `most` nodes. `level` instead opens exactly those of
    fewer parts that hold modules: at level 1 every top module is one node. A level beyond the
    deepest opens all. The modules in `expand` are open, whatever the limit says.
    limit: with more nodes than that, what follows each other is one.

    Raises GraphError when `expand` names what is no module of the record.
    """
    whole = modules(record)
    _check_paths(record, expand)
    forced = {outer for path in expand for outer in _outer(path)}
    closed = _closed(whole, record, most, level, forced, _broken(record))
    groups = Groups(record, {})
    loops = _Loops(record)
    for members, label, times in _convex(closed, record):
        key = members[-1]
        times = max(times, loops.times(members))
        for member in members:
            groups.members.pop(member, None)
        groups.members[key] = members
        groups.labels[key] = label
        groups.group.update(dict.fromkeys(members, key))
        if times > 1:
            groups.times[key] = times
    if limit is not None and len(groups.members) > limit:
        groups.within(limit)
    if not groups.labels:
        return record, {}
    shown, folds = groups.record(True)
    folds = {id: replace(fold, label=groups.labels[id]) for id, fold in folds.items()}
    return _with_one_edge_for_many(_without_small_inputs(shown, folds), folds), folds


# which modules stay closed


def _outer(path: str) -> Iterator[str]:
    """The path itself and those of the modules around it, the outermost first."""
    parts = path.split(".")
    return (".".join(parts[:depth]) for depth in range(1, len(parts) + 1))


def _broken(record: GraphRecord) -> set[str]:
    """The modules in which the first NaN or infinity begins, and those around them: they are not one with others."""
    index = index_of(record)
    origins = [origin.part for origin in index.value_origins[:1]]
    origins += [index.gradient_origin.part] if index.gradient_origin is not None else []
    readers = (edge.sender for part in origins for edge in index.incoming.get(part, ()) if part in index.accumulators)
    scopes = scopes_of(index) if origins else {}
    found = {scopes[op] for op in (*origins, *readers) if op in scopes}
    return {outer for path in found for outer in _outer(path) if len(calls_of(record, outer)) == 1}


def _closed(
    whole: Module, record: GraphRecord, most: int, level: int | None, forced: set[str], apart: set[str]
) -> list[Family]:
    """The families that become boxes; all other ops are shown one by one."""
    return _Opening(record, most, level, forced, apart).closed(whole)


class _Opening:
    """Opens modules from the outside in, all of one depth together where they fit."""

    def __init__(self, record: GraphRecord, most: int, level: int | None, forced: set[str], apart: set[str]) -> None:
        self.kinds, self.loops = _Kinds(record), _Loops(record)
        self.most, self.level, self.forced, self.apart = most, level, forced, forced | apart
        self.alone: dict[str, Module] = {}  # of a module that is called again and again, the one call that opens
        self.fewest = min(FEWEST, len(record.nodes))
        self.deepest = 0  # parts of the longest path of a module

    def closed(self, whole: Module) -> list[Family]:
        self.alone = _last_calls(whole, self.forced)
        self.deepest = _deepest(whole)
        shown = self.parts(whole)
        items = len(whole.own) + len(shown)
        depth = 1
        while any(family[0].depth >= depth for family in shown):
            here = [family for family in shown if family[0].depth == depth and self.may_open(family)]
            cost = sum(self.cost(family) for family in here)
            if self.level is None and items + cost > self.most:
                # Not all of them fit. Those that must open do, others only where there is much room left.
                here.sort(key=lambda family: (not self.must_open(family), -len(family[0].ops)))
                fitting, room = [], self.most - items if items <= self.most // 2 else 0
                for family in here:
                    if self.must_open(family) or (cost := self.cost(family)) <= room:
                        fitting.append(family)
                        room -= self.cost(family)
                here = fitting
            opening = set(here)
            items += sum(self.cost(family) for family in here)
            shown = [part for family in shown for part in (self.opened(family) if family in opening else [family])]
            depth += 1
        while self.level is None and items < self.fewest and shown:
            family = min(shown, key=lambda family: (self.repeats(family), -len(family[0].ops)))
            kept = self.repeats(family) and (items >= FEWEST_BESIDE or self.cost(family) > self.most)
            if len(family[0].ops) * len(family) == 1 or kept:
                break
            items += self.cost(family)
            k = shown.index(family)
            shown[k : k + 1] = self.opened(family)
        return shown

    def parts(self, module: Module) -> list[Family]:
        return list(_families(module.inner, self.kinds, self.apart, self.alone))

    def must_open(self, family: Family) -> bool:
        path = family[0].path
        return path in self.forced and (path not in self.alone or family[0] is self.alone[path])

    def may_open(self, family: Family) -> bool:
        if self.must_open(family):
            return True
        if self.level is not None:
            # A module without modules stays one box among the others, but for a level beyond them all.
            return self.level > self.deepest or (
                family[0].depth < self.level and any(module.inner for module in family)
            )
        if len(family) > 1 or self.is_long_loop(family[0]):
            return False
        return bool(family[0].inner) or len(family[0].ops) > UNIT

    def is_long_loop(self, module: Module) -> bool:
        """Whether a module repeats itself in many boxes that nothing makes one: Linear, Sigmoid, Linear, ..."""
        return _rounds_of_long_loop(module, self.parts(module), self.loops) > 1

    def cost(self, family: Family) -> int:
        """How many more nodes are shown when a family opens."""
        loose = sum(len(module.own) for module in family) if self.passes(family) else 0
        return len(self.opened(family)) + loose - 1

    def repeats(self, family: Family) -> bool:
        """Whether a family does the same several times."""
        return len(family) > 1 or self.loops.times([node.id for node in family[0].ops]) > 1

    def passes(self, family: Family) -> bool:
        """Whether opening a family shows what is in its modules, and not these modules themselves."""
        return len(family) == 1 or self.level is not None

    def opened(self, family: Family) -> list[Family]:
        """The modules shown in the place of a family that opens."""
        if self.passes(family):
            return [part for module in family for part in self.parts(module)]
        return [(module,) for module in family]


def _deepest(whole: Module) -> int:
    """How many parts the longest path of a module has."""
    pending, found = [whole], 0
    while pending:
        module = pending.pop()
        found = max(found, module.depth)
        pending += module.inner
    return found


def _last_calls(whole: Module, paths: set[str]) -> dict[str, Module]:
    """The last call of each of these modules that is called LEAST_TIMES and more: backward comes to it first."""
    calls: dict[str, list[Module]] = {}
    pending = [whole]
    while pending:
        module = pending.pop()
        if module.path in paths:
            calls.setdefault(module.path, []).append(module)
        pending += reversed(module.inner)
    return {path: found[-1] for path, found in calls.items() if len(found) >= LEAST_TIMES}


def _families(
    inner: Sequence[Module], kinds: _Kinds, apart: set[str], alone: Mapping[str, Module] | None = None
) -> Iterator[Family]:
    """The modules in order, with equal ones that follow each other together: calls of one, or numbered siblings.

    apart: paths of modules that are not one with others; of one in `alone`, only that call.
    """
    alone = alone or {}

    def stands_apart(module: Module) -> bool:
        return module.path in apart and (module.path not in alone or alone[module.path] is module)

    alike: list[Module] = []
    for module in (*inner, None):
        if module is not None and not stands_apart(module) and alike and _alike(alike[-1], module, kinds):
            alike.append(module)
            continue
        if len(alike) >= LEAST_TIMES:
            yield tuple(alike)
        else:
            yield from ((each,) for each in alike)
        alike = []
        if module is not None:
            if stands_apart(module):
                yield (module,)
            else:
                alike = [module]


def _alike(one: Module, other: Module, kinds: _Kinds) -> bool:
    if one.path == other.path:  # two calls: the first may start from a constant that gets no gradient
        return kinds.steps(one) == kinds.steps(other)
    return _numbered(one.path) == _numbered(other.path) and kinds[one] == kinds[other]


def _numbered(path: str) -> str:
    """The path without a number at its end: what h.3 and h.4 have in common."""
    outer, _, name = path.rpartition(".")
    return f"{outer}.#" if name.isdecimal() else path


class _Kinds:
    """Numbers for modules, equal where they do the same to tensors of the same shapes."""

    def __init__(self, record: GraphRecord) -> None:
        self.index = index_of(record)
        self.found: dict[Module, int] = {}
        self.numbers: dict[Hashable, int] = {}

    def __getitem__(self, module: Module) -> int:
        if module not in self.found:
            kind = signature(self.index, [node.id for node in module.ops], border=False)
            self.found[module] = self.numbers.setdefault(kind, len(self.numbers))
        return self.found[module]

    def steps(self, module: Module) -> Hashable:
        """The ops of a module and the shapes of what they make, however they are wired."""
        shapes = self.index.tensors
        return tuple((node.op, tuple(shapes[output].shape for output in node.outputs)) for node in module.ops)


# boxes that no way leaves and enters again


def _convex(closed: Sequence[Family], record: GraphRecord) -> Iterator[tuple[list[str], str, int]]:
    """The boxes as ids of their ops by age, a label and a count; one that a way leaves and enters again is divided."""
    ages = {node.id: node.age for node in record.nodes}
    boxes: list[tuple[list[str], str, int]] = []
    for family in closed:
        members = sorted((node.id for module in family for node in module.ops), key=ages.__getitem__)
        boxes.append((members, _label(family), len(family)))
    torn = _in_circles([members for members, _, _ in boxes], record)
    again: list[tuple[list[str], str, int]] = []
    for k, (family, box) in enumerate(zip(closed, boxes, strict=True)):
        if k in torn and len(family) > 1:  # perhaps each call alone is sound
            again += [([node.id for node in module.ops], module.path, 1) for module in family]
        else:
            again.append(box)
    torn = _in_circles([members for members, _, _ in again], record)
    home = {member: k for k, (members, _, _) in enumerate(again) for member in members}
    pieces: list[tuple[list[str], str, int]] = []
    scopes = scopes_of(index_of(record))
    last: int | None = None
    for node in record.nodes:  # the ops of these boxes, in pieces between which another of them or a single op ran
        place = home.get(node.id)
        if place not in torn and node.id not in torn:
            continue
        if place is not None and place != last:
            pieces.append(([], "", 1))
        if place is not None:
            pieces[-1][0].append(node.id)
        last = place
    yield from (box for k, box in enumerate(again) if k not in torn)
    for members, _, _ in pieces:
        yield members, _shared_path([scopes.get(member, "") for member in members]), 1


class _Loops:
    """How often what a box holds repeats itself, for records that do not tell one call of a module from another."""

    def __init__(self, record: GraphRecord) -> None:
        self.record = record
        self.found: list[tuple[set[str], Repeat]] | None = None

    def times(self, members: Sequence[str]) -> int:
        """The number of rounds where at least nine tenths of the ops are rounds of one loop, else 1.

        The loop may go on outside: a Linear before twelve pairs of Linear and Sigmoid is one more round of theirs.
        """
        if len(members) < LEAST_TIMES * 2:
            return 1
        if self.found is None:
            self.found = [(set(each.ops), each) for each in repeats(index_of(self.record))]
        inside = set(members)
        for ops, each in self.found:
            shared = len(ops & inside)
            if shared >= 0.9 * len(inside):
                times = each.times if shared == len(ops) else round(shared / each.length)
                return times if times >= LEAST_TIMES else 1
        return 1


def _rounds_of_long_loop(module: Module, parts: Sequence[Family], loops: _Loops) -> int:
    """How often a module repeats itself where that makes many boxes, none of which stands for several; else 1."""
    if len(parts) <= LONG_LOOP or any(len(part) > 1 for part in parts):
        return 1
    return loops.times([node.id for node in module.ops])


def _label(family: Family) -> str:
    first, last = family[0].path, family[-1].path
    outer = first.rpartition(".")[0].rpartition(".")[0]
    return first if first == last else f"{first} … {last.removeprefix(f'{outer}.' if outer else '')}"


def _shared_path(scopes: Sequence[str]) -> str:
    """The path of the innermost module that holds all of these."""
    first, last = min(scopes).split("."), max(scopes).split(".")
    same = next((k for k, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return ".".join(first[:same])


def _in_circles(boxes: Sequence[Sequence[str]], record: GraphRecord) -> set[Hashable]:
    """The boxes, by number, and the single ops that lie on a way out of a box and back into it."""
    index = index_of(record)
    home: dict[str, int] = {member: k for k, members in enumerate(boxes) for member in members}
    after: dict[Hashable, set[Hashable]] = {home.get(node.id, node.id): set() for node in record.nodes}
    for node in record.nodes:
        here = home.get(node.id, node.id)
        for operand in node.inputs:
            made = index.makers.get(operand.tensor)
            if made is not None and (there := home.get(made.id, made.id)) != here:
                after[there].add(here)
    return {key for component in cycles(after) for key in component}


def _without_small_inputs(record: GraphRecord, folds: Mapping[str, Fold]) -> GraphRecord:
    """The record without constants that boxes alone read: several of one box, or many of several boxes."""
    index = index_of(record)
    readers = {
        tensor: {use.node.id for use in uses} for tensor, uses in index.uses.items() if index.producer(tensor) is None
    }
    alone = {tensor for tensor, some in readers.items() if some <= folds.keys()}
    many = {
        node.id
        for node in record.nodes
        if sum(each.edge is None and each.tensor in alone for each in node.inputs) > MOST_LINES
    }
    alone = {tensor for tensor in alone if len(readers[tensor]) == 1 or readers[tensor] & many}
    nodes = []
    for node in record.nodes:
        if node.id in folds:
            hidden = {each.slot for each in node.inputs if each.edge is None and each.tensor in alone}
            if len(hidden) > 1:
                node = replace(node, inputs=tuple(each for each in node.inputs if each.slot not in hidden))
        nodes.append(node)
    return replace(record, nodes=tuple(nodes))


def _with_one_edge_for_many(record: GraphRecord, folds: Mapping[str, Fold]) -> GraphRecord:
    """The record with one edge, that of the largest share, where a box sends many to one place.

    Many are two from equal modules to a leaf, and more than MOST_LINES from a box to another.
    """
    index = index_of(record)
    dropped: set[str] = set()
    for id, fold in folds.items():
        counts = Counter(edge.receiver for edge in index.outgoing(id))
        largest: dict[str, tuple[float, str]] = {}
        for edge in index.outgoing(id):
            to_leaf = edge.receiver in index.accumulators and fold.times >= LEAST_TIMES
            if to_leaf or (edge.receiver in folds and counts[edge.receiver] > MOST_LINES):
                sent = index.share(edge.id)
                size = sent.norm if sent is not None and sent.norm is not None else math.inf if sent else 0.0
                before = largest.get(edge.receiver)
                dropped.add(edge.id if before is not None and before[0] >= size else before[1] if before else "")
                if before is None or size > before[0]:
                    largest[edge.receiver] = size, edge.id
    dropped.discard("")
    if not dropped:
        return record

    def kept(event: Event) -> bool:
        return isinstance(event, RunEvent) or event.edge not in dropped

    return replace(
        record,
        nodes=tuple(
            replace(node, inputs=tuple(each for each in node.inputs if each.edge not in dropped))
            if node.id in folds
            else node
            for node in record.nodes
        ),
        edges=tuple(edge for edge in record.edges if edge.id not in dropped),
        runs=tuple(replace(run, events=tuple(filter(kept, run.events))) for run in record.runs),
    )
