"""Which function of SciPy or NumPy a tensor was given to, for the message that refuses to lose its history there."""

from __future__ import annotations

import importlib
import sys
from types import FrameType

# Packages whose functions make arrays of what they get -> the package that has twins of them, under the same names.
TWINS = {"scipy": "grad_engine.scipy", "numpy.polynomial": "grad_engine.polynomial"}

# Packages that make arrays of what they get and have no twins -> what to write instead.
_WAYS_OUT = {
    "numpy.ma": "a masked array has no place for gradients, leave entries out with r[~mask], or with "
    "np.where(mask, 0, r) before anything makes NaN of them: ",
    "pandas": "pandas makes arrays of what its methods are given, write df.to_numpy() @ t for df @ t: ",
}
_ROOMS = {"linalg", "distance", "transform"}  # packages inside those of SciPy: scipy.spatial.distance


def twin_of_caller() -> str:
    """What to say of a function that is running and takes arrays only: where its twin is, if there is one.

    "" where the user's own function asks, even one that SciPy called: least_squares(f, jac=ge.jacobian(f)).
    """
    called = ""
    frame: FrameType | None = sys._getframe(1)
    if (way_out := _way_out(frame)) is not None:
        return way_out
    while frame is not None and _is_library(frame, bool(called)):
        called = _called(frame) or called  # the outermost one wins: the one that was called
        frame = frame.f_back
    if not called:
        return ""
    if called == "numpy.vectorize":
        return "np.vectorize(f) takes arrays only, call grad_engine.vectorize(f) on tensors: "
    package = next(each for each in TWINS if called.startswith(each + "."))
    twin = called.removeprefix(package + ".").split(".")
    if package == "numpy.polynomial":
        twin = twin[-1:]  # names differ from family to family there, so the twins need no families
    place: object = importlib.import_module(TWINS[package])
    for part in twin:
        place = getattr(place, part, None)
    if not str(getattr(place, "__module__", None) or type(place).__module__).startswith("grad_engine"):
        return (
            f"{called}() takes arrays only and has no twin in {TWINS[package]}; compose it of NumPy's functions, or "
            "give its derivative with ge.Function: "
        )
    return f"{called}() takes arrays only, call {'.'.join([TWINS[package], *twin])}() on tensors: "


def _is_library(frame: FrameType, is_found: bool) -> bool:
    """Whether a frame may stand between a tensor and the function of SciPy or NumPy that a user called.

    Python's own modules may: SciPy's decorators go through functools and contextlib. The engine may before a function
    `is_found`, as what the tensor itself runs; above one it is a derivative or a twin, which was called by the user.
    """
    root = str(frame.f_globals.get("__name__")).split(".")[0]
    if root == "grad_engine":
        return not is_found
    return root in ("numpy", "scipy") or root in sys.stdlib_module_names


def _way_out(frame: FrameType | None) -> str | None:
    """What to write instead where one of the packages without twins asks, by whatever functions of NumPy's."""
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        for package, way_out in _WAYS_OUT.items():
            if module == package or module.startswith(package + "."):
                return way_out
        if module.split(".")[0] not in ("grad_engine", "numpy"):
            return None
        frame = frame.f_back
    return None


def _called(frame: FrameType) -> str:
    """The public function that a frame runs, as users write it: "scipy.stats.norm.logpdf"; "" for any other frame."""
    name, module = frame.f_code.co_name, str(frame.f_globals.get("__name__"))
    inside = {"wrapper": "f", "axis_nan_policy_wrapper": "hypotest_fun_in"}.get(name, "")
    wrapped = frame.f_locals.get(inside)
    if wrapped is not None:  # a decorator of SciPy's, which makes arrays before it calls the function
        name, module = getattr(wrapped, "__name__", name), str(getattr(wrapped, "__module__", module))
    package = next((each for each in TWINS if module.startswith(each + ".")), None)
    owner = frame.f_locals.get("self")
    if package is None:
        return "numpy.vectorize" if type(owner).__name__ == "vectorize" and module.startswith("numpy.") else ""
    room = module.removeprefix(package + ".").split(".")
    if package == "scipy" and room[0].startswith("_"):  # scipy._lib: SciPy's own tools
        return ""
    place = ".".join(
        [package, *(part for part in room if not part.startswith("_"))][: 3 if _ROOMS.intersection(room[1:]) else 2]
    )
    if owner is not None and package == "scipy" and room[0] == "stats":
        distribution = getattr(owner, "name", None) or type(owner).__name__.removesuffix("_gen")
        name = f"{distribution}.{name}"
    elif owner is not None:
        name = type(owner).__name__ if name.startswith("_") else f"{type(owner).__name__}.{name}"
    if name.startswith(("_", "<")) or "._" in name or name == "wrapper":
        return ""
    return f"{place}.{name}"
