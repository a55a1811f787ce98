"""The command line as a whole: what it says when it cannot, and what no name can do to it."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

import grad_engine as ge
from grad_engine.cli.main import COMMANDS, main
from grad_engine.record import save_graph
from tests.cli.commands import ESCAPE, ROOT, reweighed, run, said
from tests.records import Program, dense


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


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_every_command_explains_itself_with_examples(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    assert f"examples:\n  grad-engine {command}" in text or f"examples:\n  python -m grad_engine {command}" in text
    assert "graph_acyclic.json" in text and max(map(len, text.splitlines())) <= 80


def test_standard_input_is_a_file_too(exported: Path) -> None:
    data = (exported / "all.json").read_bytes()
    assert run("check", "-", folder=exported, stdin=data).returncode == 0
    broken = run("tree", "-", folder=exported, stdin=data[:-9])
    assert broken.returncode == 2 and "standard input: $" in broken.stderr


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


@pytest.mark.parametrize("words", ["tree", "check --json", "report", "lesson", "program", "svg", "dot", "show a0"])
def test_a_command_prints_into_a_stream_that_takes_no_bytes(words: str, tmp_path: Path) -> None:
    """As standard output is in a notebook, and under redirect_stdout()."""
    program = Program()
    save_graph(program.record(program.op("neg", program.leaf(1.0, "x"))), tmp_path / "one.json")
    command, *options = words.split()
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main([command, *options, str(tmp_path / "one.json")]) in (0, 1)
    assert printed.getvalue()


def test_an_empty_name_is_named_as_it_was_given(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = said(capsys, "tree", "")
    assert status == 2 and "'': there is no such file" in err
