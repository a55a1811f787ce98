"""`diff`: what changed from one record to another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from grad_engine.cli.difference import difference
from grad_engine.cli.main import main
from grad_engine.record import DataRecord, GraphRecord, StatsRecord, TensorRecord, save_graph
from tests.cli.commands import reweighed, run, said, strict
from tests.records import Program, chain, dense, square


def test_diff(exported: Path) -> None:
    done = run("diff", str(Path("output", "graph_acyclic.json")), "moved.json", folder=exported)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[-1] == (
        "0 added, 0 gone, 0 rewired, 1 gradient and 0 values moved; 10 ops and leaves are in both"
    )
    same = run("diff", "all.json", "-", folder=exported, stdin=(exported / "all.json").read_bytes())
    assert (same.returncode, same.stdout, same.stderr) == (0, "no difference in 5 ops and leaves\n", "")


def test_an_op_more_leaves_the_others_where_they_are() -> None:
    def program(extra: bool) -> GraphRecord:
        code = Program()
        x, w = code.leaf(0.5, "x"), code.leaf(2.0, "w")
        value = code.op("mul", x, w, name="h")
        value = code.op("tanh", value) if extra else value
        return code.record(code.op("add", value, x, name="z"))

    found = difference(program(False), program(True))
    assert (found.added, found.gone) == (("n1",), ())
    assert found.rewired == (("n1", "n2"),)
    assert found.compared == 4
    back = difference(program(True), program(False))
    assert (back.added, back.gone) == ((), ("n1",))
    assert {(change.kind, change.name) for change in found.moved} == {
        ("value", "z"), ("gradient", "h"), ("gradient", "x"), ("gradient", "w"),
    }  # fmt: skip


def test_how_far_a_gradient_moved() -> None:
    record = square()
    after = record.runs[-1].leaves[0].after
    (change,) = difference(record, reweighed(record, after, 6.75)).moved
    assert (change.kind, change.before, change.after, change.name) == ("gradient", "a0", "a0", "x")
    assert change.norms == (6.0, 6.75) and change.largest == 0.75
    assert change.relative == pytest.approx(0.75 / 6.75)
    assert difference(record, reweighed(record, after, 6.75), tolerance=0.12).nothing


def test_a_nan_that_appears_weighs_most_and_one_that_stays_nothing() -> None:
    record = square()
    broken = reweighed(record, record.runs[-1].leaves[0].after, float("nan"))
    (change,) = difference(record, broken).moved
    assert change.nonfinite == (0, 1) and change.relative == float("inf")
    assert difference(broken, broken).nothing


def test_other_shapes_names_and_arguments_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small, large = (Program(shape) for shape in ((2,), (3,)))
    records = [each.record(each.op("neg", each.leaf(1.0, "x"))) for each in (small, large)]
    found = difference(*records)
    assert not found.added and not found.gone
    assert {change.shapes for change in found.moved} == {((2,), (3,))}
    node = records[0].nodes[0]
    turned = replace(records[0], nodes=(replace(node, attributes={"axis": 1}),))
    assert difference(records[0], turned).rewired == (("n0", "n0"),)
    silent = replace(records[0], nodes=(replace(node, attributes={"axis": None, "keepdims": False}),))
    assert difference(records[0], silent).nothing
    first = replace(records[0], nodes=(replace(node, attributes={"axis": 0}),))
    paths = [save_graph(each, tmp_path / f"{k}.json") for k, each in enumerate((silent, first, turned))]
    for before, after, words in ((0, 1, "axis None → 0"), (1, 2, "axis 0 → 1"), (1, 0, "axis 0 → None")):
        main(["diff", str(paths[before]), str(paths[after])])
        assert f"~ NegBackward #0  takes {words}" in capsys.readouterr().out


def test_before_and_after_backward() -> None:
    record = square()
    found = difference(replace(record, runs=()), record)
    assert {change.kind for change in found.moved} == {"gradient"}
    assert {change.shapes for change in found.moved} == {(None, ())}


def test_leaves_are_matched_by_name() -> None:
    def program(*names: str) -> GraphRecord:
        code = Program()
        leaves = {name: code.leaf(float(len(name)), name) for name in names}
        return code.record(code.op("mul", leaves["a"], leaves["bb"]))

    swapped = difference(program("a", "bb"), program("bb", "a"))
    assert not swapped.added and not swapped.gone and not swapped.moved and not swapped.rewired
    renamed = difference(program("a", "bb"), replace_name(program("a", "bb"), "bb", "c"))
    assert (renamed.added, renamed.gone) == (("a1",), ("a1",))


def replace_name(record: GraphRecord, old: str, new: str) -> GraphRecord:
    tensors = (replace(tensor, name=new) if tensor.name == old else tensor for tensor in record.tensors)
    return replace(record, tensors=tuple(tensors))


def test_large_tensors_are_compared_by_what_is_recorded() -> None:
    def record(norm: float, largest: float) -> GraphRecord:
        stats = StatsRecord(-1.0, largest, 0.0, 1.0, norm, largest, 0, 0, 0, 0, None, None)
        plain = square()
        leaf = plain.accumulators[0].leaf
        changed = TensorRecord(leaf, "value", (1000,), "float64", "x", "given", True, True, DataRecord(), stats)
        return replace(plain, tensors=tuple(changed if t.id == leaf else t for t in plain.tensors))

    assert difference(record(10.0, 2.0), record(10.0, 2.0)).nothing
    (change,) = difference(record(10.0, 2.0), record(10.5, 2.5)).moved
    assert change.largest == 0.5 and change.relative == pytest.approx(0.2)


def test_thousands_of_ops_are_matched_in_no_time() -> None:
    found = difference(chain(2000), chain(2003))
    assert len(found.added) == 3 and found.gone == ()
    other = difference(dense(1000), dense(1000, seed=1))
    assert other.compared > 800


def test_diff_as_json(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = said(capsys, "diff", "moved.json", "--json")
    found = strict(out)
    assert status == 1
    assert [change["kind"] for change in found["moved"]] == ["gradient"] and found["added"] == []
    save_graph(square(), inside / "square.json")
    status, out, _ = said(capsys, "diff", "square.json", "--json")
    assert status == 1 and strict(out)["gone"]


def test_diff_lists_what_moved_most_first_and_says_how_much_it_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = (str(save_graph(chain(n), tmp_path / f"{n}.json")) for n in (60, 61))
    status, out, _ = said(capsys, "diff", one, two)
    assert status == 1 and "+ NegBackward #60" in out and "more moved (--full lists them)" in out
    assert len(said(capsys, "diff", one, two, "--full")[1].splitlines()) > len(out.splitlines())
    assert said(capsys, "diff", one, two, "--tolerance", "1e9")[1].startswith("+ NegBackward #60\n1 added")


def test_a_record_equals_itself_where_an_argument_is_nan() -> None:
    record = square()
    nan = float("nan")
    for value in (nan, [1.0, nan], {"a": [nan]}):
        node = replace(record.nodes[0], attributes={"fill": value})
        odd = replace(record, nodes=(node, *record.nodes[1:]))
        again = replace(record, nodes=(replace(node, attributes={"fill": float("nan") if value is nan else value}),
                                       *record.nodes[1:]))  # fmt: skip
        assert difference(odd, again).nothing
        assert difference(odd, record).rewired


def test_many_changes_are_summed_up_by_module(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def record(start: float) -> GraphRecord:
        code = Program((2,))
        value = code.leaf(start, "x")
        for _ in range(30):
            value = code.op("tanh", value)
        plain = code.record(value)
        nodes = (replace(node, scope=f"h.{k // 10}.act") for k, node in enumerate(plain.nodes))
        return replace(plain, nodes=tuple(nodes))

    one, two = (str(save_graph(record(start), tmp_path / f"{start}.json")) for start in (0.5, 0.6))
    status, out, _ = said(capsys, "diff", one, two)
    lines = out.splitlines()
    block = {line.split("  ")[1]: line for line in lines[lines.index("by module") + 1 : -3]}
    assert status == 1 and set(block) == {"(no module)", "h.0", "h.1", "h.2"}
    assert "in percent of the largest entry" in lines[-2]
    assert "10 gradients, 10 values" in block["h.1"] and "%)" in block["h.1"]
