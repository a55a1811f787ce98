"""The terminal tree: what it says of the three examples, letter by letter, and the laws that hold for every record."""

from __future__ import annotations

import importlib
import io
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

import grad_engine
from grad_engine.errors import ArgumentError, GraphError
from grad_engine.record import (
    AccumulatorRecord,
    CountsRecord,
    DataRecord,
    EdgeRecord,
    Expression,
    ForwardRecord,
    GraphRecord,
    InputRecord,
    NodeRecord,
    RootRecord,
    TensorRecord,
    load_graph,
)
from grad_engine.record.index import index_of
from grad_engine.tree import print_tree, tree
from tests.records import Program, chain, dense, diamond, everything, fan, neuron, square

GOLDEN = Path(__file__).parents[1] / "golden"
EXAMPLES = ("small", "blog", "large")


def example(name: str) -> GraphRecord:
    return load_graph(GOLDEN / f"{name}.json")


def printed(record: GraphRecord, width: int = 80, encoding: str = "utf-8", **options: object) -> str:
    """What print_tree writes to a file of that encoding."""
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, newline="\n")
    print_tree(record, file=file, width=width, **options)
    file.flush()
    return raw.getvalue().decode(encoding)


def coloured(record: GraphRecord, width: int = 80, height: int = 200, **options: object) -> str:
    """What a terminal with true colour receives."""
    file = io.StringIO()
    console = Console(
        file=file, width=width, height=height, force_terminal=True, color_system="truecolor", no_color=False
    )
    console.print(tree(record, **options), crop=False)
    return file.getvalue()


def uncoloured(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def body(text: str) -> list[str]:
    """The lines of the tree itself, without what stands above and below it."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if re.match(r"\d+ ops?, ", line))
    end = lines.index("", start) if "" in lines[start:] else len(lines)
    notes = " only ", " before a line: "
    found = (line for line in lines[start:end] if re.search(r"Backward|GradAccum|↺|⋯", line))
    return [line for line in found if not any(note in line for note in notes)]


def joined(inputs: int) -> GraphRecord:
    """A stack of many leaves, before any backward: parts of a record that the other builders have no use for."""
    leaves = [TensorRecord(f"t{i}", "value", (), "float64", f"x{i}", "given", True, True) for i in range(inputs)]
    out = TensorRecord(
        f"t{inputs}", "value", (inputs,), "float64", requires_grad=True, data=DataRecord((1.0,) * inputs)
    )
    operands = tuple(InputRecord(i, f"xs[{i}]", f"t{i}", f"e{i}") for i in range(inputs))
    node = NodeRecord("n0", 0, "stack", "StackBackward", "joining", "⧉", operands, (out.id,), attributes={"axis": 0})
    return GraphRecord(
        "joined",
        "",
        CountsRecord(1, inputs, 0, inputs, ()),
        (RootRecord("n0", out.id),),
        (*leaves, out),
        (node,),
        tuple(EdgeRecord(f"e{i}", "n0", f"a{i}", i) for i in range(inputs)),
        tuple(AccumulatorRecord(f"a{i}", f"t{i}") for i in range(inputs)),
        (*(ForwardRecord("leaf", leaf.id) for leaf in leaves), ForwardRecord("op", "n0")),
    )


def with_names(record: GraphRecord, names: list[str]) -> GraphRecord:
    """The record with other names on its first named tensors."""
    left = list(names)
    tensors = tuple(replace(t, name=left.pop(0)) if t.name is not None and left else t for t in record.tensors)
    return replace(record, tensors=tensors, expression="")


def two_branches() -> GraphRecord:
    """A long run with a NaN at its far end beside a wide, finite one with the largest gradient."""
    program = Program()
    x, w = program.leaf(-1.0, "x"), program.leaf(0.5, "w")
    left = program.op("ln", x)
    for n in range(40):
        left = program.op(("neg", "tanh")[n % 2], left)
    right = w
    for _ in range(12):
        right = program.op("mul", program.op("add", right, right), program.op("neg", right))
    return program.record(program.op("add", left, right), "two branches")


# The examples, letter by letter


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_at_80_columns(name: str) -> None:
    assert printed(example(name)) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_engine_makes_the_same_tree(name: str) -> None:
    """The golden records were computed by hand; what the engine records of the same program must look the same."""
    variables = vars(importlib.import_module(f"examples.{name}"))
    record = grad_engine.record_graph(variables["z"], names=variables, explain=False)
    assert printed(record) == printed(example(name))


GOLDEN_OPTIONS = {
    "large-40": {"width": 40},
    "large-150": {"width": 150},
    "large-ascii": {"encoding": "ascii"},
    "large-depth-2": {"depth": 2},
    "large-focus-x3": {"focus": "x3"},
    "large-focus-n2": {"focus": "n2"},
}


@pytest.mark.parametrize("name", GOLDEN_OPTIONS)
def test_large_with_options(name: str) -> None:
    assert printed(example("large"), **GOLDEN_OPTIONS[name]) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_large_before_backward() -> None:
    record = replace(example("large"), runs=())
    assert printed(record) == (GOLDEN / "large-forward.txt").read_text(encoding="utf-8")


def test_basic_form_is_that_of_the_family() -> None:
    """Without columns, constants and the names of results, the lines are those of the projects before this one."""
    lines = [re.split(r"(?<=\])", line)[0] for line in body(printed(example("large")))]
    assert lines == [
        "AddBackward [ 2 child nodes ]",
        "├── LnBackward [ 1 child node ]",
        "│   └── SubBackward [ 2 child nodes ]",
        "│       ├── MatmulBackward [ 2 child nodes ]",
        "│       │   ├── AddBackward [ 1 child node ]",
        "│       │   │   └── GradAccum x1 [ Gradient accumulation ]",
        "│       │   └── SubBackward [ 2 child nodes ]",
        "│       │       ├── GradAccum x2 [ Gradient accumulation ]",
        "│       │       └── GradAccum x3 [ Gradient accumulation ]",
        "│       └── GradAccum x3 [ Gradient accumulation ]",
        "└── ExpBackward [ 1 child node ]",
        "    └── GradAccum x7 [ Gradient accumulation ]",
    ]
    assert printed(example("large")).startswith("## Backward computation graph ##\n")


# Laws


SHAPES = {
    "large": lambda: example("large"),
    "everything": everything,
    "dense": lambda: dense(60, seed=3),
    "chain": lambda: chain(60, (2, 3)),
    "fan": lambda: fan(40),
    "joined": lambda: joined(30),
    "named": lambda: with_names(neuron(), ["名前" * 30, "e\u0301" * 40, "\x1b[31m" * 9, "\u0301" * 50, "x" * 5_000]),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_no_line_is_wider_than_asked(shape: str) -> None:
    record = SHAPES[shape]()
    for width in (*range(1, 40, 6), *range(40, 201, 8)):
        for encoding in ("utf-8", "ascii"):
            for line in printed(record, width, encoding, full=width % 3 == 0).splitlines():
                assert cell_len(line) <= width, line


@pytest.mark.parametrize("seed", range(6))
def test_full_shows_every_op_once_and_every_edge(seed: int) -> None:
    record = dense(60, seed=seed)
    lines = body(printed(record, 120, full=True))
    leaves = {accumulator.id for accumulator in record.accumulators}
    ids = [m[1] for line in lines if (m := re.search(r"Backward.*? #(\d+) ", line))]
    assert sorted(map(int, ids)) == list(range(len(record.nodes)))
    assert sum("GradAccum" in line for line in lines) == sum(edge.receiver in leaves for edge in record.edges)
    pairs = {(edge.sender, edge.receiver) for edge in record.edges if edge.receiver not in leaves}
    assert sum("↺" in line for line in lines) == len(pairs) - (len(record.nodes) - 1)
    assert len(lines) == len(ids) + sum("GradAccum" in line or "↺" in line for line in lines)


def test_steps_and_places_are_those_of_the_run() -> None:
    record = example("blog")
    text = printed(record)
    assert re.search(r"PowBackward .* #0 +6 ", text)
    assert re.search(r"MulBackward .* #1 +5 ", text)
    assert [line.split()[-3:-1] for line in text.splitlines() if "GradAccum x2" in line] == [
        ["2/2", "3.00"],
        ["1/2", "4.00"],
    ]


def test_before_backward_the_places_are_those_to_come() -> None:
    """Backward goes from the youngest op down, so the order of the shares is known before they exist."""

    def places(record: GraphRecord) -> list[list[str]]:
        return [re.findall(r"\d+/\d+", line) for line in body(printed(record, full=True))]

    record = dense(40, seed=1)
    assert any(places(record))
    assert places(replace(record, runs=())) == places(record)


def test_diamond_is_linear() -> None:
    lines = body(printed(diamond(30)))
    assert sum("AddBackward" in line for line in lines) == 30
    assert [line.split()[2] for line in lines if "GradAccum" in line] == ["x", "x"]
    assert len(lines) == 32


def test_two_edges_into_one_leaf_are_two_lines() -> None:
    lines = body(printed(square()))
    assert len(lines) == 3
    assert "1/2" in lines[1]
    assert "2/2" in lines[2]


def test_shared_op_is_printed_once_and_then_referred_to() -> None:
    program = Program()
    shared = program.op("tanh", program.leaf(0.5, "x"))
    record = program.record(program.op("add", program.op("neg", shared), shared))
    lines = body(printed(record))
    assert sum("TanhBackward" in line for line in lines) == 1
    assert re.search(r"TanhBackward .* #0 .* Σ2 ", "\n".join(lines))
    assert re.search(r"^└── ↺ see Tanh #0 +1/2", lines[-1])


def test_runs_do_not_indent_and_long_ones_fold() -> None:
    lines = body(printed(chain(42)))
    assert [re.match(r"[^A-Z⋯]*", line)[0] for line in lines] == ["", "└── ", " ↳  ", " ", " ↳  ", " ↳  "]
    assert "⋯ 38 ops: Neg×19 Tanh×19 (steps 4–41)" in printed(chain(42))
    assert sum("⋯" in line for line in body(printed(chain(42), full=True))) == 0
    assert sum("⋯" in line for line in body(printed(chain(8)))) == 0


def test_repeats_fold_with_a_count() -> None:
    lines = body(printed(joined(100)))
    assert len(lines) == 5
    assert "⋯ 97 leaves: x2 … x98" in lines[3]
    assert len(body(printed(joined(100), full=True))) == 101


@pytest.mark.parametrize("limit", [14, 20, 30, 48])
def test_height_is_kept_and_so_are_the_nan_and_the_largest_gradient(limit: int) -> None:
    record = two_branches()
    everything_shown = printed(record, 120, full=True)
    text = printed(record, 120, max_lines=limit)
    assert len(text.splitlines()) <= limit < len(everything_shown.splitlines())
    assert re.search(r"LnBackward .*1 NaN", text)
    norms = {
        line: float(line.split("━")[0].split()[-1].replace("−", "-")) for line in body(everything_shown) if "━" in line
    }
    strongest = max(norms, key=norms.get)
    assert re.search(r"#\d+|GradAccum \w+", strongest)[0] in text
    hidden = len(body(everything_shown)) - sum("⋯" not in line for line in body(text))
    assert f"{hidden} of {len(body(everything_shown))} lines are folded" in text


@pytest.mark.parametrize("shape", SHAPES)
def test_max_lines_counts_everything(shape: str) -> None:
    record = SHAPES[shape]()
    for width in (40, 80, 120):
        for limit in (16, 25, 40):
            assert len(printed(record, width, max_lines=limit).splitlines()) <= limit


def test_the_way_to_a_nan_stays_whole_while_there_is_room() -> None:
    program = Program()
    value = program.op("ln", program.leaf(-1.0, "x"))
    for n in range(6):
        value = program.op("add", value, program.op("neg", program.op("tanh", program.leaf(float(n), f"w{n}"))))
    record = program.record(value)
    lines = body(printed(record, max_lines=22))
    assert sum(bool(re.search("AddBackward|LnBackward", line)) for line in lines) == 7
    assert any("⋯" in line for line in lines)


def test_a_fold_counts_the_nan_in_it() -> None:
    program = Program()
    value = program.op("ln", program.leaf(-1.0, "x"))
    for _ in range(20):
        value = program.op("neg", value)
    (fold,) = (line for line in body(printed(program.record(value))) if "⋯" in line)
    assert re.search(r"16 NaN", fold)


def test_depth() -> None:
    lines = body(printed(example("large"), depth=1))
    assert [line.lstrip("│├└─ ").split()[0] for line in lines] == ["AddBackward", "LnBackward", "⋯", "ExpBackward", "⋯"]
    assert len(body(printed(chain(42), depth=20))) == 22
    assert "Backward" not in "".join(body(printed(chain(3), depth=0))[1:])


@pytest.mark.parametrize("focus", ["n2", "#2", 2])
def test_focus_on_an_op_shows_what_is_below(focus: str | int) -> None:
    lines = body(printed(example("large"), focus=focus))
    assert lines[0].startswith("MatmulBackward")
    assert len(lines) == 6


def test_focus_on_the_name_of_a_result_and_of_a_leaf() -> None:
    record = example("large")
    assert body(printed(record, focus="x6"))[0].startswith("SubBackward")
    lines = body(printed(record, focus="x3"))
    assert sum("GradAccum x3" in line for line in lines) == 2
    assert not any("GradAccum" in line and "x3" not in line for line in lines)


def test_the_name_of_a_result_stays_longer_than_arguments() -> None:
    record = example("large")
    (sub,) = [node for node in record.nodes if node.id == "n3"]
    asked = replace(sub, attributes={"axis": (0, 1), "keepdims": True})
    record = replace(record, nodes=tuple(asked if node is sub else node for node in record.nodes))
    wide, narrow = (next(line for line in body(printed(record, w)) if "#3" in line) for w in (130, 80))
    assert "axis=(0, 1), keepdims=True → x6" in wide
    assert "→ x6" in narrow and "axis" not in narrow


def test_names_come_before_numbers_and_ids() -> None:
    record = example("large")
    named = replace(record, tensors=tuple(replace(t, name="n0" if t.name == "x6" else t.name) for t in record.tensors))
    assert body(printed(named, focus="n0"))[0].startswith("SubBackward")
    assert body(printed(named, focus="#0"))[0].startswith("AddBackward")


def test_what_has_no_name_goes_by_the_number_of_its_op_or_the_id_of_its_leaf() -> None:
    record = example("large")
    nameless = replace(record, tensors=tuple(replace(t, name=None) for t in record.tensors))
    lines = body(printed(nameless, focus="a2"))
    assert sum("GradAccum a2" in line for line in lines) == 2
    assert not any("GradAccum a1" in line for line in lines)
    for focus in ("3", 3, "#3", "#3[0]", "n3"):
        assert body(printed(nameless, focus=focus))[0].startswith("SubBackward")


def test_focus_on_a_leaf_follows_shared_ops() -> None:
    program = Program()
    x, w = program.leaf(0.5, "x"), program.leaf(0.2, "w")
    shared = program.op("tanh", x)
    record = program.record(
        program.op("add", program.op("neg", shared), program.op("mul", w, program.op("neg", shared)))
    )
    lines = body(printed(record, focus="x"))
    assert sum("↺ see Tanh #0" in line for line in lines) == 1
    assert sum("NegBackward" in line for line in lines) == 2


def test_large_graph_begins_with_a_table_by_op() -> None:
    text = printed(dense(1_200))
    table, rest = text.split("\n\n")[1:3]
    titles, *rows = table.splitlines()
    assert titles.split() == ["op", "count", "elements", "largest", "‖grad‖"]
    assert {row.split()[0] for row in rows} == {"AddBackward", "MulBackward", "NegBackward", "TanhBackward"}
    assert sum(int(row.split()[1]) for row in rows) == int(re.match(r"(\d+) ops", rest)[1])
    assert len(text.splitlines()) <= 60
    assert "folded" in text


def test_terminal_height_folds_and_a_file_does_not() -> None:
    record = dense(90)
    assert len(coloured(record, height=20).splitlines()) <= 48
    assert "folded" in coloured(record, height=20)
    assert "folded" not in coloured(record, height=500)
    assert "folded" not in printed(record)


@pytest.mark.parametrize(
    ("symbol", "tree_of", "constant_first", "shown"),
    [
        ("+", ["+", "x", "y"], False, "+ 3"),
        ("−", ["-", "x", "y"], True, "3 −"),
        ("xʸ", ["**", "x", "y"], False, "^ 3"),
        ("max", ["maximum", "x", "y"], False, "y=3"),
    ],
)
def test_constants_stand_on_the_line_of_their_op(
    symbol: str, tree_of: list[str], constant_first: bool, shown: str
) -> None:
    program = Program()
    x = program.leaf(1.0, "x")
    record = program.record(program.op("add", *((3.0, x) if constant_first else (x, 3.0))))
    (node,) = record.nodes
    formula = replace(node.formula, forward=Expression("", tree_of))
    static = {"axis": (0, 1), "keepdims": False, "base": None, "mode": "[same]"}
    record = replace(record, nodes=(replace(node, symbol=symbol, formula=formula, attributes=static),))
    assert f"AddBackward [ 1 child node ] {shown} axis=(0, 1), mode=[same]" in printed(record, 100)


# What the header says


def test_before_backward_there_are_no_gradients() -> None:
    text = printed(replace(neuron(), runs=()))
    assert "Backward has not run" in text
    assert "grad‖" not in text
    assert "step" not in text
    assert "## Leaves ##" in text


def test_values_that_are_gone() -> None:
    record = neuron()
    tensors = tuple(replace(tensor, data=None, dtype="unknown") for tensor in record.tensors)
    text = printed(replace(record, runs=(), tensors=tensors), 120)
    assert "Values are gone" in text
    assert "scalar" not in text and "shape" not in text  # the shapes went with the values
    assert "retain_graph=True" in text
    assert sum("GradAccum" in line for line in body(text)) == 5


def test_several_runs_roots_and_outputs() -> None:
    text = printed(everything(), 120)
    assert "Steps and gradients are of the last of 2 backward runs alone." in text
    assert "interrupted in step 1" in text
    assert "(root 1 of 2)" in text
    assert "↺ see Ln #0 (root 2 of 2)" in text
    assert "(output 1 of 2)" in text
    assert "earlier .grad" in text


def test_where_nan_begins_in_the_gradient() -> None:
    program = Program()
    x = program.leaf(1.0, "x")
    value = program.op("neg", x)
    for _ in range(3):
        value = program.op("mul", value, 1e150)
    text = printed(program.record(value), 120)
    assert "Inf begins in MulBackward #3: its only value; no leaf gradient is finite." in text
    assert "Inf begins in the gradient that MulBackward #1 sends to NegBackward #0 in step 3." in text
    seeded = Program()
    record = seeded.record(seeded.op("neg", seeded.leaf(1.0, "x")), seed=float("nan"))
    assert "NaN begins in the gradient that backward was started with." in printed(record)


def test_gradients_that_grow_without_end_are_pointed_out() -> None:
    def text(factor: float) -> str:
        program = Program()
        value = program.leaf(1.0, "x")
        for _ in range(4):
            value = program.op("mul", value, factor)
        return printed(program.record(value), 120)

    assert "Gradients grow from 1 to 1e12 in step 4, at MulBackward #0." in text(1e4)
    assert "grow" not in text(1e2)


def test_a_leaf_can_be_the_whole_graph_and_a_record_can_be_empty() -> None:
    leaf = replace(square(), nodes=(), edges=(), runs=(), roots=(RootRecord("a0", "t1"),))
    leaf = replace(leaf, accumulators=(AccumulatorRecord("a0", leaf.accumulators[0].leaf),))
    assert body(printed(leaf))[0].startswith("GradAccum x [ Gradient accumulation ]")
    assert "0 ops, 0 leaves" in printed(replace(leaf, roots=(), accumulators=()))


# Names are data


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=40), min_size=5, max_size=5), st.text(max_size=60))
def test_names_cannot_leave_their_place(names: list[str], title: str) -> None:
    record = replace(with_names(neuron(), names), title=title)
    plain = printed(record)
    shown = uncoloured(coloured(record))
    assert [line.rstrip() for line in shown.splitlines()] == [line.rstrip() for line in plain.splitlines()]
    assert all(character.isprintable() for character in plain.replace("\n", ""))
    assert len(plain.split("\n")) == len(printed(with_names(neuron(), list("abcde"))).split("\n")) - (not title)


@pytest.mark.parametrize("name", ["[red]", "[/]", "[bold]x[/bold]", ":smile:", "a & <b>"])
def test_markup_prints_as_that(name: str) -> None:
    record = with_names(neuron(), [name])
    assert f"GradAccum {name}" in printed(record)
    assert f"GradAccum {name}" in uncoloured(coloured(record))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\nb", r"a\nb"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b2J", r"\x9b2J"),
        ("x\u202ey", r"x\u202ey"),
        ("\ud800", r"\ud800"),
        ("e\u0301", "e\u0301"),
        ("e" + "\u0301" * 3, "e\u0301\u0301" + r"\u0301"),
        ("\u0301e", r"\u0301e"),
    ],
)
def test_control_characters_are_shown_escaped(name: str, shown: str) -> None:
    assert f"GradAccum {shown} [" in printed(with_names(neuron(), [name]), 120)


# Where it is printed


def test_colour_only_where_a_terminal_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    record = example("large")
    assert "\x1b" in coloured(record)
    assert "\x1b" not in printed(record)
    monkeypatch.setenv("NO_COLOR", "1")
    file = io.StringIO()
    Console(file=file, width=80, force_terminal=True).print(tree(record), crop=False)
    assert file.getvalue() == printed(record)


def test_colour_changes_no_letter() -> None:
    for width in (40, 80, 150):
        assert uncoloured(coloured(example("large"), width)) == printed(example("large"), width)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "shift_jis"])
def test_an_encoding_without_box_characters_gets_ascii(encoding: str) -> None:
    text = printed(with_names(example("large"), ["größe", "名前"]), encoding=encoding)
    assert text.isascii()
    assert "`-- GradAccum" in text
    assert "|-- LnBackward" in text


def test_notebook_shows_html() -> None:
    bundle = tree(with_names(example("large"), ["<b>&"]))._repr_mimebundle_()
    assert "color: #e69f00" in bundle["text/html"]
    assert "&lt;b&gt;&amp;" in bundle["text/html"]
    assert "\x1b" not in bundle["text/plain"]
    assert "GradAccum <b>&" in bundle["text/plain"]


def test_inside_another_renderable() -> None:
    from rich.panel import Panel

    console = Console(file=io.StringIO(), width=90)
    console.print(Panel(tree(example("large"))))
    lines = console.file.getvalue().splitlines()
    assert {cell_len(line) for line in lines} == {90}
    assert str(tree(example("large"))) + "\n" == printed(example("large"))


def test_rich_is_imported_only_to_print() -> None:
    program = "import sys, grad_engine.tree; print([m for m in sys.modules if m.split('.')[0] == 'rich'])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# Errors


def test_errors_say_the_way_out() -> None:
    record = example("large")
    with pytest.raises(ArgumentError, match=r"takes? a GraphRecord|draws a GraphRecord, got int: visualize_graph"):
        tree(3)
    with pytest.raises(ArgumentError, match="depth is a whole number from 0 up, or None for no limit, got -1"):
        tree(record, depth=-1)
    with pytest.raises(ArgumentError, match="max_lines is a whole number from 1 up"):
        tree(record, max_lines=0)
    with pytest.raises(GraphError, match=r"No op or leaf is called 'y1': ask for one of 'x1', 'x2'"):
        tree(record, focus="y1")


# Size


def test_a_very_deep_chain() -> None:
    """Twenty times as deep as Python recurses."""
    assert "⋯ 19996 ops: Neg×9998 Tanh×9998 (steps 4–19999)" in printed(chain(20_000))


def test_a_deep_comb_stays_inside_the_width() -> None:
    """Levels that find no room are counted, so every line still says where it hangs."""
    lines = body(printed(fan(3_000), full=True))
    assert len(lines) == 6_000
    deepest = max(lines, key=lambda line: int(re.match(r"⋯(\d+)|", line)[1] or 0))
    assert int(re.match(r"⋯(\d+)", deepest)[1]) > 2_900


def test_ten_thousand_ops_print_as_a_page_or_in_full() -> None:
    """Folded they fit a few screens; unfolded every op has its line."""
    record = dense(10_000)
    assert len(printed(record).splitlines()) < 100
    in_full = printed(record, full=True)
    assert all(f"#{node.age}" in in_full for node in record.nodes[::500])
    assert len(in_full.splitlines()) > 10_000


def test_golden_records_are_what_their_examples_promise() -> None:
    """The goldens mean something only while the numbers in them are the known answers."""
    record = json.loads((GOLDEN / "large.json").read_text(encoding="utf-8"))
    (x3,) = (change for change in record["runs"][-1]["leaves"] if change["accumulator"] == "a2")
    (after,) = (tensor for tensor in record["tensors"] if tensor["id"] == x3["after"])
    assert [round(v, 4) for v in after["data"]["values"]] == [64, -4.6417, -2.2303, -1.4679]


def test_what_was_changed_since_it_was_read_is_told() -> None:
    w = grad_engine.tensor([1.0, 2.0], requires_grad=True, name="w")
    z = (w * 2).sum()
    z.backward(retain_graph=True)
    with grad_engine.no_grad():
        w += 1.0
    record = grad_engine.record_graph(z, names={})
    assert "Changed since it was read: w." in printed(record)
    assert "changed since it was read" in printed(record, width=140)


@given(
    st.integers(30, 160), st.sampled_from(sorted(EXAMPLES)), st.sampled_from(["x", "long_name_of_a_tensor", "名前" * 9])
)
def test_columns_never_touch(width: int, name: str, tensor: str) -> None:
    """Between the cells of two columns there is a blank, in the tree and in its tables."""
    text = printed(with_names(example(name), [tensor] * 9), width)
    for line in text.splitlines():
        assert not re.search(r"[✓)\]]\d|\d[\[(]\D|scalar\d|\d‖", line), line
        assert not re.search(r"(#\d+)(?=[^\s\d:,.)\]+*'’×])", line.split("see")[-1]), line


def test_the_header_says_what_a_nudge_does_beside_the_gradient() -> None:
    variables = vars(importlib.import_module("examples.blog"))
    record = grad_engine.record_graph(variables["z"], names=variables)
    said = "x2 + 0.001 moves L, the sum of z, by 0.007: 7.001 times; its gradient is 7."
    assert said in printed(record).splitlines()
    assert said not in printed(record, max_lines=5)


def test_a_fold_of_closed_modules_counts_their_ops_and_says_their_steps() -> None:
    record = chain(60)
    scopes = [f"part{i // 2}" if 6 <= i < 54 and i % 20 else "" for i in range(len(record.nodes))]
    nodes = (replace(node, scope=scope) for node, scope in zip(record.nodes, scopes, strict=True))
    record = replace(record, nodes=tuple(nodes))
    lines = body(printed(record, level=1))
    fold = next(line for line in lines if "⋯" in line)
    modules, within, ops = map(int, re.search(r"(\d+) modules of (\d+) ops, (\d+) ops", fold).groups())
    first, last = map(int, re.search(r"steps (\d+)–(\d+)", fold).groups())
    assert within + ops == last - first + 1, fold
    assert modules == len({scope for node, scope in zip(record.nodes, scopes, strict=True) if scope
                           and first <= index_of(record).steps[node.id] <= last})  # fmt: skip
    before, after = lines[lines.index(fold) - 1], lines[lines.index(fold) + 1]
    assert f"{first - 1} " in before and f" {last + 1}" in after


def test_marks_of_levels_left_out_are_explained() -> None:
    program = Program()
    value = program.leaf(0.5, "x")
    for k in range(30):
        value = program.op("mul", value, program.leaf(1.0, f"w{k}"))
    record = program.record(value)
    for encoding, mark in (("utf-8", "⋯"), ("ascii", "...")):
        text = printed(record, full=True, encoding=encoding)
        (said,) = re.findall(rf"^{re.escape(mark)}(\d+) before a line: it is (\d+) levels", text, re.MULTILINE)
        assert said[0] == said[1] and f"\n{mark}{said[0]} " in text
    assert "before a line" not in printed(chain(42), full=True)


def test_the_hint_quotes_a_module_with_a_space() -> None:
    record = chain(60)
    nodes = (replace(node, scope=f"out put.{k // 10}") for k, node in enumerate(record.nodes))
    shown = tree(replace(record, nodes=tuple(nodes)), level=1)
    shown.request = replace(shown.request, typed=True)
    assert "--expand 'out put'" in " ".join(str(shown).split())
