"""Neural ops and losses against PyTorch: values, first and second derivatives, random inputs and hard points."""

from __future__ import annotations

from typing import Any

import pytest

import grad_engine as ge
from tests.against_torch import agree, normal

torch = pytest.importorskip("torch")
F = torch.nn.functional


CONVOLUTIONS = [
    ("conv1d", (2, 3, 7), (4, 3, 3), {}),
    ("conv1d", (3, 7), (4, 3, 2), {"stride": 2, "padding": 1}),
    ("conv1d", (2, 4, 9), (6, 2, 3), {"groups": 2, "dilation": 2, "padding": "same"}),
    ("conv2d", (2, 3, 6, 5), (4, 3, 3, 2), {}),
    ("conv2d", (3, 6, 5), (4, 3, 3, 2), {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2)}),
    ("conv2d", (2, 4, 6, 5), (4, 1, 3, 3), {"groups": 4, "padding": 1}),
    ("conv2d", (2, 2, 5, 6), (3, 2, 2, 4), {"padding": "same"}),
    ("conv2d", (2, 2, 5, 6), (3, 2, 2, 4), {"padding": "valid", "stride": 3}),
    ("conv2d", (0, 2, 5, 5), (3, 2, 2, 2), {}),
    ("conv3d", (1, 2, 4, 5, 3), (2, 2, 2, 3, 2), {"padding": (1, 0, 1), "stride": (1, 2, 1)}),
    ("conv_transpose1d", (2, 3, 5), (3, 2, 3), {"stride": 2, "padding": 1, "output_padding": 1}),
    ("conv_transpose2d", (2, 4, 4, 3), (4, 3, 3, 2), {"stride": (2, 3), "padding": (1, 0), "dilation": (2, 1)}),
    ("conv_transpose2d", (4, 4, 3), (4, 3, 2, 2), {"groups": 2, "stride": 2, "output_padding": (1, 0)}),
    ("conv_transpose3d", (1, 2, 2, 3, 2), (2, 2, 2, 2, 2), {"stride": 2}),
]


@pytest.mark.parametrize(("name", "x", "weight", "static"), CONVOLUTIONS)
@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
def test_convolutions(name: str, x: Any, weight: Any, static: Any, with_bias: bool) -> None:
    filters = weight[1] * static.get("groups", 1) if "transpose" in name else weight[0]
    bias = [normal(filters)] if with_bias else []
    agree(
        lambda *xs: getattr(ge, name)(*xs, **static), lambda *ts: getattr(F, name)(*ts, **static),
        normal(*x), normal(*weight), *bias,
    )  # fmt: skip
