"""Running recorded ops again, on other numbers: what a nudge of one leaf does to every result that depends on it.

Forward functions are called on the kept arrays, which are locked for the time, so nothing of the program changes: no
leaf, no result, no random state.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grad_engine.core.chain_rule import newest_first
from grad_engine.core.defaults import Generator, generator_of
from grad_engine.core.node import Edge, GradAccum, Node, output_index_of
from grad_engine.core.op import OPS
from grad_engine.core.run_log import Ran, Run
from grad_engine.record import GraphRecord, InputRecord

MOST_WORK = 20_000_000  # multiplications, roughly, up to which a graph is run again

ELEMENT = 8  # multiplications that one element of a function such as sin counts as
LARGE = 256  # numbers of an array from which on its work is counted

Array = NDArray[Any]
Place = tuple[int, int]  # of a result or a leaf: the sequence number of what made it, and which output


def place_of(edge: Any) -> Place:
    """The place of the result that an edge leads to."""
    return edge.sequence_nr, output_index_of(edge)


class RecordedRun:
    """The last recorded backward run of a graph: its nodes and arrays beside the ids of the record."""

    def __init__(self, root: Edge, run: Run, record: GraphRecord, ids: Mapping[int, str]) -> None:
        """ids: sequence number of a node or leaf -> its id in the record."""
        self.root = root
        self.run = run
        self.too_large = False
        self.seed: Array = run.seed
        self.record = record
        self.ids = ids
        self.walk: list[Node] = newest_first([root])[::-1]  # by age
        self.leaves: dict[GradAccum, Array] = {}
        self.readers: dict[Place, list[tuple[Node, int]]] = {}  # who reads a result, and in which slot
        records = {node.id: node for node in record.nodes}
        self.records = {node.sequence_nr: records[ids[node.sequence_nr]] for node in self.walk}
        self.operands: dict[tuple[int, int], InputRecord] = {}  # (node, slot) -> the operand in the record
        self.tensors: dict[Place, str] = {}
        self.places: dict[int, list[tuple[int, Place]]] = {}  # node -> the operands with an edge: slot, what they read
        self.given: dict[int, list[Any]] = {}
        for node in self.walk:
            number = node.sequence_nr
            given = iter(self.records[number].inputs)
            places = self.places[number] = []
            for slot, (array, edge) in enumerate(zip(node.arrays, node.edges, strict=True)):
                if edge is None:
                    if array is not None:  # else an operand that was left out
                        self.operands[number, slot] = next(given)
                    continue
                operand = self.operands[number, slot] = next(given)
                place = place_of(edge)
                places.append((slot, place))
                self.readers.setdefault(place, []).append((node, slot))
                if type(edge) is GradAccum and edge not in self.leaves:
                    self.leaves[edge] = array
                    self.tensors[place] = operand.tensor
            for output, tensor in enumerate(self.records[number].outputs):
                self.tensors[number, output] = tensor
        self.gradients: dict[Place, Array] = {}
        self.shares: dict[tuple[int, int], Array] = {}  # (node, slot) -> the share that was sent
        for event in run.events:
            if isinstance(event, Ran):
                parts = event.g if isinstance(event.g, tuple) else (event.g,)
                self.gradients |= {(event.sequence_nr, k): np.asarray(g) for k, g in enumerate(parts) if g is not None}
            else:
                self.shares[event.sequence_nr, event.slot] = np.asarray(event.share)
        gathered = {change.sequence_nr: change.gathered for change in run.leaves}
        self.gathered = {leaf: gathered[leaf.sequence_nr] for leaf in self.leaves if leaf.sequence_nr in gathered}
        self.values = {(node.sequence_nr, k): out for node in self.walk for k, out in enumerate(results(node))}

    def number(self, leaf: GradAccum) -> int:
        """The sequence number of a leaf."""
        return leaf.sequence_nr

    def shares_at(self, leaf: GradAccum) -> int:
        """How many shares reached a leaf."""
        return sum((node.sequence_nr, slot) in self.shares for node, slot in self.readers[place_of(leaf)])

    def distances(self) -> dict[int, int]:
        """Number of a node or leaf -> how many ops lie on the longest way from it to the root."""
        far: dict[int, int] = {}
        for node in reversed(self.walk):  # consumers first
            step = far.get(node.sequence_nr, 0) + 1
            for _, (number, _) in self.places[node.sequence_nr]:
                far[number] = max(far.get(number, 0), step)
        return far

    def root_of(self, values: Mapping[Place, Array]) -> Array | None:
        """The root among changed results; None where it did not change."""
        return values.get(place_of(self.root))

    @property
    def root_value(self) -> Array:
        """The value that the run started from."""
        return self.values[place_of(self.root)]

    def reason_against(self) -> str:
        """Why the ops cannot be run again, in one sentence; "" where they can.

        Everything is run again unchanged first: a result that is not the same to the last bit says that an op draws
        random numbers, or that values were changed in place since.
        """
        work = sum(cost(node) for node in self.walk if _is_large(node))
        self.too_large = work > MOST_WORK
        if self.too_large:
            return f"running the graph again would take about {work:.1e} multiplications, more than {MOST_WORK:.0e}"
        with np.errstate(all="ignore"):
            for node in self.walk:
                if not of_the_table(node):
                    return (
                        f"{self.called(node)} is not an op of the table, so running it again might do more than compute"
                    )
                try:
                    again = _forward(node, self.locked(node))
                except Exception as error:  # whatever the op raises, it is the reason
                    return f"{self.called(node)} raised {type(error).__name__} when it was run again"
                for before, after in zip(results(node), again, strict=True):
                    if not _same_bits(before, after):
                        return (
                            f"{self.called(node)} gave other numbers when it was run again: it draws random numbers "
                            "without a seed, or a value was changed in place since"
                        )
        return ""

    def called(self, node: Node) -> str:
        """The number and the name of an op."""
        return f"#{self.records[node.sequence_nr].age} {node.op.name}"

    def locked(self, node: Node) -> list[Any]:
        """The operands of a node, which cannot be written to."""
        found = self.given.get(node.sequence_nr)
        if found is None:
            found = self.given[node.sequence_nr] = [_locked(array) for array in node.arrays]
        return found

    def changed(self, leaves: Mapping[GradAccum, Array]) -> dict[Place, Array]:
        """Every result that depends on these leaves, with other values in them. Raises what an op raises."""
        values: dict[Place, Array] = {place_of(leaf): array for leaf, array in leaves.items()}
        with np.errstate(all="ignore"):
            for node in self.walk:
                number = node.sequence_nr
                given: list[Any] | None = None
                for slot, place in self.places[number]:
                    if place in values:
                        given = [*self.locked(node)] if given is None else given
                        given[slot] = values[place]
                if given is not None:
                    for k, out in enumerate(_forward(node, given)):
                        values[number, k] = out
        return values

    def root_change(self, values: Mapping[Place, Array]) -> float:
        """By how much the sum of seed times root changed, over the entries that are finite before and after."""
        before, after = self.root_value, values.get(place_of(self.root), self.root_value)
        finite = np.isfinite(before) & np.isfinite(after)
        change = after[finite].astype(np.float64) - before[finite].astype(np.float64)
        return float((self.run.seed[finite].astype(np.float64) * change).sum())


@contextmanager
def random_state_kept(nodes: Sequence[Node]) -> Iterator[None]:
    """A scope in which ops may draw random numbers again: afterwards every generator is where it was before."""
    given = (value for node in nodes for value in node.rest if isinstance(value, np.random.Generator | Generator))
    generators = [generator_of(), *(value.numpy if isinstance(value, Generator) else value for value in given)]
    states = [generator.bit_generator.state for generator in generators]
    try:
        yield
    finally:
        for generator, state in zip(generators, states, strict=True):
            generator.bit_generator.state = state


def results(node: Node) -> tuple[Array, ...]:
    """What a node put out."""
    return node.out if node.op.multi_output else (node.out,)


def forward(node: Node, arrays: Sequence[Any]) -> tuple[Array, ...]:
    """What the op of a node makes of other operands, with the static arguments of the node."""
    with np.errstate(all="ignore"):
        return _forward(node, [_locked(array) for array in arrays])


def _forward(node: Node, given: list[Any]) -> tuple[Array, ...]:
    op = node.op
    static = node.rest[: len(op.static)]
    out = op.forward(given, *static) if op.variadic else op.forward(*given, *static)
    if op.saves:
        out = out[0]
    return tuple(map(np.asarray, out)) if op.multi_output else (np.asarray(out),)


def of_the_table(node: Node) -> bool:
    """Whether a node is a call of an op of the table, whose forward function computes and does nothing else."""
    known = OPS.get(node.op.name)
    return known is not None and known.summary is node.op.summary


def cost(node: Node) -> float:
    """Roughly how many multiplications the forward function of a node takes: exact for a product of matrices."""
    sizes = [array.size for array in node.arrays if isinstance(array, np.ndarray)]
    made = sum(out.size for out in results(node))
    if node.op.elementwise or len(sizes) < 2:
        return float(ELEMENT * max(made, *sizes, 1))
    return max(sqrt(prod(sizes[:2]) * made), made)


def _same_bits(one: Array, other: Array) -> bool:
    """Whether two arrays hold the same numbers to the last bit."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if one.size <= LARGE or not (one.flags.c_contiguous and other.flags.c_contiguous):
        return one.tobytes() == other.tobytes()
    return bool(np.array_equal(one.view(np.uint8), other.view(np.uint8)))


def _is_large(node: Node) -> bool:
    """Whether a call may be more than the least work that counts."""
    return any(type(array) is np.ndarray and array.size > LARGE for array in node.arrays) or not (
        type(node.out) is np.ndarray and node.out.size <= LARGE
    )


def _locked(array: Any) -> Any:
    if not isinstance(array, np.ndarray):
        return array
    view = array.view()
    view.flags.writeable = False
    return view
