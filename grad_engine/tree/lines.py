"""The tree as lines of styled text: the header, one line per row or fold with its columns, the tables."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from grad_engine.formula import INFIX, number
from grad_engine.record import NodeRecord, TensorRecord
from grad_engine.record.index import Measure, mark, short_name, together
from grad_engine.record.layers import layer_of
from grad_engine.record.words import ABSENT, brief, count, harmless, many, not_finite, percent
from grad_engine.tree import notes, tables
from grad_engine.tree.rows import Fold, Row, folded, rows
from grad_engine.tree.shown import Shown
from grad_engine.tree.tables import GAP, Line, Span
from grad_engine.tree.text import Script, tally, width

HEADER = "## Backward computation graph ##"
MODEL_LINES = 60  # of a record with closed modules, header and tables included
LARGE_GRAPH = 1_000  # ops from which on a table by op comes first
NOTE = 80  # columns of the note on folds, if it stood on one line
BAR, WIDE_BAR, WIDE = 4, 8, 100  # columns of the log bar, and the width of terminal that has room for the longer one
MODEL_LEAVES = 12  # leaves in their table where modules are closed
DECADES = (3.0, 12.0)  # a full bar stands for at least, and at most, this many powers of ten more than an empty one
VALUES = (20, 48)  # columns that the first values of a gradient are worth
SHORT_NAME = 14  # columns that guides leave to a name
NAME, DETAIL = 24, 28  # columns of a tensor's name, and of a constant, an attribute or a scope on an op's line


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked of the tree."""

    full: bool = False
    focus: tuple[str, ...] = ()  # ids of ops and leaves
    depth: int | None = None
    max_lines: int | None = None
    level: int | None = None  # levels of modules that are open
    expand: tuple[str, ...] = ()  # paths of modules that are open
    health: bool = False  # what layers give, in the place of steps and sums
    typed: bool = False  # on a command line, where its parts are called --full and so on


@dataclass(frozen=True, slots=True)
class Column:
    """One column beside the tree: what stands above it, its style, and whether its cells begin on the left."""

    key: str
    title: str
    style: str
    left: bool = False


# By how much a reader would miss them: as the terminal narrows, the last one goes first.
COLUMNS = (
    Column("bad", "", "bad"),
    Column("node", "#", "muted"),
    Column("module", "module", "muted", left=True),
    Column("step", "step", "muted"),
    Column("shape", "shape", "value"),
    Column("place", "sum", "sum"),
    Column("norm", "‖grad‖", "gradient"),
    Column("bar", "", "gradient", left=True),
)
# The same where health was asked for, and for a record with modules.
BY_HEALTH = ("bad", "health", "norm", "std", "shape", "node")
WITH_MODULES = ("bad", "node", "module", "norm", "shape", "place", "step", "bar")
# And for the health of layers.
HEALTH = (
    Column("bad", "", "bad"),
    Column("node", "#", "muted"),
    Column("shape", "shape", "value"),
    Column("std", "std", "value"),
    Column("health", "health", "bad", left=True),
    Column("norm", "‖grad‖", "gradient"),
)
MODULE = (8, 24, 12)  # columns for the path of a module: at least, at most, and at least beside gradients
_LEFT_OUT = re.compile(r"(?:⋯|\.\.\.)(\d+)")  # levels that a deep line's guides leave out, as `_before` writes them
FIRST_VALUES = Column("values", "first values", "gradient", left=True)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a column stands on the line."""

    column: Column
    start: int
    width: int


Cells = dict[str, Span]  # they hold no names, so each character takes one column


class Sheet:
    """One printing of a record: in a script, at a width, for a request."""

    def __init__(self, shown: Shown, request: Request, script: Script, room: int) -> None:
        self.shown = shown
        self.index = index = shown.index
        self.limited = False  # whether there is room for so many lines only
        self.request = request
        self.script = script
        self.room = max(1, room)
        roots = [part for part in request.focus if part in index.nodes] or index.roots
        self.rows = rows(shown, roots)
        self.roots = {part: i for i, part in enumerate(roots, 1)}
        self.columns: Sequence[Column] = HEALTH if request.health else COLUMNS
        self.updates = {each.accumulator: each.update for each in index.record.parameters}
        self.bar = WIDE_BAR if self.room >= WIDE else BAR
        part = 0.6 if shown.folds else 0.5
        self.names = min(self.room, max(int(part * self.room), 36))  # columns for guides and names that no column takes
        logs = [math.log10(m.norm) for row in self.rows if (m := row.size) and m.norm and m.norm < math.inf]
        self.top = max(logs, default=0.0)
        self.decades = min(max(self.top - min(logs, default=0.0), DECADES[0]), DECADES[1])

    def lines(self, height: int | None) -> list[Line]:
        """Everything, from the header to the table of leaves; in about `height` lines where a request left it open."""
        request = self.request
        head = self._header()
        table = self._leaves(None if request.full else tables.LEAVES_SHOWN)
        limit = request.max_lines
        if limit is None and not request.full and request.depth is None:
            asked = request.level is not None or request.expand
            limit = min(height or MODEL_LINES, MODEL_LINES) if self.shown.folds and not asked else height
        said = self.script.say(notes.nudge(self.shown.source))
        nudge = self.script.wrap(said, self.room) if said else []
        if limit is None or len(head) + len(nudge) <= limit // 2:  # a short page has more pressing things to say
            head += [[(line, "muted")] for line in nudge]
        if limit is not None:
            # Above the rows stand a summary and titles, below them a note on folds, which a narrow page breaks.
            limit = max(3, limit - len(head) - 2 - math.ceil(NOTE / self.room))
            if len(self.rows) + len(table) > limit and len(table) > limit // 2:
                table = self._leaves(most) if (most := limit // 2 - 4) > 0 else []
            limit = max(3, limit - len(table))
        self.limited = limit is not None
        leaves = {part for part in request.focus if part in self.index.accumulators}
        wanted = folded(self.rows, self.shown, keep=leaves, full=request.full, depth=request.depth, limit=limit)
        return [*head, *self._tree(wanted), *self._note_on_folds(wanted), *table]

    def _header(self) -> list[Line]:
        script, index = self.script, self.shown.source
        out: list[Line] = [[(script.cut(HEADER, self.room), "header")]]
        if shown := notes.title(index, script, self.room):
            out.append([(shown, "")])
        for text, style in notes.notes(self.shown.source, script):
            first, *more = script.wrap(script.say(text), self.room)
            word, space, sentence = first.partition(" ")
            rest = "" if style == "bad" else style
            out += [[(word + space, style), (sentence, rest)], *([(line, rest)] for line in more)]
        if len(index.nodes) > LARGE_GRAPH and not self.request.focus:
            out.extend(tables.by_op(index, script, self.room))
        return out

    def _leaves(self, most: int | None) -> list[Line]:
        asked = [part for part in self.request.focus if part in self.index.accumulators]
        shown = asked or [row.part for row in self.rows if row.kind == "leaf"]
        if self.shown.folds and not asked:
            met = {row.part for row in self.rows} | self.shown.leaves_inside(row.part for row in self.rows)
            shown = [part for part in self.shown.source.accumulators if part in met]
            most = min(most, MODEL_LEAVES) if most is not None else None
        return tables.leaves(self.shown.source, self.script, self.room, shown, most)

    def _note_on_folds(self, wanted: Sequence[int | Fold]) -> list[Line]:
        hidden = sum(piece.stop - piece.start for piece in wanted if isinstance(piece, Fold))
        typed = self.request.typed
        if closed := self.shown.folds:
            largest = max(closed.values(), key=lambda fold: len(fold.ops))
            label = largest.label.split(" … ")[0]
            ops = f"{sum(len(fold.ops) for fold in closed.values())} of {many(len(self.shown.source.nodes), 'op')}"
            ways = [f"--expand {shlex.quote(label)}" if typed else f"expand=[{label!r}]"]
            ways += [] if self.request.level is not None else ["--level 2" if typed else "level=2"]
            text = f"{ops} are in {many(len(closed), 'closed module')}: {', '.join(ways)} or "
            text += f"{'--full' if typed else 'full=True'} opens more."
            text += f" {hidden} of {len(self.rows)} lines are folded." if hidden else ""
            return [[(line, "muted")] for line in self.script.wrap(self.script.say(harmless(text)), self.room)]
        if not hidden:
            return []
        more = (
            ("--full" if typed else "full=True")
            if not self.request.full
            else ("more --max-lines" if typed else "a larger max_lines")
        )
        folds = (row for p in wanted if isinstance(p, Fold) for row in self.rows[p.start : p.stop] if row.kind == "op")
        focus = "--focus " if typed else "focus="
        example = next((f", {focus}{mark(row.part)!r} one part" for row in folds), "")
        text = f"{hidden} of {len(self.rows)} lines are folded: {more} prints all{example}."
        return [[(line, "muted")] for line in self.script.wrap(text, self.room)]

    def _note_on_levels(self, guides: Sequence[str]) -> list[Line]:
        """What ⋯6 before a line means, where the tree is so deep that one has it."""
        first = next((found for guide in guides if (found := _LEFT_OUT.match(guide))), None)
        if first is None:
            return []
        text = f"{first[0]} before a line: it is {first[1]} levels further to the right than it stands."
        return [[(line, "muted")] for line in self.script.wrap(text, self.room)]

    # One line of the tree: guides, a label, and the cells of its columns

    def _tree(self, wanted: Sequence[int | Fold]) -> list[Line]:
        guides = self._guides(wanted)
        cells = [
            self._fold_cells(piece) if isinstance(piece, Fold) else self._cells(self.rows[piece]) for piece in wanted
        ]
        labels = [
            self._fold_label(piece) if isinstance(piece, Fold) else self._label(self.rows[piece]) for piece in wanted
        ]
        places = self._places(guides, labels, cells)
        out = self._titles(places)
        for piece, guide, label, cell in zip(wanted, guides, labels, cells, strict=True):
            if places and places[-1].column is FIRST_VALUES and not isinstance(piece, Fold):
                self._add_values(self.rows[piece], cell, places[-1].width)
            out.append(self._line(guide, label, cell, places))
        return out if self.limited else [*out, *self._note_on_levels(guides)]

    def _guides(self, wanted: Sequence[int | Fold]) -> list[str]:
        """What stands before each label: the lines that lead down to it from its parent."""
        starts = (piece.start if isinstance(piece, Fold) else piece for piece in wanted)
        deepest = max((self.rows[start].level for start in starts), default=0)
        self.indent = 4 if deepest <= (self.names - SHORT_NAME) // 4 else 2
        self.levels = max(2, (self.names - SHORT_NAME) // self.indent)  # a deeper line counts the rest
        found: list[str] = []
        going_on = [False]  # per level: whether a sibling is still to come
        for piece in wanted:
            start, stop = (piece.start, piece.stop) if isinstance(piece, Fold) else (piece, piece + 1)
            lowest, before = math.inf, ""
            for row in self.rows[start:stop]:
                if row.level < lowest:
                    # A fold in a run stands in line with the arrows of the run.
                    arrow = " " if row.run and isinstance(piece, Fold) and self.indent > 2 else ""
                    lowest, before = row.level, self._before(going_on, row.level) + arrow
                del going_on[row.level + 1 :]
                if row.level == len(going_on):
                    going_on.append(False)
                going_on[row.level] = not row.last
            if not isinstance(piece, Fold):
                row = self.rows[piece]
                if row.level:
                    elbow = " ↳ " if row.run else "└──" if row.last else "├──"
                    before += elbow.ljust(self.indent) if self.indent > 2 else elbow.strip()[0] + " "
            found.append(self.script.say(before))
        return found

    def _before(self, going_on: list[bool], level: int) -> str:
        bar, blank = "│".ljust(self.indent), " " * self.indent
        if level <= self.levels:
            return "".join(bar if on else blank for on in going_on[1:level])
        # Beyond, the drawing starts again from the left every few levels, behind a count of those that are not drawn.
        page = max(1, self.levels // 2)
        skipped = -(-(level - self.levels) // page) * page
        count = f"⋯{skipped} "
        return count + "".join(bar if on else blank for on in going_on[1 + skipped : level])

    def _label(self, row: Row) -> list[Span]:
        """The name, the bracket, then details; a line keeps as many of them as fit."""
        script, index = self.script, self.index
        if row.kind == "leaf":
            accumulator = index.accumulators[row.part]
            name = script.name(notes.leaf_name(index, row.part), NAME)
            if row.part not in self.shown.whole.accumulators:  # made by an op outside of the module that is shown
                return [("", ""), (name, "leaf"), (" [ made outside ]", "muted")]
            label = [(f"{script.name(accumulator.name, NAME)} ", ""), (name, "leaf")]
            changed = self._changed((index.accumulators[row.part].leaf,))
            return [*label, (" [ Gradient accumulation ]", "muted"), *changed, *self._root_detail(row)]
        node = index.nodes[row.part]
        times = [(script.say(f" ×{len(row.edges)}"), "sum")] if len(row.edges) > 1 else []
        outputs = sorted({edge.output for edge in row.edges})
        if len(node.outputs) > 1 and outputs:
            which = ", ".join(map(str, outputs[:4]))
            times.append((f" (output{'s' if len(outputs) > 1 else ''} {which} of {len(node.outputs)})", "muted"))
        if row.kind == "seen":
            name = script.name(short_name(node), NAME)
            closed = row.part in self.shown.folds
            see = script.say(f"↺ see {script.path(node.name, NAME) if closed else f'{name} {mark(row.part)}'}")
            return [("", ""), (see, "muted"), ("", ""), *times, *self._root_detail(row)]
        if row.part in self.shown.folds:
            return [*self._module_label(row.part), *self._root_detail(row)]
        children = f" [ {row_children(node)} ]"
        label = [("", ""), (script.name(node.name, 2 * NAME), "op"), (children, "muted")]
        return [*label, *times, *self._changed(node.outputs), *self._root_detail(row), *self._details(node)]

    def _changed(self, tensors: Sequence[str]) -> list[Span]:
        """Says so where the program wrote over a value after the graph had read it."""
        if not any(self.index.tensors[tensor].absent == "changed" for tensor in tensors):
            return []
        return [(f" {ABSENT['changed']}", "result")]  # the style of what is left out last

    def _module_label(self, part: str) -> list[Span]:
        """The path of a closed module, and how much is in it."""
        fold, script = self.shown.folds[part], self.script
        ops = many(len(fold.ops), "op") if len(fold.ops) > 1 else script.name(short_name(fold.ops[0]), NAME)
        inside = f"{ops}, {many(fold.leaves, 'leaf', 'leaves')}" if fold.leaves else ops
        times = f" ×{fold.times}" if fold.times > 1 else ""
        return [
            ("", ""),
            (script.say(script.path(fold.label, 2 * NAME) + times), "module"),
            (f" [ {inside} ]", "muted"),
        ]

    def _root_detail(self, row: Row) -> list[Span]:
        if row.parent >= 0 or len(self.roots) < 2:
            return []
        return [(f" (root {self.roots[row.part]} of {len(self.roots)})", "muted")]

    def _details(self, node: NodeRecord) -> list[Span]:
        """What else there is to an op: its constants, its static arguments, the name of what it computed, its scope."""
        script, index = self.script, self.index
        out: list[Span] = []
        constants = index.constants(node)
        if len(node.inputs) == 2 and len(constants) == 1 and (sign := _sign(node)):
            slot, _, tensor = constants[0]
            sides = (sign, self._constant(tensor)) if slot else (self._constant(tensor), sign)
            out.append((" " + script.cut(script.say(harmless(" ".join(sides))), DETAIL), "value"))
        elif constants:
            text = ", ".join(f"{parameter}={self._constant(tensor)}" for _, parameter, tensor in constants[:3])
            out.append((" " + script.cut(script.say(harmless(text)), DETAIL), "value"))
        said = {
            key: value for key, value in (node.attributes or {}).items() if value is not None and value is not False
        }
        if said:
            text = ", ".join(f"{key}={_attribute(value)}" for key, value in list(said.items())[:4])
            out.append((" " + script.cut(script.say(harmless(text)), DETAIL), "muted"))
        names = [name for output in node.outputs if (name := index.tensors[output].name)]
        if names:
            shown = ", ".join(script.name(name, NAME) for name in names[:3])
            out.append((script.say(" → ") + shown, "result"))
        return out

    def _constant(self, tensor: TensorRecord) -> str:
        if tensor.shape or tensor.data is None or not tensor.data.values:
            sizes = "×".join(map(str, tensor.shape)) + ("," if len(tensor.shape) == 1 else "")  # (3,) is no number
            kind = f"({sizes})" if sizes else "constant"
            kind = ABSENT["changed"] if tensor.absent == "changed" else kind
            return f"{tensor.name} {kind}" if tensor.name else kind
        return number(tensor.data.values[0])

    def _fold_label(self, fold: Fold) -> list[Span]:
        index, script = self.index, self.script
        inside = self.rows[fold.start : fold.stop]
        made = [row.part for row in inside if row.kind == "op"]
        closed = [self.shown.folds[part] for part in made if part in self.shown.folds]
        ops = [index.nodes[part] for part in made if part not in self.shown.folds]
        leaves = list(dict.fromkeys(row.part for row in inside if row.kind == "leaf"))
        seen = sum(row.kind == "seen" for row in inside)
        within = sum(len(each.ops) for each in closed)
        parts = [f"{many(len(closed), 'module')} of {many(within, 'op')}"] if closed else []
        parts += [many(len(ops), "op")] if ops else []
        if leaves:
            parts.append(many(len(leaves), "leaf", "leaves"))
        if seen:
            parts.append(many(seen, "back-reference"))
        what: list[str] = []
        if made:
            labels = [script.path(each.label, NAME) for each in closed]
            what = [labels[0], script.say(f"… {labels[-1]}")] if len(labels) > 1 else labels
            what += tally((short_name(node) for node in ops), script)
            if steps := sorted(step for part in made for step in self.shown.steps(part)):
                first, final = steps[0], steps[-1]
                whole = final - first + 1 == len(steps)
                shown = f"step {first}" if first == final else f"steps {first}–{final}"
                what.append(script.say(f"({shown})" if whole else f"(in {shown})"))
        elif leaves:
            names = [script.name(notes.leaf_name(index, part), NAME) for part in leaves]
            what = [names[0], script.say(f"… {names[-1]}")] if len(names) > 1 else names
        label = [("", ""), (script.say(f"⋯ {', '.join(parts)}"), "muted")]
        return label + [((" " if i else ": ") + text, "muted") for i, text in enumerate(what)]

    def _cells(self, row: Row) -> Cells:
        index, script = self.index, self.script
        cells: Cells = {}
        if row.kind == "op":
            node = index.nodes[row.part]
            if row.part not in self.shown.folds:
                cells["node"] = (mark(row.part), "muted")
                if node.scope:
                    cells["module"] = (script.say(harmless(node.scope)), "muted")
            if index.run is not None:
                steps = self.shown.steps(row.part)
                ends = f"{steps[0]}–{steps[-1]}" if len(steps) > 1 else str(steps[0]) if steps else "–"
                cells["step"] = (script.say(ends), "muted")
            if shape := self._shapes(node):
                cells["shape"] = (shape, "value")
            if (shares := len(index.sums.get(row.part, ()))) > 1:
                cells["place"] = (script.say(f"Σ{shares}"), "sum")
        elif row.kind == "leaf" and (shape := script.shape(index.shape(index.accumulators[row.part].leaf))):
            cells["shape"] = (shape, "value")
        if row.kind != "op" and len(row.edges) == 1:
            k, of = index.places.get(row.edges[0].id, (1, 1))
            if of > 1:
                cells["place"] = (f"{k}/{of}", "sum")
        if row.kind != "seen" and (bad := not_finite(self.shown.broken_value(row.part))):
            cells["bad"] = (bad, "bad")
        if (size := row.size) is not None:
            cells["norm"] = (
                not_finite(size) or self._range(row) or script.norm(size),
                "bad" if size.bad else "gradient",
            )
            if bar := self._bar(size):
                cells["bar"] = (bar, "gradient")
        if self.request.health and row.kind != "seen":
            cells |= self._health(row)
        return cells

    def _health(self, row: Row) -> Cells:
        """Of an op the std of its result, and what passes no gradient; of a leaf how far the last step moved it."""
        if row.kind == "leaf":
            update = self.updates.get(row.part)
            return {} if update is None else {"health": (self.script.say(f"update {brief(update)}"), "sum")}
        fold, index = self.shown.folds.get(row.part), self.shown.source
        inside = [self.index.nodes[row.part]] if fold is None else list(fold.ops)
        layers = [layer_of(index, node) for node in inside]
        cells: Cells = {} if layers[-1].std is None else {"std": (self.script.say(brief(layers[-1].std)), "value")}
        ends = max((layer.at_ends or 0.0 for layer in layers), default=0.0)
        zeros = max(
            (layer.zeros or 0.0 for layer in layers if layer.stuck is not None and layer.at_ends is None), default=0
        )
        stuck = sum(layer.stuck or 0 for layer in layers)
        said = [f"{percent(ends)} at ends"] if ends else []
        said += [f"{percent(zeros)} zeros"] if zeros else []
        said += [f"{count(stuck)} stuck"] if stuck else []
        if said:
            cells["health"] = (", ".join(said), "bad" if stuck or ends > 0.5 else "muted")
        return cells

    def _fold_cells(self, fold: Fold) -> Cells:
        """A fold hides no NaN: its line counts those of the values in it, and says where a gradient in it has one."""
        inside = [row for row in self.rows[fold.start : fold.stop] if row.kind != "seen"]
        cells: Cells = {}
        values = [m for row in inside if (m := self.shown.broken_value(row.part))]
        gradients = [m for row in inside if (m := row.size) and m.bad]
        if bad := not_finite(together(values)):
            cells["bad"] = (bad, "bad")
        if broken := together(gradients):
            cells["norm"] = (notes.kind(broken), "bad")
        return cells

    def _shapes(self, node: NodeRecord) -> str:
        shapes = [self.script.shape(self.index.shape(output)) for output in node.outputs]
        if len(shapes) == 1:
            return shapes[0]
        shown = ", ".join(shape for shape in shapes if shape)
        return shown if width(shown) <= 14 else f"{len(shapes)} outputs"

    def _range(self, row: Row) -> str:
        """0.012…2.20: the smallest and the largest gradient in a closed module."""
        if row.kind != "op" or row.part not in self.shown.folds:
            return ""
        sizes = sorted((m for m in self.shown.gradients(row.part) if m.norm is not None), key=lambda m: m.norm or 0.0)
        ends = [self.script.norm(size) for size in (sizes[0], sizes[-1])] if sizes else []
        return self.script.dots.join(dict.fromkeys(ends))

    def _bar(self, size: Measure) -> str:
        """The norm on a logarithmic scale, in half columns; the largest of the tree fills the bar."""
        if not size.norm:
            return ""
        below = 0.0 if size.norm == math.inf else self.top - math.log10(size.norm)
        halves = max(1, round((1 - below / self.decades) * 2 * self.bar))
        return self.script.say("━" * (halves // 2) + "╸" * (halves % 2))

    def _add_values(self, row: Row, cells: Cells, room: int) -> None:
        index = self.index
        if row.kind == "op":
            tensor = index.gradient_tensor(row.part)
        else:
            share = index.shares.get(row.edges[0].id) if row.edges else None
            tensor = index.tensors[share] if share is not None else None
        if shown := self.script.glimpse(tensor, room):
            cells["values"] = (shown, "gradient")

    def _places(self, guides: list[str], labels: list[list[Span]], cells: list[Cells]) -> list[Place]:
        """The columns that fit beside the tree, from the left."""
        widths: dict[str, int] = {}
        for cell in cells:
            for key, (text, _) in cell.items():
                if len(text) > widths.get(key, 0):
                    widths[key] = len(text)
        # A label must keep its name; brackets and details may give way to columns.
        labelled = zip(guides, labels, strict=True)
        names = max((len(guide) + _needed(label) for guide, label in labelled), default=0)
        need = min(names + GAP, self.names)
        order = self.columns
        if "module" in widths:
            widths["module"] = min(widths["module"], MODULE[1])
        if self.request.health:
            order = sorted(HEALTH, key=lambda column: BY_HEALTH.index(column.key))
        elif "module" in widths or self.shown.folds:
            order = sorted(COLUMNS, key=lambda column: WITH_MODULES.index(column.key))
        columns: list[Column] = []
        for column in order:
            if not widths.get(column.key):
                continue
            more = [each for each in self.columns if each in columns or each is column]
            left = self.room - self._block(more, widths) - need
            if (
                column.key in ("norm", "health") and left < 0
            ):  # then how much is in a module, and the path of one, give way
                half = max(self.room // 2, 36)
                given = min(-left, max(need - half, 0))
                need, left = need - given, left + given
            least = MODULE[0] if column.key == "module" else MODULE[2]
            if column.key in ("module", "norm") and left < 0 and widths.get("module", 0) + left >= least:
                widths["module"] += left
                left = 0
            if left >= 0:
                columns = more
            elif column.key != "bad":  # which stands beside the name where it gets no column
                break
        for cell in cells:
            if "module" in cell and "module" in widths:
                cell["module"] = (self.script.path(cell["module"][0], widths["module"]), "muted")
        places = self._placed(columns, widths)
        if self.room >= WIDE and columns and columns[-1].key == "bar":
            spare = min(
                self._free(cell, places) - len(guide) - sum(width(text) for text, _ in label)
                for guide, label, cell in zip(guides, labels, cells, strict=True)
            )
            if spare - GAP >= VALUES[0]:
                widths["values"] = min(spare - GAP, VALUES[1])
                places = self._placed([*columns, FIRST_VALUES], widths)
        return places

    def _column_width(self, column: Column, columns: list[Column], widths: dict[str, int]) -> int:
        if column.key == "bar":
            return self.bar
        # The title over the norm may reach over the bar beside it.
        title = 0 if column.key == "norm" and columns[-1].key != "norm" else width(self.script.say(column.title))
        return max(widths[column.key], title)

    def _block(self, columns: list[Column], widths: dict[str, int]) -> int:
        return sum(self._column_width(c, columns, widths) + (1 if c.key == "bar" else GAP) for c in columns)

    def _placed(self, columns: list[Column], widths: dict[str, int]) -> list[Place]:
        start = self.room - self._block(columns, widths)
        out = []
        for column in columns:
            start += 1 if column.key == "bar" else GAP
            space = self._column_width(column, columns, widths)
            out.append(Place(column, start, space))
            start += space
        return out

    def _free(self, cells: Cells, places: list[Place]) -> int:
        """Columns for guides and label: a line whose first cells are empty has theirs as well."""
        for place in places:
            if (cell := cells.get(place.column.key)) is not None:
                return place.start + (0 if place.column.left else place.width - len(cell[0])) - GAP
        return self.room

    def _titles(self, places: list[Place]) -> list[Line]:
        text = self.script.say(notes.summary(self.shown.source, self.script, self.request.focus))
        titles: Cells = {}
        for place in places:
            if place.column.title:
                titles[place.column.key] = (self.script.say(place.column.title), "muted")
        lefts = [
            Place(p.column if p.column.key != "norm" else Column("norm", "", "", left=True), p.start, p.width)
            for p in places
        ]
        out: list[Line] = []
        if width(text) > self._free(titles, lefts):
            out.extend([(line, "muted")] for line in self.script.wrap(text, self.room))
            text = ""
        if text or titles:
            out.append(self._line("", [("", ""), (text, "muted"), ("", "")], titles, lefts))
        return out

    def _line(self, guide: str, label: list[Span], cells: Cells, places: list[Place]) -> Line:
        free = self._free(cells, places)
        guide = guide[:free]
        line: Line = [(guide, "guide")] if guide else []
        used = len(guide)
        kind, name, *rest = label
        for text, style in (kind, name):
            text = text if used + width(text) <= free else self.script.fit(text, free - used)
            line.append((text, style))
            used += width(text)
        shown = {place.column.key for place in places}
        beside = [(f" {cells[key][0]}", cells[key][1]) for key in ("bad", "place") if key in cells and key not in shown]
        reach = free + GAP - 1 if free < self.room else free  # one column stays before the cell that follows
        more, kept = [*beside, *rest], []
        # What finds no room is left out: the name of the result stays longer than constants, arguments and scope.
        # Where there are modules, how many operands an op has gives way first.
        last = "module" in shown
        for k in sorted(range(len(more)), key=lambda k: _weight(k - len(beside), more[k][1], last)):
            if more[k][0] and used + width(more[k][0]) <= reach:
                kept.append(k)
                used += width(more[k][0])
        line += [more[k] for k in sorted(kept)]
        for place in places:
            text, style = cells.get(place.column.key, ("", ""))
            if text:
                start = place.start + (0 if place.column.left else place.width - len(text))
                line.append((" " * max(start - used, 1) + text, style))
                used = start + len(text)
        return line


def _needed(label: Sequence[Span]) -> int:
    """Columns of what a label must keep: its name, and of a closed module how much is in it."""
    return sum(width(text) for text, _ in label[: 3 if len(label) > 1 and label[1][1] == "module" else 2])


def _weight(place: int, style: str, children_last: bool) -> int:
    """How late a detail finds room: the first is how many operands there are."""
    if place == 0 and children_last:
        return 2
    return int(place > 0 and style != "result")


def row_children(node: NodeRecord) -> str:
    """2 child nodes: the operands of an op that a gradient goes to."""
    return many(sum(operand.edge is not None for operand in node.inputs), "child node")


def _sign(node: NodeRecord) -> str:
    """What stands between the operands of a binary op: its symbol, ^ for a power; nothing where it is a function."""
    if node.symbol and not any(character.isalpha() for character in node.symbol):
        return node.symbol
    tree = node.formula.forward.tree if node.formula is not None else None
    if isinstance(tree, list | tuple) and len(tree) == 3 and tree[0] in INFIX:
        return INFIX[tree[0]][0].strip()
    return ""


def _attribute(value: object) -> str:
    if isinstance(value, float):
        return number(value)
    if isinstance(value, list | tuple):
        return "(" + ", ".join(_attribute(v) for v in value[:4]) + (", …)" if len(value) > 4 else ")")
    return str(value)
