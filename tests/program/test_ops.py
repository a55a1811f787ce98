"""Every op of the table, compiled: forward and backward, on two sets of numbers, with each pass and without it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.op import OPS, Op
from grad_engine.program import passes
from grad_engine.program.code import Code
from grad_engine.program.steps import CHECK
from grad_engine.program.traced_call import traced_call
from tests.program.op_calls import filled, value_and_gradients
from tests.samples import cases
from tests.support import normal

# Ops that stay whole, as one call of the engine, and why. All others become calls of NumPy and SciPy.
WHOLE = {
    "digamma": "SciPy's polygamma branches on numbers", "polygamma": "the same",
    "matrix_exp": "chooses how often it squares from the norm", "embedding": "sorts its indices into runs",
    "embedding_weight": "the same", "one_hot": "counts the classes, unless it is told how many there are",
    "dropout": "draws anew at each run, where it has no seed", "repeat": "where the counts are an argument",
    "index_put": "where the index is an argument", "logm": "SciPy's function", "sqrtm": "the same",
    "lambertw": "SciPy's function is complex on the way", "fourier": "the same of NumPy's",
    "sparse_matmul": "counts with np.bincount", "voigt_profile": "SciPy's function is complex on the way",
    "voigt_dispersion": "the same", "stdtr": "the slope by a parameter looks at its numbers", "stdtrit": "the same",
    "gammainc": "the same", "gammaincc": "the same", "gammaincinv": "the same", "gammainccinv": "the same",
    "betainc": "the same", "betaincc": "the same", "betaincinv": "the same", "betainccinv": "the same",
    "eig": "complex on the way, from NumPy 2.5 on",
}  # fmt: skip


EVERY = [(op, i) for op in OPS.values() for i in range(len(cases(op)))]
NAMES = [f"{op.name}-{i}" for op, i in EVERY]


def arrays(tensors: list[ge.Tensor]) -> list[np.ndarray]:
    return [np.asarray(each.data) for each in tensors]


def assert_same(found: list[np.ndarray], expected: list[np.ndarray], exact: bool, what: str = "") -> None:
    assert [x.shape for x in found] == [x.shape for x in expected]
    assert [x.dtype for x in found] == [x.dtype for x in expected]
    for one, other in zip(found, expected, strict=True):
        if exact:
            np.testing.assert_array_equal(one, other, err_msg=what)
        else:
            np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-12, err_msg=what)


@pytest.mark.parametrize(("op", "i"), EVERY, ids=NAMES)
def test_compiled_equals_eager(op: Op, i: int) -> None:
    """Bit by bit when exact, and to the last digits with what changes bits; then once more with other numbers."""
    run = value_and_gradients(op, cases(op)[i])
    exact, quick = ge.compile(run, exact=True), ge.compile(run)
    for seed in (0, 1):
        operands = filled(op, cases(op)[i], seed)
        expected = arrays(run(operands))
        assert_same(arrays(exact(operands)), expected, exact=True)
        assert_same(arrays(quick(operands)), expected, exact=False)
    assert quick._latest is not None
    steps = quick._latest.call.program.steps
    assert all(step.op for step in steps if step.kind is CHECK), "name the question: asks() of core/stand_ins.py"
    for tensor in run(filled(op, cases(op)[i], 2)):  # no stand-in is left behind in the engine
        assert type(tensor.array) is np.ndarray


@pytest.mark.parametrize(("op", "i"), EVERY, ids=NAMES)
def test_every_pass_can_be_left_out(op: Op, i: int) -> None:
    run = value_and_gradients(op, cases(op)[i])
    operands = filled(op, cases(op)[i], 0)
    expected = arrays(run(operands))
    call = traced_call(run, [operands], {}, ["operands"], ())
    given = [eval(part.path, {}, {"p0": operands}) for part in call.arguments.parts]
    given = [getattr(x, "data", x) if type(x) is ge.Tensor else x for x in given]
    given += [source.slot.get() if source.slot else source.fixed for source in call.state.sources]
    for left_out in (None, *passes.PASSES):
        names = set(passes.PASSES) - {left_out}
        program = passes.run(call.program, names)
        function = Code(program).function()
        found = returned(function, given, len(program.outputs))
        if found is not None:
            assert_same(found, expected, exact=False, what=f"without {left_out}")


def returned(function: Any, given: list[Any], count: int) -> list[np.ndarray] | None:
    """The outputs; None where Python's arithmetic refused the numbers, and the program without it would run."""
    try:
        found = function(*given)
    except (ArithmeticError, ValueError):
        return None
    return [np.asarray(x) for x in (found if count > 1 else (found,))]


def test_most_ops_become_calls_of_numpy_and_scipy() -> None:
    """The others are named here with the reason, and the program of each says so too."""
    whole = {}
    for op in OPS.values():
        for each in cases(op):
            lowered = ge.compile(value_and_gradients(op, each)).lower(filled(op, each, 0))
            whole |= {name.removeprefix("gradient of "): reason for name, reason in lowered.reasons.items()}
            assert lowered.standalone or lowered.reasons
    assert whole.keys() <= WHOLE.keys()
    assert len(OPS) - len(whole) >= 210
    assert all(whole.values())


@pytest.mark.parametrize(("count", "whole"), [(2, False), (300, True)])
def test_a_convolution_in_many_parts_is_one_call(count: int, whole: bool) -> None:
    """It works on as many images at a time as stay in the cache, and each part would stand in the program."""
    k, x = normal(8, 4, 3, 3), normal(count, 4, 12, 12)
    lowered = ge.compile(lambda k: ge.value_and_grad(lambda k: (ge.conv2d(x, k, padding=1) ** 2).sum(), k)).lower(k)
    assert bool(lowered.reasons) == whole
    assert len(lowered.program.steps) < 60
