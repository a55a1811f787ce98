"""PyTorch's own samples of its operators, run on the ops of the same meaning: values, first and second derivatives."""

from __future__ import annotations

import math
import sys
import types
import unittest
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

import grad_engine as ge
from tests.ops.torch_spelling import spelled

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    # The samples live in PyTorch's testing package, which needs this one for test cases of its own only.
    sys.modules.setdefault("expecttest", types.SimpleNamespace(TestCase=unittest.TestCase))  # type: ignore[arg-type]
    from torch.testing._internal.common_methods_invocations import op_db

OPERATORS: dict[str, Any] = {f"{op.name}|{op.variant_test_name}".rstrip("|"): op for op in op_db}


class PyTorchRefuses(Exception):
    """PyTorch itself does not do what its sample asks, so there is nothing to compare with."""


def samples(name: str, dtype: torch.dtype = torch.float64) -> Iterator[Any]:
    """PyTorch's samples of an operator; the same numbers every time."""
    op = OPERATORS[name]
    torch.manual_seed(0)
    yield from op.sample_inputs("cpu", dtype, requires_grad=op.supports_autograd)


def highest_order(name: str) -> int:
    """How often PyTorch can differentiate an operator, up to two times."""
    op = OPERATORS[name]
    return 0 if not op.supports_autograd else 2 if op.supports_gradgrad else 1


def compared(name: str, sample: Any, order: int) -> str:
    """What is different between PyTorch's operator and ours on a sample, as one line; "" when nothing is.

    The line starts with "refused", "raised", "value" or "gradient". Each derivative is taken of the ones before,
    weighted by the same random numbers. Raises PyTorchRefuses.
    """
    op, mine = OPERATORS[name], spelled(name)
    assert mine is not None, name
    made: dict[int, ge.Tensor] = {}
    first, *rest = translated([sample.input, *sample.args], made)
    keywords = {key: translated(value, made) for key, value in sample.kwargs.items()}
    given = list(_tensors([sample.input, sample.args, list(sample.kwargs.values())]))
    leaves = list({id(leaf): leaf for leaf in given if leaf.requires_grad}.values())
    own_leaves = [made[id(leaf)] for leaf in leaves]
    rough = any(t.dtype.is_floating_point and t.dtype.itemsize < 8 for t in given)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            expected = sample.output_process_fn_grad(op(_projected(op, sample.input), *sample.args, **sample.kwargs))
        except Exception as error:
            raise PyTorchRefuses(str(error)) from error
        try:
            got = sample.output_process_fn_grad(mine(_projected(op, first), *rest, **keywords))
            theirs, ours = _flat(expected), _flat(got)
            fault = _fault(ours, theirs, 2e-4 if rough else 1e-9)
            rng = np.random.default_rng(0)
            for step in range(1, order + 1):
                if fault:
                    break
                weights = [np.asarray(rng.standard_normal(tuple(part.shape)), _array(part).dtype) for part in theirs]
                recorded = [k for k, part in enumerate(theirs) if getattr(part, "requires_grad", False)]
                if not recorded:
                    break
                try:
                    parts = torch.autograd.grad(
                        [theirs[k] for k in recorded], leaves, [torch.tensor(weights[k]) for k in recorded],
                        create_graph=True, allow_unused=True,
                    )  # fmt: skip
                except RuntimeError as error:
                    if step > 1:  # not implemented there
                        break
                    raise PyTorchRefuses(str(error)) from error
                own_parts = _slopes([(ours[k], weights[k]) for k in recorded], own_leaves)
                theirs = [torch.zeros_like(t) if p is None else p for p, t in zip(parts, leaves, strict=True)]
                ours = [ge.zeros_like(x) if p is None else p for p, x in zip(own_parts, own_leaves, strict=True)]
                if fault := _fault(ours, theirs, (2e-3 if rough else 1e-9) * 10**step):
                    fault = f"gradient {step}: {fault}"
        except PyTorchRefuses:
            raise
        except ge.GradEngineError as error:
            return f"refused: {error}"
        except Exception as error:
            return f"raised {type(error).__name__}: {error}"
    return fault if not fault or fault.startswith("gradient") else f"value: {fault}"


def _projected(op: Any, x: Any) -> Any:
    """What PyTorch's gradient checks pass on where only some inputs make sense."""
    kind = op.gradcheck_wrapper.__name__
    return x + x.mT if "hermitian" in kind else x.log_softmax(2) if "ctc_loss" in kind else x


def translated(value: Any, made: dict[int, ge.Tensor]) -> Any:
    """A part of a sample with Tensors of ours in the place of PyTorch's; `made` remembers which is which."""
    if isinstance(value, torch.Tensor):
        if id(value) not in made:
            made[id(value)] = ge.tensor(value.detach().numpy().copy(), requires_grad=value.requires_grad)
        return made[id(value)]
    if isinstance(value, torch.Size):
        return tuple(value)
    if isinstance(value, list | tuple):
        return type(value)(translated(part, made) for part in value)
    return torch.empty(0, dtype=value).numpy().dtype if isinstance(value, torch.dtype) else value


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors(part)


def _flat(value: Any) -> list[Any]:
    return [part for each in value for part in _flat(each)] if isinstance(value, list | tuple) else [value]


def _array(value: Any) -> np.ndarray:
    if isinstance(value, torch.Tensor):
        return value.numpy(force=True)
    return np.asarray(value.data if isinstance(value, ge.Tensor) else value)


def _fault(ours: list[Any], theirs: list[Any], tolerance: float) -> str:
    """How two lists of results differ; a difference is measured against 1 plus the largest of what was expected."""
    if len(ours) != len(theirs):
        return f"{len(ours)} results, not {len(theirs)}"
    for k, (mine, other) in enumerate(zip(map(_array, ours), map(_array, theirs), strict=True)):
        if mine.shape != other.shape or mine.dtype.kind != other.dtype.kind:
            return f"{mine.dtype} {mine.shape}, not {other.dtype} {other.shape}"
        if mine.dtype.kind == "f" and mine.dtype != other.dtype:
            return f"{mine.dtype}, not {other.dtype}"
        finite = np.isfinite(other)
        same = np.array_equal(finite, np.isfinite(mine))
        same = same and np.array_equal(mine[~finite].astype(float), other[~finite].astype(float), equal_nan=True)
        off = np.abs(mine[finite].astype(float) - other[finite]).max(initial=0) if same else math.inf
        if off > tolerance * (1 + np.abs(other[finite]).max(initial=0)):
            return f"result {k} is off by {off:.1e}: {str(mine)[:300]} instead of {str(other)[:300]}"
    return ""


def _slopes(weighted: list[tuple[Any, np.ndarray]], leaves: list[ge.Tensor]) -> list[ge.Tensor | None]:
    """The gradients of the weighted sum of several results."""
    total = None
    for part, weight in weighted:
        if getattr(part, "requires_grad", False):
            each = (part * weight).sum()
            total = each if total is None else total + each
    return [None] * len(leaves) if total is None else ge.grad(total, leaves, create_graph=True, allow_unused=True)
