"""`svg`: the graph of a record as one still picture."""

from __future__ import annotations

import argparse
from pathlib import Path

from grad_engine.cli.console import record_in, write_text
from grad_engine.cli.parser import Command, Parser, add_modules, add_output, add_record, whole
from grad_engine.draw import to_svg
from grad_engine.errors import ArgumentError

MOST_ITEMS = 100_000
OTHER_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".pdf", ".mp4")


def run(options: argparse.Namespace) -> int:
    """Writes the graph as one still picture."""
    ending = Path(options.output or "").suffix.lower()
    if ending in OTHER_PICTURES:
        raise ArgumentError(f"svg writes SVG, not {ending}: name a file like graph.svg, or use film --output graph.png")
    record = record_in(options.file)
    picture = to_svg(
        record,
        theme=options.theme,
        title=options.title,
        max_items=options.items,
        full=options.full,
        level=options.level,
        expand=options.expand,
        focus=options.focus,
    )
    return write_text(picture, options.output, "picture")


def arguments(parser: Parser) -> None:
    """Adds what `svg` takes."""
    add_record(parser)
    add_output(parser)
    add_modules(parser)
    parser.add_argument("--focus", metavar="NAME", help="only the inside of a module (h.3), or around an op or leaf")
    parser.add_argument("--theme", choices=("dark", "light"), default="dark", help="dark (the default) or light")
    parser.add_argument("--no-title", dest="title", action="store_false", help="only the graph")
    parser.add_argument(
        "--max-items", dest="items", type=whole(1, MOST_ITEMS), default=300, metavar="N", help="draw at most N (300)"
    )


COMMAND = Command(
    "svg",
    run,
    arguments,
    ("svg --output graph.svg", "svg graph.json --theme light > graph.svg", "svg --level 1 --focus h.3"),
)
