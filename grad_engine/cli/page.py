"""`page`: a record as one HTML file that can be stepped through; with a second record, what changed is marked."""

from __future__ import annotations

import argparse
import webbrowser
from collections.abc import Mapping, Sequence
from pathlib import Path

from grad_engine.cli.console import STANDARD, record_in, write_text
from grad_engine.cli.difference import Change, changed_arguments, difference
from grad_engine.cli.parser import Command, Parser, add_output, add_record
from grad_engine.formula import number
from grad_engine.page import THEMES, page_html
from grad_engine.record import GraphRecord
from grad_engine.record.index import index_of

DEFAULT_PAGE = Path("output", "graph_acyclic.html")


def run(options: argparse.Namespace) -> int:
    """Writes the graph as one HTML file that can be stepped through."""
    record, changes = record_in(options.file), None
    if options.after is not None:
        before, record = record, record_in(options.after)
        changes = changes_between(before, record)
    text = page_html(record, theme=options.theme, title=options.title, changes=changes)
    output = options.output or str(usual_place(options.file, options.after))
    status = write_text(text, output, "page")
    if output != STANDARD and options.open:
        webbrowser.open(Path(output).resolve().as_uri())
    return status


def usual_place(file: str, after: str | None = None) -> Path:
    """Beside the record and named after it, or after both records; of what is no file or folder, the last page."""
    shown = Path(after or file)
    if not (shown.is_file() or shown.is_dir()):
        DEFAULT_PAGE.parent.mkdir(exist_ok=True)
        return DEFAULT_PAGE
    shown = shown.resolve() if shown.name in ("", "..") else shown
    stems = [Path(file).resolve().stem, shown.stem] if after is not None else [shown.stem]
    return shown.with_name(f"{'-to-'.join(dict.fromkeys(stems))}.html")


def changes_between(before: GraphRecord, after: GraphRecord) -> Mapping[str, Sequence[str]]:
    """What changed, in words, by the id of the op or leaf in `after`; under "" the names of what is gone."""
    found = difference(before, after)
    first, second = index_of(before), index_of(after)
    told: dict[str, list[str]] = {part: ["new"] for part in found.added}
    for one, other in found.rewired:
        arguments = changed_arguments(first.nodes[one], second.nodes[other])
        takes = [f"{name}: {old} → {new}" for name, (old, new) in arguments.items()]
        told.setdefault(other, []).extend(takes or ["reads from elsewhere"])
    for change in found.moved:
        told.setdefault(change.after, []).append(_movement(change))
    if found.gone:
        told[""] = [
            f"#{first.nodes[part].age} {first.nodes[part].op}" if part in first.nodes else first.leaf(part).name or part
            for part in found.gone
        ]
    return told


def _movement(change: Change) -> str:
    """By how much a value or a gradient moved."""
    old, new = change.shapes
    if old is None or new is None:
        return f"{change.kind} {'is gone' if new is None else 'is new'}"
    if old != new:
        return f"{change.kind} had the shape {old}, has {new}"
    sizes = [number(norm) if norm is not None else "not finite" for norm in change.norms]
    most = "" if change.largest is None else f", by up to {number(change.largest)}"
    return f"{change.kind} moved{most}: ‖·‖ {sizes[0]} → {sizes[1]}"


def arguments(parser: Parser) -> None:
    """Adds what `page` takes."""
    add_record(parser)
    parser.add_argument("after", nargs="?", metavar="AFTER", help="a later record: show it, and mark what changed")
    add_output(parser)
    parser.add_argument("--theme", choices=THEMES, default="system", help="system (the default), dark or light")
    parser.add_argument("--title", metavar="TEXT", help="what stands above the graph")
    parser.add_argument("--open", action="store_true", help="open it in the browser")


COMMAND = Command(
    "page",
    run,
    arguments,
    ("page --open", "page graph.json --output graph.html", "page before.json after.json"),
    "Without --output the page lies beside the record and is named after it, such as\n"
    "output/graph_acyclic.html; that of two records is named after both, such as\n"
    "before-to-after.html. A page asks for nothing from a network.",
)
