"""A progress bar for training loops, shown on a terminal only, and a curve as one line of text."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, Generic, TypeVar

import numpy as np

T = TypeVar("T")
PAUSE = 0.1  # seconds between two pictures of the bar
LEVELS = "▁▂▃▄▅▆▇█"


class track(Generic[T]):
    """Iterate over `items` and, on a terminal, show a bar: progress, speed, remaining time, and numbers of your own.

    `for batch in (bar := track(loader, "epoch 1")): ...; bar.show(loss=loss.item())`. The bar is written to standard
    error. Where that is no terminal, nothing is, and rich is not even imported.
    """

    def __init__(self, items: Iterable[T], description: str = "", total: int | None = None) -> None:
        self.items = items
        self.description = description
        self.total = len(items) if total is None and isinstance(items, Sized) else total
        self.numbers: dict[str, float] = {}

    def show(self, **numbers: float) -> None:
        """Show these numbers behind the bar from now on: loss=0.3, accuracy=0.95."""
        self.numbers.update(numbers)

    def __iter__(self) -> Iterator[T]:
        if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
            yield from self.items
            return
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            ProgressColumn,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.text import Text

        class Rate(ProgressColumn):
            def render(self, task: Any) -> Text:
                speed = task.finished_speed or task.speed
                return Text("" if speed is None else f"{speed:,.0f}/s" if speed >= 10 else f"{speed:.1f}/s", "dim")

        columns = [
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True), TextColumn("{task.fields[numbers]}"),
        ]  # fmt: skip
        with Progress(*columns, console=Console(stderr=True), auto_refresh=False) as bar:
            task = bar.add_task(self.description, total=self.total, numbers="")
            done, due = 0, 0.0
            try:
                for item in self.items:
                    yield item
                    done += 1
                    if (now := time.monotonic()) >= due:
                        due = now + PAUSE
                        bar.update(task, completed=done, numbers=self._written(), refresh=True)
            finally:
                bar.update(task, completed=done, numbers=self._written(), refresh=True)

    def _written(self) -> str:
        shown = {name: f"{100 * n:.1f} %" if name == "accuracy" else f"{n:.4g}" for name, n in self.numbers.items()}
        return "  ".join(f"{name} {number}" for name, number in shown.items())


def sparkline(numbers: Sequence[float], width: int = 60) -> str:
    """The course of `numbers` in one line of at most `width` blocks ▁ to █, each the mean of those it stands for.

    What is not finite is a blank.
    """
    values = np.asarray(numbers, float)
    means = []
    for part in np.array_split(values, min(width, len(values))) if len(values) else []:
        finite = part[np.isfinite(part)]
        means.append(finite.mean() if len(finite) else np.nan)
    known = np.array(means)[np.isfinite(means)] if means else np.array([])
    low, span = (known.min(), float(np.ptp(known)) or 1.0) if len(known) else (0.0, 1.0)
    return "".join(
        LEVELS[round((mean - low) / span * (len(LEVELS) - 1))] if np.isfinite(mean) else " " for mean in means
    )
