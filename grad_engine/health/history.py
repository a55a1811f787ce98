"""The reports of a training, one for each step that was recorded: how loss and gradients went."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, overload

from grad_engine.health.chart import Curve, chart
from grad_engine.health.report import WIDTH, Report, report_of
from grad_engine.record import GraphRecord
from grad_engine.record.index import index_of, single_number
from grad_engine.record.words import brief, harmless, many
from grad_engine.tree import STYLES
from grad_engine.tree.tables import Field, Line, columns
from grad_engine.tree.text import BARS, PLAIN_BARS, Script

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

BROKEN = "!"  # a step with NaN or infinity
NAMED = 24  # columns of a name
FEWEST = 12  # columns of a curve


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One recorded step of a training."""

    step: int  # number of the backward run, from 0
    loss: float | None  # the root, where it is a single number
    report: Report


class History(Sequence[HistoryRow]):
    """The recorded steps of a training, oldest first: `print(history)` draws how loss and gradients went.

    `history[k].report.rows` has what `watched.report()` has; `to_svg()` draws the curves as a picture.
    """

    def __init__(self, rows: Sequence[HistoryRow] = ()) -> None:
        self._rows = list(rows)

    def add(self, step: int, record: GraphRecord) -> None:
        """Keep the report of a record, and let the record go."""
        root = index_of(record).tensors[record.roots[-1].tensor]
        loss = single_number(root)
        self._rows.append(HistoryRow(step, None if loss is None else float(loss), report_of(record)))

    def renew(self, record: GraphRecord) -> None:
        """Replace the last report by that of a record that tells more of the same step."""
        self._rows[-1] = replace(self._rows[-1], report=report_of(record))

    @overload
    def __getitem__(self, k: int) -> HistoryRow: ...
    @overload
    def __getitem__(self, k: slice) -> History: ...
    def __getitem__(self, k: int | slice) -> HistoryRow | History:
        """One row, or a history of some of them."""
        return History(self._rows[k]) if isinstance(k, slice) else self._rows[k]

    def __len__(self) -> int:
        """How many steps were recorded."""
        return len(self._rows)

    def __str__(self) -> str:
        return "\n".join("".join(text for text, _ in line).rstrip() for line in self._lines(Script(), WIDTH))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        for line in self._lines(Script(console.encoding), min(options.max_width, WIDTH)):
            yield Text.assemble(*((text, STYLES.get(style, "")) for text, style in line), no_wrap=True, end="\n")

    def curves(self) -> list[Curve]:
        """The loss, where it is known, and the norm of the gradient of each module (or parameter) by step."""
        steps = [row.step for row in self._rows]
        found = []
        if any(row.loss is not None for row in self._rows):
            found.append(Curve("loss", tuple((row.step, row.loss) for row in self._rows), False))
        norms: dict[str, dict[int, float | None]] = {}
        for row in self._rows:
            for name, norm in _norms(row.report):
                norms.setdefault(name, {})[row.step] = norm
        for name, by_step in norms.items():
            found.append(Curve(name, tuple((step, by_step.get(step, 0.0)) for step in steps), True))
        return found

    def to_svg(self, path: str | PathLike[str] | None = None, *, theme: str = "light") -> str:
        """The curves as an SVG picture, which is also written to `path` where one is given.

        Above the loss, below the norms of the gradients of the modules on a logarithmic axis. theme: "light", "dark".
        """
        drawn = chart(self.curves(), theme)
        if path is not None:
            Path(path).write_text(drawn, encoding="utf-8")
        return drawn

    def _lines(self, script: Script, room: int) -> Iterator[Line]:
        if not self._rows:
            yield [("No step was recorded.", "muted")]
            return
        first, last = self._rows[0].step, self._rows[-1].step
        yield [(f"{many(len(self), 'recorded step')}, {first} to {last}", "header")]
        unwell = [row.step for row in self._rows if not row.report.healthy]
        if unwell:
            also = f" and in {many(len(unwell) - 1, 'more step')}" if len(unwell) > 1 else ""
            found = self._rows[[row.step for row in self._rows].index(unwell[0])].report.findings[0]
            for k, row in enumerate(script.wrap(script.say(f"Step {unwell[0]}{also}: {found}"), room - 2)):
                yield [(f"{'  ' if k else '- '}{row}", "bad")]
        curves = self.curves()
        names = [script.path(harmless(curve.name), NAMED) for curve in curves]
        ends = [[_size(curve.points[k][1], script) for curve in curves] for k in (0, -1)]
        space = max(FEWEST, room - NAMED - 24)
        yield from columns(
            [
                Field("", "module", names),
                Field("first", "muted", ends[0], False),
                Field(script.say("‖grad‖, log scale"), "gradient", [_spark(curve, space, script) for curve in curves]),
                Field("last", "muted", ends[1], False),
            ],
            room,
            script,
        )


def _norms(report: Report) -> Iterator[tuple[str, float | None]]:
    """The norm of the gradient of each module, or parameter where there are no modules; None: NaN or not known."""
    if report.modules:
        for module in report.modules:
            yield module.module, module.gradient_norm if module.without_gradient < module.parameters else 0.0
        return
    for row in report.rows:
        yield row.name, row.gradient_norm if row.has_gradient else 0.0


def _size(value: float | None, script: Script) -> str:
    if value is None or not math.isfinite(value):
        return "NaN/Inf"
    return script.say(("-" if value < 0 else "") + brief(abs(value)))


def _spark(curve: Curve, room: int, script: Script) -> str:
    """A curve as one row of bars: the largest value of the steps that share a column."""
    points = [value for _, value in curve.points]
    per = max(1, math.ceil(len(points) / room))
    parts = [points[k : k + per] for k in range(0, len(points), per)]
    heights: list[float | None] = []
    for part in parts:
        known = [value for value in part if value is not None and math.isfinite(value)]
        heights.append(max(known) if len(known) == len(part) else None)
    if curve.logarithmic:
        heights = [None if v is None else math.log10(v) if v > 0 else -math.inf for v in heights]
    finite = [v for v in heights if v is not None and v > -math.inf]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    bars = BARS if script.utf else PLAIN_BARS
    least = 1.0 if curve.logarithmic else 0.0  # a tenfold change fills the row at least
    spread = max(high - low, least) or 1.0

    def bar(value: float | None) -> str:
        if value is None:
            return BROKEN
        return " " if value == -math.inf else bars[min(len(bars) - 1, int((value - low) / spread * len(bars)))]

    return "".join(bar(value) for value in heights)
