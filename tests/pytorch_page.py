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
     "`p.data` is a NumPy array with the methods of tensors: its own, such as `std()`, mean what they mean in NumPy"),
    ("`hook(grad)` of a tensor, forward hooks of modules", "the same", "nothing"),
    ("a second `backward()` of a sum of leaves", "always needs `retain_graph=True`", "nothing: it is an error"),
]  # fmt: skip

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
    return HEAD + "\n".join(lines) + "\n"
