"""How each operator of PyTorch is spelled here, where name and arguments are not the same.

An operator that is in no table here has its own name, with `axis` for `dim` and the like.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

import grad_engine as ge
from grad_engine.core.define import CALLS, DEFINED

Spelling = Callable[..., Any]

KEYWORDS = {
    "dim": "axis", "keepdim": "keepdims", "dim1": "axis1", "dim2": "axis2", "dims": "axis", "correction": "ddof",
    "start_dim": "start_axis", "end_dim": "end_axis", "diagonal": "k", "unbiased": "ddof",
}  # fmt: skip

# What PyTorch has and this project has not, by the reason.
ABSENT = {
    "complex numbers": r"complex|polar|view_as_complex|angle|c(double|float|half)|i?stft|linalg\.eig(vals)?"
    r"|fft\.i?[rh]?fft[2n]?",
    "random numbers": r"bernoulli|normal.*|(svd|pca)_lowrank|nn\.functional\.(feature_)?alpha_dropout.*"
    r"|nn\.functional\.(fractional_max_pool.d|rrelu)",
    "sparse tensors": r"sparse\..*|to_sparse",
    "memory layouts, devices, and filling in place": r"as_strided.*|to|bfloat16|fill|zero_",
    "kernels behind what users call": r"_.*[^_]|native_.*|torch\.ops\..*|max_pool2d_with_indices_backward"
    r"|nn\.functional\.linear_cross_entropy.*",
    "error codes in the place of errors": r"linalg\.\w+_ex",
    "LAPACK's packed factors": r"lu|lu_unpack|lu_solve|linalg\.lu_(factor|solve)|linalg\.householder_product|ormqr",
    "an older name of what is here under a newer one": r"svd",
    "a prototype, of reductions with a mask": r"masked\..*",
    "the bits of a number": r"frexp|nextafter",
    "a module, not a function": r"nn\.functional\.multi_head_attention_forward",
    "a statistic that NumPy leaves out as well": r"mode",
}  # fmt: skip


def absent(name: str) -> str | None:
    """Why an operator of PyTorch's is not here; None where it is."""
    return next((why for why, pattern in ABSENT.items() if re.fullmatch(pattern, name)), None)


def spelled(name: str) -> Spelling | None:
    """The operator of that name in PyTorch as a function on Tensors of ours; None where there is none."""
    plain = name.partition("|")[0]
    for table in (SPELLED, WRITTEN_OUT):
        for key in (name, plain):
            if key in table:
                return table[key]
    own = re.sub(r"^(nn\.functional|linalg|special)\.", "", plain)
    return renamed(own) if own in CALLS and not absent(name) else None


def renamed(name: str) -> Spelling:
    """The op of that name, with NumPy's keywords for PyTorch's; dtype= is a cast before it."""

    def call(*args: Any, dtype: Any = None, **more: Any) -> Any:
        if dtype is not None:
            args = (args[0].astype(dtype), *args[1:])
        return CALLS[name](*args, **{KEYWORDS.get(key, key): value for key, value in more.items()})

    return call


# --- what takes more than a line --------------------------------------------------------------------------------------


def at(x: Any, axis: int, part: Any) -> tuple[Any, ...]:
    """The index of `part` along `axis`."""
    return (*(slice(None),) * (axis % max(x.ndim, 1)), part)


def norm(x: Any, p: Any = 2, dim: Any = None, keepdim: bool = False) -> Any:
    """torch.norm() is that of a vector unless the order has a name."""
    if not isinstance(p, str):
        return ge.vector_norm(x, p, dim, keepdim)
    axes = tuple(dim) if dim is not None else (0, 1) if x.ndim == 2 else None
    return ge.norm(x, None if p == "fro" else p, axes, keepdim)


def padded(x: Any, pad: Any, mode: str = "constant", value: Any = None) -> Any:
    """PyTorch names the last axis first, and cuts where a width is negative."""
    pairs = [(0, 0)] * (x.ndim - len(pad) // 2) + list(zip(pad[::2], pad[1::2], strict=True))[::-1]
    x = x[tuple(slice(-min(a, 0), n + min(b, 0)) for (a, b), n in zip(pairs, x.shape, strict=True))]
    widths = [(max(a, 0), max(b, 0)) for a, b in pairs]
    mode = {"replicate": "edge", "circular": "wrap"}.get(mode, mode)
    return ge.pad(x, widths, mode, **({"constant_values": value or 0} if mode == "constant" else {}))


def split(x: Any, size: Any, dim: int = 0) -> Any:
    """PyTorch splits by lengths, NumPy by places."""
    return ge.split(x, range(size, x.shape[dim], size) if isinstance(size, int) else np.cumsum(size)[:-1], dim)


def spread(name: str, *, with_mean: bool = False) -> Spelling:
    """PyTorch divides by count - 1, NumPy by count."""

    def call(
        x: Any, unbiased: bool = True, *, dim: Any = None, correction: float | None = 1, keepdim: bool = False
    ) -> Any:  # fmt: skip
        ddof = (1 if correction is None else correction) if unbiased else 0
        out = CALLS[name](x, dim, ddof, keepdim)
        return (out, ge.mean(x, dim, keepdim)) if with_mean else out

    return call


def with_index(name: str) -> Spelling:
    """PyTorch gives along one axis the indices as well."""

    def call(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
        if dim is None:
            return CALLS[name](x)
        wanted = CALLS[name](x, dim, True).data
        first = ge.argmax((x.data == wanted) | (np.isnan(x.data) & np.isnan(wanted)), dim, keepdim)
        return CALLS[name](x, dim, keepdim), first

    return call


def sort(x: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    return ge.sort(x, dim, descending), ge.argsort(x, dim, descending)


def slopes(x: Any, dim: Any, spacing: Any, edge_order: int) -> Any:
    apart = () if spacing is None else tuple(spacing) if isinstance(spacing, list | tuple) else (spacing,)
    out = ge.gradient(x, *apart, axis=dim, edge_order=edge_order)
    return out if isinstance(out, tuple) else (out,)


def fft_shifted(x: Any, dim: Any = None, *, back: bool) -> Any:
    axes = tuple(range(x.ndim)) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    return ge.roll(x, tuple((-1 if back else 1) * (x.shape[axis] // 2) for axis in axes), axes)


def diagonal_scatter(x: Any, values: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """By the places that the diagonal has in C order."""
    places = np.diagonal(np.arange(x.size).reshape(x.shape), offset, dim1, dim2)
    return ge.index_put(x.reshape(-1), values, index=places).reshape(x.shape)


def least_squares(x: Any, y: Any, driver: str) -> Any:
    """Not all of PyTorch's drivers give the error, the rank and the singular values."""
    out, error, rank, levels = ge.lstsq(x, y)
    nothing = np.zeros(0, x.dtype)
    error, rank = nothing if driver == "gelsy" else error, nothing.astype(int) if driver == "gels" else rank
    return out, error, rank, levels if driver in ("gelsd", "gelss") else nothing


def added(x: Any, y: Any, alpha: Any = 1) -> Any:
    return x + y if alpha == 1 else x + y * alpha


def scaled(x: Any, product: Any, beta: Any = 1, alpha: Any = 1) -> Any:
    return x * beta + product * alpha


def several(name: str) -> Spelling:
    """PyTorch takes a list where NumPy takes arguments."""
    return lambda x, *xs, **more: CALLS[name](*(x if isinstance(x, list | tuple) else (x,)), *xs, **more)


# --- one call of ours -------------------------------------------------------------------------------------------------

SPELLED: dict[str, Spelling] = {
    "H": lambda x: x.T, "T": lambda x: x.T, "mH": lambda x: x.mT, "mT": lambda x: x.mT, "t": lambda x: x.T,
    "__getitem__": lambda x, index: x[index],
    "__radd__": lambda x, y: y + x,
    "__rdiv__": lambda x, y: y / x,
    "__rmatmul__": lambda x, y: y @ x,
    "__rmod__": lambda x, y: y % x,
    "__rmul__": lambda x, y: y * x,
    "__rpow__": lambda x, y: y**x,
    "__rsub__": lambda x, y: y - x,
    "alias_copy": lambda x: x.clone(),
    "allclose": np.allclose,
    "linalg.vander": ge.linalg.vander,  # its powers rise, where those of NumPy's vander() fall
    "argsort": lambda x, dim=-1, descending=False, stable=False: ge.argsort(x, dim, descending),
    "argwhere": np.argwhere,
    "atleast_1d": several("atleast_1d"), "atleast_2d": several("atleast_2d"), "atleast_3d": several("atleast_3d"),
    "cdist": lambda x, y, p=2.0, mode=None: ge.cdist(x, y, p),
    "clamp_max": lambda x, y: ge.clip(x, None, y),
    "clamp_min": lambda x, y: ge.clip(x, y),
    "conj_physical": lambda x: ge.conj(x),
    "constant_pad_nd": lambda x, pad, value=0: padded(x, pad, "constant", value),
    "contiguous": lambda x: x.clone(),
    "diagflat": lambda x, offset=0: ge.diagflat(x, offset),
    "diagonal_copy": renamed("diagonal"),
    "div|floor_rounding": lambda x, y, rounding_mode: x // y,
    "double": lambda x, **_: x.astype(np.float64),
    "einsum": lambda xs, subscripts: ge.einsum(subscripts, *xs),
    "eq": lambda x, y: x == y,
    "equal": np.array_equal,
    "expand_as": lambda x, y: ge.broadcast_to(x, y.shape),
    "expand_copy": lambda x, shape: ge.expand(x, shape),
    "fft.fftshift": lambda x, dim=None: fft_shifted(x, dim, back=False),
    "fft.ifftshift": lambda x, dim=None: fft_shifted(x, dim, back=True),
    "float": lambda x, **_: x.astype(np.float32),
    "full_like": lambda x, value, dtype=None, device=None: ge.full_like(x, value, dtype=dtype),
    "ge": lambda x, y: x >= y,
    "gradient": lambda x, dim=None, spacing=None, edge_order=1: slopes(x, dim, spacing, edge_order),
    "grid_sampler_2d": lambda x, grid, mode, padding, align: ge.grid_sample(
        x, grid, ("bilinear", "nearest", "bicubic")[mode], ("zeros", "border", "reflection")[padding], align
    ),
    "grid_sampler_3d": lambda x, grid, mode, padding, align: ge.grid_sample(
        x, grid, ("bilinear", "nearest")[mode], ("zeros", "border", "reflection")[padding], align
    ),
    "gt": lambda x, y: x > y,
    "half": lambda x, **_: x.astype(np.float16),
    "index_put": lambda x, index, values, accumulate: ge.index_put(x, values, index=index, accumulate=accumulate),
    "isclose": np.isclose,
    "isin": np.isin,
    "isneginf": np.isneginf,
    "isposinf": np.isposinf,
    "isreal": np.isreal,
    "item": lambda x: x.item(),
    "le": lambda x, y: x <= y,
    "linalg.cross": lambda x, y, dim=-1: ge.cross(x, y, axis=dim),
    "linalg.diagonal": lambda x, offset=0, dim1=-2, dim2=-1: ge.diagonal(x, offset, dim1, dim2),
    "linalg.lstsq": least_squares,
    "linalg.lstsq|grad_oriented": lambda x, y, driver: least_squares(x, y, driver)[:2],
    "linalg.lu": lambda x, pivot: ge.lu(x),
    "linalg.matrix_norm": lambda x, ord="fro", dim=(-2, -1), keepdim=False: ge.norm(x, ord, dim, keepdim),
    "linalg.pinv|singular": lambda x, y: ge.pinv(x @ y.mT, max(len(x), len(y)) * np.finfo(x.dtype).eps),
    "linalg.tensorsolve": lambda x, y, dims=None: ge.tensorsolve(x, y, dims),
    "logical_and": np.logical_and, "logical_not": np.logical_not, "logical_or": np.logical_or,
    "logical_xor": np.logical_xor,
    "lt": lambda x, y: x < y,
    "max": with_index("max"), "median": with_index("median"), "min": with_index("min"),
    "max|binary": lambda x, y: ge.maximum(x, y), "min|binary": lambda x, y: ge.minimum(x, y),
    "meshgrid": several("meshgrid"),
    "mm": lambda x, y: x @ y,
    "msort": lambda x: ge.sort(x, 0),
    "nanmedian": with_index("nanmedian"),
    "nanquantile": lambda x, q, dim=None, keepdim=False, interpolation="linear": ge.nanquantile(
        x, q, dim, interpolation, keepdim
    ),
    "narrow": lambda x, dim, start, length: x[at(x, dim, slice(int(start), int(start) + length))],
    "narrow_copy": lambda x, dim, start, length: x[at(x, dim, slice(start, start + length))],
    "ne": lambda x, y: x != y,
    "nn.functional.embedding": lambda weight, indices, **more: ge.embedding(indices, weight, **more),
    "nn.functional.embedding_bag": lambda weight, indices, **more: ge.embedding_bag(indices, weight, **more),
    "nn.functional.pad": padded,
    "nn.functional.prelu": lambda x, weight: ge.prelu(x, weight),
    "nn.functional.triplet_margin_with_distance_loss": lambda *xs, distance_function=None, **more: (
        ge.triplet_margin_with_distance_loss(*xs, ge.pairwise_distance, **more)
    ),
    "nn.functional.upsample_bilinear": lambda x, size=None, scale_factor=None: ge.interpolate(
        x, size, scale_factor, "bilinear", align_corners=True
    ),
    "nn.functional.upsample_nearest": lambda x, size=None, scale_factor=None: ge.interpolate(x, size, scale_factor),
    "norm": norm,
    "ones_like": lambda x, dtype=None, device=None: ge.ones_like(x, dtype=dtype),
    "permute_copy": lambda x, axes: ge.transpose(x, axes),
    "pinverse": lambda x: ge.pinv(x),
    "polygamma": lambda x, n: ge.polygamma(x, n) if n else ge.digamma(x),
    "quantile": lambda x, q, dim=None, keepdim=False, interpolation="linear": ge.quantile(
        x, q, dim, interpolation, keepdim
    ),
    "repeat": lambda x, reps: ge.tile(x, reps),
    "repeat_interleave": lambda x, repeats, dim=None, output_size=None: ge.repeat(x, repeats, dim),
    "reshape_as": lambda x, y: x.reshape(y.shape),
    "resolve_conj": lambda x: ge.conj(x), "resolve_neg": lambda x: ge.conj(x),
    "scatter_reduce": renamed("scatter_reduce"),
    "select": lambda x, dim, k: x[at(x, dim, k)],
    "select_scatter": lambda x, values, dim, k: ge.index_put(x, values, index=at(x, dim, k)),
    "sgn": lambda x: ge.sign(x),
    "signbit": np.signbit,
    "slice": lambda x, dim=0, start=None, end=None, step=1: x[at(x, dim, slice(start, end, step))],
    "slice_scatter": lambda x, values, dim, start, end, step: ge.index_put(
        x, values, index=at(x, dim, slice(start, end, step))
    ),
    "sort": sort,
    "special.polygamma": lambda x, n: ge.polygamma(x, n) if n else ge.digamma(x),
    "split": split, "split_with_sizes": split, "split_with_sizes_copy": split, "unsafe_split": split,
    "squeeze_copy": renamed("squeeze"),
    "std": spread("std"), "var": spread("var"),
    "sum_to_size": lambda x, *shape: DEFINED["sum_to"](x, tuple(shape[0] if np.ndim(shape[0]) else shape)),
    "t_copy": lambda x: x.T,
    "take_along_dim": lambda x, index, dim=None: ge.take_along_axis(
        x, index.reshape(-1) if dim is None else index, dim
    ),
    "tensor_split": lambda x, parts, dim=0: ge.array_split(x, parts, dim),
    "tensordot": lambda x, y, dims=2: ge.tensordot(x, y, dims),
    "topk": lambda x, k, dim=-1, largest=True, sorted=True: ge.topk(x, k, dim, largest),
    "transpose": lambda x, i, j: ge.swapaxes(x, i, j), "transpose_copy": lambda x, i, j: ge.swapaxes(x, i, j),
    "triangular_solve": lambda y, x, upper=True, transpose=False, unitriangular=False: (
        ge.solve_triangular(x, y, upper, unitriangular=unitriangular), x
    ),
    "true_divide": lambda x, y: x / y,
    "unbind_copy": renamed("unbind"),
    "unfold": lambda x, dim, size, step: ge.sliding_window_view(x, size, dim)[at(x, dim, slice(None, None, step))],
    "unfold_copy": lambda x, dim, size, step: ge.sliding_window_view(x, size, dim)[at(x, dim, slice(None, None, step))],
    "unsafe_chunk": renamed("chunk"),
    "unsqueeze_copy": renamed("unsqueeze"),
    "view": lambda x, shape: x.reshape(shape), "view_copy": lambda x, shape: x.reshape(shape),
    "view_as": lambda x, y: x.reshape(y.shape),
    "where": lambda x, condition, y: ge.where(condition, x, y),
    "zeros_like": lambda x, dtype=None, device=None: ge.zeros_like(x, dtype=dtype),
}  # fmt: skip

# --- one line of several calls: there is no name for it here ----------------------------------------------------------

WRITTEN_OUT: dict[str, Spelling] = {
    "add": added,
    "addbmm": lambda x, y, z, **more: scaled(x, (y @ z).sum(0), **more),
    "addcdiv": lambda x, y, z, value=1: x + value * y / z,
    "addcmul": lambda x, y, z, value=1: x + value * y * z,
    "addmv": lambda x, y, z, **more: scaled(x, y @ z, **more),
    "addr": lambda x, y, z, **more: scaled(x, ge.outer(y, z), **more),
    "aminmax": lambda x, dim=None, keepdim=False: (ge.amin(x, dim, keepdim), ge.amax(x, dim, keepdim)),
    "baddbmm": lambda x, y, z, **more: scaled(x, y @ z, **more),
    "cholesky_inverse": lambda x, upper=False: ge.inv(x.mT @ x if upper else x @ x.mT),
    "diagonal_scatter": diagonal_scatter,
    "dist": lambda x, y, p=2: ge.vector_norm(x - y, ord=p),
    "div|trunc_rounding": lambda x, y, rounding_mode: ge.trunc(x / y),
    "frac": lambda x: x - ge.trunc(x),
    "ldexp": lambda x, y: x * 2**y,
    "put": lambda x, index, source, accumulate: ge.index_put(
        x.reshape(-1), source.reshape(-1), index=index.reshape(-1), accumulate=accumulate
    ).reshape(x.shape),
    "rsub": lambda x, y, alpha=1: y - (x if alpha == 1 else x * alpha),
    "std_mean": spread("std", with_mean=True),
    "sub": lambda x, y, alpha=1: x - y if alpha == 1 else x - y * alpha,
    "var_mean": spread("var", with_mean=True),
}  # fmt: skip
