"""`tree`: the graph of a record in the terminal."""

from __future__ import annotations

import argparse
from dataclasses import replace

from grad_engine.cli.console import output, record_in
from grad_engine.cli.parser import Command, Parser, add_modules, add_record, whole
from grad_engine.tree import WIDEST, tree


def run(options: argparse.Namespace) -> int:
    """Prints the graph as a tree."""
    shown = tree(
        record_in(options.file),
        full=options.full,
        focus=options.focus,
        depth=options.depth,
        max_lines=options.lines,
        level=options.level,
        expand=options.expand,
        health=options.health,
    )
    shown.request = replace(shown.request, typed=True)
    shown.print(output(), options.width)
    return 0


def arguments(parser: Parser) -> None:
    """Adds what `tree` takes."""
    add_record(parser)
    parser.add_argument(
        "--focus",
        metavar="NAME",
        help="only what lies below an op (#3, 3, a tensor's name), leads to a leaf, or is in a module (h.3)",
    )
    add_modules(parser)
    parser.add_argument("--depth", type=int, metavar="N", help="no further than N edges from the root")
    parser.add_argument("--max-lines", type=int, dest="lines", metavar="N", help="fold until it fits N lines")
    parser.add_argument(
        "--health", action="store_true", help="std of each result, and how much of it passes no gradient"
    )
    parser.add_argument("--width", type=whole(1, WIDEST), metavar="N", help="columns (default: the terminal's)")


COMMAND = Command(
    "tree",
    run,
    arguments,
    (
        "tree",
        "tree graph.json --focus x3",
        "tree --depth 3 --width 60",
        "tree --level 2",
        "tree --expand h.3",
        "tree --full",
        "tree --health",
    ),
    "The number before a deep line says how many levels further to the right it is.",
)
