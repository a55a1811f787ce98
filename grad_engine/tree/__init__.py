"""The terminal tree: in flows a GraphRecord, out flows a rich renderable, or text that is printed.

shown.py holds the record with closed modules as single nodes. rows.py decides which lines there are and which fold,
text.py writes names and numbers as the terminal can carry them, notes.py, tables.py and lines.py make styled lines.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator
from functools import cached_property
from typing import IO, TYPE_CHECKING

from grad_engine.errors import ArgumentError, GraphError
from grad_engine.folding import module_view
from grad_engine.folding.module_tree import is_module, scopes_of
from grad_engine.record import GraphRecord
from grad_engine.record.collector import collection_paused
from grad_engine.record.index import RecordIndex, index_of
from grad_engine.tree.lines import LARGE_GRAPH, Request, Sheet
from grad_engine.tree.shown import Shown
from grad_engine.tree.tables import Line
from grad_engine.tree.text import Script

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.measure import Measurement
    from rich.segment import Segment

__all__ = ["GraphTree", "print_tree", "tree"]

STYLES = {
    "header": "bold",
    "op": "",
    "module": "bold",
    "leaf": "bold #56B4E9",
    "value": "#56B4E9",
    "result": "#56B4E9",
    "gradient": "#E69F00",
    "sum": "#2FBF92",
    "bad": "bold #FF6FB5",
    "muted": "#8A8F98",
    "guide": "#6B7280",
}
MOST_LINES = 40  # ops and edges to leaves of a record whose modules all are open
MOST_NODES = 30  # ops and closed modules of any other
MOST_OPENED = 8  # modules that a focus opens; where it is in more of them, all are open
LOWEST_LIMIT = 48  # lines: a terminal can scroll, so one of 24 rows does not fold a graph that is only a little higher
LARGE_LIMIT = 60  # lines of a large graph where no terminal sets a height
NARROWEST, WIDEST = 40, 2_000  # columns
PLAIN_WIDTH = 80
NOTEBOOK_WIDTH = 110
NOTEBOOK = (
    '<pre style="white-space:pre;overflow-x:auto;line-height:normal;'
    "font-family:Menlo,'DejaVu Sans Mono',consolas,'Courier New',monospace\">{code}</pre>"
)


class GraphTree:
    """What `tree` returns: prints itself in a rich console, as HTML in a notebook, and as plain text through str()."""

    def __init__(self, record: GraphRecord, request: Request, shown: Shown) -> None:
        self.record = record
        self.request = request
        self._shown = shown

    def print(self, file: IO[str] | None = None, width: int | None = None) -> None:
        """Prints it to `file` (default: standard output), `width` columns wide (default: the terminal's)."""
        from rich.console import Console

        Console(file=file, width=width).print(self, crop=False, no_wrap=True, overflow="ignore")

    def _lines(self, script: Script, room: int, height: int | None) -> list[Line]:
        with collection_paused():
            return Sheet(self._shown, self.request, script, room).lines(height)

    @cached_property
    def _unbounded(self) -> int | None:
        """The height where no terminal sets one."""
        return LARGE_LIMIT if len(self.record.nodes) > LARGE_GRAPH else None

    def __str__(self) -> str:
        return _plain(self._lines(Script(), PLAIN_WIDTH, self._unbounded))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        from rich.segment import Segment
        from rich.style import Style

        height = max(LOWEST_LIMIT, options.size.height) if options.is_terminal else self._unbounded
        lines = self._lines(Script(options.encoding), min(options.max_width, WIDEST), height)
        if console.color_system is None or console.no_color:
            yield Segment(_plain(lines) + "\n")
            return
        styles = {key: Style.parse(style) if style else None for key, style in (*STYLES.items(), ("", ""))}
        for line in lines:
            for text, style in line:
                if text:
                    yield Segment(text, styles[style])
            yield Segment.line()

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        from rich.measure import Measurement

        return Measurement(min(NARROWEST, options.max_width), options.max_width)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        from rich.console import Console

        console = Console(
            file=io.StringIO(), record=True, width=NOTEBOOK_WIDTH, color_system="truecolor",
            force_terminal=False, force_jupyter=False, no_color=False,
        )  # fmt: skip
        console.print(self, crop=False)
        html = console.export_html(inline_styles=True, code_format=NOTEBOOK)
        return {"text/plain": str(self), "text/html": html}


def tree(
    record: GraphRecord,
    *,
    full: bool = False,
    focus: str | int | None = None,
    depth: int | None = None,
    max_lines: int | None = None,
    level: int | None = None,
    expand: Collection[str] = (),
    health: bool = False,
) -> GraphTree:
    """The backward graph of a record as a tree for a rich console: `rich.print(tree(record))`.

    Long runs, repeats and, on a terminal, what does not fit its height fold, and say so. `full=True` folds nothing.
    `focus` shows the part below one op (`"#3"` or 3, or the name of what it computed), or every way to one leaf (its
    name, or `"a0"` where it has none). `depth` goes so many edges down from the root. `max_lines` is the height of the
    whole, from about 8 up; while there is room the ways to the first NaN and to the largest gradient stay.

    In a large record with scopes, modules are single lines, opened from the outside in while there are about 40 lines;
    equal modules that follow each other are one line. `level=2` opens those at the top and closes those inside them,
    `expand=["h.3"]` opens the modules of these paths, and `focus="h.3"` shows the inside of one.

    `health=True` shows, beside each op, the std of its result and how much of it passes no gradient: entries that are 0
    behind a relu or at the ends of tanh and sigmoid, and units that are so for the whole batch ("stuck"); and beside
    each parameter ‖change‖ / ‖value‖ of the optimiser's step, where `watch(model, optimizer=...)` measured it.

    Raises ArgumentError for anything but a record, and GraphError where nothing goes by the name in `focus`.
    """
    if not isinstance(record, GraphRecord):
        raise ArgumentError(
            f"tree() draws a GraphRecord, got {type(record).__name__}: visualize_graph(z) prints the graph of a tensor."
        )
    for name, number, least in (("depth", depth, 0), ("max_lines", max_lines, 1), ("level", level, 1)):
        if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < least):
            raise ArgumentError(f"{name} is a whole number from {least} up, or None for no limit, got {number!r}.")
    if isinstance(expand, str):
        raise ArgumentError(f"expand is a list of paths of modules, got the text {expand!r}: write [{expand!r}].")
    index = index_of(record)
    parts: tuple[str, ...] = ()
    module = None
    if focus is not None:
        parts = tuple(index.find(focus))
        if not parts:
            kinds = "op, leaf or module" if index.scopes else "op or leaf"
            raise GraphError(f"No {kinds} is called {focus!r}{_instead(index)}.")
        if is_module(index, str(focus)):
            module, parts = focus, ()
    around = _modules_around(index, parts)
    whole = full or len(around) > MOST_OPENED or (depth is not None and level is None and not expand)
    lines = len(record.nodes) + sum(len(index.incoming.get(leaf, ())) for leaf in index.accumulators)
    crowded = lines > MOST_LINES
    around = around if crowded or level is not None or expand else set()
    most = MOST_NODES if crowded else max(lines, 1)
    view = module_view(record, most, full=whole, level=level, expand={*expand, *around}, focus=module)
    request = Request(full, parts, depth, max_lines, level, tuple(expand), health)
    return GraphTree(record, request, Shown(view))


def _modules_around(index: RecordIndex, parts: Collection[str]) -> set[str]:
    """The paths of the modules that these ops are in, and those that read these leaves."""
    scopes = scopes_of(index) if parts else {}
    ops = [op for part in parts for op in ([part] if part in index.nodes else _readers(index, part))]
    return {scopes[op] for op in ops if op in scopes}


def _readers(index: RecordIndex, leaf: str) -> list[str]:
    return [edge.sender for edge in index.incoming.get(leaf, ())]


def _instead(index: RecordIndex) -> str:
    names = index.names()
    ids = [f"#{node.id[1:]}" for node in index.record.nodes[-1:]]
    known = ", ".join(repr(name[:40]) for name in (*names[:6], *ids))
    return f": ask for one of {known}{', ...' if len(names) > 6 else ''}" if known else ": the record is empty"


def print_tree(
    record: GraphRecord,
    *,
    file: IO[str] | None = None,
    width: int | None = None,
    full: bool = False,
    focus: str | int | None = None,
    depth: int | None = None,
    max_lines: int | None = None,
    level: int | None = None,
    expand: Collection[str] = (),
    health: bool = False,
) -> None:
    """Prints what `tree` returns, to `file` (default: standard output), `width` columns wide (default: the terminal's).

    Colour is left out where the file is no terminal or NO_COLOR is set, and characters beyond ASCII where the file's
    encoding lacks them.
    """
    shown = tree(
        record, full=full, focus=focus, depth=depth, max_lines=max_lines, level=level, expand=expand, health=health
    )
    shown.print(file, width)


def _plain(lines: list[Line]) -> str:
    return "\n".join("".join(text for text, _ in line).rstrip() for line in lines)
