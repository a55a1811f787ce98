"""The page "Coming from PyTorch": what is spelled otherwise, and what is spelled alike and means something else."""

from __future__ import annotations

from grad_engine.core.define import DIFFERENT

# (PyTorch, here, what is silently different); what ops say of themselves comes from the table of ops.
ROWS = [
    ("`torch.autograd.grad(y, x)[0]`", "`ge.autograd.grad(y, x)[0]` or `ge.grad(y, x)`",
     "`ge.grad(y, x)` of one tensor x is the gradient itself, and `[0]` of that is its first row"),
    ("`values, indices = x.max(1)`, `x.max(1)[0]`", "`x.max(dim=1)` gives the pair, `x.max(axis=1)` the values alone",
     "`x.max(1)` is the values: to unpack or index it warns, its `.indices` are PyTorch's; so with min, median, sort"),
    ("`torch.tensor([1.0])` is float32", "float64, or `ge.set_default_dtype(ge.float32)` first",
     "the dtype of Python's floats, filled and random tensors, layers"),
    ("`torch.Tensor([1, 2])` is float32", "`torch.FloatTensor([1, 2])`, `ge.tensor([1.0, 2.0])`",
     "`ge.Tensor([1, 2])` keeps whole numbers, as np.array does: `x[0] = 0.5` writes 0"),
    ("`torch.gradient(x)` is a tuple", "`ge.gradient(x)` along one axis is one tensor",
     "`[0]` of that is its first element; it warns in a file with `import grad_engine as torch`"),
    ("`x32 * np.float64(2)`", "float32", "NumPy's float64 numbers are as weak as Python's beside tensors"),
    ("`torch.manual_seed(0)`", "`ge.manual_seed(0)`", "the numbers are those of NumPy's generator"),
    ("`torch.utils.data.DataLoader`", "`ge.utils.data.DataLoader`",
     "nothing; `ge.data.DataLoader(x, y)` is another, of batches of 32, shuffled unless told otherwise"),
    ("`F.pad(x, (1, 1))`", "`ge.nn.functional.pad(x, (1, 1))` or `ge.pad(x, ((0, 0), (1, 1)))`",
     "`ge.pad` is np.pad: widths of every axis, the first one first"),
    ("`x == y` is a tensor", "a NumPy array of booleans with `.float()`, `.long()` and so on", "nothing"),
    ("`x.size(0)`, `x.size()`", "the same; `x.size` alone is the number of elements, as in NumPy", "nothing"),
    ("`x.to('cuda')`, `device=`", "only `'cpu'`; any other device is an error", "nothing"),
    ("`torch.round(x, decimals=1)`, `sum(dim=, keepdim=)`", "`dim`, `keepdim` stand for `axis`, `keepdims`", "nothing"),
    ("`p.data.add_(q)`, `p.data -= q`", "the same",
     "`p.data` is a NumPy array with the methods of tensors; in a file with `import grad_engine as torch` its `max`, "  # noqa: ISC004
     "`sort`, `std` and `nonzero` are the tensor's too, else NumPy's"),
    ("`hook(grad)` of a tensor, hooks of modules", "the same", "nothing"),
    ("`_, predicted = x.max(1)`", "the same", "nothing: two names for what an axis by place gave are the pair"),
    ("`x.std(dim=0)`, `x.var(0, keepdim=True)`", "the same: with PyTorch's words they divide by the count − 1",
     "`x.std(0)` and `x.std()` divide by the count; in a file with `import grad_engine as torch` they warn"),
    ("`w = torch.randn(3, requires_grad=True)` as an attribute of a module", "the same",
     "it is a parameter of the module, as an nn.Parameter is"),
    ("`to_sparse()`, `torch.sparse_coo_tensor()`", "the same", "every tensor is dense; the numbers are the same"),
    ("`torch.func.vmap(f)`", "the same", "f is called for one entry of the batch after the other"),
    ("`rsample()` of Gamma, Beta, StudentT", "the same, some 80 times as slow", "nothing: slopes are exact here"),
    ("`rsample()` of Dirichlet", "the same", "the slope of one draw is another; the mean of many is the same"),
    ("`nn.LazyLinear(3)` before its first call", "its parameters have no elements", "`sum(p.numel() ...)` counts 0"),
    ("a second `backward()` of a sum of leaves", "always needs `retain_graph=True`", "nothing: it is an error"),
]  # fmt: skip

# Arguments that are the same wherever they are, and what stands for them here.
ARGUMENTS: list[tuple[tuple[str, ...], str]] = [
    (("device", "non_blocking", "pin_memory", "pin_memory_device", "memory_format", "layout", "names"),
     "there is one device and one layout; where device= is taken it is 'cpu'"),
    (("foreach", "fused", "capturable", "differentiable", "cudnn_enabled", "compute_mode"),
     "how PyTorch computes it; the result is the same"),
    (("prefetch_factor", "persistent_workers", "in_order"), "batches are made in this process, one after the other"),
    (("inplace",), "taken by layers and by nn.functional; x keeps its numbers all the same"),
    (("out",), "results are new tensors; write `y.copy_(f(x))` inside no_grad()"),
    (("dtype", "out_dtype"), "of sums, products and softmax: write `x.to(dtype)` first"),
    (("size_average", "reduce"), "PyTorch's old words; write `reduction=`"),
    (("maximize",), "write `-loss`"),
    (("decoupled_weight_decay",), "write AdamW for Adam"),
    (("sparse", "sparse_grad", "scale_grad_by_freq", "max_norm", "norm_type"),
     "gradients of look-ups are dense, and rows keep their length; write `w.data.renorm_` where that is wanted"),
]  # fmt: skip
_SMOOTH = "the pooled image is smoothed by no filter"
_KEYWORD = "by keyword in both, where it matters"
# name -> argument -> in which way it differs, or why it is not there; "order" for the places of those that are.
SIGNATURES: dict[str, dict[str, str]] = {
    "nn.ConvTranspose1d": {"padding_mode": "only zeros, as in PyTorch"},
    "nn.ConvTranspose2d": {"padding_mode": "only zeros, as in PyTorch"},
    "nn.LazyConvTranspose1d": {"padding_mode": "only zeros, as in PyTorch"},
    "nn.LazyConvTranspose2d": {"padding_mode": "only zeros, as in PyTorch"},
    "nn.Hardtanh": {"min_value": "min_val, as PyTorch says now", "max_value": "max_val, as PyTorch says now"},
    "nn.MultiheadAttention": {
        "add_bias_kv": "join a trained row to key and value", "add_zero_attn": "join a row of zeros to key and value",
        "kdim": "bring keys to embed_dim with a Linear first", "vdim": "bring values to embed_dim with a Linear first",
    },
    "nn.Parameter": {"data": "must be given"},
    "nn.ParameterList": {"values": "may be left out in both"},
    "nn.TransformerEncoderLayer": {"activation": "by name in the signature, the same function"},
    "nn.TransformerDecoderLayer": {"activation": "by name in the signature, the same function"},
    "nn.Transformer": {"activation": "by name in the signature, the same function"},
    "optim.Optimizer": {"defaults": "given as keywords: super().__init__(params, lr=lr)"},
    "optim.lr_scheduler.LambdaLR": {"lr_lambda": "also called factor"},
    "optim.lr_scheduler.OneCycleLR": {"three_phase": "always two phases, the default"},
    "nn.functional.huber_loss": {"weight": "multiply the losses of reduction='none'"},
    "nn.functional.l1_loss": {"weight": "multiply the losses of reduction='none'"},
    "nn.functional.mse_loss": {"weight": "multiply the losses of reduction='none'"},
    "nn.functional.interpolate": {"antialias": _SMOOTH},
    "nn.functional.grid_sample": {"align_corners": "None means False in both"},
    "utils.data.random_split": {"generator": "None is the one of manual_seed() in both"},
    "arctan2": {"order": "y comes first in both"},
    "atan2": {"order": "y comes first in both"},
    "argsort": {"stable": "always"},
    "sort": {"stable": "always; as a keyword it asks for PyTorch's pair"},
    "scatter": {"value": "may stand in the place of src", "reduce": "write scatter_reduce()"},
    "kthvalue": {"dim": "None means the last in both"},
    "diag_embed": {"diagonal": "called offset in both"},
    "diagonal": {"dim1": "0 in both"},
    "diagflat": {"offset": "called offset in PyTorch and k here"},
    "split": {"split_size_or_sections": "see below", "dim": "0 in both"},
    "divide": {"rounding_mode": "div() has it"},
    "vector_norm": {"order": "by place as in PyTorch: ord, dim, keepdim"},
    "matrix_norm": {"order": "by place as in PyTorch: ord", "dim": "the last two axes"},
    "norm": {"p": "None means the 2-norm of all elements in both"},
    "quantile": {"order": "method, PyTorch's interpolation, is the fourth"},
    "nanquantile": {"order": "method, PyTorch's interpolation, is the fourth"},
    "cov": {"correction": "None means 1 in both"},
    "nonzero": {"as_tuple": "see below"},
    "gradient": {"spacing": "distances follow x, as in NumPy"},
    "baddbmm": {"order": _KEYWORD},
    "batch_norm": {"order": "that of torch.nn.functional.batch_norm"},
    "pinv": {"rcond": "None means 1e-15 times the longer side, as in PyTorch's linalg.pinv"},
    "svd": {"some": "write full_matrices="},
    "qr": {"some": "write mode="},
    "lu": {"pivot": "always", "get_infos": "a matrix that is singular raises SingularError"},
    "topk": {"descending": "called largest in both"},
    "index_reduce": {"include_input": "called include_self in both"},
    "rms_norm": {"eps": "None means the machine's in both"},
    "where": {"x": "where(c) alone is nonzero(c)", "y": "where(c) alone is nonzero(c)"},
}  # fmt: skip

HEAD = """# Coming from PyTorch

Generated from the table of ops by `make stubs`. Names and signatures follow NumPy; what PyTorch calls otherwise is
known under its name too where it means the same (`x.view(2, -1)`, `torch.mm`, `x.add_(1)`, `sum(dim=1)`), and refused,
with our spelling in the message, where it does not. What runs and means something else stands below, and in `help()` of
the function; where it can be told from the call, there is a `SpellingWarning` with both meanings.

`import grad_engine as torch`, `import grad_engine.nn as nn` and `import grad_engine.nn.functional as F` carry most
lessons.

## Spelled alike, and different

| PyTorch | here | what is silently different |
| --- | --- | --- |
"""


def page() -> str:
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in ROWS]
    lines += ["", "## By function", "", "| function | in which way |", "| --- | --- |"]
    by_words: dict[str, list[str]] = {}
    for name, words in DIFFERENT.items():
        by_words.setdefault(words, []).append(name)
    lines += [f"| {', '.join(f'`{name}`' for name in names)} | {words}. |" for words, names in by_words.items()]
    lines += [
        "",
        "## By argument",
        "",
        "Defaults and names of arguments are compared with PyTorch's by the tests. Elsewhere",
    ]
    lines[-1] += " they are the same, and `dim`, `keepdim`,"
    lines += ["`input`, `other` and the like stand for `axis`, `keepdims`, `x`, `y`.", ""]
    lines += ["| arguments | here |", "| --- | --- |"]
    lines += [f"| {', '.join(f'`{name}`' for name in names)} | {words} |" for names, words in ARGUMENTS]
    lines += ["", "| function or layer | argument | here |", "| --- | --- | --- |"]
    for name, told in SIGNATURES.items():
        lines += [
            f"| `{name}` | {label if label == 'order' else f'`{label}`'} | {words} |" for label, words in told.items()
        ]
    return HEAD + "\n".join(lines) + "\n"
