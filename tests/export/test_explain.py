"""What explains a gradient: a nudge and what it did, paths, curves, matrix products, one step."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.chain_rule import newest_first
from grad_engine.core.defaults import generator_of
from grad_engine.core.op import OPS
from grad_engine.core.versions import WRITES
from grad_engine.errors import ArgumentError
from grad_engine.export.from_tensor import record_graph
from grad_engine.record import GraphRecord, RecordIndex, from_json, index_of, to_json
from grad_engine.record.parts import ExplainRecord
from tests.samples import as_function, cases, one_output


def leaf(values: Any, name: str | None = None) -> Any:
    return ge.tensor(np.asarray(values, dtype=float), requires_grad=True, name=name)


def explained(root: Any, **options: Any) -> tuple[GraphRecord, ExplainRecord]:
    """The record of the last run from a root, after a trip through JSON, and what explains it."""
    record = from_json(to_json(record_graph(root, names={}, **options)))
    assert record.explain is not None
    return record, record.explain


def blog() -> Any:
    x1, x2, x3 = leaf(1.0, "x1"), leaf(2.0, "x2"), leaf(3.0, "x3")
    return ge.stack([x1**2 + x2 * x3, x1 + x2**2])


def mlp() -> Any:
    rng = np.random.default_rng(0)
    x, y = ge.tensor(rng.normal(size=(4, 3))), ge.tensor(rng.normal(size=(4, 2)))
    shapes = {"W1": (3, 5), "b1": (5,), "W2": (5, 2), "b2": (2,)}
    p = {name: leaf(rng.normal(size=shape), name) for name, shape in shapes.items()}
    return ge.mean((ge.relu(x @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"] - y) ** 2)


def recurrent() -> Any:
    rng = np.random.default_rng(1)
    w, u, h = leaf(rng.normal(size=(3, 4)), "w"), leaf(rng.normal(size=(4, 4)) / 3, "u"), ge.zeros((2, 4))
    for _ in range(5):
        h = ge.tanh(ge.tensor(rng.normal(size=(2, 3))) @ w + h @ u)
    return (h * h).sum()


def attention() -> Any:
    rng = np.random.default_rng(2)
    x, q, k = ge.tensor(rng.normal(size=(2, 3, 4))), leaf(rng.normal(size=(4, 4)), "q"), leaf(rng.normal(size=(4, 4)))
    return (ge.softmax((x @ q) @ (x @ k).mT, axis=-1) @ x).sum()


def outputs() -> Any:
    first, second = ge.unbind(leaf([[1.0, 2.0], [3.0, 4.0]], "x"))
    q, r = ge.qr(leaf([[2.0, 1.0], [0.5, 3.0]], "m"))
    return (first * second).sum() + (q * r).sum()


def nan() -> Any:
    x, w = leaf([1.0, -4.0, 9.0], "x"), leaf([2.0, 3.0, 4.0], "w")
    with np.errstate(invalid="ignore"):
        return ge.sqrt(x) * w


PROGRAMS: Mapping[str, Callable[[], Any]] = {
    "blog": blog, "mlp": mlp, "recurrent": recurrent, "attention": attention, "outputs": outputs, "nan": nan,
}  # fmt: skip


def run(name: str, seed: int = 3) -> Any:
    root = PROGRAMS[name]()
    weights = np.random.default_rng(seed).uniform(0.5, 1.5, root.shape)
    root.backward(weights, retain_graph=True)
    return root


def arrays_of(root: Any) -> list[bytes]:
    """The bits of all that a graph holds."""
    found: list[bytes] = []
    for node in newest_first([root.node]):
        held = [*node.arrays, *(node.out if node.op.multi_output else (node.out,)), *node.rest]
        found += [array.tobytes() for array in held if isinstance(array, np.ndarray)]
    return found


def share_of(index: RecordIndex, edge: str, entry: tuple[int, ...]) -> float:
    data = index.tensors[index.shares[edge]].data
    assert data is not None and data.values is not None
    return float(np.array(data.values).reshape(index.tensors[index.shares[edge]].shape)[entry])


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_measured_ratio_is_the_gradient(name: str) -> None:
    record, found = explained(run(name))
    probe = found.probe
    assert probe is not None and probe.agrees and found.reason == ""
    assert probe.ratio == pytest.approx(probe.gradient, rel=0.02)
    assert probe.root_change == pytest.approx(probe.ratio * probe.delta, rel=1e-3)
    index = index_of(record)
    shares = [edge.id for edge in index.incoming[probe.accumulator]]
    assert sum(share_of(index, edge, probe.index) for edge in shares) == pytest.approx(probe.gradient)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_path_leads_from_the_root_to_the_followed_entry_and_multiplies_its_slopes(name: str) -> None:
    record, found = explained(run(name))
    index = index_of(record)
    assert found.probe is not None and found.paths
    (root,) = record.roots
    seed = index.tensors[record.runs[-1].seed].data
    assert seed is not None and seed.values is not None
    seeds = np.array(seed.values).reshape(index.tensors[root.tensor].shape)
    for path in found.paths:
        first, last = path.steps[0], path.steps[-1]
        assert index.edges[first.edge].sender == root.node
        assert (index.edges[last.edge].receiver, last.to) == (found.probe.accumulator, found.probe.index)
        product = float(seeds[first.of])
        for step in path.steps:
            product *= step.slope
            assert step.product == pytest.approx(product)
        for before, after in zip(path.steps, path.steps[1:], strict=False):
            assert index.edges[before.edge].receiver == index.edges[after.edge].sender
            assert before.to == after.of
    arrived = [path.steps[-1].edge for path in found.paths]
    assert arrived == [edge for edge in index.arrivals[found.probe.accumulator] if edge in arrived]


def test_in_a_graph_of_numbers_the_paths_make_up_the_whole_gradient() -> None:
    _, found = explained(run("blog"), explain="x2")
    assert found.probe is not None
    assert sum(path.steps[-1].product for path in found.paths) == pytest.approx(found.probe.gradient)
    root = blog()
    root.backward(np.ones(2), retain_graph=True)
    _, found = explained(root)
    assert found.probe is not None and (found.probe.delta, found.probe.gradient) == (0.001, 7.0)
    assert found.probe.ratio == pytest.approx(7.001)
    assert [path.steps[-1].product for path in found.paths] == [4.0, 3.0]
    assert [change.change for change in found.probe.changes][-1] == pytest.approx(0.004001)


@pytest.mark.parametrize("name", PROGRAMS)
def test_nothing_of_the_program_changes(name: str) -> None:
    root = run(name)
    held, random, latest = arrays_of(root), pickle.dumps(np.random.get_state()), WRITES.latest  # noqa: NPY002
    record_graph(root, names={})
    assert arrays_of(root) == held
    assert pickle.dumps(np.random.get_state()) == random  # noqa: NPY002  # the state of all who do not bring their own
    assert WRITES.latest == latest


def test_random_numbers_are_drawn_as_if_nothing_had_been_run_again() -> None:
    own = np.random.default_rng(4)
    root = (ge.dropout(leaf(np.ones(40), "x"), 0.5) + ge.dropout(leaf(np.ones(40), "y"), 0.5, seed=own)).sum()
    root.backward(retain_graph=True)
    states = [generator.bit_generator.state for generator in (generator_of(), own)]
    _, found = explained(root)
    assert found.probe is None and "other numbers" in found.reason
    assert [generator.bit_generator.state for generator in (generator_of(), own)] == states


@pytest.mark.parametrize("name", PROGRAMS)
def test_two_exports_say_the_same(name: str) -> None:
    root = run(name)
    assert to_json(record_graph(root, names={})) == to_json(record_graph(root, names={}))


@pytest.mark.parametrize("op", [op for op in OPS.values() if op.differentiable and op.public], ids=lambda op: op.name)
def test_every_op_can_be_explained_and_stays_as_it_was(op: Any) -> None:
    """The nudge agrees, or the record says why there is none; nothing changes."""
    for each in cases(op):
        f, free = as_function(op, each)
        leaves = [leaf(value, f"x{k}") for k, value in enumerate(free)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            out = one_output(f)(*leaves)
        if out.node is None or out.is_leaf or not out.size:
            continue
        root = out.sum() if out.ndim else out * 1.0
        root.backward(retain_graph=True)
        before = arrays_of(root)
        record, found = explained(root)
        assert arrays_of(root) == before, op.name
        if found.probe is not None and found.probe.agrees:
            assert found.probe.ratio == pytest.approx(found.probe.gradient, rel=0.02), op.name
        else:
            zero = all(not np.any(leaf.grad.array) for leaf in leaves if leaf.grad is not None)
            assert found.reason or found.probe is not None or zero, op.name
        for path in found.paths:
            last = path.steps[-1]
            if len(found.paths) == 1 and root.node.arrays and all(step.of == step.to for step in path.steps):
                assert last.product == pytest.approx(share_of(index_of(record), last.edge, last.to), abs=1e-9)


def test_most_ops_of_the_table_have_a_nudge_that_agrees() -> None:
    agreed = 0
    ops = [op for op in OPS.values() if op.differentiable and op.public]
    for op in ops:
        for each in cases(op)[:1]:
            f, free = as_function(op, each)
            leaves = [leaf(value) for value in free]
            out = one_output(f)(*leaves)
            if out.node is not None and not out.is_leaf and out.size:
                weights = ge.tensor(np.linspace(0.5, 1.5, out.size).reshape(out.shape))
                root = (out * weights).sum()
                root.backward(retain_graph=True)
                found = record_graph(root, names={}).explain
                agreed += found is not None and found.probe is not None and found.probe.agrees
    assert agreed > 0.85 * len(ops), f"{agreed} of {len(ops)}"


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_spot_is_the_entry_of_the_share_that_was_sent(name: str) -> None:
    record, found = explained(run(name))
    index = index_of(record)
    for spot in found.spots:
        assert spot.total == pytest.approx(share_of(index, spot.edge, spot.index))
        assert sum(float(np.prod(term)) for term in spot.terms) + spot.rest == pytest.approx(spot.total)
        assert len(spot.terms) <= 6
    assert bool(found.spots) == (name in ("mlp", "recurrent", "attention"))


def test_a_curve_goes_through_what_its_op_made() -> None:
    x = leaf([0.5, -1.0, 2.0], "x")
    root = (ge.tanh(x) + x**2 + ge.exp(3 - x) + ge.softmax(x) + ge.cumsum(x)).sum()
    root.backward(retain_graph=True)
    _, found = explained(root)
    assert [curve.op for curve in found.curves] == [
        "tanh",
        "pow",
        "exp",
    ]  # neither a line, nor ops over several numbers
    functions = {"tanh": np.tanh, "pow": np.square, "exp": np.exp}
    for curve in found.curves:
        places = np.linspace(*curve.x, len(curve.y))
        assert np.allclose(np.array(curve.y, dtype=float), functions[curve.op](places))
        assert len(curve.y) == 33
    with np.errstate(invalid="ignore"):
        root = ge.ln(leaf([1.0, 2.0])).sum()
    root.backward(retain_graph=True)
    (curve,) = explained(root)[1].curves
    assert None in curve.y and curve.y[-1] is not None  # no value below zero


@pytest.mark.parametrize("name", ["blog", "mlp", "recurrent"])
def test_one_step_lowers_the_result_by_about_what_the_slopes_promise(name: str) -> None:
    _, found = explained(run(name))
    step = found.step
    assert step is not None and step.after < step.before
    assert step.predicted < step.before
    assert step.after - step.before == pytest.approx(step.predicted - step.before, rel=0.6)


@pytest.mark.parametrize("name", PROGRAMS)
def test_rules_that_hold_are_told_from_those_that_do_not(name: str) -> None:
    record, found = explained(run(name))
    index = index_of(record)
    assert found.holds and set(found.holds) <= set(index.shares)
    assert all(holds or index.edges[edge].sender for edge, holds in found.holds.items())
    assert sum(found.holds.values()) >= 0.8 * len(found.holds)


def test_a_rule_does_not_hold_where_a_hook_changed_the_share() -> None:
    x = leaf([1.0, 2.0], "x")
    h = ge.exp(x)
    root = (h * 3.0).sum()
    root.backward(retain_graph=True)
    assert all((explained(root)[1].holds or {}).values())
    tied = ge.maximum(leaf([1.0, 2.0], "a"), leaf([1.0, 0.0], "b")).sum()
    tied.backward(retain_graph=True)
    assert explained(tied)[1].holds is not None


def test_at_a_kink_both_slopes_are_told() -> None:
    x = leaf(0.0, "x")
    ge.relu(x).backward(retain_graph=True)
    root = ge.relu(x)
    root.backward(retain_graph=True)
    _, found = explained(root)
    assert found.probe is not None and not found.probe.agrees
    assert (found.probe.below, found.probe.above, found.probe.gradient) == (0.0, 1.0, 0.0)


def test_a_larger_entry_that_nan_hides_is_named() -> None:
    _, found = explained(run("nan"))
    assert found.probe is not None and np.isfinite(found.probe.gradient)
    assert all("not finite" in skipped.reason for skipped in found.probe.skipped)


def dropped() -> Any:
    return ge.dropout(leaf(np.ones((3, 4)), "x"), 0.5).sum()


def own_function() -> Any:
    class Twice(ge.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return 2 * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return 2 * g

    return Twice.apply(leaf([1.0, 2.0], "x")).sum()


@pytest.mark.parametrize(
    ("made", "reason"),
    [(dropped, "dropout gave other numbers when it was run again"), (own_function, "is not an op of the table")],
)
def test_what_cannot_be_run_again_has_no_nudge_and_says_why(made: Callable[[], Any], reason: str) -> None:
    root = made()
    root.backward(retain_graph=True)
    _, found = explained(root)
    assert found.probe is None and found.step is None
    assert reason in found.reason


def test_values_that_an_optimiser_changed_since_are_not_told_of() -> None:
    x = leaf([1.0, 2.0], "x")
    root = (x * x).sum()
    root.backward(retain_graph=True)
    with ge.no_grad():
        x -= 0.5
    _, found = explained(root)
    assert found.probe is None and found.paths == () and "changed in place since" in found.reason


def test_a_gradient_that_a_hook_changed_does_not_agree() -> None:
    x = leaf([1.0, 2.0], "x")
    h = x * x
    h.register_hook(lambda g: 10 * g)
    root = h.sum()
    root.backward(retain_graph=True)
    _, found = explained(root)
    assert found.probe is None and found.reason == "no entry that was tried changes the result as its gradient says"


def test_what_is_followed_is_this_run_and_never_what_grad_held_before() -> None:
    x = leaf([3.0], "x")
    root = (x * x).sum()
    for _ in range(3):
        root.backward(retain_graph=True)
    _, found = explained(root)
    assert x.grad.array.tolist() == [18.0]
    assert found.probe is not None and found.probe.gradient == 6.0


def test_the_entry_can_be_chosen_and_must_be_there() -> None:
    root = run("mlp")
    record, found = explained(root, explain="W2[3,1]")
    assert found.probe is not None and found.probe.index == (3, 1)
    assert index_of(record).leaf(found.probe.accumulator).name == "W2"
    for wrong, said in (("W9", "leaves are W1, "), ("W2", "gives? an index for each axis"), ("W2[5,0]", "no entry")):
        with pytest.raises(ArgumentError, match=said.replace("gives?", "give")):
            record_graph(root, names={}, explain=wrong)
    with pytest.raises(ArgumentError, match="True, False or an entry"):
        record_graph(root, names={}, explain=3)  # type: ignore[arg-type]


def test_no_explanation_without_a_run_nor_for_a_large_graph_nor_when_not_asked() -> None:
    assert record_graph(mlp(), names={}).explain is None
    assert record_graph(run("mlp"), names={}, explain=False).explain is None
    x = leaf(1.0, "x")
    y = x
    for _ in range(1001):
        y = y * 1.0
    y.backward(retain_graph=True)
    assert record_graph(y, names={}).explain is None


def test_large_arrays_are_not_run_again() -> None:
    w = ge.tensor(np.eye(300), requires_grad=True, name="w")
    root = (w @ w).sum()
    root.backward(retain_graph=True)
    _, found = explained(root)
    assert found.probe is None and found.paths == () and "multiplications" in found.reason


def test_float32_is_nudged_by_what_it_can_hold() -> None:
    x = ge.tensor(np.array([1.0, 2.0], np.float32), requires_grad=True, name="x")
    root = (x * x * x).sum()
    root.backward(retain_graph=True)
    _, found = explained(root)
    assert found.probe is not None and found.probe.agrees
