"""The examples that train, as their readers run them, with few steps: what they print, learn and write."""

from __future__ import annotations

import importlib
import json
import re
from argparse import Namespace
from importlib import resources, util
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import grad_engine as ge
from grad_engine import optim
from tests.support import TRAINING, image_files, run

# Few enough to take no time, and enough to tell learning from guessing. DATA stands for a folder of images.
QUICK: dict[str, list[str]] = {
    "neuron": ["--steps", "20"],
    "linear_regression": ["--steps", "100"],
    "moons": ["--steps", "60"],
    "mlp_regression": ["--steps", "200"],
    "attention": ["--steps", "150"],
    "makemore": ["--steps", "30"],
    "gpt": ["--steps", "5"],
    "second_order": ["--steps", "8"],
    "digits": ["--steps", "60", "--data", "DATA"],
    "against_torch": ["--steps", "25", "--data", "DATA"],
}
WITHOUT_TORCH = [name for name in QUICK if name != "against_torch" or util.find_spec("torch")]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of generated images, each with one bright place that says its class."""
    return image_files(tmp_path_factory.mktemp("images"), train=400, test=100, side=8, packed=True)


def quick(example: str, pictures: Path) -> list[str]:
    return [f"examples.{example}", *(str(pictures) if word == "DATA" else word for word in QUICK[example])]


def test_every_example_that_trains_is_run_here() -> None:
    assert {*QUICK} == TRAINING


@pytest.mark.parametrize("example", WITHOUT_TORCH)
def test_runs_quickly_and_exports_one_batch(example: str, pictures: Path, tmp_path: Path) -> None:
    done = run(*quick(example, pictures), "--export", folder=tmp_path)
    path = tmp_path / "output" / "graph_acyclic.json"
    assert done.stdout.splitlines()[-1] == f"The graph is in {Path('output', 'graph_acyclic.json')}"
    content = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.validate(
        content, json.loads(resources.files("grad_engine.record").joinpath("schema.json").read_text(encoding="utf-8"))
    )
    record = ge.load_graph(path)
    name, equals, _ = record.expression.partition(" = ")
    assert equals and record.by_id[record.roots[0].tensor].name == name
    most = 60 if example == "gpt" else 16  # two blocks of a transformer, which are folded; else small enough for film
    assert record.title == example and record.counts.ops <= most
    assert len(record.runs) == 1 and not record.counts.nonfinite
    leaves = [record.by_id[each.leaf].name for each in record.accumulators]
    assert all(leaves), "every leaf has a name"
    scopes = {group.scope for group in record.groups}
    assert {name.rpartition(".")[0] for name in leaves} - {""} <= scopes, "layers are scopes"
    assert scopes or example in ("neuron", "linear_regression", "second_order"), "which have no layers inside another"


@pytest.mark.parametrize("example", ["neuron", "mlp_regression"])
def test_the_seed_fixes_every_number(example: str, pictures: Path, tmp_path: Path) -> None:
    files = []
    for number, seed in enumerate(("3", "3", "4")):
        words = ["--steps", "5", "--seed", seed, "--output", f"{number}.json"]
        run(f"examples.{example}", *words, folder=tmp_path)
        files.append((tmp_path / f"{number}.json").read_bytes())
    assert files[0] == files[1] != files[2]


@pytest.mark.parametrize("example", [name for name in WITHOUT_TORCH if name not in ("digits", "against_torch")])
def test_no_step_at_all_is_no_error(example: str, tmp_path: Path) -> None:
    run(f"examples.{example}", "--steps", "0", folder=tmp_path)
    assert list(tmp_path.iterdir()) == [], "nothing is written unless asked"


# --- what they learn --------------------------------------------------------------------------------------------------


def numbers(pattern: str, text: str) -> list[float]:
    found = re.search(pattern, text)
    assert found, text
    return [float(group) for group in found.groups()]


def test_the_neuron_learns_or(tmp_path: Path) -> None:
    text = run("examples.neuron", folder=tmp_path).stdout
    losses = [float(loss) for loss in re.findall(r"loss ([\d.]+)", text)]
    assert losses == sorted(losses, reverse=True) and losses[-1] < 0.1 < losses[0]
    out, w1, w2, b = numbers(r"says (-?[\d.]+);[^\n]*\nw1 (-?[\d.]+)  w2 (-?[\d.]+)  b (-?[\d.]+)", text)
    slope = 1 - out**2  # of tanh, by hand
    assert [w1, w2, b] == pytest.approx([-slope, slope / 2, slope], abs=2e-4)


def test_the_line_is_that_of_least_squares(tmp_path: Path) -> None:
    text = run("examples.linear_regression", folder=tmp_path).stdout
    learnt = numbers(r"learnt +y = (-?[\d.]+) x \+ (-?[\d.]+)", text)
    assert learnt == pytest.approx(numbers(r"squares y = (-?[\d.]+) x \+ (-?[\d.]+)", text), abs=1e-3)
    assert learnt == pytest.approx([3, -2], abs=0.15)


def test_makemore_tells_what_its_first_weights_are_worth(tmp_path: Path) -> None:
    tame = run("examples.makemore", "--steps", "60", folder=tmp_path).stdout
    wild = run("examples.makemore", "--steps", "1", "--wild", folder=tmp_path).stdout

    def at_ends(text: str) -> int:
        layer = next(line for line in text.splitlines() if line.startswith("4 tanh"))
        return int(layer.split(" %")[0].split()[-1])

    assert "of even chances it is 2.77" in tame and at_ends(tame) < 10 and at_ends(wild) > 80
    assert "of tanh #4's outputs in 4 are at its ends" in wild and "at its ends" not in tame
    assert float(tame.split("places: ")[1].split()[0]) < 2.3 < float(wild.split("loss is ")[1].split(";")[0])


def test_the_moons_are_told_apart_and_drawn(tmp_path: Path) -> None:
    text = run("examples.moons", folder=tmp_path).stdout
    assert numbers(r"([\d.]+) % of 200", text)[0] >= 98
    picture = text.splitlines()[:22]
    assert {len(line) for line in picture} == {64} and {*"".join(picture)} == {*"·░▒▓ox"}


def test_a_table_with_gaps_and_texts_is_learnt(tmp_path: Path) -> None:
    x = np.random.default_rng(0).standard_normal(300)
    rows = [f"{each:.6f},{'far' if k % 3 else 'near'},{each + 3 * (k % 3 > 0):.6f}" for k, each in enumerate(x)]
    (tmp_path / "t.csv").write_text("\n".join(["x,place,price", *rows, ",near,1", "1,far,NA"]), encoding="utf-8")
    words = ["--csv", "t.csv", "--skip-missing", "--categorical", "place", "--steps", "300"]
    text = run("examples.mlp_regression", *words, folder=tmp_path).stdout
    assert "2 of 302 rows with an empty cell are left out" in text
    assert "240 rows of 3 numbers, to guess 'price'" in text and numbers(r"held out: ([\d.]+) %", text)[0] > 90


@pytest.mark.parametrize("source", ["generated", "csv"])
def test_the_table_is_learnt(source: str, tmp_path: Path) -> None:
    words = []
    if source == "csv":
        x = np.random.default_rng(0).standard_normal((300, 3))
        rows = np.column_stack([x, x @ [1, 2, 3]])
        np.savetxt(tmp_path / "t.csv", rows, delimiter=",", header="a,b,c,price", comments="")
        words = ["--csv", "t.csv"]
    text = run("examples.mlp_regression", *words, folder=tmp_path).stdout
    assert numbers(r"held out: ([\d.]+) %", text)[0] > 90
    assert "█" in text and (source != "csv" or "240 rows of 3 numbers, to guess 'price'" in text)


def test_attention_finds_the_mark(tmp_path: Path) -> None:
    text = run("examples.attention", folder=tmp_path).stdout
    assert numbers(r"new sentences: ([\d.]+)", text)[0] < 0.01
    rows = [line for line in text.splitlines() if re.match(r" *-?\d+\.\d\d ", line)]
    assert len(rows) == 6 and sum("●" in row for row in rows) == 1
    (marked,) = (position for position, row in enumerate(rows) if "●" in row)
    assert all(row[15 + 2 * marked] == "█" for row in rows), "every word looks at the marked one"


def test_newton_arrives_in_a_few_steps_either_way(tmp_path: Path) -> None:
    text = run("examples.second_order", folder=tmp_path).stdout
    table = re.findall(r"^(\w[^\d\n]*?) +(\d+) +([\d.]+) +([\d.e-]+)$", text, re.MULTILINE)
    assert [name for name, *_ in table] == ["Newton, Hessian solved", "Newton, products alone", "gradient descent"]
    steps = [int(count) for _, count, *_ in table]
    assert steps[0] == steps[1] < 10 < 100 < steps[2]
    assert len({loss for _, _, loss, _ in table}) == 1 and all(float(g) < 1e-10 for *_, g in table)


@pytest.mark.parametrize("net", ["conv", "mlp"])
def test_digits_are_learnt(net: str, pictures: Path, tmp_path: Path) -> None:
    words = ["--data", str(pictures), "--net", net, "--steps", "150"]
    text = run("examples.digits", *words, folder=tmp_path).stdout
    assert numbers(r"([\d.]+) % of the images held out", text)[0] > 90
    assert "400 images of 8 x 8 to learn from, 100 held out" in text


def test_the_bundled_digits_are_learnt_to_97_percent(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    text = run("examples.digits", folder=tmp_path).stdout
    assert numbers(r"([\d.]+) % of the images held out", text)[0] >= 97


def test_the_proof_holds_over_500_steps(pictures: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    text = run("examples.against_torch", "--data", str(pictures), folder=tmp_path).stdout
    assert numbers(r"in 500 steps; the largest difference is ([\d.e-]+)", text)[0] < 1e-8
    ours, theirs = (re.search(rf"^{name} +(\S+) ([\d.]+)$", text, re.MULTILINE) for name in ("grad_engine", "PyTorch"))
    assert ours and theirs and ours.groups() == theirs.groups(), "the curves coincide"
    assert float(ours[2]) < 0.1


def test_the_proof_fails_where_a_gradient_is_off(
    pictures: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    proof = importlib.import_module("examples.against_torch")
    step = optim.SGD.step

    def off(self: optim.SGD) -> None:
        step(self)
        self.param_groups[0]["params"][0].data[0, 0] += 1e-6

    monkeypatch.setattr(optim.SGD, "step", off)
    options = Namespace(data=str(pictures), seed=0, steps=5)
    with pytest.raises(SystemExit, match="1"):
        proof.main(options)
    assert "more than 1e-08" in capsys.readouterr().out


# --- how they complain ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["examples.moons", "--steps", "-1"], "--steps"),
        (["examples.moons", "--steps", "many"], "--steps"),
        (["examples.moons", "--steps", "1", "--output", "."], "cannot write there"),
        (["examples.mlp_regression", "--csv", "bad.csv", "--categorical", "c"], "categorical names 'c'"),
        (["examples.mlp_regression", "--csv", "nothing.csv"], "nothing.csv: there is no such file"),
        (["examples.mlp_regression", "--csv", "bad.csv"], "bad.csv, line 2, column 'b'"),
        (["examples.digits", "--data", "."], "holds no train-images-idx3-ubyte"),
        (["examples.digits", "--net", "rnn"], "rnn"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_wrong_is_one_line_on_stderr(words: list[str], complaint: str, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("a,b\n1,x\n", encoding="utf-8")
    done = run(*words, folder=tmp_path, check=False)
    assert done.returncode == 2
    assert complaint in done.stderr and done.stderr.count("\n") == 1


def test_without_scikit_learn_the_digits_say_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "sklearn.py").write_text("raise ImportError")  # found before the real one, if there is one
    done = run("examples.digits", folder=tmp_path, check=False)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == (
        "python -m examples.digits: sklearn is not installed: pip install scikit-learn, or name a folder of IDX files "
        "with --data\n"
    )
