"""Complex numbers between a real input and a real loss: a pair of tensors, and NumPy's functions on it.

`1j * t`, `np.exp(1j * t)`, `np.fft.rfft(t)` give a ComplexTensor; `abs(z)`, `np.angle(z)`, `z.real` and `z.imag` give
tensors again. Every function is written in ops on the parts, so gradients are those of the two parts, which is
PyTorch's convention. What is not here is refused by name; complex leaves are refused too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from grad_engine.core.broadcasting import astype
from grad_engine.core.call import as_tensor
from grad_engine.core.conversion import COMPLEX, ComplexPair
from grad_engine.core.numpy_protocol import NUMPY_TO_OP
from grad_engine.core.tensor import Tensor, array_of, wrap
from grad_engine.errors import ArgumentError, NotDifferentiableError, ShapeError
from grad_engine.ops.arithmetic import positive
from grad_engine.ops.elementwise import arctan2, cos, cosh, exp, hypot, ln, sin, sinh, sqrt, where
from grad_engine.ops.fourier import fourier
from grad_engine.ops.joining import concat
from grad_engine.ops.shape import axis_of, broadcast_to

FUNCTIONS: dict[Any, Callable[..., Any]] = {}  # NumPy's function, or (ufunc, method) -> what it is on complex tensors


class ComplexTensor(ComplexPair):
    """Complex numbers as two tensors, `real` and `imag`, through which gradients flow."""

    __slots__ = ("imag", "real")
    real: Tensor
    imag: Tensor

    def __init__(self, real: Any, imag: Any) -> None:
        real, imag = as_tensor(real), as_tensor(imag)
        shape = np.broadcast_shapes(real.shape, imag.shape)
        self.real = real if real.shape == shape else broadcast_to(real, shape)
        self.imag = imag if imag.shape == shape else broadcast_to(imag, shape)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.real.shape

    @property
    def ndim(self) -> int:
        return self.real.ndim

    @property
    def size(self) -> int:
        return self.real.size

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.result_type(self.real.dtype, self.imag.dtype, np.complex64)

    @property
    def requires_grad(self) -> bool:
        return self.real.requires_grad or self.imag.requires_grad

    @property
    def data(self) -> np.ndarray:
        """The values as a complex array of its own."""
        return np.asarray(self.real.array + 1j * self.imag.array).astype(self.dtype, copy=False)

    @property
    def T(self) -> ComplexTensor:
        """The array with its axes in reverse order; nothing is conjugated."""
        return ComplexTensor(self.real.T, self.imag.T)

    def detach(self) -> ComplexTensor:
        """The same values without history."""
        return ComplexTensor(self.real.detach(), self.imag.detach())

    def item(self) -> complex:
        """The value of a single element as a Python number."""
        return complex(self.real.item(), self.imag.item())

    def tolist(self) -> Any:
        """The values as nested Python lists."""
        return self.data.tolist()

    def conj(self) -> ComplexTensor:
        """The numbers with the sign of their imaginary parts changed."""
        return ComplexTensor(self.real, -self.imag)

    conjugate = conj

    def copy(self) -> ComplexTensor:
        """The numbers in memory of their own; recorded."""
        return ComplexTensor(positive(self.real), positive(self.imag))

    def abs(self) -> Any:
        """The size of each number, as np.abs() gives it."""
        return np.abs(self)

    def angle(self) -> Any:
        """The angle of each number, as np.angle() gives it."""
        return np.angle(self)

    def astype(self, dtype: Any) -> Any:
        """The numbers in another complex dtype; a real one would lose the imaginary parts and is refused."""
        if np.dtype(dtype).kind != "c":
            raise ArgumentError(f"astype() of complex numbers takes a complex dtype, got {dtype}; take z.real")
        kind = np.empty(0, dtype).real.dtype
        return ComplexTensor(astype(self.real, kind), astype(self.imag, kind))

    def _method(name: str) -> Callable[..., Any]:  # type: ignore[misc]
        """A method that does the same to both parts."""

        def method(self: ComplexTensor, *args: Any, **named: Any) -> Any:
            return ComplexTensor(getattr(self.real, name)(*args, **named), getattr(self.imag, name)(*args, **named))

        method.__name__, method.__doc__ = name, f"What {name}() makes of both parts."
        return method

    sum, mean, cumsum, reshape, transpose = map(_method, ("sum", "mean", "cumsum", "reshape", "transpose"))
    ravel, flatten, squeeze, swapaxes = map(_method, ("ravel", "flatten", "squeeze", "swapaxes"))
    take, repeat, diagonal, trace = map(_method, ("take", "repeat", "diagonal", "trace"))

    def __len__(self) -> int:
        return len(self.real)

    def __iter__(self) -> Iterator[ComplexTensor]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: Any) -> ComplexTensor:
        return ComplexTensor(self.real[index], self.imag[index])

    def __setitem__(self, index: Any, values: Any) -> None:
        re, im = _parts(values)
        self.real, self.imag = positive(self.real), positive(self.imag)  # parts may belong to another tensor
        self.real[index] = re
        self.imag[index] = 0.0 if im is None else im

    def __add__(self, other: Any) -> Any:
        return _call(np.add, self, other)

    def __radd__(self, other: Any) -> Any:
        return _call(np.add, other, self)

    def __sub__(self, other: Any) -> Any:
        return _call(np.subtract, self, other)

    def __rsub__(self, other: Any) -> Any:
        return _call(np.subtract, other, self)

    def __mul__(self, other: Any) -> Any:
        return _call(np.multiply, self, other)

    def __rmul__(self, other: Any) -> Any:
        return _call(np.multiply, other, self)

    def __truediv__(self, other: Any) -> Any:
        return _call(np.divide, self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return _call(np.divide, other, self)

    def __pow__(self, other: Any) -> Any:
        return _call(np.power, self, other)

    def __rpow__(self, other: Any) -> Any:
        return _call(np.power, other, self)

    def __matmul__(self, other: Any) -> Any:
        return _call(np.matmul, self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return _call(np.matmul, other, self)

    def __neg__(self) -> ComplexTensor:
        return ComplexTensor(-self.real, -self.imag)

    def __pos__(self) -> ComplexTensor:
        return self.copy()

    def __abs__(self) -> Tensor:
        return _absolute(self)

    def __complex__(self) -> complex:
        return complex(float(self.real), float(self.imag))

    def __float__(self) -> float:
        raise ArgumentError("a complex number is no float; take z.real or abs(z)")

    def __lt__(self, other: Any) -> Any:
        raise ArgumentError("complex numbers have no order here; compare abs(z) or z.real")

    __le__ = __gt__ = __ge__ = __lt__

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if self.requires_grad:
            raise NotDifferentiableError(
                "complex numbers that require grad would lose their history as a NumPy array; take abs(z), z.real or "
                "z.imag, or pass z.detach() where no gradient is meant"
            )
        return self.data.astype(dtype, copy=False) if dtype is not None else self.data

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        if method == "reduce":
            keywords.setdefault("axis", 0)
        return _call(ufunc if method == "__call__" else (ufunc, method), *inputs, **keywords)

    def __array_function__(self, func: Any, types: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        return _call(func, *args, **keywords)

    def __repr__(self) -> str:
        return f"complex_tensor({np.array2string(self.data, separator=', ')}, requires_grad={self.requires_grad})"


def _call(func: Any, *args: Any, **named: Any) -> Any:
    """NumPy's function on complex tensors: ours, or NumPy's own on the values where no gradient flows."""
    found = FUNCTIONS.get(func)
    if found is not None:
        return found(*args, **named)
    if not _required((args, list(named.values()))) or func in _OF_VALUES:
        function = getattr(*func) if isinstance(func, tuple) else func
        return function(*map(_values, args), **{name: _values(value) for name, value in named.items()})
    function, method = func if isinstance(func, tuple) else (func, "")
    name = f"{getattr(function, '__module__', None) or 'numpy'}.{function.__name__}".replace("numpy", "np", 1)
    raise NotDifferentiableError(
        f"{name}{'.' * bool(method)}{method} of complex numbers has no gradient here; compute with z.real and z.imag, "
        "with abs(z) and np.angle(z), or call it on z.detach() where none is meant"
    )


COMPLEX.append(_call)  # how an op of two operands goes on when one of them is complex


def _required(values: Any) -> bool:
    if isinstance(values, list | tuple):
        return any(map(_required, values))
    return isinstance(values, Tensor | ComplexTensor) and values.requires_grad


def _values(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(map(_values, value))
    return value.data if isinstance(value, ComplexTensor) else array_of(value)


def _parts(z: Any) -> tuple[Any, Any]:
    """(real part, imaginary part or None for a real operand) of a tensor, array or number."""
    if isinstance(z, ComplexTensor):
        return z.real, z.imag
    if isinstance(z, Tensor):
        return z, None
    array = np.asarray(z)
    if array.dtype.kind == "c":
        return as_tensor(array.real.copy()), as_tensor(array.imag.copy())
    return as_tensor(z), None


def _made(re: Any, im: Any) -> Any:
    return ComplexTensor(re, im)


def _whole(z: Any) -> tuple[Tensor, Tensor]:
    re, im = _parts(z)
    return re, wrap(np.zeros(re.shape, re.dtype), None) if im is None else im


# --- arithmetic and functions of one number --------------------------------------------------------------------------


def _sum_of(x: Any, y: Any) -> Any:
    (a, b), (c, d) = _parts(x), _parts(y)
    return _made(a + c, d if b is None else b if d is None else b + d)


def _difference(x: Any, y: Any) -> Any:
    (a, b), (c, d) = _parts(x), _parts(y)
    return _made(a - c, -d if b is None else b if d is None else b - d)


def _bilinear(product: Any) -> Callable[..., Any]:
    """A product of NumPy's on complex operands, from the products of their parts."""

    def call(x: Any, y: Any, *more: Any, **named: Any) -> Any:
        (a, b), (c, d) = _parts(x), _parts(y)
        if b is None and d is None:
            return product(a, c, *more, **named)
        re = product(a, c, *more, **named)
        if b is not None and d is not None:
            re = re - product(b, d, *more, **named)
        if b is None:
            return _made(re, product(a, d, *more, **named))
        im = product(b, c, *more, **named)
        return _made(re, im if d is None else im + product(a, d, *more, **named))

    return call


_product = _bilinear(np.multiply)


def _quotient(x: Any, y: Any) -> Any:
    c, d = _parts(y)
    if d is None:
        a, b = _whole(x)
        return _made(a / c, b / c)
    swapped = np.abs(c.array) < np.abs(d.array)  # by the larger part, so that no square overflows (Smith 1962)
    high, low = where(swapped, d, c), where(swapped, c, d)
    ratio = low / high
    scale = high + low * ratio
    a, b = _whole(x)
    return _made(
        where(swapped, a * ratio + b, a + b * ratio) / scale, where(swapped, b * ratio - a, b - a * ratio) / scale
    )


def _absolute(z: Any) -> Tensor:
    """Length; the slope at 0 is 0, as in PyTorch."""
    a, b = _whole(z)
    zero = (a.array == 0) & (b.array == 0)
    if not zero.any():
        return hypot(a, b)
    return where(zero, 0.0, hypot(where(zero, 1.0, a), b))


def _angle(z: Any, deg: bool = False) -> Tensor:
    a, b = _whole(z)
    out = arctan2(b, a)
    return out * (180 / np.pi) if deg else out


def _exp(z: Any) -> Any:
    a, b = _whole(z)
    size = exp(a)
    return _made(size * cos(b), size * sin(b))


def _log(z: Any) -> Any:
    return _made(ln(_absolute(z)), _angle(z))


def _square(z: Any) -> Any:
    a, b = _whole(z)
    return _made((a - b) * (a + b), 2 * a * b)


def _sqrt(z: Any) -> Any:
    """By the half that loses no digits (Kahan 1987); the slope at 0 is not finite."""
    a, b = _whole(z)
    right = a.array >= 0
    root = sqrt(0.5 * (_absolute(z) + abs(a)))
    other = abs(b) / (2 * where(root.array == 0, 1.0, root))
    side = np.where(np.signbit(b.array), -1.0, 1.0).astype(b.dtype)
    return _made(where(right, root, other), side * where(right, other, root))


def _power(x: Any, y: Any) -> Any:
    a, b = _parts(y)
    exponent = array_of(a)
    if b is None and not a.requires_grad and np.ndim(exponent) == 0 and float(exponent).is_integer():
        n = int(exponent)
        if abs(n) <= 64:
            out: Any = None
            base: Any = x
            for bit in reversed(f"{abs(n):b}"):
                if bit == "1":
                    out = base if out is None else _product(out, base)
                base = _square(base)
            out = _made(np.ones(np.shape(_parts(x)[0])), 0.0) if out is None else out
            return _quotient(1.0, out) if n < 0 else out
    return _exp(_product(y, _log(x)))


def _of_parts(re: Callable[..., Any], im: Callable[..., Any]) -> Callable[[Any], Any]:
    return lambda z: _made(re(*_whole(z)), im(*_whole(z)))


_sin = _of_parts(lambda a, b: sin(a) * cosh(b), lambda a, b: cos(a) * sinh(b))
_cos = _of_parts(lambda a, b: cos(a) * cosh(b), lambda a, b: -sin(a) * sinh(b))
_sinh = _of_parts(lambda a, b: sinh(a) * cos(b), lambda a, b: cosh(a) * sin(b))
_cosh = _of_parts(lambda a, b: cosh(a) * cos(b), lambda a, b: sinh(a) * sin(b))

FUNCTIONS.update({
    np.add: _sum_of, np.subtract: _difference, np.multiply: _product, np.divide: _quotient, np.power: _power,
    np.float_power: _power, np.negative: lambda z: -z, np.positive: lambda z: z.copy(),
    np.conjugate: lambda z: z.conj(),
    np.absolute: _absolute, np.angle: _angle, np.exp: _exp, np.log: _log, np.square: _square, np.sqrt: _sqrt,
    np.reciprocal: lambda z: _quotient(1.0, z), np.sin: _sin, np.cos: _cos, np.sinh: _sinh, np.cosh: _cosh,
    np.tan: lambda z: _quotient(_sin(z), _cos(z)), np.tanh: lambda z: _quotient(_sinh(z), _cosh(z)),
    np.real: lambda z: z.real, np.imag: lambda z: z.imag, np.real_if_close: lambda z, tol=100: z,
    np.iscomplexobj: lambda z: True, np.isrealobj: lambda z: False, np.shape: lambda z: z.shape,
    np.ndim: lambda z: z.ndim, np.size: lambda z, axis=None: z.size if axis is None else z.shape[axis],
    np.copy: lambda z, order="K", subok=False: z.copy(),
})  # fmt: skip

# --- what does the same to both parts, and what multiplies -----------------------------------------------------------


def _part(value: Any, which: int) -> Any:
    if isinstance(value, list | tuple) and any(
        isinstance(each, list | tuple | Tensor | ComplexTensor) for each in value
    ):
        return type(value)(_part(each, which) for each in value)
    if isinstance(value, ComplexTensor):
        return value.imag if which else value.real
    if isinstance(value, Tensor | np.ndarray):
        re, im = _parts(value)
        return re if not which else np.zeros(re.shape, re.dtype) if im is None else im
    return value


def _by_parts(function: Any) -> Callable[..., Any]:
    """A linear function of NumPy's, which gives the real part of the real part and the same of the imaginary one.

    Its first argument, or the list that it is, holds the numbers; all others say how.
    """

    def call(z: Any, *args: Any, **named: Any) -> Any:
        re, im = (function(_part(z, which), *args, **named) for which in (0, 1))
        if isinstance(re, list | tuple):
            return type(re)(_made(a, b) for a, b in zip(re, im, strict=True))
        return _made(re, im)

    return call


for _function in (
    np.sum, np.mean, np.cumsum, np.reshape, np.ravel, np.transpose, np.moveaxis, np.swapaxes, np.squeeze,
    np.expand_dims, np.broadcast_to, np.roll, np.flip, np.fliplr, np.flipud, np.rot90, np.tile, np.repeat, np.diff,
    np.take, np.diag, np.diagonal, np.trace, np.tril, np.triu, np.concatenate, np.stack, np.hstack, np.vstack,
    np.column_stack, np.split, np.array_split, np.atleast_1d, np.atleast_2d, np.fft.fftshift, np.fft.ifftshift,
    np.nan_to_num, np.delete, np.rollaxis, np.trapezoid, np.gradient,
):  # fmt: skip
    FUNCTIONS[_function] = _by_parts(_function)
FUNCTIONS[np.add, "reduce"] = _by_parts(np.add.reduce)
for _pairing in (
    np.matmul, np.dot, np.outer, np.inner, np.tensordot, np.kron, np.convolve, np.linalg.matmul, np.linalg.outer,
):  # fmt: skip
    FUNCTIONS[_pairing] = _bilinear(_pairing)


def _conjugated(z: Any) -> Any:
    a, b = _parts(z)
    return a if b is None else _made(a, -b)


def _vdot(x: Any, y: Any) -> Any:
    return _bilinear(np.dot)(_conjugated(np.ravel(x)), np.ravel(y))


def _where(condition: Any, x: Any, y: Any) -> Any:
    (a, b), (c, d) = _whole(x), _whole(y)
    return _made(where(condition, a, c), where(condition, b, d))


def _pad(array: Any, pad_width: Any, mode: Any = "constant", **named: Any) -> Any:
    filled = named.get("constant_values", 0)
    if np.any(np.asarray(filled) != 0):
        raise ArgumentError(f"pad() of complex numbers fills with 0, got {filled!r}; write concatenate([...])")
    return _by_parts(np.pad)(array, pad_width, mode, **named)


def _einsum(subscripts: Any, *operands: Any, **named: Any) -> Any:
    if len(operands) == 1:
        return _by_parts(lambda z: np.einsum(subscripts, z, **named))(*operands)
    if len(operands) == 2:
        return _bilinear(lambda x, y: np.einsum(subscripts, x, y, **named))(*operands)
    raise ArgumentError(
        f"einsum() of complex numbers takes one or two operands, got {len(operands)}; multiply two at a time"
    )


def _prod(z: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    rest = np.ravel(z) if axis is None else np.moveaxis(z, axis, 0)
    out: Any = rest[0]
    for i in range(1, len(rest)):
        out = _product(out, rest[i])
    return np.expand_dims(out, axis) if keepdims and axis is not None else out


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    vector = x.ndim == 1 if axis is None else isinstance(axis, int)
    if not vector and ord not in (None, "fro"):
        raise ArgumentError(f"norm() of a complex matrix is ord=None or 'fro', got {ord!r}; take axis= for vectors")
    return np.linalg.norm(_absolute(x), ord, axis, keepdims)


def _solve(a: Any, b: Any) -> Any:
    """By the real system [[Re a, −Im a], [Im a, Re a]] of twice the size."""
    (p, q), (r, s) = _whole(a), _whole(b)
    whole = concat([concat([p, -q], -1), concat([q, p], -1)], -2)
    axis = -1 if r.ndim == 1 else -2
    out = np.linalg.solve(whole, concat([r, s], axis))
    n = p.shape[-1]
    return _made(out[:n], out[n:]) if axis == -1 else _made(out[..., :n, :], out[..., n:, :])


FUNCTIONS.update({
    np.polyval: lambda p, x: NUMPY_TO_OP[np.polyval](p, x),
    np.vdot: _vdot, np.where: _where, np.pad: _pad, np.einsum: _einsum, np.prod: _prod, np.linalg.norm: _norm,
    np.linalg.solve: _solve, np.linalg.inv: lambda a: _solve(a, np.eye(a.shape[-1])),
    np.linalg.vector_norm: lambda x, axis=None, keepdims=False, ord=2: np.linalg.vector_norm(
        _absolute(x), axis=axis, keepdims=keepdims, ord=ord
    ),
})  # fmt: skip
_OF_VALUES = frozenset({
    np.isfinite, np.isnan, np.isinf, np.equal, np.not_equal, np.allclose, np.isclose, np.array_equal, np.zeros_like,
    np.ones_like, np.empty_like, np.result_type, np.isreal, np.iscomplex, np.array_repr, np.array_str,
})  # fmt: skip

# --- Fourier transforms ----------------------------------------------------------------------------------------------


def _fitted(z: Any, lengths: Sequence[int], axes: Sequence[int]) -> Any:
    """z cut, or filled with zeros behind, to the given lengths along axes."""
    for length, axis in zip(lengths, axes, strict=True):
        have = z.shape[axis]
        if length < 1:
            raise ShapeError(f"a Fourier transform has at least one point, got {length}")
        if have > length:
            z = z[(slice(None),) * axis + (slice(length),)]
        elif have < length:
            rest = np.zeros((*z.shape[:axis], length - have, *z.shape[axis + 1 :]), z.dtype)
            z = np.concatenate([z, rest], axis)
    return z


def _scale(norm: str | None, points: int, sign: int) -> float:
    """What the sums are multiplied with."""
    if norm not in (None, "backward", "ortho", "forward"):
        raise ArgumentError(f'norm is "backward", "ortho" or "forward", got {norm!r}')
    if norm == "ortho":
        return float(points**-0.5)
    return 1 / points if (norm == "forward") == (sign < 0) else 1.0


def _operand(z: Any, name: str) -> Any:
    if not isinstance(z, ComplexTensor):
        z = as_tensor(z) if isinstance(z, Tensor) or np.asarray(z).dtype.kind != "c" else _made(*_parts(z))
    if not z.ndim:
        raise ShapeError(f"np.fft.{name} takes at least one axis, got a single number")
    return z


def _axes(z: Any, s: Any, axes: Any, name: str) -> tuple[list[int], list[int]]:
    if axes is None:
        axes = range(z.ndim) if s is None else range(z.ndim - len(s), z.ndim)
    places = [axis_of(z.real, axis) for axis in axes]
    lengths = [z.shape[axis] for axis in places] if s is None else [int(each) for each in s]
    if len(lengths) != len(places):
        raise ShapeError(f"np.fft.{name} takes a length for each of {len(places)} axes, got {len(lengths)}")
    return [z.shape[a] if n == -1 else n for n, a in zip(lengths, places, strict=True)], places


def _transformed(z: Any, s: Any, axes: Any, norm: str | None, sign: int, name: str) -> Any:
    z = _operand(z, name)
    lengths, places = _axes(z, s, axes, name)
    z = _fitted(z, lengths, places)
    re, im = fourier(*_whole(z), axes=tuple(places), sign=sign)
    scale = _scale(norm, int(np.prod(lengths)), sign)
    return _made(re, im) if scale == 1 else _made(re * scale, im * scale)


def _fft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    return _transformed(a, None if n is None else (n,), (axis,), norm, -1, "fft")


def _ifft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    return _transformed(a, None if n is None else (n,), (axis,), norm, 1, "ifft")


def _fftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    return _transformed(a, s, axes, norm, -1, "fftn")


def _ifftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    return _transformed(a, s, axes, norm, 1, "ifftn")


def _fft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
    return _transformed(a, s, axes, norm, -1, "fft2")


def _ifft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
    return _transformed(a, s, axes, norm, 1, "ifft2")


def _rfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    a = _operand(a, "rfftn")
    if isinstance(a, ComplexTensor):
        raise ArgumentError("np.fft.rfft and the like take real numbers, got complex ones; call fft")
    lengths, places = _axes(a, s, axes, "rfftn")
    whole = _transformed(a, s, axes, norm, -1, "rfftn")
    return whole[(slice(None),) * places[-1] + (slice(lengths[-1] // 2 + 1),)]


def _rfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    return _rfftn(a, None if n is None else (n,), (axis,), norm)


def _rfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
    return _rfftn(a, s, axes, norm)


def _irfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    """The other half of the spectrum is the conjugate of this one: each number counts twice, in the real part."""
    z = _operand(a, "irfftn")
    if s is None:
        lengths, places = _axes(z, None, axes, "irfftn")
        lengths[-1] = 2 * (lengths[-1] - 1)
    else:
        lengths, places = _axes(z, s, axes, "irfftn")
    n, last = lengths[-1], places[-1]
    half = _fitted(z, [n // 2 + 1], [last])
    twice = np.full(n // 2 + 1, 2.0, np.result_type(z.real.dtype))
    twice[0] = 1.0
    twice[n // 2 :] = 1.0 if n % 2 == 0 else 2.0 if n > 1 else 1.0
    half = half * twice.reshape(-1, *(1,) * (z.ndim - 1 - last))
    return _transformed(half, lengths, places, norm, 1, "irfftn").real


def _irfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    return _irfftn(a, None if n is None else (n,), (axis,), norm)


def _irfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
    return _irfftn(a, s, axes, norm)


_OTHER = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}


def _hfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    return _irfft(_conjugated(a), n, axis, _OTHER.get(norm, norm))


def _ihfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    return _conjugated(_rfft(a, n, axis, _OTHER.get(norm, norm)))


FFT: dict[str, Callable[..., Any]] = {
    "fft": _fft, "ifft": _ifft, "fft2": _fft2, "ifft2": _ifft2, "fftn": _fftn, "ifftn": _ifftn, "rfft": _rfft,
    "irfft": _irfft, "rfft2": _rfft2, "irfft2": _irfft2, "rfftn": _rfftn, "irfftn": _irfftn, "hfft": _hfft,
    "ihfft": _ihfft,
}  # fmt: skip
for _name, _transform in FFT.items():
    FUNCTIONS[getattr(np.fft, _name)] = NUMPY_TO_OP[getattr(np.fft, _name)] = _transform
