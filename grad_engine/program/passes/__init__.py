"""The passes: each takes a program and returns one that gives the same in fewer, or quicker, steps.

Each is a function Program -> Program in a file of its own, and can be left out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from grad_engine.program.passes.buffers import planned
from grad_engine.program.passes.common import shared
from grad_engine.program.passes.dead import alive
from grad_engine.program.passes.flat import flattened
from grad_engine.program.passes.fold import folded
from grad_engine.program.passes.kernels import quickened
from grad_engine.program.passes.plain import said_plainly
from grad_engine.program.passes.small import unpacked
from grad_engine.program.steps import Program

Pass = Callable[[Program], Program]
PASSES: dict[str, Pass] = {
    "fold": folded,
    "common": shared,
    "plain": said_plainly,
    "small": unpacked,
    "dead": alive,
    "kernels": quickened,
    "flat": flattened,
    "buffers": planned,
}
_WITH_EXACT: dict[str, Callable[[Program, bool], Program]] = {"fold": folded, "common": shared}
READABLE = ("fold", "common", "plain", "dead")  # those behind the source that people read
RUNNING = ("fold", "common", "small", "dead", "kernels", "flat", "buffers")  # those behind the code that runs
CHANGING_BITS = frozenset({"small", "kernels"})  # not in exact programs


def run(program: Program, names: Collection[str], exact: bool = False) -> Program:
    """The program after the passes of these names, in their order."""
    for name, each in PASSES.items():
        if name in names:
            program = _WITH_EXACT[name](program, exact) if name in _WITH_EXACT else each(program)
    return program
