"""Generated from the table of ops by `make stubs`; do not edit."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from grad_engine.autograd import HookHandle
from grad_engine.tensor import Tensor

Operand: TypeAlias = Tensor | np.ndarray | np.generic | float | int | bool | Sequence[Any]

class OpMethods:
    """The methods and operators of Tensor that come from the table of ops."""

    def select(self, mask: Any) -> Tensor:
        """x where mask holds, else 0, even where x is inf or NaN."""

    def exp(self) -> Tensor:
        """e to the power of each element."""

    def exp2(self) -> Tensor:
        """2 to the power of each element."""

    def ln(self) -> Tensor:
        """Natural logarithm of each element; ln(0) is -inf and ln of a negative number is NaN, with slope 1/x all the same."""

    def log(self, base: float | None = None) -> Tensor:
        """Logarithm of each element to `base`; the natural one, ln, without a base."""

    def sqrt(self) -> Tensor:
        """Square root of each element; the slope at 0 is inf."""

    def square(self) -> Tensor:
        """Each element times itself."""

    def abs(self) -> Tensor:
        """Absolute value of each element; slope 0 at 0."""

    def sign(self) -> Tensor:
        """-1, 0 or 1 by the sign of each element; slope 0 everywhere."""

    def sin(self) -> Tensor:
        """Sine of each element, in radians."""

    def cos(self) -> Tensor:
        """Cosine of each element, in radians."""

    def tanh(self) -> Tensor:
        """Hyperbolic tangent of each element, from -1 to 1."""

    def clone(self) -> Tensor:
        """The same values in memory of their own; gradients flow through."""

    def astype(self, dtype: Any) -> Tensor:
        """x with another dtype. Between floating-point dtypes the gradient is cast back."""

    def reshape(self, *shape: Any) -> Tensor:
        """The same elements in C order in another shape; one length may be -1."""

    def transpose(self, *axes: Any) -> Tensor:
        """x with its axes in another order, reversed when none is given."""

    def permute(self, *axes: Any) -> Tensor:
        """x with its axes in another order, reversed when none is given."""

    def matrix_transpose(self) -> Tensor:
        """x with its last two axes exchanged."""

    def squeeze(self, axis: Any = None) -> Tensor:
        """x without its axes of length 1 (or without those given, which must have length 1)."""

    def unsqueeze(self, axis: Any) -> Tensor:
        """x with a new axis of length 1 at each place given."""

    def expand_dims(self, axis: Any) -> Tensor:
        """x with a new axis of length 1 at each place given."""

    def broadcast_to(self, *shape: Any) -> Tensor:
        """x repeated to fill a larger shape, as in arithmetic with a tensor of that shape."""

    def broadcast(self, *shape: Any) -> Tensor:
        """x repeated to fill a larger shape, as in arithmetic with a tensor of that shape."""

    def sum_to(self, shape: Any) -> Tensor:
        """x summed down to `shape`, from which it could have been broadcast."""

    def sum(self, axis: Any = None, keepdims: Any = False) -> Tensor:
        """Sum of the elements along `axis`; 0 when there are none."""

    def mean(self, axis: Any = None, keepdims: Any = False) -> Tensor:
        """Mean of the elements along `axis`; NaN when there are none."""

    def max(self, axis: Any = None, keepdims: Any = False) -> Tensor:
        """Largest element along `axis`. Ties along one axis: the first takes the gradient; along all or several axes they share it evenly."""

    def min(self, axis: Any = None, keepdims: Any = False) -> Tensor:
        """Smallest element along `axis`. Ties along one axis: the first takes the gradient; along all or several axes they share it evenly."""

    def amax(self, axis: Any = None, keepdims: Any = False) -> Tensor:
        """Largest element along `axis`; ties share the gradient evenly."""

    def amin(self, axis: Any = None, keepdims: Any = False) -> Tensor:
        """Smallest element along `axis`; ties share the gradient evenly."""

    def argmax(self, axis: Any = None, keepdims: Any = False) -> Tensor:
        """Index of the largest element along `axis`, the first of equals; in C order without an axis. No gradient."""

    def argmin(self, axis: Any = None, keepdims: Any = False) -> Tensor:
        """Index of the smallest element along `axis`, the first of equals; in C order without an axis. No gradient."""

    def relu(self) -> Tensor:
        """max(x, 0) of each element. It selects: an inactive unit passes 0 even of inf and NaN; the slope at 0 is 0."""

    def sigmoid(self) -> Tensor:
        """1 / (1 + exp(-x)) of each element, from 0 to 1."""

    def softmax(self, axis: Any = -1) -> Tensor:
        """exp(x) over its sum along `axis`: positive numbers that add up to 1."""

    def log_softmax(self, axis: Any = -1) -> Tensor:
        """ln of softmax along `axis`, without its overflow."""

    def add(self, y: Operand) -> Tensor:
        """x plus y, element by element."""

    def sub(self, y: Operand) -> Tensor:
        """x minus y, element by element."""

    def mul(self, y: Operand) -> Tensor:
        """x times y, element by element."""

    def div(self, y: Operand) -> Tensor:
        """x over y, element by element; x / 0 is ±inf, 0 / 0 is NaN."""

    def neg(self) -> Tensor:
        """Minus x."""

    def positive(self) -> Tensor:
        """x itself, as a new tensor."""

    def pow(self, y: Operand) -> Tensor:
        """x to the power y, element by element; 0 ** 0 is 1, a negative x to a fraction is NaN."""

    def matmul(self, y: Operand) -> Tensor:
        """Matrix product; 1-D operands are a row on the left and a column on the right, leading axes broadcast."""

    def tensordot(self, y: Operand, axes: Any = 2) -> Tensor:
        """Sum of products over `axes`: the last of x with the first of y for a number, else a pair of axis lists."""

    def dot(self, y: Operand) -> Tensor:
        """np.dot: the inner product of vectors, the matrix product of matrices, last axis with second to last beyond."""

    def conv1d(self, weight: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1) -> Tensor:
        """x (batch, channels, 1 axes) summed under each filter of weight (filters, channels / groups, 1 axes), which slides over it unflipped, plus bias; padding is a number, one per axis, 'same' or 'valid'."""

    def conv_transpose1d(self, weight: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: Any = 1, dilation: Any = 1) -> Tensor:
        """Each element of x times its filter of weight (channels, results / groups, 1 axes), laid where conv1d would read it and summed, plus bias: the gradient of conv1d with respect to its input."""

    def conv2d(self, weight: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1) -> Tensor:
        """x (batch, channels, 2 axes) summed under each filter of weight (filters, channels / groups, 2 axes), which slides over it unflipped, plus bias; padding is a number, one per axis, 'same' or 'valid'."""

    def conv_transpose2d(self, weight: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: Any = 1, dilation: Any = 1) -> Tensor:
        """Each element of x times its filter of weight (channels, results / groups, 2 axes), laid where conv2d would read it and summed, plus bias: the gradient of conv2d with respect to its input."""

    def conv3d(self, weight: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1) -> Tensor:
        """x (batch, channels, 3 axes) summed under each filter of weight (filters, channels / groups, 3 axes), which slides over it unflipped, plus bias; padding is a number, one per axis, 'same' or 'valid'."""

    def conv_transpose3d(self, weight: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: Any = 1, dilation: Any = 1) -> Tensor:
        """Each element of x times its filter of weight (channels, results / groups, 3 axes), laid where conv3d would read it and summed, plus bias: the gradient of conv3d with respect to its input."""

    def __add__(self, other: Operand) -> Tensor: ...
    def __radd__(self, other: Operand) -> Tensor: ...
    def __iadd__(self, other: Operand) -> Tensor: ...
    def __sub__(self, other: Operand) -> Tensor: ...
    def __rsub__(self, other: Operand) -> Tensor: ...
    def __isub__(self, other: Operand) -> Tensor: ...
    def __mul__(self, other: Operand) -> Tensor: ...
    def __rmul__(self, other: Operand) -> Tensor: ...
    def __imul__(self, other: Operand) -> Tensor: ...
    def __truediv__(self, other: Operand) -> Tensor: ...
    def __rtruediv__(self, other: Operand) -> Tensor: ...
    def __itruediv__(self, other: Operand) -> Tensor: ...
    def __matmul__(self, other: Operand) -> Tensor: ...
    def __rmatmul__(self, other: Operand) -> Tensor: ...
    def __imatmul__(self, other: Operand) -> Tensor: ...
    def __pow__(self, other: Operand) -> Tensor: ...
    def __rpow__(self, other: Operand) -> Tensor: ...
    def __ipow__(self, other: Operand) -> Tensor: ...
    def __neg__(self) -> Tensor: ...
    def __pos__(self) -> Tensor: ...
    def __abs__(self) -> Tensor: ...
    def __getitem__(self, index: Any) -> Tensor: ...
    def __setitem__(self, index: Any, values: Operand) -> None: ...
    def __eq__(self, other: object) -> Any: ...
    def __ne__(self, other: object) -> Any: ...
    def __lt__(self, other: Operand) -> Any: ...
    def __le__(self, other: Operand) -> Any: ...
    def __gt__(self, other: Operand) -> Any: ...
    def __ge__(self, other: Operand) -> Any: ...
    def __and__(self, other: Operand) -> Tensor: ...
    def __rand__(self, other: Operand) -> Tensor: ...
    def __or__(self, other: Operand) -> Tensor: ...
    def __ror__(self, other: Operand) -> Tensor: ...
    def __xor__(self, other: Operand) -> Tensor: ...
    def __rxor__(self, other: Operand) -> Tensor: ...
    def __invert__(self) -> Tensor: ...
    @property
    def T(self) -> Tensor: ...
    @property
    def mT(self) -> Tensor: ...
    def backward(self, gradient: Any = None, retain_graph: bool = False, create_graph: bool = False) -> None: ...
    def register_hook(self, hook: Any) -> HookHandle: ...
    def register_post_accumulate_grad_hook(self, hook: Any) -> HookHandle: ...
    def retain_grad(self) -> None: ...
