"""`report`: what is wrong in a record, and the norms of its parameters and gradients."""

from __future__ import annotations

import argparse

from grad_engine.cli.console import print_json, print_lines, record_in, script, width
from grad_engine.cli.parser import Command, Parser, add_record
from grad_engine.health import report_of
from grad_engine.health.text import MOST_ROWS, lines


def run(options: argparse.Namespace) -> int:
    """Says what is wrong in a record; the exit status is 1 where something is."""
    found = report_of(record_in(options.file))
    if options.json:
        print_json(
            {
                "healthy": found.healthy,
                "parameters": found.parameters,
                "multiply_adds": found.multiply_adds,
                "findings": found.findings,
                "notes": found.notes,
                "modules": found.modules,
                "layers": found.layers,
                "rows": found.rows,
            }
        )
    else:
        print_lines(lines(found, script(), width(), None if options.full else MOST_ROWS))
    return 0 if found.healthy else 1


def arguments(parser: Parser) -> None:
    """Adds what `report` takes."""
    add_record(parser)
    parser.add_argument("--full", action="store_true", help="list every parameter, however many")
    parser.add_argument("--json", action="store_true", help="the answer as JSON")


COMMAND = Command("report", run, arguments, ("report", "report graph.json --json"))
