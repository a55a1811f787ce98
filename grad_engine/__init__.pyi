"""Generated from the table of ops by `make stubs`; do not edit."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from grad_engine import ops as ops
from grad_engine.autograd import enable_grad as enable_grad
from grad_engine.autograd import grad as grad
from grad_engine.autograd import is_grad_enabled as is_grad_enabled
from grad_engine.autograd import no_grad as no_grad
from grad_engine.autograd import set_grad_enabled as set_grad_enabled
from grad_engine.creation import arange as arange
from grad_engine.creation import eye as eye
from grad_engine.creation import from_numpy as from_numpy
from grad_engine.creation import full as full
from grad_engine.creation import full_like as full_like
from grad_engine.creation import ones as ones
from grad_engine.creation import ones_like as ones_like
from grad_engine.creation import rand as rand
from grad_engine.creation import rand_like as rand_like
from grad_engine.creation import randn as randn
from grad_engine.creation import randn_like as randn_like
from grad_engine.creation import tensor as tensor
from grad_engine.creation import zeros as zeros
from grad_engine.creation import zeros_like as zeros_like
from grad_engine.errors import ArgumentError as ArgumentError
from grad_engine.errors import GradEngineError as GradEngineError
from grad_engine.errors import GraphError as GraphError
from grad_engine.errors import IndexingError as IndexingError
from grad_engine.errors import InPlaceError as InPlaceError
from grad_engine.errors import NotDifferentiableError as NotDifferentiableError
from grad_engine.errors import RecordError as RecordError
from grad_engine.errors import ShapeError as ShapeError
from grad_engine.export import export_graph as export_graph
from grad_engine.export import record_graph as record_graph
from grad_engine.export import visualize_graph as visualize_graph
from grad_engine.op import CALLS as CALLS
from grad_engine.op import OPS as OPS
from grad_engine.op import case as case
from grad_engine.op import define as define
from grad_engine.record import GraphRecord as GraphRecord
from grad_engine.record import load_graph as load_graph
from grad_engine.record import save_graph as save_graph
from grad_engine.tensor import Tensor as Tensor
from grad_engine.testing import check_gradients as check_gradients

Operand: TypeAlias = Tensor | np.ndarray | np.generic | float | int | bool | Sequence[Any]

def select(x: Operand, mask: Any) -> Tensor:
    """x where mask holds, else 0, even where x is inf or NaN."""

def where(condition: Operand, x: Operand, y: Operand) -> Tensor:
    """x where condition holds, y elsewhere; the gradient of the branch not taken is 0, even beside a NaN."""

def exp(x: Operand) -> Tensor:
    """e to the power of each element."""

def exp2(x: Operand) -> Tensor:
    """2 to the power of each element."""

def ln(x: Operand) -> Tensor:
    """Natural logarithm of each element; ln(0) is -inf and ln of a negative number is NaN, with slope 1/x all the same."""

def log(x: Any, base: float | None = None) -> Tensor:
    """Logarithm of each element to `base`; the natural one, ln, without a base."""

def sqrt(x: Operand) -> Tensor:
    """Square root of each element; the slope at 0 is inf."""

def square(x: Operand) -> Tensor:
    """Each element times itself."""

def abs(x: Operand) -> Tensor:
    """Absolute value of each element; slope 0 at 0."""

def sign(x: Operand) -> Tensor:
    """-1, 0 or 1 by the sign of each element; slope 0 everywhere."""

def sin(x: Operand) -> Tensor:
    """Sine of each element, in radians."""

def cos(x: Operand) -> Tensor:
    """Cosine of each element, in radians."""

def tanh(x: Operand) -> Tensor:
    """Hyperbolic tangent of each element, from -1 to 1."""

def clone(x: Operand) -> Tensor:
    """The same values in memory of their own; gradients flow through."""

def astype(x: Operand, dtype: Any) -> Tensor:
    """x with another dtype. Between floating-point dtypes the gradient is cast back."""

def reshape(x: Operand, *shape: Any) -> Tensor:
    """The same elements in C order in another shape; one length may be -1."""

def transpose(x: Operand, *axes: Any) -> Tensor:
    """x with its axes in another order, reversed when none is given."""

def permute(x: Operand, *axes: Any) -> Tensor:
    """x with its axes in another order, reversed when none is given."""

def matrix_transpose(x: Operand) -> Tensor:
    """x with its last two axes exchanged."""

def squeeze(x: Operand, axis: Any = None) -> Tensor:
    """x without its axes of length 1 (or without those given, which must have length 1)."""

def unsqueeze(x: Operand, axis: Any) -> Tensor:
    """x with a new axis of length 1 at each place given."""

def expand_dims(x: Operand, axis: Any) -> Tensor:
    """x with a new axis of length 1 at each place given."""

def broadcast_to(x: Operand, *shape: Any) -> Tensor:
    """x repeated to fill a larger shape, as in arithmetic with a tensor of that shape."""

def broadcast(x: Operand, *shape: Any) -> Tensor:
    """x repeated to fill a larger shape, as in arithmetic with a tensor of that shape."""

def sum_to(x: Operand, shape: Any) -> Tensor:
    """x summed down to `shape`, from which it could have been broadcast."""

def sum(x: Operand, axis: Any = None, keepdims: Any = False) -> Tensor:
    """Sum of the elements along `axis`; 0 when there are none."""

def mean(x: Operand, axis: Any = None, keepdims: Any = False) -> Tensor:
    """Mean of the elements along `axis`; NaN when there are none."""

def max(x: Operand, axis: Any = None, keepdims: Any = False) -> Tensor:
    """Largest element along `axis`. Ties along one axis: the first takes the gradient; along all or several axes they share it evenly."""

def min(x: Operand, axis: Any = None, keepdims: Any = False) -> Tensor:
    """Smallest element along `axis`. Ties along one axis: the first takes the gradient; along all or several axes they share it evenly."""

def amax(x: Operand, axis: Any = None, keepdims: Any = False) -> Tensor:
    """Largest element along `axis`; ties share the gradient evenly."""

def amin(x: Operand, axis: Any = None, keepdims: Any = False) -> Tensor:
    """Smallest element along `axis`; ties share the gradient evenly."""

def argmax(x: Operand, axis: Any = None, keepdims: Any = False) -> Tensor:
    """Index of the largest element along `axis`, the first of equals; in C order without an axis. No gradient."""

def argmin(x: Operand, axis: Any = None, keepdims: Any = False) -> Tensor:
    """Index of the smallest element along `axis`, the first of equals; in C order without an axis. No gradient."""

def relu(x: Operand) -> Tensor:
    """max(x, 0) of each element. It selects: an inactive unit passes 0 even of inf and NaN; the slope at 0 is 0."""

def sigmoid(x: Operand) -> Tensor:
    """1 / (1 + exp(-x)) of each element, from 0 to 1."""

def softmax(x: Operand, axis: Any = -1) -> Tensor:
    """exp(x) over its sum along `axis`: positive numbers that add up to 1."""

def log_softmax(x: Operand, axis: Any = -1) -> Tensor:
    """ln of softmax along `axis`, without its overflow."""

def add(x: Operand, y: Operand) -> Tensor:
    """x plus y, element by element."""

def sub(x: Operand, y: Operand) -> Tensor:
    """x minus y, element by element."""

def mul(x: Operand, y: Operand) -> Tensor:
    """x times y, element by element."""

def div(x: Operand, y: Operand) -> Tensor:
    """x over y, element by element; x / 0 is ±inf, 0 / 0 is NaN."""

def neg(x: Operand) -> Tensor:
    """Minus x."""

def positive(x: Operand) -> Tensor:
    """x itself, as a new tensor."""

def pow(x: Operand, y: Operand) -> Tensor:
    """x to the power y, element by element; 0 ** 0 is 1, a negative x to a fraction is NaN."""

def index(x: Operand, index: Any) -> Tensor:
    """The part of x that x[index] means in NumPy. An element read twice gets both gradients."""

def scatter_index(x: Operand, index: Any, shape: Any) -> Tensor:
    """Zeros of `shape` to which x was added at `index`; undoes index()."""

def index_put(x: Operand, values: Operand, index: Any) -> Tensor:
    """x with the part that x[index] means replaced by `values`, as a new tensor."""

def stack(xs: Sequence[Operand] | Operand, axis: Any = 0) -> Tensor:
    """Tensors of one shape, joined along a new axis."""

def concat(xs: Sequence[Operand] | Operand, axis: Any = 0) -> Tensor:
    """Tensors joined end to end along an axis they have; the other lengths agree."""

def concatenate(xs: Sequence[Operand] | Operand, axis: Any = 0) -> Tensor:
    """Tensors joined end to end along an axis they have; the other lengths agree."""

def matmul(x: Operand, y: Operand) -> Tensor:
    """Matrix product; 1-D operands are a row on the left and a column on the right, leading axes broadcast."""

def tensordot(x: Operand, y: Operand, axes: Any = 2) -> Tensor:
    """Sum of products over `axes`: the last of x with the first of y for a number, else a pair of axis lists."""

def dot(x: Operand, y: Operand) -> Tensor:
    """np.dot: the inner product of vectors, the matrix product of matrices, last axis with second to last beyond."""

def conv1d(x: Operand, weight: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1) -> Tensor:
    """x (batch, channels, 1 axes) summed under each filter of weight (filters, channels / groups, 1 axes), which slides over it unflipped, plus bias; padding is a number, one per axis, 'same' or 'valid'."""

def conv_transpose1d(x: Operand, weight: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: Any = 1, dilation: Any = 1) -> Tensor:
    """Each element of x times its filter of weight (channels, results / groups, 1 axes), laid where conv1d would read it and summed, plus bias: the gradient of conv1d with respect to its input."""

def conv1d_weight(x: Operand, y: Operand, shape: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1) -> Tensor:
    """The gradient of conv1d with respect to its weight of the given shape, y being that of its result."""

def conv2d(x: Operand, weight: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1) -> Tensor:
    """x (batch, channels, 2 axes) summed under each filter of weight (filters, channels / groups, 2 axes), which slides over it unflipped, plus bias; padding is a number, one per axis, 'same' or 'valid'."""

def conv_transpose2d(x: Operand, weight: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: Any = 1, dilation: Any = 1) -> Tensor:
    """Each element of x times its filter of weight (channels, results / groups, 2 axes), laid where conv2d would read it and summed, plus bias: the gradient of conv2d with respect to its input."""

def conv2d_weight(x: Operand, y: Operand, shape: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1) -> Tensor:
    """The gradient of conv2d with respect to its weight of the given shape, y being that of its result."""

def conv3d(x: Operand, weight: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1) -> Tensor:
    """x (batch, channels, 3 axes) summed under each filter of weight (filters, channels / groups, 3 axes), which slides over it unflipped, plus bias; padding is a number, one per axis, 'same' or 'valid'."""

def conv_transpose3d(x: Operand, weight: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: Any = 1, dilation: Any = 1) -> Tensor:
    """Each element of x times its filter of weight (channels, results / groups, 3 axes), laid where conv3d would read it and summed, plus bias: the gradient of conv3d with respect to its input."""

def conv3d_weight(x: Operand, y: Operand, shape: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1) -> Tensor:
    """The gradient of conv3d with respect to its weight of the given shape, y being that of its result."""
