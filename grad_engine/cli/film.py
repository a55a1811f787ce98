"""`film`: a record as a film, as clips or pictures of its beats, or as one sheet of them."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from grad_engine.cli.console import record_in
from grad_engine.cli.parser import Command, Parser
from grad_engine.export.film import file_name
from grad_engine.export.film_package import animation, film_needed
from grad_engine.folding import FOLDS
from grad_engine.record import GraphRecord
from grad_engine.record.words import harmless
from grad_engine.story import PHASES

ASKED = ("graph", "theme", "speed", "phase", "fold", "focus", "length", "follow")


def run(options: argparse.Namespace) -> int:
    """Renders the film of a record."""
    make = animation("settings")
    graph = options.graph or options.file

    def spelled(name: str) -> str:
        given = graph if name == "graph" else getattr(options, name)
        variable: str = make.variable(name)
        return variable if given is None and os.environ.get(variable) else f"--{name}"

    asked = {f"--{name}": (graph if name == "graph" else getattr(options, name)) or "" for name in ASKED}
    wanted = make.settings(os.environ | asked, Path(), spelled)
    record = record_in(str(wanted.graph))  # what is wrong with it is said before Manim is loaded
    if options.title is not None:
        record = replace(record, title=options.title)
    if wanted.note:
        _say(wanted.note)
    with film_needed():
        _make(options, record, wanted)
    return 0


def _make(options: argparse.Namespace, record: GraphRecord, wanted: Any) -> None:
    """Makes everything that was asked for; the film, if nothing was."""
    pieces = (options.sections, options.frames, options.storyboard)
    if options.output is not None or not any(pieces):
        path = place(options.output, wanted.graph, record, options.overwrite)
        animation("film").film(_player(record, wanted), path, options.quality, progress)
        print(harmless(str(path)))
        if options.open:
            _open(path)
    if options.sections is not None:
        _told(animation("film").sections(_player(record, wanted), options.sections, options.quality, progress))
    if options.frames is not None:
        _told(animation("film").frames(_player(record, wanted), options.frames, options.quality, progress))
    if options.storyboard is not None:
        player = _player(record, wanted)
        with progress([beat.seconds for beat in player.beats]) as seen:
            animation("contact_sheet").contact_sheet(player, options.storyboard, lambda beat: seen(beat.seconds))
        print(harmless(str(options.storyboard)))


def place(output: Path | None, graph: Path, record: GraphRecord, overwrite: bool) -> Path:
    """The path of the film: what was asked for, else beside the record, named after its title, and not yet taken."""
    usual = f"{file_name(record.title or graph.resolve().stem)}.mp4"
    if output is None or output.is_dir():
        path = (output or (graph if graph.is_dir() else graph.parent)) / usual
        return path if overwrite else animation("film").free(path)
    device = output.exists() and not output.is_file()  # film() says that none can hold a film
    return output if output.suffix or device else output.with_suffix(".mp4")


def _player(record: GraphRecord, wanted: Any) -> Any:
    return animation("playback").Player(record, wanted)


def _told(paths: Sequence[Path]) -> None:
    for path in paths:
        print(harmless(str(path)))


def _say(text: str) -> None:
    print(harmless(text), file=sys.stderr)


def _open(path: Path) -> None:
    if animation("scene").has_display():
        animation("film").show(path)
    else:
        _say("there is no display here to show it on")


@contextmanager
def progress(seconds: Sequence[float]) -> Iterator[Callable[[float], None]]:
    """What is to be told of every beat that is done: draws a bar, where there is a terminal to draw it on."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"beat 1 of {len(seconds)}", total=sum(seconds))
        done = 0

        def seen(of: float) -> None:
            nonlocal done
            done += 1
            said = f"beat {done + 1} of {len(seconds)}" if done < len(seconds) else "the last frames"
            bar.update(task, advance=of, description=said)

        yield seen


def arguments(parser: Parser) -> None:
    """Adds what `film` takes."""
    add = parser.add_argument
    add("file", nargs="?", metavar="FILE", help="the record, - for standard input (default: the last export)")
    add("--graph", metavar="FILE", help="the same")
    add("--output", "-o", type=Path, metavar="PATH", help="an .mp4, .mov, .webm or .gif, or a .png of the end")
    add("--overwrite", action="store_true", help="let a film without --output take the place of the last one")
    add("--quality", choices=("l", "m", "h"), default="l", help="480p, 720p or 1080p (default: l)")
    add("--title", metavar="TEXT", help="what the film is called (default: the record's title)")
    add("--theme", choices=("dark", "light"), help="dark (the default) or light")
    add("--phase", choices=PHASES, help="what of the story is told")
    add("--speed", metavar="X", help="2 is twice as fast")
    add("--fold", choices=FOLDS, help="draw several ops as one: auto, where there are many, none, max")
    add("--focus", metavar="NAME", help="only what leads to and from an op (#3) or a tensor")
    add("--length", metavar="SECONDS", help="how long the film may be (60; 75 above 24 ops)")
    add("--follow", metavar="ENTRY", help="the number to follow, such as W1[0,4]")
    add("--sections", type=Path, metavar="DIR", help="one clip for each beat, for slides")
    add("--frames", type=Path, metavar="DIR", help="one picture for each beat")
    add("--storyboard", type=Path, metavar="PNG", help="every beat on one picture")
    add("--open", action="store_true", help="show the film when it is done")


COMMAND = Command(
    "film",
    run,
    arguments,
    (
        "film",
        "film --quality h --theme light --open",
        "film -o large.gif",
        "film graph.json --sections slides",
        "film --focus h3 --output h3.mp4",
        "film --storyboard sheet.png",
    ),
    "A film lies beside its record and is called after its title. What is not asked\n"
    "for here may be asked for by the environment, as under Manim:\n"
    "GRAD_ENGINE_THEME=light and so on.",
)
