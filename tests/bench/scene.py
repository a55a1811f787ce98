"""Rendering the film of `large` with `python -m animation`: frames, length, time of work, frames a second."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av

from tests.bench.timing import arguments, report


def rendered(record: Path, film: Path, quality: str) -> list[Any]:
    """Frames and seconds of the film, and the seconds that the whole process took, start-up included."""
    command = [sys.executable, "-m", "animation", "--graph", str(record), "--quality", quality, "--output", str(film)]
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    wall = time.perf_counter() - start
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        frames = stream.frames
        length = float(frames / (stream.average_rate or 1))
    return [quality, frames, length, wall, frames / wall, length / wall]


def main() -> None:
    """Render at low and at high quality."""
    wanted = arguments(__doc__)
    with TemporaryDirectory() as folder:
        record, film = Path(folder, "large.json"), Path(folder, "large.mp4")
        subprocess.run(
            [sys.executable, "-m", "examples.large", "--output", str(record)], check=True, capture_output=True
        )
        rows = [rendered(record, film, quality) for quality in ("l" if wanted.quick else "lh")]
    columns = ["quality", "frames", "film s", "wall s", "frames/s", "film/wall"]
    report("The film of large, one process from start to end", columns, rows, wanted.json)


if __name__ == "__main__":
    main()
