"""Records whose lessons are tested, and what tests of lessons share."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

import numpy as np

import grad_engine as ge
from grad_engine.export.from_tensor import record_graph
from grad_engine.formula.evaluate import FUNCTIONS
from grad_engine.record import GraphRecord
from grad_engine.story import Lesson, lesson
from grad_engine.story.scenes import Scene
from tests import records
from tests.programs import branches, example, heads, long_names, network
from tests.story.faults import FAULTS
from tests.story.kinds import KINDS


def leaf(values: Any, name: str) -> Any:
    return ge.tensor(np.asarray(values, dtype=float), requires_grad=True, name=name)


def told(root: Any, name: str) -> GraphRecord:
    root.backward(np.ones(root.shape), retain_graph=True)
    return record_graph(root, names={name: root})


def neuron() -> GraphRecord:
    x1, x2, w1, w2, b = (leaf(v, n) for v, n in ((2, "x1"), (0, "x2"), (-3, "w1"), (1, "w2"), (6.881, "b")))
    return told(ge.tanh(x1 * w1 + x2 * w2 + b), "o")


def mlp() -> GraphRecord:
    rng = np.random.default_rng(0)
    x, y = ge.tensor(rng.normal(size=(4, 3)), name="X"), ge.tensor(rng.normal(size=(4, 1)), name="y")
    shapes = {"W1": (3, 5), "b1": (5,), "W2": (5, 4), "b2": (4,), "W3": (4, 1), "b3": (1,)}
    p = {name: leaf(rng.normal(size=shape), name) for name, shape in shapes.items()}
    hidden = ge.relu(ge.tanh(x @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"])
    return told(((hidden @ p["W3"] + p["b3"] - y) ** 2).mean(), "loss")


def recurrent() -> GraphRecord:
    rng = np.random.default_rng(1)
    w, u = leaf(rng.normal(size=(3, 3)) * 0.6, "W"), leaf(rng.normal(size=(2, 3)), "U")
    h = leaf(np.zeros((1, 3)), "h0")
    for _ in range(6):
        h = ge.tanh(h @ w + ge.tensor(rng.normal(size=(1, 2))) @ u)
    return told((h**2).sum(), "loss")


def gated() -> GraphRecord:
    rng = np.random.default_rng(2)
    w = [leaf(rng.normal(size=(2, 2)) * 0.8, f"w{k}") for k in range(6)]
    h = ge.tensor(rng.normal(size=(1, 2)), name="x")
    for k in range(6):
        h = ge.tanh(h @ w[k]) * ge.sigmoid(h @ w[(k + 1) % 6]) + ge.exp(-(h * h)) * 0.5
    return told((h**2).sum(), "z")


# The programs of BOARDS.md with the seconds that were planned for them; the weights of some are others.
BOARDS: Mapping[str, tuple[Callable[[], GraphRecord], float]] = {
    "blog": (lambda: example("blog"), 55.4),
    "neuron": (neuron, 51.8),
    "large": (lambda: example("large"), 57.2),
    "mlp": (mlp, 59.4),
    "recurrent": (recurrent, 66.2),
    "gated": (gated, 72.6),
}
LESSONS: Mapping[str, Callable[[], GraphRecord]] = {
    **{name: made for name, (made, _) in BOARDS.items()},
    "small": lambda: example("small"),
    "branches": branches,
    "heads": heads,
    "long_names": long_names,
    "network": lambda: network(9, scoped=False),
    "scopes": lambda: network(12, scoped=True),
    "square": records.square,
    "everything": records.everything,
    "diamond": lambda: records.diamond(30),
    "fan": lambda: records.fan(12),
    "chain": lambda: records.chain(28),
    "dense": lambda: records.dense(20, 3),
    "dense 200": lambda: records.dense(200, 3),
    **FAULTS,
    **KINDS,
}


@cache
def record_of(name: str) -> GraphRecord:
    return LESSONS[name]()


@cache
def lesson_of(name: str) -> Lesson:
    return lesson(record_of(name))


def numeric(side: str) -> float | None:
    """The value of one side of an equation, if it has numbers and functions only."""
    notes = r"(?<=\d) \([^()]*[^\W\d][^()]*\)|, up to rounding"  # what a number is: `0.5 (other paths)`
    first = r"^((\[[\d,]*\] )?input \S+|(sent to|through|both to|all \d+ to) .*?|along the path): "
    text = re.sub(r" \(1s left out\)", "", re.sub(notes + "|" + first, "", side))
    text = text.strip().replace("·", "*").replace("−", "-").replace("^", "**").replace("∞", "inf").replace("NaN", "nan")
    text = re.sub(r"[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda m: "**" + m[0].translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")), text)
    words = set(re.findall(r"[^\W\d]\w*", re.sub(r"\de-?\d", "", text)))
    if (
        not re.search(r"\d|inf|nan", text)
        or not words <= {*FUNCTIONS, "inf", "nan"}
        or re.search(r"[^-+*/(), .\w]", text)
    ):
        return None
    names = {name: FUNCTIONS[name] for name in words & set(FUNCTIONS)} | {"inf": math.inf, "nan": math.nan}
    with np.errstate(all="ignore"):
        return float(eval(text, {"__builtins__": {}}, names))  # known names, digits and signs only


def untrue(scenes: Iterable[Scene]) -> list[str]:
    """The equations whose sides differ in the last digit that is written, or in the third if there are fewer."""
    found = []
    for scene in scenes:
        for equation in scene.equations:
            sides = [(value, side) for side in equation.split(" = ") if (value := numeric(side)) is not None]
            for one, _ in sides[:-1]:
                total, shown = sides[-1]
                if not math.isfinite(total):
                    if not (one == total or (one != one and total != total)):
                        found.append(equation)
                    continue
                digits = re.sub(r"e.*", "", re.sub(r"[^\de.]", "", shown)).replace(".", "").lstrip("0")
                if "up to rounding" in shown or not total:
                    largest = max(
                        abs(float(n.replace("−", "-"))) for n in re.findall(r"−?\d[\d.]*(?:e−?\d+)?", equation)
                    )
                    unit = 2e-12 * largest
                else:
                    unit = 10.0 ** (math.floor(math.log10(abs(total))) + 1 - max(3, len(digits)))
                if not abs(one - total) <= 0.5 * unit * (1 + 1e-6):
                    found.append(equation)
    return found
