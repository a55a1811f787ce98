"""The public face: what `import grad_engine` offers, when it is loaded, and what help() says first."""

from __future__ import annotations

import pydoc
import re
import subprocess
import sys
import tomllib

import pytest

import grad_engine as ge
from tests.support import ROOT


@pytest.mark.parametrize("room", ["data", "draw", "nn", "optim", "progress", "tree"])
def test_rooms_that_few_programs_need_are_loaded_on_use(room: str) -> None:
    program = (
        "import sys, grad_engine as ge; "
        f"assert 'grad_engine.{room}' not in sys.modules or {room!r} in ('tree', 'draw'); "
        f"assert ge.{room}.__name__ == 'grad_engine.{room}' and {room!r} in dir(ge)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no 'softmaxx'; write softmax"):
        ge.softmaxx  # noqa: B018  # the attribute is the point


def test_help_opens_with_what_a_user_needs() -> None:
    text = pydoc.plain(pydoc.render_doc(ge))
    opening = text[:3000]
    for word in (
        "ge.tensor(",
        "backward",
        "visualize_graph",
        "export_graph",
        "value_and_grad",
        "ge.nn",
        "detect_anomaly",
    ):
        assert word in opening
    for name in re.findall(r"ge\.(\w+)", str(ge.__doc__)):
        assert hasattr(ge, name), f"help(ge) speaks of ge.{name}"


def test_the_version_is_written_down_once() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+)?", ge.__version__)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "version" in project["dynamic"] and "version" not in project
