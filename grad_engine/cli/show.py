"""`show`: everything about one op, leaf or module, as lines of text or as JSON."""

from __future__ import annotations

import argparse
import os
import shlex

from grad_engine.cli.console import print_json, print_lines, record_in, script, width
from grad_engine.cli.details import details, module_details
from grad_engine.cli.parser import Command, Parser, add_record
from grad_engine.cli.show_pages import module_page, page
from grad_engine.errors import GraphError, MissingRecordError
from grad_engine.folding.module_tree import is_module
from grad_engine.record import GraphRecord
from grad_engine.record.index import index_of
from grad_engine.record.words import harmless
from grad_engine.tree.tables import Line


def run(options: argparse.Namespace) -> int:
    """Prints everything about one op, leaf or module."""
    index = index_of(_record(options.node, options.file))
    parts = index.find(options.node)
    if not parts:
        ids = [f"#{len(index.nodes) - 1}"] if index.nodes else []
        known = ", ".join(harmless(name[:40]) for name in (*index.names()[:6], *ids))
        kinds = "op, leaf or module" if index.scopes else "op or leaf"
        raise GraphError(f"no {kinds} is called {options.node!r}: ask for one of {known}")
    if is_module(index, options.node):
        found = module_details(index, options.node)
        if options.json:
            print_json([found])
        else:
            print_lines(module_page(index, found, script(), width(), full=options.full))
        return 0
    if options.json:
        print_json([details(index, part) for part in parts])
        return 0
    lines: list[Line] = []
    for part in parts:
        shown = page(index, details(index, part, measured=False), script(), width(), full=options.full)
        lines += [*([[]] if lines else []), *shown]
    print_lines(lines)
    return 0


def _record(node: str, file: str) -> GraphRecord:
    """The record; where it is named first, the error says that the name of the part comes before it."""
    try:
        return record_in(file)
    except MissingRecordError:
        if not os.path.exists(node):
            raise
        turned = f"show {shlex.quote(file)} {shlex.quote(node)}"
        raise MissingRecordError(
            f"{file}: there is no such file, and {node} is one: the name comes first, as in `{turned}`"
        ) from None


def arguments(parser: Parser) -> None:
    """Adds what `show` takes."""
    parser.add_argument("node", metavar="NODE", help="an op (#3, 3, n3), a tensor's name, or a module (h.3)")
    add_record(parser)
    parser.add_argument("--full", action="store_true", help="list every operand and share, however many")
    parser.add_argument("--json", action="store_true", help="the answer as JSON")


COMMAND = Command("show", run, arguments, ("show x3", "show '#3'", "show h.3", "show n3 graph.json --json"))
