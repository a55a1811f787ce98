"""Derivatives where functions have kinks, poles and ends: the true value, that of one side of a kink, or NaN."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.define import DEFINED
from grad_engine.core.op import OPS, Op
from tests.samples import cases

ENDS = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.0, 3.0, -3.0, 6.0, 20.0, -20.0, 300.0, -300.0, np.inf, -np.inf]
STEP = 1e-6
SHARING = {"maximum", "minimum"}  # of equals each takes half: a second derivative takes these shares as constants


@pytest.fixture(autouse=True)
def silent() -> Iterator[None]:
    with np.errstate(all="ignore"):
        yield


def slope(f: Callable[..., Any], xs: tuple[float, ...]) -> np.ndarray:
    """The gradient of f by each of several numbers."""
    leaves = [ge.tensor(float(x), requires_grad=True) for x in xs]
    shares = ge.grad(f(*leaves), leaves, allow_unused=True)
    return np.array([0.0 if share is None else share.item() for share in shares])


def curvature(f: Callable[..., Any], xs: tuple[float, ...]) -> np.ndarray:
    """The second derivatives of f by each pair of several numbers."""
    leaves = [ge.tensor(float(x), requires_grad=True) for x in xs]
    found = np.zeros((len(xs), len(xs)))
    for i, share in enumerate(ge.grad(f(*leaves), leaves, create_graph=True, allow_unused=True)):
        if share is not None and share.requires_grad:
            rows = ge.grad(share, leaves, retain_graph=True, allow_unused=True)
            found[i] = [0.0 if row is None else row.item() for row in rows]
    return found


def quotients(f: Callable[..., Any], xs: tuple[float, ...]) -> list[np.ndarray]:
    """The second derivatives of f by differences of the first: around the point, at it, and beside it, on each side."""
    found: list[list[np.ndarray]] = [[], [], [], [], []]
    for k in range(len(xs)):
        at: dict[int, np.ndarray] = {}
        for places in (-2, -1, 0, 1, 2):
            moved = tuple(x + places * STEP * max(1.0, abs(x) ** 0.5) * (i == k) for i, x in enumerate(xs))
            at[places] = slope(f, moved)
        width = STEP * max(1.0, abs(xs[k]) ** 0.5)  # small, for functions that oscillate
        for column, (low, high) in zip(found, [(-1, 1), (-1, 0), (0, 1), (-2, -1), (1, 2)], strict=True):
            column.append((at[high] - at[low]) / ((high - low) * width))
    return [np.array(columns).T for columns in found]


def near(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.abs(one - other) <= 2e-3 * np.maximum(1.0, np.abs(other))


def element_by_element() -> Iterator[tuple[str, Callable[..., Any], int]]:
    """Each op on elements, and its square, as a function of that many numbers."""
    for op in OPS.values():
        if not op.differentiable or op.category not in ("arithmetic", "elementwise", "activation"):
            continue
        if op.inputs not in (("x",), ("x", "y"), ("y", "x")) or "axis" in op.static or op.name == "kink":
            continue
        calls: list[dict[str, Any]] = [] if inspect.Parameter.empty in op.static.values() else [{}]
        calls += [dict(each.static) for each in op.cases if each.static and "mask" not in each.static]
        for i, static in enumerate(calls):

            def call(*xs: Any, op: Op = op, static: dict[str, Any] = static) -> Any:
                return DEFINED[op.name](*xs, **static)

            yield f"{op.name}-{i}", call, len(op.inputs)
            yield f"{op.name}-{i}-squared", lambda *xs, call=call: call(*xs) ** 2, len(op.inputs)


FUNCTIONS = list(element_by_element())
NAMES = [name for name, _, _ in FUNCTIONS]


@pytest.mark.parametrize(("name", "f", "count"), FUNCTIONS, ids=NAMES)
def test_a_second_derivative_is_never_made_up(name: str, f: Callable[..., Any], count: int) -> None:
    """A finite one is that of the function, or of one side of a kink; elsewhere it is NaN or infinite."""
    finite = [x for x in ENDS if np.isfinite(x)]
    for xs in itertools.product(finite if count == 1 else finite[:8], repeat=count):
        if np.isnan(f(*map(float, xs)).item()) or (name.split("-")[0] in SHARING and xs[0] == xs[1]):
            continue
        exact, others = curvature(f, xs), quotients(f, xs)
        known = np.isfinite(exact) & ~np.isnan(others[0])
        right = np.any([near(exact, other) for other in others], axis=0)
        assert (right | ~known).all(), f"{name} at {xs}: {exact.tolist()}, by differences {others[0].tolist()}"


@pytest.mark.parametrize(("name", "f", "count"), FUNCTIONS, ids=NAMES)
def test_a_product_with_the_jacobian_is_finite_where_the_gradient_is(
    name: str, f: Callable[..., Any], count: int
) -> None:
    # of two operands only the op itself is tried at inf: the product 0 · inf of its square is NaN in any order
    points = ENDS if count == 1 else ENDS[:6] if name.endswith("squared") else [*ENDS[:6], np.inf]
    for xs in itertools.product(points, repeat=count):
        gradient, value = slope(f, xs), f(*map(float, xs)).item()
        if not (np.isfinite(gradient).all() and np.isfinite(value)):
            continue
        for k in range(count):
            along = tuple(ge.tensor(float(i == k)) for i in range(count))
            pushed = ge.jvp(f, tuple(ge.tensor(float(x)) for x in xs), along)[1]
            assert np.isclose(pushed.item(), gradient[k], rtol=1e-9, atol=1e-12), (name, xs, k)


# --- functions of whole tensors ---------------------------------------------------------------------------------------

WEIGHT = np.array([1.0, -0.5, 2.0])


def hessian(f: Callable[[Any], Any], x: Any) -> np.ndarray:
    x = np.asarray(x, float)
    return np.asarray(ge.hessian(f, x)).reshape(x.size, x.size)


def differences(f: Callable[[Any], Any], x: Any) -> np.ndarray:
    """The Hessian by central differences of the gradient."""
    x = np.asarray(x, float)

    def gradient(at: np.ndarray) -> np.ndarray:
        leaf = ge.tensor(at, requires_grad=True)
        (share,) = ge.grad(f(leaf), [leaf])
        return share.numpy().ravel()

    steps = STEP * np.eye(x.size).reshape(-1, *x.shape)
    return np.array([(gradient(x + step) - gradient(x - step)) / (2 * STEP) for step in steps]).T


ORDERS = [2, 1, 3, 4, 1.5, 0.5, -1, -2.5, np.inf, -np.inf]


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("order", ORDERS)
def test_a_norm_has_no_second_derivative_at_length_0(order: float, power: int) -> None:
    """The gradient there is 0. PyTorch's Hessian is NaN too; that of norm(x)**2 would be 2I for order 2."""
    leaf = ge.tensor(np.zeros(2), requires_grad=True)
    (share,) = ge.grad(ge.norm(leaf, ord=order) ** power, [leaf])
    assert (share.numpy() == 0).all()
    assert np.isnan(hessian(lambda x: ge.norm(x, ord=order) ** power, np.zeros(2))).all()


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("order", [order for order in ORDERS if abs(order) < np.inf])
def test_a_norm_at_an_element_that_is_0(order: float, power: int) -> None:
    """Orders from 2 on are smooth there, lower ones have a kink or an infinite second derivative at that element."""
    f, x = (lambda x: ge.norm(x, ord=order) ** power), [0.0, 2.0, -1.0]
    exact, close = hessian(f, x), differences(f, x)
    if order >= 2:
        np.testing.assert_allclose(exact, close, atol=1e-4)
    elif order > 0:
        assert np.isnan(exact[0, 0]) or (order == power == 1 and exact[0, 0] == 0)
        np.testing.assert_allclose(exact[1:, 1:], close[1:, 1:], atol=1e-4)
    else:
        assert np.isnan(exact[0]).all()


def test_norms_along_an_axis_lose_only_the_rows_of_length_0() -> None:
    for order in (1.5, 2, 3):
        found = hessian(lambda x, order=order: (ge.norm(x, ord=order, axis=1) ** 2).sum(), [[0.0, 0.0], [1.0, 2.0]])
        assert np.isnan(found[:2, :2]).all()
        close = differences(lambda x, order=order: ge.norm(x, ord=order) ** 2, [1.0, 2.0])
        np.testing.assert_allclose(found[2:, 2:], close, atol=1e-4)


UNDEFINED: list[tuple[str, Callable[[Any], Any], Any]] = [
    ("rbf", lambda x: ge.exp(-(ge.norm(x - WEIGHT) ** 2)), WEIGHT),
    ("rbf of cdist", lambda x: ge.exp(-(ge.cdist(x, WEIGHT[None]) ** 2)).sum(), WEIGHT[None]),
    ("pairwise_distance", lambda x: (ge.pairwise_distance(x, WEIGHT[None], eps=0.0) ** 2).sum(), WEIGHT[None]),
    ("pdist", lambda x: (ge.pdist(x) ** 2).sum(), [[1.0, 2.0], [1.0, 2.0]]),
    ("std", lambda x: x.std() ** 2, [2.0, 2.0, 2.0]),
    ("nanstd", lambda x: ge.nanstd(x) ** 2, [2.0, 2.0, 2.0]),
    ("hypot", lambda x: np.hypot(x[0], x[1]) ** 2, [0.0, 0.0]),
    ("arctan2", lambda x: np.arctan2(x[0], x[1]), [0.0, 0.0]),
    ("abs", lambda x: (np.abs(x) ** 2).sum(), [0.0, 0.0]),
    ("l1_loss", lambda x: ge.l1_loss(x, np.zeros(1)) ** 2, [0.0]),
    ("smooth_l1_loss", lambda x: ge.smooth_l1_loss(x, np.zeros(1), beta=0) ** 2, [0.0]),
    ("softplus by hand", lambda x: (ge.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))).sum(), [0.0, 0.0]),
]


@pytest.mark.parametrize(("name", "f", "x"), UNDEFINED, ids=[name for name, _, _ in UNDEFINED])
def test_what_goes_through_a_kink_has_a_second_derivative_of_nan(name: str, f: Any, x: Any) -> None:
    """The gradient is right, and finite; the second derivative that the rules would give is not."""
    diagonal = np.diag(hessian(f, x))
    assert np.isnan(diagonal).all(), name


SMOOTH: list[tuple[str, Callable[[Any], Any], Any]] = [
    ("power by an array", lambda x: (np.power(x, np.array([0, 1, 2, 3])) * [1, 2, 3, 4]).sum(), [0.0, 0.0, 0.0, 0.0]),
    ("power of an array", lambda x: np.power(np.array([1.0, 2.0, 3.0]), x).sum(), [0.0, 1.0, 2.0]),
    ("powers", lambda x: np.power(x[:2], x[2:]).sum(), [2.0, 3.0, 0.0, 1.0]),
    ("vander", lambda x: (ge.vander(x, 4) * [1, 2, 3, 4]).sum(), [0.0, 1.0, -1.0]),
    ("polynomial", lambda x: np.polyval(np.array([1.0, 2.0, 3.0, 4.0]), x).sum(), [0.0, 1.0]),
    ("prod", lambda x: ge.prod(x) * 2, [2.0, 0.0, 3.0]),
    ("prod of zeros", lambda x: ge.prod(x), [0.0, 0.0, 3.0]),
    ("cumprod", lambda x: (ge.cumprod(x) * WEIGHT).sum(), [2.0, 0.0, 3.0]),
    ("var", lambda x: x.var(), [2.0, 2.0, 2.0]),
    ("logsumexp", lambda x: ge.logsumexp(x), [0.0, 0.0, 0.0]),
    ("logsumexp by hand", lambda x: x.max() + np.log(np.exp(x - x.max()).sum()), [0.0, 0.0, 0.0]),
    ("softmax by hand", lambda x: ((e := np.exp(x - x.max())) / e.sum() * WEIGHT).sum(), [0.0, 0.0, 0.0]),
    ("squared distance", lambda x: ge.exp(-((x - WEIGHT) ** 2).sum()), WEIGHT),
    ("huber by hand", lambda x: ge.where(np.abs(x) <= 1, 0.5 * x * x, np.abs(x) - 0.5).sum(), [0.0, 0.3, 2.0]),
    ("huber_loss", lambda x: ge.huber_loss(x, np.zeros(3)), [0.0, 0.3, 2.0]),
    ("normalize", lambda x: (ge.normalize(x, eps=0.1) * WEIGHT).sum(), [[0.0, 0.0, 0.0]]),
    ("renorm", lambda x: (ge.renorm(x, 2, 0, 1.0) * WEIGHT).sum(), [[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]]),
    ("logit", lambda x: ge.logit(x, eps=0.2).sum(), [0.0, 1.0, 0.5]),
    ("log_ndtr", lambda x: ge.log_ndtr(x).sum(), [-3.0, 0.0, 40.0]),
    ("hardswish", lambda x: (ge.hardswish(x) ** 2).sum(), [0.0, 4.0, -4.0]),
    ("layer_norm", lambda x: (ge.layer_norm(x, (3,)) * WEIGHT).sum(), [[1.0, 1.0, 1.0]]),
    ("attention to nothing", lambda x: ge.scaled_dot_product_attention(x, x, x, np.zeros((2, 2), bool)).sum(),
     [[1.0, 2.0], [0.0, 1.0]]),
    ("det, rank 1", ge.linalg.det, np.outer([1.0, 2.0, 3.0], [1.0, 0.0, 2.0])),
    ("det, rank 2", ge.linalg.det, np.arange(9.0).reshape(3, 3)),
    ("det of zeros", lambda x: ge.linalg.det(x) ** 2 + ge.linalg.det(x), np.zeros((2, 2))),
    ("det of a batch", lambda x: ge.linalg.det(x).sum(), np.stack([np.eye(2), np.ones((2, 2))])),
]  # fmt: skip


@pytest.mark.parametrize(("name", "f", "x"), SMOOTH, ids=[name for name, _, _ in SMOOTH])
def test_a_smooth_function_has_its_second_derivative(name: str, f: Any, x: Any) -> None:
    np.testing.assert_allclose(hessian(f, x), differences(f, x), atol=1e-4, err_msg=name)


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_a_determinant_of_a_singular_matrix_has_every_derivative(rank: int) -> None:
    """det is a polynomial of third degree: its third derivative is the same everywhere, its fourth is 0."""

    def third(at: np.ndarray) -> np.ndarray:
        leaf = ge.tensor(at, requires_grad=True)
        out = ge.linalg.det(leaf)
        for k in range(3):
            (out,) = ge.grad(
                (out * np.random.default_rng(k).standard_normal(out.shape)).sum(), [leaf], create_graph=True
            )
        return np.asarray(out.detach().numpy())

    singular = np.diag([1.0, 2.0, 3.0][:rank] + [0.0] * (3 - rank))
    np.testing.assert_allclose(third(singular), third(np.array([[2.0, 1, 0], [0, 1, 1], [1, 0, 2]])), atol=1e-9)


def test_qr_is_refused_where_a_column_depends_on_others() -> None:
    leaf = ge.tensor(np.ones((2, 2)), requires_grad=True)
    with pytest.raises(ge.SingularError, match="depends on those before it"):
        ge.linalg.qr(leaf)[1].sum().backward()


@pytest.mark.parametrize(
    "f",
    [lambda x: np.power(x, np.array([0.0, 1.0, 2.0])), lambda x: np.power(np.zeros(3), x), lambda x: 0.0**x,
     ge.elu, ge.hardswish, lambda x: ge.norm(x * 0.0) + x, lambda x: x.std(), lambda x: ge.norm(x, ord=1.5) * x,
     lambda x: ge.logit(x, eps=0.1), lambda x: ge.prelu(x, np.array([0.25])), lambda x: ge.linalg.vander(x, 3)],
)  # fmt: skip
@pytest.mark.parametrize("x", [[0.0, 0.0, 0.0], [0.0, 1.0, 2.0], [1.0, 1.0, 1.0]])
def test_columns_rows_and_products_agree(f: Callable[..., Any], x: list[float]) -> None:
    """However a Jacobian is taken, it holds the same finite numbers."""
    at = np.array(x)
    rows, columns = (np.asarray(ge.jacobian(f, at, by=by)) for by in ("rows", "columns"))
    assert np.isfinite(rows).all()
    np.testing.assert_allclose(columns, rows, atol=1e-12)
    pushed = np.asarray(ge.jvp(f, at, WEIGHT)[1])
    np.testing.assert_allclose(pushed, rows.reshape(-1, 3).dot(WEIGHT).reshape(pushed.shape), atol=1e-12)


def test_every_op_of_one_or_two_elements_is_looked_at() -> None:
    assert len(FUNCTIONS) > 150 and all(cases(op) for op in OPS.values())
