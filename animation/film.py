"""Makes films of a record: MP4, MOV, WebM or GIF, the last picture, one clip or one picture a beat."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from PIL import Image

from grad_engine.draw.palette import Palette
from grad_engine.errors import GradEngineError
from grad_engine.record.atomic_write import replaced

from . import theme
from .contact_sheet import canvas_of, stills
from .playback import Player
from .render.canvas import Pixels
from .render.primitives import rgb

QUALITIES = {"l": "low_quality", "m": "medium_quality", "h": "high_quality"}
SIZES = {"l": (854, 480), "m": (1280, 720), "h": (1920, 1080)}  # px
RATES = {"l": 15, "m": 30, "h": 60}  # pictures a second
RENDERED = (".mp4", ".mov")  # what Manim encodes
DRAWN = (".webm", ".gif")  # what is encoded here, from the pictures as they are drawn
FORMATS = (*RENDERED, *DRAWN, ".png")
VP9 = {"deadline": "realtime", "cpu-used": "8", "row-mt": "1", "crf": "34", "b:v": "0"}
GIF_RATE = 10  # pictures a second; more make a GIF large, and flat colours move well enough
GIF_COLOURS = 64  # of the whole film: 6 bits a pixel

Told = Callable[[float], None]
Progress = Callable[[Sequence[float]], AbstractContextManager[Told]]


def film(player: Player, path: Path, quality: str, progress: Progress) -> None:
    """Writes the film in the format that the name asks for, and subtitles beside what can have them.

    quality: a key of QUALITIES. progress: is given the length of every beat, and told of each that is done.

    Raises GradEngineError for another format, OSError when the file cannot be written.
    """
    kind = path.suffix.lower()
    if kind not in FORMATS:
        raise GradEngineError(f"--output is {str(path)!r}, but a film is one of {', '.join(FORMATS)}.")
    # The place of the film is tried before there is anything to put there.
    with replaced(path, GradEngineError) as target, tempfile.TemporaryDirectory(prefix="film") as folder:
        if kind == ".png":
            with progress([beat.seconds for beat in player.beats]) as told:
                last = stills(player, *SIZES[quality], lambda beat: told(beat.seconds))[-1]
            _image(last).save(target, "PNG")
            return
        if kind in DRAWN:
            with progress([beat.seconds for beat in player.beats]) as told:
                if kind == ".gif":
                    _save_gif(player, target, SIZES[quality], told)
                else:
                    _save_webm(player, target, SIZES[quality], RATES[quality], told)
            return
        made = _rendered(player, Path(folder), quality, kind, False, progress)
        target.write(made.read_bytes())
        with replaced(path.with_suffix(".srt"), GradEngineError) as subtitles:
            subtitles.write(made.with_suffix(".srt").read_bytes())


def sections(player: Player, folder: Path, quality: str, progress: Progress) -> list[Path]:
    """The paths of the clips, one for each beat, as slides need them: `01-leaf-a0.mp4` and so on."""
    with tempfile.TemporaryDirectory(prefix="film") as workshop:
        made = _rendered(player, Path(workshop), quality, ".mp4", True, progress)
        clips = sorted((made.parent / "sections").glob("*.mp4"))
        return [
            _kept(clip.read_bytes(), folder / f"{k:02}-{_plain(beat.name)}.mp4")
            for k, (clip, beat) in enumerate(zip(clips, player.beats, strict=True), 1)
        ]


def frames(player: Player, folder: Path, quality: str, progress: Progress) -> list[Path]:
    """The paths of the pictures, one for the end of each beat."""
    with progress([beat.seconds for beat in player.beats]) as told:
        pictures = stills(player, *SIZES[quality], lambda beat: told(beat.seconds))
    paths = []
    for k, (picture, beat) in enumerate(zip(pictures, player.beats, strict=True), 1):
        path = folder / f"{k:02}-{_plain(beat.name)}.png"
        with replaced(path, GradEngineError) as target:
            _image(picture).save(target, "PNG")
        paths.append(path)
    return paths


def _rendered(player: Player, folder: Path, quality: str, kind: str, save_sections: bool, progress: Progress) -> Path:
    """Manim's film of the player's beats, somewhere in `folder`."""
    from manim import config, tempconfig

    from .render.encoder import OPTIONS
    from .scene import GraphScene, watched

    manim_settings = {
        "quality": QUALITIES[quality], "media_dir": str(folder), "format": kind[1:], "preview": False,
        "progress_bar": "none", "verbosity": "ERROR", "write_to_movie": True, "save_last_frame": False,
        "save_sections": save_sections, "video_encoder_options": {**OPTIONS, **config.video_encoder_options},
    }  # fmt: skip
    with tempconfig(manim_settings):
        scene = watched(GraphScene, player, progress)
        try:
            scene.render()
        except RuntimeError as error:  # of Manim's writer; its cause is what the file system said
            if isinstance(error.__cause__, OSError):
                raise error.__cause__ from None
            raise
    return Path(scene.renderer.file_writer.movie_file_path)


def _pictures(player: Player, size: tuple[int, int], rate: int, told: Told) -> Iterator[Pixels]:
    """The pictures of the film, `rate` a second, as they were drawn: nothing is lost to an encoder."""
    canvas = canvas_of(player, *size)
    for beat in player.beats:
        player.begin(beat, canvas)
        for k in range(round(beat.seconds * rate)):
            player.show(k / rate, canvas)
            yield canvas.pixel_array
        player.show(beat.seconds + theme.FRAME, canvas)
        told(beat.seconds)


def _save_gif(player: Player, target: BinaryIO, size: tuple[int, int], told: Told) -> None:
    """A GIF of GIF_RATE pictures a second in one set of colours. A picture that stays is written once, with its time.

    target: where its bytes go. size: in px.
    """
    colours = _palette(stills(player, *size), player.colours)
    shown: list[Image.Image] = []
    ticks: list[int] = []
    for picture in _pictures(player, size, GIF_RATE, told):
        image = _image(picture).quantize(palette=colours, dither=Image.Dither.NONE)
        if shown and image.tobytes() == shown[-1].tobytes():
            ticks[-1] += 1
        else:
            shown.append(image)
            ticks.append(1)
    durations = [1000 * each // GIF_RATE for each in ticks]
    first, *others = shown
    first.save(target, "GIF", save_all=True, append_images=others, duration=durations, loop=0, disposal=1)


def _palette(pictures: Sequence[Pixels], colours: Palette) -> Image.Image:
    """The colours of the whole film: those that mean something, their edges on either ground, and the most frequent.

    A colour that covers little, such as that of a leaf, is not frequent, and must not turn into another one.
    """
    roles = [rgb(colour) for colour in (
        colours.ink, colours.muted, colours.idle, colours.value, colours.gradient, colours.done, colours.nonfinite,
        *colours.leaves,
    )]  # fmt: skip
    grounds = [rgb(colours.background), rgb(colours.panel)]
    blends = [tuple((a + b) / 2 for a, b in zip(role, ground, strict=True)) for role in roles for ground in grounds]
    found = [round(255 * part) for colour in (*grounds, *roles, *blends) for part in colour]
    wall = np.concatenate([picture[::2, ::2] for picture in pictures])
    often = _image(wall).quantize(GIF_COLOURS - len(found) // 3, method=Image.Quantize.MEDIANCUT).getpalette() or []
    made = Image.new("P", (1, 1))
    made.putpalette([*found, *often][: 3 * GIF_COLOURS])
    return made


def _save_webm(player: Player, target: BinaryIO, size: tuple[int, int], rate: int, told: Told) -> None:
    """A film in VP9, which browsers play without a licence."""
    with av.open(target, "w", format="webm") as container:
        stream = container.add_stream("libvpx-vp9", rate=rate, options=VP9)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for picture in _pictures(player, size, rate, told):
            image = np.ascontiguousarray(picture[: size[1], : size[0], :3])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())


def _image(pixels: Pixels) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(pixels[..., :3]))


def _kept(content: bytes, path: Path) -> Path:
    with replaced(path, GradEngineError) as target:
        target.write(content)
    return path


def _plain(name: str) -> str:
    """A name that every file system takes."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name)[:80]


def show(path: Path) -> None:
    """Opens a film with the program that the system has for it."""
    from manim.utils.file_ops import open_file

    open_file(path)


def free(path: Path) -> Path:
    """The path, or where it is taken the next of `name-2`, `name-3`, ... that is free."""
    found, k = path, 1
    while os.path.lexists(found):
        k += 1
        found = path.with_stem(f"{path.stem}-{k}")
    return found
