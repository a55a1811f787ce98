"""A tensor with a history that becomes a plain number: an error while a derivative is taken, else a warning.

`res[i] = t` into a NumPy array, `math.exp(t)`, `float(t)` and all that calls `__float__`, `__int__` or `__complex__`
ends here. What says what it does is silent: `t.item()`, formatting, printing, comparing. `a, b = t.tolist()` is what a
script does with arrays: an error while a derivative is taken.
"""

from __future__ import annotations

import sys
import warnings
from opcode import opmap
from types import FrameType

from grad_engine.core.caller import calling_frame, line_of
from grad_engine.core.grad_mode import current_mode
from grad_engine.core.scipy_names import twin_of_caller
from grad_engine.errors import GraphError, LostHistoryWarning

WAYS_OUT = (
    "write `from grad_engine import numpy as np`, whose array() joins tensors and whose zeros() take them; or join "
    "tensors with stack([...]) or concat([...]), write them into ge.zeros(...) instead of np.zeros(...), call NumPy's "
    "functions on tensors (np.exp(t), not math.exp(t), and X @ t, not X.dot(t))"
)
_BINARY_OP = opmap["BINARY_OP"]
_REMAINDERS = (6, 19)  # of BINARY_OP: % and %=


def check_plain_number(becomes: str) -> None:
    """Raise GraphError, or warn once a line, because a tensor that requires grad `becomes` a number: "a float"."""
    mode = current_mode()
    if not mode.record:
        return
    frame = calling_frame(2)
    if frame is None or _formats(sys._getframe(2)):
        return
    file, number, text = line_of(frame)
    derivative = mode.differentiating
    if derivative is not None:
        twin = twin_of_caller()
        derivative.lost = GraphError(
            f"{twin}{file}:{number} turned a tensor into {becomes}, through which {derivative.name} sees no "
            f"gradient ({text}); {WAYS_OUT}, or write t.item() where no gradient is meant"
        )
        derivative.line = frame.f_code.co_filename, frame.f_lineno
        raise derivative.lost
    warnings.warn_explicit(
        f"a tensor that requires grad became {becomes}, which has no history; {WAYS_OUT}, or write t.item() where no "
        "gradient is meant",
        LostHistoryWarning,
        frame.f_code.co_filename,
        frame.f_lineno,
        frame.f_globals.get("__name__", "<unknown>"),
        frame.f_globals.setdefault("__warningregistry__", {}),
    )


def check_list() -> None:
    """Raise GraphError where a derivative is taken: `a, b = p.tolist()`, which a script does with arrays, loses it.

    Elsewhere the name says what it does, as in PyTorch.
    """
    mode = current_mode()
    if mode.differentiating is not None and mode.record:
        raise noted(
            GraphError(
                f"tolist() gives plain numbers, through which {mode.differentiating.name} sees no gradient; unpack the "
                "tensor itself (a, b = p), or write p.detach().tolist() where no gradient is meant"
            )
        )


def noted(error: GraphError) -> GraphError:
    """`error`, which the derivative that is being taken raises where other code puts one of its own in its place."""
    derivative = current_mode().differentiating
    if derivative is not None and (frame := calling_frame(2)) is not None:
        derivative.lost, derivative.line = error, (frame.f_code.co_filename, frame.f_lineno)
    return error


def _formats(frame: FrameType) -> bool:
    """Whether the frame is at `"%.3f" % t`, which asks for a float and is no more than formatting."""
    code = frame.f_code.co_code
    return code[frame.f_lasti] == _BINARY_OP and code[frame.f_lasti + 1] in _REMAINDERS
