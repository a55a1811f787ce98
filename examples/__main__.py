"""Lists the examples, one line each, from their docstrings."""

import ast
from pathlib import Path

from examples._command import Parser

Parser(prog="python -m examples", description=__doc__).parse_args()

for path in sorted(Path(__file__).parent.glob("[!_]*.py")):
    summary = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    print(f"python -m examples.{path.stem:18}{summary}")
