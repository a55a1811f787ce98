"""A fixture of the tests of core: ops that are declared for one test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grad_engine.core.define import CALLS, DEFINED, define
from grad_engine.core.numpy_protocol import NUMPY_TO_OP
from grad_engine.core.op import OPS


@pytest.fixture
def own_op(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """define(), for ops that go again after the test."""
    for table in (OPS, CALLS, DEFINED, NUMPY_TO_OP):
        for key, value in list(table.items()):
            monkeypatch.setitem(table, key, value)

    def declare(*args: Any, **more: Any) -> Any:
        call = define(*args, **more, method=False)
        for table in (OPS, CALLS, DEFINED):
            del table[more["name"]]
        return call

    return declare
