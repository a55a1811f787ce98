"""Layers that learn how many features come in from their first call; from then on they are the layer they stand for."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from grad_engine.core.defaults import check_device, get_default_dtype
from grad_engine.core.tensor import Tensor, array_of
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.nn import layers
from grad_engine.nn.module import Layer, Parameter, UninitializedParameters


class _Lazy(Layer, UninitializedParameters):
    """A layer whose parameters are without elements until it is called, or until a state is loaded."""

    cls_to_become: ClassVar[type[Any]]
    unknown: ClassVar[str]  # the argument that the first call gives
    defaults: ClassVar[Mapping[str, Any]] = {}  # where PyTorch's differ from those of the layer

    def __init_subclass__(cls) -> None:
        _, _, *rest = inspect.signature(cls.cls_to_become.__init__).parameters.values()
        rest = [each.replace(default=cls.defaults.get(each.name, each.default)) for each in rest]
        cls.__signature__ = inspect.Signature(rest)  # type: ignore[attr-defined]

    def __init__(self, *args: Any, device: Any = None, **named: Any) -> None:
        check_device(device)
        signature: inspect.Signature = type(self).__signature__  # type: ignore[attr-defined]
        try:
            bound = signature.bind(*args, **named).arguments
        except TypeError as error:
            raise ArgumentError(f"{type(self).__name__}{signature} does not take this call: {error}") from None
        named.setdefault("dtype", get_default_dtype())
        named.update({name: value for name, value in self.defaults.items() if name not in bound})
        self._given = args, named
        like = self._built(named.get("groups", 1), of_numbers=True)  # what it will have; none of its numbers is kept
        for name, kind in like._parts.items():
            value = like.__dict__[name]
            if kind == "parameter":
                setattr(self, name, Parameter(np.empty(0, value.dtype)))
            else:
                self.register_buffer(name, value.array if not value.ndim else np.empty(0, value.dtype))
        for name, value in like.__dict__.items():
            if value is None and name in ("weight", "bias"):
                object.__setattr__(self, name, None)

    def _built(self, size: int, of_numbers: bool = False) -> Any:
        args, named = self._given
        if of_numbers and "seed" in inspect.signature(self.cls_to_become.__init__).parameters:
            named = {**named, "seed": 0}
        return self.cls_to_become(size, *args, **named)

    def has_uninitialized_params(self) -> bool:
        """Whether it was not called yet."""
        return True

    def _become(self, size: int) -> None:
        """Be the layer for so many features; the parameters stay the objects that an optimizer may hold."""
        kind = next((value.dtype for value in self._state().values() if value.dtype.kind == "f"), None)
        if kind is not None:
            self._given[1]["dtype"] = kind
        made = self._built(size)
        for name in made._parts:
            self.__dict__[name].array = made.__dict__[name].array
        own = {*made._parts, "training", "_parts", "_path", "_watch", "_hooks"}
        del self.__dict__["_given"]
        self.__dict__.update({name: value for name, value in made.__dict__.items() if name not in own})
        self.__class__ = type(made)  # as PyTorch's do: printed and looked up, it is that layer now

    def _features_of(self, shape: tuple[int, ...]) -> int:
        if len(shape) < 2:
            raise ShapeError(f"{type(self).__name__} takes x (batch, channels, ...), got shape {shape}; reshape it")
        return shape[1]

    def _features_in_state(self, weight: tuple[int, ...]) -> int:
        return weight[0]

    def _fit_to(self, state: Mapping[str, Any], prefix: str) -> None:
        weight = state.get(f"{prefix}weight", state.get(f"{prefix}running_mean"))
        if weight is not None:
            self._become(self._features_in_state(np.shape(array_of(weight))))

    def forward(self, x: Any) -> Tensor:
        """The layer's result, once it knows the features of x."""
        self._become(self._features_of(np.shape(array_of(x))))
        out: Tensor = self.forward(x)  # of the layer that it is now
        return out

    def extra_repr(self) -> str:
        args, named = self._given
        shown = [
            *map(repr, args),
            *(f"{name}={value!r}" for name, value in named.items() if name not in ("dtype", *self.defaults)),
        ]
        return ", ".join([f"{self.unknown}=?", *shown])


class LazyLinear(_Lazy):
    """Linear(in_features, out_features), whose in_features are those of the first x it is called with."""

    cls_to_become, unknown = layers.Linear, "in_features"

    def _features_of(self, shape: tuple[int, ...]) -> int:
        if not shape:
            raise ShapeError("LazyLinear takes x (..., features), got a single number; reshape it to (1,)")
        return shape[-1]

    def _features_in_state(self, weight: tuple[int, ...]) -> int:
        return weight[1]


class _LazyConv(_Lazy):
    cls_to_become: ClassVar[type[Any]] = layers.Conv1d
    unknown = "in_channels"

    def _features_in_state(self, weight: tuple[int, ...]) -> int:
        bound = type(self).__signature__.bind(*self._given[0], **self._given[1])  # type: ignore[attr-defined]
        return weight[1] * int(bound.arguments.get("groups", 1))


class LazyConv1d(_LazyConv):
    """Conv1d, whose in_channels are those of the first x (batch, channels, length)."""


class LazyConv2d(_LazyConv):
    """Conv2d, whose in_channels are those of the first x (batch, channels, height, width)."""

    cls_to_become = layers.Conv2d


class LazyConv3d(_LazyConv):
    """Conv3d, whose in_channels are those of the first x (batch, channels, depth, height, width)."""

    cls_to_become = layers.Conv3d


class LazyConvTranspose1d(_Lazy):
    """ConvTranspose1d, whose in_channels are those of the first x (batch, channels, length)."""

    cls_to_become, unknown = layers.ConvTranspose1d, "in_channels"


class LazyConvTranspose2d(_Lazy):
    """ConvTranspose2d, whose in_channels are those of the first x (batch, channels, height, width)."""

    cls_to_become, unknown = layers.ConvTranspose2d, "in_channels"


class LazyBatchNorm1d(_Lazy):
    """BatchNorm1d, whose num_features are the channels of the first x."""

    cls_to_become, unknown = layers.BatchNorm1d, "num_features"


class LazyBatchNorm2d(_Lazy):
    """BatchNorm2d, whose num_features are the channels of the first x."""

    cls_to_become, unknown = layers.BatchNorm2d, "num_features"


class LazyBatchNorm3d(_Lazy):
    """BatchNorm3d, whose num_features are the channels of the first x."""

    cls_to_become, unknown = layers.BatchNorm3d, "num_features"


class LazyInstanceNorm1d(_Lazy):
    """InstanceNorm1d, whose num_features are the channels of the first x."""

    cls_to_become, unknown = layers.InstanceNorm1d, "num_features"
    defaults: ClassVar[Mapping[str, Any]] = {"affine": True, "track_running_stats": True}


class LazyInstanceNorm2d(_Lazy):
    """InstanceNorm2d, whose num_features are the channels of the first x."""

    cls_to_become, unknown = layers.InstanceNorm2d, "num_features"
    defaults: ClassVar[Mapping[str, Any]] = {"affine": True, "track_running_stats": True}


class LazyInstanceNorm3d(_Lazy):
    """InstanceNorm3d, whose num_features are the channels of the first x."""

    cls_to_become, unknown = layers.InstanceNorm3d, "num_features"
    defaults: ClassVar[Mapping[str, Any]] = {"affine": True, "track_running_stats": True}
