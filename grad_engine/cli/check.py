"""`check`: whether a file holds a sound record."""

from __future__ import annotations

import argparse

from grad_engine.cli.console import print_json, print_lines, record_in
from grad_engine.cli.parser import Command, Parser, add_record
from grad_engine.errors import MissingRecordError, RecordError
from grad_engine.record.words import many


def run(options: argparse.Namespace) -> int:
    """Says whether a file holds a sound record, and how much is in it."""
    try:
        record = record_in(options.file)
    except MissingRecordError:
        raise
    except RecordError as error:
        if options.json:
            print_json({"sound": False, "fault": str(error)})
        else:
            print_lines([[(str(error), "bad")]])
        return 1
    counts = record.counts
    if options.json:
        print_json({"sound": True, "title": record.title, "counts": counts, "runs": len(record.runs)})
        return 0
    said = [
        many(counts.ops, "op"),
        many(counts.leaves, "leaf", "leaves"),
        many(counts.constants, "constant"),
        many(counts.edges, "edge"),
        many(len(record.tensors), "tensor"),
        many(len(record.runs), "backward run"),
    ]
    bad = f"; NaN or infinity in {many(len(counts.nonfinite), 'tensor')}" if counts.nonfinite else ""
    print_lines([[(f"{options.file}: sound", "sum"), (f": {', '.join(said)}", ""), (bad, "bad")]])
    return 0


def arguments(parser: Parser) -> None:
    """Adds what `check` takes."""
    add_record(parser)
    parser.add_argument("--json", action="store_true", help="the answer as JSON")


COMMAND = Command("check", run, arguments, ("check", "check graph.json --json", "check - < graph.json"))
