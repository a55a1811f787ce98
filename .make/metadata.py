"""The long description and the links of the package, made when it is built: `address` in pyproject.toml is their base.

README.md links to files of the repository, which a package index cannot follow. With an address they lead there; as
long as it is not decided, their words stand alone and pictures are left out.
"""

from __future__ import annotations

import os
import re
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
BRANCH = "main"
LINKS = {"Source": "", "Changelog": f"/blob/{BRANCH}/.github/CHANGELOG.md", "Issues": "/issues"}


class Metadata(MetadataHookInterface):
    """Fills in `readme` and `urls`."""

    def update(self, metadata: dict[str, Any]) -> None:
        address = str(self.config.get("address", "")).rstrip("/")
        with open(os.path.join(self.root, "README.md"), encoding="utf-8") as file:
            text = described(file.read(), address)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
        metadata["urls"] = {name: address + path for name, path in LINKS.items()} if address else {}


def described(text: str, address: str) -> str:
    """The text with its links to files leading to `address`; with "" without these links."""

    def turned(match: re.Match[str]) -> str:
        picture, words, goal = match.groups()
        if "://" in goal:
            return match[0]
        if not address:
            return "" if picture else words
        return f"{picture}[{words}]({address}/{'raw' if picture else 'blob'}/{BRANCH}/{goal})"

    return LINK.sub(turned, text).replace("<address of this repository>", address or "<address of this repository>")
