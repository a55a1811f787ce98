"""The command line over a record file: `python -m grad_engine`, or `grad-engine` where the package is installed."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from grad_engine.cli.diff import Change, Difference, changed_arguments, difference
from grad_engine.cli.show import details, page
from grad_engine.draw.graphviz import to_dot
from grad_engine.errors import GradEngineError, GraphError, MissingRecordError, RecordError
from grad_engine.export.from_tensor import DEFAULT_PATH
from grad_engine.formula import number
from grad_engine.record import GraphRecord, from_json, load_graph
from grad_engine.record.strict import MAX_BYTES
from grad_engine.tree import STYLES, tree
from grad_engine.tree.notes import called
from grad_engine.tree.survey import Survey
from grad_engine.tree.tables import Line
from grad_engine.tree.text import Script, harmless, many

STDIN = "-"
MOST_MOVED = 20  # numbers that moved, listed unless --full is given
PLAIN_WIDTH = 100  # columns where no terminal sets them

EPILOG = """
A record is a file, or a folder in the older layout of three parts; - reads standard input.
Without one the last export is meant: {default}.

examples:
{lines}
"""


class Parser(argparse.ArgumentParser):
    """An argument parser that complains in one line."""

    def error(self, message: str) -> NoReturn:
        """Ends the program with status 2."""
        self.exit(2, f"{self.prog}: {harmless(message)} (--help explains)\n")


def main(words: Sequence[str] | None = None) -> int:
    """The exit status: 0, 1 where `check` finds a fault or `diff` a difference, 2 for what cannot be done."""
    parser = _parser()
    options = parser.parse_args(words)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough, as in `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (GradEngineError, OSError) as error:
        print(f"{parser.prog} {options.command}: {harmless(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return status


def show_tree(options: argparse.Namespace) -> int:
    """Prints the graph as a tree."""
    shown = tree(
        _record(options.file),
        full=options.full,
        focus=options.focus,
        depth=options.depth,
        max_lines=options.lines,
    )
    shown.request = replace(shown.request, typed=True)
    shown.print(width=options.width)
    return 0


def check_file(options: argparse.Namespace) -> int:
    """Says whether a file holds a sound record, and how much is in it."""
    try:
        record = _record(options.file)
    except MissingRecordError:
        raise
    except RecordError as error:
        if options.json:
            _print_json({"sound": False, "fault": str(error)})
        else:
            _print_lines([[(str(error), "bad")]])
        return 1
    counts = record.counts
    if options.json:
        _print_json({"sound": True, "title": record.title, "counts": counts, "runs": len(record.runs)})
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
    _print_lines([[(f"{options.file}: sound", "sum"), (f": {', '.join(said)}", ""), (bad, "bad")]])
    return 0


def write_dot(options: argparse.Namespace) -> int:
    """Writes the graph in Graphviz's language."""
    return _write(to_dot(_record(options.file)), options.output)


def write_svg(options: argparse.Namespace) -> int:
    """Writes the graph as one still picture."""
    from grad_engine.draw import to_svg

    record = _record(options.file)
    return _write(to_svg(record, theme=options.theme, title=options.title, max_items=options.items), options.output)


def show_node(options: argparse.Namespace) -> int:
    """Prints everything about one op or leaf."""
    survey = Survey(_record(options.file))
    parts = survey.named(options.node)
    if not parts:
        ids = [f"#{len(survey.nodes) - 1}"] if survey.nodes else []
        known = ", ".join(harmless(name[:40]) for name in (*survey.names()[:6], *ids))
        raise GraphError(f"no op or leaf is called {options.node!r}: ask for one of {known}")
    if options.json:
        _print_json([details(survey, part) for part in parts])
        return 0
    lines: list[Line] = []
    for part in parts:
        shown = page(survey, details(survey, part), Script(sys.stdout.encoding), _width(), full=options.full)
        lines += [*([[]] if lines else []), *shown]
    _print_lines(lines)
    return 0


def show_difference(options: argparse.Namespace) -> int:
    """Prints what changed from one record to another."""
    before, after = _record(options.before), _record(options.after)
    found = difference(before, after, tolerance=options.tolerance)
    if options.json:
        _print_json(found)
    else:
        _print_lines(_difference_lines(found, Survey(before), Survey(after), options.full))
    return 0 if found.nothing else 1


def _difference_lines(found: Difference, before: Survey, after: Survey, full: bool) -> list[Line]:
    script = Script(sys.stdout.encoding)
    lines: list[Line] = [[("- ", "bad"), (called(before, script, part), "")] for part in found.gone]
    lines += [[("+ ", "sum"), (called(after, script, part), "")] for part in found.added]
    for pair in found.rewired:
        arguments = changed_arguments(before.nodes[pair[0]], after.nodes[pair[1]])
        takes = ", ".join(f"{key} {one} → {other}" for key, (one, other) in arguments.items())
        why = script.say(harmless(f"  takes {takes}")) if takes else "  reads from elsewhere"
        lines.append([("~ ", "gradient"), (_pair(before, after, script, pair), ""), (why, "muted")])
    shown = found.moved if full else found.moved[:MOST_MOVED]
    rows = [
        (_pair(before, after, script, (change.before, change.after)), change.kind, *_movement(change, script))
        for change in shown
    ]
    widths = [max((len(row[k]) for row in rows), default=0) for k in range(4)]
    for row in rows:
        line: Line = [("~ ", "gradient")]
        styles = ("", "muted", row[1], "muted")
        line += [(cell.ljust(space) + "  ", style) for cell, space, style in zip(row, widths, styles, strict=True)]
        lines.append(line)
    if len(found.moved) > len(shown):
        lines.append([(f"{script.dots} {len(found.moved) - len(shown)} more moved (--full lists them)", "muted")])
    if found.nothing:
        return [[(f"no difference in {many(found.compared, 'op or leaf', 'ops and leaves')}", "sum")]]
    gradients = sum(change.kind == "gradient" for change in found.moved)
    said = [
        f"{len(found.added)} added",
        f"{len(found.gone)} gone",
        f"{len(found.rewired)} rewired",
        f"{many(gradients, 'gradient')} and {many(len(found.moved) - gradients, 'value')} moved",
    ]
    return [*lines, [(", ".join(said) + f"; {found.compared} ops and leaves are in both", "muted")]]


def _pair(before: Survey, after: Survey, script: Script, pair: tuple[str, str]) -> str:
    ones = called(before, script, pair[0]), called(after, script, pair[1])
    return ones[0] if ones[0] == ones[1] else script.say(f"{ones[0]} → {ones[1]}")


def _movement(change: Change, script: Script) -> tuple[str, str]:
    """By how much a number moved, and from where to where."""
    shapes, bad = change.shapes, change.nonfinite
    if shapes[0] is None or shapes[1] is None:
        return ("appeared" if shapes[0] is None else "is gone"), ""
    if shapes[0] != shapes[1]:
        return "has another shape", script.say(f"{script.shape(shapes[0])} → {script.shape(shapes[1])}")
    norms = [number(norm) if norm is not None else "not finite" for norm in change.norms]
    ends = script.say(f"norm {norms[0]} → {norms[1]}")
    if math.isinf(change.relative):
        return script.say(f"NaN or infinity in {bad[0]} → {bad[1]}"), ends
    return script.say(f"by {number(change.largest, 3)} ({number(100 * change.relative, 3)} %)"), ends


def _record(file: str) -> GraphRecord:
    if file != STDIN:
        return load_graph(file)
    try:
        return from_json(sys.stdin.buffer.read(MAX_BYTES + 1))
    except RecordError as error:
        raise RecordError(f"standard input: {error}") from None


def _width() -> int:
    from rich.console import Console

    console = Console()
    return console.width if console.is_terminal or "COLUMNS" in os.environ else PLAIN_WIDTH


def _print_lines(lines: Iterable[Line]) -> None:
    """The lines on standard output: with colour on a terminal that has it, plain elsewhere."""
    from rich.console import Console
    from rich.text import Text

    console = Console()
    script = Script(console.encoding)
    for line in lines:
        text = Text.assemble(*((script.say(harmless(part)), STYLES.get(style, "")) for part, style in line), end="")
        text.rstrip()
        if console.color_system is None or console.no_color:
            console.file.write(text.plain + "\n")
        else:
            console.print(text, crop=False, no_wrap=True, overflow="ignore", end="\n")


def _print_json(value: Any) -> None:
    sys.stdout.buffer.write((json.dumps(_plain(value), ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode())


def _plain(value: Any) -> Any:
    """A value in the words of JSON; numbers that are not finite by name, as in a record."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _write(text: str, output: str | None) -> int:
    """Text in UTF-8, on standard output or in a file."""
    if output is None or output == STDIN:
        sys.stdout.buffer.write(text.encode())
    else:
        Path(output).write_text(text, encoding="utf-8")
    return 0


def _parser() -> Parser:
    module = os.path.basename(sys.argv[0]) == "__main__.py"
    prog = "python -m grad_engine" if module else "grad-engine"
    shape = argparse.RawDescriptionHelpFormatter
    default = str(DEFAULT_PATH)

    def said(*lines: str) -> str:
        shown = "\n".join(f"  {prog} {line}" for line in lines)
        return EPILOG.format(default=default, lines=shown)

    parser = Parser(
        prog=prog,
        description="Reads a record of a backward graph, which an export wrote.",
        epilog=said(
            "tree", "check graph.json", "show x3", "diff before.json after.json", "dot | dot -Tsvg > graph.svg"
        ),
        formatter_class=shape,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)

    def command(name: str, run: Callable[[argparse.Namespace], int], *lines: str, file: bool = True) -> Parser:
        what = str(run.__doc__)
        added: Parser = commands.add_parser(
            name, help=what, description=what, epilog=said(*lines), formatter_class=shape
        )
        added.set_defaults(run=run)
        if file:
            added.add_argument("file", nargs="?", default=default, metavar="FILE", help="the record")
        return added

    shown = command("tree", show_tree, "tree", "tree graph.json --focus x3", "tree --depth 3 --width 60", "tree --full")
    shown.add_argument("--full", action="store_true", help="fold nothing")
    shown.add_argument(
        "--focus", metavar="NAME", help="only what lies below an op (#3, 3), or leads to a leaf; or a tensor's name"
    )
    shown.add_argument("--depth", type=int, metavar="N", help="no further than N edges from the root")
    shown.add_argument("--max-lines", type=int, dest="lines", metavar="N", help="fold until it fits N lines")
    shown.add_argument("--width", type=_count, metavar="N", help="columns (default: the terminal's)")

    check = command("check", check_file, "check", "check graph.json --json", "check - < graph.json")
    check.add_argument("--json", action="store_true", help="the answer as JSON")

    dot = command("dot", write_dot, "dot | dot -Tsvg > graph.svg", "dot graph.json --output graph.dot")
    dot.add_argument("--output", "-o", metavar="PATH", help="write to a file")

    svg = command("svg", write_svg, "svg --output graph.svg", "svg graph.json --theme light > graph.svg")
    svg.add_argument("--output", "-o", metavar="PATH", help="write to a file")
    svg.add_argument("--theme", choices=("dark", "light"), default="dark", help="dark (the default) or light")
    svg.add_argument("--no-title", dest="title", action="store_false", help="only the graph")
    svg.add_argument("--max-items", dest="items", type=_count, default=300, metavar="N", help="draw at most N (300)")

    show = command("show", show_node, "show x3", "show '#3'", "show n3 graph.json --json", file=False)
    show.add_argument("node", metavar="NODE", help="an op (#3, 3, n3) or a tensor's name")
    show.add_argument("file", nargs="?", default=default, metavar="FILE", help="the record")
    show.add_argument("--full", action="store_true", help="list every operand and share, however many")
    show.add_argument("--json", action="store_true", help="the answer as JSON")

    diff = command("diff", show_difference, "diff before.json", "diff a.json b.json --tolerance 1e-6", file=False)
    diff.epilog = f"{diff.epilog}\nexit status: 0 without a difference, 1 with one, 2 where a record cannot be read\n"
    diff.add_argument("before", metavar="A", help="a record")
    diff.add_argument("after", nargs="?", default=default, metavar="B", help="a later one (default: the last export)")
    diff.add_argument(
        "--tolerance", type=_tolerance, default=0.0, metavar="X", help="let numbers move by X of their size"
    )
    diff.add_argument("--full", action="store_true", help="list everything that moved")
    diff.add_argument("--json", action="store_true", help="the answer as JSON")
    return parser


def _count(text: str) -> int:
    if (value := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 up, got {text}")
    return value


def _tolerance(text: str) -> float:
    value = float(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number from 0 up, got {text}")
    return value
