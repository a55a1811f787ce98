"""`watch` around what people write: each kind runs as it does outside, and is recorded with values and modules."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import grad_engine as ge
from grad_engine.errors import GraphError
from grad_engine.record import GraphRecord
from grad_engine.record.index import index_of
from tests.torch_models import GPT, Recurrent, ResNet, UNet, Unrolled

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")]
checkpoint = torch.utils.checkpoint.checkpoint


class Model(nn.Module):
    """Some modules, `m0`, `m1`, ..., and a function that is their forward pass."""

    def __init__(self, forward: Callable[..., Any], *modules: Any) -> None:
        super().__init__()
        for k, module in enumerate(modules):
            setattr(self, f"m{k}", module)
        self.run = forward

    def forward(self, x: Any) -> Any:
        return self.run(self, x)


@dataclass
class Output:
    """What libraries return in the place of a tensor."""

    logits: Any
    hidden: Any = None


class Square(torch.autograd.Function):
    """A square with a backward step written by hand."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return 2 * ctx.saved_tensors[0] * g


def loss_of(out: Any) -> Any:
    out = out.reshape(-1, out.shape[-1]).float()
    return F.cross_entropy(out, torch.arange(len(out)) % out.shape[-1])


def x54() -> Any:
    return torch.randn(5, 4)


def layers(*extra: Any) -> Any:
    return nn.Sequential(nn.Linear(4, 8), *extra, nn.Linear(8, 3))


def written_over(model: Any, x: Any) -> Any:
    h = torch.zeros(5, 8)
    h[:, :4] = model.m0(x)
    h[1] = 3.0
    return h * 2


def penalty(model: Any) -> Any:
    x = x54().requires_grad_()
    (g,) = torch.autograd.grad(model(x).sum(), x, create_graph=True)
    return g.square().sum()


def mixed(model: Any) -> Any:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return loss_of(model(x54()))


def packed(model: Any) -> Any:
    rows = nn.utils.rnn.pack_sequence([torch.randn(3, 4), torch.randn(2, 4)])
    return model(rows)[0].data.square().sum()


def in_threads(model: Any) -> Any:
    out: list[Any] = [None, None]

    def run(k: int) -> None:
        out[k] = model(x54_fixed + k)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return loss_of(torch.cat(out))


x54_fixed = torch.arange(20.0).reshape(5, 4) / 10


def classified(make: Callable[[], Any]) -> Callable[[Any], Any]:
    return lambda model: loss_of(model(make()))


def compiled(part: Any) -> Any:
    return torch.compile(part, backend="aot_eager")


# name -> model, step, the modules that must be scopes
Kind = tuple[Callable[[], Any], Callable[[Any], Any], set[str]]
KINDS: dict[str, Kind] = {
    "resnet": (ResNet, classified(lambda: torch.randn(2, 3, 64, 64)), {"layer1.0.bn1", "layer4.1.relu", "fc"}),
    "unet": (UNet, classified(lambda: torch.randn(1, 1, 16, 16)), {"down.0.0", "up.1", "join.2.4", "last"}),
    "lstm": (Recurrent, classified(lambda: torch.randn(7, 2, 4)), {"lstm", "head"}),
    "grucell": (lambda: Unrolled(6), classified(lambda: torch.randn(6, 2, 4)), {"cell", "head"}),
    "gpt": (lambda: GPT(2), classified(lambda: torch.arange(16).reshape(2, 8)), {"wte", "h.1.attn.c_attn", "ln_f"}),
    "a dictionary": (
        lambda: Model(lambda m, x: {"logits": m.m1(m.m0(x).relu()), "hidden": None}, nn.Linear(4, 8), nn.Linear(8, 3)),
        lambda model: loss_of(model(x54())["logits"]),
        {"m0", "m1"},
    ),
    "a dataclass": (
        lambda: Model(
            lambda m, x: m.m1(m.m0(x)),
            Model(lambda m, x: Output(m.m0(x).tanh()), nn.Linear(4, 8)),
            Model(lambda m, o: m.m0(o.logits), nn.Linear(8, 3)),
        ),
        classified(x54),
        {"m0", "m0.m0", "m1.m0"},
    ),
    "checkpoint": (
        lambda: Model(
            lambda m, x: m.m1(checkpoint(lambda y: F.dropout(m.m0(y).tanh(), 0.5), x, use_reentrant=False)),
            nn.Linear(4, 8),
            nn.Linear(8, 3),
        ),
        classified(x54),
        {"m0", "m1"},
    ),
    "checkpoint that runs backward": (
        lambda: Model(
            lambda m, x: m.m2(checkpoint(lambda y: F.dropout(m.m1(y).tanh(), 0.5), m.m0(x), use_reentrant=True)),
            *(nn.Linear(4, 4), nn.Linear(4, 8), nn.Linear(8, 3)),
        ),
        classified(x54),
        {"m0", "m2"},
    ),
    "by hand": (
        lambda: Model(lambda m, x: m.m1(Square.apply(m.m0(x))), nn.Linear(4, 8), nn.Linear(8, 3)),
        classified(x54),
        {"m0", "m1"},
    ),
    "double backward": (lambda: layers(nn.Tanh()), penalty, {"0", "1", "2"}),
    "autocast": (lambda: layers(nn.ReLU()), mixed, {"0", "1", "2"}),
    "bfloat16": (lambda: layers(nn.ReLU()).bfloat16(), classified(lambda: x54().bfloat16()), {"0", "1", "2"}),
    "float16": (lambda: layers(nn.ReLU()).half(), classified(lambda: x54().half()), {"0", "1", "2"}),
    "packed": (lambda: nn.LSTM(4, 5), packed, set()),
    "batch norm": (
        lambda: nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(inplace=True)),
        classified(lambda: torch.randn(4, 1, 8, 8)),
        {"0", "1", "2"},
    ),
    "in place": (
        lambda: Model(lambda m, x: m.m0(x).mul_(2).add_(1).relu_().clone().sigmoid_(), nn.Linear(4, 8)),
        classified(x54),
        {"m0"},
    ),
    "written over": (lambda: Model(written_over, nn.Linear(4, 4)), classified(x54), {"m0"}),
    "transposed convolution": (
        lambda: nn.Sequential(nn.ConvTranspose2d(1, 3, 2, 2), nn.ConvTranspose2d(3, 1, 3)),
        classified(lambda: torch.randn(2, 1, 8, 8)),
        {"0", "1"},
    ),
    "indexed": (
        lambda: Model(lambda m, x: m.m0(x)[[0, 2, 2], [1, 0, 3]][None], nn.Linear(4, 8)),
        classified(x54),
        {"m0"},
    ),
    "masked": (lambda: Model(lambda m, x: (h := m.m0(x))[h > 0][None], nn.Linear(4, 8)), classified(x54), {"m0"}),
    "attention": (
        lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True),
        classified(lambda: torch.randn(2, 3, 8)),
        {"self_attn", "norm1", "linear2"},
    ),
    "compiled": (lambda: compiled(layers(nn.ReLU())), classified(x54), set()),
    "compiled part": (
        lambda: nn.Sequential(nn.Linear(4, 4), compiled(nn.Sequential(nn.Linear(4, 8), nn.ReLU())), nn.Linear(8, 3)),
        classified(x54),
        {"0", "1", "2"},
    ),
    "compiled function": (
        lambda: Model(lambda m, x: m.m1(compiled(lambda y: (y * 2).tanh())(m.m0(x))), nn.Linear(4, 8), nn.Linear(8, 3)),
        classified(x54),
        {"m0", "m1"},
    ),
    "scripted": (lambda: torch.jit.script(layers(nn.ReLU())), classified(x54), set()),
    "in threads": (lambda: layers(nn.ReLU()), in_threads, {"0", "1", "2"}),
    "vmap": (
        lambda: Model(lambda m, x: torch.vmap(lambda row: m.m0(row).tanh())(x), nn.Linear(4, 8)),
        classified(x54),
        {"m0"},
    ),
    "lazy": (lambda: nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(3)), classified(x54), {"0", "1", "2"}),
    "sparse": (
        lambda: nn.Sequential(nn.Embedding(9, 4, sparse=True), nn.Linear(4, 3)),
        classified(lambda: torch.arange(6)),
        {"0", "1"},
    ),
    "calls of one": (
        lambda: Model(lambda m, x: m.m0(m.m0(x).tanh()).sum(0)[None], nn.Linear(4, 4)),
        classified(x54),
        {"m0"},
    ),
}

# Results of which PyTorch tells nothing.
UNTOLD = {"scripted": 6, "lazy": 1, "grucell": 1}


def trained(name: str, watched: bool) -> tuple[list[Any], Any]:
    make, step, _ = KINDS[name]
    torch.manual_seed(0)
    model = make()
    torch.manual_seed(1)
    watching = None
    if watched:
        with ge.watch(model) as watching:
            step(model).backward()
    else:
        step(model).backward()
    grads = [each.grad for each in model.parameters()]
    return [None if g is None else g.to_dense() for g in grads], watching


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature:UserWarning")
def test_every_kind_runs_as_outside_and_is_recorded_whole(name: str) -> None:
    outside, _ = trained(name, False)
    inside, watched = trained(name, True)
    for one, other in zip(inside, outside, strict=True):
        assert one is other is None or torch.equal(one, other)
    record: GraphRecord = watched.record
    index = index_of(record)
    untold = [output for node in record.nodes for output in node.outputs if index.measured(output) is None]
    assert len(untold) <= UNTOLD.get(name, 0)
    assert KINDS[name][2] <= {node.scope for node in record.nodes}
    report = watched.report()
    for row, grad in zip(report.rows, outside, strict=False):
        if grad is not None:
            assert row.gradient_norm == pytest.approx(grad.double().norm().item(), rel=2e-3)


@pytest.mark.parametrize(("name", "expected"), [("indexed", [(0, 2, 2), (1, 0, 3)]), ("masked", None)])
def test_the_indices_of_an_indexed_result_are_operands(name: str, expected: Any) -> None:
    record = trained(name, True)[1].record
    node = next(node for node in record.nodes if node.op == "index" and node.inputs[1:])
    read = [record.by_id[operand.tensor] for operand in node.inputs if operand.edge is None]
    assert [tensor.role for tensor in read] == ["constant"] * len(read)
    assert [operand.parameter for operand in node.inputs[1:]] == [f"indices[{k}]" for k in range(len(read))]
    if expected is None:
        assert read[0].dtype == "bool"
    else:
        assert [tensor.data.values for tensor in read] == expected


def test_what_is_compiled_or_checkpointed_says_so() -> None:
    sentences = {
        node.op: node.sentence
        for name in ("compiled part", "checkpoint that runs backward")
        for node in trained(name, True)[1].record.nodes
    }
    assert "torch.compile()" in sentences["compiled_function"]
    assert "run again in backward" in sentences["checkpoint_function"].replace("runs", "run")


def test_parameters_inside_a_checkpoint_are_read_by_it() -> None:
    record = trained("checkpoint that runs backward", True)[1].record
    index = index_of(record)
    (box,) = (node for node in record.nodes if node.op == "checkpoint_function")
    read = {index.leaf(edge.receiver).name for edge in index.outgoing(box.id) if edge.receiver in index.accumulators}
    assert read == {"m1.weight", "m1.bias"}


@pytest.mark.parametrize("layout", [torch.jagged, torch.strided], ids=["jagged", "strided"])
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
def test_rows_of_different_lengths_are_refused_in_words(layout: Any) -> None:
    model = nn.Linear(4, 5)
    rows = torch.nested.nested_tensor([torch.randn(3, 4), torch.randn(2, 4)], layout=layout)
    with pytest.raises(GraphError, match="pad the rows to one length"), ge.watch(model):
        torch.nested.to_padded_tensor(model(rows), 0.0).sum().backward()
    assert not model._forward_hooks


@pytest.mark.parametrize("name", ["resnet", "gpt", "grucell", "a dataclass", "attention", "calls of one", "unet"])
def test_modules_are_those_in_which_the_ops_were_dispatched(name: str) -> None:
    """The truth: a trace of every op below autograd, with the module that was running."""
    from torch.utils._python_dispatch import TorchDispatchMode

    make, step, _ = KINDS[name]
    torch.manual_seed(0)
    model = make()
    running: list[str] = [""]
    found: dict[int, str] = {}

    class Trace(TorchDispatchMode):
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            found.setdefault(torch._C._autograd._get_sequence_nr() - 1, running[-1])
            return function(*args, **(kwargs or {}))

    def leave() -> None:
        running.pop()

    hooks = []
    for path, module in model.named_modules():
        hooks.append(module.register_forward_pre_hook(lambda module, args, path=path: running.append(path)))
        hooks.append(module.register_forward_hook(lambda module, args, out: leave()))
    with Trace():
        loss = step(model)
    for hook in hooks:
        hook.remove()
    nodes, pending = {loss.grad_fn}, [loss.grad_fn]
    while pending:
        for below, _ in pending.pop().next_functions:
            if below is not None and not hasattr(below, "variable") and below not in nodes:
                nodes.add(below)
                pending.append(below)
    truth = [found.get(node._sequence_nr()) for node in sorted(nodes, key=lambda node: node._sequence_nr())]
    with ge.watch(model) as watched:
        step(model).backward()
    scopes = [node.scope for node in watched.record.nodes]
    told = [k for k, path in enumerate(truth) if path is not None]  # a few nodes are made without a dispatch
    assert len(told) > 0.8 * len(truth)
    assert [scopes[k] for k in told] == [truth[k] for k in told]


@pytest.mark.parametrize("weights", [False, True], ids=["without weights", "with weights"])
def test_what_functions_of_pytorch_do_inside_is_told(weights: bool) -> None:
    """PyTorch tells of attention as one call; its parts have their values and their module all the same."""
    torch.manual_seed(0)
    model = nn.MultiheadAttention(60, 2, batch_first=True)
    x = torch.randn(5, 7, 60)
    with ge.watch(model) as watched:
        out, _ = model(x, x, x, need_weights=weights)
        out.square().sum().backward()
    index = index_of(watched.record)
    untold = [node.op for node in watched.record.nodes if any(index.measured(out) is None for out in node.outputs)]
    assert set(untold) <= {"matmul", "reshape"}  # within one function in C++
    assert len(untold) < len(watched.record.nodes) / 4
    assert all(node.source is not None for node in watched.record.nodes)


def wholly() -> Any:
    """A module that is compiled in its place."""
    model = Model(lambda m, x: m.m1(m.m0(x).relu()), nn.Linear(4, 8), nn.Linear(8, 3))
    model.compile(backend="aot_eager")
    return model


def partly() -> Any:
    """A part that is."""
    model = nn.Sequential(nn.Linear(4, 4), wholly(), nn.Linear(3, 3))
    assert model[1]._compiled_call_impl is not None
    return model


def forward_alone() -> Any:
    """A part of which the forward method is compiled."""
    part = Model(lambda m, x: m.m1(m.m0(x).relu()), nn.Linear(4, 8), nn.Linear(8, 3))
    part.forward = compiled(part.forward)
    return nn.Sequential(nn.Linear(4, 4), part, nn.Linear(3, 3))


@pytest.mark.parametrize("make", [wholly, partly, forward_alone], ids=lambda make: make.__name__)
def test_what_is_compiled_in_its_place_is_one_box(make: Any) -> None:
    torch._dynamo.reset()
    torch.manual_seed(0)
    model, x = make(), x54()
    loss_of(model(x)).backward()
    outside = [each.grad.clone() for each in model.parameters()]
    model.zero_grad()
    held = [module._compiled_call_impl for module in model.modules()]
    with ge.watch(model) as watched:
        loss_of(model(x)).backward()
    assert [module._compiled_call_impl for module in model.modules()] == held
    assert all(torch.equal(one, other.grad) for one, other in zip(outside, model.parameters(), strict=True))
    boxes = [node for node in watched.record.nodes if node.op == "compiled_function"]
    assert [node.scope for node in boxes] == ["" if make is wholly else "1"]
    assert "torch.compile()" in boxes[0].sentence
    index = index_of(watched.record)
    assert all(index.measured(out) is not None for node in watched.record.nodes for out in node.outputs)
