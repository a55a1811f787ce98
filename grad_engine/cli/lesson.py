"""`lesson`: the story that explains a record, scene by scene, as a table with seconds and words."""

from __future__ import annotations

import argparse
from textwrap import wrap

from grad_engine.cli.console import print_lines, record_in, width
from grad_engine.cli.parser import Command, Parser, add_record
from grad_engine.story import as_table, lesson
from grad_engine.story.chooser import INDENT, LONG, SHORT
from grad_engine.story.units import SMALL

HELP = f"how long it may take (default: {SHORT:g}, or {LONG:g} for more than {SMALL} ops)"


def run(options: argparse.Namespace) -> int:
    """Prints the script of a lesson: what is said and shown in each scene, and for how long."""
    scenes = lesson(
        record_in(options.file), length=options.length, focus=options.focus or "", follow=options.follow or ""
    )
    shortest = sum(scene.seconds for scene in scenes)
    if options.length is not None and shortest > options.length + 1e-6:
        around = f" around {options.focus}" if options.focus else ""
        said = (
            f"The shortest lesson on this record{around} takes {shortest:.1f} s: {options.length:g} s are not enough."
        )
        print_lines([[(row, "")] for row in wrap(said, width())])
    table = as_table(scenes).split("\n")
    print_lines([[(row, "")] for line in table for row in wrap(line, width(), subsequent_indent=INDENT)])
    return 0


def arguments(parser: Parser) -> None:
    """Adds what `lesson` takes."""
    add_record(parser)
    parser.add_argument("--length", type=float, metavar="SECONDS", help=HELP)
    parser.add_argument("--follow", metavar="ENTRY", help="the number to follow, such as 'W1[0,4]'")
    parser.add_argument("--focus", metavar="NAME", help="only around an op or leaf")


COMMAND = Command("lesson", run, arguments, ("lesson", "lesson graph.json --length 30"))
