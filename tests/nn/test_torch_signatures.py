"""Signatures compared with PyTorch's by introspection: every argument and default, or the reason in the page."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import grad_engine as ge
from grad_engine.core.define import CALLS
from grad_engine.core.numpy_errors import TORCH_TO_NUMPY
from tests.pytorch_page import ARGUMENTS, SIGNATURES

torch = pytest.importorskip("torch")
EMPTY = inspect.Parameter.empty
MACHINE = {name for names, _ in ARGUMENTS for name in names}  # arguments that no function here has


def pairs() -> Iterator[tuple[str, Any, Any]]:
    """(name, ours, PyTorch's) of everything that is in both, under the first of its names."""
    from torch.overrides import get_testing_overrides

    seen = set()
    for room, ours, theirs in (
        ("nn", ge.nn, torch.nn), ("optim", ge.optim, torch.optim),
        ("optim.lr_scheduler", ge.optim.lr_scheduler, torch.optim.lr_scheduler), ("nn.init", ge.nn.init, torch.nn.init),
        ("nn.functional", ge.nn.functional, torch.nn.functional), ("nn.utils", ge.nn.utils, torch.nn.utils),
        ("utils.data", ge.utils.data, torch.utils.data),
    ):  # fmt: skip
        for name in dir(theirs):
            each = getattr(theirs, name)
            if not name.startswith("_") and callable(each) and hasattr(ours, name) and each not in seen:
                seen.add(each)
                yield f"{room}.{name}", getattr(ours, name), getattr(theirs, name)
    written = get_testing_overrides()  # functions in C have no signature of their own
    for name, call in CALLS.items():
        theirs = getattr(torch, name, None) or getattr(torch.linalg, name, None)
        if theirs in written and f"nn.functional.{name}" not in SIGNATURES:
            yield name, call, written[theirs]


def parameters(call: Callable[..., Any]) -> dict[str, Any]:
    found = inspect.signature(call).parameters.values()
    return {each.name: each for each in found if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)}


def differences(name: str, ours: Any, theirs: Any) -> list[str]:
    """In which way a call of PyTorch's would not be ours, apart from what the page says."""
    try:
        mine, others = parameters(ours), parameters(theirs)
    except (ValueError, TypeError):
        return []
    told = SIGNATURES.get(name, {})
    found, places = [], []
    function = name.rpartition(".")[0] in ("", "nn.functional")
    for place, (label, other) in enumerate(others.items()):
        if label in MACHINE or label in told or label.startswith("_"):
            continue
        own = next((each for each in (label, *TORCH_TO_NUMPY.get(label, ())) if each in mine), None)
        if own is None:
            if function and place < 3 and other.default is EMPTY:
                continue  # an operand, which has a name of its own and goes by place
            found.append(f"no {label}")
            continue
        if other.kind is not other.KEYWORD_ONLY and mine[own].kind is not other.KEYWORD_ONLY:
            places.append(own)
        before, after = other.default, mine[own].default
        if function and before is None and name.count(".") == 0:
            continue  # a stand-in of PyTorch's for a signature in C, which often says None for any default
        if before is not EMPTY and after is not EMPTY and before != after:
            found.append(f"{label}={after!r}, PyTorch has {before!r}")
        if before is not EMPTY and after is EMPTY:
            found.append(f"{label} must be given, PyTorch has {before!r}")
    order = [label for label in mine if label in places]
    if order != list(dict.fromkeys(places)) and "order" not in told:
        found.append(f"order {order}, PyTorch's is {places}")
    return found


def test_every_signature_is_pytorchs_or_in_the_page() -> None:
    compared = 0
    wrong = []
    for name, ours, theirs in pairs():
        compared += 1
        wrong += [f"{name}: {each}" for each in differences(name, ours, theirs)]
    assert not wrong, "\n".join(wrong)
    assert compared > 400


def test_the_page_names_only_what_differs() -> None:
    known = {name: (ours, theirs) for name, ours, theirs in pairs()}
    for name, told in SIGNATURES.items():
        assert name in known or f"nn.functional.{name}" in known, name
        if name in known:
            others = parameters(known[name][1])
            assert {*told} <= {*others, "order"}, name
