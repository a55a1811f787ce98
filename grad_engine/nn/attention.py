"""Attention of several heads, and a layer of a transformer's encoder, with PyTorch's parameters and first values."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.defaults import generator_of, get_default_dtype
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.nn import init
from grad_engine.nn.layers import Dropout, LayerNorm, Linear
from grad_engine.nn.module import Layer, Module, Parameter
from grad_engine.ops.activation import gelu, relu, softmax
from grad_engine.ops.neural import dropout, linear, scaled_dot_product_attention
from grad_engine.ops.reduction import mean
from grad_engine.ops.shape import swapaxes


class MultiheadAttention(Module):
    """Attention of several heads (Vaswani et al. 2017): each query takes the mean of the values whose keys fit it.

    query (l, batch, embed_dim), key and value (s, batch, embed_dim); with batch_first the batch comes first; or all
    without a batch. Gives (the result in the shape of query, the weights (batch, l, s), averaged over the heads).

    Masks are PyTorch's: True where a query may not look, or numbers that are added to the scores.
    """

    def __init__(
        self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True, batch_first: bool = False, *,
        dtype: Any = None, seed: Any = None,
    ) -> None:  # fmt: skip
        if num_heads < 1 or embed_dim % num_heads:
            raise ArgumentError(f"embed_dim={embed_dim} is not divided evenly by num_heads={num_heads}")
        self.embed_dim, self.num_heads, self.dropout, self.batch_first = embed_dim, num_heads, dropout, batch_first
        self.rng, kind = generator_of(seed), dtype or get_default_dtype()
        self.in_proj_weight = init.xavier_uniform_(Parameter(np.empty((3 * embed_dim, embed_dim), kind)), seed=self.rng)
        self.in_proj_bias = Parameter(np.zeros(3 * embed_dim, kind)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, dtype=kind, seed=self.rng)
        if bias:
            self.out_proj.bias.data[:] = 0  # type: ignore[union-attr]

    def forward(
        self, query: Any, key: Any, value: Any, key_padding_mask: Any = None, need_weights: bool = True,
        attn_mask: Any = None, average_attn_weights: bool = True, is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        """(the result, the weights or None without need_weights)."""
        parts = [as_tensor(each) for each in (query, key, value)]
        single = parts[0].ndim == 2
        if {part.ndim for part in parts} not in ({2}, {3}) or any(part.shape[-1] != self.embed_dim for part in parts):
            raise ShapeError(
                f"MultiheadAttention({self.embed_dim}, {self.num_heads}) takes query, key and value with "
                f"{self.embed_dim} features and two or three axes each, got "
                f"{', '.join(str(part.shape) for part in parts)}"
            )
        if single:
            parts = [part.reshape((1, *part.shape)) for part in parts]
        elif not self.batch_first:
            parts = [swapaxes(part, 0, 1) for part in parts]
        n, bias = self.embed_dim, self.in_proj_bias
        heads = [
            self._split(linear(part, self.in_proj_weight[k * n : (k + 1) * n], _part(bias, k, n)))
            for k, part in enumerate(parts)
        ]
        mask = self._mask(parts, key_padding_mask, attn_mask, is_causal)
        seed = self.rng.integers(2**32) if self.dropout and self.training else None
        weights = None
        if need_weights:
            scores = heads[0] @ heads[1].mT * (1 / math.sqrt(n // self.num_heads))
            weights = softmax(scores if mask is None else scores + mask)
            kept = weights if seed is None else dropout(weights, self.dropout, True, seed)
            out = kept @ heads[2]
        else:
            out = scaled_dot_product_attention(*heads, mask, 0.0 if seed is None else self.dropout, seed=seed)
        out = self.out_proj(swapaxes(out, 1, 2).reshape(parts[0].shape))
        if weights is not None and average_attn_weights:
            weights = mean(weights, axis=1)
        if single:
            return out[0], None if weights is None else weights[0]
        return (out if self.batch_first else swapaxes(out, 0, 1)), weights

    def _split(self, x: Tensor) -> Tensor:
        """(batch, heads, places, features of one head)."""
        return swapaxes(x.reshape((*x.shape[:2], self.num_heads, -1)), 1, 2)

    def _mask(self, parts: list[Tensor], padding: Any, mask: Any, is_causal: bool) -> Tensor | None:
        """What is added to the scores (batch, heads, l, s), or None."""
        places = parts[0].shape[1], parts[1].shape[1]
        if is_causal and mask is None:
            mask = ~np.tri(*places, dtype=bool)
        found = []
        for each, kind in ((mask, "attn_mask"), (padding, "key_padding_mask")):
            if each is None:
                continue
            each = as_tensor(each)
            added = each if each.dtype.kind == "f" else wrap(np.where(each.array, -math.inf, 0.0), None)
            added = added.astype(parts[0].dtype)
            if kind == "key_padding_mask":
                added = added.reshape((-1, 1, 1, places[1]))
            elif added.ndim == 3:
                added = added.reshape((-1, self.num_heads, *places))
            found.append(added)
        return None if not found else found[0] if len(found) == 1 else found[0] + found[1]

    def extra_repr(self) -> str:
        return f"{self.embed_dim}, {self.num_heads}" + (", batch_first=True" if self.batch_first else "")


def _part(bias: Tensor | None, k: int, n: int) -> Tensor | None:
    return None if bias is None else bias[k * n : (k + 1) * n]


class TransformerEncoderLayer(Layer):
    """Self-attention and a network of two layers for each place, each added to its input and normalized.

    x (places, batch, d_model); with batch_first (batch, places, d_model). norm_first: normalize before, not after.
    """

    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
        activation: str | Callable[[Any], Tensor] = "relu", layer_norm_eps: float = 1e-5, batch_first: bool = False,
        norm_first: bool = False, bias: bool = True, *, dtype: Any = None, seed: Any = None,
    ) -> None:  # fmt: skip
        if isinstance(activation, str) and activation not in ("relu", "gelu"):
            raise ArgumentError(f"activation is 'relu', 'gelu' or a function, got {activation!r}")
        rng = generator_of(seed)
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first, dtype=dtype, seed=rng)
        self.linear1 = Linear(d_model, dim_feedforward, bias, dtype=dtype, seed=rng)
        self.dropout = Dropout(dropout, seed=rng)
        self.linear2 = Linear(dim_feedforward, d_model, bias, dtype=dtype, seed=rng)
        self.norm1 = LayerNorm(d_model, layer_norm_eps, dtype=dtype)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, dtype=dtype)
        self.dropout1, self.dropout2 = Dropout(dropout, seed=rng), Dropout(dropout, seed=rng)
        self.activation: Callable[[Any], Tensor] = (
            activation if not isinstance(activation, str) else relu if activation == "relu" else gelu
        )
        self.norm_first = norm_first

    def forward(
        self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Tensor:
        """src after attention and the network, in its shape."""

        def attended(x: Any) -> Tensor:
            found, _ = self.self_attn(
                x, x, x, key_padding_mask=src_key_padding_mask, need_weights=False, attn_mask=src_mask,
                is_causal=is_causal,
            )  # fmt: skip
            return self.dropout1(found)

        def mapped(x: Any) -> Tensor:
            return self.dropout2(self.linear2(self.dropout(self.activation(self.linear1(x)))))

        x = as_tensor(src)
        if self.norm_first:
            x = x + attended(self.norm1(x))
            return x + mapped(self.norm2(x))
        x = self.norm1(x + attended(x))
        return self.norm2(x + mapped(x))
