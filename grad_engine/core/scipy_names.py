"""Which function of SciPy a tensor was given to, for the message that refuses to lose its history there."""

from __future__ import annotations

import importlib
import sys
from types import FrameType

ROOMS = ("special", "linalg", "stats")  # the parts of SciPy that grad_engine.scipy has twins of


def twin_of_caller() -> str:
    """What to say of a function of SciPy that is running and takes arrays only: where its twin is, if there is one."""
    called = ""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name, module = frame.f_code.co_name, str(frame.f_globals.get("__name__"))
        wrapped = frame.f_locals.get("f") if name == "wrapper" else None
        if wrapped is not None:  # a decorator of SciPy's, which makes arrays before it calls the function
            name, module = getattr(wrapped, "__name__", name), str(getattr(wrapped, "__module__", module))
        package, _, rest = module.partition(".")
        room = rest.partition(".")[0]
        if package == "scipy" and room in ROOMS:
            if room == "stats" and (owner := frame.f_locals.get("self")) is not None:
                distribution = getattr(owner, "name", None) or type(owner).__name__.removesuffix("_gen")
                name = f"{distribution}.{name}"
            if not name.startswith(("_", "<")) and "._" not in name and name != "wrapper":
                called = f"{room}.{name}"  # the outermost one wins: the one that was called
        frame = frame.f_back
    if not called:
        return ""
    place: object = importlib.import_module("grad_engine.scipy")
    for part in called.split("."):
        place = getattr(place, part, None)
    if place is None:
        return f"scipy.{called}() takes arrays only, and grad_engine.scipy has no twin of it: "
    return f"scipy.{called}() takes arrays only, call grad_engine.scipy.{called}() on tensors: "
