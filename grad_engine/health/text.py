"""A report as lines of styled text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from grad_engine.health.rows import ModuleRow, ParameterRow
from grad_engine.record.words import brief, count, harmless, many
from grad_engine.tree.tables import Field, Line, columns
from grad_engine.tree.text import Script

MOST_MODULES = 24  # rows
MOST_ROWS = 40
LONGEST = 28  # columns of a name
UNKNOWN = "not known"


class Shown(Protocol):
    """What lines are made of."""

    @property
    def title(self) -> str: ...
    @property
    def rows(self) -> tuple[ParameterRow, ...]: ...
    @property
    def modules(self) -> tuple[ModuleRow, ...]: ...
    @property
    def findings(self) -> tuple[str, ...]: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    @property
    def parameters(self) -> int: ...
    @property
    def multiply_adds(self) -> int: ...


def lines(report: Shown, script: Script, room: int, most: int | None = MOST_ROWS) -> Iterator[Line]:
    """The findings, the modules and the first `most` parameters, at most `room` columns wide."""
    yield [(script.cut(script.say(harmless(report.title)), room), "header")]
    if report.parameters:
        work = f", {count(report.multiply_adds)} multiply-adds in the forward pass" if report.multiply_adds else ""
        yield [(script.cut(f"{count(report.parameters)} parameters{work}", room), "muted")]
    if not report.findings:
        yield [("Nothing wrong was found.", "sum")]
    for sentences, style in ((report.findings, "bad"), (report.notes, "muted")):
        for sentence in sentences:
            for k, row in enumerate(script.wrap(script.say(sentence), room - 2)):
                yield [(f"{'  ' if k else '- '}{row}", style)]
    if report.modules:
        yield []
        yield from columns(_modules(report.modules, script), room, script)
    if report.rows:
        yield []
        yield from columns(_parameters(report.rows[:most], script), room, script)
    if most is not None and len(report.rows) > most:
        yield [(f"{script.dots} {many(len(report.rows) - most, 'more row')}", "muted")]


def _modules(rows: Sequence[ModuleRow], script: Script) -> list[Field]:
    return [
        Field("module", "module", [script.path(harmless(row.module), LONGEST) for row in rows]),
        Field("parameters", "muted", [str(row.parameters) for row in rows], False),
        Field(script.say("‖value‖"), "value", [_norm(row.value_norm, None, script) for row in rows], False),
        Field(
            script.say("‖grad‖"),
            "gradient",
            [
                _norm(row.gradient_norm, row.gradient_nonfinite, script, row.without_gradient < row.parameters)
                for row in rows
            ],
            False,
        ),
        Field("grad/value", "muted", [_ratio(row.ratio, script) for row in rows], False),
        Field("no grad", "muted", [str(row.without_gradient or "") for row in rows], False),
    ]


def _parameters(rows: Sequence[ParameterRow], script: Script) -> list[Field]:
    return [
        Field("parameter", "leaf", [script.path(harmless(row.name), LONGEST) for row in rows]),
        Field("shape", "muted", [script.shape(row.shape) for row in rows], False),
        Field(
            script.say("‖value‖"), "value", [_norm(row.value_norm, row.value_nonfinite, script) for row in rows], False
        ),
        Field(
            script.say("‖grad‖"),
            "gradient",
            [_norm(row.gradient_norm, row.gradient_nonfinite, script, row.has_gradient) for row in rows],
            False,
        ),
        Field("grad/value", "muted", [_ratio(row.ratio, script) for row in rows], False),
        Field("grad = 0", "muted", [_share(row.gradient_zeros) for row in rows], False),
    ]


def _norm(norm: float | None, nonfinite: int | None, script: Script, there: bool = True) -> str:
    if not there:
        return "none"
    if nonfinite:
        return f"{count(nonfinite)} NaN/Inf"
    return UNKNOWN if norm is None else script.say(brief(norm))


def _ratio(ratio: float | None, script: Script) -> str:
    return "" if ratio is None else script.say(brief(ratio))


def _share(share: float | None) -> str:
    """The share of the gradient's entries that are 0, in percent, rounded away from 0 % and 100 %."""
    if share is None:
        return ""
    if 0 < share < 0.01:
        return "<1 %"
    return ">99 %" if 0.99 < share < 1 else f"{share:.0%}".replace("%", " %")
