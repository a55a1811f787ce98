"""Every public function of NumPy and SciPy that takes an array: the right derivative, or an error in words.

The lists are those of the libraries themselves. Each function is called in many ways with arrays; of the ways that it
takes, a few are tried with a tensor, and compared with central differences along one direction. Nothing may lose the
history in silence, and nothing may fail with an error that is not ours.
"""

from __future__ import annotations

import importlib
import types
import warnings
import zlib
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.ops.complex_numbers import ComplexTensor

RNG = np.random.default_rng(12)
VECTOR = np.array([0.31, 0.87, 0.52, 0.66])
ROOT = RNG.uniform(0.2, 0.9, (3, 3))
MATRIX = ROOT @ ROOT.T + np.diag([1.0, 1.5, 2.2])  # symmetric, and so is the direction in which it is moved
BASES = {"vector": VECTOR, "matrix": MATRIX, "number": np.array(0.6), "cube": RNG.uniform(0.2, 0.9, (2, 3, 4))}
Call = Callable[[Any, Any, Any], Any]

WAYS: dict[str, Call] = {
    "f(x)": lambda f, x, c: f(x), "f(x, y)": lambda f, x, c: f(x, 0.7 * x + 0.1), "f(x, c)": lambda f, x, c: f(x, c),
    "f(c, x)": lambda f, x, c: f(c, x), "f(x, 2)": lambda f, x, c: f(x, 2), "f(x, 0.5)": lambda f, x, c: f(x, 0.5),
    "f(2, x)": lambda f, x, c: f(2, x), "f(1.5, x)": lambda f, x, c: f(1.5, x), "f([x, c])": lambda f, x, c: f([x, c]),
    "f((x, x))": lambda f, x, c: f((x, 2 * x)), "axis=0": lambda f, x, c: f(x, axis=0),
    "axis=-1, keepdims": lambda f, x, c: f(x, axis=-1, keepdims=True), "f(x, c, c)": lambda f, x, c: f(x, c, 0.5 * c),
    "f(c, x, x)": lambda f, x, c: f(c, x, 0.3 * x + 0.2), "f(2, 3, x)": lambda f, x, c: f(2, 3, x),
    "f(1.5, 2.5, x)": lambda f, x, c: f(1.5, 2.5, x), "f(1.5, 2.5, 3.5, x)": lambda f, x, c: f(1.5, 2.5, 3.5, x),
    "f(x, 1.5, 2.5)": lambda f, x, c: f(x, 1.5, 2.5), "f(x, [0, 1])": lambda f, x, c: f(x, [0, 1]),
    "f(c > 0.5, x, 1)": lambda f, x, c: f(c > 0.5, x, 1.0), "f(sum, 0, x)": lambda f, x, c: f(np.sum, 0, x),
    "f(range, x)": lambda f, x, c: f(np.arange(1.0, len(c) + 1), x), "f([x0, x1])": lambda f, x, c: f([x[0], x[1]]),
}  # fmt: skip
MODULES = [
    "numpy", "numpy.linalg", "numpy.fft", "numpy.polynomial.polynomial", "numpy.polynomial.chebyshev", "scipy.special",
    "scipy.linalg", "scipy.fft", "scipy.integrate", "scipy.interpolate", "scipy.signal", "scipy.ndimage",
    "scipy.spatial.distance", "scipy.stats",
]  # fmt: skip
MOST = 4  # ways that are tried of one function
# What writes files, reads memory, changes settings or never ends, and what is no function of numbers.
LEFT_OUT = {
    "numpy": {
        "DataSource", "fromfile", "frombuffer", "genfromtxt", "info", "load", "loadtxt", "memmap", "save", "savetxt",
        "savez", "savez_compressed", "seterr", "seterrcall", "set_printoptions", "setbufsize", "test", "empty_like",
        "empty", "show_config", "show_runtime", "fromregex", "nditer", "broadcast", "bmat", "from_dlpack",
    },
    "numpy.linalg": {"test"}, "numpy.fft": {"test"}, "scipy.fft": {"set_workers", "set_backend", "test"},
    "scipy.signal": {"test", "wiener"},  # 0/0 in the branch that is not taken
    # These look whether x is an ndarray, and read a matrix of coefficients in another way where it is none: gotchas.md.
    "numpy.polynomial.polynomial": {"polygrid2d", "polygrid3d"},
    "numpy.polynomial.chebyshev": {"chebgrid2d", "chebgrid3d"},
    "scipy.special": {"test", "seterr", "errstate"}, "scipy.linalg": {"test"},
    "scipy.ndimage": {"test", "distance_transform_cdt"},  # SciPy crashes
    "scipy.spatial.distance": {"test", "jensenshannon"},  # f(2, 3, x) is the root of 0
    "scipy.stats": {"test"},
    "scipy.integrate": {"test", "quad_vec", "nquad", "dblquad", "tplquad", "cubature", "qmc_quad", "nsum", "tanhsinh"},
}  # fmt: skip


def functions(module: str) -> dict[str, Any]:
    """The public callables of a module that are no types of numbers and no errors."""
    room = importlib.import_module(module)
    names = getattr(room, "__all__", None) or dir(room)
    found = {}
    for name in names:
        value = getattr(room, name, None)
        if name.startswith("_") or name in LEFT_OUT.get(module, set()) or not callable(value):
            continue
        if module == "scipy.special" and ("zeros" in name or "roots" in name):
            continue  # zeros and nodes, by how many there are; some crash for arrays
        if isinstance(value, types.ModuleType) or (
            isinstance(value, type) and issubclass(value, Exception | np.generic)
        ):
            continue
        found[name] = value
    return found


def leaves(out: Any) -> Iterator[Any]:
    """The arrays and tensors of a result, of which some functions have several."""
    if isinstance(out, tuple | list):
        for part in out:
            yield from leaves(part)
    elif isinstance(out, ge.Tensor | ComplexTensor | np.ndarray | int | float | complex | np.generic):
        yield out


def total(out: Any) -> Any:
    """A sum of all floating-point numbers of a result, each with a weight of its own; complex ones by their parts."""
    sums: Any = 0.0
    for place, part in enumerate(leaves(out)):
        whole = part if isinstance(part, ge.Tensor | ComplexTensor) else np.asarray(part)
        if whole.dtype.kind not in "fc":
            continue
        weights = np.cos(np.arange(whole.size) + place).reshape(whole.shape) + 1.3
        for each in (whole.real, whole.imag) if whole.dtype.kind == "c" else (whole,):
            sums = sums + np.sum(each * weights)
    return sums


def taken(function: Any) -> Iterator[tuple[str, Call, str]]:
    """The ways in which a function takes an array and gives finite floats, the same on every call."""
    for base, x in BASES.items():
        for way, call in WAYS.items():
            try:
                out = call(function, x.copy(), 0.7 * x + 0.1)
                value = float(total(out))
                again = float(total(call(function, x.copy(), 0.7 * x + 0.1)))
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                continue
            if (
                np.isfinite(value)
                and again == value
                and any(np.asarray(part).dtype.kind in "fc" for part in leaves(out))
            ):
                yield way, call, base


def fault(function: Any, call: Call, base: str) -> str:
    """What is wrong with the derivative of one call; "" where it is right or refused in words."""
    x = BASES[base]
    rng = np.random.default_rng(1)  # the same step for all
    along = rng.uniform(0.5, 1.5, x.shape)
    along = along + along.T if base == "matrix" else along
    step = 1e-6
    try:
        ahead, behind = (float(total(call(function, np.asarray(x + s * step * along), 0.7 * x + 0.1))) for s in (1, -1))
    except (ValueError, TypeError):  # a count or a list of places, which may not be moved
        return ""
    slope = (ahead - behind) / (2 * step)

    def differentiated(x: Any) -> Any:
        value = total(call(function, x, 0.7 * BASES[base] + 0.1))  # anew: some functions write into it
        return value if isinstance(value, ge.Tensor) else ge.tensor(value) + 0.0 * np.sum(x)

    try:
        share = ge.grad(differentiated)(x.copy())
    except ge.GradEngineError as error:
        return "" if len(str(error)) > 20 else f"refused without words: {error}"
    except Exception as error:
        return "" if "Tensor" in str(error) else f"{type(error).__name__}: {error}"
    found = float((share * along).sum())
    if not np.isfinite(slope) or abs(slope) > 1e5:
        return ""
    return "" if abs(found - slope) <= 1e-4 * (1 + abs(slope)) else f"{found:.6g} where differences give {slope:.6g}"


@pytest.mark.parametrize("module", MODULES)
def test_every_function_has_the_right_derivative_or_says_why_not(module: str) -> None:
    pytest.importorskip(module.split(".")[0])
    faults, tried = [], 0
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for name, function in functions(module).items():
            ways = list(taken(function))
            order = np.random.default_rng(zlib.crc32(name.encode())).permutation(len(ways))
            for i in order[:MOST]:
                way, call, base = ways[i]
                tried += 1
                if wrong := fault(function, call, base):
                    faults.append(f"{module}.{name}, {way} of a {base}: {wrong}")
    assert not faults, "\n".join(faults)
    assert tried > 5


TWINS = [module for module in MODULES if module.startswith("scipy.")] + ["scipy.optimize"]
# Another triangle, signs of vectors, equal eigenvalues of two matrices: other tests compare what is meant.
CHOOSES = {"cho_factor", "eigh", "eigvalsh", "svd"}
ARGUMENTS = ("argument", "missing", "positional", "keyword")  # of a call that a twin has no parameter for


@pytest.mark.parametrize("module", TWINS)
def test_every_twin_gives_scipys_value_and_the_right_derivative_or_says_why_not(module: str) -> None:
    pytest.importorskip("scipy")
    room = attrgetter(module)(ge)
    faults = []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for name, theirs in functions(module).items():
            ours = getattr(room, name, None)
            if ours is None or not str(getattr(ours, "__module__", "")).startswith("grad_engine"):
                continue
            for way, call, base in taken(theirs):
                if "c > 0.5" in way or name in CHOOSES:
                    continue  # SciPy adds up booleans as "or"
                x = BASES[base]
                expected = total(call(theirs, x.copy(), 0.7 * x + 0.1))
                try:
                    found = total(call(ours, ge.tensor(x), 0.7 * x + 0.1))
                except ge.GradEngineError:
                    continue
                except TypeError as error:
                    if any(word in str(error) for word in ARGUMENTS):
                        continue
                    raise AssertionError(f"{module}.{name}, {way} of a {base}: {error}") from error
                found = found.item() if isinstance(found, ge.Tensor) else found
                if not np.isclose(found, expected, rtol=1e-6, atol=1e-8):
                    faults.append(f"{module}.{name}, {way} of a {base}: {found:.6g} where SciPy gives {expected:.6g}")
                elif wrong := fault(ours, call, base):
                    faults.append(f"{module}.{name}, {way} of a {base}: {wrong}")
    assert not faults, "\n".join(faults)
