"""The texts of the repository as pages of the site: README files, and what lies beside this file."""

from __future__ import annotations

import os
import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import notebook
import reference
import ten_films

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
GALLERY = "output/gallery"

# The page of each text. A link from one text to another follows from this, wherever either lies.
PAGES = {
    "README.md": "index.md",
    "examples/tour.ipynb": "tour.md",
    "examples/README.md": "examples.md",
    "output/gallery/README.md": "gallery.md",
    ".docs/how_to.md": "how_to.md",
    ".docs/pytorch.md": "pytorch.md",
    "grad_engine/nn/PYTORCH.md": "pytorch_names.md",
    "grad_engine/gotchas.md": "gotchas.md",
    ".docs/errors.md": "errors.md",
    ".docs/questions.md": "questions.md",
    ".docs/words.md": "words.md",
    "animation/README.md": "film.md",
    "grad_engine/program/README.md": "programs.md",
    ".docs/record.md": "record.md",
    "output/README.md": "output.md",
    "grad_engine/README.md": "parts.md",
    "grad_engine/core/README.md": "engine.md",
    "grad_engine/ops/README.md": "ops.md",
    ".github/CONTRIBUTING.md": "contributing.md",
    ".github/CHANGELOG.md": "changelog.md",
}

# What stands in the list on the left, in its order: title and page.
CONTENTS = {
    "Guide": {
        "A tour in ten minutes": "tour",
        "Examples": "examples",
        "Gallery": "gallery",
        "Ten films": "films",
        "How to": "how_to",
        "The film": "film",
        "Functions as programs": "programs",
        "What can surprise": "gotchas",
        "Errors": "errors",
        "Questions": "questions",
        "Words": "words",
    },
    "Coming from PyTorch": {"A lesson from PyTorch": "pytorch", "What is spelled or meant otherwise": "pytorch_names"},
    "Inside": {
        "The parts": "parts",
        "The engine": "engine",
        "The table of operations": "ops",
        "The format of a record": "record",
        "Where files go": "output",
    },
    "Reference": {"Every public name": "reference/index"},
    "Project": {"Contributing": "contributing", "Changelog": "changelog"},
}

LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#\s]*)(#[^)\s]*)?\)")
FENCE = re.compile(r"^(```.*?^```[^\n]*$|~~~.*?^~~~[^\n]*$)", re.MULTILINE | re.DOTALL)


def write(folder: Path) -> None:
    """Writes every page of PAGES into `folder`, the films, and the pictures that the pages show."""
    for source, page in PAGES.items():
        path = ROOT / source
        text = notebook.markdown(path) if path.suffix == ".ipynb" else path.read_text(encoding="utf-8")
        text = under_one_title(with_links(text, source, page))
        text = text.replace("<!-- fields -->", reference.fields_of_records())
        if page == "index.md":
            text += "".join(
                f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n"
                + "".join(f"{title} <{page}>\n" for title, page in pages.items())
                + "```\n"
                for caption, pages in CONTENTS.items()
            )
        target = folder / page
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    shutil.copytree(ROOT / GALLERY, folder / GALLERY, ignore=shutil.ignore_patterns("*.md"))
    ten_films.write(folder)


def under_one_title(text: str) -> str:
    """The text with every heading after the first a level lower, where it has more than one of the first level."""
    parts = FENCE.split(text)
    prose = "".join(parts[::2])
    first = prose.find("# ")
    if len(re.findall(r"^# ", prose, re.MULTILINE)) < 2 or first:
        return text
    parts[::2] = [re.sub(r"^#(?=#* )", "##", part, flags=re.MULTILINE) for part in parts[::2]]
    return "".join(parts)[1:]


def with_links(text: str, source: str, page: str) -> str:
    """The text with each link to a file of the repository turned to the page, or the copy of the file, that has it."""
    depth = "../" * page.count("/")

    def turned(match: re.Match[str]) -> str:
        picture, words, link, anchor = match[1], match[2], match[3], match[4] or ""
        if "://" in link or not link or (source.startswith(".docs/") and link.startswith("reference/")):
            return match[0]
        goal = os.path.normpath(os.path.join(os.path.dirname(source), link))
        goal = f"{goal}/README.md" if (ROOT / goal).is_dir() else goal
        if goal in PAGES:
            return f"[{words}]({depth}{PAGES[goal]}{anchor})"
        if goal.startswith(f"{GALLERY}/") and (ROOT / goal).is_file():
            return f"![{words}]({depth}{goal})" if picture else f'<a href="{depth}{goal}">{words}</a>'
        return words  # a file that the site does not have

    parts = FENCE.split(text)
    parts[::2] = [LINK.sub(turned, part) for part in parts[::2]]
    return "".join(parts)


def copy_files(source: Path, site: Path) -> None:
    """What pages link to as it is: films, pictures, pages of records."""
    for folder in (GALLERY, ten_films.FOLDER):
        shutil.copytree(source / folder, site / folder, dirs_exist_ok=True)


class _Links(HTMLParser):
    """The links and the anchors of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for key, value in attrs:
            if key in ("href", "src", "poster") and value:
                self.links.append(value)
            elif key in ("id", "name") and value:
                self.anchors.add(value)


def check_links(site: Path) -> int:
    """1, and a line for each, where a page links to a file or an anchor of the site that is not there."""
    found: dict[Path, _Links] = {}
    for page in sorted(site.rglob("*.html")):
        if page.relative_to(site).as_posix().startswith((f"{GALLERY}/", f"{ten_films.FOLDER}/")):
            continue  # pages of records: they are made by the page command, and its tests look at them
        found[page] = _Links()
        found[page].feed(page.read_text(encoding="utf-8"))
    dead = []
    for page, parts in found.items():
        for link in parts.links:
            if re.match(r"[a-z]+:|//", link):
                continue
            path, _, anchor = link.partition("#")
            goal = (page.parent / unquote(path.partition("?")[0])).resolve() if path else page
            goal = goal / "index.html" if goal.is_dir() else goal
            if not goal.exists() or (anchor and goal in found and unquote(anchor) not in found[goal].anchors):
                dead.append(f"{page.relative_to(site)}: {link} leads nowhere")
    print("\n".join(dead), end="\n" * bool(dead), file=sys.stderr)
    return int(bool(dead))
