"""`dot`: the graph of a record in Graphviz's language."""

from __future__ import annotations

import argparse

from grad_engine.cli.console import record_in, write_text
from grad_engine.cli.parser import Command, Parser, add_modules, add_output, add_record
from grad_engine.draw.graphviz import to_dot


def run(options: argparse.Namespace) -> int:
    """Writes the graph in Graphviz's language."""
    record = record_in(options.file)
    text = to_dot(record, full=options.full, level=options.level, expand=options.expand, focus=options.focus)
    return write_text(text, options.output, "graph")


def arguments(parser: Parser) -> None:
    """Adds what `dot` takes."""
    add_record(parser)
    add_output(parser)
    add_modules(parser)
    parser.add_argument("--focus", metavar="NAME", help="only the inside of a module (h.3), or around an op or leaf")


COMMAND = Command("dot", run, arguments, ("dot | dot -Tsvg > graph.svg", "dot graph.json --output graph.dot"))
