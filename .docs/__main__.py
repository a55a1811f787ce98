"""Builds the documentation site from the README files and docstrings: `make docs`, or `python .docs FOLDER`.

The pages are first written as Markdown into a folder that is thrown away: the texts of the repository with their links
turned to where each page lies, ten films that are rendered anew, and the reference from the objects of the package as
they are when it is imported. Then Sphinx makes HTML of them. A warning, such as a link that leads nowhere, ends the
build with status 1.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

import reference  # noqa: E402  # what lies beside this file, which is no package
import texts  # noqa: E402
from sphinx.cmd.build import main as sphinx  # noqa: E402


def build(target: Path) -> int:
    """Writes the site into `target`; returns Sphinx's exit status, which a warning makes 1."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "pages")
        texts.write(source)
        reference.write(source / "reference")
        made = Path(folder, "site")
        status = sphinx([
            *("-b", "html", "-c", str(HERE), "-d", str(Path(folder, "doctrees"))),
            *("-q", "-W", "--keep-going", "-j", str(os.cpu_count() or 1), str(source), str(made)),
        ])  # fmt: skip
        if status == 0:
            texts.copy_files(source, made)
            status = texts.check_links(made)
        if status == 0:
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(made, target)
    return status


if __name__ == "__main__":
    target = Path(sys.argv[1])
    status = build(target)
    if status == 0:
        print(f"The site is in {target / 'index.html'}")
    raise SystemExit(status)
