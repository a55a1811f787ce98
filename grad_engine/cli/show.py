"""`show`: everything about one op or leaf, as lines of text or as JSON."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Sequence

from grad_engine.cli.console import print_json, print_lines, record_in, width
from grad_engine.cli.details import Details, Passage, details
from grad_engine.cli.parser import Command, Parser, add_record
from grad_engine.errors import GraphError
from grad_engine.formula import number
from grad_engine.formula import text as formula_text
from grad_engine.record import AccumulatorRecord, InputRecord, NodeRecord
from grad_engine.record.index import RecordIndex, index_of
from grad_engine.record.words import harmless, many, not_finite
from grad_engine.tree.notes import called
from grad_engine.tree.tables import Line
from grad_engine.tree.text import Script
from grad_engine.tree.text import width as width_of

LONGEST = 28  # columns of a name
MOST_ROWS = 40  # operands, shares and the like that are listed, unless all are asked for
FEWEST_VALUES = 14  # columns; with less room than this, first values are left out


def run(options: argparse.Namespace) -> int:
    """Prints everything about one op or leaf."""
    index = index_of(record_in(options.file))
    parts = index.find(options.node)
    if not parts:
        ids = [f"#{len(index.nodes) - 1}"] if index.nodes else []
        known = ", ".join(harmless(name[:40]) for name in (*index.names()[:6], *ids))
        raise GraphError(f"no op or leaf is called {options.node!r}: ask for one of {known}")
    if options.json:
        print_json([details(index, part) for part in parts])
        return 0
    lines: list[Line] = []
    for part in parts:
        shown = page(index, details(index, part), Script(sys.stdout.encoding), width(), full=options.full)
        lines += [*([[]] if lines else []), *shown]
    print_lines(lines)
    return 0


def page(index: RecordIndex, about: Details, script: Script, room: int, *, full: bool = False) -> list[Line]:
    """The details as lines of styled text, at most `room` columns wide; without `full` long lists are cut."""
    return list(_Page(index, about, script, room, None if full else MOST_ROWS).lines())


class _Page:
    def __init__(self, index: RecordIndex, about: Details, script: Script, room: int, most: int | None) -> None:
        self.index, self.about, self.script, self.room, self.most = index, about, script, room, most

    def lines(self) -> Iterator[Line]:
        about, ran = self.about, self.index.run is not None
        part = about.part
        yield [(called(self.index, self.script, part.id), "header")]
        yield from self.facts(part)
        if isinstance(part, NodeRecord):
            yield from self.table("reads", [self.operand(each) for each in part.inputs])
            yield from self.table("computes", [[self.output(k), *self.tensor(t)] for k, t in enumerate(about.outputs)])
        else:
            yield from self.table("value", [["", *self.tensor(about.outputs[0])]])
        if not ran:
            yield [("  backward has not run: there are no gradients", "muted")]
        elif not any(about.gradients):
            yield [("  no gradient reached it in the last run", "muted")]
        if about.before is not None:
            yield from self.table("gradient before the run", [["", *self.tensor(about.before)]], "gradient")
        received = [["" if len(about.gradients) < 2 else self.output(k), *self.tensor(each)]
                    for k, each in enumerate(about.gradients) if each is not None]  # fmt: skip
        yield from self.table("gradient", received, "gradient")
        heading = "it is the sum of" if len(about.arrivals) > 1 else "it arrived"
        yield from self.table(heading, [self.passage(each, "from") for each in about.arrivals], "gradient")
        yield from self.table("it sends", [self.passage(each, "to") for each in about.shares], "gradient")

    def facts(self, part: NodeRecord | AccumulatorRecord) -> Iterator[Line]:
        pairs: list[tuple[str, str]] = [("id", part.id)]
        if isinstance(part, NodeRecord):
            pairs += [
                ("op", f"{part.op}, {part.category}"),
                ("scope", part.scope),
                ("step", f"{self.about.step} of {len(self.index.steps)}" if self.about.step else ""),
                ("source", f"{part.source.file}:{part.source.line}  {part.source.code.strip()}" if part.source else ""),
                ("formula", self.formula(part)),
                ("arguments", ", ".join(f"{key}={value}" for key, value in (part.attributes or {}).items())),
                ("saved", ", ".join(self.owner(tensor) for tensor in part.saved[:MOST_ROWS])),
            ]
        for key, value in pairs:
            if value:
                yield [
                    (f"  {key:<10}", "muted"),
                    (self.script.cut(self.script.say(harmless(value)), self.room - 12), ""),
                ]

    def formula(self, node: NodeRecord) -> str:
        """What it computes, in its own words and then with the names of its operands."""
        if node.formula is None:
            return ""
        own = node.formula.forward.text
        here = formula_text(
            node.formula.forward.tree, {each.parameter: self.owner(each.tensor) for each in node.inputs}
        )
        return own if here == own else f"{own}  here {here}"

    def owner(self, tensor: str) -> str:
        """What a tensor is called: its name, else the op that made it or the accumulator of the leaf, else its id."""
        if name := self.index.tensors[tensor].name:
            return self.script.name(name, LONGEST)
        return self.index.label(tensor) or tensor

    def output(self, k: int) -> str:
        name = self.index.tensors[self.about.outputs[k]].name
        return self.script.name(name, LONGEST) if name else f"output {k}" if len(self.about.outputs) > 1 else ""

    def operand(self, each: InputRecord) -> list[str]:
        tensor = self.index.tensors[each.tensor]
        name = self.script.name(tensor.name, LONGEST) if tensor.name else ""
        maker = self.index.producer(each.tensor)
        origin = called(self.index, self.script, maker) if maker is not None else "constant"
        stretched = ", stretched" if each.broadcast_from is not None else ""
        return [f"{self.script.name(each.parameter, LONGEST)}: {name or origin}{stretched}", *self.tensor(each.tensor)]

    def passage(self, each: Passage, towards: str) -> list[str]:
        said = f"{towards} {called(self.index, self.script, each.other)}"
        said += f" ({each.k}/{each.of})" if each.of > 1 else ""
        said += f": {self.script.cut(self.script.say(each.rule), LONGEST)}" if each.rule else ""
        said += f", summed over {many(len(each.reduced_axes), 'axis', 'axes')}" if each.reduced_axes else ""
        return [said, *(self.tensor(each.share) if each.share is not None else ["not sent"])]

    def tensor(self, id: str) -> list[str]:
        """Shape and dtype, statistics; the first values are added by the table, in what room is left."""
        tensor, stats = self.index.tensors[id], self.about.statistics.get(id)
        kind = f"{self.script.shape(self.index.shape(id))} {self.script.name(tensor.dtype, 10)}".strip()
        if stats is None or math.prod(tensor.shape) == 1:
            return [kind, "" if tensor.data is not None else "not recorded", id]
        sizes = [("min", stats.min), ("max", stats.max), ("mean", stats.mean), ("norm", stats.norm)]
        said = [f"{key} {number(value, 3)}" for key, value in sizes if value is not None]
        said += [not_finite(self.index.measured(id))] if stats.first_nonfinite is not None else []
        return [kind, self.script.say("  ".join(said)), id]

    def table(self, heading: str, rows: Sequence[Sequence[str]], style: str = "value") -> Iterator[Line]:
        """The rows under a heading: what, shape, first values, statistics, as far as they fit."""
        if not rows:
            return
        yield [(f"  {heading}", "muted")]
        shown = rows[: self.most]
        widest = [min(max(width_of(row[k]) for row in shown if len(row) > k), self.room) for k in (0, 1)]
        for row in shown:
            left = self.room - 4
            line: Line = [("    ", "")]
            for k, cell in enumerate(row[:2]):
                text = self.script.cut(cell, max(left, 0))
                pad = " " * (widest[k] - width_of(text) + 2 * bool(widest[k]))
                line += [(text + pad, "" if k == 0 else "muted")]
                left -= width_of(text + pad)
            if len(row) > 2:
                glimpse = self.script.glimpse(self.index.tensors[row[3]], left) if left >= FEWEST_VALUES else ""
                line.append((glimpse or self.script.cut(row[2], max(left, 0)), style))
                if glimpse and row[2]:
                    yield line
                    line = [("      " + self.script.cut(row[2], self.room - 6), "muted")]
            yield line
        if len(rows) > len(shown):
            yield [(f"    {self.script.dots} {len(rows) - len(shown)} more", "muted")]


def arguments(parser: Parser) -> None:
    """Adds what `show` takes."""
    parser.add_argument("node", metavar="NODE", help="an op (#3, 3, n3) or a tensor's name")
    add_record(parser)
    parser.add_argument("--full", action="store_true", help="list every operand and share, however many")
    parser.add_argument("--json", action="store_true", help="the answer as JSON")


COMMAND = Command("show", run, arguments, ("show x3", "show '#3'", "show n3 graph.json --json"))
