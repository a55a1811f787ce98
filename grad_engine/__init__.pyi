"""Generated from the table of ops by `make stubs`; do not edit."""

from collections.abc import Sequence
from typing import Any, Literal, SupportsIndex, TypeAlias, overload

import numpy as np

from typing import Any as _Any
from grad_engine import linalg as linalg
from grad_engine import ops as ops
from grad_engine.checkpointing import checkpoint as checkpoint
from grad_engine.core import backward as _backward
from grad_engine.core import leaf as _leaf
from grad_engine.core.allocator import tune_allocator as tune_allocator
from grad_engine.core.defaults import Generator as Generator
from grad_engine.core.defaults import get_default_dtype as get_default_dtype
from grad_engine.core.defaults import manual_seed as manual_seed
from grad_engine.core.defaults import set_default_dtype as set_default_dtype
from grad_engine.core.define import CALLS as CALLS
from grad_engine.core.define import define as define
from grad_engine.core.grad_mode import enable_grad as enable_grad
from grad_engine.core.grad_mode import is_grad_enabled as is_grad_enabled
from grad_engine.core.grad_mode import no_grad as no_grad
from grad_engine.core.grad_mode import set_grad_enabled as set_grad_enabled
from grad_engine.core.observe import detect_anomaly as detect_anomaly
from grad_engine.core.observe import record_source as record_source
from grad_engine.core.observe import scope as scope
from grad_engine.core.op import OPS as OPS
from grad_engine.core.op import case as case
from grad_engine.core.tensor import Tensor as Tensor
from grad_engine.creation import arange as arange
from grad_engine.creation import as_tensor as as_tensor
from grad_engine.creation import bernoulli as bernoulli
from grad_engine.creation import empty as empty
from grad_engine.creation import empty_like as empty_like
from grad_engine.creation import eye as eye
from grad_engine.creation import from_numpy as from_numpy
from grad_engine.creation import full as full
from grad_engine.creation import full_like as full_like
from grad_engine.creation import linspace as linspace
from grad_engine.creation import logspace as logspace
from grad_engine.creation import multinomial as multinomial
from grad_engine.creation import normal as normal
from grad_engine.creation import ones as ones
from grad_engine.creation import ones_like as ones_like
from grad_engine.creation import rand as rand
from grad_engine.creation import rand_like as rand_like
from grad_engine.creation import randint as randint
from grad_engine.creation import randint_like as randint_like
from grad_engine.creation import randn as randn
from grad_engine.creation import randn_like as randn_like
from grad_engine.creation import randperm as randperm
from grad_engine.creation import tensor as tensor
from grad_engine.creation import zeros as zeros
from grad_engine.creation import zeros_like as zeros_like
from grad_engine.errors import AnomalyError as AnomalyError
from grad_engine.errors import ArgumentError as ArgumentError
from grad_engine.errors import AxisError as AxisError
from grad_engine.errors import GradEngineError as GradEngineError
from grad_engine.errors import GraphError as GraphError
from grad_engine.errors import IndexingError as IndexingError
from grad_engine.errors import InPlaceError as InPlaceError
from grad_engine.errors import LostHistoryWarning as LostHistoryWarning
from grad_engine.errors import MissingPackageError as MissingPackageError
from grad_engine.errors import NotDifferentiableError as NotDifferentiableError
from grad_engine.errors import RecordError as RecordError
from grad_engine.errors import ShapeError as ShapeError
from grad_engine.errors import SingularError as SingularError
from grad_engine.errors import SpellingWarning as SpellingWarning
from grad_engine.errors import TensorFileError as TensorFileError
from grad_engine.errors import TraceError as TraceError
from grad_engine.errors import TruthError as TruthError
from grad_engine.function import Function as Function
from grad_engine.functional import grad as grad
from grad_engine.functional import hessian as hessian
from grad_engine.functional import hvp as hvp
from grad_engine.functional import jacobian as jacobian
from grad_engine.functional import jvp as jvp
from grad_engine.functional import value_and_grad as value_and_grad
from grad_engine.functional import vjp as vjp
from grad_engine.graph_steps import walk as walk
from grad_engine.pytree import ravel_pytree as ravel_pytree
from grad_engine.pytree import register_structure as register_structure
from grad_engine.testing import check_gradients as check_gradients
from grad_engine.value import Value as Value
from grad_engine.version import VERSION as __version__
from grad_engine import autograd as autograd
from grad_engine import data as data
from grad_engine import distributions as distributions
from grad_engine import draw as draw
from grad_engine import export as export
from grad_engine import fft as fft
from grad_engine import func as func
from grad_engine import interop as interop
from grad_engine import nn as nn
from grad_engine import notebook as notebook
from grad_engine import numpy as numpy
from grad_engine import optim as optim
from grad_engine import polynomial as polynomial
from grad_engine import program as program
from grad_engine import progress as progress
from grad_engine import record as record
from grad_engine import scipy as scipy
from grad_engine import tree as tree
from grad_engine import utils as utils
from grad_engine.export.film import film as film
from grad_engine.export.health import report as report
from grad_engine.export.from_tensor import export_graph as export_graph
from grad_engine.export.from_tensor import record_graph as record_graph
from grad_engine.export.from_tensor import visualize_graph as visualize_graph
from grad_engine.export.page import export_page as export_page
from grad_engine.export.page import show_page as show_page
from grad_engine.export.pictures import to_dot as to_dot
from grad_engine.export.pictures import to_svg as to_svg
from grad_engine.files import load as load
from grad_engine.files import save as save
from grad_engine.interop.compare import compare_with_torch as compare_with_torch
from grad_engine.interop.tensors import from_dlpack as from_dlpack
from grad_engine.interop.watching import watch as watch
from grad_engine.program import compile as compile
from grad_engine.program import scan as scan
from grad_engine.record import GraphRecord as GraphRecord
from grad_engine.record import load_graph as load_graph
from grad_engine.record import save_graph as save_graph
from grad_engine.torch_names import BoolTensor as BoolTensor
from grad_engine.torch_names import ByteTensor as ByteTensor
from grad_engine.torch_names import CharTensor as CharTensor
from grad_engine.torch_names import DoubleTensor as DoubleTensor
from grad_engine.torch_names import FloatTensor as FloatTensor
from grad_engine.torch_names import HalfTensor as HalfTensor
from grad_engine.torch_names import IntTensor as IntTensor
from grad_engine.torch_names import LongTensor as LongTensor
from grad_engine.torch_names import ShortTensor as ShortTensor
from grad_engine.torch_names import Size as Size
from grad_engine.torch_names import accelerator as accelerator
from grad_engine.torch_names import amp as amp
from grad_engine.torch_names import are_deterministic_algorithms_enabled as are_deterministic_algorithms_enabled
from grad_engine.torch_names import asarray as asarray
from grad_engine.torch_names import autocast as autocast
from grad_engine.torch_names import backends as backends
from grad_engine.torch_names import bartlett_window as bartlett_window
from grad_engine.torch_names import blackman_window as blackman_window
from grad_engine.torch_names import broadcast_shapes as broadcast_shapes
from grad_engine.torch_names import can_cast as can_cast
from grad_engine.torch_names import channels_last as channels_last
from grad_engine.torch_names import contiguous_format as contiguous_format
from grad_engine.torch_names import cuda as cuda
from grad_engine.torch_names import device as device
from grad_engine.torch_names import dtype as dtype
from grad_engine.torch_names import finfo as finfo
from grad_engine.torch_names import get_default_device as get_default_device
from grad_engine.torch_names import get_num_threads as get_num_threads
from grad_engine.torch_names import get_rng_state as get_rng_state
from grad_engine.torch_names import hamming_window as hamming_window
from grad_engine.torch_names import hann_window as hann_window
from grad_engine.torch_names import iinfo as iinfo
from grad_engine.torch_names import inference_mode as inference_mode
from grad_engine.torch_names import is_complex as is_complex
from grad_engine.torch_names import is_floating_point as is_floating_point
from grad_engine.torch_names import is_tensor as is_tensor
from grad_engine.torch_names import mps as mps
from grad_engine.torch_names import poisson as poisson
from grad_engine.torch_names import preserve_format as preserve_format
from grad_engine.torch_names import promote_types as promote_types
from grad_engine.torch_names import random as random
from grad_engine.torch_names import result_type as result_type
from grad_engine.torch_names import seed as seed
from grad_engine.torch_names import set_default_device as set_default_device
from grad_engine.torch_names import set_default_tensor_type as set_default_tensor_type
from grad_engine.torch_names import set_float32_matmul_precision as set_float32_matmul_precision
from grad_engine.torch_names import set_num_interop_threads as set_num_interop_threads
from grad_engine.torch_names import set_num_threads as set_num_threads
from grad_engine.torch_names import set_printoptions as set_printoptions
from grad_engine.torch_names import set_rng_state as set_rng_state
from grad_engine.torch_names import sparse as sparse
from grad_engine.torch_names import sparse_coo_tensor as sparse_coo_tensor
from grad_engine.torch_names import special as special
from grad_engine.torch_names import spmm as spmm
from grad_engine.torch_names import strided as strided
from grad_engine.torch_names import tril_indices as tril_indices
from grad_engine.torch_names import triu_indices as triu_indices
from grad_engine.torch_names import unravel_index as unravel_index
from grad_engine.torch_names import use_deterministic_algorithms as use_deterministic_algorithms

Operand: TypeAlias = Tensor | np.ndarray | np.generic | float | int | bool | Sequence[Any]
Axes: TypeAlias = SupportsIndex | Sequence[SupportsIndex] | None

float16: Any
float32: Any
float64: Any
int8: Any
int16: Any
int32: Any
int64: Any
uint8: Any
bool_: Any
half: Any
double: Any
long: Any
short: Any
inf: Any
nan: Any
pi: Any
e: Any
def where(condition: Operand, x: Operand, y: Operand) -> Tensor:
    """x where condition holds, y elsewhere; the gradient of the branch not taken is 0, even beside a NaN."""

def masked_fill(x: Operand, mask: Operand, value: Operand) -> Tensor:
    """x with `value` wherever mask holds; mask and value broadcast to the shape of x."""

def clip(x: Operand, min: Operand | None = None, max: Operand | None = None) -> Tensor:
    """Each element clipped to lie between `min` and `max`, one of which may be left out; slope 1 at the bounds."""

def clamp(x: Operand, min: Operand | None = None, max: Operand | None = None) -> Tensor:
    """Each element clipped to lie between `min` and `max`, one of which may be left out; slope 1 at the bounds."""

def maximum(x: Operand, y: Operand) -> Tensor:
    """The larger of x and y, element by element; equals share the gradient, NaN wins."""

def minimum(x: Operand, y: Operand) -> Tensor:
    """The smaller of x and y, element by element; equals share the gradient, NaN wins."""

def fmax(x: Operand, y: Operand) -> Tensor:
    """The larger of x and y, element by element, NaN only where both are; of equals x takes the gradient."""

def fmin(x: Operand, y: Operand) -> Tensor:
    """The smaller of x and y, element by element, NaN only where both are; of equals x takes the gradient."""

def nan_to_num(x: Operand, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Tensor:
    """x with NaN and ±inf replaced by numbers (by default 0 and the largest there are), whose slope is 0."""

def exp(x: Operand) -> Tensor:
    """e to the power of each element."""

def exp2(x: Operand) -> Tensor:
    """2 to the power of each element."""

def expm1(x: Operand) -> Tensor:
    """e to the power of each element, minus 1, exact also for tiny elements."""

def ln(x: Operand) -> Tensor:
    """Natural logarithm of each element; ln(0) is -inf, ln of a negative number NaN, slope 1/x all the same."""

def log2(x: Operand) -> Tensor:
    """Logarithm of each element to base 2."""

def log10(x: Operand) -> Tensor:
    """Logarithm of each element to base 10."""

def log1p(x: Operand) -> Tensor:
    """Natural logarithm of 1 plus each element, exact also for tiny elements."""

def log(x: Any, base: float | None = None) -> Tensor:
    """Logarithm of each element to `base`; the natural one, ln, without a base."""

def logaddexp(x: Operand, y: Operand) -> Tensor:
    """ln(exp(x) + exp(y)), element by element, without overflow."""

def logaddexp2(x: Operand, y: Operand) -> Tensor:
    """log2(2**x + 2**y), element by element, without overflow."""

def xlogy(x: Operand, y: Operand) -> Tensor:
    """x times ln(y), element by element; 0 where x is 0, whatever the logarithm."""

def sqrt(x: Operand) -> Tensor:
    """Square root of each element; the slope at 0 is inf."""

def rsqrt(x: Operand) -> Tensor:
    """1 over the square root of each element."""

def cbrt(x: Operand) -> Tensor:
    """Cube root of each element, also of negative ones."""

def square(x: Operand) -> Tensor:
    """Each element times itself."""

def reciprocal(x: Operand) -> Tensor:
    """1 over each element."""

def hypot(x: Operand, y: Operand) -> Tensor:
    """Length of the hypotenuse over the legs x and y, element by element."""

def logit(x: Operand, eps: Any = None) -> Tensor:
    """ln(x / (1 − x)) of each element, the inverse of sigmoid; with `eps`, x is first clipped to eps … 1 − eps."""

def lerp(x: Operand, y: Operand, weight: Operand) -> Tensor:
    """x + weight · (y − x), element by element: x where the weight is 0, y where it is 1."""

def sin(x: Operand) -> Tensor:
    """Sine of each element, in radians."""

def cos(x: Operand) -> Tensor:
    """Cosine of each element, in radians."""

def tan(x: Operand) -> Tensor:
    """Tangent of each element, in radians."""

def arcsin(x: Operand) -> Tensor:
    """Angle in radians, from -π/2 to π/2, whose sine is each element; the slope at ±1 is inf."""

def asin(x: Operand) -> Tensor:
    """Angle in radians, from -π/2 to π/2, whose sine is each element; the slope at ±1 is inf."""

def arccos(x: Operand) -> Tensor:
    """Angle in radians, from 0 to π, whose cosine is each element; the slope at ±1 is -inf."""

def acos(x: Operand) -> Tensor:
    """Angle in radians, from 0 to π, whose cosine is each element; the slope at ±1 is -inf."""

def arctan(x: Operand) -> Tensor:
    """Angle in radians, from -π/2 to π/2, whose tangent is each element."""

def atan(x: Operand) -> Tensor:
    """Angle in radians, from -π/2 to π/2, whose tangent is each element."""

def arctan2(y: Operand, x: Operand) -> Tensor:
    """Angle in radians, from -π to π, of the point (x, y) seen from the origin; the order is arctan2(y, x)."""

def atan2(y: Operand, x: Operand) -> Tensor:
    """Angle in radians, from -π to π, of the point (x, y) seen from the origin; the order is arctan2(y, x)."""

def sinc(x: Operand) -> Tensor:
    """sin(πx) / (πx) of each element, 1 at 0."""

def deg2rad(x: Operand) -> Tensor:
    """Each element, in degrees, as radians."""

def rad2deg(x: Operand) -> Tensor:
    """Each element, in radians, as degrees."""

def sinh(x: Operand) -> Tensor:
    """Hyperbolic sine of each element."""

def cosh(x: Operand) -> Tensor:
    """Hyperbolic cosine of each element."""

def tanh(x: Operand) -> Tensor:
    """Hyperbolic tangent of each element, from -1 to 1."""

def arcsinh(x: Operand) -> Tensor:
    """The number whose hyperbolic sine is each element."""

def asinh(x: Operand) -> Tensor:
    """The number whose hyperbolic sine is each element."""

def arccosh(x: Operand) -> Tensor:
    """The number, 0 or more, whose hyperbolic cosine is each element; the slope at 1 is inf."""

def acosh(x: Operand) -> Tensor:
    """The number, 0 or more, whose hyperbolic cosine is each element; the slope at 1 is inf."""

def arctanh(x: Operand) -> Tensor:
    """The number whose hyperbolic tangent is each element, ±inf for ±1."""

def atanh(x: Operand) -> Tensor:
    """The number whose hyperbolic tangent is each element, ±inf for ±1."""

def conj(x: Any) -> Tensor:
    """x itself, for code that is written for complex numbers too: there are only real ones here."""

def conjugate(x: Any) -> Tensor:
    """x itself, for code that is written for complex numbers too: there are only real ones here."""

def real(x: Any) -> Tensor:
    """x itself, as `x.real` is: there are only real numbers here."""

def abs(x: Operand) -> Tensor:
    """Absolute value of each element; slope 0 at 0."""

def absolute(x: Operand) -> Tensor:
    """Absolute value of each element; slope 0 at 0."""

def sign(x: Operand) -> Tensor:
    """-1, 0 or 1 by the sign of each element; slope 0 everywhere."""

def floor(x: Operand) -> Tensor:
    """The largest whole number not above each element; slope 0 everywhere."""

def ceil(x: Operand) -> Tensor:
    """The smallest whole number not below each element; slope 0 everywhere."""

def trunc(x: Operand) -> Tensor:
    """Each element without its fraction; slope 0 everywhere."""

def fix(x: Operand) -> Tensor:
    """Each element without its fraction; slope 0 everywhere."""

def rint(x: Operand) -> Tensor:
    """Each element rounded to a whole number, halves to the even one; slope 0 everywhere."""

def round(x: Operand, decimals: Any = 0) -> Tensor:
    """Each element rounded to `decimals` decimal places, halves to the even digit; slope 0 everywhere."""

def copysign(x: Operand, y: Operand) -> Tensor:
    """x with the sign of y, element by element; slope 0 where x is 0, and by y."""

def heaviside(x: Operand, y: Operand) -> Tensor:
    """0 where x is negative, 1 where positive, y where x is 0; slope 0 by x."""

def isnan(x: Operand) -> Tensor:
    """Whether each element is NaN. No gradient."""

def isinf(x: Operand) -> Tensor:
    """Whether each element is inf or -inf. No gradient."""

def isfinite(x: Operand) -> Tensor:
    """Whether each element is neither NaN nor infinite. No gradient."""

def astype(x: Operand, dtype: Any) -> Tensor:
    """x with another dtype. Between floating-point dtypes the gradient is cast back; whole numbers have none."""

def index(x: Operand, index: Any) -> Tensor:
    """x[index], as in NumPy. An element that is read twice gets both gradients."""

def index_put(x: Operand, values: Operand, index: Any, accumulate: Any = False) -> Tensor:
    """x with the part that x[index] means replaced by `values`, as a new tensor; with accumulate, added to it."""

def take(x: Operand, indices: Operand, axis: Axes = None) -> Tensor:
    """The elements of x at `indices` along `axis`, or of x in C order without an axis."""

def add_along_axis(x: Operand, indices: Operand, values: Operand, axis: Axes = -1) -> Tensor:
    """x with `values` added at `indices` along `axis`, as often as an element is named."""

def take_along_axis(x: Operand, indices: Operand, axis: Axes = -1) -> Tensor:
    """The elements of x at `indices` along `axis`, one for each place on the other axes, as argsort returns."""

def gather(x: Any, axis: int, index: Any) -> Tensor:
    """The elements of x at `index` along `axis`, as PyTorch's gather: the index may be shorter on the other axes."""

def scatter_add(x: Any, axis: int, index: Any, src: Any) -> Tensor:
    """x with `src` added at `index` along `axis`, as PyTorch's scatter_add, as a new tensor."""

def scatter(x: Any, axis: int, index: Any, src: Any) -> Tensor:
    """x with `src` (or one number) written at `index` along `axis`, as PyTorch's scatter, as a new tensor."""

def scatter_reduce(x: Any, axis: int, index: Any, src: Any, reduce: str, include_self: bool = True) -> Tensor:
    """x with all of `src` that goes to one place folded together there, as PyTorch's scatter_reduce, as a new tensor."""

def index_add(x: Any, axis: int, index: Any, source: Any, alpha: float = 1) -> Tensor:
    """x with the slices of `source` along `axis`, times alpha, added at those of x that a vector of indices names."""

def index_copy(x: Any, axis: int, index: Any, source: Any) -> Tensor:
    """x with the slices of `source` along `axis` in the place of those of x that a vector of indices names."""

def index_fill(x: Any, axis: int, index: Any, value: Any) -> Tensor:
    """x with one number in all its slices along `axis` that a vector of indices names."""

def index_reduce(x: Any, axis: int, index: Any, source: Any, reduce: str, include_self: bool = True) -> Tensor:
    """x with all slices of `source` along `axis` that go to one index folded together there: "prod", "mean", ..."""

def masked_scatter(x: Any, mask: Any, source: Any) -> Tensor:
    """x with the elements of `source`, in C order, wherever mask holds; the two broadcast."""

def index_select(x: Any, axis: int, index: Any) -> Tensor:
    """The slices of x along `axis` that a vector of whole numbers names, as PyTorch's index_select."""

def masked_select(x: Any, mask: Any) -> Tensor:
    """The elements of x where mask holds, in C order along one axis; the two broadcast."""

def argsort(x: Operand, axis: Axes = -1, descending: Any = False, stable: Any = True) -> Tensor:
    """The indices along `axis` that would sort x; equals keep their order, NaN counts as largest. No gradient."""

def sort(x: Any, axis: int | None = -1, descending: bool = False) -> Tensor:
    """The elements of x in order of size along `axis`, or all of them without one; NaN counts as largest."""

def topk(x: Any, k: int, axis: int = -1, largest: bool = True, sorted: bool = True) -> tuple[Tensor, Tensor]:
    """The `k` largest (or smallest) elements of x along `axis` in order of size, and their indices."""

def kthvalue(x: Any, k: int, axis: int = -1, keepdims: bool = False) -> tuple[Tensor, Tensor]:
    """The `k`-th smallest element of x along `axis`, counted from 1, and its index."""

def cummax(x: Any, axis: int) -> tuple[Tensor, Tensor]:
    """The largest element so far along `axis`, and its index: of equals the last. NaN wins."""

def cummin(x: Any, axis: int) -> tuple[Tensor, Tensor]:
    """The smallest element so far along `axis`, and its index: of equals the last. NaN wins."""

def clone(x: Operand) -> Tensor:
    """The same values in memory of their own; gradients flow through."""

def reshape(x: Operand, *shape: Any) -> Tensor:
    """The same elements in C order in another shape; one length may be -1."""

def transpose(x: Any, *order: Any, axes: Any = None, dim0: Any = None, dim1: Any = None) -> Tensor:
    """x with its axes in another order, reversed when none is given."""

def permute(x: Operand, *axes: Any) -> Tensor:
    """x with its axes in another order, reversed when none is given."""

def matrix_transpose(x: Operand) -> Tensor:
    """x with its last two axes exchanged."""

def squeeze(x: Operand, axis: Axes = None) -> Tensor:
    """x without its axes of length 1 (or without those given, which must have length 1)."""

def unsqueeze(x: Operand, axis: Axes) -> Tensor:
    """x with a new axis of length 1 at each place given."""

def expand_dims(x: Operand, axis: Axes) -> Tensor:
    """x with a new axis of length 1 at each place given."""

def broadcast_to(x: Operand, *shape: Any) -> Tensor:
    """x repeated to fill a larger shape, as in arithmetic with a tensor of that shape."""

def broadcast(x: Operand, *shape: Any) -> Tensor:
    """x repeated to fill a larger shape, as in arithmetic with a tensor of that shape."""

def ravel(x: Any, order: str = 'C') -> Tensor:
    """The elements of x along one axis, in C order or, with "F", in that of columns."""

def flatten(x: Any, start_axis: Any = 0, end_axis: int = -1, order: str = 'C') -> Tensor:
    """x with its axes from `start_axis` to `end_axis` merged into one; by default all of them."""

def unflatten(x: Any, axis: int, shape: Sequence[int]) -> Tensor:
    """x with `axis` split into several of lengths `shape`, one of which may be -1."""

def swapaxes(x: Any, axis1: int, axis2: int) -> Tensor:
    """x with two axes exchanged."""

def swapdims(x: Any, axis1: int, axis2: int) -> Tensor:
    """x with two axes exchanged."""

def moveaxis(x: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """x with the axes `source` moved to the places `destination`; the others keep their order."""

def movedim(x: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """x with the axes `source` moved to the places `destination`; the others keep their order."""

def expand(x: Any, *shape: Any) -> Tensor:
    """x repeated along its axes of length 1, and along new ones in front, to fill `shape`; -1 keeps a length."""

def atleast_1d(*xs: Any) -> Any:
    """x, as shape (1,) if it had none; a tuple of several."""

def atleast_2d(*xs: Any) -> Any:
    """x with axes of length 1 in front until it has two; a tuple of several."""

def atleast_3d(*xs: Any) -> Any:
    """x with axes of length 1 until it has three: (n,) becomes (1, n, 1) and (m, n) becomes (m, n, 1)."""

def broadcast_tensors(*xs: Any) -> tuple[Tensor, ...]:
    """Each of several tensors repeated to the shape they have together."""

def flip(x: Operand, axis: Axes = None) -> Tensor:
    """x with the order of its elements reversed along `axis`, or along all."""

def fliplr(x: Any) -> Tensor:
    """x with its second axis reversed."""

def flipud(x: Any) -> Tensor:
    """x with its first axis reversed."""

def roll(x: Operand, shift: Any, axis: Axes = None) -> Tensor:
    """x with its elements moved `shift` places along `axis`, those at the end to the front."""

def rot90(x: Operand, k: Any = 1, axes: Any = (0, 1)) -> Tensor:
    """x turned by `k` quarters in the plane of `axes`, from the first towards the second."""

def repeat(x: Any, *given: Any, repeats: Any = None, axis: Any = ...) -> Tensor:
    """Each element of x `repeats` times in a row, along `axis` or of all."""

def tile(x: Operand, reps: Any) -> Tensor:
    """x laid out `reps` times along each axis, like tiles."""

def pad(x: Operand, pad_width: Any, mode: Any = 'constant', constant_values: Any = 0) -> Tensor:
    """x with elements put around it: zeros or `constant_values`, or copies of its own, by mode."""

def sliding_window_view(x: Operand, window_shape: Any, axis: Axes = None) -> Tensor:
    """Every window of `window_shape` that fits into x (along `axis`, else all axes), its elements as last axes."""

def tril(x: Operand, k: Any = 0) -> Tensor:
    """x with 0 above the k-th diagonal of its last two axes."""

def triu(x: Operand, k: Any = 0) -> Tensor:
    """x with 0 below the k-th diagonal of its last two axes."""

def diagonal(x: Operand, offset: Any = 0, axis1: Any = 0, axis2: Any = 1) -> Tensor:
    """The diagonal of the plane of `axis1` and `axis2`, `offset` places to the right, as a new last axis."""

def diag_embed(x: Operand, offset: Any = 0, axis1: Any = -2, axis2: Any = -1) -> Tensor:
    """Zeros with the last axis of x on the diagonal of a new plane of `axis1` and `axis2`."""

def diag(x: Any, k: int = 0) -> Tensor:
    """The k-th diagonal of a matrix, or the matrix with the vector x on its k-th diagonal."""

def diagflat(x: Any, k: int = 0) -> Tensor:
    """A matrix with the elements of x, in C order, on its k-th diagonal."""

def stack(xs: Sequence[Operand] | Operand, axis: Axes = 0) -> Tensor:
    """Tensors of one shape, joined along a new axis."""

def concat(xs: Sequence[Operand] | Operand, axis: Axes = 0) -> Tensor:
    """Tensors joined end to end along an existing axis; flattened first if axis is None."""

def concatenate(xs: Sequence[Operand] | Operand, axis: Axes = 0) -> Tensor:
    """Tensors joined end to end along an existing axis; flattened first if axis is None."""

def cat(xs: Sequence[Operand] | Operand, axis: Axes = 0) -> Tensor:
    """Tensors joined end to end along an existing axis; flattened first if axis is None."""

def hstack(xs: Sequence[Any]) -> Tensor:
    """Tensors side by side: joined along their second axis, vectors along their only one."""

def vstack(xs: Sequence[Any]) -> Tensor:
    """Tensors on top of each other: joined along their first axis, each vector being one row."""

def row_stack(xs: Sequence[Any]) -> Tensor:
    """Tensors on top of each other: joined along their first axis, each vector being one row."""

def dstack(xs: Sequence[Any]) -> Tensor:
    """Tensors behind each other: joined along their third axis, (m, n) and (n,) counting as (m, n, 1) and (1, n, 1)."""

def column_stack(xs: Sequence[Any]) -> Tensor:
    """Tensors side by side, each vector being one column."""

def block(arrays: Any) -> Tensor:
    """Tensors in nested lists as the blocks of one: innermost lists are joined along the last axis, and so on up."""

def array_split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> tuple[Tensor, ...]:
    """x cut along `axis` before each index given, or into a number of parts whose lengths differ by 1 at most."""

def split(x: Any, *given: Any, indices_or_sections: Any = None, axis: Any = ..., dim: int | None = None, split_size_or_sections: Any = None, split_size: Any = None) -> tuple[Tensor, ...]:
    """x cut along `axis` before each index given, or into a number of equal parts, as in NumPy."""

def chunk(x: Any, chunks: int, axis: int = 0) -> tuple[Tensor, ...]:
    """x cut along `axis` into parts of equal length, the last one perhaps shorter: `chunks` of them, or fewer."""

def unbind(x: Any, axis: int = 0) -> tuple[Tensor, ...]:
    """The parts of x along `axis`, each without that axis; undoes stack()."""

def unstack(x: Any, axis: int = 0) -> tuple[Tensor, ...]:
    """The parts of x along `axis`, each without that axis; undoes stack()."""

def hsplit(x: Any, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """x cut along its second axis, a vector along its only one, as split() does."""

def vsplit(x: Any, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """x cut along its first axis, as split() does."""

def dsplit(x: Any, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """x cut along its third axis, as split() does."""

def diff(x: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Tensor:
    """Each element along `axis` minus the one before it, `n` times over; first joined to `prepend` and `append`."""

def ediff1d(x: Any, to_end: Any = None, to_begin: Any = None) -> Tensor:
    """Each element of x, in C order, minus the one before it, with `to_begin` in front and `to_end` behind."""

def append(x: Any, values: Any, axis: int | None = None) -> Tensor:
    """x with `values` after it along `axis`; both flattened without an axis."""

def meshgrid(*xs: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """The coordinates of every point of the grid that several vectors span, as one tensor for each of them."""

def cartesian_prod(*xs: Any) -> Tensor:
    """Every way to take one element from each of several vectors, in order, one way in each row."""

def combinations(x: Any, r: int = 2, with_replacement: bool = False) -> Tensor:
    """Every way to take `r` elements of a vector, in order, one way in each row."""

def block_diag(*xs: Any) -> Tensor:
    """Matrices along the diagonal of a larger one that is 0 elsewhere; a vector counts as one row."""

def sum(x: Operand, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Sum of the elements along `axis`; 0 when there are none."""

def nansum(x: Operand, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Sum of the elements along `axis` that are not NaN; the others have slope 0."""

def mean(x: Operand, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Mean of the elements along `axis`; NaN when there are none."""

def nanmean(x: Operand, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Mean of the elements along `axis` that are not NaN; the others have slope 0."""

def var(x: Operand, axis: Axes = None, ddof: Any = 0, keepdims: bool = False) -> Tensor:
    """Variance of the elements along `axis`: the sum of squared distances from the mean over count - `ddof`."""

def std(x: Operand, axis: Axes = None, ddof: Any = 0, keepdims: bool = False) -> Tensor:
    """Standard deviation of the elements along `axis`, the root of var; slope 0 where all are equal."""

def logsumexp(x: Operand, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """ln of the sum of exp(x) along `axis`, without overflow; -inf when there are no elements."""

def trace(x: Operand, offset: Any = 0, axis1: Any = 0, axis2: Any = 1) -> Tensor:
    """Sum along the diagonal of the plane of `axis1` and `axis2`."""

def vector_norm(x: Operand, axis: Axes = None, keepdims: bool = False, ord: Any = 2) -> Tensor:
    """The `ord`-norm of the vectors along `axis`: (Σ|x|^ord)^(1/ord), for inf the largest |x|; slope 0 at 0."""

def cumsum(x: Operand, axis: Axes = None) -> Tensor:
    """Running sum along `axis`; of all elements in C order without an axis."""

def cumprod(x: Operand, axis: Axes = None) -> Tensor:
    """Running product along `axis`; of all elements in C order without an axis. Exact with zeros."""

def logcumsumexp(x: Operand, axis: Axes = None) -> Tensor:
    """ln of the running sum of exp(x) along `axis`, without overflow; of all elements in C order without an axis."""

def prod(x: Operand, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Product of the elements along `axis`; 1 when there are none. Exact with zeros."""

def max(x: Operand, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Largest element along `axis`. Ties along one axis: the first takes the gradient; along all or several axes they share it evenly."""

def min(x: Operand, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Smallest element along `axis`. Ties along one axis: the first takes the gradient; along all or several axes they share it evenly."""

def amax(x: Operand, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Largest element along `axis`; ties share the gradient evenly."""

def amin(x: Operand, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Smallest element along `axis`; ties share the gradient evenly."""

def nanmax(x: Operand, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Largest element along `axis` that is not NaN, NaN where all are. Ties along one axis: the first takes the gradient; along all or several axes they share it evenly."""

def nanmin(x: Operand, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Smallest element along `axis` that is not NaN, NaN where all are. Ties along one axis: the first takes the gradient; along all or several axes they share it evenly."""

def ptp(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The range of the elements along `axis`: the largest minus the smallest."""

def median(x: Operand, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """The middle element along `axis` in order of size, of an even count the lower one as in PyTorch. Ties along one axis: the first takes the gradient; along all or several axes they share it evenly."""

def nanmedian(x: Operand, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """The median of the elements along `axis` that are not NaN, NaN where all are. Ties along one axis: the first takes the gradient; along all or several axes they share it evenly."""

def argmax(x: Operand, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Index of the largest element along `axis`, the first of equals; in C order without an axis. No gradient."""

def argmin(x: Operand, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Index of the smallest element along `axis`, the first of equals; in C order without an axis. No gradient."""

def all(x: Operand, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Whether every element along `axis` is true or not 0; true when there are none. No gradient."""

def any(x: Operand, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Whether some element along `axis` is true or not 0; false when there are none. No gradient."""

def count_nonzero(x: Operand, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """How many elements along `axis` are not 0. No gradient."""

def erf(x: Operand) -> Tensor:
    """The error function of each element, from -1 to 1."""

def erfc(x: Operand) -> Tensor:
    """1 - erf of each element, exact also where that is tiny."""

def lgamma(x: Operand) -> Tensor:
    """Natural logarithm of the absolute value of the gamma function of each element. Needs SciPy."""

def gammaln(x: Operand) -> Tensor:
    """Natural logarithm of the absolute value of the gamma function of each element. Needs SciPy."""

def digamma(x: Operand) -> Tensor:
    """The slope of lgamma at each element. Needs SciPy."""

def polygamma(x: Operand, n: Any) -> Tensor:
    """The n-th derivative of digamma at each element. Needs SciPy."""

def mvlgamma(x: Any, p: int) -> Tensor:
    """Natural logarithm of the multivariate gamma function of dimension `p` of each element. Needs SciPy."""

def erfinv(x: Operand) -> Tensor:
    """The number whose erf is each element, ±inf for ±1. Needs SciPy."""

def erfcx(x: Operand) -> Tensor:
    """exp(x²) · erfc(x) of each element, which does not vanish where erfc does. Needs SciPy."""

def ndtr(x: Operand) -> Tensor:
    """The normal distribution function at each element. Needs SciPy."""

def ndtri(x: Operand) -> Tensor:
    """The number at which the normal distribution function is each element: its quantile. Needs SciPy."""

def log_ndtr(x: Operand) -> Tensor:
    """Natural logarithm of the normal distribution function at each element, without underflow. Needs SciPy."""

def entr(x: Operand) -> Tensor:
    """−x · ln(x) of each element, 0 at 0 and -inf below. Needs SciPy."""

def xlog1py(x: Operand, y: Operand) -> Tensor:
    """x · ln(1 + y), element by element, 0 where x is 0 unless y is NaN. Needs SciPy."""

def i0(x: Operand) -> Tensor:
    """The modified Bessel function of order 0 at each element. Needs SciPy."""

def i1(x: Operand) -> Tensor:
    """The modified Bessel function of order 1 at each element. Needs SciPy."""

def i0e(x: Operand) -> Tensor:
    """exp(−|x|) · i0(x) of each element, without overflow. Needs SciPy."""

def i1e(x: Operand) -> Tensor:
    """exp(−|x|) · i1(x) of each element, without overflow. Needs SciPy."""

def relu(x: Operand) -> Tensor:
    """max(x, 0) of each element. Where x is 0 or negative the gradient is 0, even if g is inf or NaN."""

def relu6(x: Operand) -> Tensor:
    """Each element clipped to lie between 0 and 6; slope 0 at both."""

def leaky_relu(x: Operand, negative_slope: Any = 0.01) -> Tensor:
    """x where positive, elsewhere x times `negative_slope`, which is the slope at 0 too."""

def prelu(x: Operand, weight: Operand) -> Tensor:
    """x where positive, elsewhere x times `weight`: one number, or one for each channel, which is axis 1."""

def hardtanh(x: Operand, min_val: Any = -1.0, max_val: Any = 1.0) -> Tensor:
    """Each element clipped to lie between `min_val` and `max_val`; slope 0 at both."""

def hardsigmoid(x: Operand) -> Tensor:
    """x/6 + 1/2 clipped to lie between 0 and 1, a sigmoid of straight lines; slope 0 at -3 and 3."""

def hardswish(x: Operand) -> Tensor:
    """x times hardsigmoid(x); slope 0 at -3 and 1 at 3."""

def softshrink(x: Operand, lambd: Any = 0.5) -> Tensor:
    """Each element moved towards 0 by `lambd`, and 0 if that would cross it; slope 0 there."""

def hardshrink(x: Operand, lambd: Any = 0.5) -> Tensor:
    """x, but 0 from -`lambd` to `lambd`; slope 0 there."""

def threshold(x: Operand, threshold: Any, value: Any) -> Tensor:
    """x where it is above `threshold`, `value` elsewhere, with slope 0."""

def elu(x: Operand, alpha: Any = 1.0) -> Tensor:
    """x where positive, elsewhere alpha (exp(x) - 1); the slope at 0 is `alpha`."""

def celu(x: Operand, alpha: Any = 1.0) -> Tensor:
    """x where positive, elsewhere alpha (exp(x / alpha) - 1); the slope at 0 is 1."""

def selu(x: Operand) -> Tensor:
    """elu with alpha 1.67326, times 1.0507: it keeps a layer's mean 0 and variance 1."""

def sigmoid(x: Operand) -> Tensor:
    """1 / (1 + exp(-x)) of each element, from 0 to 1."""

def logsigmoid(x: Operand) -> Tensor:
    """ln of sigmoid of each element, without its underflow."""

def softplus(x: Operand, beta: Any = 1.0, threshold: Any = 20.0) -> Tensor:
    """ln(1 + exp(beta x)) / beta of each element, and x itself where beta x is above `threshold`."""

def silu(x: Operand) -> Tensor:
    """x times sigmoid(x)."""

def swish(x: Operand) -> Tensor:
    """x times sigmoid(x)."""

def mish(x: Operand) -> Tensor:
    """x times tanh(softplus(x))."""

def gelu(x: Operand, approximate: Any = 'none') -> Tensor:
    """x times the normal distribution function at x; with approximate='tanh' its tanh formula."""

def softsign(x: Operand) -> Tensor:
    """x / (1 + |x|) of each element, from -1 to 1."""

def tanhshrink(x: Operand) -> Tensor:
    """x minus tanh(x)."""

def softmax(x: Operand, axis: Axes = -1) -> Tensor:
    """exp(x) over its sum along `axis`: positive numbers that add up to 1."""

def softmin(x: Operand, axis: Axes = -1) -> Tensor:
    """softmax of -x along `axis`."""

def log_softmax(x: Operand, axis: Axes = -1) -> Tensor:
    """ln of softmax along `axis`, without its overflow."""

def glu(x: Operand, axis: Axes = -1) -> Tensor:
    """The first half of x along `axis`, each element times sigmoid of its partner in the second half."""

def add(x: Any, y: Any, alpha: float = 1) -> Tensor:
    """x plus y, element by element; y times alpha first."""

def sub(x: Any, y: Any, alpha: float = 1) -> Tensor:
    """x minus y, element by element; y times alpha first."""

def subtract(x: Operand, y: Operand) -> Tensor:
    """x minus y, element by element."""

def mul(x: Operand, y: Operand) -> Tensor:
    """x times y, element by element."""

def multiply(x: Operand, y: Operand) -> Tensor:
    """x times y, element by element."""

def div(x: Any, y: Any, rounding_mode: str | None = None) -> Tensor:
    """x over y, element by element; rounding_mode: "floor" down, or "trunc" towards 0, to a whole number."""

def divide(x: Operand, y: Operand) -> Tensor:
    """x over y, element by element; x / 0 is ±inf, 0 / 0 is NaN."""

def neg(x: Operand) -> Tensor:
    """Minus x."""

def negative(x: Operand) -> Tensor:
    """Minus x."""

def positive(x: Operand) -> Tensor:
    """x itself, as a new tensor."""

def floor_divide(x: Operand, y: Operand) -> Tensor:
    """x over y rounded down to a whole number, element by element; slope 0 everywhere."""

def remainder(x: Operand, y: Operand) -> Tensor:
    """What is left of x after whole multiples of y, element by element, with the sign of y, as in x % y."""

def mod(x: Operand, y: Operand) -> Tensor:
    """What is left of x after whole multiples of y, element by element, with the sign of y, as in x % y."""

def fmod(x: Operand, y: Operand) -> Tensor:
    """What is left of x after whole multiples of y, element by element, with the sign of x, as in C."""

def pow(x: Operand, y: Operand) -> Tensor:
    """x to the power y, element by element; 0 ** 0 is 1, a negative x to a fraction is NaN."""

def power(x: Operand, y: Operand) -> Tensor:
    """x to the power y, element by element; 0 ** 0 is 1, a negative x to a fraction is NaN."""

def float_power(x: Any, y: Any) -> Tensor:
    """x to the power y, element by element, in float64 whatever the dtypes."""

def matmul(x: Operand, y: Operand) -> Tensor:
    """Matrix product. A 1-D operand is a row on the left and a column on the right; leading axes broadcast."""

def tensordot(x: Operand, y: Operand, axes: Any = 2) -> Tensor:
    """Sum of products over `axes`: so many last axes of x and first axes of y, or a pair of lists of axes."""

def dot(x: Operand, y: Operand) -> Tensor:
    """np.dot: inner product of vectors, matrix product of matrices, last axis with second to last beyond."""

def inner(x: Operand, y: Operand) -> Tensor:
    """Sums of products over the last axis of both."""

def vdot(x: Operand, y: Operand) -> Tensor:
    """Sum of the products of all elements in C order."""

def vecdot(x: Any, y: Any, axis: int = -1) -> Tensor:
    """Sum of products along `axis`; the other axes broadcast."""

def outer(x: Operand, y: Operand) -> Tensor:
    """The product of every element of x with every element of y: (size of x, size of y)."""

def kron(x: Operand, y: Operand) -> Tensor:
    """Kronecker product: each element of x times the whole of y, laid side by side."""

def cross(x: Operand, y: Operand, axisa: Any = -1, axisb: Any = -1, axisc: Any = -1, axis: Axes = None) -> Tensor:
    """Cross product of vectors of length 3, along the last axes unless said otherwise."""

def addmm(x: Operand, y: Operand, z: Operand, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta · x + alpha · (y @ z)."""

def bmm(x: Any, y: Any) -> Tensor:
    """The matrix product of each pair of matrices in two batches: (b, n, m) @ (b, m, p)."""

def mv(x: Any, y: Any) -> Tensor:
    """The product of a matrix and a vector: (n, m) @ (m)."""

def matvec(x: Any, y: Any) -> Tensor:
    """The products of matrices and vectors (..., n, m) and (..., m), the axes before being a batch that broadcasts."""

def vecmat(x: Any, y: Any) -> Tensor:
    """The products of vectors and matrices (..., n) and (..., n, m), the axes before being a batch that broadcasts."""

def multi_dot(xs: Sequence[Any]) -> Tensor:
    """The matrix product of two or more matrices, in the order that takes fewest multiplications (Godbole 1973)."""

def einsum(*operands: Any, optimize: Any = False) -> Tensor:
    """Products of the operands, summed over every index that the result leaves out: Einstein's convention."""

def inv(x: Operand) -> Tensor:
    """The inverse of each square matrix."""

def solve(x: Operand, y: Operand) -> Tensor:
    """The solution of x @ out = y, without computing the inverse of x. A 1-D y is one vector."""

def solve_triangular(x: Any, y: Any, upper: bool = True, left: bool = True, unitriangular: bool = False) -> Tensor:
    """The solution of triangle(x) @ out = y (..., n, m); the other triangle of x is not read."""

def cholesky_solve(y: Any, factor: Any, upper: bool = False) -> Tensor:
    """The solution of L @ Lᵀ @ out = y, for a Cholesky factor L (its transpose with `upper`)."""

def pinv(x: Operand, rcond: Any = None, hermitian: Any = False, rtol: Any = None) -> Tensor:
    """The Moore-Penrose inverse of each matrix, of any shape; singular values below rcond (or rtol) times the largest count as 0."""

def matrix_power(x: Any, n: int) -> Tensor:
    """Each square matrix times itself, n factors in all, by repeated squaring; of the inverse where n is negative."""

def det(x: Operand) -> Tensor:
    """The determinant of each square matrix."""

def slogdet(x: Operand) -> tuple[Tensor, ...]:
    """(sign, logarithm of the absolute value) of the determinant of each square matrix."""

def logdet(x: Any) -> Tensor:
    """Natural logarithm of the determinant of each square matrix; NaN, with slope 0, where that is negative."""

def matrix_exp(x: Operand) -> Tensor:
    """The exponential of each square matrix: 1 + x + x @ x / 2 + ..."""

def cholesky(x: Operand, upper: Any = False) -> Tensor:
    """The lower triangular L with L @ Lᵀ = x (its transpose with upper) of each symmetric positive definite x."""

def eigh(x: Operand, UPLO: Any = 'L') -> tuple[Tensor, ...]:
    """(eigenvalues in ascending order, eigenvectors as columns) of each symmetric matrix."""

def eig(x: Operand) -> tuple[Tensor, ...]:
    """(eigenvalues, eigenvectors as columns of length 1) of each square matrix whose eigenvalues are real."""

def eigvals(x: Any) -> Tensor:
    """The eigenvalues of each square matrix whose eigenvalues are real, in no order."""

def eigvalsh(x: Any, UPLO: str = 'L') -> Tensor:
    """The eigenvalues of each symmetric matrix, in ascending order."""

@overload
def svd(x: Any, full_matrices: bool = ..., compute_uv: Literal[True] = ..., hermitian: bool = ...) -> tuple[Tensor, Tensor, Tensor]: ...
@overload
def svd(x: Any, full_matrices: bool = ..., *, compute_uv: Literal[False], hermitian: bool = ...) -> Tensor: ...
@overload
def svd(x: Any, full_matrices: bool = ..., compute_uv: bool = ..., hermitian: bool = ...) -> Any:
    """(U, the singular values in descending order, Vh) with x = U @ diag(S) @ Vh; without compute_uv the values alone."""

def svdvals(x: Operand) -> Tensor:
    """The singular values of each matrix, in descending order."""

def lu(x: Operand) -> tuple[Tensor, ...]:
    """(permutation P, L lower triangular with ones on the diagonal, U upper triangular) with x = P @ L @ U."""

@overload
def qr(x: Any, mode: Literal['reduced', 'complete'] = ...) -> tuple[Tensor, Tensor]: ...
@overload
def qr(x: Any, mode: Literal['r']) -> Tensor: ...
@overload
def qr(x: Any, mode: str) -> Any:
    """(Q with orthonormal columns, R upper triangular) with x = Q @ R; R alone with mode 'r'."""

def numel(x: Any) -> int:
    """How many elements x has."""

def t(x: Any) -> Tensor:
    """The transpose of a matrix; vectors and numbers stay as they are."""

def select(x: Any, axis: int, index: int) -> Tensor:
    """The part of x at one place of an axis, without that axis: np.select is first_where()."""

def narrow(x: Any, axis: int, start: int, length: int) -> Tensor:
    """`length` places of an axis of x, from `start` on."""

def dist(x: Any, y: Any, p: float = 2) -> Tensor:
    """The p-norm of all elements of x − y as one vector."""

def true_divide(x: Any, y: Any) -> Tensor:
    """x over y, element by element."""

def repeat_interleave(x: Any, repeats: Any, axis: int | None = None) -> Tensor:
    """Each element of x `repeats` times in a row, along `axis` or of all: NumPy's repeat()."""

def take_along_dim(x: Any, indices: Any, axis: int | None = None) -> Tensor:
    """The elements of x at `indices` along `axis`: NumPy's take_along_axis()."""

def var_mean(x: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> tuple[Tensor, Tensor]:
    """(the variance, the mean) of the elements along `axis`."""

def std_mean(x: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> tuple[Tensor, Tensor]:
    """(the standard deviation, the mean) of the elements along `axis`."""

def inverse(x: Any) -> Tensor:
    """The inverse of each matrix."""

def bucketize(x: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """The place of each element of x among ascending boundaries; before equals, and after them with right=True."""

def mm(x: Any, y: Any) -> Tensor:
    """The product of two matrices."""

def baddbmm(x: Any, y: Any, z: Any, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta · x + alpha · (y @ z) for batches of matrices."""

def addcmul(x: Any, y: Any, z: Any, value: float = 1) -> Tensor:
    """x + value · y · z, element by element."""

def addcdiv(x: Any, y: Any, z: Any, value: float = 1) -> Tensor:
    """x + value · y / z, element by element."""

def frac(x: Any) -> Tensor:
    """What is left of each element of x without its whole part, with its sign."""

def aminmax(x: Any, axis: Any = None, keepdims: bool = False) -> tuple[Tensor, Tensor]:
    """(the smallest, the largest) element along `axis`."""

def eq(x: Any, y: Any) -> Any:
    """Whether it holds for each pair of elements: x equal y. No gradient."""

def ne(x: Any, y: Any) -> Any:
    """Whether it holds for each pair of elements: x not equal y. No gradient."""

def lt(x: Any, y: Any) -> Any:
    """Whether it holds for each pair of elements: x less y. No gradient."""

def le(x: Any, y: Any) -> Any:
    """Whether it holds for each pair of elements: x less equal y. No gradient."""

def gt(x: Any, y: Any) -> Any:
    """Whether it holds for each pair of elements: x greater y. No gradient."""

def ge(x: Any, y: Any) -> Any:
    """Whether it holds for each pair of elements: x greater equal y. No gradient."""

def logical_and(x: Any, y: Any) -> Any:
    """Whether it holds for each pair of elements: x logical and y. No gradient."""

def logical_or(x: Any, y: Any) -> Any:
    """Whether it holds for each pair of elements: x logical or y. No gradient."""

def logical_xor(x: Any, y: Any) -> Any:
    """Whether it holds for each pair of elements: x logical xor y. No gradient."""

def greater(x: Any, y: Any) -> Any:
    """Whether it holds for each pair of elements: x greater y. No gradient."""

def greater_equal(x: Any, y: Any) -> Any:
    """Whether it holds for each pair of elements: x greater equal y. No gradient."""

def less(x: Any, y: Any) -> Any:
    """Whether it holds for each pair of elements: x less y. No gradient."""

def less_equal(x: Any, y: Any) -> Any:
    """Whether it holds for each pair of elements: x less equal y. No gradient."""

def not_equal(x: Any, y: Any) -> Any:
    """Whether it holds for each pair of elements: x not equal y. No gradient."""

def logical_not(x: Any) -> Any:
    """Whether each element of x is 0. No gradient."""

def equal(x: Any, y: Any) -> bool:
    """Whether two tensors have the same shape and elements."""

def allclose(x: Any, y: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether all elements of two tensors are within atol + rtol · |y| of each other."""

def isclose(x: Any, y: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Any:
    """Whether each two elements are within atol + rtol · |y| of each other. No gradient."""

def nonzero(x: Any, as_tuple: bool | None = None) -> Any:
    """Where x is not 0, as NumPy's nonzero(): for each axis the indices along it."""

def argwhere(x: Any) -> Tensor:
    """Where x is not 0: a row of indices for each such element."""

def unique(x: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, axis: int | None = None) -> Any:
    """The different elements of x, or slices along `axis`, in order; with what is asked for, places and counts."""

def histc(x: Any, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many elements of x are in each of `bins` equal steps from min to max, by default its own ends."""

def bitwise_not(x: Any) -> Tensor:
    """The bits of each whole number, or each boolean, turned round. No gradient."""

def searchsorted(x: Any, values: Any, *, out_int32: bool = False, right: bool = False, side: str | None = None, sorter: Any = None) -> Tensor:
    """The places in ascending x before which each of `values` belongs; after equals with right=True or side="right"."""

def mse_loss(x: Operand, target: Operand, reduction: Any = 'mean') -> Tensor:
    """Squared difference of x and target: the mean of all elements, their sum, or each."""

def l1_loss(x: Operand, target: Operand, reduction: Any = 'mean') -> Tensor:
    """Absolute difference of x and target; slope 0 where they are equal."""

def smooth_l1_loss(x: Operand, target: Operand, reduction: Any = 'mean', beta: Any = 1.0) -> Tensor:
    """Half the squared difference over beta where that is less than beta, else the absolute one less beta / 2."""

def huber_loss(x: Operand, target: Operand, reduction: Any = 'mean', delta: Any = 1.0) -> Tensor:
    """Half the squared difference up to delta, from there on growing straight (Huber 1964)."""

def kl_div(x: Operand, target: Operand, reduction: Any = 'mean', log_target: Any = False) -> Tensor:
    """target · (ln(target) − x): the divergence of log-probabilities x from the target (or its logarithm, with log_target). reduction='batchmean' divides the sum by the batch, as the definition does."""

def poisson_nll_loss(x: Operand, target: Operand, log_input: Any = True, full: Any = False, eps: Any = 1e-08, reduction: Any = 'mean') -> Tensor:
    """exp(x) − t x (or x − t ln(x) without log_input): minus the log-likelihood of counts t, with Stirling's term when full."""

def gaussian_nll_loss(x: Operand, target: Operand, var: Operand, full: Any = False, eps: Any = 1e-06, reduction: Any = 'mean') -> Tensor:
    """½ (ln(var) + (x − t)² / var): minus the log-likelihood of t under a normal distribution of mean x; var has the shape of x, or one number for each row."""

def margin_ranking_loss(x: Operand, y: Operand, target: Operand, margin: Any = 0.0, reduction: Any = 'mean') -> Tensor:
    """max(0, margin − t (x − y)): whether x ranks above y where t is 1, below where it is −1."""

def hinge_loss(x: Operand, target: Operand, margin: Any = 1.0, reduction: Any = 'mean') -> Tensor:
    """max(0, margin − t x) for targets t of −1 or 1, as support vector machines have it."""

def hinge_embedding_loss(x: Operand, target: Operand, margin: Any = 1.0, reduction: Any = 'mean') -> Tensor:
    """The distance x where the target is 1, max(0, margin − x) where it is −1."""

def cosine_similarity(x: Operand, y: Operand, axis: Axes = 1, eps: Any = 1e-08) -> Tensor:
    """The cosine of the angle between the vectors of x and y along `axis`; lengths count as at least eps."""

def pairwise_distance(x: Any, y: Any, p: float = 2.0, eps: float = 1e-06, keepdims: bool = False) -> Tensor:
    """The p-norm of x - y + eps along the last axis."""

def triplet_margin_loss(anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2.0, eps: float = 1e-06, swap: bool = False, reduction: str = 'mean') -> Tensor:
    """max(0, margin + distance of anchor and positive − distance of anchor and negative), along the last axis."""

def cosine_embedding_loss(x: Any, y: Any, target: Any, margin: float = 0.0, reduction: str = 'mean') -> Tensor:
    """1 − cos of the angle between x and y where the target is 1, max(0, cos − margin) where it is −1."""

def triplet_margin_with_distance_loss(anchor: Any, positive: Any, negative: Any, distance_function: Any = None, margin: float = 1.0, swap: bool = False, reduction: str = 'mean') -> Tensor:
    """triplet_margin_loss() by any function of two tensors that gives their distance; pairwise_distance by default."""

def nll_loss(x: Operand, target: Operand, weight: Any = None, ignore_index: Any = -100, reduction: Any = 'mean') -> Tensor:
    """Minus the log-probability x (batch, classes, ...) of each target class (batch, ...), weighted by class; elements of class ignore_index do not count."""

def cross_entropy(x: Operand, target: Operand, weight: Any = None, ignore_index: Any = -100, reduction: Any = 'mean', label_smoothing: Any = 0.0) -> Tensor:
    """Minus the logarithm of the softmax of x (batch, classes, ...) at each target class (batch, ...), or its mean under target probabilities of x's shape."""

def binary_cross_entropy(x: Operand, target: Operand, weight: Any = None, reduction: Any = 'mean') -> Tensor:
    """−t ln(x) − (1 − t) ln(1 − x) for probabilities x; the logarithms are not let below −100."""

def binary_cross_entropy_with_logits(x: Operand, target: Operand, weight: Any = None, reduction: Any = 'mean', pos_weight: Any = None) -> Tensor:
    """binary_cross_entropy of sigmoid(x), without its overflow; pos_weight weighs the positive class."""

def soft_margin_loss(x: Operand, target: Operand, reduction: Any = 'mean') -> Tensor:
    """ln(1 + exp(−t x)) for targets t of −1 or 1, without its overflow."""

def multi_margin_loss(x: Operand, target: Operand, p: Any = 1, margin: Any = 1.0, weight: Any = None, reduction: Any = 'mean') -> Tensor:
    """Mean over the classes of max(0, margin − x of the right class + x of the other) to the power p."""

def multilabel_soft_margin_loss(x: Any, target: Any, weight: Any = None, reduction: str = 'mean') -> Tensor:
    """binary_cross_entropy_with_logits averaged over the classes, the last axis."""

def multilabel_margin_loss(x: Any, target: Any, reduction: str = 'mean') -> Tensor:
    """The sum of max(0, 1 − x of a right class + x of a wrong one) over all such pairs, over the number of classes."""

def ctc_loss(log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0, reduction: str = 'mean', zero_infinity: bool = False) -> Tensor:
    """Minus the log-probability of each target by every way to spell it out in time (Graves et al. 2006)."""

def conv1d(x: Operand, weight: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1) -> Tensor:
    """The products of each filter of weight (filters, channels / groups, width) with x (batch, channels, width) at each place, summed, plus bias. The filter is not flipped. padding: a number, one per axis, 'same' or 'valid'."""

def conv_transpose1d(x: Operand, weight: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: Any = 1, dilation: Any = 1) -> Tensor:
    """Each element of x times its filter of weight (channels, results / groups, width), added up where conv1d would read it, plus bias: the gradient of conv1d with respect to its input."""

def conv2d(x: Operand, weight: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1) -> Tensor:
    """The products of each filter of weight (filters, channels / groups, height, width) with x (batch, channels, height, width) at each place, summed, plus bias. The filter is not flipped. padding: a number, one per axis, 'same' or 'valid'."""

def conv_transpose2d(x: Operand, weight: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: Any = 1, dilation: Any = 1) -> Tensor:
    """Each element of x times its filter of weight (channels, results / groups, height, width), added up where conv2d would read it, plus bias: the gradient of conv2d with respect to its input."""

def conv3d(x: Operand, weight: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1) -> Tensor:
    """The products of each filter of weight (filters, channels / groups, depth, height, width) with x (batch, channels, depth, height, width) at each place, summed, plus bias. The filter is not flipped. padding: a number, one per axis, 'same' or 'valid'."""

def conv_transpose3d(x: Operand, weight: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: Any = 1, dilation: Any = 1) -> Tensor:
    """Each element of x times its filter of weight (channels, results / groups, depth, height, width), added up where conv3d would read it, plus bias: the gradient of conv3d with respect to its input."""

def max_pool1d(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False, return_indices: bool = False) -> Any:
    """Largest element of each window; the stride is the window's size unless"""

def max_pool2d(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False, return_indices: bool = False) -> Any:
    """Largest element of each window; the stride is the window's size unless"""

def max_pool3d(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False, return_indices: bool = False) -> Any:
    """Largest element of each window; the stride is the window's size unless"""

def avg_pool1d(x: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: Any = False, count_include_pad: Any = True, divisor_override: Any = None) -> Tensor:
    """Mean of each window; the stride is the window's size unless given. Padding counts as zeros, or not at all without count_include_pad."""

def avg_pool2d(x: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: Any = False, count_include_pad: Any = True, divisor_override: Any = None) -> Tensor:
    """Mean of each window; the stride is the window's size unless given. Padding counts as zeros, or not at all without count_include_pad."""

def avg_pool3d(x: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: Any = False, count_include_pad: Any = True, divisor_override: Any = None) -> Tensor:
    """Mean of each window; the stride is the window's size unless given. Padding counts as zeros, or not at all without count_include_pad."""

def adaptive_avg_pool1d(x: Operand, output_size: Any) -> Tensor:
    """Mean of each of output_size windows, whose lengths are as equal as can be; None keeps an axis."""

def adaptive_avg_pool2d(x: Operand, output_size: Any) -> Tensor:
    """Mean of each of output_size windows, whose lengths are as equal as can be; None keeps an axis."""

def adaptive_avg_pool3d(x: Operand, output_size: Any) -> Tensor:
    """Mean of each of output_size windows, whose lengths are as equal as can be; None keeps an axis."""

def adaptive_max_pool1d(x: Any, output_size: Any, return_indices: bool = False) -> Any:
    """Largest element of each of as many windows as output_size says; None keeps an axis."""

def adaptive_max_pool2d(x: Any, output_size: Any, return_indices: bool = False) -> Any:
    """Largest element of each of as many windows as output_size says; None keeps an axis."""

def adaptive_max_pool3d(x: Any, output_size: Any, return_indices: bool = False) -> Any:
    """Largest element of each of as many windows as output_size says; None keeps an axis."""

def max_unpool1d(x: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None) -> Tensor:
    """Zeros with each element of x where `indices` of max_pool1d say it came from."""

def max_unpool2d(x: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None) -> Tensor:
    """Zeros with each element of x where `indices` of max_pool2d say it came from."""

def max_unpool3d(x: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None) -> Tensor:
    """Zeros with each element of x where `indices` of max_pool3d say it came from."""

def unfold(x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """Every patch that a kernel sees of an image (batch, channels, height, width), as a column: (batch, rows, places)."""

def fold(x: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """The image of that height and width to which every column of x was added at its place: the gradient of unfold."""

def interpolate(x: Any, size: Any = None, scale_factor: Any = None, mode: str = 'nearest', align_corners: bool | None = None, recompute_scale_factor: bool | None = None) -> Tensor:
    """x (batch, channels, ...) with the axes behind the channels in another size, or `scale_factor` times as long."""

def grid_sample(x: Any, grid: Any, mode: str = 'bilinear', padding_mode: str = 'zeros', align_corners: bool = False) -> Tensor:
    """What x (batch, channels, [depth,] height, width) has at the places `grid` (batch, ..., 2 or 3), between elements."""

def pixel_shuffle(x: Any, upscale_factor: int) -> Tensor:
    """x (..., channels, height, width) with every r² channels laid out as r by r pixels, r being upscale_factor."""

def pixel_unshuffle(x: Any, downscale_factor: int) -> Tensor:
    """x (..., channels, height, width) with every r by r pixels as r² channels; undoes pixel_shuffle."""

def channel_shuffle(x: Any, groups: int) -> Tensor:
    """x (batch, channels, ...) with the channels taken in turn from each of several groups of them."""

def local_response_norm(x: Any, size: int, alpha: float = 0.0001, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """x over (k + alpha · the mean square of `size` neighbouring channels) to the power beta (Krizhevsky 2012)."""

def delete(x: Any, obj: Any, axis: int | None = None) -> Tensor:
    """x without the slices along `axis` that `obj` names: indices, a slice, a mask; of x flattened without an axis."""

def insert(x: Any, obj: Any, values: Any, axis: int | None = None) -> Tensor:
    """x with `values` put in before the indices `obj` along `axis`, as in NumPy; flattened without an axis."""

def resize(x: Any, new_shape: int | Sequence[int]) -> Tensor:
    """The elements of x in C order in a new shape of any size, over and over until it is full."""

def compress(condition: Any, x: Any, axis: int | None = None) -> Tensor:
    """The slices of x along `axis` for which a vector of booleans holds; of x flattened without an axis."""

def extract(condition: Any, x: Any) -> Tensor:
    """The elements of x for which `condition`, of the same shape, holds, as a vector."""

def partition(x: Any, kth: int | Sequence[int], axis: int | None = -1) -> Tensor:
    """x with its kth smallest element along `axis` in its sorted place, smaller ones before and larger ones after."""

def choose(index: Any, choices: Any, mode: str = 'raise') -> Tensor:
    """For each whole number in `index`, the element at the same place of the tensor of that number."""

def first_where(conditions: Sequence[Any], choices: Sequence[Any], default: Any = 0) -> Tensor:
    """For each element that of the choice whose condition is the first to hold, `default` where none does: np.select."""

def piecewise(x: Any, conditions: Any, functions: Sequence[Any], *args: Any, **named: Any) -> Tensor:
    """Each function of the elements of x for which its condition holds: the last that does, and 0 where none does."""

def linear(x: Operand, weight: Operand, bias: Operand | None = None) -> Tensor:
    """x (..., features) @ weightᵀ (results, features) + bias (results): a fully connected layer."""

def bilinear(x: Operand, y: Operand, weight: Operand, bias: Operand | None = None) -> Tensor:
    """x (..., m) @ weight (results, m, n) @ y (..., n) + bias (results), a number for each result."""

def embedding(indices: Operand, weight: Operand, padding_idx: Any = None) -> Tensor:
    """The row of weight for each index; the row padding_idx gets no gradient."""

def embedding_bag(indices: Any, weight: Any, offsets: Any = None, mode: str = 'mean', per_sample_weights: Any = None, include_last_offset: bool = False, padding_idx: int | None = None) -> Tensor:
    """The mean ("sum", "max") of the rows of weight that each bag of indices names; 0 for an empty bag."""

def one_hot(x: Operand, num_classes: Any = -1) -> Tensor:
    """1 at the place each whole number names and 0 elsewhere, along a new last axis. No gradient."""

def dropout(x: Operand, p: Any = 0.5, training: Any = True, seed: Any = None) -> Tensor:
    """x with each element set to 0 with probability p, the others times 1 / (1 - p); x itself unless training."""

def dropout1d(x: Any, p: float = 0.5, training: bool = True, seed: Any = None) -> Tensor:
    """dropout() of whole channels: each is kept or set to 0 with all its places."""

def dropout2d(x: Any, p: float = 0.5, training: bool = True, seed: Any = None) -> Tensor:
    """dropout() of whole channels: each is kept or set to 0 with all its places."""

def dropout3d(x: Any, p: float = 0.5, training: bool = True, seed: Any = None) -> Tensor:
    """dropout() of whole channels: each is kept or set to 0 with all its places."""

def scaled_dot_product_attention(query: Operand, key: Operand, value: Operand, attn_mask: Operand | None = None, dropout_p: Any = 0.0, is_causal: Any = False, scale: Any = None, seed: Any = None) -> Tensor:
    """softmax(query @ keyᵀ · scale) @ value: for each query the mean of the values, weighted by how well their keys fit. attn_mask: True where a query may look, or numbers added to the scores."""

def layer_norm(x: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-05) -> Tensor:
    """x minus its mean, divided by its standard deviation, over the last axes; times weight, plus bias."""

def group_norm(x: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-05) -> Tensor:
    """x minus its mean, divided by its standard deviation, in each group of channels; times weight, plus bias."""

def batch_norm(x: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None, training: bool = False, momentum: float = 0.1, eps: float = 1e-05) -> Tensor:
    """x minus its mean, divided by its standard deviation, in each channel; times weight, plus bias."""

def instance_norm(x: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None, use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-05) -> Tensor:
    """x minus its mean, divided by its standard deviation, in each channel of each image; times weight, plus bias."""

def rms_norm(x: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Tensor:
    """x divided by its root mean square over the last axes, normalized_shape; times weight."""

def normalize(x: Any, p: float = 2.0, axis: Any = 1, eps: float = 1e-12) -> Tensor:
    """x over its p-norm along `axis`, or over eps where that is smaller."""

def renorm(x: Any, p: float, axis: int, maxnorm: float) -> Tensor:
    """x with every slice along `axis` whose p-norm is above `maxnorm` scaled down to it."""

def norm(x: Any, *given: Any, ord: Any = None, axis: Any = None, keepdims: bool = False, p: Any = None, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The length of x, or of the vectors or matrices along `axis`; the gradient at length 0 is 0."""

def matrix_norm(x: Any, keepdims: bool = False, ord: Any = 'fro') -> Tensor:
    """The norm of each matrix of x, whose last two axes they are."""

def cond(x: Any, p: Any = None) -> Tensor:
    """The condition number of each matrix: its norm times that of its inverse, by default the 2-norm."""

def tensorinv(x: Any, ind: int = 2) -> Tensor:
    """The inverse of x under tensordot over `ind` axes: x is a square matrix once its first `ind` axes are joined."""

def tensorsolve(x: Any, y: Any, axes: Any = None) -> Tensor:
    """The tensor whose tensordot with x over all its axes is y; `axes` of x are first moved to its end."""

def lstsq(x: Any, y: Any, rcond: float | None = None) -> tuple[Tensor, Tensor, Any, Tensor]:
    """(the solution of x @ out = y with the least squared error, that error, the rank of x, its singular values)."""

def matrix_diagonal(x: Any, offset: int = 0) -> Tensor:
    """The diagonal of each matrix (..., m, n), `offset` places to the right, as a new last axis."""

def matrix_trace(x: Any, offset: int = 0) -> Tensor:
    """The sum along the diagonal of each matrix (..., m, n), `offset` places to the right."""

def vander(x: Any, N: int | None = None, increasing: bool = False) -> Tensor:
    """A row of powers for each element of x (..., n): x to the N - 1, ..., 1, 0, or the other way round."""

def cdist(x: Any, y: Any, p: float = 2.0) -> Tensor:
    """The p-norm of every row of x (..., n, d) minus every row of y (..., m, d): (..., n, m)."""

def pdist(x: Any, p: float = 2.0) -> Tensor:
    """The p-norm of each row of x (n, d) minus each later one, in order: n (n − 1) / 2 numbers."""

def quantile(x: Any, q: Any, axis: Any = None, method: str = 'linear', keepdims: bool = False) -> Tensor:
    """The number that a share `q` (from 0 to 1, or several such) of the elements along `axis` does not exceed."""

def nanquantile(x: Any, q: Any, axis: Any = None, method: str = 'linear', keepdims: bool = False) -> Tensor:
    """quantile() of the elements that are not NaN."""

def percentile(x: Any, q: Any, axis: Any = None, method: str = 'linear', keepdims: bool = False) -> Tensor:
    """quantile() of `q` given from 0 to 100."""

def nanpercentile(x: Any, q: Any, axis: Any = None, method: str = 'linear', keepdims: bool = False) -> Tensor:
    """nanquantile() of `q` given from 0 to 100."""

def average(x: Any, axis: Any = None, weights: Any = None, keepdims: bool = False) -> Tensor:
    """The mean of the elements along `axis`, each counted as often as `weights` says: the shape of x, or one axis."""

def nanprod(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Product of the elements along `axis` that are not NaN; the others have slope 0."""

def nancumsum(x: Any, axis: int | None = None) -> Tensor:
    """Running sum along `axis` that passes over NaN."""

def nancumprod(x: Any, axis: int | None = None) -> Tensor:
    """Running product along `axis` that passes over NaN."""

def nanvar(x: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Tensor:
    """Variance of the elements along `axis` that are not NaN."""

def nanstd(x: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Tensor:
    """Standard deviation of the elements along `axis` that are not NaN; slope 0 where all are equal."""

def cov(x: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: float | None = None, fweights: Any = None, aweights: Any = None) -> Tensor:
    """The covariance of every two rows of x (and of y), whose columns are observations; of columns without rowvar."""

def corrcoef(x: Any, y: Any = None, rowvar: bool = True) -> Tensor:
    """The correlation, from -1 to 1, of every two rows of x (and of y); of columns without rowvar."""

def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Tensor:
    """The area under straight lines through the points (x, y), along `axis`; without x they are `dx` apart."""

def trapz(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Tensor:
    """The area under straight lines through the points (x, y), along `axis`; without x they are `dx` apart."""

def cumulative_trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Tensor:
    """trapezoid() up to each point but the first."""

def gradient(f: Any, *spacing: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """The slopes of the numbers f along each axis, by differences of neighbours; for derivatives of ops see grad()."""

def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None) -> Tensor:
    """What the straight lines through the points (xp, fp), xp ascending, have at each x; `left` and `right` beyond."""

def convolve(x: Any, y: Any, mode: str = 'full') -> Tensor:
    """Two vectors as the coefficients of polynomials, multiplied; "same" has the longer one's length, "valid" less."""

def correlate(x: Any, y: Any, mode: str = 'valid') -> Tensor:
    """The sums of products of one vector with another that slides along it; `mode` as in convolve()."""

def cumulative_sum(x: Any, axis: int | None = None, include_initial: bool = False) -> Tensor:
    """The sum of the elements up to each along `axis`, which a vector need not name; with 0 before them if asked."""

def cumulative_prod(x: Any, axis: int | None = None, include_initial: bool = False) -> Tensor:
    """The product of the elements up to each one along `axis`, as cumulative_sum(); with 1 before them if asked."""

def unwrap(x: Any, discont: float | None = None, axis: int = -1, period: float = 6.283185307179586) -> Tensor:
    """Angles along `axis`, with whole periods added to each so that it is near the one before."""

def bincount(x: Any, weights: Any = None, minlength: int = 0) -> Tensor:
    """How often each whole number from 0 on occurs in the vector x; with weights, the sum of those of its places."""

def vectorize(pyfunc: Any, excluded: Any = None) -> Any:
    """A function that calls `pyfunc` for each element of its arguments, broadcast, and joins what comes back."""

def trim_zeros(filt: Any, trim: str = 'fb', axis: Any = None) -> Tensor:
    """x without the zeros in front ("f") and behind ("b"), along each axis or those of `axis`."""

def polyval(p: Any, x: Any) -> Any:
    """The polynomial with coefficients p, the highest power first, at each x (Horner's scheme)."""

def polyfit(x: Any, y: Any, deg: int, rcond: float | None = None, w: Any = None) -> Tensor:
    """The coefficients, highest power first, of the polynomial of degree `deg` nearest to the points (x, y)."""

def polyadd(a1: Any, a2: Any) -> Any:
    """The coefficients of the sum of two polynomials; a np.poly1d where one of them is such."""

def polysub(a1: Any, a2: Any) -> Any:
    """The coefficients of the difference of two polynomials; a np.poly1d where one of them is such."""

def polymul(a1: Any, a2: Any) -> Any:
    """The coefficients of the product of two polynomials; a np.poly1d where one of them is such."""

def polydiv(u: Any, v: Any) -> tuple[Any, Any]:
    """(quotient, rest) of the polynomial u divided by v: u is quotient · v + rest."""

def polyder(p: Any, m: int = 1) -> Any:
    """The coefficients of the m-th derivative of a polynomial."""

def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    """The coefficients of the polynomial whose m-th derivative is p; k are the constants, 0 where left out."""

def poly(seq_of_zeros: Any) -> Tensor:
    """The coefficients of the polynomial with these roots, or of a square matrix's characteristic polynomial."""

def roots(p: Any) -> Tensor:
    """The roots of a polynomial whose roots are real, as eigenvalues of its companion matrix."""

def clamp_min(x: Any, min: Any) -> Tensor:
    """x where it is above `min`, else min."""

def clamp_max(x: Any, max: Any) -> Tensor:
    """x where it is below `max`, else max."""

def addmv(x: Any, mat: Any, vec: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * x + alpha * (mat @ vec)."""

def addr(x: Any, vec1: Any, vec2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * x + alpha * (the outer product of two vectors)."""

def addbmm(x: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * x + alpha * (the sum of the products of the matrices of two batches)."""

def rsub(x: Any, y: Any, *, alpha: float = 1) -> Tensor:
    """y - alpha * x."""

def sgn(x: Any) -> Tensor:
    """The sign of each element: -1, 0 or 1."""

def msort(x: Any, descending: bool = False) -> Tensor:
    """x sorted along its first axis."""

def mode(x: Any, dim: int = -1, keepdim: bool = False) -> Any:
    """(the commonest element along an axis, the smallest of several; where it comes last)."""

def unique_consecutive(x: Any, return_inverse: bool = False, return_counts: bool = False, axis: int | None = None) -> Any:
    """x without the elements that equal the one before, of all of x or along an axis; no gradient."""

def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Any:
    """Whether each element is one of the others. No gradient."""

def tensor_split(x: Any, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """x cut into a number of parts, of which the first ones may be longer by one, or before each index given."""

def narrow_copy(x: Any, dim: int, start: int, length: int) -> Tensor:
    """The places start to start + length of an axis, in memory of their own."""

def select_scatter(x: Any, src: Any, dim: int, index: int) -> Tensor:
    """x with the entry `index` of an axis replaced by src."""

def slice_scatter(x: Any, src: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Tensor:
    """x with the places start to end of an axis, `step` apart, replaced by src."""

def pinverse(x: Any, rcond: float = 1e-15) -> Tensor:
    """The pseudo-inverse of a matrix."""

def is_nonzero(x: Any) -> bool:
    """Whether the one element of x is not 0."""

def isneginf(x: Any) -> Any:
    """Whether each element is -inf. No gradient."""

def isposinf(x: Any) -> Any:
    """Whether each element is inf. No gradient."""

def signbit(x: Any) -> Any:
    """Whether each element is negative, -0 too. No gradient."""

def isreal(x: Any) -> Any:
    """Whether each element is a real number. No gradient."""

def bitwise_and(x: Any, y: Any) -> Any:
    """and of whole numbers, bit by bit, or of booleans. No gradient."""

def bitwise_or(x: Any, y: Any) -> Any:
    """or of whole numbers, bit by bit, or of booleans. No gradient."""

def bitwise_xor(x: Any, y: Any) -> Any:
    """exclusive or of whole numbers, bit by bit, or of booleans. No gradient."""

def gcd(x: Any, y: Any) -> Any:
    """The greatest common divisor of whole numbers, bit by bit, or of booleans. No gradient."""

def lcm(x: Any, y: Any) -> Any:
    """The least common multiple of whole numbers, bit by bit, or of booleans. No gradient."""
