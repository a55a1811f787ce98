"""The nudge and the step for a PyTorch graph: the program's own forward pass is run again with other numbers in leaves.

Leaves are changed in place through `.data`, which no version counter notices, and put back whatever happens. Buffers
(those of BatchNorm) and PyTorch's random state are put back too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from grad_engine.export.explain import MOST_OPS, Explanation
from grad_engine.export.rerun import Array, Place
from grad_engine.export.torch_graph import TorchGraph
from grad_engine.export.torch_paths import Gradients, TorchPaths, curves_of
from grad_engine.export.torch_values import array_of
from grad_engine.record import GraphRecord
from grad_engine.record.explained import entry_named
from grad_engine.record.index import index_of
from grad_engine.record.parts import ExplainRecord

NO_RERUN = "pass rerun=lambda: loss_fn(model(x), y) to from_torch(), which then measures one"
ROOT: Place = (-1, 0)  # the place of the root, the only result that is known of a run


def explain_torch(
    torch: Any,
    output: Any,
    gradient: Any,
    leaves: Sequence[Any],
    record: GraphRecord,
    rerun: Callable[[], Any] | None,
    graph: TorchGraph,
    kept: Gradients,
    model: Any = None,
    follow: str = "",
) -> ExplainRecord | None:
    """The nudge of one entry of one leaf, its paths, and one step of all leaves; None for more than 1,000 ops.

    leaves: the tensors of the record's accumulators, in their order. rerun: computes `output` again; without it there
    are no nudge and no step. graph: what was read of the graph of `output`. kept: the gradients of the run of the
    record.
    """
    if len(record.nodes) > MOST_OPS or index_of(record).run is None or array_of(torch, output) is None:
        return None
    gathered = [kept.gathered.get(key) for key, _ in sorted(graph.leaves.items(), key=lambda item: item[1].place)]
    run = TorchRun(torch, output, gradient, leaves, gathered, record, rerun, model)
    tried = Explanation(run)
    chosen = entry_named(record, follow) if follow else None
    probe, _, step, reason = tried.found(chosen)
    followed = (probe.accumulator, probe.index) if probe is not None else None
    if followed is None and (best := next(tried.candidates(chosen), None)) is not None:
        followed = run.ids[run.number(best[0])], best[1]
    found = TorchPaths(torch, graph, record, output, gradient, kept)
    paths = () if followed is None else found.paths(*followed)
    holds, spots = found.rules(paths)
    return ExplainRecord(
        probe=probe, paths=paths, curves=curves_of(record), spots=spots, step=step, holds=holds, reason=reason
    )


class TorchRun:
    """A run of a PyTorch graph that can be repeated. Leaves go by their place among the record's accumulators."""

    def __init__(
        self,
        torch: Any,
        output: Any,
        gradient: Any,
        leaves: Sequence[Any],
        gathered: Sequence[Any],
        record: GraphRecord,
        rerun: Callable[[], Any] | None,
        model: Any,
    ) -> None:
        self.torch, self.output, self.rerun = torch, output, rerun
        self.tensors = list(leaves)
        self.index = index_of(record)
        self.buffers = list(model.buffers()) if model is not None else []
        self.ids: Mapping[int, str] = {k: f"a{k}" for k in range(len(self.tensors))}
        values = {k: array_of(torch, tensor) for k, tensor in enumerate(self.tensors)}
        self.leaves: dict[Any, Array] = {k: np.array(value) for k, value in values.items() if value is not None}
        start = torch.ones_like(output) if gradient is None else gradient
        self.seed: Array = self.array(start)
        found = {k: array_of(torch, g) for k, g in enumerate(gathered) if g is not None}
        self.gathered: dict[Any, Array] = {k: g for k, g in found.items() if g is not None and k in self.leaves}

    def array(self, tensor: Any) -> Array:
        """A copy of the numbers of a tensor that has some."""
        return np.array(array_of(self.torch, tensor))

    @property
    def root_value(self) -> Array:
        """The output that was recorded."""
        return self.array(self.output)

    def number(self, leaf: int) -> int:
        """The place of a leaf among the accumulators."""
        return leaf

    def shares_at(self, leaf: int) -> int:
        """How many shares reached a leaf."""
        return len(self.index.arrivals.get(self.ids[leaf], ()))

    def distances(self) -> dict[int, int]:
        """Number of a leaf -> how many ops lie on the longest way from it to the root."""
        far: dict[str, int] = {}
        for node in reversed(self.index.record.nodes):  # consumers first
            for edge in self.index.outgoing(node.id):
                far[edge.receiver] = max(far.get(edge.receiver, 0), far.get(node.id, 0) + 1)
        return {k: far.get(id, 0) for k, id in self.ids.items()}

    def reason_against(self) -> str:
        """Why the forward pass cannot be repeated: it raises, or does not give the recorded output twice."""
        if self.rerun is None:
            return NO_RERUN
        try:
            first, second = self.again(), self.again()
        except Exception as error:  # whatever the program raises, it is the reason
            said = str(error).partition("\n")[0] or "no message"
            return f"rerun() raised {type(error).__name__}: {said}"
        if first.shape != self.root_value.shape:
            return f"rerun() gave a tensor of shape {first.shape}, and the recorded one has {self.root_value.shape}"
        if first.tobytes() != second.tobytes():
            return "rerun() gave other numbers the second time: it draws random numbers, or changes what it reads"
        if first.tobytes() != self.root_value.tobytes():
            return "rerun() gave other numbers than were recorded: another dropout mask, or parameters changed since"
        return ""

    def again(self) -> Array:
        """The output of one more forward pass, without a graph, from the same random state every time."""
        torch = self.torch
        assert self.rerun is not None
        kept = [buffer.detach().clone() for buffer in self.buffers]
        try:
            with torch.no_grad(), torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                return self.array(self.rerun())
        finally:
            for buffer, before in zip(self.buffers, kept, strict=True):
                if not torch.equal(buffer, before):
                    buffer.data.copy_(before)

    def changed(self, leaves: Mapping[int, Array]) -> dict[Place, Array]:
        """The root with other values in these leaves, which are put back. Raises what the program raises."""
        kept = {k: self.tensors[k].detach().clone() for k in leaves}
        try:
            for k, array in leaves.items():
                self.tensors[k].data.copy_(self.torch.from_numpy(np.ascontiguousarray(array)).reshape(array.shape))
            return {ROOT: self.again()}
        finally:
            for k, before in kept.items():
                self.tensors[k].data.copy_(before)

    def root_of(self, values: Mapping[Place, Array]) -> Array | None:
        """The root among changed results."""
        return values.get(ROOT)

    def root_change(self, values: Mapping[Place, Array]) -> float:
        """By how much the sum of seed times root changed, over the entries that are finite before and after."""
        before, after = self.root_value, values.get(ROOT, self.root_value)
        finite = np.isfinite(before) & np.isfinite(after)
        change = after[finite].astype(np.float64) - before[finite].astype(np.float64)
        return float((self.seed[finite].astype(np.float64) * change).sum())
