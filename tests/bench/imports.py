"""How long `import grad_engine` takes beyond `import numpy`, in fresh processes that take turns, and what it loads."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from tempfile import TemporaryDirectory

from tests.bench.timing import Table, arguments, report, timing

HEAVY = ("rich", "torch", "scipy", "manim")
PROGRAMS = {
    "nothing": "",
    "numpy": "import numpy",
    "grad_engine": "import numpy, grad_engine",
    "grad_engine, nn, optim": "import numpy, grad_engine, grad_engine.nn, grad_engine.optim",
}


def seconds(program: str, environment: dict[str, str]) -> float:
    """From the start of a Python that runs the program to its end."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
    return time.perf_counter() - start


def loaded(program: str) -> list[str]:
    """The heavy packages that the program has imported at its end."""
    ending = f"import sys; print(*(name for name in {HEAVY} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", f"{program}\n{ending}"], check=True, capture_output=True, text=True)
    return done.stdout.split()


def main() -> None:
    """Measure each import, compiled as it is from the second time on."""
    wanted = arguments(__doc__)
    times: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    with TemporaryDirectory() as folder:  # where the bytecode goes, whatever the environment says of it
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = folder
        first = {name: seconds(program, environment) for name, program in PROGRAMS.items()}
        for _ in range(2 if wanted.quick else 40):
            for name, program in PROGRAMS.items():
                times[name].append(seconds(program, environment))
    found = {name: timing(each) for name, each in times.items()}
    rows = [
        [name, least, least - found["numpy"].least, spread, first[name], " ".join(loaded(PROGRAMS[name])) or "none"]
        for name, (least, spread) in found.items()
    ]
    columns = ["import", "s", "beyond numpy", "spread", "first time s", f"of {', '.join(HEAVY)}"]
    report(wanted.json, Table("A fresh Python, from start to end", columns, rows))


if __name__ == "__main__":
    main()
