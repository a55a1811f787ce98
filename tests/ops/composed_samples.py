"""Sample calls of the functions written in ops: for each a function of its floating-point operands, and their shapes.

Operands are drawn from 0.3 to 2, all different.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import grad_engine as ge
from grad_engine.core.define import CALLS

Sample = tuple[Callable[..., Any], list[Any]]

PAIRS = np.array([[0, 2, 2], [1, 0, 1]])
MASK = np.array([[True, False, True], [False, True, False]])
SIGNS = np.array([1.0, -1.0])


SQUARE = np.array([[1.5, 0.4], [0.3, 2.0]])
ROWS = np.eye(4) * 2.0 + np.arange(16).reshape(4, 4) / 16


def sample(call: Callable[..., Any], *operands: Any) -> Sample:
    """A function and its operands: shapes to fill, or arrays to use as given."""
    return call, list(operands)


def like(x: Any, *numbers: Any) -> np.ndarray:
    """These numbers in the dtype of x where that is a float, else in float64."""
    kind = np.asarray(getattr(x, "data", x)).dtype
    return np.array(numbers, kind if kind.kind == "f" else float)


def first(call: Callable[..., Any]) -> Callable[..., Any]:
    """The first of several results."""
    return lambda *xs: call(*xs)[0]


def _reduced(name: str) -> list[Sample]:
    call = CALLS[name]
    return [sample(call, (2, 3)), sample(lambda x: call(x, axis=0), (3, 2)), sample(lambda x: call(x, axis=-1), (2, 3))]


_IMAGES = {
    1: ([(1, 2, 6)], 2),
    2: ([(1, 2, 4, 6)], 2),
    3: ([(1, 1, 2, 4, 4)], 2),
}

SAMPLES: dict[str, list[Sample]] = {
    "real": [sample(ge.real, (2, 3))],
    "conj": [sample(ge.conj, (2, 3))],
    "log": [sample(ge.log, (2, 3))],
    "gather": [sample(lambda x: ge.gather(x, 1, PAIRS), (2, 3))],
    "scatter_add": [sample(lambda x, s: ge.scatter_add(x, 1, PAIRS, s), (2, 3), (2, 3))],
    "scatter": [sample(lambda x, s: ge.scatter(x, 1, np.array([[0, 2], [1, 0]]), s), (2, 3), (2, 2))],
    "scatter_reduce": [
        sample(lambda x, s, r=reduce: ge.scatter_reduce(x, 1, PAIRS, s, r), (2, 3), (2, 3))
        for reduce in ("sum", "mean", "prod", "amax")
    ],
    "index_add": [sample(lambda x, s: ge.index_add(x, 0, np.array([1, 1]), s), (2, 3), (2, 3))],
    "index_copy": [sample(lambda x, s: ge.index_copy(x, 0, np.array([1]), s), (2, 3), (1, 3))],
    "index_fill": [sample(lambda x: ge.index_fill(x, 0, np.array([1]), 0.5), (2, 3))],
    "index_reduce": [
        sample(lambda x, s, r=reduce: ge.index_reduce(x, 0, np.array([1, 1]), s, r), (2, 3), (2, 3))
        for reduce in ("mean", "prod", "amin")
    ],
    "masked_scatter": [sample(lambda x, s: ge.masked_scatter(x, MASK, s), (2, 3), (3,))],
    "index_select": [sample(lambda x: ge.index_select(x, 0, np.array([1, 1])), (2, 3))],
    "masked_select": [sample(lambda x: ge.masked_select(x, MASK), (2, 3))],
    "sort": [sample(ge.sort, (2, 3)), sample(lambda x: ge.sort(x, None), (2, 3))],
    "topk": [sample(lambda x: ge.topk(x, 2)[0], (2, 3))],
    "kthvalue": [sample(lambda x: ge.kthvalue(x, 2)[0], (2, 3))],
    "cummax": [sample(lambda x: ge.cummax(x, 1)[0], (2, 3))],
    "cummin": [sample(lambda x: ge.cummin(x, 0)[0], (2, 3))],
    "ravel": [sample(ge.ravel, (2, 3))],
    "flatten": [sample(ge.flatten, (2, 3, 2))],
    "unflatten": [sample(lambda x: ge.unflatten(x, 1, (2, 2)), (3, 4))],
    "swapaxes": [sample(lambda x: ge.swapaxes(x, 0, 1), (2, 3))],
    "moveaxis": [sample(lambda x: ge.moveaxis(x, 0, -1), (2, 3, 4))],
    "expand": [sample(lambda x: ge.expand(x, 4, 3), (1, 3))],
    "atleast_1d": [sample(ge.atleast_1d, ())],
    "atleast_2d": [sample(ge.atleast_2d, (3,))],
    "atleast_3d": [sample(ge.atleast_3d, (3,))],
    "broadcast_tensors": [sample(lambda x, y: ge.add(*ge.broadcast_tensors(x, y)), (2, 1), (3,))],
    "fliplr": [sample(ge.fliplr, (2, 3))],
    "flipud": [sample(ge.flipud, (2, 3))],
    "diag": [sample(ge.diag, (3,)), sample(ge.diag, (2, 3))],
    "diagflat": [sample(ge.diagflat, (2, 2))],
    "hstack": [sample(lambda *xs: ge.hstack(xs), (2, 3), (2, 1))],
    "vstack": [sample(lambda *xs: ge.vstack(xs), (2, 3), (3,))],
    "dstack": [sample(lambda *xs: ge.dstack(xs), (2, 3), (2, 3))],
    "column_stack": [sample(lambda *xs: ge.column_stack(xs), (2,), (2, 3))],
    "block": [sample(lambda x, y: ge.block([[x, y]]), (2, 3), (2, 1))],
    "array_split": [sample(lambda x: ge.array_split(x, 2)[0], (3, 2))],
    "split": [sample(lambda x: ge.split(x, 3, axis=1)[1], (2, 3))],
    "chunk": [sample(lambda x: ge.chunk(x, 2)[0], (3, 2))],
    "unbind": [sample(lambda x: ge.unbind(x)[1], (3, 2))],
    "hsplit": [sample(lambda x: ge.hsplit(x, 3)[1], (2, 3))],
    "vsplit": [sample(lambda x: ge.vsplit(x, 2)[1], (2, 3))],
    "dsplit": [sample(lambda x: ge.dsplit(x, 2)[1], (2, 3, 2))],
    "diff": [sample(ge.diff, (2, 4)), sample(lambda x: ge.diff(x, 2, 0), (4, 2))],
    "ediff1d": [sample(ge.ediff1d, (4,))],
    "append": [sample(ge.append, (2, 3), (2,))],
    "meshgrid": [sample(lambda x, y: ge.mul(*ge.meshgrid(x, y, indexing="xy")), (2,), (3,))],
    "cartesian_prod": [sample(ge.cartesian_prod, (2,), (3,))],
    "combinations": [sample(ge.combinations, (4,))],
    "block_diag": [sample(ge.block_diag, (2, 3), (3,))],
    "ptp": _reduced("ptp"),
    "mvlgamma": [sample(lambda x: ge.mvlgamma(x, 2), np.array([1.2, 1.7, 2.5]))],
    "float_power": [sample(lambda x: ge.float_power(x, 3), (2, 3))],
    "pairwise_distance": [sample(ge.pairwise_distance, (2, 3), (2, 3))],
    "triplet_margin_loss": [sample(ge.triplet_margin_loss, (2, 3), (2, 3), (2, 3))],
    "cosine_embedding_loss": [sample(lambda x, y: ge.cosine_embedding_loss(x, y, SIGNS), (2, 3), (2, 3))],
    "triplet_margin_with_distance_loss": [
        sample(lambda a, p, n: ge.triplet_margin_with_distance_loss(a, p, n, swap=True), (2, 3), (2, 3), (2, 3))
    ],
    "multilabel_soft_margin_loss": [
        sample(lambda x: ge.multilabel_soft_margin_loss(x, like(x, [1.0, 0, 1], [0, 0, 1])), (2, 3))
    ],
    "multilabel_margin_loss": [
        sample(lambda x: ge.multilabel_margin_loss(x, np.array([[0, -1, 1], [2, 1, -1]])), (2, 3))
    ],
    "ctc_loss": [sample(lambda x: ge.ctc_loss(x, np.array([[1, 2]]), np.array([4]), np.array([2])), (4, 1, 3))],
    **{
        f"adaptive_max_pool{n}d": [sample(lambda x, n=n: CALLS[f"adaptive_max_pool{n}d"](x, 2), *_IMAGES[n][0])]
        for n in (1, 2, 3)
    },
    **{
        f"max_unpool{n}d": [
            sample(
                lambda x, n=n: CALLS[f"max_unpool{n}d"](*CALLS[f"max_pool{n}d"](x, 2, return_indices=True), 2),
                *_IMAGES[n][0],
            )
        ]
        for n in (1, 2, 3)
    },
    **{
        f"max_pool{n}d": [sample(lambda x, n=n: CALLS[f"max_pool{n}d"](x, 2, return_indices=True)[0], *_IMAGES[n][0])]
        for n in (1, 2, 3)
    },
    "unfold": [sample(lambda x: ge.unfold(x, 2), (1, 2, 3, 3))],
    "fold": [sample(lambda x: ge.fold(x, (3, 3), 2), (1, 8, 4))],
    "interpolate": [
        sample(lambda x: ge.interpolate(x, scale_factor=2, mode="bilinear"), (1, 1, 2, 3)),
        sample(lambda x: ge.interpolate(x, size=(3, 2), mode="nearest"), (1, 1, 2, 3)),
        sample(lambda x: ge.interpolate(x, size=(2, 2), mode="area"), (1, 1, 4, 4)),
        sample(lambda x: ge.interpolate(x, scale_factor=2, mode="bicubic"), (1, 1, 3, 3)),
    ],
    "grid_sample": [
        sample(
            lambda x: ge.grid_sample(x, like(x, [[[0.25, -0.5], [0.75, 0.125]]]), align_corners=True),
            (1, 1, 3, 3),
        )
    ],
    "pixel_shuffle": [sample(lambda x: ge.pixel_shuffle(x, 2), (1, 4, 2, 2))],
    "pixel_unshuffle": [sample(lambda x: ge.pixel_unshuffle(x, 2), (1, 1, 2, 2))],
    "channel_shuffle": [sample(lambda x: ge.channel_shuffle(x, 2), (1, 4, 2))],
    "local_response_norm": [sample(lambda x: ge.local_response_norm(x, 2), (1, 3, 2))],
    "bmm": [sample(ge.bmm, (2, 2, 3), (2, 3, 2))],
    "mv": [sample(ge.mv, (2, 3), (3,))],
    "matvec": [sample(ge.matvec, (2, 3), (3,))],
    "vecmat": [sample(ge.vecmat, (2,), (2, 3))],
    "vecdot": [sample(ge.vecdot, (2, 3), (2, 3)), sample(lambda x, y: ge.vecdot(x, y, axis=0), (2, 3), (2, 3))],
    "multi_dot": [sample(lambda *xs: ge.multi_dot(xs), (2, 3), (3, 2), (2, 2))],
    "einsum": [sample(lambda x, y: ge.einsum("ij,jk->ik", x, y), (2, 3), (3, 2))],
    "solve_triangular": [sample(ge.solve_triangular, ROWS, (4, 2))],
    "cholesky_solve": [sample(lambda y, x: ge.cholesky_solve(y, ge.tril(x)), (2, 1), SQUARE)],
    "matrix_power": [sample(lambda x: ge.matrix_power(x, 3), (2, 2))],
    "logdet": [sample(ge.logdet, SQUARE)],
    "eigvals": [sample(ge.eigvals, SQUARE)],
    "eigvalsh": [sample(ge.eigvalsh, (2, 2))],
    "svd": [sample(lambda x: ge.svd(x, compute_uv=False), (2, 3))],
    "qr": [sample(lambda x: ge.qr(x)[1], (3, 2))],
    "delete": [sample(lambda x: ge.delete(x, 1, 0), (3, 2))],
    "insert": [sample(lambda x, v: ge.insert(x, 1, v, 0), (3, 2), (2,))],
    "resize": [sample(lambda x: ge.resize(x, (3, 3)), (2, 3))],
    "compress": [sample(lambda x: ge.compress([True, False, True], x, 0), (3, 2))],
    "extract": [sample(lambda x: ge.extract(MASK, x), (2, 3))],
    "partition": [sample(lambda x: ge.partition(x, 1), (2, 3))],
    "choose": [sample(lambda *xs: ge.choose(np.array([0, 1, 0]), xs), (3,), (3,))],
    "first_where": [sample(lambda x, y: ge.first_where([MASK], [x], y), (2, 3), (2, 3))],
    "piecewise": [sample(lambda x: ge.piecewise(x, [x > 1], [lambda a: a * a, lambda a: a + 1]), (2, 3))],
    "embedding_bag": [
        sample(lambda w, m=mode: ge.embedding_bag(np.array([[0, 1], [2, 2]]), w, mode=m), (3, 2))
        for mode in ("mean", "sum", "max")
    ],
    "layer_norm": [sample(lambda x, w, b: ge.layer_norm(x, 3, w, b), (2, 3), (3,), (3,))],
    "group_norm": [sample(lambda x, w, b: ge.group_norm(x, 2, w, b), (2, 4, 3), (4,), (4,))],
    "rms_norm": [sample(lambda x, w: ge.rms_norm(x, 3, w), (2, 3), (3,))],
    "batch_norm": [sample(lambda x, w, b: ge.batch_norm(x, weight=w, bias=b, training=True), (3, 2), (2,), (2,))],
    "instance_norm": [sample(ge.instance_norm, (2, 2, 3))],
    "normalize": [sample(ge.normalize, (2, 3)), sample(lambda x: ge.normalize(x, 3.0, 0), (2, 3))],
    "renorm": [sample(lambda x: ge.renorm(x, 2.0, 0, 1.0), (2, 3))],
    **{
        f"dropout{n}d": [sample(lambda x, n=n: CALLS[f"dropout{n}d"](x, 0.4, seed=1), *_IMAGES[n][0])]
        for n in (1, 2, 3)
    },
    "norm": [
        *_reduced("norm"),
        *(sample(lambda x, o=order: ge.norm(x, ord=o), (2, 3)) for order in ("nuc", 1, -1, 2, np.inf)),
        *(sample(lambda x, o=order: ge.norm(x, ord=o, axis=0), (2, 3)) for order in (0, 1, 3, 0.5, np.inf)),
    ],
    "matrix_norm": [sample(ge.matrix_norm, (2, 3)), sample(lambda x: ge.matrix_norm(x, ord="nuc"), (2, 2, 3))],
    "cond": [sample(ge.cond, (2, 2)), sample(lambda x: ge.cond(x, 1), SQUARE)],
    "tensorinv": [sample(lambda x: ge.tensorinv(x, 1), (4, 2, 2))],
    "tensorsolve": [sample(ge.tensorsolve, ROWS.reshape(4, 2, 2), (4,))],
    "lstsq": [sample(first(ge.lstsq), (3, 2), (3,))],
    "matrix_diagonal": [sample(ge.matrix_diagonal, (2, 3))],
    "matrix_trace": [sample(ge.matrix_trace, (2, 3))],
    "vander": [sample(ge.vander, (3,))],
    "dist": [sample(lambda x, y, p=p: ge.dist(x, y, p), (2, 3), (2, 3)) for p in (2.0, 1.0, np.inf)],
    "cdist": [sample(lambda x, y, p=p: ge.cdist(x, y, p), (2, 3), (4, 3)) for p in (2.0, 1.0, 3.0, np.inf)],
    "pdist": [sample(ge.pdist, (3, 2))],
    "quantile": [sample(lambda x: ge.quantile(x, 0.3), (2, 3)), sample(lambda x: ge.quantile(x, 0.5, 0), (3, 2))],
    "nanquantile": [sample(lambda x: ge.nanquantile(x, 0.3), (2, 3))],
    "percentile": [sample(lambda x: ge.percentile(x, 30), (2, 3))],
    "nanpercentile": [sample(lambda x: ge.nanpercentile(x, 30), (2, 3))],
    "average": [sample(ge.average, (2, 3)), sample(lambda x, w: ge.average(x, 1, w), (2, 3), (3,))],
    "nanprod": _reduced("nanprod"),
    "nancumsum": _reduced("nancumsum"),
    "nancumprod": _reduced("nancumprod"),
    "nanvar": _reduced("nanvar"),
    "nanstd": _reduced("nanstd"),
    "cov": [sample(ge.cov, (2, 3))],
    "corrcoef": [sample(ge.corrcoef, (2, 3))],
    "trapezoid": [sample(ge.trapezoid, (2, 3)), sample(ge.trapezoid, (3,), (3,))],
    "cumulative_trapezoid": [sample(ge.cumulative_trapezoid, (2, 3))],
    "gradient": [sample(ge.gradient, (4,)), sample(lambda x: ge.gradient(x, axis=0), (3, 2))],
    "interp": [sample(lambda x, f: ge.interp(x, like(x, 0.5, 1.0, 1.5), f), (4,), (3,))],
    "convolve": [sample(ge.convolve, (4,), (2,))],
    "correlate": [sample(ge.correlate, (4,), (2,))],
    "cumulative_sum": [sample(ge.cumulative_sum, (4,))],
    "cumulative_prod": [sample(ge.cumulative_prod, (4,))],
    "unwrap": [sample(ge.unwrap, (4,)), sample(lambda x: ge.unwrap(x, period=1.0), (4,))],
    "bincount": [sample(lambda w: ge.bincount(np.array([0, 2, 2]), w), (3,))],
    "polyval": [sample(ge.polyval, (3,), (2,))],
    "polyfit": [sample(lambda x, y: ge.polyfit(x, y, 1), (4,), (4,))],
    "polyadd": [sample(ge.polyadd, (3,), (2,))],
    "polysub": [sample(ge.polysub, (2,), (3,))],
    "polymul": [sample(ge.polymul, (3,), (2,))],
    "polydiv": [sample(first(ge.polydiv), (4,), (2,)), sample(lambda u, v: ge.polydiv(u, v)[1], (4,), (3,))],
    "polyder": [sample(lambda x: ge.polyder(x, 2), (4,))],
    "polyint": [sample(lambda x, k: ge.polyint(x, 2, k), (3,), (2,))],
    "poly": [sample(ge.poly, (3,)), sample(ge.poly, SQUARE)],
    "roots": [sample(ge.roots, np.array([0.5, 2.5, 1.5]))],
    "trim_zeros": [sample(ge.trim_zeros, (3,))],
    "unique": [sample(ge.unique, (3,)), sample(lambda x: ge.unique(x, axis=0), (2, 3))],
    "vectorize": [sample(lambda x, y: ge.vectorize(lambda a, b: a * b + a)(x, y), (2, 3), (3,))],
    "transpose": [sample(lambda x: ge.transpose(x, 0, 2), (2, 3, 2)), sample(ge.transpose, (2, 3))],
    "repeat": [sample(lambda x: ge.repeat(x, 2, axis=0), (2, 3))],
    "add": [sample(lambda x, y: ge.add(x, y, alpha=0.5), (2, 3), (3,))],
    "sub": [sample(lambda x, y: ge.sub(x, y, alpha=2), (2, 3), (3,))],
    "div": [sample(ge.div, (2, 3), (3,)), sample(lambda x, y: ge.div(x, y, rounding_mode="floor"), (2, 3), (3,))],
    "true_divide": [sample(ge.true_divide, (2, 3), (3,))],
    "t": [sample(ge.t, (2, 3))],
    "select": [sample(lambda x: ge.select(x, 1, 0), (2, 3))],
    "narrow": [sample(lambda x: ge.narrow(x, 1, 1, 2), (2, 3))],
    "repeat_interleave": [sample(lambda x: ge.repeat_interleave(x, 2, 1), (2, 3))],
    "take_along_dim": [sample(lambda x: ge.take_along_dim(x, PAIRS, 1), (2, 3))],
    "var_mean": [sample(lambda x: ge.var_mean(x, 1)[0], (2, 3))],
    "std_mean": [sample(lambda x: ge.std_mean(x, 1)[0], (2, 3))],
    "inverse": [sample(ge.inverse, SQUARE)],
    "mm": [sample(ge.mm, (2, 3), (3, 2))],
    "baddbmm": [sample(lambda x, y, z: ge.baddbmm(x, y, z, 0.5, 2.0), (2, 2, 2), (2, 2, 3), (2, 3, 2))],
    "addcmul": [sample(lambda x, y, z: ge.addcmul(x, y, z, 0.5), (2, 3), (3,), (2, 1))],
    "addcdiv": [sample(lambda x, y, z: ge.addcdiv(x, y, z, 0.5), (2, 3), (3,), (2, 1))],
    "clamp_min": [sample(lambda x: ge.clamp_min(x, 0.9), (2, 3))],
    "clamp_max": [sample(lambda x: ge.clamp_max(x, 0.9), (2, 3))],
    "addmv": [sample(lambda x, m, v: ge.addmv(x, m, v, beta=0.5, alpha=2), (2,), (2, 3), (3,))],
    "addr": [sample(lambda x, u, v: ge.addr(x, u, v, beta=0.5, alpha=2), (2, 3), (2,), (3,))],
    "addbmm": [sample(lambda x, a, b: ge.addbmm(x, a, b, beta=0.5, alpha=2), (2, 2), (2, 2, 3), (2, 3, 2))],
    "rsub": [sample(lambda x, y: ge.rsub(x, y, alpha=2), (2, 3), (3,))],
    "sgn": [sample(ge.sgn, (2, 3))],
    "msort": [sample(ge.msort, (3, 2))],
    "mode": [sample(lambda x: ge.mode(x, 1).values, (2, 3)), sample(lambda x: ge.mode(x, 0, True).values, (2, 3))],
    "tensor_split": [sample(lambda x: ge.mul(*ge.tensor_split(x, (1, 2), 1)[::2]), (2, 3))],
    "narrow_copy": [sample(lambda x: ge.narrow_copy(x, 1, 1, 2), (2, 3))],
    "select_scatter": [sample(lambda x, y: ge.select_scatter(x, y, 1, -1), (2, 3), (2,))],
    "slice_scatter": [sample(lambda x, y: ge.slice_scatter(x, y, 1, 0, 3, 2), (2, 3), (2, 2))],
    "pinverse": [sample(ge.pinverse, SQUARE)],
    "frac": [sample(ge.frac, np.array([0.3, 1.4, -1.2]))],
    "aminmax": [sample(lambda x: ge.sub(*ge.aminmax(x, 1)), (2, 3))],
}

# What gives booleans, places and counts, through which no gradient flows.
WITHOUT_GRADIENT = {
    *("eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor", "logical_not", "bitwise_not"),
    *("equal", "allclose", "isclose", "nonzero", "argwhere", "histc", "searchsorted", "bucketize", "numel"),
    *("unique_consecutive", "isin", "is_nonzero", "isneginf", "isposinf", "signbit", "isreal"),
    *("bitwise_and", "bitwise_or", "bitwise_xor", "gcd", "lcm"),
}


def composed_names() -> list[str]:
    """Every function written in ops, once, by its first name; some share it with the op behind them."""
    found = {}
    for name, call in CALLS.items():
        if not hasattr(call, "op"):
            found.setdefault(call, call.__name__ if CALLS.get(call.__name__) is call else name)
    return [*found.values()]


def drawn(operands: list[Any], low: float = 0.3, high: float = 2.0) -> list[np.ndarray]:
    """The operands of a sample, shapes filled with numbers that are all different."""
    rng = np.random.default_rng(11)
    shapes = [np.shape(np.empty(each) if isinstance(each, tuple) else each) for each in operands]
    count = sum(int(np.prod(shape)) for shape in shapes)
    numbers = rng.permutation(low + (high - low) * (np.arange(count) + 0.5) / max(count, 1))
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
    filled = [part.reshape(shape) for part, shape in zip(np.split(numbers, ends), shapes, strict=True)]
    return [part if isinstance(each, tuple) else np.array(each) for part, each in zip(filled, operands, strict=True)]


COMPOSED_CASES = [(name, i) for name in SAMPLES for i in range(len(SAMPLES[name]))]
