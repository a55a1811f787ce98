"""Rendering the film of `large` with `python -m animation`: frames, length, time before the first frame and in all."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av

from tests.bench.timing import Table, arguments, report, timing

# `python -m animation` that says on its last line when it had its first frame.
FILM = """
import sys, time
from animation.render import encoder
from grad_engine.cli.main import main

write, moments = encoder.Encoder.write_frame, []

def noted(self, *given, **named):
    moments.append(time.time())
    encoder.Encoder.write_frame = write
    write(self, *given, **named)

encoder.Encoder.write_frame = noted
status = main(["film", *sys.argv[1:]])
print(*moments)
sys.exit(status)
"""


def rendered(record: Path, film: Path, quality: str) -> list[Any]:
    """Frames and seconds of the film; seconds of work until its first frame and in all, start-up included."""
    command = [sys.executable, "-c", FILM, "--graph", str(record), "--quality", quality, "--output", str(film)]
    start = time.time()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    wall = time.time() - start
    first = float(done.stdout.split()[-1]) - start
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        frames = stream.frames
        length = frames / float(stream.average_rate or 1)
    return [quality, frames, length, first, wall, frames / (wall - first), length / wall]


def main() -> None:
    """Render at low and at high quality."""
    wanted = arguments(__doc__)
    with TemporaryDirectory() as folder:
        record, film = Path(folder, "large.json"), Path(folder, "large.mp4")
        subprocess.run(
            [sys.executable, "-m", "examples.large", "--output", str(record)], check=True, capture_output=True
        )
        rows = []
        for quality, rounds in {"l": 1}.items() if wanted.quick else {"l": 5, "h": 3}.items():
            runs = [rendered(record, film, quality) for _ in range(rounds)]
            rows.append([*min(runs, key=lambda run: run[4]), timing([run[4] for run in runs]).spread])
    columns = ["quality", "frames", "film s", "first frame s", "wall s", "frames/s", "film/wall", "spread"]
    report(wanted.json, Table("The film of large, one process from start to end", columns, rows))


if __name__ == "__main__":
    main()
