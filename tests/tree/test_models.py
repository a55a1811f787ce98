"""The tree of PyTorch models, at 80 columns: few rows, and each says which module it is about."""

from __future__ import annotations

import io
import re

import pytest

import grad_engine as ge
from grad_engine.draw import to_svg
from grad_engine.record import GraphRecord
from grad_engine.record.index import index_of
from grad_engine.tree import print_tree
from tests.torch_models import GPT, MODELS, F, model_record, torch

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def records() -> dict[str, GraphRecord]:
    return {name: model_record(name) for name in MODELS}


def printed(record: GraphRecord, width: int = 80, **options: object) -> list[str]:
    file = io.StringIO()
    print_tree(record, file=file, width=width, **options)
    return file.getvalue().splitlines()


@pytest.mark.parametrize("name", MODELS)
def test_a_model_takes_at_most_sixty_lines_of_eighty_columns(name: str, records: dict[str, GraphRecord]) -> None:
    lines = printed(records[name])
    assert len(lines) <= 60
    assert all(len(line) <= 80 for line in lines)


@pytest.mark.parametrize("name", ["gpt", "resnet", "unet", "grucell"])
def test_closed_modules_are_single_lines_with_their_size_and_gradients(
    name: str, records: dict[str, GraphRecord]
) -> None:
    lines = printed(records[name])
    closed = [line for line in lines if re.search(r"\[ (\d+ ops?|[A-Z]\w+)(, \d+ lea(f|ves))? \]", line)]
    assert closed
    assert all(re.search(r"\d$|[━╸]$", line) for line in closed), "each ends with its gradient, or a bar"
    assert any("closed module" in line for line in lines)


def test_equal_layers_are_one_line(records: dict[str, GraphRecord]) -> None:
    gpt, cell = printed(records["gpt"]), printed(records["grucell"])
    assert sum(bool(re.search(r"h\.0 … h\.11 ×12 (Σ2 )?\[ 600 ops, 144 leaves \]", line)) for line in gpt) == 1
    assert sum("cell ×40 [ 640 ops, 4 leaves ]" in line for line in cell) == 1
    assert re.search(r"h\.0 … h\.11.* [\d.e−]+…[\d.e−]+$", "\n".join(gpt), re.MULTILINE), "a range of gradients"


def test_a_linear_is_one_line_and_opens_when_asked(records: dict[str, GraphRecord]) -> None:
    closed = printed(records["gpt"], expand=["h.3"])
    assert not any("Transpose" in line for line in closed[: closed.index("")])
    opened = printed(records["gpt"], expand=["h.3.attn.c_attn"])
    assert any("TransposeBackward" in line and "h.3.attn.c_attn" in line for line in opened)
    assert len(printed(records["gpt"], full=True)) > 600


def test_the_inside_of_one_module(records: dict[str, GraphRecord]) -> None:
    lines = printed(records["gpt"], focus="h.3")
    body = "\n".join(lines)
    assert "h.3.attn" in body and "h.4" not in body and "h.2." not in body
    assert "made outside" in body


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_the_module_column_survives(width: int, records: dict[str, GraphRecord]) -> None:
    lines = printed(records["gpt"], width, expand=["h.3.attn"])
    inner = [line for line in lines if re.search(r"(Softmax|MaskedFill|Split)Backward.* #1", line)]
    assert inner and all(".attn" in line for line in inner)


def test_a_focus_opens_the_modules_around_it_and_no_others(records: dict[str, GraphRecord]) -> None:
    leaf = printed(records["gpt"], focus="h.3.attn.c_attn.weight")
    assert len(leaf) < 80
    assert any("GradAccum h.3.attn.c_attn.weight" in line for line in leaf)
    assert any("h.4 … h.11 ×8" in line for line in leaf)
    op = printed(records["gpt"], focus="#300")
    assert "h.5.mlp.c_proj" in op[4] and "h.6" not in "\n".join(op[: op.index("")][:-2])
    assert not any(line.startswith("h.6.") for line in op), "what lies above has no row in the table either"


def test_a_mask_of_a_healthy_model_is_no_headline() -> None:
    model, tokens = GPT(), torch.arange(16).reshape(2, 8)
    with ge.watch(model) as watched:
        F.cross_entropy(model(tokens).reshape(-1, 30), tokens.reshape(-1)).backward()
    record = watched.record
    assert len(index_of(record).masks) == 12 and not index_of(record).broken
    text = "\n".join(printed(record))
    assert "Inf" not in text and "h.0 … h.11 ×12" in text
    picture = to_svg(record)
    assert "Inf" not in picture and ">indices<" in picture and ">target<" in picture
