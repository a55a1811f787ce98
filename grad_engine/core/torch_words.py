"""What to write for names of PyTorch's that are not here: the words of AttributeErrors, and nothing else."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

_COMPLEX = (
    "complex numbers go through NumPy's functions: np.exp(1j * t), np.abs(z), np.angle(z); see the README on them"
)
_DENSE = "every tensor is dense; leave it out"
_QUANTIZED = "tensors are floats of 16, 32 or 64 bits; leave quantization out"
_ONE_DEVICE = "there is the CPU alone; leave it out"
_COMPILED = "leave it out, or write grad_engine.compile(f) for a function, its gradient or a training step"
_MIXED = "there is no mixed precision here; leave it out, and write model.float() for single precision"
_POOL = "write max_pool2d() or avg_pool2d()"
_ONE_PROCESS = "there is one process; write Python's own multiprocessing"

_NUMBERS = "keep the numbers in lists, and write print(grad_engine.progress.sparkline(losses)) for a curve"

# name -> what to write. A name may stand for a function, a method, a layer: it means the same wherever it is asked for.
WORDS: dict[str, str] = {
    "Adafactor": "write AdamW",
    "AdaptiveLogSoftmaxWithLoss": "write CrossEntropyLoss of all classes",
    "AdaptiveMaxPool3d": "write MaxPool3d",
    "adjoint": "write x.mT",
    "affine_grid_generator": "write nn.functional.affine_grid(theta, size)",
    "airy_ai": "write grad_engine.scipy.special.airy(x)[0]",
    "alpha_dropout": "write dropout()",
    "AlphaDropout": "write Dropout",
    "angle": "write np.angle(z), or np.arctan2(y, x)",
    "ao": _QUANTIZED,
    "apply_": "write x.copy_() of what NumPy makes of x.numpy()",
    "as_strided": "write np.lib.stride_tricks.sliding_window_view(x.numpy(), n)",
    "as_subclass": "hold a tensor in an attribute of your class",
    "ASGD": "write SGD and average the weights",
    "autocast": _MIXED,
    "bernoulli": "write bernoulli(x)",
    "bessel_j0": "write grad_engine.scipy.special.j0(x)",
    "bessel_j1": "write grad_engine.scipy.special.j1(x)",
    "bessel_y0": "write grad_engine.scipy.special.y0(x)",
    "bessel_y1": "write grad_engine.scipy.special.y1(x)",
    "bfloat16": "the shortest dtype is float16; write half() or float()",
    "biject_to": "write softplus() or exp()",
    "bincount": "write bincount(x)",
    "binomial": "write distributions.Binomial(n, p).sample()",
    "bitwise_left_shift": "write x.numpy() << n",
    "bitwise_right_shift": "write x.numpy() >> n",
    "Buffer": "write self.register_buffer(name, x)",
    "chain_matmul": "write linalg.multi_dot([x, y, z])",
    "chebyshev_polynomial_t": "write grad_engine.scipy.special.eval_chebyt(n, x)",
    "chebyshev_polynomial_u": "write grad_engine.scipy.special.eval_chebyu(n, x)",
    "cholesky_ex": "write linalg.cholesky(x), which raises SingularError",
    "cholesky_inverse": "write linalg.inv(L @ L.mT)",
    "cholesky_solve": "write cholesky_solve(b, L)",
    "clip_grad_norm": "write clip_grad_norm_(parameters, max_norm)",
    "clip_grads_with_norm_": "write clip_grad_norm_(parameters, max_norm)",
    "col_indices": _DENSE,
    "compile": "write grad_engine.compile(model)",
    "compiler": _COMPILED,
    "complex": _COMPLEX,
    "const_data_ptr": "write x.data_ptr()",
    "constraints": "pass validate_args=False where a parameter is out of bounds",
    "Container": "subclass Module",
    "conv_tbc": "write conv1d() of the axes in another order",
    "ConvTranspose3d": "write Upsample and Conv3d",
    "cross_entropy_loss": "write cross_entropy()",
    "CrossMapLRN2d": "write LocalResponseNorm",
    "crow_indices": _DENSE,
    "custom_bwd": _MIXED,
    "custom_fwd": _MIXED,
    "data_ptr": "write x.numpy().ctypes.data",
    "defaults": "see settings",
    "dequantize": _QUANTIZED,
    "dim_order": "leave it out: every array is in C order",
    "dirac_": "write w.data[i, i, k // 2] = 1 for each channel i",
    "DistributedDataParallel": _ONE_PROCESS,
    "distributed": _ONE_PROCESS,
    "DistributedSampler": _ONE_PROCESS,
    "eig": "write linalg.eig(x)",
    "Event": _ONE_DEVICE,
    "ExponentialFamily": "subclass Distribution",
    "export": "export_graph() writes the graph of a result",
    "eye": "write eye_()",
    "feature_alpha_dropout": "write dropout2d()",
    "FeatureAlphaDropout": "write Dropout2d",
    "fill": "write full_like(x, number)",
    "FisherSnedecor": "write the ratio of two Chi2 draws, each over its df",
    "fork": _ONE_PROCESS,
    "fork_rng": "write get_rng_state() first",
    "fractional_max_pool2d": _POOL,
    "FractionalMaxPool2d": _POOL,
    "frexp": "write np.frexp(x)",
    "frobenius_norm": "write linalg.norm(x)",
    "from_file": "write from_numpy(np.fromfile(...))",
    "frombuffer": "write from_numpy(np.frombuffer(...))",
    "functionalize": "leave it out",
    "fuse_conv_bn_eval": "write model.eval(): the two layers stay two",
    "fx": _COMPILED,
    "geqrf": "write linalg.qr(x)",
    "ger": "write outer(x, y)",
    "get_device": "write x.device, which is the CPU",
    "get_extra_state": "keep it as a buffer",
    "grad_dtype": "see x.grad.dtype",
    "GradScaler": _MIXED,
    "grid_sampler": "write nn.functional.grid_sample(x, grid)",
    "hermite_polynomial_h": "write grad_engine.scipy.special.eval_hermite(n, x)",
    "hermite_polynomial_he": "write grad_engine.scipy.special.eval_hermitenorm(n, x)",
    "histogram": "write np.histogram(x.detach().numpy())",
    "histogramdd": "write np.histogramdd(x.detach().numpy())",
    "householder_product": "write linalg.qr(x)",
    "hub": "build the model of grad_engine.nn, and load the state with load_state_dict()",
    "igamma": "write grad_engine.scipy.special.gammainc(a, x)",
    "igammac": "write grad_engine.scipy.special.gammaincc(a, x)",
    "index": "write x[places]",
    "initial_seed": "keep the number of manual_seed()",
    "inv_ex": "write linalg.inv(x), which raises SingularError",
    "invert_permutation": "write argsort(p)",
    "ipu": _ONE_DEVICE,
    "is_autocast_enabled": _MIXED,
    "is_inference": "write x.requires_grad",
    "is_pinned": _ONE_DEVICE,
    "is_same_size": "write x.shape == y.shape",
    "is_shared": _ONE_PROCESS,
    "istft": "write np.fft.irfft() and add up",
    "jit": _COMPILED,
    "laguerre_polynomial_l": "write grad_engine.scipy.special.eval_laguerre(n, x)",
    "layout": _DENSE,
    "ldexp": "write x * 2 ** n",
    "ldl_factor": "write linalg.cholesky(x) or linalg.eigh(x)",
    "ldl_solve": "write linalg.solve(a, b)",
    "legendre_polynomial_p": "write grad_engine.scipy.special.eval_legendre(n, x)",
    "linear_cross_entropy": "write cross_entropy(linear())",
    "linearize": "write func.jvp(f, (x,), (v,))",
    "LKJCholesky": "write a Cholesky factor of your own",
    "lobpcg": "write linalg.eigh(x)",
    "LogisticNormal": "write softmax() of a Normal's draws",
    "LowRankMultivariateNormal": "write MultivariateNormal(loc, W @ W.mT + diag(d))",
    "lp_pool1d": "write avg_pool1d(x ** p, k) ** (1 / p) * k",
    "lp_pool2d": "write (avg_pool2d(x ** p, k) * k * k) ** (1 / p)",
    "LPPool1d": "write avg_pool1d(x ** p, k)",
    "LPPool2d": "write (F.avg_pool2d(x ** p, k) * k * k) ** (1 / p)",
    "lstsq": "write linalg.lstsq(a, b)",
    "lu_factor": "write linalg.lu(x), which gives P, L and U",
    "lu_solve": "write linalg.solve(a, b)",
    "lu_unpack": "write linalg.lu(x), which gives P, L and U",
    "map2_": "write x.copy_() of what NumPy makes",
    "map_": "write x.copy_() of what NumPy makes of x.numpy()",
    "masked": "write where(mask, x, 0) or masked_fill()",
    "modified_bessel_i0": "write grad_engine.scipy.special.i0(x)",
    "modified_bessel_i1": "write grad_engine.scipy.special.i1(x)",
    "modified_bessel_k0": "write grad_engine.scipy.special.k0(x)",
    "modified_bessel_k1": "write grad_engine.scipy.special.k1(x)",
    "mtia": _ONE_DEVICE,
    "multinomial": "write multinomial(x, n)",
    "multiprocessing": _ONE_PROCESS,
    "Muon": "write AdamW",
    "nested": "write nn.utils.rnn.pad_sequence() and a mask",
    "new": "write x.new_zeros(shape)",
    "nextafter": "write np.nextafter(x.numpy(), y)",
    "NLLLoss2d": "write NLLLoss, for any axes",
    "norm_except_dim": "write linalg.vector_norm(x, dim=)",
    "nuclear_norm": "write linalg.norm(x, 'nuc')",
    "onnx": "export_graph() writes the graph of a result",
    "orgqr": "write linalg.qr(x)",
    "ormqr": "write linalg.qr(x)",
    "output_nr": "see grad_fn",
    "pca_lowrank": "write linalg.svd(x - x.mean(0), full_matrices=False)",
    "pin_memory": _ONE_DEVICE,
    "polar": "write r * np.exp(1j * phi)",
    "profiler": "write Python's cProfile, or examples/_training.py",
    "put": "write x.index_put(places, values)",
    "qscheme": _QUANTIZED,
    "quantization": _QUANTIZED,
    "quantize_per_tensor": _QUANTIZED,
    "range": "write arange(start, end + step, step)",
    "record_stream": _ONE_DEVICE,
    "register_load_state_dict_post_hook": "look at what load_state_dict() gave",
    "register_load_state_dict_pre_hook": "change the state before load_state_dict()",
    "register_state_dict_post_hook": "change what state_dict() gave",
    "register_state_dict_pre_hook": "change what state_dict() gave",
    "register_step_post_hook": "write it after step()",
    "register_step_pre_hook": "write it in front of step()",
    "reinforce": "write distributions and -log_prob(action) * reward",
    "resize": "write x.reshape(shape)",
    "resize_as_": "write x.reshape(y.shape)",
    "retains_grad": "write x.grad is not None",
    "RNNBase": "subclass RNN, LSTM or GRU",
    "RNNCellBase": "subclass RNNCell, LSTMCell or GRUCell",
    "Rprop": "write RMSprop",
    "RReLU": "write LeakyReLU",
    "rrelu": "write leaky_relu()",
    "scalar_tensor": "write tensor(number)",
    "scaled_modified_bessel_k0": "write grad_engine.scipy.special.k0e(x)",
    "scaled_modified_bessel_k1": "write grad_engine.scipy.special.k1e(x)",
    "segment_reduce": "write scatter_reduce()",
    "set_": "write x.data = y.data, or copy_()",
    "set_extra_state": "keep it as a buffer",
    "set_submodule": "write setattr(parent, name, module)",
    "share_memory": _ONE_PROCESS,
    "share_memory_": _ONE_PROCESS,
    "skip_init": "write the layer itself",
    "SoftmaxTransform": "write softmax()",
    "solve": "write linalg.solve(a, b)",
    "solve_ex": "write linalg.solve(a, b)",
    "sparse_": "write normal_() and set entries to 0",
    "sparse_csr_tensor": "write sparse_coo_tensor()",
    "sparse_dim": _DENSE,
    "sparse_mask": "write where(mask, x, 0)",
    "SparseAdam": "gradients are dense; write Adam",
    "spherical_bessel_j0": "write sinc(x / pi)",
    "split_with_sizes": "write x.split(split_size=[2, 1])",
    "stack_module_state": "write func.functional_call(model, state, x) for each model",
    "state": "see state_dict()",
    "stft": "write np.fft.rfft(x.unfold(-1, n_fft, hop_length) * window)",
    "stick_breaking": "write softmax()",
    "StickBreakingTransform": "write softmax()",
    "SummaryWriter": _NUMBERS,
    "tensorboard": _NUMBERS,
    "storage": "write x.numpy(), which shares memory",
    "storage_offset": "write x.numpy(), which shares memory",
    "Stream": _ONE_DEVICE,
    "sum_to_size": "write x.sum(dim=, keepdim=True)",
    "svd_lowrank": "write linalg.svd(x, full_matrices=False)",
    "swap_in_optimizer_params_and_state": "write load_state_dict()",
    "symeig": "write linalg.eigh(x)",
    "SyncBatchNorm": "write BatchNorm2d: there is one process; write Python's own multiprocessing",
    "to_dlpack": "write from_dlpack(x)",
    "to_empty": "every layer is on the CPU; write model.apply() of a function that sets its weights",
    "to_mkldnn": _ONE_DEVICE,
    "to_sparse_coo": _DENSE,
    "to_sparse_csr": _DENSE,
    "transform_to": "write softplus() or exp()",
    "triangular_solve": "write linalg.solve_triangular(a, b, upper=)",
    "TripletMarginWithDistanceLoss": "write relu(d(a, p) - d(a, n) + margin).mean()",
    "typename": "write type(x).__name__",
    "UninitializedBuffer": "write a lazy layer, such as LazyBatchNorm1d",
    "UninitializedParameter": "write a lazy layer, such as LazyLinear",
    "unpack_sequence": "write pad_packed_sequence()",
    "untyped_storage": "write x.numpy(), which shares memory",
    "upsample": "write interpolate(x, scale_factor=2)",
    "upsample_bilinear": "write interpolate(x, scale_factor=2, mode='bilinear', align_corners=True)",
    "upsample_nearest": "write interpolate(x, scale_factor=2)",
    "view_as_complex": "write x[..., 0] + 1j * x[..., 1]",
    "view_as_real": "write stack([z.real, z.imag], -1)",
    "wait": _ONE_PROCESS,
    "while_loop": "write a loop of Python's, or scan() in a compiled function",
    "xpu": _ONE_DEVICE,
}

# Beginnings and ends of names that all mean one thing.
_KINDS: list[tuple[str, str]] = [
    (r"(c?complex\d*|c(half|float|double)|.*conj(_physical)?_?|is_conj|is_neg|resolve_.*)", _COMPLEX),
    (r"(quantized?_.*|q(u?int\d.*)|q_.*|fake_quantize.*|int_repr|is_quantized)", _QUANTIZED),
    (r"(cudnn|miopen|mkldnn|fbgemm|_?native)_.*|is_(mps|xla|xpu|ipu|meta|vulkan|mtia|maia|mkldnn|cpu)", _ONE_DEVICE),
    (r"(get|set|is|clear)_autocast.*|autocast_.*", _MIXED), (r".*sparse.*|dense_dim|.*_indices", _DENSE),
    (r"float8_.*|float4_.*|u?int[1-7]|bits.*|q?scheme", "dtypes are NumPy's, such as float16, int8, uint8; choose one"),
    (r".*Storage|.*_storage", "write x.numpy(), which shares memory"), (r"Script.*|.*Type", _COMPILED),
    (r"unsafe_(chunk|split).*", "write chunk() or split()"),
]  # fmt: skip

NO_WORDS = "for what it has"  # ends the message where nothing is known of the name


def missing(owner: str, name: str, known: Iterable[str], elsewhere: Iterable[tuple[str, Iterable[str]]] = ()) -> str:
    """The message of an AttributeError for a `name` that `owner` lacks.

    known: the names that it has. elsewhere: (how a place is written, its names), looked through for the same name.
    """
    known = [*known]
    shown = f"dir({owner})" if owner.isidentifier() or "." in owner else "dir(x)"
    if name in WORDS:
        return f"{owner} has no {name!r}; {WORDS[name]}"
    for place, names in elsewhere:
        if name in names:
            return f"{owner} has no {name!r}; write {place}.{name}"
    plain = name.removesuffix("_")
    if name.endswith("_copy") and name.removesuffix("_copy") in known:
        return f"{owner} has no {name!r}; write {name.removesuffix('_copy')}(...).clone()"
    if name != plain and plain in known:
        return f"{owner} has no {name!r}; write x = {plain}(x), or x.copy_({plain}(x)) inside no_grad()"
    if f"{name}_" in known:
        return f"{owner} has no {name!r}; write {name}_()"
    for pattern, words in _KINDS:
        if re.fullmatch(pattern, name):
            return f"{owner} has no {name!r}; {words}"
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
    if not near:
        lower = {each.lower(): each for each in known}
        near = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.8)
        near = [lower[each] for each in near]
    if near:
        return f"{owner} has no {name!r}; write {near[0]}, or see {shown}"
    return f"{owner} has no {name!r}; see {shown} {NO_WORDS}"


class Missing:
    """An attribute of PyTorch's that a class here has not: asking for it raises AttributeError with the way out."""

    __slots__ = ("name", "owner")

    def __init__(self, owner: str, name: str) -> None:
        self.owner, self.name = owner, name

    def __get__(self, instance: object, kind: type | None = None) -> NoReturn:
        known = [name for name, value in vars(kind).items() if type(value) is not Missing] if kind else []
        raise AttributeError(missing(self.owner, self.name, known))


class Room(ModuleType):
    """Things of PyTorch's that stand together under one name, such as `torch.cuda.amp`, which can be imported too."""

    def __init__(self, owner: str, things: Mapping[str, Any]) -> None:
        super().__init__(owner)
        self.__dict__.update(things, _owner=owner)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            if name.startswith("__"):
                raise AttributeError(f"{self._owner} has no {name!r}")
            raise AttributeError(missing(self._owner, name, vars(self)))

    else:

        def __getattr__(self, name: str) -> Any: ...
