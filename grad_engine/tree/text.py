"""Words, names and numbers as a terminal can carry them: of known width, and nothing that moves the cursor."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from grad_engine.formula import number
from grad_engine.record import TensorRecord
from grad_engine.record.index import Measure
from grad_engine.record.words import brief, fit_path, harmless, shape_words

# What the tree draws with beyond ASCII, and what stands for it where the encoding cannot carry it.
PLAIN = {
    "│": "|", "├": "|", "└": "`", "─": "-", "↳": ">", "⋯": "...", "…": "..", "↺": "^", "×": "x", "−": "-", "–": "-",
    "‖": "|", "━": "=", "╸": "-", "Σ": "sum of ", "→": "->", "∞": "inf",
}  # fmt: skip


BARS, PLAIN_BARS = "▁▂▃▄▅▆▇█", ".:-=+*#@"


def width(text: str) -> int:
    """The number of terminal columns that a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


class Script:
    """The characters that a medium can carry."""

    def __init__(self, encoding: str = "utf-8") -> None:
        self.encoding = encoding
        self.utf = encoding.startswith("utf")
        try:
            "".join(PLAIN).encode(encoding)
            self.boxes = True
        except (UnicodeError, LookupError):
            self.boxes = False
        self.table = str.maketrans({} if self.boxes else PLAIN)
        self.dots = self.say("…")

    def say(self, text: str) -> str:
        """The text in characters that the medium has."""
        if self.utf or text.isascii():
            return text
        text = text.translate(self.table)
        return text.encode(self.encoding if self.boxes else "ascii", "backslashreplace").decode(
            self.encoding if self.boxes else "ascii"
        )

    def name(self, name: str, room: int) -> str:
        """A name from a record: harmless, and at most `room` columns wide."""
        shown = self.say(harmless(name))
        return self.path(shown, room) if "." in shown and " " not in shown else self.fit(shown, room)

    def path(self, path: str, room: int) -> str:
        """The path of a module or parameter, cut at the front where it is wider than `room` columns."""
        shown = self.say(harmless(path))
        while width(shown) > room > 2:
            shorter = self.say(fit_path(shown.removeprefix(self.dots), min(room, len(shown) - 1)))
            if len(shorter) >= len(shown):
                break
            shown = shorter
        return self.fit(shown, room)

    def fit(self, text: str, room: int) -> str:
        """The text, or its beginning and end around an ellipsis where it is wider than `room` columns."""
        if width(text) <= room:
            return text
        left = room - len(self.dots)
        if left <= 0:
            return self.dots[: max(0, room)]
        tail = left // 3
        return _head(text, left - tail) + self.dots + _head(text[::-1], tail)[::-1]

    def cut(self, text: str, room: int) -> str:
        """The text, or its beginning and an ellipsis where it is wider than `room` columns."""
        if width(text) <= room:
            return text
        left = room - len(self.dots)
        return self.dots[: max(0, room)] if left <= 0 else _head(text, left).rstrip() + self.dots

    def wrap(self, text: str, room: int) -> list[str]:
        """The text in lines of at most `room` columns, broken between words."""
        out: list[str] = []
        line = ""
        for word in text.split():
            if line and width(line) + 1 + width(word) <= room:
                line += " " + word
                continue
            if line:
                out.append(line)
            line = self.cut(word, room)
        return [*out, line] if line else out

    def bars(self, counts: Sequence[int], room: int = 20) -> str:
        """A histogram as one row of bars, at most `room` columns wide: an empty bin is a space, the fullest is full."""
        per = max(1, math.ceil(len(counts) / room))
        bins = [sum(counts[k : k + per]) for k in range(0, len(counts), per)]
        shown, most = BARS if self.utf else PLAIN_BARS, max(bins, default=0)
        return "".join(shown[math.ceil(n / most * len(shown)) - 1] if n else " " for n in bins)

    def norm(self, size: Measure | None) -> str:
        """The norm to three digits; NaN or ∞ where an entry is; nothing where it is not recorded."""
        if size is None:
            return ""
        if size.norm is None:
            return self.say("NaN" if size.nan else "∞")
        return self.say(brief(size.norm))

    def shape(self, shape: Sequence[int] | None, room: int = 14) -> str:
        """4×2, or the word scalar; nothing where it is not known."""
        return self.cut(self.say(shape_words(shape)), room)

    def glimpse(self, tensor: TensorRecord | None, room: int, digits: int = 4) -> str:
        """The first values with their brackets, as many as fit: [[1.913, −1.197], …]."""
        known = _beginning(tensor) if tensor is not None else None
        if tensor is None or known is None:
            return ""
        values, whole = known
        rank = len(tensor.shape)
        if not rank:
            return self.cut(self.say(number(values[0], digits)), room) if values else ""
        if not math.prod(tensor.shape):
            return self.cut("[" * rank + "]" * rank, room)
        blocks = [math.prod(tensor.shape[axis:]) for axis in range(rank)]  # elements in one bracket of each rank
        out, open_brackets = "", 0
        for i, value in enumerate(values):
            opening = sum(i % block == 0 for block in blocks)
            closing = sum((i + 1) % block == 0 for block in blocks)
            piece = (", " if i else "") + "[" * opening + self.say(number(value, digits)) + "]" * closing
            open_brackets += opening - closing
            # Room for what would have to follow: the ellipsis and the brackets that are still open.
            final = whole and i == len(values) - 1
            rest = 0 if final else 2 + len(self.dots) + max(0, open_brackets)
            if len(out) + len(piece) + rest > room:
                open_brackets -= opening - closing
                return self._unfinished(out, max(0, open_brackets), room)
            out += piece
        return out if whole else self._unfinished(out, max(0, open_brackets), room)

    def _unfinished(self, out: str, open_brackets: int, room: int) -> str:
        out += (", " if out else "") + self.dots + "]" * open_brackets
        return out if len(out) <= room else self.dots[: max(0, room)]


def _beginning(tensor: TensorRecord) -> tuple[Sequence[float], bool] | None:
    """The first values in C order and whether they are all; None where they were not recorded."""
    if tensor.data is None:
        return None
    if tensor.data.values is not None:
        return tensor.data.values, True
    if (sample := tensor.data.sample) is None:
        return None
    if sample.shape == tensor.shape:
        return sample.values, True
    # The sample's first row holds the first entries of the tensor's first row, then, past `edge`, its last ones.
    row = tensor.shape[-1] if tensor.shape else 1
    return sample.values[: row if row == sample.shape[-1] else sample.edge], False


def _head(text: str, room: int) -> str:
    if text.isascii():
        return text[:room]
    taken = 0
    for i, character in enumerate(text):
        taken += width(character)
        if taken > room:
            return text[:i]
    return text


def tally(words: Iterable[str], script: Script, kinds: int = 4) -> list[str]:
    """Mul×19, Add×19, Exp: what occurs how often, the most frequent first."""
    counts: dict[str, int] = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    shown = [script.name(word, 24) + (script.say(f"×{n}") if n > 1 else "") for word, n in ranked[:kinds]]
    if len(ranked) > kinds:
        shown.append(f"+{len(ranked) - kinds} more kinds")
    return shown
