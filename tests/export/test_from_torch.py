"""Graphs from PyTorch: the record says what PyTorch built and did, and every reader takes it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from grad_engine.draw.graphviz import to_dot
from grad_engine.errors import ArgumentError, GraphError, MissingPackageError
from grad_engine.export.torch_ops import plain_name, snake
from grad_engine.interop import from_torch, module_scopes
from grad_engine.record import (
    AccumulateEvent,
    GraphRecord,
    NodeRecord,
    RunEvent,
    SendEvent,
    TensorRecord,
    check,
    from_json,
    to_json,
)
from grad_engine.record.parts import FROZEN
from grad_engine.tree import tree

torch = pytest.importorskip("torch")
nn, functional = torch.nn, torch.nn.functional


def leaves() -> dict[str, Any]:
    """Operands for expressions: two matrices, a vector, and one without gradient."""
    torch.manual_seed(1)
    a, b, v = (torch.rand(shape, requires_grad=True) for shape in ((2, 3), (2, 3), (3,)))
    return {"a": a, "b": b, "v": v, "c": torch.rand(2, 3)}


class Both(torch.autograd.Function):
    """The product and the sum, with a backward step written by hand."""

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any) -> Any:
        ctx.save_for_backward(x, y)
        return x * y, x + y

    @staticmethod
    def backward(ctx: Any, g: Any, h: Any) -> Any:
        x, y = ctx.saved_tensors
        return g * y + h, g * x + h


def in_place(a: Any, b: Any, v: Any, c: Any) -> Any:
    copy = a.clone()
    copy[0] = b[1]
    copy += v
    return copy.sum()


Expression = Callable[..., Any]
EXPRESSIONS: dict[str, Expression] = {
    "sums": lambda a, b, v, c: a.sum(-1).mean(),
    "joins": lambda a, b, v, c: torch.cat([torch.stack([a, b]).sum(0), b], 1),
    "parts": lambda a, b, v, c: a[0, :, None][1:],
    "shapes": lambda a, b, v, c: a.permute(1, 0).unsqueeze(-1).squeeze().transpose(-1, 0).reshape(-1),
    "stretched": lambda a, b, v, c: a.expand(4, 2, 3) * v + b - v,
    "activations": lambda a, b, v, c: functional.gelu(a).clamp(0) + functional.leaky_relu(b, 0.2).sigmoid().relu(),
    "several outputs": lambda a, b, v, c: a.split(1, 1)[2] * a.unbind(1)[0][:, None],
    "a maximum": lambda a, b, v, c: a.max(1)[0],
    "normed": lambda a, b, v, c: functional.layer_norm(a, (3,), v, v).norm(),
    "quotients": lambda a, b, v, c: 2 / a + a / 3 - (3 - b),
    "powers": lambda a, b, v, c: 2**a + a**b + a**3.5,
    "einsum": lambda a, b, v, c: torch.einsum("ij,kj->ik", a, b),
    "linear": lambda a, b, v, c: functional.linear(a.unsqueeze(0), b, v[:2]),
    "softmax": lambda a, b, v, c: a.softmax(-1) * b.log_softmax(0),
    "chosen": lambda a, b, v, c: torch.where(c > 0.5, a, b),
    "indexed": lambda a, b, v, c: a[[0, 1], [1, 1]],
    "mse": lambda a, b, v, c: functional.mse_loss(a, c) + functional.mse_loss(a, b),
    "convolution": lambda a, b, v, c: functional.conv2d(a[None, None], b[None, None, :, :2], v[:1]),
    "attention": lambda a, b, v, c: functional.scaled_dot_product_attention(a[None], b[None], b[None]),
    "in place": in_place,
    "by hand": lambda a, b, v, c: sum(Both.apply(a, b)),
    "16 bits": lambda a, b, v, c: (a.bfloat16() * b.bfloat16()).sum(),
    "complex": lambda a, b, v, c: torch.complex(a, b).abs(),
    "embedding": lambda a, b, v, c: functional.embedding(torch.tensor([0, 1, 1]), a, sparse=True),
    "a scaled sum": lambda a, b, v, c: torch.add(a, b, alpha=3),
    "weighted classes": lambda a, b, v, c: functional.cross_entropy(a, torch.tensor([0, 2]), weight=c[0]),
    "nothing": lambda a, b, v, c: a[:0] * 2,
    "no numbers": lambda a, b, v, c: (a - 2).log(),
    "a gradient": lambda a, b, v, c: torch.autograd.grad((a**3).sum(), a, create_graph=True)[0].pow(2).sum(),
    "decompositions": lambda a, b, v, c: torch.linalg.cholesky(a @ a.T + torch.eye(2)).sum() + b[:, 1:].det(),
    "recurrent": lambda a, b, v, c: nn.GRUCell(3, 2)(a),
    "transformer": lambda a, b, v, c: nn.TransformerEncoderLayer(3, 1, 4, dropout=0.0)(a[:, None]),
}  # fmt: skip


def node(record: GraphRecord, name: str) -> NodeRecord:
    """The one node of that name."""
    (found,) = (each for each in record.nodes if each.name == name)
    return found


def tensor(record: GraphRecord, id: str | None) -> TensorRecord:
    found = record.by_id[str(id)]
    assert isinstance(found, TensorRecord)
    return found


def numbers(record: GraphRecord, id: str | None) -> np.ndarray:
    """The recorded entries of a tensor, in its shape."""
    held = tensor(record, id)
    assert held.data is not None and held.data.values is not None
    dtype = np.float32 if held.dtype in ("float32", "bfloat16") else float
    return np.reshape(np.array(held.data.values, dtype), held.shape)


def leaf_gradients(record: GraphRecord) -> dict[str | None, np.ndarray]:
    owner = {each.id: tensor(record, each.leaf).name for each in record.accumulators}
    return {owner[change.accumulator]: numbers(record, change.after) for change in record.runs[-1].leaves}


@pytest.fixture
def mlp() -> Any:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
    x, y = torch.rand(4, 2), torch.tensor([0, 1, 1, 0])
    return model, x, y, functional.cross_entropy(model(x), y)


def test_a_model_in_full(mlp: Any) -> None:
    model, x, y, loss = mlp
    record = from_torch(loss, model=model, title="mlp", names={"x": x, "y": y, "loss": loss})
    assert [(each.name, each.scope) for each in record.nodes] == [
        ("TransposeBackward", "0"),
        ("AddmmBackward", "0"),
        ("ReluBackward", "1"),
        ("TransposeBackward", "2"),
        ("AddmmBackward", "2"),
        ("LogSoftmaxBackward", ""),
        ("NllLossBackward", ""),
    ]
    assert [tensor(record, each.leaf).name for each in record.accumulators] == [
        name for name, _ in model.named_parameters()
    ]
    assert [(group.scope, group.members) for group in record.groups] == [
        ("0", ("n0", "n1")), ("1", ("n2",)), ("2", ("n3", "n4")),
    ]  # fmt: skip
    assert [(edge.sender, edge.slot, edge.receiver) for edge in record.edges] == [
        ("n0", 0, "a0"), ("n1", 0, "a1"), ("n1", 2, "n0"), ("n2", 0, "n1"), ("n3", 0, "a2"),
        ("n4", 0, "a3"), ("n4", 1, "n2"), ("n4", 2, "n3"), ("n5", 0, "n4"), ("n6", 0, "n5"),
    ]  # fmt: skip
    assert tensor(record, record.roots[0].tensor).name == "loss"
    assert tensor(record, record.nodes[1].inputs[1].tensor).name == "x"
    assert tensor(record, record.nodes[6].inputs[1].tensor).name == "y"
    assert (record.counts.ops, record.counts.leaves, record.title) == (7, 4, "mlp")
    np.testing.assert_array_equal(numbers(record, record.nodes[4].outputs[0]), model(x).detach().numpy())
    np.testing.assert_array_equal(numbers(record, record.nodes[2].outputs[0]), model[:2](x).detach().numpy())
    loss.backward()
    for name, parameter in model.named_parameters():
        np.testing.assert_array_equal(leaf_gradients(record)[name], parameter.grad.numpy())


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_every_expression_becomes_a_sound_record(expression: Expression) -> None:
    operands = leaves()
    output = expression(**operands)
    record = from_torch(output, names=operands)
    check(record)
    assert from_json(to_json(record)) == record
    assert str(tree(record)) and to_dot(record)
    wanted = [operand for operand in operands.values() if operand.requires_grad]
    seed = torch.ones_like(output)
    expected = torch.autograd.grad(output, wanted, seed, allow_unused=True)
    found = leaf_gradients(record)
    for name, g in zip(operands, expected, strict=False):
        assert (g is None) == (name not in found)
        if g is not None:
            np.testing.assert_array_equal(found[name].astype(np.float32), g.to_dense().float().numpy())


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_shares_are_what_is_summed(expression: Expression) -> None:
    output = expression(**leaves())
    record = from_torch(output, names={})
    (run,) = record.runs
    ran = [event.node for event in run.events if isinstance(event, RunEvent)]
    assert sorted(ran) == sorted(each.id for each in record.nodes) and ran[0] == run.root
    arrived: dict[tuple[str, int], Any] = {}
    for event in run.events:
        if isinstance(event, SendEvent):
            edge = record.by_id[event.edge]
            if tensor(record, event.share).data is None:
                return  # complex numbers are not recorded
            place = (edge.receiver, edge.output)
            arrived[place] = arrived.get(place, 0) + numbers(record, event.share)
        elif isinstance(event, AccumulateEvent) and event.k == event.of:
            edge = record.by_id[event.edge]
            np.testing.assert_allclose(
                numbers(record, event.partial), arrived[edge.receiver, edge.output], rtol=1e-2, atol=1e-6
            )
    for id, gradients in run.gradients.items():
        for output_number, gradient in enumerate(gradients):
            if id != run.root and gradient is not None:
                expected = arrived[id, output_number]
                np.testing.assert_allclose(numbers(record, gradient), expected, rtol=1e-2, atol=1e-6)


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_values_that_are_worked_out_again_are_what_the_program_saw(
    expression: Expression, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every result that a dispatched op of the forward pass returned, by the node that stands for it."""
    from torch.overrides import TorchFunctionMode

    seen: list[Any] = []

    class Watch(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = function(*args, **(kwargs or {}))
            results = result if isinstance(result, tuple | list) else (result,)
            made = (each for each in results if isinstance(each, torch.Tensor) and each.grad_fn is not None)
            seen.extend((each.grad_fn, each.output_nr, each.detach().clone()) for each in made)
            return result

    operands = leaves()
    with Watch():
        output = expression(**operands)
    record = from_torch(output, names={})
    values = {(made, k): value for made, k, value in seen}
    by_age = _nodes_by_age(output.grad_fn)
    compared = 0
    for each, made in zip(record.nodes, by_age, strict=True):
        for k, out in enumerate(each.outputs):
            held = tensor(record, out)
            if (made, k) in values and held.data is not None:
                expected = values[made, k].float().numpy()
                np.testing.assert_array_equal(numbers(record, out).astype(np.float32), expected)
                compared += 1
    assert compared


def _nodes_by_age(root: Any) -> list[Any]:
    found, pending = {root}, [root]
    while pending:
        for below, _ in pending.pop().next_functions:
            if below is not None and not hasattr(below, "variable") and below not in found:
                found.add(below)
                pending.append(below)
    return sorted(found, key=lambda each: each._sequence_nr())


def test_the_order_is_that_in_which_pytorch_ran() -> None:
    operands = leaves()
    output = EXPRESSIONS["recurrent"](**operands)
    order: list[Any] = []
    nodes = _nodes_by_age(output.grad_fn)
    hooks = [each.register_hook(lambda shares, received, each=each: order.append(each)) for each in nodes]
    record = from_torch(output)
    for hook in hooks:
        hook.remove()
    ran = [event.node for event in record.runs[0].events if isinstance(event, RunEvent)]
    assert [f"n{nodes.index(each)}" for each in order] == ran


def test_nothing_is_left_behind(mlp: Any) -> None:
    model, _, _, loss = mlp
    model[0].weight.grad = torch.full((3, 2), 7.0)
    from_torch(loss, model=model)
    assert torch.equal(model[0].weight.grad, torch.full((3, 2), 7.0)) and model[2].bias.grad is None
    called = []
    one = from_torch(loss, model=model)
    loss.grad_fn.register_prehook(called.append)
    assert from_torch(loss, model=model) == one  # the graph is still there, and the same
    assert len(called) == 1
    loss.backward()
    assert len(called) == 2


def test_a_leaf_that_is_used_twice_sums_its_shares() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x * x
    record = from_torch(y + y + x)
    assert [edge.receiver for edge in record.edges].count("a0") == 3
    sums = [(event.k, event.of) for event in record.runs[0].events if isinstance(event, AccumulateEvent)]
    assert sorted(sums) == [(1, 2), (1, 3), (2, 2), (2, 3), (3, 3)]
    np.testing.assert_array_equal(leaf_gradients(record)["x"], [5.0, 9.0])
    assert {each.name for each in record.tensors if each.name} == {"x", "y"}


def test_a_stretched_operand_tells_what_was_summed_away() -> None:
    a, v = torch.rand(2, 3, requires_grad=True), torch.rand(3, requires_grad=True)
    record = from_torch(a * v)
    second = node(record, "MulBackward").inputs[1]
    edge = record.by_id[str(second.edge)]
    assert second.broadcast_from == (3,) and (edge.raw_shape, edge.reduced_axes) == ((2, 3), (0,))


def test_formulas_are_ours_where_the_op_is() -> None:
    a, b = torch.rand(2, 3, requires_grad=True), torch.rand(3, 2, requires_grad=True)
    record = from_torch((a @ b).log().sum(1, keepdim=True) * 3)
    texts = [each.formula.forward.text for each in record.nodes if each.formula is not None]
    assert texts == ["x @ y", "ln(x)", "sum(x, axis=(1,), keepdims=True)", "x · y"]
    assert [rule.text for rule in record.nodes[0].formula.vjp] == ["g @ yᵀ", "xᵀ @ g"]
    assert [each.op for each in record.nodes] == ["matmul", "ln", "sum", "mul"]


def test_what_pytorch_did_not_keep_is_not_made_up() -> None:
    x = torch.rand(2, requires_grad=True)
    record = from_torch((x + 5) * 2, names={})
    added = node(record, "AddBackward")
    assert [each.slot for each in added.inputs] == [0]
    assert tensor(record, added.outputs[0]).data is None
    assert numbers(record, node(record, "MulBackward").inputs[1].tensor) == 2


def test_a_result_that_only_its_reshaped_form_keeps_is_known() -> None:
    x, w = torch.rand(2, 2, 3, requires_grad=True), torch.rand(2, 3, requires_grad=True)
    h = functional.layer_norm(x, (3,))
    record = from_torch(functional.linear(h, w), names={})
    np.testing.assert_array_equal(numbers(record, node(record, "LayerNormBackward").outputs[0]), h.detach().numpy())


def test_names_of_results_bring_their_values() -> None:
    x = torch.rand(2, requires_grad=True)
    h = x + 5
    record = from_torch(h * 2)
    held = tensor(record, node(record, "AddBackward").outputs[0])
    assert (held.name, held.name_source) == ("h", "inferred")
    np.testing.assert_array_equal(numbers(record, held.id), h.detach().numpy())
    given = from_torch(h * 2, names={"hidden": h})
    assert tensor(given, node(given, "AddBackward").outputs[0]).name == "hidden"
    assert all(each.name_source != "inferred" for each in given.tensors)


def test_scopes_of_modules_inside_modules() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)

        def forward(self, x: Any) -> Any:
            return x + self.second(torch.tanh(self.first(x)))

    model = nn.Sequential(Block(), nn.Sigmoid(), Block(), nn.Linear(3, 1))
    out = model(torch.rand(2, 3)).sum()
    scopes = {(each.name, each.scope) for each in from_torch(out, model=model).nodes}
    read = {("AddmmBackward", "0.first"), ("AddmmBackward", "2.second"), ("AddmmBackward", "3"), ("SumBackward", "")}
    assert read | {("TanhBackward", "0"), ("TanhBackward", "2")} <= scopes
    assert {("SigmoidBackward", ""), ("AddBackward", "")} <= scopes  # which of them ends a block is not to be seen
    assert not any(each.scope for each in from_torch(out).nodes)

    with module_scopes(model):
        noted = model(torch.rand(2, 3)).sum()
    scopes = {(each.name, each.scope) for each in from_torch(noted, model=model).nodes}
    assert (
        read | {("TanhBackward", "0"), ("SigmoidBackward", "1"), ("AddBackward", "0"), ("AddBackward", "2")} <= scopes
    )
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_a_module_that_runs_twice_claims_nothing_between() -> None:
    layer = nn.Linear(2, 2)
    model = nn.Sequential(layer)
    out = model(torch.sin(model(torch.rand(1, 2))))
    assert [each.scope for each in from_torch(out, model=model).nodes] == ["0", "0", "", "0", "0"]


def test_a_model_that_reads_indices_keeps_its_modules() -> None:
    from tests.torch_models import GPT

    torch.manual_seed(0)
    model, tokens = GPT(3), torch.arange(16).reshape(2, 8)
    out = model(tokens).sum()
    with module_scopes(model):
        noted = model(tokens).sum()
    found = [node.scope for node in from_torch(out, model=model, names={}).nodes]
    truth = [node.scope for node in from_torch(noted, model=model, names={}).nodes]
    assert sum(map(bool, found)) > 0.95 * len(truth)
    inside = [one == other or other.startswith(f"{one}.") for one, other in zip(found, truth, strict=True) if one]
    assert sum(inside) > 0.97 * len(inside)


def test_a_reshape_beside_a_layer_is_not_given_to_its_neighbour() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
    record = from_torch(model(torch.rand(2, 2, 2)), model=model)
    assert node(record, "ReluBackward").scope == "1"
    assert "1" not in {each.scope for each in record.nodes if each.op in ("reshape", "addmm")}


def test_source_lines_where_they_were_noted() -> None:
    x = torch.rand(2, requires_grad=True)
    with pytest.warns(UserWarning, match="Anomaly"), torch.autograd.detect_anomaly():
        y = x.exp().sum()
    for each in from_torch(y).nodes:
        assert each.source is not None
        assert (each.source.file, each.source.code) == (__file__, "y = x.exp().sum()")


def test_another_gradient_to_start_from() -> None:
    x = torch.ones(2, 2, requires_grad=True)
    record = from_torch(x * 3, gradient=torch.tensor([[1.0, 2.0], [0.0, -1.0]]))
    np.testing.assert_array_equal(numbers(record, record.runs[0].seed), [[1, 2], [0, -1]])
    np.testing.assert_array_equal(leaf_gradients(record)["x"], [[3, 6], [0, -3]])


def test_a_freed_graph_still_has_a_structure() -> None:
    x = torch.rand(3, requires_grad=True)
    y = (x.exp() * x).sum()
    y.backward()
    with pytest.raises(GraphError, match=r"backward\(retain_graph=True\)"):
        from_torch(y)
    record = from_torch(y, backward=False)
    assert [each.name for each in record.nodes] == ["Exp", "Mul", "Sum"]
    assert record.runs == () and tensor(record, record.nodes[0].outputs[0]).shape == (3,)


def test_a_value_that_was_overwritten_is_an_error_that_says_so() -> None:
    x = torch.rand(3, requires_grad=True)
    y = x.exp()
    z = y * 2
    y.add_(1)
    with pytest.raises(GraphError, match="inplace"):
        from_torch(z)


def test_what_is_no_graph() -> None:
    with pytest.raises(ArgumentError, match="PyTorch tensor, got list"):
        from_torch([1.0])  # type: ignore[arg-type]
    for leaf in (torch.rand(2), torch.rand(2, requires_grad=True), torch.rand(2).exp()):
        with pytest.raises(GraphError, match="no op produced this tensor"):
            from_torch(leaf)


def test_a_limit_on_ops_is_kept() -> None:
    y = x = torch.ones((), requires_grad=True)
    for _ in range(50):
        y = y * x
    with pytest.raises(GraphError, match="more than 40 ops"):
        from_torch(y, max_nodes=40)
    assert from_torch(y, max_nodes=50).counts.ops == 50


def test_large_tensors_are_statistics() -> None:
    x = torch.rand(100, 100, requires_grad=True)
    held = next(each for each in from_torch(x.exp()).tensors if each.name == "x")
    assert held.stats is not None and held.data is not None and held.data.values is None


def test_a_long_chain_needs_no_recursion() -> None:
    y = x = torch.ones((), requires_grad=True)
    for _ in range(3000):
        y = y * 0.999 + x
    assert from_torch(y).counts.ops == 6000


def test_without_pytorch_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingPackageError, match="pip install torch"):
        from_torch(None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "shown", "op"),
    [
        ("NativeLayerNorm", "LayerNorm", "layer_norm"),
        ("NativeBatchNorm", "BatchNorm", "batch_norm"),
        ("CudnnBatchNorm", "BatchNorm", "batch_norm"),
        ("NativeGroupNorm", "GroupNorm", "group_norm"),
        ("MaxPool2DWithIndices", "MaxPool2d", "max_pool2d"),
        ("UpsampleNearest2D", "UpsampleNearest2d", "upsample_nearest2d"),
        ("AvgPool3D", "AvgPool3d", "avg_pool3d"),
        ("L1Loss", "L1Loss", "l1_loss"),
        ("MyFunction", "MyFunction", "my_function"),
    ],
)
def test_names_are_those_that_users_call(name: str, shown: str, op: str) -> None:
    assert plain_name(name) == shown and snake(plain_name(name)) == op


def test_a_record_without_a_backward_run_has_forward_names() -> None:
    layer = torch.nn.LayerNorm(3)
    out = layer(torch.randn(2, 3)).sum()
    assert [node.name for node in from_torch(out, backward=False).nodes] == ["LayerNorm", "Sum"]
    assert [node.name for node in from_torch(out).nodes] == ["LayerNormBackward", "SumBackward"]


def test_calls_of_one_module_are_told_apart() -> None:
    cell = torch.nn.GRUCell(2, 3)
    h = torch.zeros(1, 3)
    with module_scopes(torch.nn.ModuleDict({"cell": cell})):
        for _ in range(4):
            h = cell(torch.ones(1, 2), h)
    record = from_torch(h.sum(), names={}, backward=False)
    calls = [node.call for node in record.nodes if node.scope == "cell"]
    assert sorted(set(calls)) == [0, 1, 2, 3]
    assert calls == sorted(calls)


def test_indices_are_operands() -> None:
    """ "Row 1 was read three times" can only be said where the rows that were read are recorded."""
    weight = torch.arange(15.0).reshape(5, 3).requires_grad_()
    rows = torch.tensor([1, 1, 3, 1])
    embedded = torch.nn.functional.embedding(rows, weight)
    taken = weight.index_select(0, rows)
    gathered = weight.gather(1, torch.tensor([[0], [2], [1], [1], [0]]))
    record = from_torch(embedded.sum() + taken.sum() + gathered.sum(), names={"weight": weight})
    found = {}
    for node in record.nodes:
        for operand in node.inputs:
            tensor = record.by_id[operand.tensor]
            if tensor.dtype == "int64" and operand.edge is None:
                found[node.op] = operand.parameter, tensor.role, tensor.data.values
    assert found == {
        "embedding": ("indices", "constant", (1, 1, 3, 1)),
        "take": ("indices", "constant", (1, 1, 3, 1)),
        "take_along_axis": ("indices", "constant", (0, 2, 1, 1, 0)),
    }
    assert all(node.formula is not None for node in record.nodes if node.op in found)
    part = weight.gather(1, torch.tensor([[0]]))
    assert from_torch(part.sum(), names={}).nodes[0].op == "gather"


def test_parameters_say_why_no_gradient_reached_them() -> None:
    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.unused, self.frozen = (torch.nn.Linear(2, 2, bias=False) for _ in range(3))
            self.frozen.requires_grad_(False)

        def forward(self, x: Any) -> Any:
            return self.frozen(self.used(x))

    model = Model()
    record = from_torch(model(torch.ones(1, 2)).sum(), model=model)
    found = {each.name: (each.accumulator, each.reason) for each in record.parameters}
    assert found == {
        "used.weight": ("a0", ""),
        "unused.weight": (None, "no op of this graph reads it"),
        "frozen.weight": (None, FROZEN),
    }
    assert from_json(to_json(record)) == record
