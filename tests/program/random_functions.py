"""Random functions as text, for the laws of random functions and of memory: what they may call, and their arguments."""

from __future__ import annotations

import linecache
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import grad_engine as ge

SHAPES = [(), (1,), (3,), (4,), (2, 3), (3, 3), (1, 3), (3, 1), (0,), (0, 3), (2, 3, 2), (20, 3), (8,), (9,), (3, 4)]
KINDS = ["double"] * 6 + ["single", "whole", "flags", "columns", "strided", "scalar", "number"]
TENSORS = (
    ["tensor"] * 4 + ["leaf"] * 4 + ["tensor single", "leaf single", "half", "tensor half", "tensor whole", *KINDS[5:]]
)


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

OF_TENSORS = _apart(
    "{a}>0|{a}<={b}|{a}=={b}|~({a}>0)|({a}>0).float()|({a}>0)*{b}|({a}>0)&({b}>0)|({a}>0).sum()|{a}.gt(0)|ge.lt({a},.2)|"
    "np.take({a},{b}.argmax())|np.take(np.arange(3.),{a}.argmax())|np.take({a},np.array([0]))|ge.softmax({a},axis=-1)|"
    "ge.log_softmax({a},axis=-1)|ge.tensor({a})|ge.stack([{a},{b}])|ge.relu({a})+{b}|ge.logsumexp({a},axis=-1)|"
    "ge.where({a}>0,{a},{b})|{a}.max(axis=0)|{a}.sum(dim=0)|{a}.mean(dim=-1)|{a}.detach()|{a}.numpy()|{a}.data|"
    "{a}.clone()|{a}.float()|{a}.double()|{a}.half()|{a}.long()|{a}.t()|{a}.view(-1)|{a}.flatten()|{a}.norm()|"
    "{a}.argmax()|{a}.argsort()|{a}.sort()|{a}.topk(1)|{a}.unbind()|{a}.chunk(2)[0]|{a}.masked_fill({a}>0,.3)|"
    "np.isclose({a},{b})|np.greater({a},{b})|np.logical_not({a}>0)|np.isfinite({a})|{a}.isnan()|{a}.eq({b})|"
    "{a}[{a}>0]|{a}[{b}.argmax()]|{a}[0]|{a}[...,-1]|np.asarray({a})|np.array([{a}.sum(),{b}.sum()])|np.float32(.5)*{a}|"
    "ge.zeros_like({a})+{b}|{a}.new_zeros(2)|ge.mse_loss({a},{b})|ge.cat([{a},{b}])|{a}.cumsum(0)|{a}.repeat(2)|"
    "{a}.type_as({b})|ge.clamp({a},-.5,.5)|{a}.pow(2)|{a}.abs().sqrt()|{a}.std()|{a}.var(dim=0)|{a}.T@{a}|{a}.any()|"
    "(np.asarray({a})>0)|np.where({a}>0)[0]|{a}.nonzero()|np.maximum({a},{b}).sum()|ge.sigmoid({a})|ge.gelu({a})|"
    "{a}.requires_grad|{a}.dim()|{a}.size()|{a}.dtype==np.float64|len({a})|{a}.is_leaf|np.dot({a},{a})|np.mean({a},axis=0)"
)
TENSOR_WRITES = _apart(
    "{a}.add_(1)|{a}.mul_(.5)|{a}[0]=1|{a}[0]={b}[0]|{a}[{a}>.2]=.2|{a}.zero_()|{a}.fill_(.3)|{a}.copy_({b})|{a}+={b}|"
    "{a}*=.5|{a}.data.add_(1)|{a}.clamp_(-.5,.5)"
)

TABLES = [(0.42, OF_ONE), (0.6, OF_TWO), (0.72, WRITES), (0.85, VIEWS), (1.0, OTHERS)]
TENSOR_TABLES = [(0.2, OF_ONE), (0.3, OF_TWO), (0.75, OF_TENSORS), (0.82, TENSOR_WRITES), (0.92, VIEWS), (1.0, OTHERS)]


def value(kind: str, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
    if kind.startswith(("tensor", "leaf")):
        first, _, rest = kind.partition(" ")
        return ge.tensor(value(rest or "double", shape, rng), requires_grad=first == "leaf")
    x = np.asarray(rng.normal(size=shape))
    made: dict[str, Callable[[], Any]] = {
        "double": lambda: x,
        "half": lambda: np.asarray(x, np.float16),
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
    """A function f(p, c, k, rng, n) as text; `p` holds two arrays, or tensors, in a structure."""

    def __init__(self, seed: int, tensors: bool = False) -> None:
        self.tensors = tensors
        rng = np.random.default_rng([7, seed])
        self.seed, self.n = seed, int(rng.integers(1, 4))
        shapes = [SHAPES[rng.integers(len(SHAPES))] for _ in range(3)]
        shapes = [shapes[0]] * 3 if rng.random() < 0.6 else shapes
        kinds = TENSORS if tensors else KINDS
        self.operands = [(kinds[rng.integers(len(kinds))], shape) for shape in shapes]
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
            table = next(table for edge, table in (TENSOR_TABLES if self.tensors else TABLES) if choice < edge)
            line = table[rng.integers(len(table))].format(a=a, b=b, v=v)
            line = line if table in (WRITES, TENSOR_WRITES, OTHERS) else f"{v}={line}"
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
