"""Random functions as text: views, writes in place, dtypes, aliases, structures, numbers, draws, derivatives, tensors.

Compiled, each gives what eager mode gives (types, dtypes, arguments and generators afterwards, gradients), or
raises TraceError. `python -m tests.program.test_random_functions 0 20000` tries as many as that, on arrays in turn with
tensors.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.program import standalone
from grad_engine.program.entry import Output
from tests.program.random_functions import RandomFunction, parts


def check(seed: int, tensors: bool = False) -> str:
    """What became of a random function: "same", "refused" or "raised". Raises AssertionError where it differs."""
    random = RandomFunction(seed, tensors)
    exact = seed % 3 == 0
    eager, compiled = random.function(), ge.compile(random.function(), exact=exact)
    for number in range(3):
        ran = []
        for f in (eager, compiled):
            given, rng = random.arguments(number), np.random.default_rng(number)
            try:
                with warnings.catch_warnings(), np.errstate(all="ignore"):
                    warnings.simplefilter("ignore")
                    result = f(*given, rng, random.n)
                    slopes = gradients(result, given) if tensors else []
                    ran.append(([result, given[:2], slopes], None, rng.bit_generator.state["state"]))
            except ge.TraceError:
                return "refused"
            except (ge.InPlaceError, ge.GraphError):  # eager mode refuses what backward could not tell
                return "refused"
            except Exception as error:
                ran.append((None, type(error), None))
        (expected, error, state), (found, raised, moved) = ran
        assert error is raised, f"{random.text}\n{error} / {raised}"
        if error is not None:
            return "raised"
        assert state == moved, random.text
        compare([*parts(found[:2])], [*parts(expected[:2])], exact, random)
        if number == 0 and not tensors and "rng." not in random.text:
            compare_source(compiled, random, expected)
        compare(found[2], expected[2], False, random)  # the shares of a leaf are added up in another order
    return "same"


def compare_source(compiled: Any, random: RandomFunction, expected: list[Any]) -> None:
    """Run what people read as a file of its own, on the same arguments."""
    lowered = compiled._latest
    p, c, k = random.arguments(0)
    given = {"p0": p, "p1": c, "p2": k, "p4": random.n}
    inputs = {part.value: eval(part.path, given) for part in lowered.call.arguments.parts}
    inputs |= {source.value: source.fixed for source in lowered.call.state.sources}
    inside: dict[str, Any] = {}
    exec(standalone.text_of(lowered.program, lowered.call), inside)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        result = inside[lowered.program.name](*(inputs[value] for value in lowered.program.inputs))
    outputs = [*result] if len(lowered.program.outputs) > 1 else [result]
    leaves = [*parts([lowered.call.structure])]
    wanted = [*parts([expected[0]])]
    pairs = [(outputs[leaf.number], value) for leaf, value in zip(leaves, wanted, strict=True) if type(leaf) is Output]
    pairs += [*zip(parts([p, c]), parts([expected[1]]), strict=True)]  # what it left in its arguments
    for one, other in pairs:
        close = CLOSE.get(np.result_type(other).char, (1e-6, 1e-7))
        np.testing.assert_allclose(one, other, *close, err_msg=compiled.source + random.text)


def gradients(result: Any, given: Any) -> list[Any]:
    """The gradients by tensors among the arguments of what a function returned."""
    leaves = [each for each in parts(list(given)) if type(each) is ge.Tensor and each.requires_grad]
    ys = [each for each in parts([result]) if type(each) is ge.Tensor and each.requires_grad and each.dtype.kind == "f"]
    if not leaves or not ys:
        return []
    return [*ge.grad([np.tanh(y * 0.3).sum() for y in ys], [*dict.fromkeys(leaves)], allow_unused=True)]


def compare(found: list[Any], expected: list[Any], exact: bool, random: RandomFunction) -> None:
    assert len(found) == len(expected), random.text
    for one, other in zip(found, expected, strict=True):
        assert type(one) is type(other) or (random.differentiated and not np.ndim(one)), (
            f"{random.text}{type(one)} in place of {type(other)}"
        )
        if type(one) is ge.Tensor:
            assert one.requires_grad == other.requires_grad or other.dtype.kind != "f", random.text
            one, other = one.array, other.array
        if other is None or isinstance(other, str | np.dtype | type):
            assert one == other, random.text
            continue
        assert np.shape(one) == np.shape(other) and np.result_type(one) == np.result_type(other), random.text
        close = (0, 0) if exact else CLOSE.get(np.result_type(other).char, (1e-7, 1e-8))
        np.testing.assert_allclose(one, other, *close, err_msg=random.text)


CLOSE = {"f": (2e-4, 1e-4), "e": (2e-3, 2e-3)}  # dtype -> relative and absolute


@pytest.mark.parametrize("tensors", [False, True], ids=["arrays", "tensors"])
@pytest.mark.parametrize("start", range(0, 400, 20))
def test_random_functions(start: int, tensors: bool) -> None:
    outcomes = [check(seed, tensors) for seed in range(start, start + 20)]
    assert outcomes.count("same") >= 5


if __name__ == "__main__":
    wrong = 0
    outcomes: list[str] = []
    first, last = map(int, sys.argv[1:3])
    for number in range(first, last):
        try:
            outcomes.append(check(number, bool(number % 2)))
        except Exception as error:
            wrong += 1
            sys.stdout.write(f"{number}: {type(error).__name__} {str(error)[:1500]}\n")
    counts = ", ".join(f"{outcomes.count(each)} {each}" for each in ("same", "refused", "raised"))
    sys.stdout.write(f"{last - first} functions: {counts}, {wrong} wrong\n")
