"""PyTorch's graphs and backward runs as plain facts, of which a record is made when one is asked for.

`TorchGraph.add` reads a graph before its backward run frees it, `TorchGraph.run` looks on at the run. Neither keeps a
tensor of it: numbers are taken at once.
"""

from __future__ import annotations

import heapq
import math
import re
import weakref
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from grad_engine.core.define import BY_NAME
from grad_engine.errors import GraphError
from grad_engine.export.torch_notes import shown
from grad_engine.export.torch_ops import EXPANSIONS, PERMUTATIONS, SAME_NUMBERS, short_name, snake
from grad_engine.export.torch_scopes import ModuleCalls, scopes
from grad_engine.export.torch_values import (
    Key,
    Node,
    Note,
    Numbers,
    Place,
    TorchValues,
    array_of,
    dtype_name,
    is_leaf,
    notes_of,
    place_of,
    tensors_in,
)
from grad_engine.record import SourceRecord
from grad_engine.record.arrays import Taken, norm_of, taken
from grad_engine.record.builder import RunFacts, Value
from grad_engine.record.collector import collection_paused

SEVERAL = "SeveralRoots"  # the name of the step that stands for them
NAMELESS = (None, "none")  # the name of a tensor and where it is from
NO_MODULE = ("", None)
PLAIN = frozenset({int, bool, float, str, type(None)})  # the classes of arguments that hold no tensor
TRACE_LINE = re.compile(r'  File "(?P<file>.*)", line (?P<line>\d+), in .*\n\s*(?P<code>.*)')


Output = tuple[tuple[int, ...], Any]  # shape and dtype of a result


@dataclass(slots=True)  # not frozen: it takes twice as long to make, and there is one for each tensor that was kept
class Kept:
    """A tensor that a step kept for backward: what is known of it, and its key, of a leaf, a result or its own."""

    key: Hashable
    shape: tuple[int, ...]
    value: Value | None  # None for a leaf or result, which is told by its key

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return len(self.shape)


@dataclass(slots=True)
class StepFacts:
    """One node of PyTorch's graph. Nodes go by number."""

    name: str
    sequence: int
    edges: tuple[tuple[int | None, int], ...]  # a node and which of its outputs, by position
    kept: dict[str, Any]  # with a Kept for each tensor
    outputs: list[Output]
    values: list[Value]
    scope: str
    number: int | None  # which call of the scope
    source: SourceRecord | None


@dataclass(slots=True)
class LeafFacts:
    """A leaf that a graph reads."""

    value: Value
    place: int  # among the named ones; unnamed ones come last
    identity: int


@dataclass(slots=True)
class ParameterFacts:
    """A parameter of the model."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    wanted: bool  # whether it requires a gradient
    identity: int  # id() of the tensor
    tensor: weakref.ref[Any]
    version: int  # of its numbers
    leaf: int | None = None  # its key, where a graph reads it

    def size(self, torch: Any) -> tuple[float | None, int | None]:
        """Its norm, and how many entries are not finite; None for both where that is not to be known any more."""
        tensor = self.tensor()
        if tensor is None or tensor._version != self.version or (array := array_of(torch, tensor)) is None:
            return None, None
        return norm_of(array)


class _Start:
    """Where a run starts that has several roots, in the place of a node of PyTorch."""


class TorchGraph:
    """The graphs behind some outputs, and what ran in them. Nodes and leaves go by number."""

    def __init__(
        self,
        torch: Any,
        names: Sequence[tuple[str, Any, str]],
        model: Any,
        numbers: Numbers,
        max_nodes: int,
        calls: ModuleCalls | None = None,
        source: Callable[[int], SourceRecord | None] = lambda sequence: None,
    ) -> None:
        """calls, source: which module and which line of the program made the node of a number, where that was noted."""
        self.torch, self.model, self.numbers, self.max_nodes = torch, model, numbers, max_nodes
        self.calls, self.source = calls, source
        self.keys: dict[Node, int] = {}  # of every node that was met
        self.steps: dict[int, StepFacts] = {}  # in creation order, but for those of a later graph
        self.leaves: dict[int, LeafFacts] = {}
        self.variables: dict[int, Any] = {}  # key of a leaf -> the tensor
        self.runs: list[RunOf] = []
        self.roots: list[tuple[int, int]] = []
        self.graphs = 0  # that were read
        self.version = str(torch.__version__)
        found = [] if model is None else list(model.named_parameters())
        self._tensors = dict(found)
        self.parameters = [
            ParameterFacts(
                name,
                tuple(each.shape),
                dtype_name(each.dtype),
                each.requires_grad,
                id(each),
                weakref.ref(each),
                each._version,
            )
            for name, each in found
        ]
        self._by_identity: dict[int, list[ParameterFacts]] = {}
        for parameter in self.parameters:
            self._by_identity.setdefault(parameter.identity, []).append(parameter)
        self._owners = {each.identity: each.name.rpartition(".")[0] for each in self.parameters}
        self._called: dict[Key | int, tuple[str, str]] = {}  # by node and output, or by id() of a tensor
        self._named: dict[Key, Any] = {}  # results that have names
        self._places: dict[int, int] = {}  # id() of a tensor -> place of its name
        for name, tensor, name_source in names:
            made = tensor.grad_fn, tensor.output_nr
            self._called.setdefault(id(tensor) if tensor.grad_fn is None else made, (name, name_source))
            self._places.setdefault(id(tensor), len(self._places))
            if tensor.grad_fn is not None:
                self._named[made] = tensor
        self._lie: dict[Key, Place | None] = {}  # where the numbers of results and leaves lie, while a graph is read
        self._held = [tensor for _, tensor, _ in names]  # they are known by id()
        self._by_tensor: dict[int, int] = {}  # id() of a leaf -> its key

    # graphs

    def add_all(self, outputs: Sequence[Any]) -> None:
        """Read the graphs behind all outputs from which one run starts.

        Several of them are made the operands of a step that the program does not have: a run has one root.
        """
        for output in outputs:
            self.add(output.grad_fn, output.output_nr, output)
        if len(outputs) > 1:
            del self.roots[-len(outputs) :]
            key = len(self.keys)
            self.keys[_Start()] = key
            edges = tuple((self.keys[output.grad_fn], output.output_nr) for output in outputs)
            sequence = max(output.grad_fn._sequence_nr() for output in outputs)
            value = Value(None, (), "float32", absent="unknown")
            self.steps[key] = StepFacts(
                SEVERAL, sequence, edges, {}, [((), self.torch.float32)], [value], "", None, None
            )
            self.roots.append((key, 0))

    @contextmanager
    def naming(self, tensors: Iterable[tuple[str, Any]]) -> Iterator[None]:
        """A context in which graphs are read whose data has these names, unless it has others."""
        new: dict[Key | int, tuple[str, str]]
        new = {id(tensor): (name, "inferred") for name, tensor in tensors if id(tensor) not in self._called}
        self._called |= new
        try:
            yield
        finally:
            for each in new:  # an id() is that of another tensor later
                del self._called[each]

    def by_leaf(self, inputs: Sequence[Any], gradients: Sequence[Any]) -> dict[int, Any]:
        """The gradients of those of these tensors that are leaves, by their keys."""
        found = ((self._by_tensor.get(id(tensor)), g) for tensor, g in zip(inputs, gradients, strict=True))
        return {key: g for key, g in found if key is not None and g is not None}

    def add(self, root: Node, number: int = 0, output: Any = None) -> None:
        """Read the graph behind a node, as far as it is not known, before a run frees it.

        number: which of its results is the root. output: that tensor, where somebody holds it.
        """
        with collection_paused():
            self._add(root, number, output)

    def _add(self, root: Node, number: int, result: Any) -> None:
        nodes, leaves = _walked(root, self.keys, self.max_nodes, len(self.steps))
        outputs = {node: _outputs(node) for node in nodes}
        self._lie.clear()
        for thing in (*leaves, *nodes):
            self.keys[thing] = len(self.keys)
        met = set(nodes)
        known = {made: tensor for made, tensor in self._named.items() if made[0] in met}
        if result is not None:
            known[root, number] = result
        for leaf in leaves:
            self._leaf(leaf)
        values = TorchValues(self.torch, nodes, known, self.numbers.whole)
        by_leaf = {self.keys[leaf]: leaf for leaf in leaves}
        owners = {
            leaf: self._owners[facts.identity]
            for key, leaf in by_leaf.items()
            if (facts := self.leaves[key]).identity in self._owners
        }
        homes = scopes(nodes, owners, self.model, self.calls, lambda node: self._reads_indices(values.kept[node]))
        constants: dict[int, Kept] = {}
        held: list[Any] = []  # they are known by id() until all of them are read
        for node in nodes:
            kept = {
                name: thing if type(thing) in PLAIN else self._kept(thing, constants, held)
                for name, thing in values.kept[node].items()
            }
            self.steps[self.keys[node]] = self._step(node, outputs[node], kept, values, homes.get(node, NO_MODULE))
        self._share_numbers([self.keys[node] for node in nodes])
        self.roots.append((self.keys[root], number))
        self.graphs += 1

    def _share_numbers(self, keys: Sequence[int]) -> None:
        """Give results that are others in another shape or order the numbers of these, from either side."""
        steps = self.steps
        pairs: list[tuple[StepFacts, Value, Value]] = []
        for key in keys:
            name, edges = steps[key].name, steps[key].edges
            if (name in SAME_NUMBERS or name in EXPANSIONS) and edges and (below := edges[0][0]) is not None:
                leaf = self.leaves.get(below)
                source = leaf.value if leaf is not None else steps[below].values[edges[0][1]]
                pairs.append((steps[key], steps[key].values[0], source))
        for towards_root, order in ((False, pairs[::-1]), (True, pairs)):
            for facts, made, read in order:
                source, target = (read, made) if towards_root else (made, read)
                if source.taken is None or target.taken is not None or source.shape is None or target.shape is None:
                    continue
                if math.prod(source.shape) == math.prod(target.shape):
                    in_order = facts.name not in PERMUTATIONS
                    shaped = source.taken.in_shape(target.shape) if in_order else None
                    target.taken = shaped if in_order else _permuted(source.taken, facts, back=not towards_root)

    def _reads_indices(self, kept: Mapping[str, Any]) -> bool:
        """Whether a node kept whole numbers that are not its own result."""
        given = (value for name, value in kept.items() if not name.startswith("result"))
        return any(
            not each.is_floating_point() and not each.is_complex() for each in tensors_in(self.torch.Tensor, given)
        )

    def _leaf(self, node: Node) -> None:
        tensor, key = node.variable, self.keys[node]
        self._lie[node, 0] = place_of(tensor)
        name, source = self._called.get(id(tensor), NAMELESS)
        place = self._places.get(id(tensor), len(self._places))
        self.leaves[key] = LeafFacts(self.numbers.named(tensor, name, source), place, id(tensor))
        self.variables[key] = tensor
        self._by_tensor[id(tensor)] = key
        for parameter in self._by_identity.get(id(tensor), ()):
            parameter.leaf = key

    def _kept(self, thing: Any, constants: dict[int, Kept], held: list[Any]) -> Any:
        if not isinstance(thing, self.torch.Tensor):
            return tuple(self._kept(part, constants, held) for part in thing) if isinstance(thing, tuple) else thing
        if (leaf := self._by_tensor.get(id(thing))) is not None:
            return Kept(leaf, tuple(thing.shape), None)
        maker = thing.grad_fn
        if maker is not None and (made := self.keys.get(maker)) is not None:
            return Kept((made, thing.output_nr), tuple(thing.shape), None)
        if (found := constants.get(id(thing))) is None:
            held.append(thing)
            name, source = self._called.get(id(thing), NAMELESS)
            # The key is an object of its own: after this graph is gone, its id() may be that of another tensor.
            found = constants[id(thing)] = Kept(object(), tuple(thing.shape), self.numbers.named(thing, name, source))
        return found

    def _step(
        self, node: Node, outputs: list[Output], kept: dict[str, Any], values: TorchValues, home: tuple[str, int | None]
    ) -> StepFacts:
        keys, below, notes, sequence = self.keys, node.next_functions, notes_of(node), node._sequence_nr()
        return StepFacts(
            short_name(node.name()),
            sequence,
            tuple([(keys.get(receiver), output) for receiver, output in below]),
            kept,
            outputs,
            [self._result((node, k), known, values, notes.get(k), below) for k, known in enumerate(outputs)],
            home[0],
            home[1],
            self.source(sequence) or _traced(node) or _of_function(node),
        )

    def _result(self, made: Key, known: Output, values: TorchValues, note: Note | None, below: Sequence[Key]) -> Value:
        """What is known of a result of a node. Where it is an operand in another shape, its numbers are known."""
        name, source = self._called.get(made, NAMELESS)
        if note is not None:
            self._lie[made] = note.place
            return replace(note.value, name=name, name_source=source) if name else note.value
        tensor = values.known.get(made)
        if tensor is None:
            return Value(None, known[0], dtype_name(known[1]), name, source, "unknown")
        like: dict[Place | None, Value] = {}
        same: Value | None = None
        if (above := values.above.get(made)) is not None and (noted := notes_of(above).get(0)) is not None:
            same = noted.value
        for node, output in below[:1]:
            if (key := self.keys.get(node)) is not None:
                leaf = self.leaves.get(key)
                value = self.steps[key].values[output] if leaf is None else leaf.value
                like[self._lie.get((node, output))] = value
                kind = short_name(made[0].name())
                if same is None and (kind in SAME_NUMBERS or (kind in EXPANSIONS and value.shape == known[0])):
                    same = value
        place = self._lie[made] = place_of(tensor)
        return self.numbers.named(tensor, name, source, like, place, same)

    # backward runs

    def run(
        self,
        starts: Sequence[tuple[Any, Any]],
        go: Callable[[], Mapping[int, Any] | None],
        limited: bool = False,
        create_graph: bool = False,
    ) -> None:
        """Look on at `go()`, which runs backward from some outputs, each with a seed. One that raises is noted, too.

        `go()` returns what each leaf gathered, or None for a run of the program's own, which adds to their `.grad`.
        The outputs were read by `add_all` before. limited: whether the gradients of some leaves alone were asked for.
        create_graph: whether the run makes a graph of its gradients, to be differentiated once more.
        """
        before = {key: self.numbers(tensor.grad) for key, tensor in self.variables.items() if tensor.grad is not None}
        (root, output), several = self.roots[-1], len(starts) > 1
        seed = Value(np.ones((), np.float32), ()) if several else self.numbers(starts[0][1])
        run = RunOf(self, root, output, seed, limited, create_graph)
        if several:
            run.start(root, [seed for _, seed in starts])
            if all(each.numel() == 1 for each, _ in starts):
                total = sum(float(each.detach()) * float(seed.detach()) for each, seed in starts)
                self.steps[root].values[0] = Value(np.asarray(total, np.float32), ())
        nodes = [(node, key) for node, key in self.keys.items() if key in self.steps and type(node) is not _Start]
        leaves = [(node, key) for node, key in self.keys.items() if key in self.leaves]
        found: Mapping[int, Any] | None = None
        try:
            with run.noting(nodes, leaves):
                found = go()
            for key, g in (found or {}).items():
                run.gather(key, g)
        except BaseException:
            run.complete = False
            raise
        finally:
            run.graph = None
            for key, (place, value) in run.gathered.items():
                if found is not None:
                    run.changes.append((key, None, value))
                    continue
                after = self.variables[key].grad
                same = after is None or key < 0 or (place is not None and place_of(after) == place)
                run.changes.append((key, before.get(key), value if same else self.numbers(after)))
            if run.complete or run.events:
                self.runs.append(run)

    def unread(self) -> dict[int, Place | None]:
        """Where the gradients of the parameters lie that no graph reads, by their place among the parameters."""
        return {
            k: place_of(self._tensors[each.name].grad)
            for k, each in enumerate(self.parameters)
            if each.leaf is None and each.wanted
        }

    def read_inside(self, step: int, place: int) -> tuple[int, Value]:
        """A step turned out to read a parameter, by running backward in a graph of its own: position, and gradient."""
        parameter, facts = self.parameters[place], self.steps[step]
        tensor = self._tensors[parameter.name]
        parameter.leaf = key = -1 - len(self.leaves)
        value = self.numbers.named(tensor, parameter.name, "given")
        self.leaves[key] = LeafFacts(value, self._places.get(id(tensor), len(self._places)), id(tensor))
        self.variables[key] = tensor
        facts.edges = (*facts.edges, (key, 0))
        return len(facts.edges) - 1, self.numbers(tensor.grad)

    def let_go(self) -> None:
        """Let go of PyTorch's nodes and tensors; what was taken of them stays."""
        self.keys, self.variables, self._named, self._held, self._by_tensor = {}, {}, {}, [], {}
        self._called, self._lie, self._tensors, self.model, self.calls = {}, {}, {}, None, None

    def values(self) -> list[Value]:
        """All that is known of any tensor; some of it more than once."""
        found = [leaf.value for leaf in self.leaves.values()]
        for step in self.steps.values():
            found += step.values
            if step.kept:
                found += [each.value for each in tensors_in(Kept, step.kept.values()) if each.value is not None]
        for run in self.runs:
            found += run.values()
        return found

    def ordered(self) -> list[int]:
        """The steps in the order in which PyTorch made them."""
        if self.graphs < 2:
            return list(self.steps)
        below = {key: [edge for edge, _ in facts.edges if edge in self.steps] for key, facts in self.steps.items()}
        return in_order(below, lambda key: self.steps[key].sequence)


class RunOf:
    """What a backward run does, step by step. Shares are let go when their receiver has run."""

    def __init__(
        self, graph: TorchGraph, root: int, output: int, seed: Value, limited: bool, create_graph: bool
    ) -> None:
        self.root, self.output, self.seed, self.complete = root, output, seed, True
        self.limited, self.create_graph = limited, create_graph
        self.graph: TorchGraph | None = graph
        self.steps, self.numbers = graph.steps, graph.numbers
        self.unread = graph.unread()
        self.changes: list[tuple[int, Value | None, Value]] = []  # what it did to the `.grad` of leaves
        self.events: list[tuple[int, Sequence[Value | None], dict[int, Value]]] = []
        self.gathered: dict[int, tuple[Any, Value]] = {}  # by leaf
        self.under_way: dict[tuple[int, int], list[tuple[Any, Value]]] = {}  # shares that wait for their receiver
        self.sums: dict[Any, list[Value]] = {}  # whole: the partial sums at a receiver
        self.partial: dict[tuple[int, int], Any] = {}

    @contextmanager
    def noting(self, nodes: Iterable[tuple[Node, int]], leaves: Iterable[tuple[Node, int]]) -> Iterator[None]:
        """A context in which every step is noted as it runs. No hook is left on the graph."""
        hooks: list[Any] = []
        try:
            hooks += [node.register_hook(self._step(key, hasattr(node, "saved_tensors"))) for node, key in nodes]
            hooks += [leaf.register_prehook(self._sum(key)) for leaf, key in leaves]
            yield
        finally:
            for hook in hooks:
                hook.remove()
            self.under_way.clear()
            self.partial.clear()

    def start(self, key: int, seeds: Sequence[Any]) -> None:
        """The step that stands for several roots hands each its seed."""
        sent = {k: self.numbers(seed) for k, seed in enumerate(seeds)}
        for k, seed in enumerate(seeds):
            self._send(self.steps[key].edges[k], seed, place_of(seed), sent[k])
        self.events.append((key, [self.seed], sent))

    def _step(self, key: int, custom: bool) -> Callable[[Any, Any], None]:
        edges, numbers, is_same = self.steps[key].edges, self.numbers, self.steps[key].name in SAME_NUMBERS
        receivers = [edge if edge[0] is not None else None for edge in edges]

        def note(shares: Any, received: Any) -> None:
            arrived: list[Value | None] = []
            same: dict[Place | None, Value] = {}
            for k, g in enumerate(received):
                place = place_of(g)
                value = self._arrived((key, k), g, place)
                arrived.append(value)
                if value is not None:
                    same[place] = value
            sent: dict[int, Value] = {}
            for position, (receiver, share) in enumerate(zip(receivers, shares, strict=False)):
                if share is None or receiver is None:
                    continue
                place = place_of(share)
                value = same.get(place) if place is not None else None
                if value is None:
                    value = numbers(share, same, place, arrived[0] if is_same else None)
                    if place is not None:
                        same[place] = value
                sent[position] = value
                self._send(receiver, share, place, value)
            if custom and self.unread:
                self._inside(key, sent)
            self.events.append((key, arrived, sent))

        return note

    def _inside(self, key: int, sent: dict[int, Value]) -> None:
        """Note the gradients that a step, such as a checkpoint, made by a backward run of its own."""
        graph = self.graph
        assert graph is not None  # while it runs
        now = graph.unread()
        for k, before in self.unread.items():
            if k in now and now[k] is not None and now[k] != before:
                position, value = graph.read_inside(key, k)
                sent[position] = value
                self.gathered[self.steps[key].edges[position][0] or 0] = None, value
                self.sums.setdefault(self.steps[key].edges[position], []).append(value)
                del now[k]
        self.unread = now

    def _send(self, receiver: Any, share: Any, place: Any, value: Value) -> None:
        self.under_way.setdefault(receiver, []).append((place, value))
        if self.numbers.whole:
            before = self.partial.get(receiver)
            self.partial[receiver] = share if before is None else before + share
            self.sums.setdefault(receiver, []).append(value if before is None else self.numbers(self.partial[receiver]))

    def _arrived(self, receiver: tuple[int, int], g: Any, place: Place | None) -> Value | None:
        """What reached a node: the one share that was sent to it, or the sum of several."""
        sent = self.under_way.pop(receiver, ())
        if self.partial:
            self.partial.pop(receiver, None)
        if g is None:
            return None
        if len(sent) == 1 and place is not None and sent[0][0] == place:
            return sent[0][1]
        return self.numbers(g)

    def _sum(self, key: int) -> Callable[[Any], None]:
        return lambda received: self.gather(key, received[0])

    def gather(self, leaf: int, g: Any) -> None:
        """A leaf gathered `g` in all."""
        place = place_of(g)
        value = self._arrived((leaf, 0), g, place)
        if value is not None:
            self.gathered[leaf] = place, value

    def values(self) -> list[Value]:
        """What is known of the gradients of the run; some of it more than once."""
        found = [self.seed]
        for _, arrived, sent in self.events:
            found += [value for value in arrived if value is not None]
            found += sent.values()
        for _, before, after in self.changes:
            found += [after] if before is None else [before, after]
        for sums in self.sums.values():
            found += sums
        return found

    def facts(self, slots: Mapping[int, Mapping[int, int]]) -> RunFacts:
        """The run as a builder takes it. slots: of each step, position of an edge -> slot of the operand."""
        told = RunFacts(self.root, self.seed, self.output, self.complete, self.create_graph)
        steps = self.steps
        complete: dict[Any, Value] = {(leaf, 0): value for leaf, (_, value) in self.gathered.items()}
        complete |= {
            (key, k): value for key, arrived, _ in self.events for k, value in enumerate(arrived) if value is not None
        }
        waiting = Counter(steps[key].edges[position] for key, _, sent in self.events for position in sent)
        expected = dict(waiting)
        sums: dict[Any, Value] = {}
        for key, arrived, sent in self.events:
            told.ran(key, arrived)
            for position, share in sent.items():
                receiver = steps[key].edges[position]
                waiting[receiver] -= 1
                k = expected[receiver] - waiting[receiver] - 1
                if not waiting[receiver] and receiver in complete:
                    total = complete[receiver]  # PyTorch's own sum
                elif self.numbers.whole:
                    total = self.sums[receiver][k]
                else:
                    total = _plus(sums.get(receiver), share)
                sums[receiver] = total
                shape = share.shape or ()
                if position in slots[key]:
                    raw = _raw_shape(steps[key], shape)
                    told.sent(key, slots[key][position], raw, shape, share, total)
        for change in self.changes:
            told.changed(*change)
        return told


def _plus(before: Value | None, share: Value) -> Value:
    """The sum of two values, where both are known in full."""
    if before is None:
        return share
    one, other = (value.taken.entries() if value.taken is not None else None for value in (before, share))
    if one is None or other is None:
        return Value(None, share.shape, share.dtype, absent="unknown")
    with np.errstate(all="ignore"):
        return Value(None, share.shape, share.dtype, taken=taken((one + other).astype(other.dtype), one.size))


# how a graph is walked


def _walked(root: Node, known: Mapping[Node, int], max_nodes: int, before: int) -> tuple[list[Node], list[Node]]:
    """The op nodes that are not known, in creation order, and the leaves as they are met from there."""
    below: dict[Node, Sequence[Key]] = {} if root in known else {root: ()}
    leaves: dict[Node, None] = {}
    pending = list(below)
    while pending:
        node = pending.pop()
        edges = below[node] = node.next_functions
        for each, _ in edges:
            if each is None or each in below or each in known or each in leaves:
                continue
            if is_leaf(each):
                leaves[each] = None
                continue
            below[each] = ()
            pending.append(each)
        if len(below) + before > max_nodes:
            raise GraphError(
                f"the graph has more than {max_nodes:,} ops, which is what a record holds at most; pass max_nodes= to "
                "raise the limit, or a tensor from further down"
            )
    links = {node: [each for each, _ in edges if each in below] for node, edges in below.items()}
    nodes = in_order(links, lambda node: node._sequence_nr())
    order = dict.fromkeys(each for node in nodes for each, _ in below[node] if each in leaves)
    return nodes, list(order)


def _outputs(node: Node) -> list[Output]:
    """Shape and dtype of each result. Raises GraphError where one has rows of different lengths."""
    found = []
    for each in node._input_metadata:
        if each.is_nested_tensor or not all(map(_is_length, each.shape)):
            raise GraphError(
                f"{node.name()} makes a nested tensor, whose rows differ in length, and a record has one shape for "
                "each tensor; pad the rows to one length before the model, or watch the part that comes after padding"
            )
        found.append((tuple(each.shape), each.dtype))
    return found


def _is_length(length: Any) -> bool:
    return type(length) is int


def in_order(links: Mapping[Any, Sequence[Any]], sequence: Callable[[Any], int]) -> list[Any]:
    """What has links, each after what it links to: in the order of `sequence` where that leaves a choice.

    Sequence numbers count per thread, so they alone do not say what came first.
    """
    numbers = {thing: sequence(thing) for thing in links}
    found = sorted(links, key=numbers.__getitem__)
    if len(set(numbers.values())) == len(found) and all(
        numbers[below] < numbers[thing] for thing, each in links.items() for below in each
    ):
        return found
    users = Counter(below for each in links.values() for below in each)
    newest = [(-numbers[thing], k, thing) for k, thing in enumerate(links) if not users[thing]]
    heapq.heapify(newest)
    places = {thing: k for k, thing in enumerate(links)}
    found = []
    while newest:
        thing = heapq.heappop(newest)[2]
        found.append(thing)
        for below in links[thing]:
            users[below] -= 1
            if not users[below]:
                heapq.heappush(newest, (-numbers[below], places[below], below))
    found.reverse()
    return found


def _permuted(source: Taken, facts: StepFacts, back: bool) -> Taken | None:
    """The numbers of the result of a step that orders the axes anew; `back`: of its operand."""
    numbers = source.entries()
    if numbers is None:
        return source.reordered()
    axes = list(range(numbers.ndim))
    if "dims" in facts.kept:
        axes = [axis % numbers.ndim for axis in facts.kept["dims"]]
    else:
        one, other = facts.kept.get("dim0", -2), facts.kept.get("dim1", -1)  # as T does, which keeps none
        if numbers.ndim > 1:
            axes[one], axes[other] = axes[other], axes[one]
    return Taken(numbers.transpose(np.argsort(axes) if back else axes), source.dtype)


def _raw_shape(facts: StepFacts, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a share before PyTorch summed it down to the operand's."""
    op = BY_NAME.get(snake(facts.name))
    whole = facts.outputs[0][0]
    return whole if op is not None and op.broadcasts and len(whole) >= len(shape) else shape


def _of_function(node: Node) -> SourceRecord | None:
    """Where the backward rule of a torch.autograd.Function of the program begins."""
    code = getattr(getattr(getattr(node, "_forward_cls", None), "backward", None), "__code__", None)
    return None if code is None else SourceRecord(shown(code.co_filename), code.co_firstlineno, f"def {code.co_name}")


def _traced(node: Node) -> SourceRecord | None:
    """The last line of the program itself that led to the op, where anomaly detection noted how it was called."""
    traced = node.metadata.get("traceback_")
    lines = [
        found for line in traced or () if (found := TRACE_LINE.match(line)) and "torch" not in Path(found["file"]).parts
    ]
    if not lines:
        return None
    return SourceRecord(lines[-1]["file"], int(lines[-1]["line"]), lines[-1]["code"].strip())
