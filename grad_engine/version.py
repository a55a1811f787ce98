"""The version of this package, written down once: pyproject.toml, records and `--version` read it here."""

VERSION = "0.2.0.dev0"
