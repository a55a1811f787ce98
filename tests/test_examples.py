"""Each example as its reader runs it: what it prints, what it writes, and how it complains."""

from __future__ import annotations

import ast
import json
import re
from importlib import resources, util
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import grad_engine as ge
from tests.support import ROOT, SCRIPTS, SOURCES, TRAINING, run

ALL = [example for example in SOURCES if example not in SCRIPTS]
NEEDS = {"torch_mlp": "torch"}
EXAMPLES = [example for example in ALL if example not in TRAINING and util.find_spec(NEEDS.get(example, "numpy"))]

# Worked out by hand, or with plain NumPy; four decimals, as they are printed.
A = np.array([[1, 2], [3, 4], [5, 6], [7, 8]]) + 3
B = np.array([[1, 2, 3, 4], [5, 6, 7, 8]]) - 3
X, Y = np.array([[1, 2], [-1, 1], [2, 0.5], [0.5, -1]]), np.eye(2)[[1, 1, 0, 0]]
W0, W2 = np.array([[1, -1], [0.5, 2], [-1, 1]]), np.array([[1, 0.5, -1], [-0.5, 1, 0.5]])
H = np.maximum(X @ W0.T + [0, -1, 0.5], 0)
E = np.exp(H @ W2.T + [0, 0.5])
G2 = (E / E.sum(1, keepdims=True) - Y) / 4  # of cross_entropy, to what the second layer computes
G0 = G2 @ W2 * (H > 0)
ANSWERS = {
    "small": {"x1": np.ones((2, 4)), "x2": [2, 2, 2, 2]},
    "blog": {"x1": 3, "x2": 7, "x3": 2},
    "large": {
        "x1": [[1.9135, -1.1974], [1.9430, -1.4584], [1.9575, -1.5913], [1.9661, -1.6718]],
        "x2": A.T @ (1 / (A @ B - 3)),
        "x3": [64, -4.6417, -2.2303, -1.4679],
        "x7": np.full((4, 4), np.e),
    },
    "torch_mlp": {"0.weight": G0.T @ X, "0.bias": G0.sum(0), "2.weight": G2.T @ H, "2.bias": G2.sum(0)},
}


def printed_gradients(text: str) -> dict[str, np.ndarray]:
    """The numbers behind each `name.grad = `, flat."""
    found = re.findall(r"^([\w.]+)\.grad = ([-\d.e\s\[\]]+?)(?=\n\w|\n\n|\Z)", text, re.MULTILINE)
    return {name: np.array(re.sub(r"[\[\]]", " ", numbers).split(), dtype=float) for name, numbers in found}


def test_every_example_has_a_known_answer() -> None:
    assert {*ALL} - TRAINING == {*ANSWERS}


@pytest.mark.parametrize("example", sorted(SCRIPTS))
def test_scripts_check_themselves(example: str, tmp_path: Path) -> None:
    """Each compares its gradient with one by hand or with differences, and finds what it looks for."""
    pytest.importorskip("scipy")
    lines = SOURCES[example].splitlines()
    assert len(lines) < 60 and sum("    assert " in line for line in lines) >= 2
    done = run(f"examples.{example}", folder=tmp_path)
    assert re.search(r"by hand: \d|off by \d", done.stdout) and not list(tmp_path.iterdir())


@pytest.mark.parametrize("example", EXAMPLES)
def test_prints_the_tree_and_the_gradient_of_each_leaf(example: str, tmp_path: Path) -> None:
    done = run(f"examples.{example}", folder=tmp_path)
    assert done.stdout.startswith("## Backward computation graph ##\n")
    printed = printed_gradients(done.stdout)
    assert printed.keys() == ANSWERS[example].keys()
    for leaf, answer in ANSWERS[example].items():
        assert f"GradAccum {leaf} " in done.stdout
        np.testing.assert_allclose(printed[leaf], np.ravel(answer), atol=1e-4)
    assert list(tmp_path.iterdir()) == [], "nothing is written unless asked"


@pytest.mark.parametrize("example", EXAMPLES)
def test_export_writes_a_record_of_what_was_printed(example: str, tmp_path: Path) -> None:
    done = run(f"examples.{example}", "--export", folder=tmp_path)
    path = tmp_path / "output" / "graph_acyclic.json"
    assert done.stdout.splitlines()[-1] == f"The graph is in {Path('output', 'graph_acyclic.json')}"

    schema = json.loads(resources.files("grad_engine.record").joinpath("schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(path.read_text(encoding="utf-8")), schema)

    record = ge.load_graph(path)
    assert record.title == example
    (last,) = record.runs
    gradients = {}
    for change in last.leaves:
        leaf, after = record.by_id[record.by_id[change.accumulator].leaf], record.by_id[change.after]
        gradients[leaf.name] = np.reshape(after.data.values, after.shape)
    assert gradients.keys() == ANSWERS[example].keys()
    for leaf, answer in ANSWERS[example].items():
        np.testing.assert_allclose(gradients[leaf], answer, atol=1e-4)


def test_without_its_package_an_example_says_so_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError")  # found before the real one, if there is one
    done = run("examples.torch_mlp", folder=tmp_path, check=False)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == "python -m examples.torch_mlp: torch is not installed: pip install torch\n"


def test_large_carries_its_nan_to_the_record(tmp_path: Path) -> None:
    run("examples.large", "--output", "large.json", folder=tmp_path)
    record = ge.load_graph(tmp_path / "large.json")
    z = record.by_id[record.roots[0].tensor]
    assert np.isnan(z.data.values).reshape(z.shape)[:, 0].all()
    assert np.isnan(z.data.values).sum() == 4
    assert z.id in record.counts.nonfinite


def test_output_names_the_file_and_makes_its_folder(tmp_path: Path) -> None:
    chosen = tmp_path / "new folder" / "graph.json"
    done = run("examples.small", "--export", "--output", str(chosen), folder=tmp_path)
    assert done.stdout.splitlines()[-1] == f"The graph is in {chosen}"
    assert ge.load_graph(chosen).counts.ops == 1
    assert [path.name for path in tmp_path.iterdir()] == ["new folder"]


def test_same_program_same_bytes(tmp_path: Path) -> None:
    first, second = (tmp_path / "1.json", tmp_path / "2.json")
    for path in (first, second):
        run("examples.large", "--output", str(path), folder=tmp_path)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("example", [*EXAMPLES, *sorted(TRAINING)])
def test_help_says_what_the_example_shows_and_what_can_be_asked(example: str, tmp_path: Path) -> None:
    text = run(f"examples.{example}", "--help", folder=tmp_path).stdout
    assert text.startswith(f"usage: python -m examples.{example}")
    assert all(word in text for word in ("--export", "--output", "output/graph_acyclic.json"))


def test_the_list_of_examples_has_each_with_its_seconds() -> None:
    text = run("examples").stdout
    assert max(map(len, text.splitlines())) <= 80
    listed = re.findall(r"^(\w+) +(\d+\.\d) s  ((?:.*\n)(?: {10}.*\n)*)", text, re.MULTILINE)
    assert [name for name, _, _ in listed] == [*SOURCES]
    for name, seconds, words in listed:
        docstring = ast.get_docstring(ast.parse(SOURCES[name]))
        assert words.split() == str(docstring).split() and float(seconds) > 0


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["examples.large", "--exprot"], "--exprot"),
        (["examples.large", "--output"], "expected one argument"),
        (["examples.large", "surplus"], "surplus"),
        (["examples", "large"], "large"),
        (["examples.small", "--output", "."], "cannot write there"),
        (["examples.small", "--output", "file/below.json"], "cannot write there"),
        (["examples.small", "--output", ""], "cannot write there"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_arguments_are_one_line_on_stderr_and_status_2(words: list[str], complaint: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = run(*words, folder=tmp_path, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert complaint in done.stderr
    assert f"python -m {words[0]}" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


READMES = [path for depth in ("", "*/", "*/*/") for path in sorted(ROOT.glob(f"{depth}README.md"))]


def of_folder(path: Path) -> str:
    return path.relative_to(ROOT).parent.as_posix() if path.parent != ROOT else "root"


@pytest.mark.parametrize("readme", READMES, ids=of_folder)
def test_what_a_readme_shows_is_what_happens(readme: Path, tmp_path: Path) -> None:
    if "import numpy as np, scipy" in readme.read_text(encoding="utf-8"):
        pytest.importorskip("scipy")
    run("doctest", str(readme), folder=tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", readme.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (tmp_path / "readme.py").write_text("\n".join(block for block in blocks if ">>>" not in block), encoding="utf-8")
    run("readme", folder=tmp_path)


@pytest.mark.parametrize("example", ["blog", "large"])
def test_the_readme_shows_the_tree_that_is_printed(example: str) -> None:
    shown = re.findall(r"^```\n(##.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(shown) == 2
    assert any(run(f"examples.{example}").stdout.startswith(tree) for tree in shown)


def test_the_first_lines_of_the_readme_print_the_tree_below_them(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    program = re.search(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    tree = re.search(r"^```\n(##.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert program is not None and tree is not None
    (tmp_path / "first.py").write_text(program[1], encoding="utf-8")
    assert run("first", folder=tmp_path).stdout == tree[1]


@pytest.mark.parametrize("readme", READMES, ids=of_folder)
def test_links_in_a_readme_lead_somewhere(readme: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", readme.read_text(encoding="utf-8")):
        assert "://" in link or (readme.parent / link).exists(), link


def test_the_readme_of_the_examples_names_each() -> None:
    text = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    assert [example for example in ALL if f"- `{example}`:" not in text] == []
