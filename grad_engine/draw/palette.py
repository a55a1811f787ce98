"""The colours of every picture, by what they mean; two themes that read well for every kind of colour vision."""

from __future__ import annotations

from dataclasses import dataclass

from grad_engine.errors import GradEngineError


@dataclass(frozen=True, slots=True)
class Palette:
    """One theme: colours as #RRGGBB. No meaning is carried by colour alone: the second cue stands beside each."""

    name: str
    background: str
    panel: str  # the ground of cards and captions
    ink: str  # text and the outline of what is shown
    muted: str  # text that can wait
    idle: str  # idle edges and outlines
    value: str  # a value on its way: solid, to the right
    gradient: str  # a gradient on its way: dashed, to the left, a bar over the letter
    done: str  # finished or summed: a tick, Σ, a double ring
    nonfinite: str  # NaN or infinity: the word, in a boxed badge
    leaves: tuple[str, str, str, str]  # at most four leaves, each in a hue of its own; its name stands beside it


DARK = Palette(
    name="dark",
    background="#0F1420",
    panel="#1A2233",
    ink="#F2F5FA",
    muted="#9AA7BD",
    idle="#6B7A94",
    value="#56B4E9",
    gradient="#E69F00",
    done="#2FBF92",
    nonfinite="#FF6FB5",
    leaves=("#BDFFBD", "#9580FF", "#A2944E", "#F0DC7A"),
)
LIGHT = Palette(
    name="light",
    background="#FFFFFF",
    panel="#F3F5F9",
    ink="#141A26",
    muted="#545F73",
    idle="#75809A",
    value="#0067A6",
    gradient="#B34700",
    done="#00725A",
    nonfinite="#B0127B",
    leaves=("#A000F0", "#412B1F", "#4F009E", "#752700"),
)
THEMES = {palette.name: palette for palette in (DARK, LIGHT)}

# Machado, Oliveira and Fernandes (2009), severity 1: linear RGB as seen with one kind of cone missing.
DEFICIENCIES: dict[str, tuple[tuple[float, float, float], ...]] = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


def theme(name: str) -> Palette:
    """The palette of a theme; raises GradEngineError for a name that is none."""
    if name not in THEMES:
        raise GradEngineError(f"there is no theme {name!r}: choose one of {', '.join(THEMES)}.")
    return THEMES[name]


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2: text needs 4.5, graphics need 3)."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    """How bright a colour is, from 0 for black to 1 for white (WCAG 2.2, relative luminance)."""
    red, green, blue = linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def linear(colour: str) -> tuple[float, float, float]:
    """The amounts of red, green and blue light in #RRGGBB, each 0 to 1."""
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return red, green, blue


def seen_with(colour: str, deficiency: str) -> str:
    """The colour as someone with "protanopia", "deuteranopia" or "tritanopia" sees it, as #RRGGBB."""
    light = linear(colour)
    parts = []
    for row in DEFICIENCIES[deficiency]:
        part = min(max(sum(factor * amount for factor, amount in zip(row, light, strict=True)), 0.0), 1.0)
        parts.append(12.92 * part if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055)
    return "#" + "".join(f"{round(255 * part):02X}" for part in parts)


def difference(one: str, other: str) -> float:
    """How different two colours look: the distance in CIELAB, in which 2.3 is just noticeable (CIE 1976)."""
    return sum((a - b) ** 2 for a, b in zip(_lab(one), _lab(other), strict=True)) ** 0.5


def _lab(colour: str) -> tuple[float, float, float]:
    red, green, blue = linear(colour)
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047  # white point D65
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883
    fx, fy, fz = (t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)
