"""One HTML file that holds everything: markup, style, script and data. It asks for nothing from a network.

The script is the modules of `client/` in the order in which they import one another, without their import lines. A
content security policy names the hash of script and style, so nothing else can run, whatever a record says.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from grad_engine.draw.palette import DARK, LIGHT, Palette
from grad_engine.errors import ArgumentError
from grad_engine.page.payload import payload
from grad_engine.record import GraphRecord
from grad_engine.record.atomic_write import replaced
from grad_engine.version import VERSION

MOST_OPS = 20_000  # that a page tells one by one; a browser takes minutes for more
COMPRESSED_FROM = 20_000  # bytes of data; less is easier to read in the source of the page
MUCH = 2_000_000  # bytes of data, which are compressed with less effort: 3 % larger, in a third of the time
ROLES = ("background", "panel", "ink", "muted", "idle", "value", "gradient", "done", "nonfinite")
THEMES = ("system", "dark", "light")

_IMPORT = re.compile(r'^import (?:(\{[^}]*\}) from )?"\./(\w+)\.js";\n', re.MULTILINE)


def page_html(
    record: GraphRecord,
    *,
    theme: str = "system",
    title: str | None = None,
    changes: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """The page of a record, as one string of HTML.

    theme: "dark", "light", or "system", which follows the reader's system. title: in place of the record's own.
    changes: what moved since another record, in words, by the id of op or leaf; under "" what is gone.

    Raises ArgumentError for another theme, and for a record of more than 20,000 ops.
    """
    if theme not in THEMES:
        raise ArgumentError(f"a page has one of the themes {', '.join(THEMES)}, got {theme!r}")
    if len(record.nodes) > MOST_OPS:
        raise ArgumentError(
            f"a page shows at most {MOST_OPS:,} ops, got {len(record.nodes):,}: print the record with "
            "`python -m grad_engine tree`, or export a smaller part of the graph"
        )
    content = payload(record, title, changes)
    kind, data = _packed(content)
    script, style = _script(), _style()
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    )
    parts = {
        "POLICY": policy, "VERSION": VERSION, "TITLE": escape(content["title"]), "STYLE": style, "KIND": kind,
        "DATA": data, "SCRIPT": script,
    }  # fmt: skip
    page = re.sub(r"@([A-Z]+)@", lambda found: parts[found[1]], _asset("page.html"))
    return page if theme == "system" else page.replace('<html lang="en">', f'<html lang="en" data-theme="{theme}">', 1)


def save_page(record: GraphRecord, path: str | os.PathLike[str], **options: Any) -> Path:
    """The path of the page of a record, which replaces what was there as a whole; `options` are those of page_html.

    Raises ArgumentError for a path that is a folder or device, OSError where the file system refuses.
    """
    text = page_html(record, **options)
    with replaced(path, ArgumentError) as file:
        file.write(text.encode("utf-8"))
    return Path(path)


def _packed(content: dict[str, Any]) -> tuple[str, str]:
    """How the data is written, and the data: JSON that cannot end its element, or JSON compressed, as base64."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    if len(text) >= COMPRESSED_FROM:
        effort = 9 if len(text) < MUCH else 6
        return "deflate", base64.b64encode(zlib.compress(text.encode("utf-8", "replace"), effort)).decode("ascii")
    for character in "&<>\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return "json", text


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode('utf-8')).digest()).decode('ascii')}'"


def _asset(name: str) -> str:
    """A file of the client, without its comments and indentation, which are a quarter of it."""
    text = files("grad_engine.page").joinpath("client", name).read_text(encoding="utf-8")
    text = re.sub(r"^ */\*.*?\*/\n?", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"^ +", "", text, flags=re.MULTILINE)


@cache
def _style() -> str:
    def variables(palette: Palette) -> str:
        return " ".join(f"--{role}: {getattr(palette, role)};" for role in ROLES)

    return _asset("page.css").replace("@DARK@", variables(DARK)).replace("@LIGHT@", variables(LIGHT))


@cache
def _script() -> str:
    """The modules of the client as one script: each a function with names of its own, after those that it imports."""
    bodies: dict[str, str] = {}
    way: list[str] = []

    def add(name: str) -> None:
        if name in bodies:
            return
        assert name not in way, f"modules import one another in a circle: {' -> '.join([*way, name])}"
        way.append(name)
        source = _asset(f"{name}.js")
        for _, imported in _IMPORT.findall(source):
            add(imported)
        bodies[name] = _module(name, source)
        way.pop()

    add("main")
    return "\n".join(["const $ = {};", *bodies.values()])


def _module(name: str, source: str) -> str:
    """One module as a function that returns what it exports."""
    exported = re.findall(r"^export (?:const|(?:async )?function) (\w+)", source, re.MULTILINE)
    for names in re.findall(r"^export const \{([^}]*)\}", source, re.MULTILINE):
        exported += [each.strip() for each in names.split(",")]
    body = _IMPORT.sub(lambda found: f"const {found[1]} = $.{found[2]};\n" if found[1] else "", source)
    body = re.sub(r"^export ", "", body, flags=re.MULTILINE)
    assert not re.search(r"^(import|export)\b", body, re.MULTILINE), f"{name}.js imports or exports in another form"
    return f"$.{name} = await (async () => {{\n{body}return {{ {', '.join(exported)} }};\n}})();"
