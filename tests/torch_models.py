"""Small models of the kinds that people train: tree and pictures are tested on their records."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from grad_engine.export.from_torch import from_torch
from grad_engine.export.torch_scopes import module_scopes
from grad_engine.record import GraphRecord

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional


class Attention(nn.Module):
    """Causal self-attention written out, as in small GPTs."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.c_attn = nn.Linear(width, 3 * width)
        self.c_proj = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, time, width = x.shape
        parts = self.c_attn(x).split(width, dim=2)
        q, k, v = (part.view(batch, time, self.heads, width // self.heads).transpose(1, 2) for part in parts)
        scores = q @ k.transpose(-2, -1) / (width // self.heads) ** 0.5
        mask = torch.ones(time, time, dtype=torch.bool).tril()
        weights = F.softmax(scores.masked_fill(~mask, float("-inf")), dim=-1)
        return self.c_proj((weights @ v).transpose(1, 2).reshape(batch, time, width))


class MLP(nn.Module):
    """Two layers with a GELU between them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, 4 * width)
        self.act = nn.GELU()
        self.c_proj = nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.c_proj(self.act(self.c_fc(x)))


class Block(nn.Module):
    """One layer of a transformer."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn, self.mlp = Attention(width, heads), MLP(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    """Twelve layers, and one weight for tokens in and out."""

    def __init__(self, layers: int = 12, width: int = 16, heads: int = 2, tokens: int = 30) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(tokens, width), nn.Embedding(8, width)
        self.h = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.ln_f = nn.LayerNorm(width)
        self.lm_head = nn.Linear(width, tokens, bias=False)
        self.lm_head.weight = self.wte.weight

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.wte(tokens) + self.wpe(torch.arange(tokens.shape[1]))
        for block in self.h:
            x = block(x)
        return self.lm_head(self.ln_f(x))


class Residual(nn.Module):
    """A basic block of a ResNet."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = None
        if stride > 1 or before != width:
            self.downsample = nn.Sequential(nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        way = x if self.downsample is None else self.downsample(x)
        return self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))) + way)


class ResNet(nn.Module):
    """The eighteen layers of a ResNet, narrow."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width)
        self.relu, self.maxpool = nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        before = width
        for k in range(4):
            now = width * 2**k
            blocks = nn.Sequential(Residual(before, now, 1 + (k > 0)), Residual(now, now, 1))
            setattr(self, f"layer{k + 1}", blocks)
            before = now
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(before, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


class UNet(nn.Module):
    """Down three times, up three times, with ways across."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()

        def twice(before: int, after: int) -> nn.Sequential:
            layers = [nn.Conv2d(before, after, 3, padding=1), nn.GroupNorm(2, after), nn.ReLU()]
            return nn.Sequential(*layers, nn.Conv2d(after, after, 3, padding=1), nn.GroupNorm(2, after), nn.ReLU())

        widths = [width, 2 * width, 4 * width]
        self.down = nn.ModuleList(twice(a, b) for a, b in zip([1, *widths], widths, strict=False))
        self.middle = twice(widths[-1], 2 * widths[-1])
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * b, b, 2, 2) for b in reversed(widths))
        self.join = nn.ModuleList(twice(2 * b, b) for b in reversed(widths))
        self.last = nn.Conv2d(width, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kept = []
        for down in self.down:
            x = down(x)
            kept.append(x)
            x = F.max_pool2d(x, 2)
        x = self.middle(x)
        for up, join in zip(self.up, self.join, strict=True):
            x = join(torch.cat([up(x), kept.pop()], dim=1))
        return self.last(x)


class Unrolled(nn.Module):
    """One cell, forty times, with an input for each."""

    def __init__(self, steps: int = 40) -> None:
        super().__init__()
        self.steps = steps
        self.cell, self.head = nn.GRUCell(4, 6), nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.zeros(x.shape[1], 6)
        for k in range(self.steps):
            h = self.cell(x[k], h)
        return self.head(h)


class Recurrent(nn.Module):
    """Two layers of LSTM and a readout of the last step."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(4, 6, num_layers=2), nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out, _ = self.lstm(x)
        return self.head(out[-1])


def _classified(model: nn.Module, x: torch.Tensor, classes: int) -> GraphRecord:
    with module_scopes(model):
        out = model(x).reshape(-1, classes)
        loss = F.cross_entropy(out, torch.arange(len(out)) % classes)
    return from_torch(loss, model=model, backward=True)


MODELS: dict[str, Callable[[], GraphRecord]] = {
    "gpt": lambda: _classified(GPT(), torch.arange(16).reshape(2, 8), 30),
    "resnet": lambda: _classified(ResNet(), torch.randn(2, 3, 64, 64), 10),
    "unet": lambda: _classified(UNet(), torch.randn(1, 1, 16, 16), 1),
    "grucell": lambda: _classified(Unrolled(), torch.randn(40, 2, 4), 3),
    "lstm": lambda: _classified(Recurrent(), torch.randn(7, 2, 4), 3),
}


def model_record(name: str) -> GraphRecord:
    """The record of one training step of a model, the same on every call."""
    torch.manual_seed(0)
    return MODELS[name]()
