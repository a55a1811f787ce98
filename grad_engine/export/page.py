"""A tensor's graph as a page: to a file, or into a notebook."""

from __future__ import annotations

import sys
from html import escape
from os import PathLike
from pathlib import Path

from grad_engine.export.from_tensor import Graph, Names, record_graph

DEFAULT_PAGE = Path("output", "graph_acyclic.html")
HEIGHT = 640  # px of the frame in a notebook


def export_page(
    graph: Graph,
    path: str | PathLike[str] | None = None,
    *,
    names: Names | None = None,
    theme: str = "system",
    title: str | None = None,
) -> Path:
    """Write the graph behind `graph` as one HTML file that can be stepped through; return its path.

    graph: a tensor, several of them, or a record. path: `output/graph_acyclic.html` in the current folder by default.
    names: what to call the tensors, such as `locals()`; by default the variables of the caller. theme: "dark", "light",
    or "system", which follows the reader's system. title: the program's name by default.

    Needs the `draw` extra. Raises what `export_graph` raises for a graph that cannot be recorded, ArgumentError for
    another theme, MissingPackageError without the layout library, OSError when the file cannot be written.
    """
    from grad_engine.page import save_page

    record = record_graph(graph, names=names if names is not None else sys._getframe(1).f_locals, title=title)
    return save_page(record, DEFAULT_PAGE if path is None else path, theme=theme, title=title)


class PageFrame:
    """A page that a notebook shows in a frame of its own, which can reach nothing outside of it."""

    def __init__(self, page: str, height: int) -> None:
        self.page, self.height = page, height

    def _repr_html_(self) -> str:
        style = f"width:100%;height:{self.height}px;border:0"
        return f'<iframe sandbox="allow-scripts" style="{style}" srcdoc="{escape(self.page)}"></iframe>'

    def __repr__(self) -> str:
        return f"<PageFrame: {len(self.page)} characters of HTML>"


def show_page(
    graph: Graph,
    *,
    names: Names | None = None,
    theme: str = "system",
    title: str | None = None,
    height: int = HEIGHT,
) -> PageFrame:
    """The page of a graph, as the last line of a notebook cell; `height` in px, other arguments as in export_page."""
    from grad_engine.page import page_html

    record = record_graph(graph, names=names if names is not None else sys._getframe(1).f_locals, title=title)
    return PageFrame(page_html(record, theme=theme, title=title), height)
