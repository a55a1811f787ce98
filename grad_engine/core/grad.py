"""grad(): the gradients by chosen tensors, returned instead of added to `.grad`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from grad_engine.core.chain_rule import pull_back
from grad_engine.core.checks import edge_of
from grad_engine.core.grad_mode import GradMode, current_mode
from grad_engine.core.node import Edge
from grad_engine.core.run_log import note_derivative
from grad_engine.core.seed import seed_of, seed_with_history
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.errors import ArgumentError, GraphError


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
        if create_graph:
            note_derivative(share, edge_of(roots[0]), target)
        answers.append(share if share is None or type(share) is Tensor else wrap(np.array(share), None))
    return answers[0] if type(inputs) is Tensor else tuple(answers)


def _listed(tensors: Any) -> list[Any]:
    """The tensors as a list; also what is no tensor, for whoever checks it to name."""
    single = type(tensors) is Tensor or isinstance(tensors, str | np.ndarray) or not isinstance(tensors, Iterable)
    return [tensors] if single else list(tensors)
