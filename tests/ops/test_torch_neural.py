"""Neural ops and losses against PyTorch: values, first and second derivatives, random inputs and hard points."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.nn import MSELoss
from tests.against_torch import agree
from tests.support import normal

torch = pytest.importorskip("torch")
F = torch.nn.functional


CONVOLUTIONS = [
    ("conv1d", (2, 3, 7), (4, 3, 3), {}),
    ("conv1d", (3, 7), (4, 3, 2), {"stride": 2, "padding": 1}),
    ("conv1d", (2, 4, 9), (6, 2, 3), {"groups": 2, "dilation": 2, "padding": "same"}),
    ("conv2d", (2, 3, 6, 5), (4, 3, 3, 2), {}),
    ("conv2d", (3, 6, 5), (4, 3, 3, 2), {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2)}),
    ("conv2d", (2, 4, 6, 5), (4, 1, 3, 3), {"groups": 4, "padding": 1}),
    ("conv2d", (2, 2, 5, 6), (3, 2, 2, 4), {"padding": "same"}),
    ("conv2d", (2, 2, 5, 6), (3, 2, 2, 4), {"padding": "valid", "stride": 3}),
    ("conv2d", (0, 2, 5, 5), (3, 2, 2, 2), {}),
    ("conv3d", (1, 2, 4, 5, 3), (2, 2, 2, 3, 2), {"padding": (1, 0, 1), "stride": (1, 2, 1)}),
    ("conv_transpose1d", (2, 3, 5), (3, 2, 3), {"stride": 2, "padding": 1, "output_padding": 1}),
    ("conv_transpose2d", (2, 4, 4, 3), (4, 3, 3, 2), {"stride": (2, 3), "padding": (1, 0), "dilation": (2, 1)}),
    ("conv_transpose2d", (4, 4, 3), (4, 3, 2, 2), {"groups": 2, "stride": 2, "output_padding": (1, 0)}),
    ("conv_transpose3d", (1, 2, 2, 3, 2), (2, 2, 2, 2, 2), {"stride": 2}),
    ("conv_transpose1d", (2, 3, 5), (3, 2, 3), {"dilation": 4, "padding": 3, "stride": 2, "output_padding": 3}),
]


@pytest.mark.parametrize(("name", "x", "weight", "static"), CONVOLUTIONS)
@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
def test_convolutions(name: str, x: Any, weight: Any, static: Any, with_bias: bool) -> None:
    filters = weight[1] * static.get("groups", 1) if "transpose" in name else weight[0]
    bias = [normal(filters)] if with_bias else []
    agree(
        lambda *xs: getattr(ge, name)(*xs, **static), lambda *ts: getattr(F, name)(*ts, **static),
        normal(*x), normal(*weight), *bias,
    )  # fmt: skip


POOLS = [
    ("max_pool1d", (2, 3, 7), {"kernel_size": 2}),
    ("max_pool2d", (2, 3, 6, 5), {"kernel_size": (2, 3)}),
    ("max_pool2d", (3, 7, 6), {"kernel_size": 3, "stride": 2, "padding": 1}),
    ("max_pool2d", (1, 2, 7, 8), {"kernel_size": 2, "stride": 1, "dilation": (2, 3)}),
    ("max_pool2d", (1, 2, 7, 6), {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
    ("max_pool3d", (1, 2, 4, 5, 4), {"kernel_size": 2, "stride": (1, 2, 2)}),
    ("avg_pool1d", (2, 3, 7), {"kernel_size": 3, "stride": 1, "padding": 1}),
    ("avg_pool2d", (2, 3, 6, 5), {"kernel_size": (2, 3)}),
    ("avg_pool2d", (3, 7, 6), {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False}),
    ("avg_pool2d", (1, 2, 7, 6), {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
    ("avg_pool2d", (1, 2, 8, 6), {"kernel_size": 4, "stride": 3, "ceil_mode": True, "count_include_pad": False}),
    ("avg_pool2d", (1, 2, 6, 6), {"kernel_size": 2, "divisor_override": 3}),
    ("avg_pool2d", (1, 1, 5, 5), {"kernel_size": 2, "stride": 4}),
    ("avg_pool3d", (1, 2, 4, 5, 4), {"kernel_size": 2, "padding": 1}),
    ("adaptive_avg_pool1d", (2, 3, 7), {"output_size": 3}),
    ("adaptive_avg_pool2d", (2, 3, 6, 5), {"output_size": (3, 2)}),
    ("adaptive_avg_pool2d", (3, 4, 5), {"output_size": (None, 7)}),
    ("adaptive_avg_pool3d", (1, 2, 4, 5, 3), {"output_size": 2}),
]


@pytest.mark.parametrize(("name", "x", "static"), POOLS)
def test_pools(name: str, x: Any, static: Any) -> None:
    agree(lambda t: getattr(ge, name)(t, **static), lambda t: getattr(F, name)(t, **static), normal(*x))


def test_max_pool_at_hard_points() -> None:
    """Ties go to the first, a NaN wins, and a window of -inf has its first element inside x."""
    tied = np.array(
        [[1.0, 1.0, 0.0, 2.0], [1.0, 1.0, 2.0, 2.0], [np.nan, 0.0, np.nan, np.nan], [3.0, 3.0, 1.0, np.nan]]
    )
    for x in (tied, np.full((4, 4), -np.inf)):
        for static in ({"kernel_size": 2}, {"kernel_size": 3, "stride": 1, "padding": 1}):
            agree(
                lambda t, s=static: ge.max_pool2d(t, **s), lambda t, s=static: F.max_pool2d(t, **s), x[None], order=1
            )  # fmt: skip


LAYERS: dict[str, tuple[Any, Any, list[Any]]] = {
    "linear": (ge.linear, F.linear, [normal(2, 5, 3), normal(4, 3), normal(4)]),
    "linear of a vector": (ge.linear, F.linear, [normal(3), normal(4, 3), normal(4)]),
    "linear to a number": (ge.linear, F.linear, [normal(5, 3), normal(3)]),
    "linear of nothing": (ge.linear, F.linear, [normal(0, 3), normal(4, 3), normal(4)]),
    "bilinear": (ge.bilinear, F.bilinear, [normal(2, 3), normal(2, 4), normal(5, 3, 4), normal(5)]),
    "embedding": (ge.embedding, F.embedding, [np.array([[1, 0, 1], [3, 3, 3]]), normal(4, 2)]),
    "embedding with padding": (
        lambda i, w: ge.embedding(i, w, padding_idx=-3), lambda i, w: F.embedding(i, w, padding_idx=-3),
        [np.array([[1, 0, 1], [3, 3, 3]]), normal(4, 2)],
    ),
    "one_hot": (ge.one_hot, F.one_hot, [np.array([[1, 0, 1], [3, 3, 3]])]),
    "one_hot of more": (lambda x: ge.one_hot(x, 6), lambda x: F.one_hot(x, 6), [np.array([1, 0, 1])]),
    "layer_norm": (
        lambda x, w, b: ge.layer_norm(x, (4,), w, b), lambda x, w, b: F.layer_norm(x, (4,), w, b),
        [normal(2, 3, 4), normal(4), normal(4)],
    ),
    "layer_norm over two axes": (
        lambda x, w: ge.layer_norm(x, (3, 4), w, eps=0.1), lambda x, w: F.layer_norm(x, (3, 4), w, eps=0.1),
        [normal(2, 3, 4), normal(3, 4)],
    ),
    "layer_norm of equals": (lambda x: ge.layer_norm(x, 3), lambda x: F.layer_norm(x, (3,)), [np.ones((2, 3))]),
    "group_norm": (
        lambda x, w, b: ge.group_norm(x, 2, w, b), lambda x, w, b: F.group_norm(x, 2, w, b),
        [normal(2, 4, 3), normal(4), normal(4)],
    ),
    "batch_norm": (
        lambda x, w, b: ge.batch_norm(x, None, None, w, b, training=True),
        lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), [normal(3, 2, 4), normal(2), normal(2)],
    ),
    "batch_norm as learnt": (
        lambda x, w, b: ge.batch_norm(x, np.array([0.5, 1.0]), np.array([2.0, 0.25]), w, b),
        lambda x, w, b: F.batch_norm(x, torch.tensor([0.5, 1.0]).double(), torch.tensor([2.0, 0.25]).double(), w, b),
        [normal(3, 2), normal(2), normal(2)],
    ),
    "instance_norm": (
        lambda x, w, b: ge.instance_norm(x, None, None, w, b), lambda x, w, b: F.instance_norm(x, None, None, w, b),
        [normal(2, 3, 4), normal(3), normal(3)],
    ),
    "rms_norm": (
        lambda x, w: ge.rms_norm(x, 4, w), lambda x, w: F.rms_norm(x, (4,), w), [normal(2, 3, 4), normal(4)]
    ),
    "normalize": (ge.normalize, F.normalize, [normal(2, 3)]),
    "attention": (
        ge.scaled_dot_product_attention, F.scaled_dot_product_attention,
        [normal(2, 2, 3, 4), normal(2, 2, 5, 4), normal(2, 2, 5, 3), normal(3, 5)],
    ),
    "attention by mask": (
        ge.scaled_dot_product_attention, F.scaled_dot_product_attention,
        [normal(2, 3, 4), normal(2, 5, 4), normal(2, 5, 3), np.tri(3, 5, 1, dtype=bool)],
    ),
    "attention to the past": (
        lambda q, k, v: ge.scaled_dot_product_attention(q, k, v, is_causal=True, scale=0.3),
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=0.3),
        [normal(2, 3, 4), normal(2, 3, 4), normal(2, 3, 2)],
    ),
    "attention to nothing": (
        ge.scaled_dot_product_attention, F.scaled_dot_product_attention,
        [normal(3, 4), normal(5, 4), normal(5, 2), np.array([[True] * 5, [False] * 5, [True, False] * 2 + [True]])],
    ),
}  # fmt: skip


def test_normalize_nothing() -> None:
    agree(ge.normalize, F.normalize, np.zeros((2, 3)), order=1)


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str) -> None:
    mine, theirs, arrays = LAYERS[name]
    agree(mine, theirs, *arrays, tolerance=1e-9 if "equals" in name else 1e-10)


@pytest.mark.parametrize(("name", "static"), [("batch_norm", {"training": True}), ("instance_norm", {})])
def test_norms_move_their_running_statistics(name: str, static: Any) -> None:
    x, mean, var = normal(4, 3, 2), np.array([0.5, -1.0, 0.0]), np.array([2.0, 0.3, 1.0])
    theirs = torch.tensor(mean), torch.tensor(var)
    getattr(F, name)(torch.tensor(x), *theirs, **static, momentum=0.3)
    getattr(ge, name)(ge.tensor(x), mean, var, **static, momentum=0.3)
    np.testing.assert_allclose(mean, theirs[0], rtol=1e-12)
    np.testing.assert_allclose(var, theirs[1], rtol=1e-12)


def test_dropout_keeps_the_mean_and_passes_gradient_only_where_it_kept() -> None:
    x = ge.tensor(np.ones((100, 100)), requires_grad=True)
    out = ge.dropout(x, 0.25, seed=0)
    assert set(np.unique(out.data)) == {0.0, 1 / 0.75}
    assert abs(out.mean().item() - 1) < 0.02
    out.sum().backward()
    np.testing.assert_array_equal(x.grad.data, out.data)
    assert (ge.dropout(x, 0.25, training=False).data == 1).all()
    assert (ge.dropout(x, 1.0).data == 0).all()


def prob(*shape: int) -> np.ndarray:
    """Numbers between 0 and 1."""
    return 1 / (1 + np.exp(-normal(*shape, seed=5)))


def signs(*shape: int) -> np.ndarray:
    return np.sign(normal(*shape, seed=6))


X, T, POSITIVE, WEIGHT = normal(2, 3), normal(2, 3, seed=9), prob(2, 3) + 0.5, np.array([0.5, 2.0, 1.0])
CLASSES, GRID = np.array([0, -100, 2, 2]), np.array([[1, 0, 2, -100], [2, 2, 0, 0]])
LOSSES: list[tuple[str, list[Any], dict[str, Any]]] = [
    ("mse_loss", [X, T], {}),
    ("l1_loss", [X, T], {}),
    ("smooth_l1_loss", [X, T], {}),
    ("smooth_l1_loss", [X, T], {"beta": 0.3}),
    ("smooth_l1_loss", [X, T], {"beta": 0.0}),
    ("huber_loss", [X, T], {"delta": 0.3}),
    ("cross_entropy", [normal(4, 3), CLASSES], {}),
    ("cross_entropy", [normal(3), np.array(1)], {}),
    ("cross_entropy", [normal(2, 3, 4), GRID], {"weight": WEIGHT}),
    ("cross_entropy", [normal(2, 3, 4), GRID], {"weight": WEIGHT, "label_smoothing": 0.2}),
    ("cross_entropy", [normal(2, 3, 4), abs(GRID) % 3], {"ignore_index": 2, "label_smoothing": 0.2}),
    ("cross_entropy", [normal(2, 3, 2, 2), np.array([[[0, 1], [2, 2]], [[1, 1], [0, 2]]])], {}),
    ("cross_entropy", [normal(4, 3), prob(4, 3)], {}),
    ("cross_entropy", [normal(3), prob(3)], {"label_smoothing": 0.1}),
    ("cross_entropy", [normal(2, 3, 4), prob(2, 3, 4)], {"weight": WEIGHT, "label_smoothing": 0.2}),
    ("nll_loss", [normal(4, 3), CLASSES], {}),
    ("nll_loss", [normal(3), np.array(1)], {}),
    ("nll_loss", [normal(2, 3, 4), abs(GRID) % 3], {"weight": WEIGHT, "ignore_index": 0}),
    ("binary_cross_entropy", [prob(2, 3), prob(2, 3) * 0.5], {}),
    ("binary_cross_entropy", [prob(2, 3), prob(2, 3) * 0.5], {"weight": WEIGHT}),
    ("binary_cross_entropy_with_logits", [X, T], {}),
    ("binary_cross_entropy_with_logits", [X, T], {"weight": WEIGHT, "pos_weight": np.array([0.2, 2.0, 3.0])}),
    ("soft_margin_loss", [X, signs(2, 3).astype(int)], {}),
    ("kl_div", [X, POSITIVE], {}),
    ("kl_div", [X, T], {"log_target": True}),
    ("poisson_nll_loss", [X, POSITIVE], {}),
    ("poisson_nll_loss", [X, POSITIVE * 2], {"full": True}),
    ("poisson_nll_loss", [POSITIVE, POSITIVE * 2], {"log_input": False}),
    ("gaussian_nll_loss", [X, T, POSITIVE], {}),
    ("gaussian_nll_loss", [X, T, POSITIVE[:, :1]], {"full": True}),
    ("gaussian_nll_loss", [X, T, POSITIVE[:, 0]], {}),
    ("triplet_margin_loss", [X, T, X - 2 * T], {}),
    ("triplet_margin_loss", [X, T, X - 2 * T], {"margin": 5.0, "p": 3.0, "swap": True}),
    ("cosine_embedding_loss", [X, T, np.array([1, -1])], {}),
    ("cosine_embedding_loss", [X, -T, np.array([-1, -1])], {"margin": 0.1}),
    ("multilabel_soft_margin_loss", [X, (signs(2, 3) + 1) / 2], {"weight": WEIGHT}),
    ("margin_ranking_loss", [X, T, signs(2, 3)], {}),
    ("margin_ranking_loss", [X, T, signs(2, 3)], {"margin": 0.7}),
    ("hinge_embedding_loss", [X, signs(2, 3).astype(int)], {"margin": 0.7}),
    ("multi_margin_loss", [X, np.array([2, 0])], {}),
    ("multi_margin_loss", [X, np.array([2, 0])], {"p": 2, "weight": WEIGHT, "margin": 0.5}),
    ("multi_margin_loss", [normal(3), np.array(1)], {"p": 2}),
]


def as_torch(value: Any) -> Any:
    return torch.tensor(value) if isinstance(value, np.ndarray) else value


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize(("name", "operands", "static"), LOSSES, ids=lambda v: v if isinstance(v, str) else "")
@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides the total loss by both:UserWarning")
def test_losses(name: str, operands: Any, static: Any, reduction: str) -> None:
    theirs = {key: as_torch(value) for key, value in static.items()}
    agree(
        lambda *xs: getattr(ge, name)(*xs, **static, reduction=reduction),
        lambda *ts: getattr(F, name)(*ts, **theirs, reduction=reduction), *operands,
        order=1 if name == "multi_margin_loss" else 2,  # where PyTorch has no second derivative
    )  # fmt: skip


INF, NAN = np.inf, np.nan
DISTANCES = [np.array([1.0, NAN, INF, INF, 0.0, 1.0, -1.0]), np.array([1.0, 0.0, 0.0, INF, -3.0, 0.0, 0.0])]
HARD: list[tuple[str, list[Any], dict[str, Any]]] = [
    ("mse_loss", DISTANCES, {}),
    ("l1_loss", DISTANCES, {}),
    ("smooth_l1_loss", DISTANCES, {}),
    ("smooth_l1_loss", DISTANCES, {"beta": 0.0}),
    ("huber_loss", DISTANCES, {}),
    ("binary_cross_entropy", [np.array([0.0, 1.0, 0.0, 1.0, 0.5]), np.array([0.0, 1.0, 1.0, 0.0, 0.25])], {}),
    ("binary_cross_entropy_with_logits", [np.array([0.0, 1e3, -1e3, INF]), np.array([0.0, 0.0, 1.0, 1.0])], {}),
    ("soft_margin_loss", [np.array([0.0, 700.0, -700.0]), np.array([1, 1, -1])], {}),
    ("kl_div", [np.array([0.0, 1.0, -1.0]), np.array([0.0, 0.5, 1.0])], {}),
    ("poisson_nll_loss", [np.array([0.0, 1.0, -1.0]), np.array([0.0, 1.0, 3.0])], {"full": True}),
    ("gaussian_nll_loss", [np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 3.0]), np.array([0.0, 1e-9, 2.0])], {}),
    ("margin_ranking_loss", [np.array([0.0, 0.5]), np.array([0.5, 0.0]), np.array([-1.0, 1.0])], {"margin": 0.5}),
    ("hinge_embedding_loss", [np.array([0.0, 1.0, 0.5, 0.3]), np.array([1, -1, -1, 0])], {}),
    ("multi_margin_loss", [np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([0, 1])], {}),
    ("cross_entropy", [np.array([[-INF, 1.0], [INF, 3.0], [-INF, -INF]]), np.array([0, 1, 1])], {}),
    ("cross_entropy", [np.array([[-INF, 1.0], [0.0, 3.0]]), np.array([[0.0, 1.0], [0.0, 1.0]])], {}),
]


@pytest.mark.parametrize(("name", "operands", "static"), HARD, ids=lambda v: v if isinstance(v, str) else "")
@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value|overflow) encountered:RuntimeWarning")
def test_losses_at_hard_points(name: str, operands: Any, static: Any) -> None:
    agree(
        lambda *xs: getattr(ge, name)(*xs, **static, reduction="none"),
        lambda *ts: getattr(F, name)(*ts, **static, reduction="none"), *operands, order=1,
    )  # fmt: skip


@pytest.mark.parametrize("x", [normal(4, 3), np.zeros((2, 3)), np.full((2, 3), 1e-9), normal(0, 3)])
def test_cosine_similarity(x: np.ndarray) -> None:
    y = normal(*x.shape, seed=3)
    agree(ge.cosine_similarity, F.cosine_similarity, x, y, order=2 if x.any() and x.size and x[0, 0] != 1e-9 else 1)


def test_nothing_counted() -> None:
    """The mean over no element is NaN, and its gradient 0."""
    ignored = np.array([-100, -100])
    with pytest.warns(RuntimeWarning):
        agree(ge.cross_entropy, F.cross_entropy, X, ignored, order=1)
    for name in ("mse_loss", "l1_loss", "binary_cross_entropy"):
        with pytest.warns(RuntimeWarning):
            agree(getattr(ge, name), getattr(F, name), np.zeros((0, 2)), np.zeros((0, 2)), order=1)


MISUSE: list[tuple[Any, str]] = [
    (lambda: ge.conv2d(X4, W4[:, :1]), "takes 1 channels, got x of shape"),
    (lambda: ge.conv2d(X4, np.ones((1, 2, 9, 9))), "does not fit into .*; use a smaller kernel or more padding"),
    (
        lambda: ge.conv2d(X4, W4, padding="same", stride=2),
        "needs stride 1, got stride .2, 2.; give the padding as numbers",
    ),
    (lambda: ge.conv2d(X4, W4, stride=0), "stride must be a whole number of at least 1"),
    (lambda: ge.conv2d(X4, W4, groups=2), "groups=2 does not divide the 3 filters"),
    (lambda: ge.conv2d(X4, W4, np.ones(4)), "takes a bias of shape .3,., one for each filter, got .4,."),
    (lambda: ge.conv_transpose2d(X4, W4), "takes 3 channels, got x of shape"),
    (lambda: ge.max_pool2d(X4, 6), "does not fit into size"),
    (lambda: ge.max_pool2d(X4, 2, padding=2), "at most half the kernel"),
    (
        lambda: ge.max_pool1d(np.ones((1, 1)), 2, 1, 1, 2),
        "windows that miss the 1 elements of an axis; use less padding",
    ),
    (lambda: ge.embedding(np.array([0, 3]), np.ones((3, 2))), "indices from 0 to 2, got some from 0 to 3"),
    (lambda: ge.embedding(np.array([0.5]), np.ones((3, 2))), "whole numbers as indices, got float64"),
    (lambda: ge.layer_norm(X, 4), "takes x that ends in that shape"),
    (lambda: ge.batch_norm(X), "needs running_mean and running_var unless training=True"),
    (lambda: ge.batch_norm(X[:1], training=True), "more than one value for each channel"),
    (lambda: ge.dropout(X, 1.5), "probability from 0 to 1, got 1.5"),
    (lambda: ge.cross_entropy(X, np.array([0, 3])), "classes from 0 to 2 .*, got 3"),
    (lambda: ge.cross_entropy(X, np.array([0.0, 1.0])), "probabilities of x's shape .2, 3. or whole numbers"),
    (
        lambda: ge.cross_entropy(X, np.array([0, 1]), reduction="avg"),
        "reduction must be 'mean', 'sum' or 'none', got 'avg'",
    ),
    (lambda: ge.cross_entropy(X, np.array([0, 1]), weight=WEIGHT[:2]), "one number for each of the 3 classes"),
    (lambda: ge.mse_loss(X, np.ones(4)), "x and target of one shape, got .2, 3. and .4,."),
    (lambda: ge.binary_cross_entropy(X * 9, prob(2, 3)), "use binary_cross_entropy_with_logits"),
]
X4, W4 = normal(1, 2, 5, 5), normal(3, 2, 2, 2)


@pytest.mark.parametrize(("call", "message"), MISUSE, ids=[message[:30] for _, message in MISUSE])
def test_misuse_is_refused_with_the_way_out(call: Any, message: str) -> None:
    with pytest.raises(ge.GradEngineError, match=message):
        call()


def test_shapes_that_only_broadcast_are_pointed_out() -> None:
    for call in (ge.mse_loss, MSELoss(), lambda x, y: ge.checkpoint(ge.mse_loss, ge.tensor(x, True), y)):
        with pytest.warns(UserWarning, match=r"mse_loss\(\) got shapes \(2, 1\) and \(2,\).* to \(2, 2\)") as caught:
            call(X[:, :1], X[:, 0])
        assert caught[0].filename == __file__


HALVES = {
    "layer_norm": (lambda x, w, b: ge.layer_norm(x, 1000, w, b), lambda x, w, b: F.layer_norm(x, (1000,), w, b)),
    "rms_norm": (lambda x, w, b: ge.rms_norm(x, 1000, w) + b, lambda x, w, b: F.rms_norm(x, (1000,), w) + b),
    "group_norm": (
        lambda x, w, b: ge.group_norm(x.reshape(2, 1000, 1), 2, w, b),
        lambda x, w, b: F.group_norm(x.reshape(2, 1000, 1), 2, w, b),
    ),
    "batch_norm": (
        lambda x, w, b: ge.batch_norm(x.reshape(1, 2, 1000), None, None, w[:2], b[:2], training=True),
        lambda x, w, b: F.batch_norm(x.reshape(1, 2, 1000), None, None, w[:2], b[:2], training=True),
    ),
}


@pytest.mark.parametrize(("mine", "theirs"), HALVES.values(), ids=HALVES)
def test_normalization_of_halves_whose_squares_do_not_fit(mine: Any, theirs: Any) -> None:
    arrays = [part.astype(np.float16) for part in (20 * normal(2, 1000), normal(1000), normal(1000))]
    ours, others = (
        [ge.tensor(a, requires_grad=True) for a in arrays],
        [torch.tensor(a).requires_grad_() for a in arrays],
    )
    out, other = mine(*ours), theirs(*others)
    weight = normal(*out.shape).astype(np.float16)
    out.backward(weight)
    other.backward(torch.tensor(weight))
    assert out.dtype == np.float16
    np.testing.assert_allclose(out.data, other.detach().numpy(), rtol=4e-3, atol=4e-3)
    for x, t in zip(ours, others, strict=True):
        assert x.grad.dtype == np.float16
        size = float(t.grad.abs().max())
        np.testing.assert_allclose(x.grad.data, t.grad.numpy(), rtol=4e-3, atol=4e-3 * size)
