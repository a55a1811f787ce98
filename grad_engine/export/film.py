"""A tensor's graph as a film, from a program or a notebook."""

from __future__ import annotations

import base64
import re
import sys
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grad_engine.errors import ArgumentError
from grad_engine.export.film_package import animation, film_needed
from grad_engine.export.from_tensor import Graph, Names, record_graph

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FOLDER = Path("output")
LONGEST = 60  # characters of a title in a file's name
QUALITIES = ("l", "m", "h")
TYPES = {
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".gif": "image/gif",
    ".png": "image/png",
}


class Film:
    """A film that was made: `path` is where it lies. As the last line of a notebook cell it is shown."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def _repr_html_(self) -> str:
        kind = TYPES[self.path.suffix.lower()]
        source = f"data:{kind};base64,{base64.b64encode(self.path.read_bytes()).decode('ascii')}"
        if kind.startswith("image"):
            return f'<img src="{source}" style="max-width:100%" alt="film of a graph">'
        return f'<video controls autoplay muted style="max-width:100%" src="{source}"></video>'

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"<Film: {self.path}>"


def film(
    graph: Graph,
    path: str | PathLike[str] | None = None,
    *,
    names: Names | None = None,
    title: str | None = None,
    theme: str = "dark",
    phase: str = "both",
    speed: float = 1.0,
    quality: str = "l",
    fold: str = "auto",
    focus: str = "",
    length: float | None = None,
    follow: str = "",
) -> Film:
    """The film of the graph behind `graph`: a tensor, several of them, or a record.

    path: an .mp4, .mov, .webm or .gif, or a .png of the end; by default `output/`, the title and `.mp4`, with a number
    where there is such a film already. names: what to call the tensors; by default the variables of the caller.
    theme: "dark" or "light". phase: "both", "forward" or "backward". speed: 2 is twice as fast. quality: "l" 480p,
    "m" 720p, "h" 1080p. fold: "auto", "none" or "max". focus: only what leads to and from a tensor, or an op (`#3`).
    length: seconds that it may take; by default 60, or 75 for more than 24 ops. follow: the number that it follows, as
    "W1[0,4]"; a record follows the one that it explains.

    Needs the `animation` extra. Raises ArgumentError for an argument that is not allowed, MissingPackageError without
    Manim, GradEngineError for another format or a focus that nothing is called, and what `export_graph` raises.
    """
    from grad_engine.folding import FOLDS
    from grad_engine.story import PHASES

    for name, value, allowed in (
        ("theme", theme, ("dark", "light")),
        ("phase", phase, PHASES),
        ("quality", quality, QUALITIES),
        ("fold", fold, FOLDS),
    ):
        if value not in allowed:
            raise ArgumentError(f"{name} is one of {', '.join(allowed)}, got {value!r}")
    if not 0.1 <= speed <= 10:
        raise ArgumentError(f"speed is a number from 0.1 to 10, got {speed!r}")
    if length is not None and not 5 <= length <= 600:
        raise ArgumentError(f"length is a number of seconds from 5 to 600, got {length!r}")
    known = names if names is not None else sys._getframe(1).f_locals
    record = record_graph(graph, names=known, title=title, explain=follow or True)
    with film_needed():
        settings = animation("settings").Settings(
            Path(), theme=theme, speed=speed, phase=phase, fold=fold, focus=focus, length=length, follow=follow
        )
        target = Path(path) if path is not None else animation("film").free(FOLDER / f"{file_name(record.title)}.mp4")
        animation("film").film(animation("playback").Player(record, settings), target, quality, _silent)
    return Film(target)


def file_name(title: str) -> str:
    """A title as the name of a file: letters, digits, and dashes between them; "graph" where nothing is left."""
    return re.sub(r"[^\w.]+", "-", title).strip("-.")[:LONGEST] or "graph"


@contextmanager
def _silent(seconds: Sequence[float]) -> Iterator[Callable[[float], None]]:
    """Tells nobody how far the film is."""

    def told(of: float) -> Any:
        return None

    yield told
