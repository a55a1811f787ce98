"""What people read of a program: names that say what a value is, loops, comments and messages."""

from __future__ import annotations

import ast
import importlib.util
import re
from inspect import isfunction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine import nn, optim
from grad_engine.program.plain_spelling import PlainSpelling
from grad_engine.program.spelling import Names
from grad_engine.program.steps import Value
from tests.support import normal

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 3)), RNG.normal(size=20)
PLACES = np.sort(RNG.uniform(0, 5, 12))
MODEL = nn.Sequential(nn.Linear(3, 4, seed=0), nn.Tanh(), nn.Linear(4, 1, seed=1))


def logistic(w: Any, b: Any) -> Any:
    score = X @ w + b
    prob = 1 / (1 + np.exp(-score))
    fit = -np.mean((Y > 0) * np.log(prob) + (Y <= 0) * np.log(1 - prob))
    return fit + 0.01 * np.sum(w**2)


def mlp(w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
    hidden = np.maximum(X @ w1 + b1, 0)
    out = hidden @ w2 + b2
    return np.mean((out - Y[:, None]) ** 2)


def attention(q: Any, k: Any, v: Any) -> Any:
    scores = q @ k.T / np.sqrt(3.0)
    scores = np.where(np.tri(5) > 0, scores, -1e9)
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = e / e.sum(axis=-1, keepdims=True)
    return np.sum((weights @ v) ** 2)


def process(logs: Any) -> Any:
    length, height, noise = np.exp(logs)
    apart = PLACES[:, None] - PLACES[None, :]
    K = height**2 * np.exp(-0.5 * apart**2 / length**2) + noise**2 * np.eye(12)
    L = np.linalg.cholesky(K)
    a = np.linalg.solve(L, np.sin(PLACES))
    return 0.5 * a @ a + np.log(np.diagonal(L)).sum()


def shared_value(a: Any) -> Any:
    """Its gradient makes 0.5 * a, which the forward pass has made already."""
    half = 0.5 * a
    return half @ a + np.sum(np.exp(half))


def layers(p: dict[str, Any], x: Any) -> Any:
    h = x
    for w, b in p["layers"]:
        h = np.tanh(h @ w + b)
    return np.mean(h**2)


def scanned(w: Any, u: Any, b: Any) -> Any:
    def cell(h: Any, x: Any) -> Any:
        h = np.tanh(w @ h + u @ x + b)
        return h, h

    last, hs = ge.scan(cell, np.zeros(4), X)
    return np.sum((last - 1.0) ** 2) + np.sum(hs)


def unrolled(actions: Any) -> Any:
    """What is taken out of `state` is what went into it, whose gradient is more than that of what is taken out."""
    state, total = np.zeros(2), 0.0
    for a in actions:
        place, speed = state
        speed = 0.9 * speed + 0.1 * np.tanh(a)
        place = place + 0.1 * speed
        state = np.stack([place, speed])
        total = total + np.sum((state - 1.0) ** 2)
    return total


LOSSES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "logistic": (logistic, (normal(3), np.float64(0.1))),
    "mlp": (mlp, (normal(3, 4), normal(4), normal(4, 1), normal(1))),
    "attention": (attention, (normal(5, 3), normal(5, 3), normal(5, 2))),
    "process": (process, (np.log(np.array([1.0, 1.0, 0.3])),)),
    "shared_value": (shared_value, (normal(4),)),
    "unrolled": (unrolled, (normal(4),)),
    "layers": (layers, ({"layers": [(normal(3, 3), normal(3)), (normal(3, 2), normal(2))]}, X)),
}


def source_of(name: str) -> tuple[str, tuple[Any, ...]]:
    """The program of the loss and its gradients, and its arguments."""
    loss, args = LOSSES[name]
    several = len(args) > 1 and name != "layers"
    compiled = ge.compile(ge.value_and_grad(loss, argnums=tuple(range(len(args))) if several else 0))
    compiled(*args)
    given = [np.asarray(leaf) for leaf in flat(args)]
    names = compiled.source[compiled.source.index("(") + 1 : compiled.source.index("):")].split(", ")
    return compiled.source, (*given, *(globals()[name] for name in names[len(given) :]))


def flat(tree: Any) -> list[Any]:
    if isinstance(tree, dict):
        return [leaf for part in tree.values() for leaf in flat(part)]
    return [leaf for part in tree for leaf in flat(part)] if isinstance(tree, list | tuple) else [tree]


class _Moved(ast.NodeTransformer):
    """Adds to a value, where it is made, what `moves` holds under its name, and notes all values."""

    def visit_Assign(self, node: ast.Assign) -> Any:
        name = node.targets[0]
        if not isinstance(name, ast.Name):
            return node
        return [node, *ast.parse(f"{name.id} = noted({name.id!r}, {name.id})").body]

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        self.generic_visit(node)
        names = [each.arg for each in node.args.args]
        node.body = [*ast.parse("\n".join(f"{n} = noted({n!r}, {n})" for n in names)).body, *node.body]
        return node


def run(source: str, args: tuple[Any, ...], moves: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    """(the loss, all values by name) of a source in which some values are moved."""
    tree = ast.fix_missing_locations(_Moved().visit(ast.parse(source)))
    values: dict[str, Any] = {}

    def noted(name: str, value: Any) -> Any:
        values[name] = value + moves[name] if name in moves else value
        return values[name]

    scope: dict[str, Any] = {"np": np, "noted": noted}
    exec(compile(tree, "<source>", "exec"), scope)
    (function,) = [value for key, value in scope.items() if callable(value) and key != "noted"]
    return function(*args)[0], values


@pytest.mark.parametrize("name", LOSSES)
def test_g_of_a_name_is_the_gradient_of_the_value_of_that_name(name: str) -> None:
    """For every g_x of a source: the loss changes as it says when x is moved where it is made.

    But for `state`, of which the program reads what went into it.
    """
    source, args = source_of(name)
    _, values = run(source, args, {})
    gradients = [each for each in values if each.startswith("g_") and not each.startswith("g_state")]
    assert len(gradients) >= len([*flat(LOSSES[name][1])]) - (name == "layers")
    for each in gradients:
        of = each[2:]
        assert of in values, f"{each} is the gradient of {of}, which is nothing in:\n{source}"
        assert np.shape(values[each]) == np.shape(values[of])
        direction = np.random.default_rng(1).normal(size=np.shape(values[of]))
        up, down = (run(source, args, {of: sign * 1e-6 * direction})[0] for sign in (1, -1))
        np.testing.assert_allclose(
            np.sum(values[each] * direction), (up - down) / 2e-6, rtol=2e-5, atol=1e-7, err_msg=f"{each}\n{source}"
        )


@pytest.mark.parametrize("name", LOSSES)
def test_what_is_returned_as_a_gradient_has_its_name(name: str) -> None:
    source, _ = source_of(name)
    parameters = re.findall(r"\w+", source[source.index("(") : source.index(")")])
    returned = re.findall(r"[\w.]+", source[source.rindex("return") :])
    wanted = [each for each in parameters if each != "x" and not each.isupper()][: 4 if name == "layers" else None]
    known = {"PLACES"}
    assert [each for each in returned if each.startswith("g_")] == [f"g_{each}" for each in wanted if each not in known]


def test_gradients_of_parameters_are_named_after_them() -> None:
    optimizer = optim.SGD(MODEL.parameters(), lr=0.1)

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = ((MODEL(x) - y) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    compiled = ge.compile(step)
    compiled(X, Y[:, None])
    for part in ("0_weight", "0_bias", "2_weight", "2_bias"):
        assert f"\n    g_MODEL_{part} = " in compiled.source
        assert (
            f"    # SGD: MODEL_{part} -= lr * g_MODEL_{part}\n    MODEL_{part} -= g_MODEL_{part} * lr\n"
            in compiled.source
        )


def test_a_gradient_of_two_parameters_says_so() -> None:
    compiled = ge.compile(ge.value_and_grad(lambda w, b: np.sum(np.tanh(X + w + b)), argnums=(0, 1)))
    compiled(normal(3), normal(3))
    assert re.search(r"\n    g_(w = .*  # which is g_b|b = .*  # which is g_w) too\n", compiled.source)


def test_totals_of_a_scan_are_named_and_explained() -> None:
    compiled = ge.compile(ge.value_and_grad(scanned, argnums=(0, 1, 2)))
    args = normal(4, 4), normal(4, 3), normal(4)
    found, wanted = compiled(*args), ge.value_and_grad(scanned, argnums=(0, 1, 2))(*args)
    for each in "wub":
        assert re.search(rf"\n    total_g_{each} = np.zeros\(.*\)  # the gradient of {each}: the sum", compiled.source)
        assert f"        total_g_{each} += g_{each}\n" in compiled.source
    assert compiled.source.splitlines()[-1].endswith("total_g_w, total_g_u, total_g_b")
    for one, other in zip(flat(found), flat(wanted), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_parts_of_a_carry_are_named_by_the_variables_that_take_them_up() -> None:
    def loss(x: Any) -> Any:
        def step(state: Any, row: Any) -> Any:
            place, speed = state
            return (place + 0.1 * speed, speed - 0.1 * np.sin(place) * row), None

        (place, _), _ = ge.scan(step, (np.ones(2), np.zeros(2)), x)
        return np.sum(place**2)

    compiled = ge.compile(ge.value_and_grad(loss))
    compiled(X[:, 0])
    for line in ("place = np.ones(2)", "for place_before, row in zip(saved_place[::-1], x[::-1])"):
        assert line in compiled.source
    assert "saved_speed" not in compiled.source  # which no gradient needs


MATRICES: dict[str, tuple[Any, Any, str]] = {
    "rosenbrock": (ge.hessian, lambda x: (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum(), "H"),
    "of_two": (ge.hessian, lambda p: (p[0] ** 2 + p[1] - 11) ** 2 + (p[0] + p[1] ** 2 - 7) ** 2, "H"),
    "logsumexp": (ge.hessian, lambda x: np.log(np.sum(np.exp(x * np.arange(1.0, len(x) + 1)))), "H"),
    "waves": (ge.hessian, lambda x: np.sum(np.sin(x) * np.cos(x[::-1])), "H"),
    "polar": (ge.jacobian, lambda p: np.stack([p[0] * np.cos(p[1]), p[0] * np.sin(p[1])]), "J"),
    "field": (ge.jacobian, lambda x: np.tanh(np.outer(x, x) @ x), "J"),
}


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("name", MATRICES)
def test_rows_of_a_matrix_of_derivatives_are_a_loop(name: str, exact: bool, tmp_path: Path) -> None:
    """One round for each row, under the name of the matrix; the file gives what eager mode gives."""
    derive, f, matrix = MATRICES[name]
    x = np.linspace(0.5, 1.5, 2 if name in ("of_two", "polar") else 8)
    compiled = ge.compile(derive(f), exact=exact)
    found = compiled(x)
    code = [line.partition("#")[0] for line in compiled.source.splitlines()]
    assert sum(line.startswith("    for ") for line in code) == 1 and f"        {matrix}.append({matrix}_row)" in code
    assert not any(re.search(r"\bg_x_?\d", line) for line in code)
    assert not any(re.search(r"(?<![\d.])0\.0 [*+-] |[*+-] 0\.0(?!\d)", line) for line in code), compiled.source
    saved = saved_function(compiled, tmp_path)(x)
    np.testing.assert_allclose(found, derive(f)(x), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(saved, derive(f)(x), rtol=1e-12, atol=1e-12)


def test_rows_that_are_not_alike_stay_apart() -> None:
    compiled = ge.compile(lambda x: np.stack([np.sin(x), np.cos(x), x * 2, np.sin(x)]))
    compiled(X)
    assert "for " not in compiled.source
    np.testing.assert_array_equal(compiled(X), np.stack([np.sin(X), np.cos(X), X * 2, np.sin(X)]))


def test_rows_that_are_read_elsewhere_stay_apart() -> None:
    def f(x: Any) -> Any:
        rows = [np.exp(x * unit) + 1 for unit in np.eye(3)]
        return np.stack(rows), rows[0] * 2

    compiled = ge.compile(f)
    for one, other in zip(compiled(X), f(X), strict=True):
        np.testing.assert_array_equal(one, other)
    assert "    for " not in compiled.source


def saved_function(compiled: Any, path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("saved", compiled.save(path / "saved.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (function,) = (each for name, each in vars(module).items() if isfunction(each) and name[0] != "_")
    return function


def test_zeros_are_left_out_where_eager_mode_gives_the_same() -> None:
    """x + 0 and 0 - x are left out but with exact; 0 * x is not, since 0 * inf is NaN."""
    f = lambda x: (np.zeros(3) - x, x + np.zeros(3), x * np.zeros(3))  # noqa: E731
    x = np.array([1.0, np.inf, np.nan])
    for exact in (False, True):
        with np.errstate(invalid="ignore"):
            for one, other in zip(ge.compile(f, exact=exact)(x), f(x), strict=True):
                np.testing.assert_array_equal(one, other)
    bits = [each.tobytes() for each in ge.compile(f, exact=True)(np.zeros(3))]
    assert bits == [each.tobytes() for each in f(np.zeros(3))]
    compiled = ge.compile(lambda x: np.exp(np.zeros(3) - x) + np.zeros(3))
    compiled(x)
    assert compiled.source.splitlines()[-1] == "    return np.exp(-x)"


def test_a_check_says_its_question_the_line_the_answers_and_the_way_out(tmp_path: Path) -> None:
    def loss(k: Any) -> Any:
        L = np.linalg.cholesky(k)
        return np.log(np.diagonal(L)).sum()

    compiled = ge.compile(ge.value_and_grad(loss))
    compiled(np.eye(3))
    saved = saved_function(compiled, tmp_path)
    with pytest.raises(ValueError, match=r"test_readable.py, line \d+, L = np.linalg.cholesky\(k\): ") as caught:
        saved(np.eye(3) + np.tri(3))
    words = str(caught.value)
    assert "does the matrix differ from its transpose? Yes, but no when this was traced" in words
    assert "call the compiled function" in words
    with pytest.raises(ge.ShapeError, match="symmetric"):
        compiled(np.eye(3) + np.tri(3))


def test_a_check_of_numbers_says_which_they_are(tmp_path: Path) -> None:
    compiled = ge.compile(lambda x, classes: nn.functional.cross_entropy(x, classes))
    compiled(X, np.arange(20) % 3)
    with pytest.raises(ValueError, match=r"classes.min\(\) is 0, classes.max\(\) is 7"):
        saved_function(compiled, tmp_path)(X, np.arange(20) % 8)


def test_each_check_stands_once() -> None:
    compiled = ge.compile(lambda x: ge.value_and_grad(lambda x: np.sum(x.max(axis=0) * x.max(axis=0)), x))
    compiled(X)
    assert compiled.source.count("raise ValueError") <= 1


def test_constants_have_the_names_of_the_user() -> None:
    def f(x: Any) -> Any:
        basis = np.cos(np.outer(np.arange(30), np.linspace(0, 3, 3)))
        window = np.hanning(30)
        return ge.value_and_grad(lambda x: np.sum((basis @ x * window) ** 2), x)

    compiled = ge.compile(f)
    compiled(X[0])
    assert compiled.source.startswith("def f(x, *, basis, window):")
    assert "basis.T @ g_" in compiled.source or "basis.T @ (" in compiled.source
    assert "    # basis: constant of shape (30, 3), float64; for" in compiled.source


def test_a_comment_names_things_as_the_code_below() -> None:
    compiled = ge.compile(
        lambda p, x: ge.value_and_grad(lambda p: np.sum(np.exp(p["w"] * x) + p["b"]), p)[1]["w"]
    )  # fmt: skip
    compiled({"w": X[0], "b": X[1]}, X)
    assert "np.exp(w * x) + b" in compiled.source and 'p["' not in compiled.source


def test_a_return_of_the_user_is_no_return_in_a_comment() -> None:
    source, _ = source_of("mlp")
    assert "    # in mlp(): np.mean((out - Y[:, None]) ** 2)\n" in source
    assert "    # backward of: np.mean((out - Y[:, None]) ** 2)\n" in source
    assert "# return" not in source


def test_settings_of_a_call_of_the_engine_have_their_names() -> None:
    image, kernel = normal(1, 1, 6, 6), normal(1, 1, 3, 3)
    f = lambda k: ge.value_and_grad(lambda k: (ge.conv2d(image, k, padding=1, dilation=2) ** 2).sum(), k)  # noqa: E731
    compiled = ge.compile(f)
    compiled(kernel)
    if compiled.reasons:  # where it is one call of the engine
        assert (
            "padding=1, dilation=2)" in compiled.source and "# conv2d: the op conv2d of grad_engine" in compiled.source
        )


def test_a_constant_of_a_loop_keeps_its_name_behind_it(tmp_path: Path) -> None:
    """What a round calls its own is free again after the loop, but constants belong to the whole program."""

    def f(w: Any) -> Any:
        def body(h: Any, x: Any) -> Any:
            mask = np.random.default_rng(1).uniform(size=(3, 20)) > 0.5
            return np.tanh(h * w + np.where(mask, x[:, None], 0.0).sum(axis=1)), None

        last, _ = ge.scan(body, np.zeros(3), X)
        mask = np.random.default_rng(2).uniform(size=(3, 20)) > 0.5
        return np.sum(np.where(mask, last[:, None], 0.0))

    compiled = ge.compile(ge.value_and_grad(f))
    w = np.ones(3)
    found = compiled(w)
    assert "mask2" in compiled.source and "    # from the last round to the first\n" in compiled.source
    saved = saved_function(compiled, tmp_path)
    given = [globals()[name] if name == "X" else w for name in compiled.source[6:].partition(", *")[0].split(", ")]
    for one, other in zip(saved(*given), found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_a_round_adds_up_the_gradient_of_what_it_reads_several_times() -> None:
    def loss(w: Any, b: Any) -> Any:
        def cell(h: Any, x: Any) -> Any:
            h = np.tanh(w * np.tanh(w * h + x[0]) + b)
            h = h + 0.1 * np.sin(b) * w
            return h, h

        _, path = ge.scan(cell, np.zeros(3), X)
        return np.sum(path[:, 0] ** 2)

    compiled = ge.compile(ge.value_and_grad(loss, argnums=(0, 1)))
    compiled(np.ones(3), np.float64(0.5))
    names = re.findall(r"^ +(g_\w+) = ", compiled.source, re.MULTILINE)
    assert {"g_w", "g_b", "g_path"} <= {*names} and not {"g_w_2", "g_b_2"} & {*names}
    assert ", g_path_row in zip(" in compiled.source and "# backward of: _, path = ge.scan(" in compiled.source


@pytest.mark.parametrize("number", [1.0, -1.0, 2.0, 1 - 0.9, 1 / 7, 16 / 15, 1e9, np.pi])
def test_matrices_that_are_known_are_written_exactly(number: float) -> None:
    made = [
        number * np.eye(4),
        number * np.eye(4, 3, -1),
        number * np.tri(4),
        np.tri(4) > 0,
        np.tri(5) - 0.5 * np.eye(5),
    ]
    made += [np.repeat([[number], [0.0]], 9, axis=1), np.diag([number, 1.0, 2.0]), np.full((3, 2), number)]
    for data in made:
        value = Value(data, data=data)
        spelling = PlainSpelling(Names(), set())
        assert not spelling.environment
        for text, wanted in (
            (spelling.argument(value), data),
            (f"1.0 - {spelling.inside(value, 5.5)}", 1.0 - data),
            (f"{spelling.inside(value, 6)} * 3.0", data * 3.0),
            (f"{spelling.inside(value, 10)}.T", data.T),
        ):
            found = eval(text, {"np": np})
            assert found.dtype == wanted.dtype
            np.testing.assert_array_equal(found, wanted, err_msg=text)


def test_a_value_is_called_after_the_variable_of_the_caller() -> None:
    def f(w: Any) -> Any:
        def loss(w: Any) -> Any:
            return np.sum((X @ w) ** 2)

        fast = w - 0.1 * ge.grad(loss, create_graph=True)(w)
        return loss(fast)

    compiled = ge.compile(ge.value_and_grad(f))
    compiled(np.ones(3))
    assert "    fast = w - " in compiled.source and "    g_fast = " in compiled.source


def test_the_rule_of_an_optimiser_stands_above_all_its_lines() -> None:
    optimizer = optim.Adam(MODEL.parameters(), lr=0.1, weight_decay=0.01)

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = (MODEL(x) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    compiled = ge.compile(step)
    compiled(X)
    lines = compiled.source.splitlines()
    (place,) = (
        i for i, line in enumerate(lines) if line.startswith("    # Adam: g_MODEL_0_bias += 0.01 * MODEL_0_bias;")
    )
    assert re.match(r"    \w+ = MODEL_0_bias \* 0.01 \+ g_MODEL_0_bias", lines[place + 1])


def test_sums_over_rows_are_one_call() -> None:
    compiled = ge.compile(ge.value_and_grad(lambda c: np.sum(np.exp(-((X[:, None] - c[None]) ** 2)))))
    compiled(normal(4, 3))
    assert re.search(r"    g_c = .*\.sum\(axis=0\)\n", compiled.source) and "reshape" not in compiled.source


def test_comments_tell_a_change_along_a_direction_from_a_gradient() -> None:
    f = lambda x: np.sum(np.sin(x) * x[::-1] ** 2)  # noqa: E731
    product = ge.compile(lambda x, v: ge.hvp(f, x, v)[1])
    product(np.ones(3), np.arange(3.0))
    assert "    # along v: f = lambda x:" in product.source and "    Hv = " in product.source
    matrix = ge.compile(ge.hessian(f))
    matrix(np.ones(3))
    assert "        # along the unit vector: f = lambda x:" in matrix.source


def test_a_loop_says_what_it_computes_again_and_a_file_what_it_imports(tmp_path: Path) -> None:
    def gated(w: Any) -> Any:
        def cell(h: Any, x: Any) -> Any:
            z = 1 / (1 + np.exp(-w * h))
            return z * h + (1 - z) * np.tanh(x), None

        return np.sum(ge.scan(cell, np.ones(3), X)[0] ** 2)

    compiled = ge.compile(ge.value_and_grad(gated))
    compiled(np.ones(3))
    assert "        # of the round only h was kept: compute it again\n        # z = 1 / " in compiled.source
    loss = ge.compile(lambda x: ge.value_and_grad(lambda x: np.sum(ge.erf(x) * x), x))
    loss(X)
    words = loss.save(tmp_path / "loss.py").read_text("utf-8").splitlines()[0]
    assert words.endswith("NumPy and SciPy alone." + '"""')


def test_a_saved_program_says_how_structures_became_flat(tmp_path: Path) -> None:
    @ge.compile
    def step(params: Any, x: Any) -> Any:
        return (params["w"] * x).sum(), {"w": params["w"] - x, 'a "b" \\ c': [params["b"] * 2]}

    params = {"w": np.array([1.0, 2.0]), "b": np.array([3.0])}
    step(params, np.array([4.0, 5.0]))
    function = saved_function(step, tmp_path)
    words = " ".join(str(function.__globals__["__doc__"]).split())
    assert "The parts of a structure are arguments of their own, in this order: w, b: params['w'], params['b']" in words
    assert "It returns one flat tuple of what the function returns: result[0], result[1]['w'], result[1][" in words
    loss, w, b = function(params["w"], params["b"], np.array([4.0, 5.0]))
    assert loss == 14 and w.tolist() == [-3, -3] and b.tolist() == [6]
    for wrong in ([3.0], (3.0,), {"b": 3.0}):
        with pytest.raises(TypeError, match=r"b is a (list|tuple|dict), but this program takes arrays and numbers"):
            function(params["w"], wrong, np.array([4.0, 5.0]))


def test_a_saved_program_without_structures_says_nothing_of_them(tmp_path: Path) -> None:
    pair = ge.compile(lambda x, y: (x + y, x * y))
    pair(np.ones(2), np.ones(2))
    assert "\n" not in saved_function(pair, tmp_path).__globals__["__doc__"]
    named = ge.compile(lambda x: {"a": x * 2})
    named(np.ones(2))
    assert "It returns one part of what the function returns: result['a']" in " ".join(
        saved_function(named, tmp_path).__globals__["__doc__"].split()
    )


def test_a_saved_program_has_no_line_above_120_columns(tmp_path: Path) -> None:
    many = ge.compile(lambda p: [value * 2 for value in p.values()])
    many({f"the_weight_of_layer_{number}": np.ones(number + 1) for number in range(20)})
    lines = many.save(tmp_path / "many.py").read_text("utf-8").splitlines()
    assert max(map(len, lines)) <= 120 and len(saved_function(many, tmp_path)(*map(np.ones, range(1, 21)))) == 20


def test_a_function_whose_call_failed_says_that_none_was_traced() -> None:
    @ge.compile
    def failing(x: Any) -> Any:
        raise KeyError("w")

    for asked in (lambda: failing.source, lambda: failing.save("never.py")):
        with pytest.raises(
            ge.GraphError, match=r"failing\(\) has no program for (source|save\(\)) yet, since no call of"
        ):
            asked()
        with pytest.raises(KeyError):
            failing(np.ones(2))
