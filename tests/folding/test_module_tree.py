"""Closed modules as boxes: which open, what is equal, and that a graph stays a graph."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grad_engine.errors import GraphError
from grad_engine.folding import by_module, hierarchy, module_view, modules
from grad_engine.record import DataRecord, GraphRecord
from grad_engine.record.index import index_of
from tests.programs import example
from tests.records import Program, chain, dense


def scoped(record: GraphRecord, scopes: list[str], calls: list[int] | None = None) -> GraphRecord:
    """The record with a scope, and the number of a call, for each of its ops."""
    numbers = calls or [0] * len(scopes)
    nodes = zip(record.nodes, scopes, numbers, strict=True)
    return replace(record, nodes=tuple(replace(node, scope=scope, call=call) for node, scope, call in nodes))


def layers(count: int, ops: int = 4) -> GraphRecord:
    """A network of equal layers h.0, h.1, ..., each of some ops in two modules, between an op before and one after."""
    program = Program((2, 2))
    x = program.leaf(0.5, "x")
    value, scopes = program.op("neg", x), [""]
    for layer in range(count):
        w = program.leaf(0.9, f"h.{layer}.weight")
        value = program.op("mul", value, w)
        for _ in range(ops - 1):
            value = program.op("tanh", value)
        scopes += [f"h.{layer}.lin"] * 2 + [f"h.{layer}.act"] * (ops - 2)
    return scoped(program.record(program.op("neg", value, name="out")), [*scopes, ""])


def reads_forward(record: GraphRecord) -> bool:
    """Whether each op reads only what ops before it made."""
    made: set[str] = set()
    index = index_of(record)
    for node in record.nodes:
        if any(operand.tensor in index.makers and operand.tensor not in made for operand in node.inputs):
            return False
        made.update(node.outputs)
    return True


def test_modules_are_a_tree_of_calls() -> None:
    record = scoped(chain(6), ["a.x", "a.x", "a.y", "", "a.x", "b"], [0, 0, 0, 0, 1, 0])
    whole = modules(record)
    assert [(module.path, len(module.ops)) for module in whole.inner] == [("a", 3), ("a", 1), ("b", 1)]
    assert [module.path for module in whole.inner[0].inner] == ["a.x", "a.y"]
    assert [node.id for node in whole.own] == ["n3"]


def test_equal_layers_are_one_box_with_a_count() -> None:
    record = layers(12)
    shown, folds = by_module(record, 24)
    (fold,) = folds.values()
    assert (fold.label, fold.times, len(fold.ops), fold.leaves) == ("h.0 … h.11", 12, 48, 12)
    assert [node.op for node in shown.nodes if node.id not in folds] == ["neg", "neg"]


def test_a_layer_that_differs_stands_for_itself() -> None:
    record = layers(8)
    odd = next(node for node in record.nodes if node.scope == "h.3.act")
    nodes = tuple(replace(node, op="sin") if node.id == odd.id else node for node in record.nodes)
    _, folds = by_module(replace(record, nodes=nodes), 5)
    assert [(fold.label, fold.times) for fold in folds.values()] == [("h.0 … h.2", 3), ("h.3", 1), ("h.4 … h.7", 4)]


def test_calls_of_one_module_are_one_box_with_a_count() -> None:
    program = Program()
    value, w = program.leaf(0.1, "h"), program.leaf(0.9, "w")
    scopes, calls = [], []
    for k in range(40):
        value = program.op("tanh", program.op("mul", value, w))
        scopes += ["cell"] * 2
        calls += [k] * 2
    record = program.record(program.op("neg", value))
    _, folds = by_module(scoped(record, [*scopes, ""], [*calls, 0]), 24)
    (told,) = folds.values()
    assert (told.label, told.times, len(told.ops)) == ("cell", 40, 80)
    _, folds = by_module(scoped(record, [*scopes, ""]), 24)  # a record that does not number the calls
    (found,) = folds.values()
    assert (found.label, found.times) == ("cell", 40)


def test_level_and_expand_open_what_they_name() -> None:
    record = layers(12)
    assert [fold.label for fold in by_module(record, 24, level=1)[1].values()] == ["h"]
    assert [fold.label for fold in by_module(record, 24, level=2)[1].values()] == ["h.0 … h.11"]
    third = by_module(record, 24, level=3)[1].values()
    assert [fold.label for fold in third][:3] == ["h.0.lin", "h.0.act", "h.1.lin"] and len(third) == 24
    assert not by_module(record, 24, level=4)[1]  # beyond the deepest: every op
    opened = [fold.label for fold in by_module(record, 24, expand=["h.3"])[1].values()]
    assert opened == ["h.0 … h.2", "h.3.lin", "h.3.act", "h.4 … h.11"]
    with pytest.raises(GraphError, match=r"no module is called 'h\.99': ask for one of 'h', 'h\.0'"):
        by_module(record, 24, expand=["h.99"])


def test_one_call_of_a_cell_opens_and_the_others_stay_one_box() -> None:
    program = Program((2, 2))
    w, value, scopes, calls = program.leaf(0.9, "cell.weight"), program.leaf(0.5, "x"), [], []
    for call in range(40):
        value = program.op("tanh", program.op("mul", value, w))
        scopes += ["cell", "cell"]
        calls += [call, call]
    record = scoped(program.record(program.op("neg", value, name="out")), [*scopes, ""], [*calls, 0])
    shown, folds = by_module(record, 24, expand=["cell"])
    ((id, fold),) = folds.items()
    assert (fold.label, fold.times, len(fold.ops)) == ("cell", 39, 78)
    assert [node.op for node in shown.nodes if node.id != id] == ["mul", "tanh", "neg"]
    weight = next(each.id for each in shown.accumulators if index_of(shown).leaf(each.id).name == "cell.weight")
    assert [edge.receiver for edge in index_of(shown).outgoing(id)].count(weight) == 1  # of 39
    assert reads_forward(shown)


def test_a_long_path_is_named_once_in_the_name_of_equal_layers() -> None:
    record = layers(12)
    deeper = scoped(record, [f"model.{node.scope}" if node.scope else "" for node in record.nodes])
    labels = [fold.label for fold in by_module(deeper, 24, level=3)[1].values()]
    assert labels == ["model.h.0 … h.11"]


def test_the_inside_of_one_module_is_a_view_of_its_own() -> None:
    record = layers(12)
    view = module_view(record, 24, focus="h.3")
    assert {node.scope for node in view.source.nodes} == {"h.3.lin", "h.3.act"}
    assert view.whole is record and "h.3" in view.note
    assert [fold.label for fold in module_view(record, 24, focus="h.3", level=1).folds.values()] == [
        "h.3.lin",
        "h.3.act",
    ]


def test_what_fits_is_not_folded_and_full_folds_nothing() -> None:
    assert not module_view(layers(4), 24).folds
    assert module_view(layers(12), 24).folds
    assert not module_view(layers(12), 24, full=True).folds
    assert module_view(layers(4), 24, level=1).folds


def test_one_module_around_everything_is_opened_over_the_limit() -> None:
    plain = dense(60)
    record = scoped(plain, [f"net.part{k}" for k in range(len(plain.nodes))])
    _, folds = by_module(record, 24)
    assert len(folds) == len(plain.nodes), "they are more than 24 boxes, but one says nothing"


def test_hierarchy_has_parents_first_and_leaves_lists_of_layers_out() -> None:
    record = layers(12)
    groups, home = hierarchy(record)
    met: set[str] = set()
    for group in groups:
        assert group.parent is None or group.parent in met
        met.add(group.id)
    assert groups[0].label == "h.0 … h.11" and groups[0].times == 12
    assert set(home) == {node.id for node in record.nodes if node.scope} and set(home.values()) <= met
    assert not any(group.path == "h" for group in groups)


PATHS = st.sampled_from(
    ["", "a", "a.b", "a.b.c", "a.0", "a.1", "b", "b.x", "..", "a..b", "x" * 50, ".".join("abcdefghijklmnop")]
)


@given(
    st.lists(PATHS, min_size=30, max_size=30), st.lists(st.integers(0, 3), min_size=30, max_size=30), st.integers(0, 5)
)
def test_boxes_hold_every_op_once_and_make_no_cycle(scopes: list[str], calls: list[int], seed: int) -> None:
    plain = dense(30, seed)
    count = len(plain.nodes)
    record = scoped(plain, (scopes * 3)[:count], (calls * 3)[:count])
    for options in ({}, {"level": 1}, {"level": 2}):
        shown, folds = by_module(record, 10, **options)
        assert reads_forward(shown)
        held = [op.id for fold in folds.values() for op in fold.ops] + [n.id for n in shown.nodes if n.id not in folds]
        assert sorted(held) == sorted(node.id for node in record.nodes)
    hierarchy(record)


def test_a_deep_path_of_many_parts_is_read_in_linear_time() -> None:
    record = scoped(chain(50), [".".join("a" * 20_000)] * 50)
    _, folds = by_module(record, 10, level=3)
    assert folds


def test_a_layer_in_which_nan_begins_stands_apart_from_its_equals() -> None:
    record = layers(12)
    from_here = next(node for node in record.nodes if node.scope == "h.5.act")
    spoiled = {output for node in record.nodes[from_here.age :] for output in node.outputs}
    nan = DataRecord((float("nan"),) * 4)
    tensors = tuple(replace(each, data=nan) if each.id in spoiled else each for each in record.tensors)
    labels = [fold.label for fold in by_module(replace(record, tensors=tensors), 24, level=2)[1].values()]
    assert labels == ["h.0 … h.4", "h.5", "h.6 … h.11"]


def test_a_path_that_is_no_module_is_refused_whatever_the_size() -> None:
    with pytest.raises(GraphError, match=r"no module is called 'h\.3': the record has none"):
        module_view(example("small"), 24, expand=["h.3"])
    with pytest.raises(GraphError, match="the record has none"):
        module_view(example("small"), 24, full=True, expand=["h.3"])


def flat(pairs: int, *, before: int = 0) -> GraphRecord:
    """A list of modules deep.0, deep.1, ...: in turn a product with a weight and a tanh; before it some more pairs."""
    program = Program((2, 2))
    value, scopes = program.leaf(0.5, "x"), []
    for pair in range(before + pairs):
        value = program.op("tanh", program.op("mul", value, program.leaf(0.9, f"w{pair}")))
        scopes += [f"enc{pair}", f"enc{pair}.act"] if pair < before else [f"deep.{2 * pair}", f"deep.{2 * pair + 1}"]
    return scoped(program.record(program.op("neg", value, name="out")), [*scopes, ""])


@pytest.mark.parametrize("before", [0, 1, 4])
@pytest.mark.parametrize("most", [24, 30])
def test_a_list_of_modules_in_turn_is_one_box_that_counts_its_own_rounds(most: int, before: int) -> None:
    record = flat(20, before=before)
    view = module_view(record, most)
    found = {fold.label: fold.times for fold in view.folds.values()}
    assert found["deep"] == 20, found
    assert not [label for label in found if label.startswith("deep.")]
    opened = module_view(record, most, expand=["deep"])
    assert sum(fold.label.startswith("deep.") for fold in opened.folds.values()) == 40
