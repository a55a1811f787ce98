"""The page of ten films: each program of gallery/, the film of its graph, and the page that can be stepped through."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER = "films"  # of the site, where the films and their pages lie
PROGRAMS = (
    "two_paths", "neuron", "not_a_number", "softmax", "network", "convolution", "attention", "recurrent",
    "second_derivative", "twelve_blocks",
)  # fmt: skip

INTRODUCTION = """# Ten films

Each is made by the program beside it and two commands, and nothing else. The record lies in `output/` afterwards.

```sh
python -m grad_engine film   # the film
python -m grad_engine page   # the page: arrow keys step, a click shows numbers
```
"""


def write(folder: Path) -> None:
    """Runs the programs and writes films.md, with a film, a page and a picture of each in FOLDER beside it.

    Raises RuntimeError with the program's own words where one of them fails.
    """
    media = folder / FOLDER
    media.mkdir(parents=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda name: _make(name, media), PROGRAMS))
    (folder / "films.md").write_text("\n".join([INTRODUCTION, *map(_section, PROGRAMS)]), encoding="utf-8")


def _make(name: str, media: Path) -> None:
    """The film of one program, the page, and the frame that stands for the film until it plays."""
    work = media / name
    work.mkdir()
    record = work / "output" / "graph_acyclic.json"
    _run(work, str(HERE / "gallery" / f"{name}.py"))
    _run(work, "-m", "grad_engine", "page", str(record), "-o", str(media / f"{name}.html"))
    film = ("-m", "grad_engine", "film", str(record), "--title", _words(name)[0], "-o")
    _run(work, *film, str(media / f"{name}.mp4"))
    _run(work, *film, str(media / f"{name}.png"))
    for path in sorted(work.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    work.rmdir()


def _run(folder: Path, *words: str) -> None:
    environment = os.environ | {"PYTHONPATH": str(HERE.parent), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with status {done.returncode}:\n{done.stdout}{done.stderr}")


def _words(name: str) -> tuple[str, str, str]:
    """The title of a program, what is said of it, and its lines."""
    source = (HERE / "gallery" / f"{name}.py").read_text(encoding="utf-8")
    tree = ast.parse(source)
    title, _, text = (ast.get_docstring(tree) or "").partition("\n\n")
    lines = source.splitlines()[tree.body[0].end_lineno :]
    return title, text.replace("\n", " "), "\n".join(lines).strip("\n")


def _section(name: str) -> str:
    title, text, program = _words(name)
    return f"""## {title}

{text}

```python
{program}
```

```{{raw}} html
<video controls preload="none" width="100%" poster="{FOLDER}/{name}.png" src="{FOLDER}/{name}.mp4"></video>
<p><a href="{FOLDER}/{name}.html">The page of this graph</a></p>
```
"""
