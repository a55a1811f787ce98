"""Contexts that are told of each op: scopes, source lines, anomalies; alone, nested and in threads."""

from __future__ import annotations

import inspect
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.grad_mode import current_mode
from grad_engine.core.node import Extra
from grad_engine.core.tensor import Tensor


def leaf(values: Any, name: str | None = None) -> Tensor:
    return ge.tensor(values, requires_grad=True, dtype=float, name=name)


def noted(tensor: Tensor) -> Extra:
    return tensor.node.extra or Extra()


# --- scopes ---------------------------------------------------------------------------------------------------------


def test_scopes_nest_and_reach_the_record() -> None:
    @ge.scope("block")
    def block(h: Tensor) -> Tensor:
        return ge.relu(h)

    x = leaf([1.0, -1.0])
    with ge.scope("encoder"):
        a = x * 2
        for k in range(2):
            with ge.scope(f"layer{k}"):
                a = block(a * 3)
    z = a.sum()
    record = ge.record_graph(z)
    assert [node.scope for node in record.nodes] == [
        "encoder", "encoder.layer0", "encoder.layer0.block", "encoder.layer1", "encoder.layer1.block", "",
    ]  # fmt: skip
    assert [group.scope for group in record.groups] == list(dict.fromkeys(n.scope for n in record.nodes if n.scope))
    assert record.groups[0].members == ("n0",)
    assert ge.record.from_json(ge.record.to_json(record)) == record


def test_each_entry_of_a_scope_has_a_number_of_its_own() -> None:
    x, made = leaf(1.0), []
    for _ in range(2):
        with ge.scope("cell"):
            made.append((x * 2, x * 3))
    (a, b), (c, d) = made
    assert noted(a).call == noted(b).call != noted(c).call == noted(d).call


@pytest.mark.parametrize("name", ["", None, 3])
def test_a_scope_has_a_name(name: Any) -> None:
    with pytest.raises(ge.ArgumentError, match=re.escape(f"got {name!r}")), ge.scope(name):
        pass


def test_a_scope_ends_with_its_block_also_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), ge.scope("a"), ge.record_source():
        raise ZeroDivisionError
    assert current_mode().watch is None
    assert (leaf(1.0) * 2).node.extra is None


# --- source lines ---------------------------------------------------------------------------------------------------


def line() -> int:
    frame = inspect.currentframe()
    assert frame is not None and frame.f_back is not None
    return frame.f_back.f_lineno


def test_the_line_of_the_program_that_called() -> None:
    x = leaf([1.0, 2.0])
    with ge.record_source():
        y = x * 2  # the line
        z, here = np.sum(y), line()
    w = z * 1
    assert noted(y).source == ("tests/core/test_observe.py", here - 1, "y = x * 2  # the line")
    assert noted(z).source == ("tests/core/test_observe.py", here, "z, here = np.sum(y), line()")
    sources = [node.source for node in ge.record_graph(w).nodes]
    assert [source and source.line for source in sources] == [here - 1, here, None]


def test_lines_are_called_the_same_on_every_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = "import grad_engine as ge\ndef run(x):\n    with ge.record_source():\n        return x * " + "1" * 300
    (tmp_path / "installed").mkdir()
    (tmp_path / "installed" / "model.py").write_text(program)
    (tmp_path / "elsewhere.py").write_text(program)

    def shown(file: str) -> tuple[str, int, str]:
        names: dict[str, Any] = {}
        exec(compile(program, file, "exec"), names)
        return noted(names["run"](leaf(1.0))).source

    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    assert shown(str(tmp_path / "installed" / "model.py"))[0] == "installed/model.py"
    monkeypatch.setattr(sys, "path", sys.path[:-1])
    ge.core.caller._shown.cache_clear()
    assert shown(str(tmp_path / "elsewhere.py"))[:2] == ("elsewhere.py", 4)
    assert len(shown(str(tmp_path / "elsewhere.py"))[2]) == 200
    assert shown("<stdin>")[0] == "<stdin>"


# --- anomalies ------------------------------------------------------------------------------------------------------

FORWARD: dict[str, tuple[Callable[..., Any], str]] = {
    "by element": (lambda x: ge.ln(x), r"ln\(\) made -inf at \[1\] out of finite x 'x1' \(shape \(3,\), 0 there\)"),
    "two operands": (lambda x: 1 / x, r"div\(\) made inf at \[1\] .* x = 1 and y 'x1' \(shape \(3,\), 0 there\)"),
    "a whole": (
        lambda x: (x * 1e200) @ (x * 1e200),
        r"matmul\(\) made inf out of finite x \(shape \(3,\), from -1e\+200 to 1e\+200\) and y",
    ),
    "broadcast": (lambda x: ge.sqrt(x - 0.5) + leaf([[0.0], [1.0]]), r"sqrt\(\) made nan at \[1\]"),
    "numbers": (lambda x: (x[0] * 1e308) * 10, r"mul\(\) made inf out of finite x = 1e\+308 and y = 10"),
    "many": (lambda x: ge.stack([x * 1e308, x, x, x]).sum(axis=0) * 1e300, r"mul\(\) made inf"),
}
BACKWARD: dict[str, tuple[Callable[..., Any], str]] = {
    "slope": (
        lambda x: ge.sqrt(abs(x)).sum(),
        r"SqrtBackward made inf at \[1\] out of a finite gradient, in the share for its input x \(shape .*, 0 there\)",
    ),
    "beside": (lambda x: (x * 0 / 1e-310).sum(), r"DivBackward made inf .* \(beside y = 1e-310\)"),
    "a value": (lambda x: ge.exp(x * np.inf).sum(), r"ExpBackward made inf .* x \(shape \(3,\), inf there\)"),
    "sum at a node": (
        lambda x: _thrice(x * 1),
        r"the gradient that reached MulBackward is inf, .* too large for float64",
    ),
    "sum at a leaf": (lambda x: _thrice(x), "the gradient that reached a leaf is inf"),
}


def _thrice(x: Tensor) -> Tensor:
    return ge.stack([x, x, x]).sum() * 1e308


@pytest.mark.parametrize(("program", "words"), FORWARD.values(), ids=FORWARD)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_made_it_in_forward(program: Callable[..., Any], words: str) -> None:
    x = leaf([1.0, 0.0, -1.0], "x1")
    program(x)
    with ge.detect_anomaly(), pytest.raises(ge.AnomalyError, match=words) as caught:
        program(x)
    assert isinstance(caught.value, FloatingPointError)
    assert "the op was called at tests/core/test_observe.py:" in str(caught.value)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_mask_that_comes_too_late_is_called_that() -> None:
    """The classic: the branch with the pole is not taken, its gradient is 0, and 0 times its slope is NaN."""
    x = leaf([0.0, 4.0])
    with ge.detect_anomaly():
        z = ge.where(x > 0, ge.sqrt(x) * 2, 0.0).sum()
        with pytest.raises(ge.AnomalyError, match=r"gradient is 0 there.*choose .* sqrt\(where\(ok, x, safe\)\)"):
            z.backward()
        safe = ge.where(x > 0, ge.sqrt(ge.where(x > 0, x, 1.0)) * 2, 0.0).sum()
        safe.backward()
    assert x.grad.data.tolist() == [0.0, 0.5]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_growth_without_end_is_told_from_a_pole() -> None:
    h = leaf([1.0])
    with ge.detect_anomaly():
        z = h
        for k in range(3):
            with ge.scope(f"step{k}"):
                z = ge.tanh(z * 1e-150) * 1e150
        with pytest.raises(ge.AnomalyError, match=r"grown to 1e\+200 on its way.*\(scope step2\): z = "):
            (z * 1e200).backward()
        with pytest.raises(ge.AnomalyError, match="grown until nothing larger fits"):
            (h * 1e200) ** 2


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize(("program", "words"), BACKWARD.values(), ids=BACKWARD)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_made_it_in_backward(program: Callable[..., Any], words: str, create_graph: bool) -> None:
    with ge.detect_anomaly():
        z = program(leaf([1.0, 0.0, -1.0]))
        with pytest.raises(ge.AnomalyError) as caught:
            z.backward(create_graph=create_graph)
    # Recorded, the rules are ops themselves, and one inside a rule may be the first.
    assert create_graph or re.search(words, str(caught.value))
    assert create_graph or re.search(r"the op was called at tests/core/test_observe.py:\d+: .*x", str(caught.value))
    z = program(leaf([1.0, 0.0, -1.0]))
    with ge.detect_anomaly(), pytest.raises(ge.AnomalyError, match="run the forward pass inside detect_anomaly"):
        z.backward()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_only_what_makes_it_is_an_anomaly_not_what_passes_it_on() -> None:
    with ge.detect_anomaly():
        x = leaf([1.0, np.nan, np.inf])
        y = ge.exp(x) * 2
        y.backward(np.array([1.0, np.nan, np.nan]))
        assert np.isnan(x.grad.data[1])
        masked = ge.where(np.array([True, False, True]), leaf([1.0, 2.0, 3.0]), -np.inf)
        ge.softmax(masked).sum().backward()
        ge.masked_fill(leaf([1.0, 2.0]), np.array([True, False]), -np.inf)
        (leaf([1.0]) * 2).backward(np.array([np.inf]))
        assert not np.isfinite((ge.tensor(0.0) / 0.0).data)  # nothing recorded, nothing seen


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_anomalies_inside_checkpoints_and_functions_are_found() -> None:
    class Pole(ge.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * np.inf

    with ge.detect_anomaly():
        with pytest.raises(ge.AnomalyError, match=r"ln\(\) made nan"):
            ge.checkpoint(lambda h: ge.ln(h), leaf([-1.0]))
        z = ge.checkpoint(lambda h: ge.sqrt(h), leaf([0.0]))
        with pytest.raises(ge.AnomalyError, match="SqrtBackward made inf"):
            z.backward()
        with pytest.raises(ge.AnomalyError, match="PoleBackward made inf"):
            Pole.apply(leaf([2.0])).backward()


# --- together -------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_contexts_compose_in_any_order() -> None:
    x = leaf([0.0])
    with ge.scope("a"), ge.detect_anomaly(), ge.scope("b"), ge.record_source():
        y = x * 2
        assert noted(y).scope == "a.b" and noted(y).source[2] == "y = x * 2"
        with pytest.raises(ge.AnomalyError):
            ge.ln(x)
    with ge.record_source():
        with ge.scope("c"):
            y = x * 2
        z = x * 2
        ge.ln(x)
    assert noted(y).scope == "c" and noted(y).source
    assert not noted(z).scope and noted(z).source


def test_contexts_belong_to_their_thread() -> None:
    def work(k: int) -> None:
        with ge.scope(f"t{k}"):
            for _ in range(200):
                ok[k] = ok[k] and noted(leaf(1.0) * 2).scope == f"t{k}"

    ok = dict.fromkeys(range(4), True)
    threads = [threading.Thread(target=work, args=(k,)) for k in ok]
    with ge.detect_anomaly():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert all(ok.values())


def test_a_watched_graph_gives_the_same_gradients() -> None:
    def run() -> list[np.ndarray]:
        x, w = leaf([[1.0, 2.0]]), leaf([[0.5, -1.0], [2.0, 0.1]])
        h = ge.tanh(x @ w) * x
        (g,) = ge.grad((h * h).sum(), [w], create_graph=True)
        (g * g).sum().backward(retain_graph=True)
        return [g.data, x.grad.data, w.grad.data]

    plain = run()
    with ge.scope("a"), ge.record_source(), ge.detect_anomaly():
        watched = run()
    for mine, other in zip(watched, plain, strict=True):
        np.testing.assert_array_equal(mine, other)
