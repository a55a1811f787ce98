"""`show`: everything about one op or leaf."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import grad_engine as ge
from grad_engine.cli.details import details
from grad_engine.record import ExplainRecord, save_graph
from grad_engine.record.index import index_of
from tests.cli.commands import run, said, strict
from tests.programs import example
from tests.records import Program, everything, fan, square


def test_show(exported: Path) -> None:
    done = run("show", "n", folder=exported)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "AddBackward #3\n"
        "  id        n3\n"
        "  op        add, arithmetic\n"
        "  step      2 of 5\n"
        "  formula   x + y  here #2 + b\n"
        "  reads\n"
        "    x: AddBackward #2  scalar float64  −6\n"
        "    y: b               scalar float64  6.881\n"
        "  computes\n"
        "    n  scalar float64  0.8814\n"
        "  gradient\n"
        "    scalar float64  0.5\n"
        "  it arrived\n"
        "    from TanhBackward #4: g · (1 − out²)  scalar float64  0.5\n"
        "  it sends\n"
        "    to AddBackward #2: g  scalar float64  0.5\n"
        "    to b: g               scalar float64  0.5\n"
    )


def test_show_as_json_holds_every_field_of_the_node(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = everything()
    for node in record.nodes:
        status, out, _ = said(capsys, "show", node.id, "all.json", "--json")
        (found,) = strict(out)
        assert status == 0
        assert found["part"]["id"] == node.id and found["part"]["source"] == (
            None
            if node.source is None
            else {"file": node.source.file, "line": node.source.line, "code": node.source.code}
        )
        assert {each["tensor"] for each in found["part"]["inputs"]} <= found["tensors"].keys()
        assert [share["slot"] for share in found["shares"]] == [
            each.slot for each in node.inputs if each.edge is not None
        ]


def test_show_tells_source_scope_arguments_and_nan(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = everything()
    for node in record.nodes:
        _, out, _ = said(capsys, "show", node.id, "all.json", "--full")
        assert node.scope in out
        assert node.source is None or f"{node.source.file}:{node.source.line}" in out
        assert all(f"{key}=" in out for key in node.attributes or ())
        assert all(len(line) <= 100 for line in out.splitlines())
    assert "NaN" in said(capsys, "show", "z", "all.json")[1]


def test_show_of_a_leaf_lists_the_shares_it_is_the_sum_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(save_graph(fan(100), tmp_path / "fan.json"))
    _, out, _ = said(capsys, "show", "x", path)
    assert "it is the sum of" in out and "(1/100)" in out and "… 60 more" in out
    assert said(capsys, "show", "x", path, "--full")[1].count("    from ") == 100


def test_show_of_the_nudged_leaf_multiplies_its_paths(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(save_graph(example("blog"), tmp_path / "blog.json"))
    text = said(capsys, "show", "x2", path)[1]
    assert "x2 + 0.001 moves L, the sum of z, by 0.007: 7.001 times; its gradient is 7" in text
    assert "1 · 1 · 4 = 4 along z[1], x5, #3 to x2" in text
    assert "4 + 3 = 7, the gradient of x2" in text
    assert "explained" not in said(capsys, "show", "x1", path)[1]


def test_show_before_backward(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(save_graph(replace(square(), runs=()), tmp_path / "square.json"))
    for part in ("y", "x"):
        assert "backward has not run" in said(capsys, "show", part, path)[1]


def test_show_of_a_number_prefers_a_tensor_of_that_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = Program()
    path = str(save_graph(program.record(program.op("neg", program.leaf(1.0, "0"))), tmp_path / "odd.json"))
    assert said(capsys, "show", "0", path)[1].startswith("0\n")
    assert said(capsys, "show", "#0", path)[1].startswith("NegBackward #0\n")


def test_statistics_of_small_tensors_are_worked_out() -> None:
    program = Program((2, 2))
    record = program.record(program.op("neg", program.leaf(-3.0, "x")))
    found = details(index_of(record), "a0")
    stats = found.statistics[record.accumulators[0].leaf]
    assert (stats.min, stats.max, stats.mean, stats.norm) == (-3.0, -3.0, -3.0, 6.0)


def layered(tmp_path: Path) -> str:
    program = Program((2,))
    x = program.leaf(0.5, "x")
    w = program.leaf(2.0, "h.0.weight")
    out = program.op("neg", program.op("tanh", program.op("mul", x, w)))
    record = program.record(out)
    scopes = ["h.0.lin", "h.0", ""]
    nodes = tuple(replace(node, scope=scope) for node, scope in zip(record.nodes, scopes, strict=True))
    return str(save_graph(replace(record, nodes=nodes), tmp_path / "layered.json"))


def test_show_of_a_module(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = layered(tmp_path)
    status, out, err = said(capsys, "show", "h.0", path)
    assert (status, err) == (0, "")
    assert out.startswith("h.0\n  module    2 ops: Mul Tanh\n  holds     h.0.lin\n")
    assert "weight" in out and "grad/value" in out
    (found,) = strict(said(capsys, "show", "h.0", path, "--json")[1])
    assert (found["path"], found["calls"], found["modules"]) == ("h.0", 1, ["h.0.lin"])
    assert len(found["ops"]) == 2 and len(found["reads"]) == 0 and len(found["parameters"]) == 2
    assert said(capsys, "show", "h.0.weight", path)[1].startswith("h.0.weight\n")


def test_a_rule_that_does_not_give_the_share_is_told_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = square()
    edge = record.nodes[0].inputs[0].edge
    node = replace(record.nodes[0], sentence="x times x, in words that are true")
    explained = replace(
        record,
        nodes=(node, *record.nodes[1:]),
        explain=ExplainRecord(holds={each.id: each.id != edge for each in record.edges}),
    )
    path = str(save_graph(explained, tmp_path / "explained.json"))
    out = said(capsys, "show", "n0", path)[1]
    lines = [line for line in out.splitlines() if line.strip().startswith("to x")]
    assert "in words" in lines[0] and "in words" not in lines[1] and " · " in lines[1]


def test_a_module_of_one_step_names_it_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    w = ge.tensor([1.0, 2.0], requires_grad=True)
    with ge.scope("one"):
        square = w * w
    with ge.scope("two"):
        loss = (square * 2.0).sum()
    loss.backward(retain_graph=True)
    path = str(ge.export_graph(loss, tmp_path / "a.json"))
    assert "\n  step      3 of 3\n" in said(capsys, "show", "one", path)[1]
    assert "\n  steps     1 to 2 of 3\n" in said(capsys, "show", "two", path)[1]


@pytest.mark.parametrize("words", ["n all.json --json", "n --json all.json", "--json n all.json"])
def test_the_record_may_stand_behind_an_option(words: str, exported: Path) -> None:
    assert (
        run("show", *words.split(), folder=exported).stdout
        == run("show", "n", "all.json", "--json", folder=exported).stdout
    )


def test_a_word_too_many_is_still_refused(exported: Path) -> None:
    done = run("show", "n", "--json", "all.json", "more", folder=exported)
    assert done.returncode == 2 and "more" in done.stderr and done.stderr.count("\n") == 1


def test_a_record_named_before_the_part_is_told_the_order(exported: Path) -> None:
    record = next(path.name for path in (exported / "output").glob("*.json"))
    turned = run("show", f"output/{record}", "#3", folder=exported)
    assert turned.returncode != 0 and "the name comes first" in turned.stderr
    assert f"show '#3' output/{record}" in turned.stderr
    missing = run("show", "#3", "no.json", folder=exported)
    assert "there is no such file" in missing.stderr and "comes first" not in missing.stderr
