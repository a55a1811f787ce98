"""The report of one record: rows, findings, and how they are shown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grad_engine.health.findings import findings, forward_passes
from grad_engine.health.rows import ModuleRow, ParameterRow, module_rows, parameter_rows
from grad_engine.health.text import MOST_MODULES, lines
from grad_engine.record import GraphRecord
from grad_engine.record.index import index_of
from grad_engine.record.layers import LayerRow, layer_rows
from grad_engine.tree import STYLES
from grad_engine.tree.text import Script

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

WIDTH = 80  # columns


@dataclass(frozen=True, slots=True)
class Report:
    """Whether a model is well, as far as one record of it tells: `print(report)` shows it within 80 columns."""

    title: str
    rows: tuple[ParameterRow, ...]  # of each parameter, then of each other leaf
    modules: tuple[ModuleRow, ...]  # at the deepest level at which they are few; none where nothing has a module
    findings: tuple[str, ...]  # what is wrong, one sentence each
    notes: tuple[str, ...]  # what is worth knowing, and what is not known
    parameters: int = 0  # numbers in all parameters and other leaves
    layers: tuple[LayerRow, ...] = ()  # what each module gives, and each matrix product and function outside of modules
    multiply_adds: int = 0  # of the forward passes, as far as they are known: matrix products, convolutions, attention
    forward_passes: int = 1  # through which backward ran

    @property
    def healthy(self) -> bool:
        """Whether nothing wrong was found. Without a backward run it is False, for nothing is known of gradients."""
        return not self.findings

    def __str__(self) -> str:
        return "\n".join("".join(text for text, _ in line).rstrip() for line in lines(self, Script(), WIDTH))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        for line in lines(self, Script(console.encoding), min(options.max_width, WIDTH)):
            yield Text.assemble(*((text, STYLES.get(style, "")) for text, style in line), no_wrap=True, end="\n")


def report_of(record: GraphRecord) -> Report:
    """The report of a record: norms and counts where it holds them, None where it does not."""
    index = index_of(record)
    rows = parameter_rows(index)
    wrong, notes = findings(index, rows)
    modules = module_rows(index, rows, MOST_MODULES)
    parameters = sum(math.prod(row.shape) for row in rows)
    work = sum(node.multiply_adds for node in record.nodes)
    return Report(
        record.title,
        tuple(rows),
        tuple(modules),
        tuple(wrong),
        tuple(notes),
        parameters,
        tuple(layer_rows(index)),
        work,
        len(forward_passes(index)),
    )
