"""The chain rule, written once: walk the recorded graph, newest node first."""

from __future__ import annotations

import functools
import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from grad_engine.core.define import in_rules
from grad_engine.core.grad_mode import MODE, GradMode
from grad_engine.core.node import (
    BinaryNode,
    Edge,
    GeneralNode,
    GradAccum,
    Node,
    Output,
    UnaryNode,
    next_sequence_nr,
    node_of,
    output_index_of,
)
from grad_engine.core.tensor import Tensor, array_of, attach, wrap
from grad_engine.core.versions import WRITES
from grad_engine.errors import ArgumentError, GraphError, InPlaceError, ShapeError
from grad_engine.ops.reduction import sum_to
from grad_engine.ops.shape import astype

_fold = in_rules(sum_to)
cast = in_rules(astype)
_by_sequence_nr = attrgetter("sequence_nr")
_ADDING = threading.RLock()  # leaves may be shared between threads, each with a graph of its own
RUNS_KEPT = 16  # the latest recorded runs of one root


def newest_first(roots: Iterable[Edge]) -> list[Node]:
    """Every node the roots depend on, consumers before producers.

    A node is always younger than its inputs, so sorting by age is a topological order.
    """
    nodes: list[Any] = []
    seen = set()
    for edge in roots:
        if type(edge) is Output:
            edge = edge.node
        if type(edge) is not GradAccum and edge not in seen:
            seen.add(edge)
            nodes.append(edge)
    for node in nodes:  # grows while we read it
        kind = type(node)  # the slots themselves: `edges` of most nodes is a property, and a call
        for edge in (
            (node.x_edge, node.y_edge) if kind is BinaryNode else (node.edge,) if kind is UnaryNode else node.edges
        ):
            if edge is None or type(edge) is GradAccum:
                continue
            if type(edge) is Output:
                edge = edge.node
            if edge not in seen:
                seen.add(edge)
                nodes.append(edge)
    if len(nodes) > 1:
        nodes.sort(key=_by_sequence_nr, reverse=True)
    return nodes


def pull_back(
    seeds: Mapping[Edge, Any],
    targets: Sequence[Edge] | None = None,
    create_graph: bool = False,
    run: Run | None = None,
    release: bool = False,
) -> dict[Any, Any]:
    """The chain rule: send each seed down the graph from its node; return what each target (default: leaf) gathered.

    create_graph: call the rules on Tensors, so that the pass is recorded itself, and what it returns are Tensors.
    run: where to note each step. release: whether to let go of the values of each node once its rules have run.

    What a leaf gathered is in no one else's memory, unless it is a Tensor or the pass is noted in `run` or watched.
    """
    nodes: list[Any] = newest_first(seeds)
    _check_values(nodes)
    useful = None if targets is None else _leading_to(targets, nodes)
    gathering = run if run is not None else Gathering() if create_graph else None
    if MODE.watch is not None:
        gathering = MODE.watch.over(gathering or Gathering(), seeds)
    gather = _gather_in_place if gathering is None else gathering.gather
    pending: dict[Any, Any] = {**seeds}
    if len(seeds) > 1 and not create_graph:  # what a leaf gathers grows in place, beginning with its seed
        pending.update((edge, np.array(seed)) for edge, seed in seeds.items() if type(edge) is GradAccum)
    found: dict[Any, Any] = {}
    owned: set[Edge] = set()  # where the sum so far is in the engine's own memory
    node: Any = None
    try:
        for node in nodes:  # consumers come first, so this node's sum is already complete
            g = pending.pop(node, None)
            if g is None:
                if not node.op.multi_output or (g := _several(pending, node)) is None:
                    continue  # every rule above passed nothing this way
            elif node.extra is not None:
                g = _hooked(node, g)
            if targets is not None:
                _keep(found, targets, node, g)
            if gathering is not None:
                gathering.ran(node, g)
            kind = type(node)
            if (
                create_graph or kind is GeneralNode
            ):  # this can do all nodes, the cases below most of them in half the time
                joint = node.op.joint is not None  # such a rule may give one array as two shares
                for slot, edge, raw in _shares(node, g, create_graph, useful):
                    gather(pending, owned, edge, slot, raw, node.arrays[slot], raw if joint else g)
            elif kind is UnaryNode:
                if useful is None or node.edge in useful:
                    x, rest, rule = node.x, node.rest, node.op.rules[0]
                    raw = rule(g, node.out, x, *rest) if rest else rule(g, node.out, x)
                    gather(pending, owned, node.edge, 0, raw, x, g)
            else:
                x, y, out, rules = node.x, node.y, node.out, node.op.rules
                if node.x_edge is not None and (useful is None or node.x_edge in useful):
                    gather(pending, owned, node.x_edge, 0, rules[0](g, out, x, y), x, g)
                if node.y_edge is not None and (useful is None or node.y_edge in useful):
                    gather(pending, owned, node.y_edge, 1, rules[1](g, out, x, y), y, g)
            if release:
                node.release()
    except Exception as error:
        shapes = ", ".join(str(np.shape(array)) for array in node.arrays)
        error.add_note(f"raised while the gradient passed {node.name}; its inputs have shapes {shapes}")
        raise
    for edge, g in pending.items():  # only leaves are left
        if edge.extra is not None:
            pending[edge] = _hooked(edge, g)
    return pending if targets is None else found | {edge: g for edge, g in pending.items() if edge in targets}


def _several(pending: dict[Edge, Any], node: Node) -> tuple[Any, ...] | None:
    """The gradients of a node's numbered outputs, None for those that nothing reached; None when none was reached."""
    ports = [Output(node, index) for index in range(len(node.out))]
    gs = tuple(_hooked(port, pending.pop(port)) if port in pending else None for port in ports)
    return gs if any(g is not None for g in gs) else None


def _shares(node: Node, g: Any, create_graph: bool, useful: set[Edge] | None) -> list[tuple[int, Edge, Any]]:
    """(slot, edge, share) as the rules of `node` give them for each edge that leads on."""
    op = node.op
    out, arrays = _as_tensors(node) if create_graph else (node.out, node.arrays)
    asked: Any = (g, out, arrays, *node.rest) if op.variadic else (g, out, *arrays, *node.rest)
    shares: Any = None
    if op.joint is not None:
        wanted = [edge is not None and (useful is None or edge in useful) for edge in node.edges]
        shares = op.joint(*asked, wanted=wanted)
    sent: list[tuple[int, Edge, Any]] = []
    for slot, edge in enumerate(node.edges):
        if edge is not None and (useful is None or edge in useful):
            share = op.rules[slot](*asked) if shares is None else shares[slot]  # type: ignore[misc]
            if share is not None:
                sent.append((slot, edge, share))
    return sent


def _as_tensors(node: Node) -> tuple[Any, tuple[Any, ...]]:
    """Result and operands of `node` as Tensors of its graph, so that a rule called on them is itself recorded."""
    if type(node.out) is tuple:
        out: Any = tuple(wrap(part, Output(node, index)) for index, part in enumerate(node.out))
    else:
        out = wrap(node.out, node)
    pairs = zip(node.arrays, node.edges, strict=True)
    return out, tuple(array if edge is None else wrap(array, edge) for array, edge in pairs)


def _leading_to(targets: Sequence[Edge], nodes: Sequence[Node]) -> set[Edge]:
    """The edges along which a share can still reach a target."""
    useful: set[Edge] = set(map(node_of, targets))
    for node in reversed(nodes):  # producers first
        for edge in node.edges:
            if (edge.node if type(edge) is Output else edge) in useful:
                useful.add(edge)
                useful.add(node)
    return useful | {
        Output(n, i) for n in useful if isinstance(n, Node) and n.op.multi_output for i in range(len(n.out))
    }


def _keep(found: dict[Edge, Any], targets: Sequence[Edge], node: Node, g: Any) -> None:
    """Note in `found` the complete gradient of those targets that are outputs of `node`."""
    if node.op.multi_output:
        found.update(
            (port, part) for i, part in enumerate(g) if part is not None and (port := Output(node, i)) in targets
        )
    elif node in targets:
        found[node] = g


# --- gathering shares -----------------------------------------------------------------------------------------------


def _gather_in_place(
    pending: dict[Any, Any], owned: set[Edge], edge: Any, slot: int, share: Any, array: Any, shared: Any
) -> None:
    """Gathering.gather where nobody looks on: sums grow in place, once they are in memory of the engine's own.

    A leaf keeps its first share, and copies it where it is a view, or `shared`: an array that others hold too.
    """
    if share.shape != array.shape or share.dtype is not array.dtype:
        share = fitted(share, array)
    held = pending.get(edge)
    if held is None:
        if type(edge) is GradAccum and (share is shared or type(share) is not np.ndarray or share.base is not None):
            share = np.array(share)
        pending[edge] = share
    elif type(edge) is GradAccum or edge in owned:
        np.add(held, share, held)
    else:
        pending[edge] = total = held + share
        if type(total) is np.ndarray:  # sums of 0-d arrays arrive as NumPy scalars, which cannot grow in place
            owned.add(edge)


class Gathering:
    """How a pass adds shares up when others look on, or when it has a history itself: every sum is a new array."""

    def ran(self, node: Node, g: Any) -> None:
        """The rules of `node` are about to run on `g`."""

    def gather(
        self, pending: dict[Any, Any], owned: set[Edge], edge: Any, slot: int, raw: Any, array: Any, shared: Any
    ) -> None:
        """Add a share, as the rule gave it for the operand `array`, to what is pending at the edge it came along."""
        share = fitted(raw, array)
        pending[edge] = pending[edge] + share if edge in pending else share


class Run(Gathering):
    """What one backward pass did, in the order it did it. Nodes are named by age, so that nothing here leads back."""

    def __init__(self, root: Edge, seed: np.ndarray) -> None:
        self.sequence_nr = next_sequence_nr()
        self.output = output_index_of(root)
        self.seed = seed
        self.events: list[tuple[Any, ...]] = []  # (age, g): a node ran; (age, slot, raw shape, share, sum): it sent
        self.leaves: list[tuple[int, np.ndarray | None, np.ndarray]] = []  # accumulator's age, .grad before and after
        self.complete = False
        self._turn = -1  # the age of the node that runs

    def ran(self, node: Node, g: Any) -> None:
        self._turn = node.sequence_nr
        self.events.append((node.sequence_nr, tuple(map(array_of, g)) if node.op.multi_output else array_of(g)))

    def gather(
        self, pending: dict[Any, Any], owned: set[Edge], edge: Any, slot: int, raw: Any, array: Any, shared: Any
    ) -> None:
        share = fitted(raw, array)
        pending[edge] = total = pending[edge] + share if edge in pending else share
        self.events.append((self._turn, slot, raw.shape, array_of(share), array_of(total)))


def fitted(share: Any, array: Any) -> Any:
    """`share` in the shape and dtype of the operand it belongs to: summed where that had been broadcast."""
    if share.shape != array.shape:
        lead = share.ndim - array.ndim
        if lead < 0 or not all(n == m or n == 1 for n, m in zip(array.shape, share.shape[lead:], strict=True)):
            raise ShapeError(
                f"a rule gave a share of shape {share.shape} to an operand of shape {array.shape}; it has to return "
                "that shape, or one that the operand was broadcast to"
            )
        share = _fold(share, array.shape)
    if share.dtype is not array.dtype and share.dtype != array.dtype:
        share = cast(share, array.dtype)
    return share


# --- what must hold before a pass -----------------------------------------------------------------------------------


def _check_values(nodes: Sequence[Node]) -> None:
    """Raise GraphError when values were freed, InPlaceError when one that a rule reads was changed."""
    for node in nodes:
        if node.out is None:
            raise GraphError(
                f"the values that {node.name} saved are gone, because backward already ran through it; "
                "pass retain_graph=True to the first backward to run another, or to export the graph"
            )
    if nodes and WRITES.latest >= nodes[-1].sequence_nr:  # a node that writes is as old as its write
        for node in nodes:
            _check_writes(node)


def _check_writes(node: Node) -> None:
    """Raise InPlaceError when an operand had lost its history before `node` read it, or a value has changed since."""
    operands = dict(zip(node.op.parameters(len(node.arrays)), node.arrays, strict=True))
    for (name, array), edge in zip(operands.items(), node.edges, strict=True):
        if edge is None or type(edge) is GradAccum:
            continue
        if (turn := WRITES.turned(array, edge.sequence_nr, node.sequence_nr)) is not None:
            raise InPlaceError(
                f"{name} of {node.op.name} is a view whose base was changed in place before it was used "
                f"(made at {edge.sequence_nr}, changed at {turn}, used at {node.sequence_nr}); take the view again "
                "after the change"
            )
    outs = node.out if node.op.multi_output else (node.out,)
    late = {name: array for name, array in operands.items() if WRITES.latest_of(array) >= node.sequence_nr}
    late.update(("out", out) for out in outs if WRITES.latest_of(out) > node.sequence_nr)
    if not late:
        return
    wanted = [edge is not None for edge in node.edges]
    for tree in node.op.rule_trees(node.out, node.arrays, node.rest, wanted):
        for name in sorted(node.op.reads(tree) & late.keys()):
            what = "its result" if name == "out" else f"its input {name}"
            raise InPlaceError(
                f"{node.name} needs {what}, of shape {late[name].shape}, as it was when recorded "
                f"(version {node.sequence_nr}), but it was changed in place since "
                f"(version {WRITES.latest_of(late[name])}); change a clone() instead"
            )


@functools.lru_cache
def _one(dtype: np.dtype[Any]) -> np.ndarray:
    """A read-only 1, from which every backward() without a gradient starts."""
    one = np.ones((), dtype)
    one.flags.writeable = False
    return one


def _seed(root: Tensor, gradient: Any) -> np.ndarray:
    """The gradient that starts a pass, as an array of the root's shape and dtype."""
    array = root.array
    given = gradient.array if type(gradient) is Tensor else gradient
    if type(given) is np.ndarray and given.dtype is array.dtype and given.shape == array.shape:
        return given
    if given is None:
        if array.size != 1:
            raise GraphError(
                f"backward without a gradient needs a result of one element, got shape {array.shape}; "
                "call .sum() first, or pass a gradient of that shape such as ones_like(z)"
            )
        one = _one(array.dtype)
        return one.reshape(array.shape) if array.ndim else one
    if not isinstance(given, np.ndarray | np.generic | int | float) or isinstance(given, bool):
        raise ArgumentError(f"the gradient must be a tensor or an array, got {type(given).__name__}")
    seed = np.asarray(given)
    if seed.dtype.kind != "f" and not isinstance(given, int):
        raise ArgumentError(f"the gradient must hold floating-point numbers, got {seed.dtype}; use astype(float)")
    if seed.shape != array.shape:
        raise ShapeError(f"the gradient must have the result's shape {array.shape}, got {seed.shape}; use broadcast_to")
    return seed.astype(array.dtype, copy=False)


# --- the public face ------------------------------------------------------------------------------------------------


def backward(root: Tensor, gradient: Any = None, retain_graph: bool = False, create_graph: bool = False) -> None:
    """Add d(root)/d(leaf), weighted by `gradient`, to the `.grad` of every leaf that requires it.

    gradient: root's shape exactly; left out where root has one element, meaning 1.
    retain_graph: keep the saved values, and a record of what this pass did, so that it can be run again and exported.
    create_graph: record the pass itself, so that the gradients can be differentiated; keeps the graph too.

    Raises GraphError (no graph, values freed, gradient missing), ShapeError or ArgumentError (a gradient that does not
    fit), InPlaceError (a value that was needed has been changed).
    """
    edge = _edge(root)
    seed = _seed(root, gradient)
    run = _begun(edge, seed) if retain_graph else None
    if create_graph:
        with GradMode(True):
            start = _with_history(seed, gradient)
            for leaf, total in pull_back({edge: start}, create_graph=True, run=run).items():
                _accumulate(leaf, total, run, True)
    else:
        own = seed.copy() if type(edge) is GradAccum else seed  # which would keep it as its .grad
        alone = run is None and MODE.watch is None  # then what leaves gathered is theirs alone
        for leaf, total in pull_back({edge: own}, run=run, release=not retain_graph).items():
            if alone and leaf.grad is None and leaf.extra is None:
                made = wrap(total, None)
                if leaf.grad is None:  # still: no call lies between this look and the next line, so no other thread
                    leaf.grad = made
                    continue
            _accumulate(leaf, total, run, False)
    if run is not None:
        run.complete = True


def _begun(edge: Edge, seed: np.ndarray) -> Run | None:
    """A new run, which the node it starts from keeps; None for a leaf, from where there is nowhere to go."""
    node = node_of(edge)
    if not isinstance(node, Node):
        return None
    run = Run(edge, seed.copy())
    node.extra = node.extra or {}
    node.extra.setdefault("runs", deque(maxlen=RUNS_KEPT)).append(run)
    return run


def _with_history(seed: np.ndarray, gradient: Any) -> Tensor:
    """`seed` as a tensor that depends on what `gradient`, of which it was made, depends on."""
    if type(gradient) is not Tensor:
        return wrap(seed.copy(), None)
    return gradient if gradient.array is seed else cast(gradient, seed.dtype)


def _accumulate(leaf: Any, total: Any, run: Run | None, recorded: bool) -> None:
    """Add to `.grad` what the leaf gathered, in memory of its own: others may hold `total`."""
    gathered = wrap(np.array(array_of(total)), total.node if type(total) is Tensor else None)
    with _ADDING:
        before = leaf.grad
        leaf.grad = after = gathered if before is None else before + gathered
    if run is not None and before is None:
        run.leaves.append((leaf.sequence_nr, None, array_of(total)))
    elif run is not None:
        run.leaves.append((leaf.sequence_nr, before.array.copy(), after.array.copy()))
    if leaf.extra is not None and "after" in leaf.extra:
        with GradMode(recorded):
            for hook in [*leaf.extra["after"].values()]:
                hook(leaf.grad)


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor] | None = None,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> Any:
    """d(outputs)/d(x) for each x of `inputs` (leaves or results of ops), leaving every `.grad` alone.

    A tensor for a single input, a tuple for a list of them; None for an input that the outputs do not depend on, which
    is an error unless `allow_unused`. `retain_graph` defaults to `create_graph`.
    """
    if not isinstance(outputs, Tensor | Sequence) and callable(outputs):
        raise ArgumentError(
            "grad() differentiates the tensor that a function returned, got the function itself; "
            "call value_and_grad(f, x) or jacobian(f, x)"
        )
    if inputs is None:
        raise ArgumentError("grad() needs the tensors to differentiate by; write grad(z, x) or grad(z, [x, y])")
    roots, wanted = _listed(outputs), _listed(inputs)
    weights: list[Any]
    if grad_outputs is None:
        weights = [None] * len(roots)
    else:
        weights = list(grad_outputs) if isinstance(grad_outputs, list | tuple) else [grad_outputs]
    if len(weights) != len(roots):
        raise ArgumentError(f"grad_outputs has {len(weights)} entries for {len(roots)} outputs; pass one for each")
    targets = [_edge(x, "an input of grad()") for x in wanted]
    seeds: dict[Edge, Any] = {}
    with GradMode(MODE.record or create_graph):
        for root, weight in zip(roots, weights, strict=True):
            edge = _edge(root)
            start: Any = _seed(root, weight)
            if create_graph:
                start = _with_history(start, weight)
            seeds[edge] = seeds[edge] + start if edge in seeds else start
        release = not (create_graph if retain_graph is None else retain_graph)
        found = pull_back(seeds, targets, create_graph, release=release)
    answers = []
    for position, target in enumerate(targets):
        share = found.get(target)
        if share is None and not allow_unused:
            raise GraphError(
                f"input {position} of grad() was not used to compute the outputs; pass allow_unused=True to get None"
            )
        answers.append(share if share is None or type(share) is Tensor else wrap(np.array(share), None))
    return answers[0] if type(inputs) is Tensor else tuple(answers)


def _listed(tensors: Any) -> list[Any]:
    """The tensors as a list; also what is no tensor, for whoever checks it to name."""
    single = type(tensors) is Tensor or isinstance(tensors, str | np.ndarray) or not isinstance(tensors, Iterable)
    return [tensors] if single else list(tensors)


def _edge(tensor: Tensor, what: str = "the tensor that backward was asked of") -> Edge:
    """The edge to `tensor`. Raises ArgumentError, GraphError or InPlaceError where no pass can start, or end, at it."""
    if type(tensor) is not Tensor:
        raise ArgumentError(f"{what} must be a tensor, got {type(tensor).__name__}")
    if tensor.node is None:
        raise GraphError(
            f"{what} does not require grad, so there is no graph to walk; make a leaf with requires_grad=True and "
            "compute it from that, outside no_grad(), and a gradient to be differentiated with create_graph=True"
        )
    edge = tensor.node
    if WRITES.latest > edge.sequence_nr and type(edge) is not GradAccum and tensor.array.base is not None:
        turn = WRITES.turned(tensor.array, edge.sequence_nr)
        if turn is not None:
            raise InPlaceError(
                f"{what} is a view whose base was changed in place (made at {edge.sequence_nr}, changed at {turn}); "
                "take the view again after the change"
            )
    return edge


# --- hooks ----------------------------------------------------------------------------------------------------------


class HookHandle:
    """What registering a hook returns; `remove()` takes the hook off again."""

    _next = itertools.count().__next__

    def __init__(self, hooks: dict[int, Callable[..., Any]], hook: Callable[..., Any]) -> None:
        self._hooks, self._key = hooks, HookHandle._next()
        hooks[self._key] = hook

    def remove(self) -> None:
        """Take the hook off; doing so twice is no error."""
        self._hooks.pop(self._key, None)


def _extras(tensor: Tensor, kind: str) -> dict[int, Any]:
    """What hangs on the node of `tensor` under "hooks", "after" or "retained"; empty at first."""
    edge = _edge(tensor, "a tensor with hooks")
    node: Any = node_of(edge)
    node.extra = node.extra or {}
    return node.extra.setdefault(kind, {})


def register_hook(self: Tensor, hook: Callable[[Tensor], Tensor | None]) -> HookHandle:
    """A handle on `hook`, which is called with this tensor's complete gradient and may return another in its place."""
    return HookHandle(_extras(self, "hooks").setdefault(output_index_of(self.node), {}), hook)


def register_post_accumulate_grad_hook(self: Tensor, hook: Callable[[Tensor], None]) -> HookHandle:
    """A handle on `hook`, which is called with this leaf's new `.grad` after each backward."""
    if type(self.node) is not GradAccum:
        raise GraphError("only a leaf that requires grad accumulates; use register_hook() on the result of an op")
    return HookHandle(_extras(self, "after"), hook)


def retain_grad(self: Tensor) -> None:
    """Keep the gradient of this result of an op in its `.grad`, as a leaf does anyway."""
    if type(self.node) is not GradAccum:
        _extras(self, "retained").setdefault(output_index_of(self.node), None)


def _hooked(edge: Any, g: Any) -> Any:
    """`g` after the hooks of `edge` have seen, perhaps replaced, it."""
    if edge.extra is None or not ("hooks" in edge.extra or "retained" in edge.extra):
        return g
    place = output_index_of(edge)
    recorded = type(g) is Tensor
    if hooks := [*edge.extra.get("hooks", {}).get(place, {}).values()]:
        with GradMode(recorded):
            for hook in hooks:  # each gets a copy, since the array may be on its way to others; a hook may change it
                seen = wrap(np.array(array_of(g)), g.node if recorded else None)
                answer = hook(seen)
                g = _answered(seen if answer is None else answer, g)
    retained = edge.extra.get("retained", {})
    if place in retained:
        new = wrap(np.array(array_of(g)), g.node if recorded else None)
        retained[place] = new if retained[place] is None else retained[place] + new
    return g


def _answered(answer: Any, g: Any) -> Any:
    """What a hook returned in place of `g`, in its dtype, and not in memory that the hook may have kept."""
    array = array_of(answer)
    if not isinstance(array, np.ndarray | np.generic) or array.shape != g.shape or array.dtype.kind != "f":
        got = f"{array.dtype} of shape {array.shape}" if isinstance(array, np.ndarray | np.generic) else repr(answer)
        raise ShapeError(f"a hook must return None or a gradient of shape {g.shape} and {g.dtype}, got {got}")
    if type(g) is not Tensor:
        return np.array(array, g.dtype)
    tensor = answer if type(answer) is Tensor else wrap(np.array(array), None)
    return tensor if array.dtype == g.dtype else cast(tensor, g.dtype)


for _method in (backward, register_hook, register_post_accumulate_grad_hook, retain_grad):
    attach(_method.__name__, _method)  # attached here: tensor.py never imports upwards
