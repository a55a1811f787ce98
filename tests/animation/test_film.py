"""ge.film: a film from a program, and what a notebook shows of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

import grad_engine as ge
from grad_engine.draw.palette import THEMES
from grad_engine.errors import ArgumentError


@pytest.fixture
def z() -> ge.Tensor:
    x = ge.tensor([1.0, 2.0], requires_grad=True, name="x")
    z = (x * x).sum()
    z.backward(retain_graph=True)
    return z


def test_films_are_called_after_their_title_and_never_replace_one_another(
    z: ge.Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = [ge.film(z, title="a sum: x²", speed=10).path for _ in range(2)]
    assert made == [Path("output/a-sum-x².mp4"), Path("output/a-sum-x²-2.mp4")]
    assert all(path.stat().st_size > 1000 and path.with_suffix(".srt").exists() for path in made)


def test_a_notebook_shows_a_film_or_a_picture(z: ge.Tensor, tmp_path: Path) -> None:
    found = ge.film(ge.record_graph(z), tmp_path / "end.png")
    assert found._repr_html_().startswith('<img src="data:image/png;base64,')
    moving = ge.film(z, tmp_path / "z.webm", speed=10, theme="light")
    assert moving._repr_html_().startswith("<video controls") and Path(moving).exists()


@pytest.mark.parametrize("theme", THEMES)
def test_a_gif_keeps_the_colours_that_mean_something(z: ge.Tensor, tmp_path: Path, theme: str) -> None:
    """That of a leaf covers little; the most frequent colours alone had turned it into grey."""
    made = ge.film(z, tmp_path / "z.gif", speed=10, theme=theme)
    with Image.open(made.path) as gif:
        gif.seek(gif.n_frames - 1)
        seen = {colour for _, colour in gif.convert("RGB").getcolors(1 << 16) or []}
    colours = THEMES[theme]
    for role in (colours.leaves[0], colours.done, colours.gradient, colours.ink):
        assert tuple(int(role[k : k + 2], 16) for k in (1, 3, 5)) in seen


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"theme": "sepia"}, "theme is one of dark, light, got 'sepia'"),
        ({"phase": "sideways"}, "phase is one of both, forward, backward"),
        ({"quality": "x"}, "quality is one of l, m, h"),
        ({"speed": 0.0}, "speed is a number from 0.1 to 10, got 0.0"),
        ({"fold": "some"}, "fold is one of"),
        ({"length": 1.0}, "length is a number of seconds from 5 to 600, got 1.0"),
        ({"follow": "w[3]"}, "names a leaf and one of its entries"),
    ],
)
def test_what_is_not_allowed_is_refused(z: ge.Tensor, options: dict[str, object], words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        ge.film(z, **options)  # type: ignore[arg-type]
