"""A report as lines of styled text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from grad_engine.health.rows import ModuleRow, ParameterRow
from grad_engine.record.index import mark
from grad_engine.record.layers import LayerRow
from grad_engine.record.words import brief, count, harmless, many, percent
from grad_engine.tree.tables import Field, Line, columns
from grad_engine.tree.text import Script

MOST_MODULES = 24  # rows
MOST_ROWS = 40
MOST_LAYERS = 24
LONGEST = 28  # columns of a name
LAYER = 14  # columns of a layer's name
BINS = 10  # columns of a histogram
UNKNOWN = "not known"
BAD = "NaN/Inf"


class Shown(Protocol):
    """What lines are made of."""

    @property
    def title(self) -> str: ...
    @property
    def rows(self) -> tuple[ParameterRow, ...]: ...
    @property
    def modules(self) -> tuple[ModuleRow, ...]: ...
    @property
    def layers(self) -> tuple[LayerRow, ...]: ...
    @property
    def findings(self) -> tuple[str, ...]: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    @property
    def parameters(self) -> int: ...
    @property
    def multiply_adds(self) -> int: ...
    @property
    def forward_passes(self) -> int: ...


def lines(report: Shown, script: Script, room: int, most: int | None = MOST_ROWS) -> Iterator[Line]:
    """The findings, the modules and the first `most` parameters, at most `room` columns wide."""
    yield [(script.cut(script.say(harmless(report.title)), room), "header")]
    if report.parameters:
        passes = f"{report.forward_passes} forward passes" if report.forward_passes > 1 else "the forward pass"
        work = f", {count(report.multiply_adds)} multiply-adds in {passes}" if report.multiply_adds else ""
        yield [(script.cut(f"{count(report.parameters)} parameters{work}", room), "muted")]
    if not report.findings:
        yield [("Nothing wrong was found.", "sum")]
    for sentences, style in ((report.findings, "bad"), (report.notes, "muted")):
        if sentences and sentences is report.notes:
            yield [("Remarks:", "muted")]
        for sentence in sentences:
            for k, row in enumerate(script.wrap(script.say(sentence), room - 2)):
                yield [(f"{'  ' if k else '- '}{row}", style)]
    if report.modules:
        yield []
        yield from columns(_modules(report.modules, script), room, script)
    if report.layers:
        yield []
        yield from columns(_layers(report.layers[: None if most is None else MOST_LAYERS], script), room, script)
    if most is not None and len(report.layers) > MOST_LAYERS:
        yield [(f"{script.dots} {many(len(report.layers) - MOST_LAYERS, 'more layer')}", "muted")]
    if report.rows:
        yield []
        yield from columns(_parameters(report.rows[:most], script), room, script)
    if most is not None and len(report.rows) > most:
        yield [(f"{script.dots} {many(len(report.rows) - most, 'more row')}", "muted")]


def _modules(rows: Sequence[ModuleRow], script: Script) -> list[Field]:
    return [
        Field("module", "module", [script.path(harmless(row.module), LONGEST) for row in rows]),
        Field("parameters", "muted", [str(row.parameters) for row in rows], False),
        Field(
            script.say("‖value‖"), "value", [_norm(row.value_norm, row.value_nonfinite, script) for row in rows], False
        ),
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
    updates = any(row.update is not None for row in rows)
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
        *([Field("update", "sum", [_ratio(row.update, script) for row in rows], False)] if updates else []),
        Field(
            "grad = 0", "muted", [_share(None if row.gradient_nonfinite else row.gradient_zeros) for row in rows], False
        ),
    ]


def _norm(norm: float | None, nonfinite: int | None, script: Script, there: bool = True) -> str:
    if not there:
        return "none"
    if nonfinite:
        return f"{count(nonfinite)} {BAD}"
    return UNKNOWN if norm is None else script.say(brief(norm))


def _ratio(ratio: float | None, script: Script) -> str:
    return "" if ratio is None else script.say(brief(ratio))


def _share(share: float | None) -> str:
    """A share in percent; nothing where it is not known."""
    return "" if share is None else percent(share)


def _layers(rows: Sequence[LayerRow], script: Script) -> list[Field]:
    """The columns of layers; what no layer has is left out."""
    names = [f"{row.module} {row.op}" if row.module else f"{mark(row.node)} {row.op}" for row in rows]
    found = [
        Field("layer", "module", [script.fit(script.say(harmless(name)), LAYER) for name in names]),
        Field("mean", "value", [_signed(row.mean, row.nonfinite, script) for row in rows], False),
        Field("std", "value", [_signed(row.std, row.nonfinite, script) for row in rows], False),
        Field("= 0", "muted", [_share(row.zeros or None) for row in rows], False),
        Field("at ends", "muted", [_share(row.at_ends) for row in rows], False),
        Field("stuck", "bad", [str(row.stuck or "") for row in rows], False),
        Field(
            "grad mean", "gradient", [_signed(row.gradient_mean, row.gradient_nonfinite, script) for row in rows], False
        ),
        Field(
            "grad std", "gradient", [_signed(row.gradient_std, row.gradient_nonfinite, script) for row in rows], False
        ),
        Field("values", "value", [script.bars(row.histogram, BINS) for row in rows]),
    ]
    return [field for field in found if field.title in ("layer", "mean", "std") or any(field.cells)]  # type: ignore[arg-type]


def _signed(value: float | None, nonfinite: int | None, script: Script) -> str:
    """A mean or deviation. That of the finite entries alone would hide the others."""
    if nonfinite:
        return BAD
    return "" if value is None else script.say(("−" if value < 0 else "") + brief(abs(value)))
