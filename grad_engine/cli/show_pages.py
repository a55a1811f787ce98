"""What `show` prints: facts and tables of tensors, of one op, leaf or module."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from grad_engine.cli.details import Details, ModuleDetails, Passage
from grad_engine.formula import number
from grad_engine.formula import text as formula_text
from grad_engine.record import AccumulatorRecord, InputRecord, NodeRecord
from grad_engine.record.arrays import statistics
from grad_engine.record.explained import nudge_words, path_words
from grad_engine.record.index import RecordIndex, is_plain_number, short_name
from grad_engine.record.parts import ExplainRecord
from grad_engine.record.words import ABSENT, brief, harmless, many, not_finite
from grad_engine.tree.notes import called
from grad_engine.tree.tables import Field, Line, columns
from grad_engine.tree.text import Script, tally
from grad_engine.tree.text import width as width_of

LONGEST = 28  # columns of a name
MOST_ROWS = 40  # operands, shares and the like that are listed, unless all are asked for
FEWEST_VALUES = 14  # columns; with less room than this, first values are left out

T = TypeVar("T")


def page(index: RecordIndex, about: Details, script: Script, room: int, *, full: bool = False) -> list[Line]:
    """The details as lines of styled text, at most `room` columns wide; without `full` long lists are cut."""
    return list(_PartPage(index, script, room, None if full else MOST_ROWS, about).lines())


def module_page(
    index: RecordIndex, about: ModuleDetails, script: Script, room: int, *, full: bool = False
) -> list[Line]:
    """The details of a module as lines of styled text, at most `room` columns wide."""
    return list(_ModulePage(index, script, room, None if full else MOST_ROWS, about).lines())


class _Page:
    """Tables of tensors under headings."""

    def __init__(self, index: RecordIndex, script: Script, room: int, most: int | None) -> None:
        self.index, self.script, self.room, self.most = index, script, room, most

    def facts(self, pairs: Sequence[tuple[str, str]]) -> Iterator[Line]:
        for key, value in pairs:
            if value:
                shown = self.script.cut(self.script.say(harmless(value)), self.room - 12)
                yield [(f"  {key:<10}", "muted"), (shown, "")]

    def owner(self, tensor: str) -> str:
        """What a tensor is called: its name, else the op that made it or the accumulator of the leaf, else its id."""
        if name := self.index.tensors[tensor].name:
            return self.script.name(name, LONGEST)
        return self.index.label(tensor) or tensor

    def tensor(self, id: str) -> list[str]:
        """Shape and dtype, statistics; the first values are added by the table, in what room is left."""
        tensor = self.index.tensors[id]
        stats = statistics(tensor) if math.prod(tensor.shape) != 1 else None
        kind = f"{self.script.shape(self.index.shape(id))} {self.script.name(tensor.dtype, 10)}".strip()
        if stats is None:
            return [kind, "" if tensor.data is not None else ABSENT[tensor.absent], id]
        sizes = [("min", stats.min), ("max", stats.max), ("mean", stats.mean), ("std", stats.std), ("norm", stats.norm)]
        said = [f"{key} {number(value, 3)}" for key, value in sizes if value is not None]
        said += [not_finite(self.index.measured(id))] if stats.first_nonfinite is not None else []
        said += [self.script.bars(stats.histogram.counts)] if stats.histogram and stats.min != stats.max else []
        return [kind, self.script.say("  ".join(said)), id]

    def nameless(self, id: str) -> list[str]:
        return ["", *self.tensor(id)]

    def owned(self, id: str) -> list[str]:
        return [self.owner(id), *self.tensor(id)]

    def table(
        self, heading: str, things: Sequence[T], row: Callable[[T], Sequence[str]], style: str = "value"
    ) -> Iterator[Line]:
        """The row of each thing under a heading: what, shape, first values, statistics, as far as they fit."""
        if not things:
            return
        yield [(f"  {heading}", "muted")]
        shown = [row(each) for each in things[: self.most]]
        widest = [min(max(width_of(cells[k]) for cells in shown if len(cells) > k), self.room) for k in (0, 1)]
        for cells in shown:
            left = self.room - 4
            line: Line = [("    ", "")]
            for k, cell in enumerate(cells[:2]):
                text = self.script.cut(cell, max(left, 0))
                pad = " " * (widest[k] - width_of(text) + 2 * bool(widest[k]))
                line += [(text + pad, "" if k == 0 else "muted")]
                left -= width_of(text + pad)
            if len(cells) > 2:
                glimpse = self.script.glimpse(self.index.tensors[cells[3]], left) if left >= FEWEST_VALUES else ""
                line.append((glimpse or self.script.cut(cells[2], max(left, 0)), style))
                if glimpse and cells[2]:
                    yield line
                    line = [("      " + self.script.cut(cells[2], self.room - 6), "muted")]
            yield line
        if len(things) > len(shown):
            yield [(f"    {self.script.dots} {len(things) - len(shown)} more", "muted")]


class _PartPage(_Page):
    """One op or leaf."""

    def __init__(self, index: RecordIndex, script: Script, room: int, most: int | None, about: Details) -> None:
        super().__init__(index, script, room, most)
        self.about = about

    def lines(self) -> Iterator[Line]:
        about, ran = self.about, self.index.run is not None
        part = about.part
        yield [(called(self.index, self.script, part.id), "header")]
        yield from self.facts(self.pairs(part))
        if isinstance(part, NodeRecord):
            yield from self.table("reads", part.inputs, self.operand)
            yield from self.table("computes", [*enumerate(about.outputs)], self.named)
        else:
            yield from self.table("value", about.outputs, self.nameless)
        if not ran:
            yield [("  backward has not run: there are no gradients", "muted")]
        elif not any(about.gradients):
            yield [("  no gradient reached it in the last run", "muted")]
        if about.before is not None:
            yield from self.table("gradient before the run", [about.before], self.nameless, "gradient")
        received = [(k, each) for k, each in enumerate(about.gradients) if each is not None]
        one = len(about.gradients) < 2
        yield from self.table("gradient", received, lambda g: self.nameless(g[1]) if one else self.named(g), "gradient")
        heading = "it is the sum of" if len(about.arrivals) > 1 else "it arrived"
        yield from self.table(heading, about.arrivals, lambda each: self.passage(each, "from"), "gradient")
        yield from self.explained(part.id)
        yield from self.table("it sends", about.shares, lambda each: self.passage(each, "to"), "gradient")

    def explained(self, part: str) -> Iterator[Line]:
        """At the leaf that was nudged: what that did, and the paths along which its gradient came."""
        explain = self.index.record.explain
        if explain is None or part not in _followed(explain, self.index):
            return
        told = [line for line in (nudge_words(self.index.record), *path_words(self.index.record)) if line is not None]
        yield [("  explained", "muted")]
        for line in told:
            for row in self.script.wrap(self.script.say(harmless(line)), self.room - 4):
                yield [(f"    {row}", "")]

    def pairs(self, part: NodeRecord | AccumulatorRecord) -> list[tuple[str, str]]:
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
        return pairs

    def formula(self, node: NodeRecord) -> str:
        """What it computes, in its own words and then with the names of its operands."""
        if node.formula is None:
            return ""
        own = node.formula.forward.text
        if len(node.inputs) > MOST_ROWS:  # longer than any line
            return own
        here = formula_text(
            node.formula.forward.tree, {each.parameter: self.owner(each.tensor) for each in node.inputs}
        )
        return own if here == own else f"{own}  here {here}"

    def output(self, k: int) -> str:
        name = self.index.tensors[self.about.outputs[k]].name
        return self.script.name(name, LONGEST) if name else f"output {k}" if len(self.about.outputs) > 1 else ""

    def named(self, output: tuple[int, str]) -> list[str]:
        """The row of an output, or of its gradient: its number, and which tensor."""
        return [self.output(output[0]), *self.tensor(output[1])]

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
        rule = each.rule or each.words
        said += f": {self.script.cut(self.script.say(harmless(rule)), LONGEST)}" if rule else ""
        said += f", summed over {many(len(each.reduced_axes), 'axis', 'axes')}" if each.reduced_axes else ""
        return [said, *(self.tensor(each.share) if each.share is not None else ["not sent"])]


class _ModulePage(_Page):
    """One module."""

    def __init__(self, index: RecordIndex, script: Script, room: int, most: int | None, about: ModuleDetails) -> None:
        super().__init__(index, script, room, most)
        self.about = about

    def lines(self) -> Iterator[Line]:
        about, index, script = self.about, self.index, self.script
        yield [(script.path(about.path, self.room), "header")]
        ops = tally((short_name(index.nodes[op]) for op in about.ops), script, kinds=6)
        ends = dict.fromkeys(map(brief, about.gradients or ()))
        first, last = about.steps or (0, 0)
        ran = f"{first} to {last}" if first != last else str(first)
        calls = f"{about.calls} of it, " if about.calls > 1 else ""
        yield from self.facts([
            ("module", f"{calls}{many(len(about.ops), 'op')}: {' '.join(ops)}"),
            ("holds", ", ".join(about.modules[: self.most])),
            ("steps" if first != last else "step", f"{ran} of {len(index.steps)}" if about.steps else ""),
            ("gradients", f"‖grad‖ {' … '.join(ends)}" if ends else ""),
        ])  # fmt: skip
        if about.nonfinite:
            named = ", ".join(called(index, script, op) for op in about.nonfinite[:6])
            text = f"  NaN or infinity in {many(len(about.nonfinite), 'op')}: {named}"
            yield [(script.cut(text, self.room), "bad")]
        if index.run is None:
            yield [("  backward has not run: there are no gradients", "muted")]
        reads = [id for id in about.reads if not is_plain_number(index.tensors[id])]
        yield from self.table("reads", reads, self.owned)
        yield from self.table("computes", about.computes, self.owned)
        if about.parameters:
            yield [("  parameters", "muted")]
            shown = about.parameters[: self.most]
            for line in columns(self.parameters(shown), self.room - 4, script):
                yield [("    ", ""), *line]
            if len(about.parameters) > len(shown):
                yield [(f"    {script.dots} {len(about.parameters) - len(shown)} more", "muted")]

    def parameters(self, leaves: Sequence[str]) -> list[Field]:
        """Name, shape, ‖value‖, ‖grad‖ and their ratio, of each leaf that only this module reads."""
        index, script = self.index, self.script
        names = [(index.leaf(leaf).name or leaf).removeprefix(f"{self.about.path}.") for leaf in leaves]
        values = [index.value(leaf) for leaf in leaves]
        gradients = [index.gradient(leaf) for leaf in leaves]
        ratios = [
            script.say(brief(g.norm / v.norm)) if v and g and v.norm and g.norm is not None else ""
            for v, g in zip(values, gradients, strict=True)
        ]
        return [
            Field("", "value", [script.name(name, LONGEST) for name in names]),
            Field("shape", "muted", [script.shape(index.shape(index.outputs(leaf)[0])) for leaf in leaves], False),
            Field(script.say("‖value‖"), "value", [not_finite(v) or script.norm(v) for v in values], False),
            Field(script.say("‖grad‖"), "gradient", [not_finite(g) or script.norm(g) for g in gradients], False),
            Field("grad/value", "muted", ratios, False),
        ]


def _followed(explain: ExplainRecord, index: RecordIndex) -> set[str]:
    """The leaf that was nudged, and that to which the paths lead."""
    found = {index.edges[path.steps[-1].edge].receiver for path in explain.paths}
    return found if explain.probe is None else found | {explain.probe.accumulator}
