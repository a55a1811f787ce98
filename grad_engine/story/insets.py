"""What a scene draws beside its words, or over the graph: curves, bars, matrices, paths. Data only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LensPoint:
    """A point on a curve, with the slope there."""

    x: float
    y: float
    slope: float
    text: str  # "slope 0.5"


@dataclass(frozen=True, slots=True)
class Lens:
    """The curve of an op, with points, their tangents, and where the op has no value."""

    label: str  # of the curve
    x: tuple[float, float]  # first and last
    y: tuple[float | None, ...]  # at equal steps; None where there is no value
    points: tuple[LensPoint, ...]  # the followed one first; a second one where the op passes nothing on
    off: tuple[tuple[float, float], ...] = ()  # stretches of x without a value
    off_text: str = ""  # "no ln left of 0"


@dataclass(frozen=True, slots=True)
class CheckBars:
    """What was measured beside the gradient."""

    measured: float
    gradient: float
    measured_text: str
    gradient_text: str
    verdict: str  # "they agree"
    agrees: bool


@dataclass(frozen=True, slots=True)
class Sheet:
    """A matrix in which some entries are numbers and the others squares."""

    name: str
    tone: str  # "value" or "gradient"
    leaf: str  # accumulator whose gradient it is, or ""
    rows: int
    columns: int
    sizes: tuple[float, ...]  # row by row, 0 to 1
    numbers: tuple[tuple[int, int, str], ...]  # row, column, text
    framed: tuple[int, int, int, int]  # first and last row, first and last column of what is framed
    more: bool = False  # whether the matrix goes on beyond what is shown


@dataclass(frozen=True, slots=True)
class RowColumn:
    """One entry of a product of two matrices: a row of the first and a column of the second."""

    left: Sheet
    right: Sheet
    result: Sheet
    row: int  # of the first, in the whole matrix: of a large one a part is drawn
    column: int  # of the second


@dataclass(frozen=True, slots=True)
class LeafMove:
    """What a step does to one number of a leaf."""

    accumulator: str
    name: str  # with the entry
    before: float
    after: float
    before_text: str
    after_text: str


@dataclass(frozen=True, slots=True)
class StepBars:
    """One step of all leaves: the result before and after, and what the gradients predicted."""

    moves: tuple[LeafMove, ...]
    before: float
    after: float
    predicted: float
    before_text: str
    after_text: str
    predicted_text: str


@dataclass(frozen=True, slots=True)
class SkyBar:
    """The size of the gradient at one op, or at a unit of them."""

    ops: tuple[str, ...]
    size: float | None  # None: not finite
    height: float  # 0 to 1, on a logarithmic scale
    label: str = ""
    text: str = ""  # its size, where it is told


@dataclass(frozen=True, slots=True)
class Skyline:
    """The size of the gradient as backward runs, from right to left."""

    bars: tuple[SkyBar, ...]  # in the order of backward
    marked: tuple[int, ...]  # bars that the line through equal units touches
    title: str
    low: float = -1.0  # the power of ten of a size at the height 0.12
    high: float = 0.0  # and of one at the height 1


@dataclass(frozen=True, slots=True)
class ShareBar:
    """One share of the followed number."""

    edge: str  # "" for all the others together
    label: str
    value: float
    text: str


@dataclass(frozen=True, slots=True)
class ShareBars:
    """The shares that are summed at the followed number."""

    leaf: str
    name: str
    bars: tuple[ShareBar, ...]
    total: str
    each: str = "use"  # what sends one share each


@dataclass(frozen=True, slots=True)
class Hop:
    """One edge of a path, with its factor and the product so far."""

    edge: str
    factor: str
    product: str


@dataclass(frozen=True, slots=True)
class Walk:
    """A path from the root to the followed number."""

    hops: tuple[Hop, ...]
    total: str


@dataclass(frozen=True, slots=True)
class Walks:
    """The paths of the followed number: the first is drawn solid, the second as a double line."""

    leaf: str
    paths: tuple[Walk, ...]
    total: str


Inset = Lens | CheckBars | RowColumn | StepBars | Skyline | ShareBars | Walks
