"""Lists the examples: what each is, and the seconds it takes."""

import ast
import shutil
import textwrap
from pathlib import Path

from examples._command import Parser, one_line

# From start to end, as written here, on one core of an AMD EPYC with Python 3.11 and one thread.
SECONDS = {
    "against_torch": 5.5,
    "attention": 0.8,
    "blog": 0.6,
    "compiled": 0.7,
    "curve_fit": 0.8,
    "digits": 4.2,
    "gaussian_process": 0.8,
    "gpt": 7.5,
    "kalman": 1.2,
    "large": 0.6,
    "linear_regression": 0.6,
    "makemore": 1.1,
    "mlp_regression": 0.8,
    "moons": 0.7,
    "neuron": 0.6,
    "ode": 3.9,
    "second_order": 0.7,
    "small": 0.6,
    "torch_mlp": 2.7,
}

parser = Parser(prog="python -m examples", description=__doc__)
parser.parse_args()
with one_line(parser):
    print("python -m examples.NAME runs one of these:\n")
    for path in sorted(Path(__file__).parent.glob("[!_]*.py")):
        summary = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        head = f"{path.stem:18}{SECONDS[path.stem]:4.1f} s  "
        columns = min(shutil.get_terminal_size().columns, 120)
        print(textwrap.fill(f"{head}{summary}", columns, subsequent_indent=" " * len(head)))
