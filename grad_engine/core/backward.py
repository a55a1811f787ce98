"""backward() and grad(): where a pass starts, and where its gradients go."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from grad_engine.core.chain_rule import pull_back
from grad_engine.core.checks import edge_of
from grad_engine.core.grad_mode import GradMode, current_mode
from grad_engine.core.hooks import run_after_hooks
from grad_engine.core.node import Edge, GradAccum
from grad_engine.core.run_log import LeafChange, Run, begun_run
from grad_engine.core.seed import seed_of, seed_with_history
from grad_engine.core.tensor import Tensor, array_of, wrap
from grad_engine.errors import ArgumentError, GraphError


class _Adding:
    """One thread at a time adds to a leaf, which may be shared between threads, each with a graph of its own."""

    lock = threading.RLock()

    @classmethod
    def renew(cls) -> None:
        """In a forked child the thread that held the lock does not exist, and would never let go of it."""
        cls.lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_Adding.renew)


def backward(root: Tensor, gradient: Any = None, retain_graph: bool = False, create_graph: bool = False) -> None:
    """Add d(root)/d(leaf), weighted by `gradient`, to the `.grad` of every leaf; see Tensor.backward()."""
    edge = edge_of(root)
    seed = seed_of(root, gradient)
    run = begun_run(edge, seed) if retain_graph else None
    observers = () if run is None else (run,)
    if create_graph:
        with GradMode(True):
            start = seed_with_history(seed, gradient)
            for leaf, total in pull_back({edge: start}, None, True, observers).items():
                _accumulate(leaf, total, run, True)
    else:
        own = seed.copy() if type(edge) is GradAccum else seed  # which would keep it as its .grad
        alone = run is None and current_mode().watch is None  # then what leaves gathered is theirs alone
        for leaf, total in pull_back({edge: own}, None, False, observers, release=not retain_graph).items():
            if alone and leaf.grad is None and leaf.extra is None:
                made = wrap(total, None)
                if leaf.grad is None:  # still: no call lies between this look and the next line, so no other thread
                    leaf.grad = made
                    continue
            _accumulate(leaf, total, run, False)
    if run is not None:
        run.complete = True


def _accumulate(leaf: GradAccum, total: Any, run: Run | None, recorded: bool) -> None:
    """Add to `.grad` what the leaf gathered, in memory of its own: others may hold `total`."""
    gathered = wrap(np.array(array_of(total)), total.node if type(total) is Tensor else None)
    with _Adding.lock:
        before = leaf.grad
        leaf.grad = after = gathered if before is None else before + gathered
    if run is not None:
        pair = (None, array_of(total)) if before is None else (before.array.copy(), after.array.copy())
        run.leaves.append(LeafChange(leaf.sequence_nr, pair[0], array_of(total), pair[1]))
    run_after_hooks(leaf, recorded)


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
    targets = [edge_of(x, "an input of grad()") for x in wanted]
    seeds: dict[Edge, Any] = {}
    with GradMode(current_mode().record or create_graph):
        for root, weight in zip(roots, weights, strict=True):
            edge = edge_of(root)
            start: Any = seed_of(root, weight)
            if create_graph:
                start = seed_with_history(start, weight)
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
