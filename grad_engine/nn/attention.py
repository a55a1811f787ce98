"""Attention of several heads, and the transformer made of it, with PyTorch's parameters and first values."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.defaults import check_device, generator_of, get_default_dtype
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.nn import init
from grad_engine.nn.layers import Dropout, LayerNorm, Linear
from grad_engine.nn.module import Layer, Module, ModuleList, Parameter
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


class _TransformerLayer(Layer):
    """What the layers of encoder and decoder share: attention to itself, and a network of two layers for each place."""

    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
        activation: str | Callable[[Any], Tensor] = "relu", layer_norm_eps: float = 1e-5, batch_first: bool = False,
        norm_first: bool = False, bias: bool = True, *, dtype: Any = None, seed: Any = None,
    ) -> None:  # fmt: skip
        if isinstance(activation, str) and activation not in ("relu", "gelu"):
            raise ArgumentError(f"activation is 'relu', 'gelu' or a function, got {activation!r}")
        rng = generator_of(seed)
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first, dtype=dtype, seed=rng)
        self._add_attention(d_model, nhead, dropout, bias, batch_first, dtype, rng)
        self.linear1 = Linear(d_model, dim_feedforward, bias, dtype=dtype, seed=rng)
        self.dropout = Dropout(dropout, seed=rng)
        self.linear2 = Linear(dim_feedforward, d_model, bias, dtype=dtype, seed=rng)
        for number in range(1, self.parts + 1):
            setattr(self, f"norm{number}", LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype))
        for number in range(1, self.parts + 1):
            setattr(self, f"dropout{number}", Dropout(dropout, seed=rng))
        self.activation: Callable[[Any], Tensor] = (
            activation if not isinstance(activation, str) else relu if activation == "relu" else gelu
        )
        self.norm_first = norm_first

    parts: ClassVar[int]  # how many times something is added to the input

    def _add_attention(self, *settings: Any) -> None:
        """Make the attention to what the encoder gave, where there is one."""

    def _attended(self, attention: MultiheadAttention, x: Any, to: Any, padding: Any, mask: Any, causal: bool) -> Any:
        found, _ = attention(x, to, to, key_padding_mask=padding, need_weights=False, attn_mask=mask, is_causal=causal)
        return found

    def _mapped(self, x: Any) -> Tensor:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))

    def _added(self, x: Tensor, steps: list[Callable[[Any], Any]]) -> Tensor:
        """x with what each step makes of it added in turn, normalized before or after."""
        for number, step in enumerate(steps, 1):
            norm, drop = getattr(self, f"norm{number}"), getattr(self, f"dropout{number}")
            x = x + drop(step(norm(x))) if self.norm_first else norm(x + drop(step(x)))
        return x


class TransformerEncoderLayer(_TransformerLayer):
    """Self-attention and a network of two layers for each place, each added to its input and normalized.

    x (places, batch, d_model); with batch_first (batch, places, d_model). norm_first: normalize before, not after.
    """

    parts = 2

    def forward(
        self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Tensor:
        """src after attention and the network, in its shape."""
        return self._added(as_tensor(src), [
            lambda x: self._attended(self.self_attn, x, x, src_key_padding_mask, src_mask, is_causal), self._mapped,
        ])  # fmt: skip


class TransformerDecoderLayer(_TransformerLayer):
    """Self-attention, attention to `memory` and a network for each place, each added to its input and normalized.

    x (places, batch, d_model) and memory (other places, batch, d_model); with batch_first the batch comes first.
    """

    parts = 3

    def _add_attention(self, *settings: Any) -> None:
        *shape, dtype, rng = settings
        self.multihead_attn = MultiheadAttention(*shape, dtype=dtype, seed=rng)

    def forward(
        self, tgt: Any, memory: Any, tgt_mask: Any = None, memory_mask: Any = None, tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None, tgt_is_causal: bool = False, memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        """tgt after both kinds of attention and the network, in its shape."""
        to = as_tensor(memory)
        return self._added(as_tensor(tgt), [
            lambda x: self._attended(self.self_attn, x, x, tgt_key_padding_mask, tgt_mask, tgt_is_causal),
            lambda x: self._attended(
                self.multihead_attn, x, to, memory_key_padding_mask, memory_mask, memory_is_causal
            ),
            self._mapped,
        ])  # fmt: skip


class TransformerEncoder(Layer):
    """`num_layers` copies of an encoder layer, one after the other, and `norm` at the end."""

    def __init__(
        self, encoder_layer: Module, num_layers: int, norm: Module | None = None, enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:  # fmt: skip
        del enable_nested_tensor, mask_check  # how PyTorch computes it
        self.layers = ModuleList([copy.deepcopy(encoder_layer) for _ in range(num_layers)])
        self.num_layers, self.norm = num_layers, norm

    def forward(
        self, src: Any, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool | None = None
    ) -> Tensor:
        """src after every layer."""
        for layer in self.layers:
            src = layer(src, src_mask=mask, src_key_padding_mask=src_key_padding_mask, is_causal=bool(is_causal))
        return src if self.norm is None else self.norm(src)


class TransformerDecoder(Layer):
    """`num_layers` copies of a decoder layer, one after the other, and `norm` at the end."""

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        self.layers = ModuleList([copy.deepcopy(decoder_layer) for _ in range(num_layers)])
        self.num_layers, self.norm = num_layers, norm

    def forward(
        self, tgt: Any, memory: Any, tgt_mask: Any = None, memory_mask: Any = None, tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None, tgt_is_causal: bool | None = None, memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        """tgt after every layer."""
        for layer in self.layers:
            tgt = layer(
                tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask, bool(tgt_is_causal),
                memory_is_causal,
            )  # fmt: skip
        return tgt if self.norm is None else self.norm(tgt)


class Transformer(Layer):
    """An encoder and a decoder that attends to what it gives (Vaswani et al. 2017), without embeddings.

    src (places, batch, d_model), tgt (other places, batch, d_model); with batch_first the batch comes first.
    """

    def __init__(
        self, d_model: int = 512, nhead: int = 8, num_encoder_layers: int = 6, num_decoder_layers: int = 6,
        dim_feedforward: int = 2048, dropout: float = 0.1, activation: str | Callable[[Any], Tensor] = "relu",
        custom_encoder: Module | None = None, custom_decoder: Module | None = None, layer_norm_eps: float = 1e-5,
        batch_first: bool = False, norm_first: bool = False, bias: bool = True, *, dtype: Any = None, seed: Any = None,
    ) -> None:  # fmt: skip
        rng = generator_of(seed)
        shape = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias)

        def norm() -> LayerNorm:
            return LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)

        self.encoder = custom_encoder or TransformerEncoder(
            TransformerEncoderLayer(*shape, dtype=dtype, seed=rng), num_encoder_layers, norm()
        )
        self.decoder = custom_decoder or TransformerDecoder(
            TransformerDecoderLayer(*shape, dtype=dtype, seed=rng), num_decoder_layers, norm()
        )
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first
        for parameter in self.parameters():  # the copies of a layer begin as different as layers made apart
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter, seed=rng)

    def forward(
        self, src: Any, tgt: Any, src_mask: Any = None, tgt_mask: Any = None, memory_mask: Any = None,
        src_key_padding_mask: Any = None, tgt_key_padding_mask: Any = None, memory_key_padding_mask: Any = None,
        src_is_causal: bool | None = None, tgt_is_causal: bool | None = None, memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        """tgt after the decoder, in its shape."""
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        return self.decoder(
            tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask, tgt_is_causal,
            memory_is_causal,
        )  # fmt: skip

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
        """A mask (sz, sz) to add to the scores: -inf where a place would look at a later one, else 0."""
        check_device(device)
        return wrap(np.triu(np.full((sz, sz), -math.inf, dtype or get_default_dtype()), 1), None)
