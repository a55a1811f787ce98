"""`lesson`: the story that explains a record, scene by scene, as a table with seconds and words."""

from __future__ import annotations

import argparse
from textwrap import wrap

from grad_engine.cli.console import print_lines, record_in, width
from grad_engine.cli.parser import Command, Parser, add_record
from grad_engine.story import as_table, lesson

INDENT = " " * 28  # of what goes on below the words of a scene


def run(options: argparse.Namespace) -> int:
    """Prints what a story says that explains the gradients of a record, and how long each scene takes to read."""
    scenes = lesson(record_in(options.file), length=options.length, focus=options.focus or "")
    table = as_table(scenes).split("\n")
    print_lines([[(row, "")] for line in table for row in wrap(line, width(), subsequent_indent=INDENT)])
    return 0


def arguments(parser: Parser) -> None:
    """Adds what `lesson` takes."""
    add_record(parser)
    parser.add_argument("--length", type=float, metavar="SECONDS", help="how long it may take (default: 60, or 75)")
    parser.add_argument("--focus", metavar="NAME", help="only around an op or leaf")


COMMAND = Command("lesson", run, arguments, ("lesson", "lesson graph.json --length 30"))
