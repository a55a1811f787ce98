"""A notebook that was run, as a page: its text, its code, and what each cell showed."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any


def markdown(path: Path) -> str:
    """The cells of the notebook as Markdown."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join(part for cell in cells for part in _cell(cell)) + "\n"


def _cell(cell: dict[str, Any]) -> list[str]:
    text = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return [text]
    return [f"```python\n{text}\n```", *map(_shown, cell.get("outputs", []))]


def _shown(output: dict[str, Any]) -> str:
    """One output of a cell, in the richest form that a page can show."""
    if output["output_type"] == "stream":
        return _plain("".join(output["text"]))
    data = output.get("data", {})
    for kind in ("text/html", "image/svg+xml"):
        if kind in data:
            body = "".join(data[kind])
            body = body if "<iframe" in body or "<video" in body or "<img" in body else _framed(body)
            return f"```{{raw}} html\n{body}\n```"
    for kind in ("image/png", "image/gif", "image/jpeg"):
        if kind in data:
            body = "".join(data[kind]).replace("\n", "")
            return f'```{{raw}} html\n<img alt="what the cell above shows" src="data:{kind};base64,{body}">\n```'
    return _plain("".join(data.get("text/plain", "")))


def _framed(body: str) -> str:
    return f'<div class="shown">{body}</div>'


def _plain(text: str) -> str:
    return f'```{{raw}} html\n<pre class="shown">{html.escape(text.rstrip())}</pre>\n```'
