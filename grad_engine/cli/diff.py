"""`diff`: what changed from one record to another, as lines of text or as JSON."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence

from grad_engine.cli.console import print_json, print_lines, record_in, script
from grad_engine.cli.difference import Change, Difference, changed_arguments, difference
from grad_engine.cli.parser import Command, Parser, add_record
from grad_engine.formula import number
from grad_engine.record.index import RecordIndex, index_of
from grad_engine.record.words import harmless, many
from grad_engine.tree.notes import called
from grad_engine.tree.tables import Line
from grad_engine.tree.text import Script

MODULE = 32  # columns of the path of a module
MOST_MODULES = 24
PERCENT = "by: the largest change of one entry, in percent of the largest entry (or of the norm, where more)"
MOST_MOVED = 20  # numbers that moved, listed unless --full is given


def run(options: argparse.Namespace) -> int:
    """Prints what changed from one record to another."""
    before, after = record_in(options.before), record_in(options.after)
    found = difference(before, after, tolerance=options.tolerance)
    if options.json:
        print_json(found)
    else:
        print_lines(lines_of(found, index_of(before), index_of(after), options.full, script()))
    return 0 if found.nothing else 1


def lines_of(found: Difference, before: RecordIndex, after: RecordIndex, full: bool, script: Script) -> list[Line]:
    """The difference as lines of styled text; without `full` only what moved most."""
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
    if len(found.moved) > MOST_MOVED and after.scopes:
        lines += _by_module(found, after, script)
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
    if rows:
        lines.append([(script.say(PERCENT), "muted")])
    return [*lines, [(", ".join(said) + f"; {found.compared} ops and leaves are in both", "muted")]]


def _by_module(found: Difference, after: RecordIndex, script: Script) -> list[Line]:
    """How many numbers moved in each module, by the first two parts of its path, and the one that moved most."""
    scopes = {node: scope for scope, nodes in after.scopes.items() for node in nodes}
    groups: dict[str, list[Change]] = {}
    for change in found.moved:  # the one that moved most comes first
        path = scopes.get(change.after) or (change.name or "").rpartition(".")[0]
        groups.setdefault(".".join(path.split(".")[:2]), []).append(change)
    largest = sorted(groups.items(), key=lambda group: -group[1][0].relative)
    rows = [
        (script.path(path, MODULE) if path else "(no module)", _counts(some), f"most {_movement(some[0], script)[0]}")
        for path, some in largest[:MOST_MODULES]
    ]
    widths = [max(len(row[k]) for row in rows) for k in range(2)]
    lines: list[Line] = [[("by module", "header")]]
    lines += [
        [("  ", ""), (path.ljust(widths[0]) + "  ", ""), (counts.ljust(widths[1]) + "  ", "muted"), (most, "muted")]
        for path, counts, most in rows
    ]
    if len(groups) > len(rows):
        lines.append([(f"  {script.dots} {len(groups) - len(rows)} more modules", "muted")])
    return lines


def _counts(changes: Sequence[Change]) -> str:
    gradients = sum(change.kind == "gradient" for change in changes)
    return f"{many(gradients, 'gradient')}, {many(len(changes) - gradients, 'value')}"


def _pair(before: RecordIndex, after: RecordIndex, script: Script, pair: tuple[str, str]) -> str:
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


def arguments(parser: Parser) -> None:
    """Adds what `diff` takes."""
    parser.add_argument("before", metavar="A", help="a record")
    add_record(parser, "after", "B", "a later one (default: the last export)")
    parser.add_argument(
        "--tolerance", type=_tolerance, default=0.0, metavar="X", help="let numbers move by X of their size"
    )
    parser.add_argument("--full", action="store_true", help="list everything that moved")
    parser.add_argument("--json", action="store_true", help="the answer as JSON")


def _tolerance(text: str) -> float:
    value = float(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number from 0 up, got {text}")
    return value


COMMAND = Command(
    "diff",
    run,
    arguments,
    ("diff before.json", "diff a.json b.json --tolerance 1e-6"),
    "by 0.5 (10 %): the largest change of one entry, and that in percent of the\n"
    "largest entry, or the change of the norm in percent where that is more\n"
    "exit status: 0 without a difference, 1 with one, 2 where a record cannot be read",
)
