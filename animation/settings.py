"""The settings of the film: environment variables under Manim, options of `python -m animation`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grad_engine.draw.palette import THEMES
from grad_engine.errors import GradEngineError
from grad_engine.folding.views import FOLDS
from grad_engine.record.files import DEFAULT_PATH
from grad_engine.story import PHASES

REPOSITORY = Path(__file__).resolve().parents[1]
PREFIX = "GRAD_ENGINE_"
STANDARD = "-"  # standard input, in the place of a file


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one film."""

    graph: Path
    theme: str = "dark"
    speed: float = 1.0
    phase: str = "both"
    length: float | None = None  # seconds; None: as long as the graph needs
    follow: str = ""
    fold: str = "auto"
    focus: str = ""
    note: str = ""  # a sentence to print: which graph this is


def variable(name: str) -> str:
    """The environment variable that asks for `name`."""
    return PREFIX + name.upper()


def settings(asked: Mapping[str, str], here: Path, spelled: Callable[[str], str] = variable) -> Settings:
    """The settings in `asked`. Raises GradEngineError for a value that is not allowed.

    `asked` maps names as `spelled` spells them to values, and empty ones ask for nothing. `here` is the folder in which
    the last export is looked for.
    """

    def choice(name: str, allowed: Sequence[str]) -> str:
        value = asked.get(spelled(name)) or allowed[0]
        if value not in allowed:
            raise GradEngineError(f"{spelled(name)} is {value!r}, but it must be one of {', '.join(allowed)}.")
        return value

    def amount(name: str, usual: float, low: float, high: float) -> float:
        value = asked.get(spelled(name)) or str(usual)
        try:
            found = float(value)
        except ValueError:
            found = float("nan")
        if not low <= found <= high:
            raise GradEngineError(f"{spelled(name)} is {value!r}, but it must be a number from {low:g} to {high:g}.")
        return found

    given, last, note = asked.get(spelled("graph")), here / DEFAULT_PATH, ""
    graph = Path(os.path.expanduser(given)) if given else last
    if not given and not last.exists() and (REPOSITORY / DEFAULT_PATH).exists():
        graph = REPOSITORY / DEFAULT_PATH
        note = f"There is no {DEFAULT_PATH} in this folder, so this is the graph of {graph}."
    if given != STANDARD and not graph.exists():
        raise GradEngineError(
            f"There is no record at {graph}: write one with `export_graph(z)` in your program, or with"
            f" `python -m examples.large --export` in the repository, or point {spelled('graph')} at one."
        )
    return Settings(
        graph,
        choice("theme", tuple(THEMES)),
        amount("speed", 1.0, 0.1, 10.0),
        choice("phase", PHASES),
        amount("length", 60.0, 5.0, 600.0) if asked.get(spelled("length")) else None,
        asked.get(spelled("follow")) or "",
        choice("fold", FOLDS),
        asked.get(spelled("focus")) or "",
        note,
    )
