"""The film's package: inside this one where it was installed, beside it in a checkout."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from grad_engine.errors import MissingPackageError

PACKAGE = "grad_engine.animation"
BESIDE = Path(__file__).resolve().parents[2] / "animation"


def animation(module: str) -> ModuleType:
    """A module of the film's package. A folder of the user's own that is called animation is never taken for it.

    Raises MissingPackageError where Manim, or what else the film needs, is not installed.
    """
    with film_needed(), warnings.catch_warnings():
        # Packages of Manim's warn while they are loaded, which `python -W error` would make an error of ours.
        for category in (DeprecationWarning, PendingDeprecationWarning, SyntaxWarning, ImportWarning, RuntimeWarning):
            warnings.simplefilter("ignore", category)
        return importlib.import_module(f"{_package()}.{module}")


@contextmanager
def film_needed() -> Iterator[None]:
    """A context in which a package that is missing is a MissingPackageError, which says what to install."""
    try:
        yield
    except MissingPackageError:
        raise
    except ImportError as error:
        if (error.name or "").startswith("grad_engine"):
            raise
        missing = f"{error.name}, which is not installed" if isinstance(error, ModuleNotFoundError) else str(error)
        raise MissingPackageError(
            f"the film needs {missing}: pip install 'grad_engine[animation]', which on Linux wants a C compiler, "
            "pkg-config and the headers of Python, cairo and pango"
        ) from error


def _package() -> str:
    """The name under which the film's package can be imported."""
    if PACKAGE in sys.modules or importlib.util.find_spec(PACKAGE) is not None:
        return PACKAGE
    start = BESIDE / "__init__.py"
    own = importlib.util.find_spec("animation")
    if own is not None and own.origin is not None and Path(own.origin).resolve() == start:
        return "animation"
    spec = importlib.util.spec_from_file_location(PACKAGE, start, submodule_search_locations=[str(BESIDE)])
    if not start.exists() or spec is None or spec.loader is None:
        raise MissingPackageError(
            f"this installation has no film: there is no {PACKAGE}, and no folder {BESIDE}; install the wheel again"
        )
    sys.modules[PACKAGE] = loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return PACKAGE
