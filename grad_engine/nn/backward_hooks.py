"""Hooks of a module's backward pass: functions that see the gradients of what it gave and of what it was given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from grad_engine.core.grad_mode import current_mode
from grad_engine.core.tensor import Tensor
from grad_engine.function import Function

Gradients = tuple[Any, ...]


class ModuleInput(Function):
    """The arguments of a module as they are; backward lets its hooks see their gradients."""

    symbol = "in"

    @staticmethod
    def forward(ctx: Any, seen: Callable[[Gradients], Gradients], *xs: Any) -> Any:
        """The tensors themselves."""
        ctx.seen = seen
        ctx.set_materialize_grads(False)
        return xs

    @staticmethod
    def backward(ctx: Any, *gs: Any) -> Any:
        """What the hooks leave of the gradients."""
        return None, *ctx.seen(gs)


class ModuleOutput(ModuleInput):
    """The results of a module as they are; backward lets its hooks see their gradients."""

    symbol = "out"


class BackwardRun:
    """A call of a module with backward hooks: holds the gradients of its results until those of its arguments come."""

    def __init__(self, module: Any, before: Sequence[Any], after: Sequence[Any]) -> None:
        self.module, self.before, self.after = module, before, after
        self.out: Gradients = ()
        self.places: list[int] = []  # of the arguments that have a gradient
        self.count = 0

    def entered(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, tensors that carry a gradient among them passed on by a node of their own."""
        self.count = len(args)
        if not self.after or not current_mode().record:
            return args
        self.places = [k for k, each in enumerate(args) if type(each) is Tensor and each.requires_grad]
        if not self.places:
            return args
        passed = ModuleInput.apply(self._see_input, *(args[k] for k in self.places))  # type: ignore[attr-defined]
        changed = dict(zip(self.places, passed, strict=True))
        return tuple(changed.get(k, each) for k, each in enumerate(args))

    def left(self, result: Any) -> Any:
        """The result of forward, its tensors passed on by a node of their own."""
        parts = result if type(result) is tuple else (result,)
        places = [k for k, each in enumerate(parts) if type(each) is Tensor and each.requires_grad]
        if not places or not current_mode().record:
            return result
        slots, size = places, len(parts)

        def see(gs: Gradients) -> Gradients:
            whole: list[Any] = [None] * size
            for k, g in zip(slots, gs, strict=True):
                whole[k] = g
            self.out = tuple(whole)
            for hook in self.before:
                other = hook(self.module, self.out)
                if other is not None:
                    self.out = other if isinstance(other, tuple) else (other,)
            if not self.places:  # there will be no gradient of arguments to wait for
                for hook in self.after:
                    hook(self.module, (None,) * self.count, self.out)
            return tuple(self.out[k] for k in slots)

        passed = ModuleOutput.apply(see, *(parts[k] for k in places))  # type: ignore[attr-defined]
        changed = dict(zip(places, passed, strict=True))
        made = tuple(changed.get(k, each) for k, each in enumerate(parts))
        return made if type(result) is tuple else made[0]

    def _see_input(self, gs: Gradients) -> Gradients:
        whole: list[Any] = [None] * self.count
        for k, g in zip(self.places, gs, strict=True):
            whole[k] = g
        grads = tuple(whole)
        for hook in self.after:
            other = hook(self.module, grads, self.out)
            if other is not None:
                grads = other if isinstance(other, tuple) else (other,)
        return tuple(grads[k] for k in self.places)
