"""The table "Coming from PyTorch" of the README: every spelling in it does what the table says."""

from __future__ import annotations

import contextlib
import importlib
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from tests.support import normal

README = Path(__file__).parents[2] / "README.md"
X = normal(6, 4)

# The first spelling of each row -> a program, and what `found` is then; or the words of its error or warning.
ROWS: dict[str, tuple[str, Any]] = {
    "_, predicted = x.max(1)": (
        "_, predicted = x.max(1); found = [predicted, x.max(dim=1).indices, x.max(1)]",
        [X.argmax(1), X.argmax(1), X.max(1)],
    ),
    "x.std(dim=0)": (
        "found = [x.std(dim=0), x.var(0, keepdim=True)]", [X.std(0, ddof=1), X.var(0, ddof=1, keepdims=True)],
    ),
    "x.split(2)": (
        "found = [len(x.split(split_size=2)), x.split(split_size=2)[0]]", [3, X[:2]],
    ),
    "x.repeat(2, 1, 3)": ("found = [x.repeat(2, 1, 3), x.tile(2)]", [np.tile(X, (2, 1, 3)), np.tile(X, 2)]),
    "x.transpose(0, 1)": ("x.transpose(0, 1)", "write x.T"),
    'torch.save({"model": model.state_dict(), "epoch": 3}, path)': (
        """
torch.save({"model": model.state_dict(), "epoch": 3}, path)
again = torch.load(path)
found = [again["epoch"], again["model"]["bias"]]
""",
        [3, np.zeros(2)],
    ),
    'model.to("cuda")': ('model.to("cuda")', "CPU"),
}  # fmt: skip
WARN = {
    "x.std(0)": "write std(ddof=0)", "x.split(2)": "where PyTorch makes", "x.repeat(2)": "write repeat(repeats=2",
    "torch.svd(x)": "write svd(x, full_matrices=True)", "x.svd()": "svd(x, some=True) for that",
    "torch.nonzero(x)": "write nonzero(as_tuple=True)", "(x > 0).nonzero()": "write nonzero(as_tuple=True)",
    "torch.cross(x[:3, :3], x[:3, :3])": "write dim=-1", "torch.cross(x[:, :3], x[:, :3], 1)": "write axisa=1",
    "x.data.max(1)[1]": "write max(axis=1)",
    "x.data.std()": "write std(ddof=0)", "x.data.sort()[1]": "write sort(axis=-1)",
}  # fmt: skip


def ran(program: str, path: Path) -> Any:
    model = ge.nn.Linear(3, 2)
    ge.nn.init.zeros_(model.bias)
    names: dict[str, Any] = {"torch": ge, "x": ge.tensor(X), "model": model, "path": path / "model.pth"}
    exec(program, names)
    return names.get("found")


@pytest.mark.parametrize("row", ROWS)
def test_a_row_of_the_table_is_true(row: str, tmp_path: Path) -> None:
    program, expected = ROWS[row]
    if isinstance(expected, str):
        with pytest.raises(ge.GradEngineError, match=expected):
            ran(program, tmp_path)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = ran(program, tmp_path)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.asarray(getattr(one, "array", one)), other)


@pytest.mark.parametrize("call", WARN)
def test_what_means_something_else_warns(call: str, tmp_path: Path) -> None:
    with pytest.warns(ge.SpellingWarning, match=re.escape(WARN[call])):
        ran(call, tmp_path)


def test_with_pytorchs_words_it_is_pytorchs_answer(tmp_path: Path) -> None:
    found = ran(
        """
u, s, v = torch.svd(x, some=True)
found = [u * s @ v.T, torch.norm(x, 1, dim=0), torch.norm(x, keepdim=True), torch.nonzero(x, as_tuple=False).shape,
         torch.cross(x[:3, :3], x[:3, :3].T, dim=0), torch.linalg.vander(x[0]), torch.linalg.vector_norm(x, 1, 0),
         torch.linalg.matrix_norm(x, 2), *x.data.max(dim=1)]
""",
        tmp_path,
    )
    crossed = np.cross(X[:3, :3], X[:3, :3].T, axis=0)
    expected = [
        X, np.abs(X).sum(0), [[np.linalg.norm(X)]], (24, 2), crossed, np.vander(X[0], increasing=True),
        np.abs(X).sum(0),
        np.linalg.norm(X, 2),
        X.max(1), X.argmax(1),
    ]  # fmt: skip
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.asarray(getattr(one, "array", one)), other, atol=1e-12)


def test_what_is_computed_with_data_keeps_the_methods_of_tensors(tmp_path: Path) -> None:
    """As in `(emb - emb[0]).norm(dim=1)` of the rows of an embedding."""
    found = ran(
        "d = x.data; found = [(d - d[0]).norm(dim=1), (d * 2 > 1).float().mean(), (-d @ d.T).abs()]",
        tmp_path,
    )
    expected = [np.linalg.norm(X - X[0], axis=1), (2 * X > 1).mean(), np.abs(X @ X.T)]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.array, other, rtol=1e-6)


def test_sums_of_comparisons_are_tensors_in_a_program_for_pytorch(tmp_path: Path) -> None:
    """As in `union = (p | t).sum().float()` of a segmentation."""
    p, t = X > 0, X > 0.5
    found = ran(
        "p, t = x > 0, x > 0.5\nfound = [(p | t).sum().float(), (p & ~t).any().item(), (p == t).sum().double() / 2, "
        "p.sum(0).float(), p.all().long(), x.data.sum().double(), x.data.mean().exp()]",
        tmp_path,
    )
    expected = [(p | t).sum(), (p & ~t).any(), (p == t).sum() / 2, p.sum(0), p.all(), X.sum(), np.exp(X.mean())]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.asarray(getattr(one, "array", one)), other)


def test_pytorchs_old_tensor_is_a_shape_or_warns(tmp_path: Path) -> None:
    assert [each.shape for each in ran("found = [torch.Tensor(2, 3), torch.Tensor(1, 2, 3, 4, 5)]", tmp_path)] == [
        (2, 3), (1, 2, 3, 4, 5),
    ]  # fmt: skip
    for call, words in {"torch.Tensor(5)": "empty(5) for that", "torch.Tensor([1, 2])": "PyTorch makes floats"}.items():
        with pytest.warns(ge.SpellingWarning, match=re.escape(words)):
            ran(call, tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ran("torch.tensor(5), torch.tensor([1, 2]), torch.Tensor([1.0]), torch.Tensor([[1.0]], True)", tmp_path)
        ge.Tensor(5)


def test_how_a_step_is_computed_is_taken_and_forgotten() -> None:
    for made in (ge.optim.SGD, ge.optim.Adam, ge.optim.AdamW, ge.optim.RMSprop):
        made([ge.ones(2).requires_grad_()], lr=0.1, foreach=True, fused=False, capturable=False, maximize=False)
        with pytest.raises(ge.ArgumentError, match=r"\(-loss\)\.backward"):
            made([ge.ones(2).requires_grad_()], lr=0.1, maximize=True)


def test_a_number_of_steps_may_be_a_whole_float() -> None:
    """As in the lesson on text classification: StepLR(optimizer, 1.0, gamma=0.1)."""
    optimiser = ge.optim.SGD([ge.ones(2).requires_grad_()], lr=1.0)
    schedule = ge.optim.lr_scheduler.StepLR(optimiser, 1.0, gamma=0.1)
    schedule.step()
    assert schedule.get_last_lr() == [0.1]
    with pytest.raises(ge.ArgumentError, match=r"got 1\.5"):
        ge.optim.lr_scheduler.StepLR(optimiser, 1.5)


@pytest.mark.parametrize("layer", [
    ge.nn.Linear(2, 3), ge.nn.Conv2d(1, 2, 3), ge.nn.BatchNorm1d(3, device="cpu"), ge.nn.Embedding(4, 2, padding_idx=1),
    ge.nn.LSTM(2, 3), ge.nn.GRUCell(2, 3), ge.nn.LayerNorm(3), ge.nn.GroupNorm(1, 3), ge.nn.Bilinear(2, 2, 2),
    ge.nn.PReLU(), ge.nn.ConvTranspose2d(1, 2, 3), ge.nn.ReLU(),
], ids=lambda layer: type(layer).__name__)  # fmt: skip
def test_parameters_are_drawn_anew(layer: Any) -> None:
    """As between the folds of a cross-validation."""
    ge.manual_seed(3)
    layer.reset_parameters()
    first = {name: value.numpy().copy() for name, value in layer.state_dict().items()}
    for value in (*layer.parameters(), *layer.buffers()):
        value.data.fill_(7)
    held = [*layer.parameters()]
    ge.manual_seed(3)
    layer.reset_parameters()
    assert all(one is other for one, other in zip(held, layer.parameters(), strict=True))
    for name, value in layer.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), first[name])


@pytest.mark.parametrize("write", [
    "w.data -= 0.1 * (w.grad + 0.01 * w)", "w.data.copy_(w * 2)", "w.data[:, 0] = w.grad[:, 0] * w[:, 1]",
    "w.data.mul_(w.abs().max())", "w.data[w > 1] = w.mean()", "w.data.clamp_(min=-0.1).add_(w.grad, alpha=-0.1)",
    "w.data.T[0] -= (w.grad * w).T[0]", "w.data = w.data - 0.1 * w.grad", "w.grad.data.add_(w.data * 0.1)",
])  # fmt: skip
def test_what_is_written_into_data_is_recorded_nowhere(write: str) -> None:
    numbers = {}
    engines: list[Any] = [ge]
    with contextlib.suppress(ImportError):
        engines.append(importlib.import_module("torch"))
    for engine in engines:
        w = engine.tensor(X[:3, :2].copy(), requires_grad=True)
        (w * w).sum().backward()
        exec(write, {"w": w})
        assert w.is_leaf and w.requires_grad
        numbers[engine.__name__] = w.detach().numpy().copy()
        (w * 3).sum().backward()
    first, *rest = numbers.values()
    assert all(np.allclose(first, other) for other in rest) and (
        write.startswith("w.grad") or (first != X[:3, :2]).any()
    )


def test_several_comparisons_are_no_one_answer() -> None:
    a, b = ge.tensor([1.0, 5.0]), ge.tensor([3.0, 2.0])
    for asked in (lambda: max(a, b), lambda: bool(a > b), lambda: 1 if a == b else 2, lambda: (a > b) and (a < b)):
        with pytest.raises(ge.TruthError, match=r"\.all\(\) or \.any\(\).*maximum\(x, y\)"):
            asked()
    assert max(a[0], b[0]).item() == 3.0 and not a[0] > b[0] and bool(a[:1] < b[:1])


@pytest.mark.parametrize(("call", "words"), [
    (lambda a, b: ge.max(a, b), "maximum(x, y)"), (lambda a, b: a.min(b), "minimum(x, y)"),
    (lambda a, b: ge.sum(a, b), "add(x, y)"), (lambda a, b: ge.prod(a, b), "mul(x, y)"),
    (lambda a, b: ge.concat(a, b), "concat([x, y])"), (lambda a, b: ge.stack(a, b), "stack([x, y])"),
    (lambda a, b: ge.mean(a, b), "a whole number as its axis"), (lambda a, b: ge.softmax(a, b), "axis=0"),
    (lambda a, b: ge.argmax(a, b), "a whole number as its axis"), (lambda a, b: ge.max(a, 1.0), "got 1.0; write it"),
])  # fmt: skip
def test_a_tensor_for_an_axis_says_what_is_meant(call: Any, words: str) -> None:
    with pytest.raises(ge.ArgumentError, match=re.escape(words)):
        call(ge.tensor([1.0, 5.0]), ge.tensor([3.0, 2.0]))


def test_every_row_of_the_readme_is_tried() -> None:
    text = README.read_text(encoding="utf-8").split("## Coming from PyTorch")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    assert [re.findall(r"`(.*?)`", row)[0] for row in rows] == [*ROWS]
