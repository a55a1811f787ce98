"""What test files share: where the project lies, and the programs, files and numbers that several of them use."""

from __future__ import annotations

import gzip
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
SOURCES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("examples/[!_]*.py"))}
TRAINING = {example for example, source in SOURCES.items() if "examples._training" in source}  # their own tests
SCRIPTS = {example for example, source in SOURCES.items() if "examples._" not in source}  # of SciPy people, as they are
KINDS = {np.uint8: 8, np.int8: 9, np.int16: 11, np.int32: 12, np.float32: 13, np.float64: 14}


def idx(array: np.ndarray) -> bytes:
    """The bytes of an IDX file."""
    head = bytes([0, 0, KINDS[array.dtype.type], array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def image_files(folder: Path, train: int = 20, test: int = 8, side: int = 5, packed: bool = False) -> Path:
    """A folder with the four files of a set of bright and dark images."""
    rng = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    for part, count in (("train", train), ("t10k", test)):
        labels = rng.integers(0, 10, count).astype(np.uint8)
        images = rng.integers(0, 40, (count, side, side)).astype(np.uint8)
        images.reshape(count, -1)[np.arange(count), labels] = 255
        for name, array in (("images-idx3-ubyte", images), ("labels-idx1-ubyte", labels)):
            content = idx(array)
            path = folder / f"{part}-{name}{'.gz' * packed}"
            path.write_bytes(gzip.compress(content) if packed else content)
    return folder


def run(*words: str, folder: Path = ROOT, check: bool = True) -> subprocess.CompletedProcess[str]:
    """`python -m ...` in `folder`, with no terminal around it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "COLUMNS": "80"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", *words],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )
    assert not check or (done.returncode == 0 and done.stderr == ""), done.stderr
    return done


def normal(*shape: int, seed: int = 1) -> np.ndarray:
    """Standard normal numbers, the same for the same arguments."""
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


# Names that mean something to XML, DOT, Typst, rich, Manim, a terminal, or to whoever lays out text.
HOSTILE_NAMES = (
    '</text><script>alert("1")</script>',
    'a"b',
    "<b>&amp;",
    "[red]",
    "]]>",
    "{{x : y}}",
    "\\N",
    "#eval(1)",
    "$",
    "`",
    "x" * 10_000,
    "\u0645\u0631\u062d\u0628\u0627",
    "\U0001f600\U0001f469\u200d\U0001f467",
    "\x00\x07",
    "\ud800",
    "\ufffe\uffff",
    "\u202eback",
    "\u540d\u524d",
    "",
    "  ",
    "//",
    "/*",
    ";,()",
    "[/]",
    '"></script>',
    "<b>&",
    "&amp;",
    "\\",
    "\\\\",
    "\\{",
    "a\\",
    "{a|b}",
    "<s0> x",
    "|",
    "}",
    "line\nbreak",
    "tab\t",
    "two  spaces",
    "-> n0; }",
    "/* */",
    "#",
    "\\l\\r\\n",
    "&#65;",
    "&lt;",
    "%s",
    "subgraph",
    "\u200bzero width",
    "\u2028line",
    "\ufeffmark",
    "\x1b[31m",
)
