"""`import grad_engine.x` of what is no file: a room of PyTorch's names, or an error that says what to write."""

from __future__ import annotations

import importlib
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any

from grad_engine.core.torch_words import NO_WORDS
from grad_engine.errors import MissingModuleError

ROOT = "grad_engine."


class Finder(MetaPathFinder, Loader):
    """The last of sys.meta_path, asked for modules of this package that have no file."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Where a room is the module. Raises MissingModuleError for a name of which torch_words.py says what to write.

        None for any other: who asks whether there is a module of that name (importlib.util.find_spec) gets an answer.
        """
        if not fullname.startswith(ROOT) or fullname.rpartition(".")[2].startswith("_"):
            return None
        owner, _, name = fullname.rpartition(".")
        try:
            found = getattr(importlib.import_module(owner), name)
        except AttributeError as error:
            if str(error).endswith(NO_WORDS):
                return None
            raise MissingModuleError(str(error)) from None  # without name=, which would let `from` drop the words
        if getattr(found, "_owner", None) == fullname:
            return ModuleSpec(fullname, self, is_package=True)
        raise MissingModuleError(f"{fullname} is no module; write from {owner} import {name}")

    def create_module(self, spec: ModuleSpec) -> Any:
        """The room itself."""
        owner, _, name = spec.name.rpartition(".")
        return getattr(importlib.import_module(owner), name)

    def exec_module(self, module: Any) -> None:
        """Nothing: a room is filled when it is made."""
