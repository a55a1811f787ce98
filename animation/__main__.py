"""The film without Manim's command line: `python -m animation` renders a record and says where the film lies."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from animation.settings import Settings, settings, variable
from grad_engine.cli.parser import Parser
from grad_engine.errors import GradEngineError
from grad_engine.folding import FOLDS
from grad_engine.record import GraphRecord, load_graph
from grad_engine.record.atomic_write import replaced

QUALITIES = {"l": "low_quality", "m": "medium_quality", "h": "high_quality"}
ASKED = ("graph", "theme", "speed", "phase", "fold", "focus", "maxlabel")

EPILOG = """
What is not asked for here may be asked for by the environment, as under Manim: GRAD_ENGINE_THEME=light and so on.

examples:
  python -m animation                                the last export, as output/graph_acyclic.mp4
  python -m animation --quality h --theme light --open
  python -m animation --focus h3 --output h3.mp4      what leads to and from one tensor
  python -m animation --storyboard sheet.png          every beat on one picture, and no film
"""


def main(words: Sequence[str] | None = None) -> int:
    """The exit status: 0, or 2 for what cannot be done."""
    options = _parser().parse_args(words)

    def spelled(name: str) -> str:
        return variable(name) if getattr(options, name) is None and os.environ.get(variable(name)) else f"--{name}"

    asked = {f"--{name}": getattr(options, name) or "" for name in ASKED}
    try:
        wanted = settings(os.environ | asked, Path(), spelled)
        record = load_graph(wanted.graph)  # what is wrong with it is said before Manim is loaded
        _say(wanted.note)
        if options.storyboard is not None:
            _sheet(record, wanted, options.storyboard)
        if options.storyboard is None or options.output is not None:
            _film(record, wanted, _place(options.output, wanted.graph), options.quality, options.open)
    except GradEngineError as error:
        _say(f"python -m animation: {error}")
        return 2
    except ImportError as error:
        _say(f"python -m animation: {error}: the film needs what pip install 'grad_engine[animation]' brings")
        return 2
    except OSError as error:
        _say(f"python -m animation: {error.filename}: {error.strerror} (--output and --storyboard name other places)")
        return 2
    except KeyboardInterrupt:
        _say("python -m animation: interrupted")
        return 130
    return 0


def _place(output: Path | None, graph: Path) -> Path:
    """The path of the film: beside the record, in the folder that is asked for, or with the name that is."""
    usual = f"{graph.resolve().stem}.mp4"
    if output is None or output.is_dir():
        return (output or graph.parent) / usual
    return output if output.suffix else output.with_suffix(".mp4")


def _say(text: str) -> None:
    if text:
        print(text, file=sys.stderr)


def _sheet(record: GraphRecord, wanted: Settings, path: Path) -> None:
    from animation.contact_sheet import contact_sheet
    from animation.playback import Player

    player = Player(record, wanted)
    with _progress([beat.seconds for beat in player.beats]) as seen:
        contact_sheet(player, path, lambda beat: seen(beat.seconds))
    print(path)


def _film(record: GraphRecord, wanted: Settings, path: Path, quality: str, watch: bool) -> None:
    from manim import tempconfig
    from manim.utils.file_ops import open_file

    from animation.main import CreateAcyclicGraph
    from animation.playback import Player
    from animation.scene import has_display, watched

    if path.suffix not in (".mp4", ".mov"):
        raise GradEngineError(f"--output is {str(path)!r}, but a film is an .mp4 or a .mov file.")
    player = Player(record, wanted)
    # The place of the film is tried before there is anything to put there.
    with replaced(path, GradEngineError) as film, tempfile.TemporaryDirectory(prefix="film") as folder:
        manim_settings = {
            "quality": QUALITIES[quality], "media_dir": folder, "format": path.suffix[1:], "preview": False,
            "progress_bar": "none", "verbosity": "ERROR", "write_to_movie": True, "save_last_frame": False,
        }  # fmt: skip
        with tempconfig(manim_settings):
            scene = watched(CreateAcyclicGraph, player, _progress)
            scene.render()
        made = Path(scene.renderer.file_writer.movie_file_path)
        film.write(made.read_bytes())
        with replaced(path.with_suffix(".srt"), GradEngineError) as subtitles:
            subtitles.write(made.with_suffix(".srt").read_bytes())
    print(path)
    if watch and has_display():
        open_file(path)
    elif watch:
        _say("python -m animation: there is no display here to show it on")


@contextmanager
def _progress(seconds: Sequence[float]) -> Iterator[Callable[[float], None]]:
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


def _parser() -> Parser:
    parser = Parser(
        prog="python -m animation",
        description="Renders the film of a record, which an export wrote.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--graph", metavar="FILE", help="the record (default: the last export)")
    parser.add_argument("--quality", choices=tuple(QUALITIES), default="l", help="480p, 720p or 1080p (default: l)")
    parser.add_argument("--theme", choices=("dark", "light"), help="dark (the default) or light")
    parser.add_argument("--output", "-o", type=Path, metavar="FILE", help="the film (default: beside the record)")
    parser.add_argument("--phase", choices=("both", "forward", "backward"), help="what of the story is told")
    parser.add_argument("--speed", metavar="X", help="2 is twice as fast")
    parser.add_argument("--fold", choices=FOLDS, help="draw several ops as one: auto, where there are many, none, max")
    parser.add_argument("--focus", metavar="NAME", help="only what leads to and from an op (#3) or a tensor")
    parser.add_argument("--maxlabel", metavar="N", help="cut names at N characters (14)")
    parser.add_argument("--storyboard", type=Path, metavar="PNG", help="every beat on one picture instead of a film")
    parser.add_argument("--open", action="store_true", help="show the film when it is done")
    return parser


if __name__ == "__main__":
    sys.exit(main())
