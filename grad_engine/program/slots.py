"""Places outside of a function that hold what it reads: variables, attributes, items. Each run reads them again."""

from __future__ import annotations

from types import CellType
from typing import Any, Protocol


class Slot(Protocol):
    """A place that holds one value."""

    name: str
    holder: Any

    def get(self) -> Any:
        """What it holds."""
        ...

    def put(self, value: Any) -> None:
        """Let it hold something else."""
        ...

    def text(self, holder: str) -> str:
        """How Python reads it, where the variable `holder` is its holder."""
        ...


class Item(Slot):
    """holder[key] of a dict or a list; a global variable is one of its module's."""

    __slots__ = ("holder", "key", "name")

    def __init__(self, holder: Any, key: Any, name: str) -> None:
        self.holder, self.key, self.name = holder, key, name

    def get(self) -> Any:
        return self.holder[self.key]

    def put(self, value: Any) -> None:
        self.holder[self.key] = value

    def text(self, holder: str) -> str:
        return f"{holder}[{self.key!r}]"


class Attribute(Slot):
    """holder.key of an object or a class."""

    __slots__ = ("holder", "key", "name")

    def __init__(self, holder: Any, key: str, name: str) -> None:
        self.holder, self.key, self.name = holder, key, name

    def get(self) -> Any:
        return getattr(self.holder, self.key)

    def put(self, value: Any) -> None:
        if isinstance(self.holder, type):
            setattr(self.holder, self.key, value)
        else:
            object.__setattr__(self.holder, self.key, value)  # a Module or a frozen dataclass would have its say

    def text(self, holder: str) -> str:
        return f"{holder}.{self.key}"


class OfClass(Slot):
    """What a class itself holds under a name, whatever its bases hold."""

    __slots__ = ("holder", "key", "name")

    def __init__(self, holder: type, key: str, name: str) -> None:
        self.holder, self.key, self.name = holder, key, name

    def get(self) -> Any:
        return self.holder.__dict__[self.key]

    def put(self, value: Any) -> None:
        setattr(self.holder, self.key, value)

    def text(self, holder: str) -> str:
        return f"{holder}.__dict__[{self.key!r}]"


class Cell(Slot):
    """A variable of an enclosing function."""

    __slots__ = ("holder", "name")

    def __init__(self, holder: CellType, name: str) -> None:
        self.holder, self.name = holder, name

    def get(self) -> Any:
        return self.holder.cell_contents

    def put(self, value: Any) -> None:
        self.holder.cell_contents = value

    def text(self, holder: str) -> str:
        return f"{holder}.cell_contents"


class Part(Slot):
    """One element of a tuple, which is held by another slot: to change it, the slot gets another tuple."""

    __slots__ = ("holder", "key", "name", "slot")

    def __init__(self, slot: Slot, key: int, name: str) -> None:
        self.slot, self.key, self.name = slot, key, name
        self.holder = slot

    def get(self) -> Any:
        return self.slot.get()[self.key]

    def put(self, value: Any) -> None:
        parts = list(whole := self.slot.get())
        parts[self.key] = value
        self.slot.put(type(whole)(*parts) if hasattr(whole, "_fields") else tuple(parts))

    def text(self, holder: str) -> str:
        return f"{holder}.get()[{self.key}]"
