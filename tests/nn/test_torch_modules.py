"""Transformers, reparametrized layers, packed sequences, backward hooks and schedules: PyTorch's numbers."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.errors import ArgumentError, ShapeError
from tests.support import normal

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def _doubles() -> Any:
    torch.set_default_dtype(torch.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own, of nested tensors and old names
        yield
    torch.set_default_dtype(torch.float32)


def pair(make: Any) -> tuple[Any, Any]:
    """PyTorch's module and ours with its parameters."""
    theirs, mine = make(torch), make(ge)
    mine.load_state_dict(theirs.state_dict())
    assert [*mine.state_dict()] == [*theirs.state_dict()]
    return theirs, mine


def same_results_and_gradients(modules: Any, call: Any) -> None:
    found = []
    for engine, module in zip((torch, ge), modules, strict=True):
        outs = call(engine, module)
        sum((out * out).sum() for out in outs).backward()
        grads = [each.grad for _, each in module.named_parameters() if each.grad is not None]
        found.append([each.detach().numpy() for each in (*outs, *grads)])
    assert len(found[0]) == len(found[1])
    for theirs, mine in zip(*found, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("first", [False, True], ids=["steps first", "batch first"])
def test_transformer(first: bool) -> None:
    def make(engine: Any) -> Any:
        more = {"batch_first": True, "norm_first": True, "activation": "gelu", "bias": False} if first else {}
        return engine.nn.Transformer(8, 2, 2, 2, 12, 0.0, **more)

    def call(engine: Any, module: Any) -> Any:
        src, tgt = normal(5, 3, 8), normal(4, 3, 8)
        if first:
            src, tgt = src.swapaxes(0, 1), tgt.swapaxes(0, 1)
        padding = np.zeros((3, 5), bool)
        padding[0, -2:] = True
        hidden = engine.tensor(padding)
        mask = engine.nn.Transformer.generate_square_subsequent_mask(4)
        return [
            module(
                engine.tensor(src), engine.tensor(tgt), tgt_mask=mask, src_key_padding_mask=hidden,
                memory_key_padding_mask=hidden,
            )
        ]  # fmt: skip

    same_results_and_gradients(pair(make), call)


@pytest.mark.parametrize("kind", ["weight_norm", "spectral_norm"])
def test_reparametrized_layers(kind: str) -> None:
    def make(engine: Any) -> Any:
        wrap = getattr(engine.nn.utils, kind)
        return engine.nn.Sequential(wrap(engine.nn.Conv1d(2, 3, 2)), engine.nn.Tanh(), wrap(engine.nn.Conv1d(3, 2, 1)))

    modules = pair(make)
    for _ in range(2):  # spectral norm improves its estimate in every call
        same_results_and_gradients(modules, lambda engine, module: [module(engine.tensor(normal(4, 2, 6)))])
    before = modules[1](ge.tensor(normal(1, 2, 6))).tolist() if kind == "weight_norm" else None
    getattr(ge.nn.utils, f"remove_{kind}")(modules[1][0])
    assert [name for name, _ in modules[1][0].named_parameters()] == ["bias", "weight"]
    if before is not None:
        np.testing.assert_allclose(modules[1](ge.tensor(normal(1, 2, 6))).tolist(), before)
    with pytest.raises(ArgumentError, match="no such norm"):
        getattr(ge.nn.utils, f"remove_{kind}")(modules[1][0])


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize("is_sorted", [True, False])
def test_packed_sequences(kind: str, is_sorted: bool) -> None:
    lengths = [4, 3, 3, 1] if is_sorted else [3, 1, 4, 3]

    def make(engine: Any) -> Any:
        return getattr(engine.nn, kind)(2, 3, num_layers=2, bidirectional=True, batch_first=True)

    def call(engine: Any, module: Any) -> Any:
        rnn = engine.nn.utils.rnn
        packed = rnn.pack_padded_sequence(
            engine.tensor(normal(4, 4, 2)), engine.tensor(np.array(lengths)), batch_first=True, enforce_sorted=is_sorted
        )
        out, last = module(packed)
        padded, sizes = rnn.pad_packed_sequence(out, batch_first=True, padding_value=7.0)
        assert sizes.tolist() == lengths and out.batch_sizes.tolist() == packed.batch_sizes.tolist() == [4, 3, 3, 1]
        return [padded, out.data, *(last if kind == "LSTM" else (last,))]

    same_results_and_gradients(pair(make), call)


def test_packing_says_what_does_not_fit() -> None:
    rnn = ge.nn.utils.rnn
    x = ge.tensor(normal(4, 3, 2))
    with pytest.raises(ArgumentError, match="enforce_sorted=False"):
        rnn.pack_padded_sequence(x, [1, 2, 4])
    with pytest.raises(ShapeError, match="a length from 1 to 4"):
        rnn.pack_padded_sequence(x, [5, 2, 1])
    packed = rnn.pack_sequence([ge.ones(3, 2), ge.ones(2, 2)])
    assert packed.data.shape == (5, 2)
    with pytest.raises(ShapeError, match="total_length=2"):
        rnn.pad_packed_sequence(packed, total_length=2)
    assert [part.shape for part in rnn.unpad_sequence(x, [4, 1, 2])] == [(4, 2), (1, 2), (2, 2)]


def hooks_seen(engine: Any) -> list[Any]:
    nn = engine.nn
    module = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    with engine.no_grad():
        for k, parameter in enumerate(module.parameters()):
            shape = tuple(parameter.shape)
            parameter.copy_(engine.tensor(0.1 * (-1) ** k * np.arange(1.0, np.prod(shape) + 1).reshape(shape)))
    seen: list[Any] = []

    def note(which: Any, grad_input: Any, grad_output: Any) -> None:
        grads = [None if g is None else g.numpy().tolist() for g in (*grad_input, *grad_output)]
        seen.append((type(which).__name__, grads))

    for each in module:
        each.register_full_backward_hook(note)
    doubled = module[1].register_full_backward_hook(lambda which, given, got: (given[0] * 2,))
    module[2].register_full_backward_pre_hook(lambda which, got: (got[0] * 3,))
    module[0].register_forward_hook(
        lambda which, args, named, out: seen.append([len(args), [*named]]), with_kwargs=True
    )
    module[0].register_forward_pre_hook(lambda which, args: seen.append("second"))
    module[0].register_forward_pre_hook(lambda which, args: seen.append("first"), prepend=True)
    x = engine.tensor(np.array([[1.0, 2.0]]))
    module(x).sum().backward()
    doubled.remove()
    module(x.requires_grad_()).sum().backward()
    return [*seen, x.grad.tolist(), module[0].weight.grad.tolist()]


def test_backward_hooks_see_and_change_what_pytorchs_do() -> None:
    def flat(value: Any) -> list[Any]:
        return [part for each in value for part in flat(each)] if isinstance(value, list | tuple) else [value]

    mine, theirs = flat(hooks_seen(ge)), flat(hooks_seen(torch))
    assert len(mine) == len(theirs)
    for one, other in zip(mine, theirs, strict=True):
        assert one == pytest.approx(other) if isinstance(one, float) else one == other


def test_schedules_of_cycles_and_chains() -> None:
    found = []
    for engine in (torch, ge):
        schedules = engine.optim.lr_scheduler

        class Warmup(schedules.LRScheduler):  # type: ignore[name-defined,misc]
            def get_lr(self) -> list[float]:
                return [base * min(1.0, (self.last_epoch + 1) / 4) for base in self.base_lrs]

        rates = []
        for make in (
            lambda o, s=schedules: s.CyclicLR(o, 0.01, 0.1, step_size_up=3, step_size_down=2, mode="triangular2"),
            lambda o, s=schedules: s.CyclicLR(o, 0.01, 0.1, 2, mode="exp_range", gamma=0.9, cycle_momentum=False),
            lambda o, s=schedules: s.ChainedScheduler([s.ConstantLR(o, 0.1, 4), s.ExponentialLR(o, 0.9)]),
            lambda o, s=schedules: s.OneCycleLR(o, 0.1, total_steps=10, last_epoch=-1),
            lambda o, w=Warmup: w(o),
        ):
            optimizer = engine.optim.SGD([engine.tensor(1.0, requires_grad=True)], lr=0.02, momentum=0.9)
            schedule = make(optimizer)
            for _ in range(10):
                group = optimizer.param_groups[0]
                rates += [group["lr"], group["momentum"]]
                optimizer.step()
                schedule.step()
        restarts = schedules.CosineAnnealingWarmRestarts(optimizer, 4, 2)
        for k in range(12):
            restarts.step(k / 2)
            rates += restarts.get_last_lr()
        found.append(rates)
    np.testing.assert_allclose(found[1], found[0], rtol=1e-12)


def test_functions_of_modules_and_batches() -> None:
    found = []
    for engine in (torch, ge):
        module = engine.nn.Linear(3, 2)
        module.load_state_dict({"weight": engine.tensor(normal(2, 3)), "bias": engine.tensor(normal(2))})
        other = {name: value.detach() * 2 for name, value in module.named_parameters()}

        def loss(values: Any, x: Any, y: Any, engine: Any = engine, module: Any = module) -> Any:
            return ((engine.func.functional_call(module, values, (x,)) - y) ** 2).sum()

        x, y = engine.tensor(normal(4, 3)), engine.tensor(normal(4, 2, seed=1))
        each = engine.func.vmap(engine.func.grad(loss), in_dims=(None, 0, 0))(other, x, y)
        grad, value = engine.func.grad_and_value(loss)(other, x, y)
        jacobian = engine.func.jacrev(lambda x, engine=engine: engine.sin(x) * x)(x[0])
        found.append([each["weight"], each["bias"], grad["weight"], value, jacobian, module.weight])
    for theirs, mine in zip(*found, strict=True):
        np.testing.assert_allclose(mine.detach().numpy(), theirs.detach().numpy(), rtol=1e-9)
    with pytest.raises(ArgumentError, match="has no 'wight'"):
        ge.func.functional_call(ge.nn.Linear(1, 1), {"wight": ge.ones(1)}, ge.ones(1))
    with pytest.raises(ShapeError, match="one length"):
        ge.func.vmap(lambda a, b: a + b)(ge.ones(3), ge.ones(2))
