"""Whether the formula of a rule, evaluated with the numbers of the run, gives the share that was sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from grad_engine.core.node import Node
from grad_engine.errors import FormulaError
from grad_engine.export.op_functions import op_functions
from grad_engine.export.rerun import RecordedRun, cost, results
from grad_engine.formula.evaluate import agrees, evaluate
from grad_engine.record.parts import PathRecord

ALL_UP_TO = 24  # ops of a graph of which every rule is evaluated: each of them is told of by itself
OF_A_KIND = 1  # ops of each kind that are evaluated in a larger graph, besides those on the paths
MOST_WORK = 100_000  # multiplications, roughly, of a node whose rules are evaluated


def holds(run: RecordedRun, paths: Sequence[PathRecord]) -> dict[str, bool]:
    """Edge -> whether its rule holds. Rules in words are left out, and in large graphs those that no one will show."""
    followed = {step.edge for path in paths for step in path.steps}
    seen: Counter[str] = Counter()
    found: dict[str, bool] = {}
    for node in reversed(run.walk):
        record = run.records[node.sequence_nr]
        if record.formula is None:
            continue
        seen[record.op] += 1
        wanted = len(run.walk) <= ALL_UP_TO or seen[record.op] <= OF_A_KIND
        if not wanted and not any(operand.edge in followed for operand in record.inputs):
            continue
        if cost(node) > MOST_WORK:
            continue
        trees = {rule.slot: rule.tree for rule in record.formula.vjp}
        values: Mapping[str, Any] | None = None
        for slot, _ in run.places[node.sequence_nr]:
            operand = run.operands[node.sequence_nr, slot]
            share = run.shares.get((node.sequence_nr, slot))
            if operand.edge is None or share is None or operand.slot not in trees:
                continue
            if not wanted and operand.edge not in followed:
                continue
            tree = trees[operand.slot]
            if isinstance(tree, list | tuple) and tree[0] == "say":
                continue
            values = _values(run, node) if values is None else values
            try:
                found[operand.edge] = agrees(evaluate(tree, values, op_functions()), share)
            except FormulaError:  # a part of it is in words
                found[operand.edge] = False
    return found


def _values(run: RecordedRun, node: Node) -> dict[str, Any]:
    """What stands for each name in the formulas of a node."""
    values = dict(zip(node.op.parameters(len(node.arrays)), node.arrays, strict=True))
    gradients = [run.gradients.get((node.sequence_nr, k)) for k in range(len(results(node)))]
    if not node.op.multi_output:
        return values | {"out": node.out, "g": gradients[0]}
    values |= {f"out[{k}]": out for k, out in enumerate(node.out)}
    return values | {f"g[{k}]": g for k, g in enumerate(gradients) if g is not None}
