"""What needs a package that is not installed says so in one sentence, once, with the way to get it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import run

NEEDS = {
    "the page": ("graphlay", "ge.export_page(z)"),
    "a page in a notebook": ("graphlay", "ge.show_page(z)"),
    "a picture": ("graphlay", "ge.to_svg(z)"),
    "the film": ("av", "ge.film(z)"),
    "the film's formulas": ("manim", "ge.film(z)"),
    "a special function": ("scipy", "ge.lgamma(x)"),
    "a function of matrices": ("scipy", "ge.scipy.linalg.sqrtm(ge.eye(2))"),
    "a graph of PyTorch": ("torch", "ge.interop.from_torch(z)"),
    "a tensor of PyTorch": ("torch", "ge.interop.to_torch(z)"),
    "weights": ("safetensors", "ge.interop.load_safetensors('none.safetensors')"),
}
PROGRAM = """import sys
sys.modules[{package!r}] = None
import grad_engine as ge
x = ge.tensor([1.0, 2.0], requires_grad=True)
z = (x * x).sum()
z.backward(retain_graph=True)
try:
    {call}
except ge.MissingPackageError as error:
    print(error)
"""


@pytest.mark.parametrize("what", NEEDS)
def test_a_missing_package_is_named_once_with_the_way_to_get_it(what: str, tmp_path: Path) -> None:
    package, call = NEEDS[what]
    (tmp_path / "without.py").write_text(PROGRAM.format(package=package, call=call), encoding="utf-8")
    said = run("without", folder=tmp_path).stdout
    assert said.count("\n") == 1 and said.count("pip install") == 1
    assert package in said.lower() and ("not installed" in said or "install it" in said)
