"""How large things are drawn, and how much is written at them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import theme

# look


@dataclass(frozen=True, slots=True)
class Look:
    """How large things are drawn, and how much is written at them: 3 all, 2 the shape, 1 the symbol, 0 nothing."""

    scale: float
    detail: int

    @property
    def small(self) -> float:
        """The type size of labels."""
        return max(theme.SMALLEST, 0.25 * self.scale)

    @property
    def pen(self) -> float:
        """How thick lines are, against those of a drawing at scale 1: thinner in a small one, but never lost."""
        return float(np.clip(1.6 * self.scale, 0.35, 1.0))

    @property
    def line(self) -> float:
        """The height of a line of labels."""
        return theme.LINE[self.detail] * self.scale
