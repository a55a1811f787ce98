"""What the command lines share: errors in one line, the record as an argument, whole numbers within bounds."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from grad_engine.record.files import DEFAULT_PATH
from grad_engine.record.words import harmless

__all__ = ["DEFAULT_PATH", "Command", "Parser", "add_modules", "add_output", "add_record", "whole"]


class Parser(argparse.ArgumentParser):
    """An argument parser that complains in one line."""

    def error(self, message: str) -> NoReturn:
        """Ends the program with status 2."""
        self.exit(2, f"{self.prog}: {harmless(message)} (--help explains)\n")


class CommandParser(Parser):
    """The parser of one command, which takes a record before, between and after options: `show x --json FILE`."""

    _mixing = False

    # Typed as argparse does it, which has an overload for each kind of namespace.
    def parse_known_args(self, args: Iterable[str] | None = None, namespace: Any = None) -> Any:
        """What was asked for, and the words that nothing takes."""
        args = None if args is None else list(args)
        found, rest = super().parse_known_args(args, namespace)
        if self._mixing or not rest or any(word.startswith("-") for word in rest):
            return found, rest
        self._mixing = True  # argparse comes back here for its two passes
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._mixing = False


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its name, what runs it (whose docstring explains it), and what it takes."""

    name: str
    run: Callable[[argparse.Namespace], int]  # returns the exit status
    arguments: Callable[[Parser], None]  # adds what the command takes
    examples: tuple[str, ...]
    note: str = ""  # below the examples


def add_record(parser: Parser, name: str = "file", metavar: str = "FILE", meaning: str = "the record") -> None:
    """Adds the argument that names a record; without it the last export is meant."""
    parser.add_argument(name, nargs="?", default=str(DEFAULT_PATH), metavar=metavar, help=meaning)


def add_output(parser: Parser) -> None:
    """Adds --output, which names the file to write."""
    parser.add_argument("--output", "-o", metavar="PATH", help="write to a file")


def add_modules(parser: Parser) -> None:
    """Adds --level, --expand and --full, which say what modules are open."""
    parser.add_argument(
        "--level",
        type=whole(1, 100),
        metavar="N",
        help="open what holds modules, down to this level; one more opens all",
    )
    parser.add_argument(
        "--expand", action="append", default=[], metavar="PATH", help="open this module (h.3); may be given again"
    )
    parser.add_argument("--full", action="store_true", help="fold nothing")


def whole(least: int, most: int) -> Callable[[str], int]:
    """What turns a word into a whole number from `least` to `most`."""

    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"expected a whole number from {least} to {most:,}, got {text[:40]}")
        return value

    return number
