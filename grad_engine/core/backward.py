"""backward(): where a pass starts, and where its gradients go."""

from __future__ import annotations

import functools
import os
import threading
from typing import Any

import numpy as np

from grad_engine.core.chain_rule import pull_back
from grad_engine.core.checks import edge_of
from grad_engine.core.grad_mode import GradMode, current_mode
from grad_engine.core.hooks import run_after_hooks
from grad_engine.core.node import GradAccum, Mixed
from grad_engine.core.run_log import LeafChange, Run, begun_run, note_derivative
from grad_engine.core.seed import seed_of, seed_with_history
from grad_engine.core.tensor import Tensor, array_of, wrap


class _Adding:
    """One thread at a time adds to a leaf, which may be shared between threads, each with a graph of its own."""

    lock = threading.RLock()

    @classmethod
    def renew_lock(cls) -> None:
        """In a forked child the thread that held the lock does not exist, and would never let go of it."""
        cls.lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_Adding.renew_lock)


def backward(root: Tensor, gradient: Any = None, retain_graph: bool = False, create_graph: bool = False) -> None:
    """Add d(root)/d(leaf), weighted by `gradient`, to the `.grad` of every leaf; see Tensor.backward()."""
    watch = current_mode().watch
    if watch is None or watch.runs is None:
        _run(root, gradient, retain_graph, create_graph)
    else:
        options = {"retain_graph": retain_graph, "create_graph": create_graph}
        watch.runs(root, gradient, options, functools.partial(_run, root, gradient))


def _run(root: Tensor, gradient: Any, retain_graph: bool, create_graph: bool) -> None:
    edge = edge_of(root)
    seed = seed_of(root, gradient)
    run = begun_run(edge, seed) if retain_graph else None
    observers = () if run is None else (run,)
    if create_graph:
        with GradMode(True):
            start = seed_with_history(seed, gradient)
            for leaf, total in pull_back({edge: start}, None, True, observers).items():
                _accumulate(leaf, total, run, True)
                note_derivative(leaf.grad, edge, leaf)
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
    if leaf.used is not None:
        leaf.used = Mixed(after) if before is not None and leaf.used() is before and before.array.any() else None
    if run is not None:
        pair = (None, array_of(total)) if before is None else (before.array.copy(), after.array.copy())
        run.leaves.append(LeafChange(leaf.sequence_nr, pair[0], array_of(total), pair[1]))
    run_after_hooks(leaf, recorded)
