"""Random functions as text: views, writes in place, dtypes, aliases, structures, numbers, draws, derivatives.

Compiled, each gives what eager mode gives (types, dtypes, arguments and generators afterwards), or
raises TraceError. `python -m tests.program.test_random_functions 20000` tries as many as that.
"""

from __future__ import annotations

import linecache
import math
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import grad_engine as ge

SHAPES = [(), (1,), (3,), (4,), (2, 3), (3, 3), (1, 3), (3, 1), (0,), (0, 3), (2, 3, 2), (20, 3), (8,), (9,), (3, 4)]
KINDS = ["double"] * 6 + ["single", "whole", "flags", "columns", "strided", "scalar", "number"]


def _apart(lines: str) -> list[str]:
    return lines.split("|")


OF_ONE = _apart(
    "np.tanh({a})|{a}*{a}|-{a}|abs({a})|np.sqrt(np.abs({a})+1)|{a}.sum()|{a}.sum(axis=0)|"
    "{a}.mean(axis=-1,keepdims=True)|{a}[...,None]|{a}.copy()|np.cumsum({a},axis=0)|np.sort({a},axis=0)|"
    "{a}.astype(np.float32)|np.where({a}>0.1,{a},.5)|np.maximum({a},0)|np.clip({a},-.5,.7)|{a}.max()|"
    "{a}.min(axis=0)|np.argsort({a},axis=0)|np.argmax({a})|{a}>0|~({a}>0)|np.flip({a})|np.roll({a},1)|"
    "np.repeat({a},2)|np.concatenate([{a},{a}])|np.stack([{a},{a}])|np.diff({a},axis=0)|{a}.std()|"
    "np.outer({a},{a})|np.round({a},1)|{a}**2|{a}**0.5|1/(1+{a}**2)|{a}%0.7|{a}//0.3|np.zeros_like({a})|"
    "np.full_like({a},.3)|{a}.size|len({a})|np.any({a}>0)|np.tril({a})|{a}.dot({a})|{a}[[0,1]]|"
    "np.split({a},2)[0]|np.array_split({a},2)[1]|{a}.flatten()|np.median({a})|np.array({a})|"
    "np.float64(.5)*{a}|sum({a})|[x*2 for x in {a}][0]|ge.relu({a})|ge.softmax({a},axis=-1)|np.pad({a},1)|"
    "np.delete({a},0)|np.append({a},1.)|np.gradient({a})|np.cov({a})|np.unique({a})|np.count_nonzero({a}>0)|"
    "np.nonzero({a})[0]|round({a},1)|np.select([{a}>0],[{a}],0)|np.kron({a},{a})"
)
OF_TWO = _apart(
    "{a}+{b}|{a}*{b}|{a}-{b}|{a}/(2+np.abs({b}))|np.maximum({a},{b})|{a}@{b}|{a}@{b}.T|"
    "np.where({a}>{b},{a},{b})|{a}<{b}|np.concatenate([{a},{b}],axis=-1)|{a}[{b}.argmax()]|"
    "np.add({a},{b},dtype=float)|np.hstack([{a},{b}])|np.allclose({a},{b})|np.take({a},np.argsort({b}))|"
    "np.array([{a},{b}])|np.array([{a}.sum(),{b}.sum()])|{a}[{b}>0]|np.extract({b}>0,{a})|"
    "np.searchsorted(np.sort({a}),{b})|np.convolve({a},{b})|(np.abs({a})+.1)**{b}|"
    "np.einsum('...,...->...',{a},{b})"
)
WRITES = _apart(
    "{a}+={b}|{a}*=.5|{a}[0]={b}|{a}[0]+=1|{a}[1:]={a}[:-1]|{a}[{a}>.2]=.2|{a}[...]={b}|{a}[-1]*=2|"
    "np.add({a},{b},out={a})|{a}[:,0]=1|{a}.T[0]+=1|{a}.reshape(-1)[0]=7|{a}.fill(.3)|"
    "np.copyto({a},.5,where={a}<0)|{a}[[0,-1]]=0|{a}.sort()|{a}**=2|np.add.at({a},[0,0],1.)|{a}[::2]=0|"
    "{a}.flat[0]=3|np.fill_diagonal({a},0)|np.clip({a},-1,1,out={a})|{a}[()]=1|{a}//=1|"
    "np.putmask({a},{a}>0,0.)|{a}[{b}>0]+=1|np.place({a},{a}>0,[0.])|np.cumsum({a},axis=0,out={a})"
)
VIEWS = _apart(
    "{a}|{a}[1:]|{a}[:]|{a}.T|{a}.reshape(-1)|{a}.view()|{a}[0:1]|np.swapaxes({a},0,-1)|np.atleast_1d({a})|"
    "np.asarray({a})|np.squeeze({a})|{a}.ravel()|np.diagonal({a})|{a}[...,::-1]|np.ravel({a})"
)
OTHERS = _apart(
    "{v}={a}*n|{v}={a}+k|{v}=np.asarray(k)*{a}|{v}={a}[n-1]|{v}={a}*rng.normal(size={a}.shape)|"
    "{v}={a}+rng.uniform()|{v}=rng.permutation({a})|{v}={a} if k>0 else {b}|{v}=G*{a}|{v}=G[0]*{a}|"
    "{v}=(k>0)*{a}|{v}=k**2*{a}|{v}=round(k,2)*{a}|{v}=np.sqrt(k*k)*{a}|{v}=math.sin(k)*{a}|{v}=min(n,3)*{a}|"
    "{v}=max(k,.1)*{a}|{v}=k|{v}=[{a}*i for i in range(n+1)][-1]|{v}=np.array([k,1.,n])|{v}=np.full(3,k)|"
    "{v}=np.zeros(n)+k|{v}=np.eye(n)*k|{v}=isinstance({a},np.ndarray)|{v}=sum([{a},{b}])"
)

TABLES = [(0.42, OF_ONE), (0.6, OF_TWO), (0.72, WRITES), (0.85, VIEWS), (1.0, OTHERS)]


def value(kind: str, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
    x = np.asarray(rng.normal(size=shape))
    made: dict[str, Callable[[], Any]] = {
        "double": lambda: x,
        "single": lambda: np.asarray(x, np.float32),
        "whole": lambda: np.asarray(rng.integers(-2, 4, size=shape)),
        "flags": lambda: np.asarray(rng.integers(0, 2, size=shape) > 0),
        "columns": lambda: np.asfortranarray(x) if x.ndim else x,
        "strided": lambda: np.repeat(x, 2, axis=-1)[..., ::2] if x.ndim else x,
        "scalar": lambda: np.float64(x.sum()),
        "number": lambda: float(x.sum()),
    }
    return made[kind]()


class RandomFunction:
    """A function f(p, c, k, rng, n) as text; `p` holds two arrays in a structure."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng([7, seed])
        self.seed, self.n = seed, int(rng.integers(1, 4))
        shapes = [SHAPES[rng.integers(len(SHAPES))] for _ in range(3)]
        shapes = [shapes[0]] * 3 if rng.random() < 0.6 else shapes
        self.operands = [(KINDS[rng.integers(len(KINDS))], shape) for shape in shapes]
        self.alias = int(rng.integers(10))
        self.structure = int(rng.integers(3))
        self.differentiated = rng.random() < 0.4 and all(
            kind in ("double", "columns", "strided") and shape for kind, shape in self.operands
        )
        self.text = self._written(rng)

    def arguments(self, number: int) -> tuple[Any, ...]:
        rng = np.random.default_rng([self.seed, number])
        a, b, c = (value(kind, shape, rng) for kind, shape in self.operands)
        if self.alias == 0 and isinstance(a, np.ndarray):
            b = a[1:] if a.ndim and len(a) > 1 else a
        return [(a, b), [a, b], {"a": a, "b": b}][self.structure], c, float(rng.normal())

    def _written(self, rng: np.random.Generator) -> str:
        head = "a, b = p" if self.structure < 2 else 'a, b = p["a"], p["b"]'
        inside = {**SURROUNDINGS, **dict(zip("pck", self.arguments(0), strict=True)), "n": self.n}
        inside["rng"] = np.random.default_rng(3)
        exec(head, inside)
        lines, names = [head], ["a", "b", "c"]
        wanted = rng.integers(2, 10)
        for _ in range(80):
            if len(lines) > wanted:
                break
            v, choice = f"v{len(lines)}", rng.random()
            a, b = (names[-1 - min(int(rng.geometric(0.35)) - 1, len(names) - 1)] for _ in range(2))
            table = next(table for edge, table in TABLES if choice < edge)
            line = table[rng.integers(len(table))].format(a=a, b=b, v=v)
            line = line if table in (WRITES, OTHERS) else f"{v}={line}"
            if self.differentiated and ("rng" in line or table is WRITES):
                continue
            trial = dict(inside)
            try:
                with warnings.catch_warnings(), np.errstate(all="ignore"):
                    warnings.simplefilter("ignore")
                    exec(line, trial)
            except Exception:
                continue
            made = trial.get(v, 0.0)
            if getattr(made, "size", 1) > 3000 or getattr(made, "dtype", np.dtype(float)).kind not in "fiub":
                continue
            inside = trial
            lines.append(line)
            if v in trial and type(made) is not bool:
                names.append(v)
        floats = [name for name in names if getattr(inside[name], "dtype", np.dtype(int)).kind == "f"]
        self.differentiated = self.differentiated and bool(floats)
        chosen = [names[-1], names[rng.integers(len(names))], names[0]][: int(rng.integers(1, 4))]
        outs = "+".join(f"np.tanh({x}).sum()" for x in dict.fromkeys(floats[-2:])) if self.differentiated else None
        outs = outs or f"[{', '.join(chosen)}]"
        return "def f(p, c, k, rng, n):\n    " + "\n    ".join([*lines, f"return {outs}"]) + "\n"

    def function(self) -> Callable[..., Any]:
        inside, name = dict(SURROUNDINGS), f"<random function {self.seed}>"
        linecache.cache[name] = (len(self.text), None, self.text.splitlines(True), name)
        exec(compile(self.text, name, "exec"), inside)
        f = inside["f"]
        if not self.differentiated:
            return f  # type: ignore[no-any-return]
        return lambda p, c, k, rng, n: ge.value_and_grad(lambda p, c: f(p, c, k, rng, n), argnums=(0, 1))(p, c)


SURROUNDINGS: dict[str, Any] = {"np": np, "ge": ge, "math": math, "G": np.array([0.5, 0.2, 1.0])}


def parts(tree: Any) -> Iterator[Any]:
    if isinstance(tree, dict | list | tuple):
        for part in tree.values() if isinstance(tree, dict) else tree:
            yield from parts(part)
    else:
        yield tree


def check(seed: int) -> str:
    """What became of a random function: "same", "refused" or "raised". Raises AssertionError where it differs."""
    random = RandomFunction(seed)
    exact = seed % 3 == 0
    eager, compiled = random.function(), ge.compile(random.function(), exact=exact)
    for number in range(3):
        ran = []
        for f in (eager, compiled):
            given, rng = random.arguments(number), np.random.default_rng(number)
            try:
                with warnings.catch_warnings(), np.errstate(all="ignore"):
                    warnings.simplefilter("ignore")
                    ran.append(([f(*given, rng, random.n), given[:2]], None, rng.bit_generator.state["state"]))
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
        compare([*parts(found)], [*parts(expected)], exact, random)
    return "same"


def compare(found: list[Any], expected: list[Any], exact: bool, random: RandomFunction) -> None:
    assert len(found) == len(expected), random.text
    for one, other in zip(found, expected, strict=True):
        assert type(one) is type(other) or (random.differentiated and not np.ndim(one)), random.text
        assert np.shape(one) == np.shape(other) and np.result_type(one) == np.result_type(other), random.text
        close = (0, 0) if exact else (2e-4, 1e-4) if np.result_type(other) == np.float32 else (1e-7, 1e-8)
        np.testing.assert_allclose(one, other, *close, err_msg=random.text)


@pytest.mark.parametrize("start", range(0, 400, 20))
def test_random_functions(start: int) -> None:
    outcomes = [check(seed) for seed in range(start, start + 20)]
    assert outcomes.count("same") >= 5


if __name__ == "__main__":
    wrong = 0
    outcomes: list[str] = []
    for number in range(int(sys.argv[1])):
        try:
            outcomes.append(check(number))
        except Exception as error:
            wrong += 1
            sys.stdout.write(f"{number}: {type(error).__name__} {str(error)[:1500]}\n")
    counts = ", ".join(f"{outcomes.count(each)} {each}" for each in ("same", "refused", "raised"))
    sys.stdout.write(f"{sys.argv[1]} functions: {counts}, {wrong} wrong\n")
