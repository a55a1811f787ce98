"""Losses and layers that compute something else than was probably meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import inf, prod

from grad_engine.health.told import Told, ends_of, placed, same_place
from grad_engine.record import NodeRecord, TensorRecord
from grad_engine.record.index import RecordIndex, is_plain_number, single_number
from grad_engine.record.words import brief

MOST_STEPS = 4  # ops between a loss and the scores or probabilities that it reads
WORSE = 1.5  # times the loss of even chances from which on a loss is called too large
MUCH_WORSE = 0.5  # by which it must be larger as well


def worse_than_chance(index: RecordIndex) -> Iterator[Told]:
    """Losses over classes that are larger than where each class is as likely as another."""
    for node in index.record.nodes:
        loss = single_number(index.tensors[node.outputs[0]])
        if not node.even_chances or loss is None or not loss < inf:
            continue
        if loss > max(node.even_chances * WORSE, node.even_chances + MUCH_WORSE):
            yield Told(
                f"The loss of {placed(index, node, line=True)} is {brief(loss)}, and even chances for every class give "
                f"{brief(node.even_chances)}: the model is sure of wrong answers, as with first weights that are too "
                f"large.{_scores(index, node)}",
                ("chance", *same_place(node)),
                (node.id,),
            )


def _scores(index: RecordIndex, loss: NodeRecord) -> str:
    """Which layer made the scores that a loss read, and how large they are, as a sentence."""
    node: NodeRecord | None = loss
    for _ in range(MOST_STEPS):
        node = index.makers.get(node.inputs[0].tensor) if node is not None and node.inputs else None
        if node is None:
            break
        ends = ends_of(index.tensors[node.outputs[0]])
        if node.multiply_adds and ends is not None:
            low, high = (f"{'−' if end < 0 else ''}{brief(abs(end))}" for end in ends)
            return f" Its scores, from {low} to {high}, come from {placed(index, node, line=True)}."
    return ""


def probabilities(index: RecordIndex) -> Iterator[Told]:
    """Losses that are computed from probabilities, where they take scores: a softmax or sigmoid too many."""
    for node in index.record.nodes:
        read = node.inputs[0].tensor if node.takes_scores and node.inputs else ""
        for _ in range(MOST_STEPS):
            maker = index.makers.get(read)
            if maker is None or not maker.inputs:
                break
            what = ""
            if tuple(maker.ends) == (0, 1):
                what = f"(they are between 0 and 1; {placed(index, maker, line=True)} made them)"
            elif _adds_up_to_1(index.tensors[read]):
                what = f"(they add up to 1; {placed(index, maker, line=True)} made them)"
            if what:
                yield Told(
                    f"The loss of {placed(index, node)} is computed from probabilities {what}, and it takes scores or "
                    "their logarithms: leave out that step, or its gradients are too small.",
                    ("probabilities", *same_place(node)),
                    (node.id,),
                )
                break
            read = maker.inputs[0].tensor


def _adds_up_to_1(tensor: TensorRecord) -> bool:
    """Whether numbers are probabilities of classes along the second axis, as far as range and mean tell."""
    ends, shape = ends_of(tensor), tensor.shape
    if ends is None or ends[0] < 0 or ends[1] > 1 or len(shape) < 2 or shape[1] < 2:
        return False
    values = tensor.data.values if tensor.data is not None else None
    mean = tensor.stats.mean if tensor.stats is not None else sum(values) / len(values) if values else None
    return mean is not None and ends[0] < ends[1] and abs(mean * shape[1] - 1) < 1e-3


def each_with_each(index: RecordIndex) -> Iterator[Told]:
    """Differences of n numbers and a column of n, which are n × n, of which a loss is made."""
    for node in index.record.nodes:
        shapes = [index.tensors[operand.tensor].shape for operand in node.inputs]
        if not node.broadcasts or len(shapes) != 2 or sorted(map(len, shapes)) != [1, 2]:
            continue
        row, column = sorted(shapes, key=len)
        if column != (*row, 1) or row == (1,) or not _is_only_reduced(index, node):
            continue
        sides = [index.producer(operand.tensor) in index.nodes for operand in node.inputs]
        if any(sides):  # between results of the model, not of a parameter with data
            n = row[0]
            words = each_with_each_words(placed(index, node, line=True), tuple(shapes[0]), tuple(shapes[1]), n)
            yield Told(words, ("each with each", *same_place(node)), (node.id,))


def each_with_each_words(where: str, one: tuple[int, ...], other: tuple[int, ...], n: int) -> str:
    """That a difference of predictions and targets is one of each with each."""
    names = " and ".join(f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})" for shape in (one, other))
    return (
        f"{where} reads the shapes {names}, and compares each of {n} with each: {n} × {n} numbers. "
        "Give both one shape, as with prediction.squeeze(1) or target.unsqueeze(1)."
    )


def _is_only_reduced(index: RecordIndex, node: NodeRecord) -> bool:
    """Whether a result goes, entry by entry and alone, into a sum or mean, as a loss does."""
    size = prod(index.tensors[node.outputs[0]].shape)
    while len(uses := index.uses.get(node.outputs[0], ())) == 1:
        before, node = node, uses[0].node
        others = [index.tensors[each.tensor] for each in node.inputs if each.tensor != before.outputs[0]]
        if any(not is_plain_number(other) for other in others):
            return False
        if prod(index.tensors[node.outputs[0]].shape) < size:
            return True
    return False


def one_linear_map(index: RecordIndex) -> Iterator[Told]:
    """Linear layers in a row with nothing between them that bends. Not told of factors through a narrow middle."""
    rows: dict[str, list[tuple[NodeRecord, int]]] = {}  # by the last layer: each with how many numbers it reads
    products = Counter((node.scope, node.call) for node in index.record.nodes if node.multiply_adds and node.scope)
    for node in index.record.nodes:
        if _weight(index, node) is None:
            continue
        below = _layer_below(index, node)
        if below is None:
            continue
        if products[node.scope, node.call] > 1:
            continue  # a cell, which adds another product to this one
        middle, wide = index.tensors[below.outputs[0]].shape[-1], index.tensors[node.outputs[0]].shape[-1]
        weight = _weight(index, below)
        read = [index.tensors[each.tensor].shape for each in below.inputs if each.tensor != weight]
        given = next((shape[-1] for shape in read if len(shape) > 1), 0)  # the bias has one axis
        if middle < min(given, wide):
            continue  # a map of low rank, as two thin factors are meant to be
        rows[node.id] = [*rows.pop(below.id, [(below, given)]), (node, middle)]
    for row in rows.values():
        (first, given), (last, _) = row[0], row[-1]
        join, many = ("and", "two") if len(row) == 2 else ("to", str(len(row)))
        between = "no activation between them" if len(row) == 2 else "no activation anywhere between them"
        wide = index.tensors[last.outputs[0]].shape[-1]
        yield Told(
            f"{placed(index, first, line=True)} {join} {placed(index, last, line=True)} are {many} linear layers "
            f"{'' if len(row) == 2 else 'in a row '}with {between}: together they are one linear map of {given} to "
            f"{wide} numbers.",
            ("linear", *(each for node, _ in row for each in same_place(node))),
            tuple(node.id for node, _ in row[1:]),
            is_wrong=False,
        )


def _weight(index: RecordIndex, node: NodeRecord) -> str | None:
    """The matrix of parameters that a product reads, as it is or transposed, by the tensor read."""
    if not node.multiply_adds:
        return None
    for operand in node.inputs:
        read = index.tensors[operand.tensor]
        maker = index.makers.get(operand.tensor)
        if maker is not None and len(maker.inputs) == 1:
            read = index.tensors[maker.inputs[0].tensor]
        is_whole = prod(read.shape) == prod(index.tensors[operand.tensor].shape)
        if read.is_leaf and read.requires_grad and len(read.shape) == 2 and is_whole:
            return operand.tensor
    return None


def _layer_below(index: RecordIndex, node: NodeRecord) -> NodeRecord | None:
    """The product with a matrix of parameters whose result this one reads, alone, in another shape or with a bias."""
    weight = _weight(index, node)
    data = [each.tensor for each in node.inputs if each.tensor != weight]
    for tensor in data:
        while (maker := index.makers.get(tensor)) is not None and len(index.uses.get(tensor, ())) == 1:
            if _weight(index, maker) is not None:
                return maker
            before = [each.tensor for each in maker.inputs if index.makers.get(each.tensor) is not None]
            others = [each.tensor for each in maker.inputs if each.tensor not in before]
            if len(before) != 1 or not _is_shift(index, maker, before[0], others):
                break
            tensor = before[0]
    return None


def _is_shift(index: RecordIndex, node: NodeRecord, read: str, others: list[str]) -> bool:
    """Whether an op only gives its operand another shape, or adds a bias."""
    if prod(index.tensors[read].shape) != prod(index.tensors[node.outputs[0]].shape):
        return False
    tree = index.formula(node.id)
    if isinstance(tree, list | tuple) and tree[0] == "+":
        return all(index.tensors[other].is_leaf for other in others)
    return not others and not node.elementwise and _same_numbers(index, read, node.outputs[0])


def _same_numbers(index: RecordIndex, one: str, other: str) -> bool:
    """Whether two results hold the same numbers, as far as their norms and ranges tell."""
    first, second = index.measured(one), index.measured(other)
    if first is None or second is None or first.norm is None or second.norm is None:
        return False
    ends = ends_of(index.tensors[one]), ends_of(index.tensors[other])
    return ends[0] == ends[1] and abs(first.norm - second.norm) <= 1e-6 * max(first.norm, second.norm)
