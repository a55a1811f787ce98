"""Generated from the table of ops by `make stubs`; do not edit."""

import builtins
from collections.abc import Sequence
from typing import Any, Literal, SupportsIndex, TypeAlias, overload

import numpy as np

from grad_engine.core.tensor import Tensor

Operand: TypeAlias = Tensor | np.ndarray | np.generic | float | int | bool | Sequence[Any]
Axes: TypeAlias = SupportsIndex | Sequence[SupportsIndex] | None

class TorchMethods:
    """The methods of Tensor that PyTorch has under these names."""

    def copy(self, order: str = 'C') -> Tensor:
        """A copy of x with memory of its own, as np.copy(x) makes; recorded. order: how NumPy lays it out, taken as "C"."""

    def half(self) -> Tensor:
        """x as float16; itself where it is that already."""

    def float(self) -> Tensor:
        """x as float32; itself where it is that already."""

    def double(self) -> Tensor:
        """x as float64; itself where it is that already."""

    def short(self) -> Tensor:
        """x as int16; itself where it is that already."""

    def int(self) -> Tensor:
        """x as int32; itself where it is that already."""

    def long(self) -> Tensor:
        """x as int64; itself where it is that already."""

    def bool(self) -> Tensor:
        """x as bool; itself where it is that already."""

    def type(self, dtype: Any = None) -> Any:
        """x as another dtype, or without one the name of its own."""

    def type_as(self, other: Any) -> Tensor:
        """x in the dtype of another tensor."""

    def to(self, *wanted: Any, dtype: Any = None, device: Any = None, **ignored: Any) -> Tensor:
        """x as another dtype, or like another tensor; the device can only be the CPU."""

    def cpu(self) -> Tensor:
        """x itself: every tensor is on the CPU."""

    def cuda(self, device: Any = None) -> Tensor:
        """Always an ArgumentError: there is only the CPU."""

    def is_floating_point(self) -> Any:
        """Whether the dtype is a floating-point one."""

    @property
    def device(self) -> Any: ...
    @property
    def is_cuda(self) -> Any: ...
    @property
    def size(self) -> Any: ...
    def nelement(self) -> builtins.int:
        """How many elements x has."""

    def dim(self) -> builtins.int:
        """How many axes x has."""

    def ndimension(self) -> builtins.int:
        """How many axes x has."""

    def view(self, *size: Any) -> Tensor:
        """The same elements in another shape, as reshape(); or, given one dtype, x in that."""

    def view_as(self, other: Any) -> Tensor:
        """The same elements in the shape of another tensor."""

    def reshape_as(self, other: Any) -> Tensor:
        """The same elements in the shape of another tensor."""

    def expand_as(self, other: Any) -> Tensor:
        """x repeated to the shape of another tensor."""

    def contiguous(self) -> Tensor:
        """x with its elements in C order in memory: itself where they are."""

    def where(self, condition: Any, other: Any) -> Tensor:
        """x where condition holds, `other` elsewhere."""

    def greater(self, y: Any) -> Any:
        """Whether it holds for each pair of elements: x greater y. No gradient."""

    def greater_equal(self, y: Any) -> Any:
        """Whether it holds for each pair of elements: x greater equal y. No gradient."""

    def less(self, y: Any) -> Any:
        """Whether it holds for each pair of elements: x less y. No gradient."""

    def less_equal(self, y: Any) -> Any:
        """Whether it holds for each pair of elements: x less equal y. No gradient."""

    def not_equal(self, y: Any) -> Any:
        """Whether it holds for each pair of elements: x not equal y. No gradient."""

    def new_zeros(self, *size: Any, dtype: Any = None, requires_grad: builtins.bool = False, device: Any = None) -> Tensor:
        """A tensor of another shape in x's dtype, filled with 0."""

    def new_ones(self, *size: Any, dtype: Any = None, requires_grad: builtins.bool = False, device: Any = None) -> Tensor:
        """A tensor of another shape in x's dtype, filled with 1."""

    def new_empty(self, *size: Any, dtype: Any = None, requires_grad: builtins.bool = False, device: Any = None) -> Tensor:
        """A tensor of another shape in x's dtype, filled with 0."""

    def new_full(self, size: Any, fill_value: builtins.float, dtype: Any = None, requires_grad: builtins.bool = False, device: Any = None) -> Tensor:
        """A tensor of another shape in x's dtype, filled with a number."""

    def new_tensor(self, data: Any, dtype: Any = None, requires_grad: builtins.bool = False, device: Any = None) -> Tensor:
        """A tensor of other numbers in x's dtype."""

    def zero_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now all 0."""

    def fill_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now all one number."""

    def copy_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of another tensor, repeated to its shape."""

    def add_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now increased by another tensor, times alpha."""

    def sub_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now lessened by another tensor, times alpha."""

    def mul_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now multiplied by another tensor."""

    def div_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now divided by another tensor."""

    def pow_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now raised to a power."""

    def neg_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now of the other sign."""

    def exp_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now e to their power."""

    def log_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now their logarithms."""

    def sqrt_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now their square roots."""

    def abs_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now without their sign."""

    def clamp_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now brought between two bounds."""

    def relu_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now 0 where they were negative."""

    def sigmoid_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now their sigmoid."""

    def tanh_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now their hyperbolic tangent."""

    def addcmul_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now increased by value · y · z."""

    def addcdiv_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now increased by value · y / z."""

    def lerp_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now moved towards another tensor."""

    def masked_fill_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now one number where a mask holds."""

    def index_add_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now increased where a vector of indices says."""

    def scatter_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now replaced where an index says."""

    def scatter_add_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now increased where an index says."""

    def absolute_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of absolute()."""

    def acos_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of acos()."""

    def acosh_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of acosh()."""

    def arccos_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of arccos()."""

    def arccosh_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of arccosh()."""

    def arcsin_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of arcsin()."""

    def arcsinh_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of arcsinh()."""

    def arctan_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of arctan()."""

    def arctan2_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of arctan2()."""

    def arctanh_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of arctanh()."""

    def asin_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of asin()."""

    def asinh_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of asinh()."""

    def atan_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of atan()."""

    def atan2_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of atan2()."""

    def atanh_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of atanh()."""

    def copysign_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of copysign()."""

    def cosh_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of cosh()."""

    def cumprod_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of cumprod()."""

    def deg2rad_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of deg2rad()."""

    def digamma_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of digamma()."""

    def erfc_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of erfc()."""

    def erfinv_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of erfinv()."""

    def exp2_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of exp2()."""

    def expm1_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of expm1()."""

    def fix_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of fix()."""

    def float_power_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of float_power()."""

    def frac_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of frac()."""

    def hypot_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of hypot()."""

    def index_reduce_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of index_reduce()."""

    def lgamma_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of lgamma()."""

    def log10_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of log10()."""

    def log1p_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of log1p()."""

    def log2_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of log2()."""

    def logit_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of logit()."""

    def mvlgamma_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of mvlgamma()."""

    def negative_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of negative()."""

    def polygamma_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of polygamma()."""

    def rad2deg_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of rad2deg()."""

    def sinc_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of sinc()."""

    def xlogy_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now those of xlogy()."""

    def normal_(self, mean: builtins.float = 0.0, std: builtins.float = 1.0, generator: Any = None) -> Tensor:
        """x, its elements drawn anew from a normal distribution."""

    def uniform_(self, low: builtins.float = 0.0, high: builtins.float = 1.0, generator: Any = None) -> Tensor:
        """x, its elements drawn anew from low up to, not including, high."""

    def bernoulli_(self, p: builtins.float = 0.5, generator: Any = None) -> Tensor:
        """x, its elements drawn anew: 1 with probability p, else 0."""

    def random_(self, low: builtins.int, high: builtins.int | None = None, generator: Any = None) -> Tensor:
        """x, its elements drawn anew from the whole numbers from low up to, not including, high."""

    def detach_(self) -> Tensor:
        """x, now a leaf without history that does not require grad. Raises GraphError for a leaf that does."""

    def unfold(self, dimension: builtins.int, size: builtins.int, step: builtins.int = 1) -> Tensor:
        """Every window of `size` places along an axis, `step` apart, the windows' places as a new last axis."""

    def fill_diagonal_(self, fill_value: builtins.float, wrap: builtins.bool = False) -> Tensor:
        """x, its main diagonal all one number; of more than two axes, which are equally long, where all indices agree."""

    def to_sparse(self) -> Tensor:
        """x itself: every tensor is dense."""

    def to_dense(self) -> Tensor:
        """x itself: every tensor is dense."""

    def coalesce(self) -> Tensor:
        """x itself: every tensor is dense."""

    @property
    def is_sparse(self) -> Any: ...
    @property
    def flat(self) -> Any: ...
    def fill(self, value: Any) -> None:
        """Write one number into all elements of x, as NumPy's method does."""

    def put(self, indices: Any, values: Any, mode: str = 'raise') -> None:
        """Write values at places counted in C order, as NumPy's method does."""

    def compress(self, condition: Any, axis: Any = None) -> Tensor:
        """The parts of x along an axis where the condition holds, as NumPy's method gives them."""

    @property
    def values(self) -> Any: ...
    @property
    def indices(self) -> Any: ...
    def ceil_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what ceil() makes of them. Refused as `x += y` is."""

    def floor_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what floor() makes of them. Refused as `x += y` is."""

    def round_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what round() makes of them. Refused as `x += y` is."""

    def trunc_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what trunc() makes of them. Refused as `x += y` is."""

    def sin_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what sin() makes of them. Refused as `x += y` is."""

    def cos_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what cos() makes of them. Refused as `x += y` is."""

    def tan_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what tan() makes of them. Refused as `x += y` is."""

    def sinh_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what sinh() makes of them. Refused as `x += y` is."""

    def erf_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what erf() makes of them. Refused as `x += y` is."""

    def square_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what square() makes of them. Refused as `x += y` is."""

    def rsqrt_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what rsqrt() makes of them. Refused as `x += y` is."""

    def reciprocal_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what reciprocal() makes of them. Refused as `x += y` is."""

    def sign_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what sign() makes of them. Refused as `x += y` is."""

    def clip_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what clamp() makes of them. Refused as `x += y` is."""

    def clamp_min_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what clamp_min() makes of them. Refused as `x += y` is."""

    def clamp_max_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what clamp_max() makes of them. Refused as `x += y` is."""

    def fmod_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what fmod() makes of them. Refused as `x += y` is."""

    def remainder_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what remainder() makes of them. Refused as `x += y` is."""

    def floor_divide_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what floor_divide() makes of them. Refused as `x += y` is."""

    def true_divide_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what div() makes of them. Refused as `x += y` is."""

    def divide_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what div() makes of them. Refused as `x += y` is."""

    def multiply_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what mul() makes of them. Refused as `x += y` is."""

    def subtract_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what sub() makes of them. Refused as `x += y` is."""

    def cumsum_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what cumsum() makes of them. Refused as `x += y` is."""

    def tril_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what tril() makes of them. Refused as `x += y` is."""

    def triu_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what triu() makes of them. Refused as `x += y` is."""

    def masked_scatter_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what masked_scatter() makes of them. Refused as `x += y` is."""

    def index_copy_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what index_copy() makes of them. Refused as `x += y` is."""

    def index_fill_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what index_fill() makes of them. Refused as `x += y` is."""

    def scatter_reduce_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what scatter_reduce() makes of them. Refused as `x += y` is."""

    def nan_to_num_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what nan_to_num() makes of them. Refused as `x += y` is."""

    def baddbmm_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what baddbmm() makes of them. Refused as `x += y` is."""

    def addmm_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what addmm() makes of them. Refused as `x += y` is."""

    def addmv_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what addmv() makes of them. Refused as `x += y` is."""

    def addr_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what addr() makes of them. Refused as `x += y` is."""

    def softmax_(self, *args: Any, **named: Any) -> Tensor:
        """x, its elements now what softmax() makes of them. Refused as `x += y` is."""

    def index_put(self, indices: Any, values: Any, accumulate: builtins.bool = False) -> Tensor:
        """x with x[indices] replaced by `values`, as a new tensor; with accumulate, added to it."""

    def index_put_(self, indices: Any, values: Any, accumulate: builtins.bool = False) -> Tensor:
        """x, its part x[indices] now `values`; with accumulate, these are added. Refused as `x += y` is."""

    def exponential_(self, lambd: builtins.float = 1.0, *, generator: Any = None) -> Tensor:
        """x, its elements drawn anew: waiting times where `lambd` events happen in a unit of time."""

    def geometric_(self, p: builtins.float, *, generator: Any = None) -> Tensor:
        """x, its elements drawn anew: the number of the first success."""

    def log_normal_(self, mean: builtins.float = 1.0, std: builtins.float = 2.0, *, generator: Any = None) -> Tensor:
        """x, its elements drawn anew: exp of normal numbers."""

    def cauchy_(self, median: builtins.float = 0.0, sigma: builtins.float = 1.0, *, generator: Any = None) -> Tensor:
        """x, its elements drawn anew from a Cauchy distribution."""

    def unsqueeze_(self, *args: Any, **named: Any) -> Any:
        """Always an ArgumentError: write x = x.unsqueeze(dim)."""

    def squeeze_(self, *args: Any, **named: Any) -> Any:
        """Always an ArgumentError: write x = x.squeeze(dim)."""

    def t_(self, *args: Any, **named: Any) -> Any:
        """Always an ArgumentError: write x = x.t()."""

    def transpose_(self, *args: Any, **named: Any) -> Any:
        """Always an ArgumentError: write x = x.swapaxes(dim0, dim1)."""

    def swapaxes_(self, *args: Any, **named: Any) -> Any:
        """Always an ArgumentError: write x = x.swapaxes(dim0, dim1)."""

    def resize_(self, *args: Any, **named: Any) -> Any:
        """Always an ArgumentError: write x = x.reshape(shape)."""

    def is_contiguous(self, memory_format: Any = None) -> builtins.bool:
        """Whether the elements lie in C order in memory."""

    def stride(self, dim: builtins.int | None = None) -> Any:
        """How many elements apart neighbours along each axis are in memory, or along one."""

    def element_size(self) -> builtins.int:
        """How many bytes an element takes."""

    def data_ptr(self) -> builtins.int:
        """The address of the first element."""

    def get_device(self) -> builtins.int:
        """-1: the CPU."""

    def is_signed(self) -> builtins.bool:
        """Whether the dtype has numbers below 0."""

    def byte(self) -> Tensor:
        """x as uint8."""

    def char(self) -> Tensor:
        """x as int8."""

    def is_complex(self) -> builtins.bool:
        """False: a tensor holds real numbers."""

    @property
    def H(self) -> Any: ...
    @property
    def mH(self) -> Any: ...
class OpMethods(TorchMethods):
    """The methods and operators of Tensor that come from the table of ops."""

    def masked_fill(self, mask: Operand, value: Operand) -> Tensor:
        """x with `value` wherever mask holds; mask and value broadcast to the shape of x."""

    def clip(self, min: Operand | None = None, max: Operand | None = None) -> Tensor:
        """Each element clipped to lie between `min` and `max`, one of which may be left out; slope 1 at the bounds."""

    def clamp(self, min: Operand | None = None, max: Operand | None = None) -> Tensor:
        """Each element clipped to lie between `min` and `max`, one of which may be left out; slope 1 at the bounds."""

    def maximum(self, y: Operand) -> Tensor:
        """The larger of x and y, element by element; equals share the gradient, NaN wins."""

    def minimum(self, y: Operand) -> Tensor:
        """The smaller of x and y, element by element; equals share the gradient, NaN wins."""

    def fmax(self, y: Operand) -> Tensor:
        """The larger of x and y, element by element, NaN only where both are; of equals x takes the gradient."""

    def fmin(self, y: Operand) -> Tensor:
        """The smaller of x and y, element by element, NaN only where both are; of equals x takes the gradient."""

    def nan_to_num(self, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Tensor:
        """x with NaN and ±inf replaced by numbers (by default 0 and the largest there are), whose slope is 0."""

    def exp(self) -> Tensor:
        """e to the power of each element."""

    def exp2(self) -> Tensor:
        """2 to the power of each element."""

    def expm1(self) -> Tensor:
        """e to the power of each element, minus 1, exact also for tiny elements."""

    def ln(self) -> Tensor:
        """Natural logarithm of each element; ln(0) is -inf, ln of a negative number NaN, slope 1/x all the same."""

    def log2(self) -> Tensor:
        """Logarithm of each element to base 2."""

    def log10(self) -> Tensor:
        """Logarithm of each element to base 10."""

    def log1p(self) -> Tensor:
        """Natural logarithm of 1 plus each element, exact also for tiny elements."""

    def log(self, base: float | None = None) -> Tensor:
        """Logarithm of each element to `base`; the natural one, ln, without a base."""

    def logaddexp(self, y: Operand) -> Tensor:
        """ln(exp(x) + exp(y)), element by element, without overflow."""

    def logaddexp2(self, y: Operand) -> Tensor:
        """log2(2**x + 2**y), element by element, without overflow."""

    def xlogy(self, y: Operand) -> Tensor:
        """x times ln(y), element by element; 0 where x is 0, whatever the logarithm."""

    def sqrt(self) -> Tensor:
        """Square root of each element; the slope at 0 is inf."""

    def rsqrt(self) -> Tensor:
        """1 over the square root of each element."""

    def cbrt(self) -> Tensor:
        """Cube root of each element, also of negative ones."""

    def square(self) -> Tensor:
        """Each element times itself."""

    def reciprocal(self) -> Tensor:
        """1 over each element."""

    def hypot(self, y: Operand) -> Tensor:
        """Length of the hypotenuse over the legs x and y, element by element."""

    def logit(self, eps: Any = None) -> Tensor:
        """ln(x / (1 − x)) of each element, the inverse of sigmoid; with `eps`, x is first clipped to eps … 1 − eps."""

    def lerp(self, y: Operand, weight: Operand) -> Tensor:
        """x + weight · (y − x), element by element: x where the weight is 0, y where it is 1."""

    def sin(self) -> Tensor:
        """Sine of each element, in radians."""

    def cos(self) -> Tensor:
        """Cosine of each element, in radians."""

    def tan(self) -> Tensor:
        """Tangent of each element, in radians."""

    def arcsin(self) -> Tensor:
        """Angle in radians, from -π/2 to π/2, whose sine is each element; the slope at ±1 is inf."""

    def asin(self) -> Tensor:
        """Angle in radians, from -π/2 to π/2, whose sine is each element; the slope at ±1 is inf."""

    def arccos(self) -> Tensor:
        """Angle in radians, from 0 to π, whose cosine is each element; the slope at ±1 is -inf."""

    def acos(self) -> Tensor:
        """Angle in radians, from 0 to π, whose cosine is each element; the slope at ±1 is -inf."""

    def arctan(self) -> Tensor:
        """Angle in radians, from -π/2 to π/2, whose tangent is each element."""

    def atan(self) -> Tensor:
        """Angle in radians, from -π/2 to π/2, whose tangent is each element."""

    def arctan2(self, x: Operand) -> Tensor:
        """Angle in radians, from -π to π, of the point (x, y) seen from the origin; the order is arctan2(y, x)."""

    def atan2(self, x: Operand) -> Tensor:
        """Angle in radians, from -π to π, of the point (x, y) seen from the origin; the order is arctan2(y, x)."""

    def sinc(self) -> Tensor:
        """sin(πx) / (πx) of each element, 1 at 0."""

    def deg2rad(self) -> Tensor:
        """Each element, in degrees, as radians."""

    def rad2deg(self) -> Tensor:
        """Each element, in radians, as degrees."""

    def sinh(self) -> Tensor:
        """Hyperbolic sine of each element."""

    def cosh(self) -> Tensor:
        """Hyperbolic cosine of each element."""

    def tanh(self) -> Tensor:
        """Hyperbolic tangent of each element, from -1 to 1."""

    def arcsinh(self) -> Tensor:
        """The number whose hyperbolic sine is each element."""

    def asinh(self) -> Tensor:
        """The number whose hyperbolic sine is each element."""

    def arccosh(self) -> Tensor:
        """The number, 0 or more, whose hyperbolic cosine is each element; the slope at 1 is inf."""

    def acosh(self) -> Tensor:
        """The number, 0 or more, whose hyperbolic cosine is each element; the slope at 1 is inf."""

    def arctanh(self) -> Tensor:
        """The number whose hyperbolic tangent is each element, ±inf for ±1."""

    def atanh(self) -> Tensor:
        """The number whose hyperbolic tangent is each element, ±inf for ±1."""

    def conj(self) -> Tensor:
        """x itself, for code that is written for complex numbers too: there are only real ones here."""

    def conjugate(self) -> Tensor:
        """x itself, for code that is written for complex numbers too: there are only real ones here."""

    def abs(self) -> Tensor:
        """Absolute value of each element; slope 0 at 0."""

    def absolute(self) -> Tensor:
        """Absolute value of each element; slope 0 at 0."""

    def sign(self) -> Tensor:
        """-1, 0 or 1 by the sign of each element; slope 0 everywhere."""

    def floor(self) -> Tensor:
        """The largest whole number not above each element; slope 0 everywhere."""

    def ceil(self) -> Tensor:
        """The smallest whole number not below each element; slope 0 everywhere."""

    def trunc(self) -> Tensor:
        """Each element without its fraction; slope 0 everywhere."""

    def fix(self) -> Tensor:
        """Each element without its fraction; slope 0 everywhere."""

    def rint(self) -> Tensor:
        """Each element rounded to a whole number, halves to the even one; slope 0 everywhere."""

    def round(self, decimals: Any = 0) -> Tensor:
        """Each element rounded to `decimals` decimal places, halves to the even digit; slope 0 everywhere."""

    def copysign(self, y: Operand) -> Tensor:
        """x with the sign of y, element by element; slope 0 where x is 0, and by y."""

    def heaviside(self, y: Operand) -> Tensor:
        """0 where x is negative, 1 where positive, y where x is 0; slope 0 by x."""

    def isnan(self) -> Tensor:
        """Whether each element is NaN. No gradient."""

    def isinf(self) -> Tensor:
        """Whether each element is inf or -inf. No gradient."""

    def isfinite(self) -> Tensor:
        """Whether each element is neither NaN nor infinite. No gradient."""

    def astype(self, dtype: Any) -> Tensor:
        """x with another dtype. Between floating-point dtypes the gradient is cast back; whole numbers have none."""

    def take(self, indices: Operand, axis: Axes = None) -> Tensor:
        """The elements of x at `indices` along `axis`, or of x in C order without an axis."""

    def add_along_axis(self, indices: Operand, values: Operand, axis: Axes = -1) -> Tensor:
        """x with `values` added at `indices` along `axis`, as often as an element is named."""

    def take_along_axis(self, indices: Operand, axis: Axes = -1) -> Tensor:
        """The elements of x at `indices` along `axis`, one for each place on the other axes, as argsort returns."""

    def gather(self, axis: int, index: Any) -> Tensor:
        """The elements of x at `index` along `axis`, as PyTorch's gather: the index may be shorter on the other axes."""

    def scatter_add(self, axis: int, index: Any, src: Any) -> Tensor:
        """x with `src` added at `index` along `axis`, as PyTorch's scatter_add, as a new tensor."""

    def scatter(self, axis: int, index: Any, src: Any) -> Tensor:
        """x with `src` (or one number) written at `index` along `axis`, as PyTorch's scatter, as a new tensor."""

    def scatter_reduce(self, axis: int, index: Any, src: Any, reduce: str, include_self: bool = True) -> Tensor:
        """x with all of `src` that goes to one place folded together there, as PyTorch's scatter_reduce, as a new tensor."""

    def index_add(self, axis: int, index: Any, source: Any, alpha: float = 1) -> Tensor:
        """x with the slices of `source` along `axis`, times alpha, added at those of x that a vector of indices names."""

    def index_copy(self, axis: int, index: Any, source: Any) -> Tensor:
        """x with the slices of `source` along `axis` in the place of those of x that a vector of indices names."""

    def index_fill(self, axis: int, index: Any, value: Any) -> Tensor:
        """x with one number in all its slices along `axis` that a vector of indices names."""

    def index_reduce(self, axis: int, index: Any, source: Any, reduce: str, include_self: bool = True) -> Tensor:
        """x with all slices of `source` along `axis` that go to one index folded together there: "prod", "mean", ..."""

    def masked_scatter(self, mask: Any, source: Any) -> Tensor:
        """x with the elements of `source`, in C order, wherever mask holds; the two broadcast."""

    def index_select(self, axis: int, index: Any) -> Tensor:
        """The slices of x along `axis` that a vector of whole numbers names, as PyTorch's index_select."""

    def masked_select(self, mask: Any) -> Tensor:
        """The elements of x where mask holds, in C order along one axis; the two broadcast."""

    def argsort(self, axis: Axes = -1, descending: Any = False, stable: Any = True) -> Tensor:
        """The indices along `axis` that would sort x; equals keep their order, NaN counts as largest. No gradient."""

    def sort(self, axis: int | None = -1, descending: bool = False) -> Tensor:
        """The elements of x in order of size along `axis`, or all of them without one; NaN counts as largest."""

    def topk(self, k: int, axis: int = -1, largest: bool = True, sorted: bool = True) -> tuple[Tensor, Tensor]:
        """The `k` largest (or smallest) elements of x along `axis` in order of size, and their indices."""

    def kthvalue(self, k: int, axis: int = -1, keepdims: bool = False) -> tuple[Tensor, Tensor]:
        """The `k`-th smallest element of x along `axis`, counted from 1, and its index."""

    def cummax(self, axis: int) -> tuple[Tensor, Tensor]:
        """The largest element so far along `axis`, and its index: of equals the last. NaN wins."""

    def cummin(self, axis: int) -> tuple[Tensor, Tensor]:
        """The smallest element so far along `axis`, and its index: of equals the last. NaN wins."""

    def clone(self) -> Tensor:
        """The same values in memory of their own; gradients flow through."""

    def reshape(self, *shape: Any) -> Tensor:
        """The same elements in C order in another shape; one length may be -1."""

    def transpose(self, *order: Any, axes: Any = None, dim0: Any = None, dim1: Any = None) -> Tensor:
        """x with its axes in another order, reversed when none is given."""

    def permute(self, *axes: Any) -> Tensor:
        """x with its axes in another order, reversed when none is given."""

    def matrix_transpose(self) -> Tensor:
        """x with its last two axes exchanged."""

    def squeeze(self, axis: Axes = None) -> Tensor:
        """x without its axes of length 1 (or without those given, which must have length 1)."""

    def unsqueeze(self, axis: Axes) -> Tensor:
        """x with a new axis of length 1 at each place given."""

    def expand_dims(self, axis: Axes) -> Tensor:
        """x with a new axis of length 1 at each place given."""

    def broadcast_to(self, *shape: Any) -> Tensor:
        """x repeated to fill a larger shape, as in arithmetic with a tensor of that shape."""

    def broadcast(self, *shape: Any) -> Tensor:
        """x repeated to fill a larger shape, as in arithmetic with a tensor of that shape."""

    def ravel(self, order: str = 'C') -> Tensor:
        """The elements of x along one axis, in C order or, with "F", in that of columns."""

    def flatten(self, start_axis: Any = 0, end_axis: int = -1, order: str = 'C') -> Tensor:
        """x with its axes from `start_axis` to `end_axis` merged into one; by default all of them."""

    def unflatten(self, axis: int, shape: Sequence[int]) -> Tensor:
        """x with `axis` split into several of lengths `shape`, one of which may be -1."""

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        """x with two axes exchanged."""

    def swapdims(self, axis1: int, axis2: int) -> Tensor:
        """x with two axes exchanged."""

    def moveaxis(self, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
        """x with the axes `source` moved to the places `destination`; the others keep their order."""

    def movedim(self, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
        """x with the axes `source` moved to the places `destination`; the others keep their order."""

    def expand(self, *shape: Any) -> Tensor:
        """x repeated along its axes of length 1, and along new ones in front, to fill `shape`; -1 keeps a length."""

    def atleast_1d(self) -> Any:
        """x, as shape (1,) if it had none; a tuple of several."""

    def atleast_2d(self) -> Any:
        """x with axes of length 1 in front until it has two; a tuple of several."""

    def atleast_3d(self) -> Any:
        """x with axes of length 1 until it has three: (n,) becomes (1, n, 1) and (m, n) becomes (m, n, 1)."""

    def broadcast_tensors(self) -> tuple[Tensor, ...]:
        """Each of several tensors repeated to the shape they have together."""

    def flip(self, axis: Axes = None) -> Tensor:
        """x with the order of its elements reversed along `axis`, or along all."""

    def fliplr(self) -> Tensor:
        """x with its second axis reversed."""

    def flipud(self) -> Tensor:
        """x with its first axis reversed."""

    def roll(self, shift: Any, axis: Axes = None) -> Tensor:
        """x with its elements moved `shift` places along `axis`, those at the end to the front."""

    def rot90(self, k: Any = 1, axes: Any = (0, 1)) -> Tensor:
        """x turned by `k` quarters in the plane of `axes`, from the first towards the second."""

    def repeat(self, *given: Any, repeats: Any = None, axis: Any = ...) -> Tensor:
        """Each element of x `repeats` times in a row, along `axis` or of all."""

    def tile(self, reps: Any) -> Tensor:
        """x laid out `reps` times along each axis, like tiles."""

    def pad(self, pad_width: Any, mode: Any = 'constant', constant_values: Any = 0) -> Tensor:
        """x with elements put around it: zeros or `constant_values`, or copies of its own, by mode."""

    def sliding_window_view(self, window_shape: Any, axis: Axes = None) -> Tensor:
        """Every window of `window_shape` that fits into x (along `axis`, else all axes), its elements as last axes."""

    def tril(self, k: Any = 0) -> Tensor:
        """x with 0 above the k-th diagonal of its last two axes."""

    def triu(self, k: Any = 0) -> Tensor:
        """x with 0 below the k-th diagonal of its last two axes."""

    def diagonal(self, offset: Any = 0, axis1: Any = 0, axis2: Any = 1) -> Tensor:
        """The diagonal of the plane of `axis1` and `axis2`, `offset` places to the right, as a new last axis."""

    def diag_embed(self, offset: Any = 0, axis1: Any = -2, axis2: Any = -1) -> Tensor:
        """Zeros with the last axis of x on the diagonal of a new plane of `axis1` and `axis2`."""

    def diag(self, k: int = 0) -> Tensor:
        """The k-th diagonal of a matrix, or the matrix with the vector x on its k-th diagonal."""

    def diagflat(self, k: int = 0) -> Tensor:
        """A matrix with the elements of x, in C order, on its k-th diagonal."""

    def array_split(self, indices_or_sections: int | Sequence[int], axis: int = 0) -> tuple[Tensor, ...]:
        """x cut along `axis` before each index given, or into a number of parts whose lengths differ by 1 at most."""

    def split(self, *given: Any, indices_or_sections: Any = None, axis: Any = ..., dim: int | None = None, split_size_or_sections: Any = None, split_size: Any = None) -> tuple[Tensor, ...]:
        """x cut along `axis` before each index given, or into a number of equal parts, as in NumPy."""

    def chunk(self, chunks: int, axis: int = 0) -> tuple[Tensor, ...]:
        """x cut along `axis` into parts of equal length, the last one perhaps shorter: `chunks` of them, or fewer."""

    def unbind(self, axis: int = 0) -> tuple[Tensor, ...]:
        """The parts of x along `axis`, each without that axis; undoes stack()."""

    def unstack(self, axis: int = 0) -> tuple[Tensor, ...]:
        """The parts of x along `axis`, each without that axis; undoes stack()."""

    def hsplit(self, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
        """x cut along its second axis, a vector along its only one, as split() does."""

    def vsplit(self, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
        """x cut along its first axis, as split() does."""

    def dsplit(self, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
        """x cut along its third axis, as split() does."""

    def diff(self, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Tensor:
        """Each element along `axis` minus the one before it, `n` times over; first joined to `prepend` and `append`."""

    def sum(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Sum of the elements along `axis`; 0 when there are none."""

    def nansum(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Sum of the elements along `axis` that are not NaN; the others have slope 0."""

    def mean(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Mean of the elements along `axis`; NaN when there are none."""

    def nanmean(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Mean of the elements along `axis` that are not NaN; the others have slope 0."""

    def var(self, axis: Axes = None, ddof: Any = 0, keepdims: bool = False) -> Tensor:
        """Variance of the elements along `axis`: the sum of squared distances from the mean over count - `ddof`."""

    def std(self, axis: Axes = None, ddof: Any = 0, keepdims: bool = False) -> Tensor:
        """Standard deviation of the elements along `axis`, the root of var; slope 0 where all are equal."""

    def logsumexp(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """ln of the sum of exp(x) along `axis`, without overflow; -inf when there are no elements."""

    def trace(self, offset: Any = 0, axis1: Any = 0, axis2: Any = 1) -> Tensor:
        """Sum along the diagonal of the plane of `axis1` and `axis2`."""

    def vector_norm(self, axis: Axes = None, keepdims: bool = False, ord: Any = 2) -> Tensor:
        """The `ord`-norm of the vectors along `axis`: (Σ|x|^ord)^(1/ord), for inf the largest |x|; slope 0 at 0."""

    def cumsum(self, axis: Axes = None) -> Tensor:
        """Running sum along `axis`; of all elements in C order without an axis."""

    def cumprod(self, axis: Axes = None) -> Tensor:
        """Running product along `axis`; of all elements in C order without an axis. Exact with zeros."""

    def logcumsumexp(self, axis: Axes = None) -> Tensor:
        """ln of the running sum of exp(x) along `axis`, without overflow; of all elements in C order without an axis."""

    def prod(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Product of the elements along `axis`; 1 when there are none. Exact with zeros."""

    def max(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Largest element along `axis`. Ties along one axis: the first takes the gradient; along all or several axes they share it evenly."""

    def min(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Smallest element along `axis`. Ties along one axis: the first takes the gradient; along all or several axes they share it evenly."""

    def amax(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Largest element along `axis`; ties share the gradient evenly."""

    def amin(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Smallest element along `axis`; ties share the gradient evenly."""

    def nanmax(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Largest element along `axis` that is not NaN, NaN where all are. Ties along one axis: the first takes the gradient; along all or several axes they share it evenly."""

    def nanmin(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Smallest element along `axis` that is not NaN, NaN where all are. Ties along one axis: the first takes the gradient; along all or several axes they share it evenly."""

    def ptp(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """The range of the elements along `axis`: the largest minus the smallest."""

    def median(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """The middle element along `axis` in order of size, of an even count the lower one as in PyTorch. Ties along one axis: the first takes the gradient; along all or several axes they share it evenly."""

    def nanmedian(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """The median of the elements along `axis` that are not NaN, NaN where all are. Ties along one axis: the first takes the gradient; along all or several axes they share it evenly."""

    def argmax(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Index of the largest element along `axis`, the first of equals; in C order without an axis. No gradient."""

    def argmin(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Index of the smallest element along `axis`, the first of equals; in C order without an axis. No gradient."""

    def all(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Whether every element along `axis` is true or not 0; true when there are none. No gradient."""

    def any(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Whether some element along `axis` is true or not 0; false when there are none. No gradient."""

    def count_nonzero(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """How many elements along `axis` are not 0. No gradient."""

    def erf(self) -> Tensor:
        """The error function of each element, from -1 to 1."""

    def erfc(self) -> Tensor:
        """1 - erf of each element, exact also where that is tiny."""

    def lgamma(self) -> Tensor:
        """Natural logarithm of the absolute value of the gamma function of each element. Needs SciPy."""

    def gammaln(self) -> Tensor:
        """Natural logarithm of the absolute value of the gamma function of each element. Needs SciPy."""

    def digamma(self) -> Tensor:
        """The slope of lgamma at each element. Needs SciPy."""

    def polygamma(self, n: Any) -> Tensor:
        """The n-th derivative of digamma at each element. Needs SciPy."""

    def mvlgamma(self, p: int) -> Tensor:
        """Natural logarithm of the multivariate gamma function of dimension `p` of each element. Needs SciPy."""

    def erfinv(self) -> Tensor:
        """The number whose erf is each element, ±inf for ±1. Needs SciPy."""

    def erfcx(self) -> Tensor:
        """exp(x²) · erfc(x) of each element, which does not vanish where erfc does. Needs SciPy."""

    def ndtr(self) -> Tensor:
        """The normal distribution function at each element. Needs SciPy."""

    def ndtri(self) -> Tensor:
        """The number at which the normal distribution function is each element: its quantile. Needs SciPy."""

    def log_ndtr(self) -> Tensor:
        """Natural logarithm of the normal distribution function at each element, without underflow. Needs SciPy."""

    def entr(self) -> Tensor:
        """−x · ln(x) of each element, 0 at 0 and -inf below. Needs SciPy."""

    def xlog1py(self, y: Operand) -> Tensor:
        """x · ln(1 + y), element by element, 0 where x is 0 unless y is NaN. Needs SciPy."""

    def i0(self) -> Tensor:
        """The modified Bessel function of order 0 at each element. Needs SciPy."""

    def i1(self) -> Tensor:
        """The modified Bessel function of order 1 at each element. Needs SciPy."""

    def i0e(self) -> Tensor:
        """exp(−|x|) · i0(x) of each element, without overflow. Needs SciPy."""

    def i1e(self) -> Tensor:
        """exp(−|x|) · i1(x) of each element, without overflow. Needs SciPy."""

    def relu(self) -> Tensor:
        """max(x, 0) of each element. Where x is 0 or negative the gradient is 0, even if g is inf or NaN."""

    def relu6(self) -> Tensor:
        """Each element clipped to lie between 0 and 6; slope 0 at both."""

    def leaky_relu(self, negative_slope: Any = 0.01) -> Tensor:
        """x where positive, elsewhere x times `negative_slope`, which is the slope at 0 too."""

    def prelu(self, weight: Operand) -> Tensor:
        """x where positive, elsewhere x times `weight`: one number, or one for each channel, which is axis 1."""

    def hardtanh(self, min_val: Any = -1.0, max_val: Any = 1.0) -> Tensor:
        """Each element clipped to lie between `min_val` and `max_val`; slope 0 at both."""

    def hardsigmoid(self) -> Tensor:
        """x/6 + 1/2 clipped to lie between 0 and 1, a sigmoid of straight lines; slope 0 at -3 and 3."""

    def hardswish(self) -> Tensor:
        """x times hardsigmoid(x); slope 0 at -3 and 1 at 3."""

    def softshrink(self, lambd: Any = 0.5) -> Tensor:
        """Each element moved towards 0 by `lambd`, and 0 if that would cross it; slope 0 there."""

    def hardshrink(self, lambd: Any = 0.5) -> Tensor:
        """x, but 0 from -`lambd` to `lambd`; slope 0 there."""

    def threshold(self, threshold: Any, value: Any) -> Tensor:
        """x where it is above `threshold`, `value` elsewhere, with slope 0."""

    def elu(self, alpha: Any = 1.0) -> Tensor:
        """x where positive, elsewhere alpha (exp(x) - 1); the slope at 0 is `alpha`."""

    def celu(self, alpha: Any = 1.0) -> Tensor:
        """x where positive, elsewhere alpha (exp(x / alpha) - 1); the slope at 0 is 1."""

    def selu(self) -> Tensor:
        """elu with alpha 1.67326, times 1.0507: it keeps a layer's mean 0 and variance 1."""

    def sigmoid(self) -> Tensor:
        """1 / (1 + exp(-x)) of each element, from 0 to 1."""

    def logsigmoid(self) -> Tensor:
        """ln of sigmoid of each element, without its underflow."""

    def softplus(self, beta: Any = 1.0, threshold: Any = 20.0) -> Tensor:
        """ln(1 + exp(beta x)) / beta of each element, and x itself where beta x is above `threshold`."""

    def silu(self) -> Tensor:
        """x times sigmoid(x)."""

    def swish(self) -> Tensor:
        """x times sigmoid(x)."""

    def mish(self) -> Tensor:
        """x times tanh(softplus(x))."""

    def gelu(self, approximate: Any = 'none') -> Tensor:
        """x times the normal distribution function at x; with approximate='tanh' its tanh formula."""

    def softsign(self) -> Tensor:
        """x / (1 + |x|) of each element, from -1 to 1."""

    def tanhshrink(self) -> Tensor:
        """x minus tanh(x)."""

    def softmax(self, axis: Axes = -1) -> Tensor:
        """exp(x) over its sum along `axis`: positive numbers that add up to 1."""

    def softmin(self, axis: Axes = -1) -> Tensor:
        """softmax of -x along `axis`."""

    def log_softmax(self, axis: Axes = -1) -> Tensor:
        """ln of softmax along `axis`, without its overflow."""

    def glu(self, axis: Axes = -1) -> Tensor:
        """The first half of x along `axis`, each element times sigmoid of its partner in the second half."""

    def add(self, y: Any, alpha: float = 1) -> Tensor:
        """x plus y, element by element; y times alpha first."""

    def sub(self, y: Any, alpha: float = 1) -> Tensor:
        """x minus y, element by element; y times alpha first."""

    def subtract(self, y: Operand) -> Tensor:
        """x minus y, element by element."""

    def mul(self, y: Operand) -> Tensor:
        """x times y, element by element."""

    def multiply(self, y: Operand) -> Tensor:
        """x times y, element by element."""

    def div(self, y: Any, rounding_mode: str | None = None) -> Tensor:
        """x over y, element by element; rounding_mode: "floor" down, or "trunc" towards 0, to a whole number."""

    def divide(self, y: Operand) -> Tensor:
        """x over y, element by element; x / 0 is ±inf, 0 / 0 is NaN."""

    def neg(self) -> Tensor:
        """Minus x."""

    def negative(self) -> Tensor:
        """Minus x."""

    def positive(self) -> Tensor:
        """x itself, as a new tensor."""

    def floor_divide(self, y: Operand) -> Tensor:
        """x over y rounded down to a whole number, element by element; slope 0 everywhere."""

    def remainder(self, y: Operand) -> Tensor:
        """What is left of x after whole multiples of y, element by element, with the sign of y, as in x % y."""

    def mod(self, y: Operand) -> Tensor:
        """What is left of x after whole multiples of y, element by element, with the sign of y, as in x % y."""

    def fmod(self, y: Operand) -> Tensor:
        """What is left of x after whole multiples of y, element by element, with the sign of x, as in C."""

    def pow(self, y: Operand) -> Tensor:
        """x to the power y, element by element; 0 ** 0 is 1, a negative x to a fraction is NaN."""

    def power(self, y: Operand) -> Tensor:
        """x to the power y, element by element; 0 ** 0 is 1, a negative x to a fraction is NaN."""

    def float_power(self, y: Any) -> Tensor:
        """x to the power y, element by element, in float64 whatever the dtypes."""

    def matmul(self, y: Operand) -> Tensor:
        """Matrix product. A 1-D operand is a row on the left and a column on the right; leading axes broadcast."""

    def tensordot(self, y: Operand, axes: Any = 2) -> Tensor:
        """Sum of products over `axes`: so many last axes of x and first axes of y, or a pair of lists of axes."""

    def dot(self, y: Operand) -> Tensor:
        """np.dot: inner product of vectors, matrix product of matrices, last axis with second to last beyond."""

    def inner(self, y: Operand) -> Tensor:
        """Sums of products over the last axis of both."""

    def vdot(self, y: Operand) -> Tensor:
        """Sum of the products of all elements in C order."""

    def vecdot(self, y: Any, axis: int = -1) -> Tensor:
        """Sum of products along `axis`; the other axes broadcast."""

    def outer(self, y: Operand) -> Tensor:
        """The product of every element of x with every element of y: (size of x, size of y)."""

    def kron(self, y: Operand) -> Tensor:
        """Kronecker product: each element of x times the whole of y, laid side by side."""

    def cross(self, y: Operand, axisa: Any = -1, axisb: Any = -1, axisc: Any = -1, axis: Axes = None) -> Tensor:
        """Cross product of vectors of length 3, along the last axes unless said otherwise."""

    def addmm(self, y: Operand, z: Operand, beta: Any = 1, alpha: Any = 1) -> Tensor:
        """beta · x + alpha · (y @ z)."""

    def bmm(self, y: Any) -> Tensor:
        """The matrix product of each pair of matrices in two batches: (b, n, m) @ (b, m, p)."""

    def mv(self, y: Any) -> Tensor:
        """The product of a matrix and a vector: (n, m) @ (m)."""

    def matvec(self, y: Any) -> Tensor:
        """The products of matrices and vectors (..., n, m) and (..., m), the axes before being a batch that broadcasts."""

    def vecmat(self, y: Any) -> Tensor:
        """The products of vectors and matrices (..., n) and (..., n, m), the axes before being a batch that broadcasts."""

    def inv(self) -> Tensor:
        """The inverse of each square matrix."""

    def solve(self, y: Operand) -> Tensor:
        """The solution of x @ out = y, without computing the inverse of x. A 1-D y is one vector."""

    def pinv(self, rcond: Any = None, hermitian: Any = False, rtol: Any = None) -> Tensor:
        """The Moore-Penrose inverse of each matrix, of any shape; singular values below rcond (or rtol) times the largest count as 0."""

    def matrix_power(self, n: int) -> Tensor:
        """Each square matrix times itself, n factors in all, by repeated squaring; of the inverse where n is negative."""

    def det(self) -> Tensor:
        """The determinant of each square matrix."""

    def slogdet(self) -> tuple[Tensor, ...]:
        """(sign, logarithm of the absolute value) of the determinant of each square matrix."""

    def logdet(self) -> Tensor:
        """Natural logarithm of the determinant of each square matrix; NaN, with slope 0, where that is negative."""

    def matrix_exp(self) -> Tensor:
        """The exponential of each square matrix: 1 + x + x @ x / 2 + ..."""

    def cholesky(self, upper: Any = False) -> Tensor:
        """The lower triangular L with L @ Lᵀ = x (its transpose with upper) of each symmetric positive definite x."""

    def eigh(self, UPLO: Any = 'L') -> tuple[Tensor, ...]:
        """(eigenvalues in ascending order, eigenvectors as columns) of each symmetric matrix."""

    def eig(self) -> tuple[Tensor, ...]:
        """(eigenvalues, eigenvectors as columns of length 1) of each square matrix whose eigenvalues are real."""

    def eigvals(self) -> Tensor:
        """The eigenvalues of each square matrix whose eigenvalues are real, in no order."""

    def eigvalsh(self, UPLO: str = 'L') -> Tensor:
        """The eigenvalues of each symmetric matrix, in ascending order."""

    @overload
    def svd(self, full_matrices: bool = ..., compute_uv: Literal[True] = ..., hermitian: bool = ...) -> tuple[Tensor, Tensor, Tensor]: ...
    @overload
    def svd(self, full_matrices: bool = ..., *, compute_uv: Literal[False], hermitian: bool = ...) -> Tensor: ...
    @overload
    def svd(self, full_matrices: bool = ..., compute_uv: bool = ..., hermitian: bool = ...) -> Any:
        """(U, the singular values in descending order, Vh) with x = U @ diag(S) @ Vh; without compute_uv the values alone."""

    def svdvals(self) -> Tensor:
        """The singular values of each matrix, in descending order."""

    def lu(self) -> tuple[Tensor, ...]:
        """(permutation P, L lower triangular with ones on the diagonal, U upper triangular) with x = P @ L @ U."""

    @overload
    def qr(self, mode: Literal['reduced', 'complete'] = ...) -> tuple[Tensor, Tensor]: ...
    @overload
    def qr(self, mode: Literal['r']) -> Tensor: ...
    @overload
    def qr(self, mode: str) -> Any:
        """(Q with orthonormal columns, R upper triangular) with x = Q @ R; R alone with mode 'r'."""

    def numel(self) -> int:
        """How many elements x has."""

    def t(self) -> Tensor:
        """The transpose of a matrix; vectors and numbers stay as they are."""

    def select(self, axis: int, index: int) -> Tensor:
        """The part of x at one place of an axis, without that axis: np.select is first_where()."""

    def narrow(self, axis: int, start: int, length: int) -> Tensor:
        """`length` places of an axis of x, from `start` on."""

    def dist(self, y: Any, p: float = 2) -> Tensor:
        """The p-norm of all elements of x − y as one vector."""

    def true_divide(self, y: Any) -> Tensor:
        """x over y, element by element."""

    def repeat_interleave(self, repeats: Any, axis: int | None = None) -> Tensor:
        """Each element of x `repeats` times in a row, along `axis` or of all: NumPy's repeat()."""

    def take_along_dim(self, indices: Any, axis: int | None = None) -> Tensor:
        """The elements of x at `indices` along `axis`: NumPy's take_along_axis()."""

    def var_mean(self, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> tuple[Tensor, Tensor]:
        """(the variance, the mean) of the elements along `axis`."""

    def std_mean(self, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> tuple[Tensor, Tensor]:
        """(the standard deviation, the mean) of the elements along `axis`."""

    def inverse(self) -> Tensor:
        """The inverse of each matrix."""

    def bucketize(self, boundaries: Any, *, out_int32: bool = False, right: bool = False) -> Tensor:
        """The place of each element of x among ascending boundaries; before equals, and after them with right=True."""

    def mm(self, y: Any) -> Tensor:
        """The product of two matrices."""

    def baddbmm(self, y: Any, z: Any, beta: float = 1, alpha: float = 1) -> Tensor:
        """beta · x + alpha · (y @ z) for batches of matrices."""

    def addcmul(self, y: Any, z: Any, value: float = 1) -> Tensor:
        """x + value · y · z, element by element."""

    def addcdiv(self, y: Any, z: Any, value: float = 1) -> Tensor:
        """x + value · y / z, element by element."""

    def frac(self) -> Tensor:
        """What is left of each element of x without its whole part, with its sign."""

    def aminmax(self, axis: Any = None, keepdims: bool = False) -> tuple[Tensor, Tensor]:
        """(the smallest, the largest) element along `axis`."""

    def eq(self, y: Any) -> Any:
        """Whether it holds for each pair of elements: x equal y. No gradient."""

    def ne(self, y: Any) -> Any:
        """Whether it holds for each pair of elements: x not equal y. No gradient."""

    def lt(self, y: Any) -> Any:
        """Whether it holds for each pair of elements: x less y. No gradient."""

    def le(self, y: Any) -> Any:
        """Whether it holds for each pair of elements: x less equal y. No gradient."""

    def gt(self, y: Any) -> Any:
        """Whether it holds for each pair of elements: x greater y. No gradient."""

    def ge(self, y: Any) -> Any:
        """Whether it holds for each pair of elements: x greater equal y. No gradient."""

    def logical_and(self, y: Any) -> Any:
        """Whether it holds for each pair of elements: x logical and y. No gradient."""

    def logical_or(self, y: Any) -> Any:
        """Whether it holds for each pair of elements: x logical or y. No gradient."""

    def logical_xor(self, y: Any) -> Any:
        """Whether it holds for each pair of elements: x logical xor y. No gradient."""

    def greater(self, y: Any) -> Any:
        """Whether it holds for each pair of elements: x greater y. No gradient."""

    def greater_equal(self, y: Any) -> Any:
        """Whether it holds for each pair of elements: x greater equal y. No gradient."""

    def less(self, y: Any) -> Any:
        """Whether it holds for each pair of elements: x less y. No gradient."""

    def less_equal(self, y: Any) -> Any:
        """Whether it holds for each pair of elements: x less equal y. No gradient."""

    def not_equal(self, y: Any) -> Any:
        """Whether it holds for each pair of elements: x not equal y. No gradient."""

    def logical_not(self) -> Any:
        """Whether each element of x is 0. No gradient."""

    def equal(self, y: Any) -> bool:
        """Whether two tensors have the same shape and elements."""

    def allclose(self, y: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
        """Whether all elements of two tensors are within atol + rtol · |y| of each other."""

    def isclose(self, y: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Any:
        """Whether each two elements are within atol + rtol · |y| of each other. No gradient."""

    def nonzero(self, as_tuple: bool | None = None) -> Any:
        """Where x is not 0, as NumPy's nonzero(): for each axis the indices along it."""

    def argwhere(self) -> Tensor:
        """Where x is not 0: a row of indices for each such element."""

    def unique(self, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, axis: int | None = None) -> Any:
        """The different elements of x, or slices along `axis`, in order; with what is asked for, places and counts."""

    def histc(self, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
        """How many elements of x are in each of `bins` equal steps from min to max, by default its own ends."""

    def bitwise_not(self) -> Tensor:
        """The bits of each whole number, or each boolean, turned round. No gradient."""

    def searchsorted(self, values: Any, *, out_int32: bool = False, right: bool = False, side: str | None = None, sorter: Any = None) -> Tensor:
        """The places in ascending x before which each of `values` belongs; after equals with right=True or side="right"."""

    def mse_loss(self, target: Operand, reduction: Any = 'mean') -> Tensor:
        """Squared difference of x and target: the mean of all elements, their sum, or each."""

    def l1_loss(self, target: Operand, reduction: Any = 'mean') -> Tensor:
        """Absolute difference of x and target; slope 0 where they are equal."""

    def smooth_l1_loss(self, target: Operand, reduction: Any = 'mean', beta: Any = 1.0) -> Tensor:
        """Half the squared difference over beta where that is less than beta, else the absolute one less beta / 2."""

    def huber_loss(self, target: Operand, reduction: Any = 'mean', delta: Any = 1.0) -> Tensor:
        """Half the squared difference up to delta, from there on growing straight (Huber 1964)."""

    def kl_div(self, target: Operand, reduction: Any = 'mean', log_target: Any = False) -> Tensor:
        """target · (ln(target) − x): the divergence of log-probabilities x from the target (or its logarithm, with log_target). reduction='batchmean' divides the sum by the batch, as the definition does."""

    def poisson_nll_loss(self, target: Operand, log_input: Any = True, full: Any = False, eps: Any = 1e-08, reduction: Any = 'mean') -> Tensor:
        """exp(x) − t x (or x − t ln(x) without log_input): minus the log-likelihood of counts t, with Stirling's term when full."""

    def gaussian_nll_loss(self, target: Operand, var: Operand, full: Any = False, eps: Any = 1e-06, reduction: Any = 'mean') -> Tensor:
        """½ (ln(var) + (x − t)² / var): minus the log-likelihood of t under a normal distribution of mean x; var has the shape of x, or one number for each row."""

    def margin_ranking_loss(self, y: Operand, target: Operand, margin: Any = 0.0, reduction: Any = 'mean') -> Tensor:
        """max(0, margin − t (x − y)): whether x ranks above y where t is 1, below where it is −1."""

    def hinge_loss(self, target: Operand, margin: Any = 1.0, reduction: Any = 'mean') -> Tensor:
        """max(0, margin − t x) for targets t of −1 or 1, as support vector machines have it."""

    def hinge_embedding_loss(self, target: Operand, margin: Any = 1.0, reduction: Any = 'mean') -> Tensor:
        """The distance x where the target is 1, max(0, margin − x) where it is −1."""

    def cosine_similarity(self, y: Operand, axis: Axes = 1, eps: Any = 1e-08) -> Tensor:
        """The cosine of the angle between the vectors of x and y along `axis`; lengths count as at least eps."""

    def nll_loss(self, target: Operand, weight: Any = None, ignore_index: Any = -100, reduction: Any = 'mean') -> Tensor:
        """Minus the log-probability x (batch, classes, ...) of each target class (batch, ...), weighted by class; elements of class ignore_index do not count."""

    def cross_entropy(self, target: Operand, weight: Any = None, ignore_index: Any = -100, reduction: Any = 'mean', label_smoothing: Any = 0.0) -> Tensor:
        """Minus the logarithm of the softmax of x (batch, classes, ...) at each target class (batch, ...), or its mean under target probabilities of x's shape."""

    def binary_cross_entropy(self, target: Operand, weight: Any = None, reduction: Any = 'mean') -> Tensor:
        """−t ln(x) − (1 − t) ln(1 − x) for probabilities x; the logarithms are not let below −100."""

    def binary_cross_entropy_with_logits(self, target: Operand, weight: Any = None, reduction: Any = 'mean', pos_weight: Any = None) -> Tensor:
        """binary_cross_entropy of sigmoid(x), without its overflow; pos_weight weighs the positive class."""

    def soft_margin_loss(self, target: Operand, reduction: Any = 'mean') -> Tensor:
        """ln(1 + exp(−t x)) for targets t of −1 or 1, without its overflow."""

    def multi_margin_loss(self, target: Operand, p: Any = 1, margin: Any = 1.0, weight: Any = None, reduction: Any = 'mean') -> Tensor:
        """Mean over the classes of max(0, margin − x of the right class + x of the other) to the power p."""

    def conv1d(self, weight: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1) -> Tensor:
        """The products of each filter of weight (filters, channels / groups, width) with x (batch, channels, width) at each place, summed, plus bias. The filter is not flipped. padding: a number, one per axis, 'same' or 'valid'."""

    def conv_transpose1d(self, weight: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: Any = 1, dilation: Any = 1) -> Tensor:
        """Each element of x times its filter of weight (channels, results / groups, width), added up where conv1d would read it, plus bias: the gradient of conv1d with respect to its input."""

    def conv2d(self, weight: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1) -> Tensor:
        """The products of each filter of weight (filters, channels / groups, height, width) with x (batch, channels, height, width) at each place, summed, plus bias. The filter is not flipped. padding: a number, one per axis, 'same' or 'valid'."""

    def conv_transpose2d(self, weight: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: Any = 1, dilation: Any = 1) -> Tensor:
        """Each element of x times its filter of weight (channels, results / groups, height, width), added up where conv2d would read it, plus bias: the gradient of conv2d with respect to its input."""

    def conv3d(self, weight: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1) -> Tensor:
        """The products of each filter of weight (filters, channels / groups, depth, height, width) with x (batch, channels, depth, height, width) at each place, summed, plus bias. The filter is not flipped. padding: a number, one per axis, 'same' or 'valid'."""

    def conv_transpose3d(self, weight: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: Any = 1, dilation: Any = 1) -> Tensor:
        """Each element of x times its filter of weight (channels, results / groups, depth, height, width), added up where conv3d would read it, plus bias: the gradient of conv3d with respect to its input."""

    def max_pool1d(self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False, return_indices: bool = False) -> Any:
        """Largest element of each window; the stride is the window's size unless"""

    def max_pool2d(self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False, return_indices: bool = False) -> Any:
        """Largest element of each window; the stride is the window's size unless"""

    def max_pool3d(self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False, return_indices: bool = False) -> Any:
        """Largest element of each window; the stride is the window's size unless"""

    def avg_pool1d(self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: Any = False, count_include_pad: Any = True, divisor_override: Any = None) -> Tensor:
        """Mean of each window; the stride is the window's size unless given. Padding counts as zeros, or not at all without count_include_pad."""

    def avg_pool2d(self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: Any = False, count_include_pad: Any = True, divisor_override: Any = None) -> Tensor:
        """Mean of each window; the stride is the window's size unless given. Padding counts as zeros, or not at all without count_include_pad."""

    def avg_pool3d(self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: Any = False, count_include_pad: Any = True, divisor_override: Any = None) -> Tensor:
        """Mean of each window; the stride is the window's size unless given. Padding counts as zeros, or not at all without count_include_pad."""

    def adaptive_avg_pool1d(self, output_size: Any) -> Tensor:
        """Mean of each of output_size windows, whose lengths are as equal as can be; None keeps an axis."""

    def adaptive_avg_pool2d(self, output_size: Any) -> Tensor:
        """Mean of each of output_size windows, whose lengths are as equal as can be; None keeps an axis."""

    def adaptive_avg_pool3d(self, output_size: Any) -> Tensor:
        """Mean of each of output_size windows, whose lengths are as equal as can be; None keeps an axis."""

    def adaptive_max_pool1d(self, output_size: Any, return_indices: bool = False) -> Any:
        """Largest element of each of as many windows as output_size says; None keeps an axis."""

    def adaptive_max_pool2d(self, output_size: Any, return_indices: bool = False) -> Any:
        """Largest element of each of as many windows as output_size says; None keeps an axis."""

    def adaptive_max_pool3d(self, output_size: Any, return_indices: bool = False) -> Any:
        """Largest element of each of as many windows as output_size says; None keeps an axis."""

    def fold(self, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
        """The image of that height and width to which every column of x was added at its place: the gradient of unfold."""

    def linear(self, weight: Operand, bias: Operand | None = None) -> Tensor:
        """x (..., features) @ weightᵀ (results, features) + bias (results): a fully connected layer."""

    def bilinear(self, y: Operand, weight: Operand, bias: Operand | None = None) -> Tensor:
        """x (..., m) @ weight (results, m, n) @ y (..., n) + bias (results), a number for each result."""

    def one_hot(self, num_classes: Any = -1) -> Tensor:
        """1 at the place each whole number names and 0 elsewhere, along a new last axis. No gradient."""

    def dropout(self, p: Any = 0.5, training: Any = True, seed: Any = None) -> Tensor:
        """x with each element set to 0 with probability p, the others times 1 / (1 - p); x itself unless training."""

    def dropout1d(self, p: float = 0.5, training: bool = True, seed: Any = None) -> Tensor:
        """dropout() of whole channels: each is kept or set to 0 with all its places."""

    def dropout2d(self, p: float = 0.5, training: bool = True, seed: Any = None) -> Tensor:
        """dropout() of whole channels: each is kept or set to 0 with all its places."""

    def dropout3d(self, p: float = 0.5, training: bool = True, seed: Any = None) -> Tensor:
        """dropout() of whole channels: each is kept or set to 0 with all its places."""

    def layer_norm(self, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-05) -> Tensor:
        """x minus its mean, divided by its standard deviation, over the last axes; times weight, plus bias."""

    def group_norm(self, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-05) -> Tensor:
        """x minus its mean, divided by its standard deviation, in each group of channels; times weight, plus bias."""

    def batch_norm(self, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None, training: bool = False, momentum: float = 0.1, eps: float = 1e-05) -> Tensor:
        """x minus its mean, divided by its standard deviation, in each channel; times weight, plus bias."""

    def instance_norm(self, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None, use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-05) -> Tensor:
        """x minus its mean, divided by its standard deviation, in each channel of each image; times weight, plus bias."""

    def rms_norm(self, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Tensor:
        """x divided by its root mean square over the last axes, normalized_shape; times weight."""

    def normalize(self, p: float = 2.0, axis: Any = 1, eps: float = 1e-12) -> Tensor:
        """x over its p-norm along `axis`, or over eps where that is smaller."""

    def renorm(self, p: float, axis: int, maxnorm: float) -> Tensor:
        """x with every slice along `axis` whose p-norm is above `maxnorm` scaled down to it."""

    def norm(self, *given: Any, ord: Any = None, axis: Any = None, keepdims: bool = False, p: Any = None, dim: Any = None, keepdim: bool = False) -> Tensor:
        """The length of x, or of the vectors or matrices along `axis`; the gradient at length 0 is 0."""

    def matrix_norm(self, keepdims: bool = False, ord: Any = 'fro') -> Tensor:
        """The norm of each matrix of x, whose last two axes they are."""

    def matrix_diagonal(self, offset: int = 0) -> Tensor:
        """The diagonal of each matrix (..., m, n), `offset` places to the right, as a new last axis."""

    def matrix_trace(self, offset: int = 0) -> Tensor:
        """The sum along the diagonal of each matrix (..., m, n), `offset` places to the right."""

    def quantile(self, q: Any, axis: Any = None, method: str = 'linear', keepdims: bool = False) -> Tensor:
        """The number that a share `q` (from 0 to 1, or several such) of the elements along `axis` does not exceed."""

    def nanquantile(self, q: Any, axis: Any = None, method: str = 'linear', keepdims: bool = False) -> Tensor:
        """quantile() of the elements that are not NaN."""

    def percentile(self, q: Any, axis: Any = None, method: str = 'linear', keepdims: bool = False) -> Tensor:
        """quantile() of `q` given from 0 to 100."""

    def nanpercentile(self, q: Any, axis: Any = None, method: str = 'linear', keepdims: bool = False) -> Tensor:
        """nanquantile() of `q` given from 0 to 100."""

    def average(self, axis: Any = None, weights: Any = None, keepdims: bool = False) -> Tensor:
        """The mean of the elements along `axis`, each counted as often as `weights` says: the shape of x, or one axis."""

    def nanprod(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Product of the elements along `axis` that are not NaN; the others have slope 0."""

    def nancumsum(self, axis: int | None = None) -> Tensor:
        """Running sum along `axis` that passes over NaN."""

    def nancumprod(self, axis: int | None = None) -> Tensor:
        """Running product along `axis` that passes over NaN."""

    def nanvar(self, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Tensor:
        """Variance of the elements along `axis` that are not NaN."""

    def nanstd(self, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Tensor:
        """Standard deviation of the elements along `axis` that are not NaN; slope 0 where all are equal."""

    def cov(self, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: float | None = None, fweights: Any = None, aweights: Any = None) -> Tensor:
        """The covariance of every two rows of x (and of y), whose columns are observations; of columns without rowvar."""

    def corrcoef(self, y: Any = None, rowvar: bool = True) -> Tensor:
        """The correlation, from -1 to 1, of every two rows of x (and of y); of columns without rowvar."""

    def trapezoid(self, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Tensor:
        """The area under straight lines through the points (x, y), along `axis`; without x they are `dx` apart."""

    def trapz(self, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Tensor:
        """The area under straight lines through the points (x, y), along `axis`; without x they are `dx` apart."""

    def cumulative_trapezoid(self, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Tensor:
        """trapezoid() up to each point but the first."""

    def cumulative_sum(self, axis: int | None = None, include_initial: bool = False) -> Tensor:
        """The sum of the elements up to each along `axis`, which a vector need not name; with 0 before them if asked."""

    def cumulative_prod(self, axis: int | None = None, include_initial: bool = False) -> Tensor:
        """The product of the elements up to each one along `axis`, as cumulative_sum(); with 1 before them if asked."""

    def trim_zeros(self, trim: str = 'fb', axis: Any = None) -> Tensor:
        """x without the zeros in front ("f") and behind ("b"), along each axis or those of `axis`."""

    def clamp_min(self, min: Any) -> Tensor:
        """x where it is above `min`, else min."""

    def clamp_max(self, max: Any) -> Tensor:
        """x where it is below `max`, else max."""

    def addmv(self, mat: Any, vec: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
        """beta * x + alpha * (mat @ vec)."""

    def addr(self, vec1: Any, vec2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
        """beta * x + alpha * (the outer product of two vectors)."""

    def addbmm(self, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
        """beta * x + alpha * (the sum of the products of the matrices of two batches)."""

    def rsub(self, y: Any, *, alpha: float = 1) -> Tensor:
        """y - alpha * x."""

    def sgn(self) -> Tensor:
        """The sign of each element: -1, 0 or 1."""

    def msort(self, descending: bool = False) -> Tensor:
        """x sorted along its first axis."""

    def mode(self, dim: int = -1, keepdim: bool = False) -> Any:
        """(the commonest element along an axis, the smallest of several; where it comes last)."""

    def unique_consecutive(self, return_inverse: bool = False, return_counts: bool = False, axis: int | None = None) -> Any:
        """x without the elements that equal the one before, of all of x or along an axis; no gradient."""

    def isin(self, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Any:
        """Whether each element is one of the others. No gradient."""

    def tensor_split(self, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
        """x cut into a number of parts, of which the first ones may be longer by one, or before each index given."""

    def narrow_copy(self, dim: int, start: int, length: int) -> Tensor:
        """The places start to start + length of an axis, in memory of their own."""

    def select_scatter(self, src: Any, dim: int, index: int) -> Tensor:
        """x with the entry `index` of an axis replaced by src."""

    def slice_scatter(self, src: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Tensor:
        """x with the places start to end of an axis, `step` apart, replaced by src."""

    def pinverse(self, rcond: float = 1e-15) -> Tensor:
        """The pseudo-inverse of a matrix."""

    def is_nonzero(self) -> bool:
        """Whether the one element of x is not 0."""

    def isneginf(self) -> Any:
        """Whether each element is -inf. No gradient."""

    def isposinf(self) -> Any:
        """Whether each element is inf. No gradient."""

    def signbit(self) -> Any:
        """Whether each element is negative, -0 too. No gradient."""

    def isreal(self) -> Any:
        """Whether each element is a real number. No gradient."""

    def bitwise_and(self, y: Any) -> Any:
        """and of whole numbers, bit by bit, or of booleans. No gradient."""

    def bitwise_or(self, y: Any) -> Any:
        """or of whole numbers, bit by bit, or of booleans. No gradient."""

    def bitwise_xor(self, y: Any) -> Any:
        """exclusive or of whole numbers, bit by bit, or of booleans. No gradient."""

    def gcd(self, y: Any) -> Any:
        """The greatest common divisor of whole numbers, bit by bit, or of booleans. No gradient."""

    def lcm(self, y: Any) -> Any:
        """The least common multiple of whole numbers, bit by bit, or of booleans. No gradient."""

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
    def __mod__(self, other: Operand) -> Tensor: ...
    def __rmod__(self, other: Operand) -> Tensor: ...
    def __imod__(self, other: Operand) -> Tensor: ...
    def __floordiv__(self, other: Operand) -> Tensor: ...
    def __rfloordiv__(self, other: Operand) -> Tensor: ...
    def __ifloordiv__(self, other: Operand) -> Tensor: ...
    def __pos__(self) -> Tensor: ...
    def __abs__(self) -> Tensor: ...
    @property
    def T(self) -> Tensor: ...
    @property
    def mT(self) -> Tensor: ...
