"""Models of transformers and torchvision, where these are installed: well as they come, and with a planted fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import grad_engine as ge

torch = pytest.importorskip("torch")
F = torch.nn.functional
pytestmark = pytest.mark.torch


def gpt2() -> tuple[Any, Callable[[Any], Any]]:
    hub = pytest.importorskip("transformers")
    size = {"n_layer": 3, "n_embd": 32, "n_head": 2, "vocab_size": 50, "n_positions": 16}
    model = hub.GPT2LMHeadModel(hub.GPT2Config(**size, bos_token_id=1, eos_token_id=2))
    tokens = torch.randint(50, (2, 12))
    return model, lambda m: m(input_ids=tokens, labels=tokens).loss


def bert() -> tuple[Any, Callable[[Any], Any]]:
    hub = pytest.importorskip("transformers")
    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    model = hub.BertForSequenceClassification(hub.BertConfig(**size, vocab_size=100, num_labels=3))
    seen = torch.ones(4, 16, dtype=torch.long)
    seen[:, 12:] = 0
    tokens = torch.randint(100, (4, 16))
    return model, lambda m: m(input_ids=tokens, attention_mask=seen, labels=torch.arange(4) % 3).loss


def t5() -> tuple[Any, Callable[[Any], Any]]:
    hub = pytest.importorskip("transformers")
    size = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4, "vocab_size": 100}
    model = hub.T5ForConditionalGeneration(hub.T5Config(**size, decoder_start_token_id=0))
    tokens = torch.randint(1, 100, (2, 12))
    return model, lambda m: m(input_ids=tokens, labels=tokens).loss


def vision(name: str) -> Callable[[], tuple[Any, Callable[[Any], Any]]]:
    def made() -> tuple[Any, Callable[[Any], Any]]:
        models = pytest.importorskip("torchvision").models
        data = torch.randn(4, 3, 64, 64)
        return getattr(models, name)(num_classes=10), lambda m: F.cross_entropy(m(data), torch.arange(4))

    return made


KNOWN: dict[str, Callable[[], tuple[Any, Callable[[Any], Any]]]] = {
    "gpt2": gpt2,
    "bert": bert,
    "t5": t5,
    "resnet18": vision("resnet18"),
    "convnext_tiny": vision("convnext_tiny"),
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_model_is_well(name: str) -> None:
    torch.manual_seed(0)
    model, loss = KNOWN[name]()
    with ge.watch(model) as watched:
        loss(model).backward()
    assert watched.report().healthy, watched.report().findings


@pytest.mark.parametrize("name", KNOWN)
def test_nan_in_a_weight_of_a_known_model_is_traced_back_to_it(name: str) -> None:
    torch.manual_seed(0)
    model, loss = KNOWN[name]()
    matrices = [each for each, value in model.named_parameters() if value.ndim > 1 and "emb" not in each]
    chosen = matrices[len(matrices) // 2]
    with torch.no_grad():
        model.get_parameter(chosen).view(-1)[0] = float("nan")
    with ge.watch(model) as watched:
        loss(model).backward()
    assert watched.report().findings[0].startswith(f"The parameter {chosen} has NaN at [0, 0")
