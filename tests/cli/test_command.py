"""The command line over a record: every command as a program of its own, and what it says when it cannot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

import grad_engine as ge
from grad_engine.cli.details import details
from grad_engine.cli.difference import difference
from grad_engine.cli.main import main
from grad_engine.record import DataRecord, GraphRecord, StatsRecord, TensorRecord, save_graph
from grad_engine.record.index import index_of
from tests.records import Program, chain, dense, everything, fan, neuron, square

ROOT = Path(__file__).parents[2]
ESCAPE = "\x1b["


def run(*words: str, folder: Path, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m grad_engine ...` in `folder`, with no terminal around it."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "grad_engine", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **environment},
        input=stdin,
        capture_output=True,
        timeout=60,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def reweighed(record: GraphRecord, tensor: str, *values: float) -> GraphRecord:
    """The record with other numbers in one tensor."""
    changed = tuple(replace(each, data=DataRecord(values)) if each.id == tensor else each for each in record.tensors)
    return replace(record, tensors=changed)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a last export, another record, a changed one and a broken one."""
    folder = tmp_path_factory.mktemp("exported")
    save_graph(neuron(), folder / "output" / "graph_acyclic.json")
    save_graph(everything(), folder / "all.json")
    record = neuron()
    after = record.runs[-1].leaves[0].after
    save_graph(reweighed(record, after, 0.25), folder / "moved.json")
    whole = (folder / "all.json").read_text(encoding="utf-8")
    (folder / "broken.json").write_text(whole.replace('"age":0', '"age":-3', 1), encoding="utf-8")
    (folder / "folder").mkdir()
    return folder


@pytest.fixture
def inside(exported: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, as the current folder of this process."""
    monkeypatch.chdir(exported)
    monkeypatch.setenv("COLUMNS", "100")
    return exported


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """What a command returns and prints, without the cost of a new interpreter."""
    status = main(words)
    out, err = capsys.readouterr()
    return status, out, err


# as programs


def test_tree(exported: Path) -> None:
    done = run("tree", folder=exported)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("## Backward computation graph ##\no = tanh(")
    assert "GradAccum w1" in done.stdout and ESCAPE not in done.stdout


def test_check(exported: Path) -> None:
    done = run("check", folder=exported)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"{Path('output', 'graph_acyclic.json')}: sound: "
        "5 ops, 5 leaves, 0 constants, 9 edges, 20 tensors, 1 backward run\n"
    )


def test_check_of_a_fault(exported: Path) -> None:
    done = run("check", "broken.json", folder=exported)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("broken.json: $.nodes[0].age: expected ")
    assert done.stdout.count("\n") == 1


def test_dot(exported: Path) -> None:
    done = run("dot", folder=exported, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("digraph grad_engine {\n") and "TanhBackward" in done.stdout and "·" in done.stdout


def test_svg(exported: Path) -> None:
    pytest.importorskip("graphlay")
    done = run("svg", "--theme", "light", "--output", "new.svg", folder=exported)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    picture = ElementTree.parse(exported / "new.svg").getroot()
    assert picture.tag.endswith("svg")


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


def test_diff(exported: Path) -> None:
    done = run("diff", str(Path("output", "graph_acyclic.json")), "moved.json", folder=exported)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[-1] == (
        "0 added, 0 gone, 0 rewired, 1 gradient and 0 values moved; 10 ops and leaves are in both"
    )
    same = run("diff", "all.json", "-", folder=exported, stdin=(exported / "all.json").read_bytes())
    assert (same.returncode, same.stdout, same.stderr) == (0, "no difference in 5 ops and leaves\n", "")


def test_help_and_no_command_at_all(exported: Path) -> None:
    done = run("--help", folder=exported)
    assert done.returncode == 0 and done.stderr == ""
    assert all(f"\n    {name} " in done.stdout for name in ("tree", "check", "dot", "svg", "show", "diff"))
    none = run(folder=exported)
    assert (none.returncode, none.stdout) == (2, "") and none.stderr.count("\n") == 1


def test_a_reader_that_stops_early_is_no_error(tmp_path: Path) -> None:
    save_graph(dense(2000), tmp_path / "big.json")
    for words in (["dot", "big.json"], ["tree", "--full", "big.json"]):
        with subprocess.Popen(
            [sys.executable, "-m", "grad_engine", *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None and process.stderr is not None
            process.stdout.read(10)
            process.stdout.close()
            assert process.stderr.read() == b""


def test_an_output_without_box_characters_gets_plain_ones(exported: Path) -> None:
    for words in (["show", "n"], ["diff", "moved.json"]):
        done = run(*words, folder=exported, PYTHONIOENCODING="ascii")
        assert done.returncode in (0, 1) and done.stderr == "" and done.stdout.isascii()


# every other way to ask


@pytest.mark.parametrize("words", [["tree"], ["show", "n"], ["diff", "moved.json"], ["check"]], ids=" ".join)
def test_colour_where_it_is_asked_for_and_never_under_no_color(
    words: list[str], inside: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    plain = said(capsys, *words)[1]
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = said(capsys, *words)[1]
    monkeypatch.setenv("NO_COLOR", "1")
    assert ESCAPE in coloured
    assert ESCAPE not in plain and said(capsys, *words)[1] == plain


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["tree", "none.json"], "none.json: there is no such file"),
        (["check", "none.json"], "none.json: there is no such file"),
        (["dot", "broken.json"], "$.nodes[0].age"),
        (["diff", "all.json", "none.json"], "none.json"),
        (["show", "nobody"], "no op or leaf is called 'nobody': ask for one of x1, w1"),
        (["show", "#99"], "#99"),
        (["tree", "--focus", "nobody"], "nobody"),
        (["tree", "--depth", "-1"], "depth"),
        (["tree", "folder"], "folder"),
        (["dot", "--output", "folder"], "folder"),
        (["dot", "--output", "no/such/folder.dot"], "no/such"),
        (["show", "two\nlines\x1b[31m"], "two"),
    ],
    ids=lambda value: " ".join(map(ascii, value)) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_one_line_and_status_2(
    words: list[str], complaint: str, inside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = said(capsys, *words)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1 and ESCAPE not in err
    assert complaint in err and f" {words[0]}: " in err


@pytest.mark.parametrize(
    "words",
    [["tree", "--bogus"], ["paint"], ["show"], ["diff"], ["tree", "--width", "0"], ["tree", "--depth", "x"],
     ["svg", "--theme", "pink"], ["diff", "a", "b", "--tolerance", "-1"], ["diff", "a", "b", "--tolerance", "nan"],
     ["svg", "--max-items", "none"]],
    ids=" ".join,
)  # fmt: skip
def test_words_that_mean_nothing_are_one_line_and_status_2(
    words: list[str], inside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (2, "")
    assert err.count("\n") == 1 and "--help explains" in err


@pytest.mark.parametrize("command", ["tree", "check", "dot", "svg", "show", "diff"])
def test_every_command_explains_itself_with_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    assert f"examples:\n  grad-engine {command}" in text or f"examples:\n  python -m grad_engine {command}" in text
    assert "graph_acyclic.json" in text


def test_the_options_of_the_tree_are_those_of_print_tree(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = said(capsys, "tree")[1]
    below = said(capsys, "tree", "--focus", "2")[1]
    assert "AddBackward" in below and "TanhBackward" not in below
    assert said(capsys, "tree", "--focus", "#2") == (0, below, "") == said(capsys, "tree", "--focus", "n2")
    assert len(said(capsys, "tree", "--depth", "1")[1].splitlines()) < len(whole.splitlines())
    assert max(map(len, said(capsys, "tree", "--width", "50")[1].splitlines())) <= 50
    assert "folded: --full prints all, --focus '#" in said(capsys, "tree", "--max-lines", "1")[1]
    assert "folded: more --max-lines prints all" in said(capsys, "tree", "--full", "--max-lines", "1")[1]
    save_graph(dense(200), inside / "dense.json")
    short = said(capsys, "tree", "dense.json", "--max-lines", "20")[1]
    assert len(short.splitlines()) <= 20 < len(said(capsys, "tree", "dense.json", "--full")[1].splitlines())


def test_standard_input_is_a_file_too(exported: Path) -> None:
    data = (exported / "all.json").read_bytes()
    assert run("check", "-", folder=exported, stdin=data).returncode == 0
    broken = run("tree", "-", folder=exported, stdin=data[:-9])
    assert broken.returncode == 2 and "standard input: $" in broken.stderr


def test_check_as_json(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = said(capsys, "check", "all.json", "--json")
    found = json.loads(out)
    assert status == 0 and found["sound"] is True
    assert found["counts"]["ops"] == 3 and found["runs"] == len(everything().runs)
    status, out, _ = said(capsys, "check", "broken.json", "--json")
    assert status == 1 and json.loads(out)["sound"] is False and "$.nodes[0].age" in json.loads(out)["fault"]


def strict(text: str) -> object:
    """JSON in which no number is a NaN or an infinity."""

    def refused(word: str) -> None:
        raise AssertionError(word)

    return json.loads(text, parse_constant=refused)


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


@pytest.mark.parametrize("name", ["[red]x[/]", "\x1b[31m", "a\nb", "‮evil", "x" * 10_000, "名前", "-x", ""], ids=ascii)
def test_a_name_is_only_a_name(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = Program()
    record = program.record(program.op("neg", program.leaf(1.0, name), name=name), title=name)
    one = str(save_graph(record, tmp_path / "one.json"))
    two = str(save_graph(reweighed(record, record.runs[-1].leaves[0].after, 5.0), tmp_path / "two.json"))
    outputs = [said(capsys, *words) for words in (["show", "n0", one], ["show", "a0", one], ["diff", one, two])]
    assert [status for status, _, _ in outputs] == [0, 0, 1]
    for _, out, err in outputs:
        assert err == "" and "\x1b" not in out and "‮" not in out
        assert all(line.isprintable() and len(line) < 200 for line in out.splitlines())
    if name.startswith("["):
        assert name in outputs[0][1]
    if name:
        assert said(capsys, "show", one, "--", name)[0] == 2  # the file is no name, and the name no file
        assert said(capsys, "show", "--", name, one)[0] == 0


# differences


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


def test_an_export_of_the_engine_goes_through_every_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    x = ge.tensor([[1.0, -2.0], [3.0, 4.0]], requires_grad=True)
    z = ge.ln(x @ x + 100).sum()
    z.backward(retain_graph=True)
    ge.export_graph(z)
    for words in (["tree"], ["check"], ["dot"], ["show", "x"], ["show", "z"], ["diff", "output/graph_acyclic.json"]):
        status, out, err = said(capsys, *words)
        assert (status, err) == (0, "") and out
