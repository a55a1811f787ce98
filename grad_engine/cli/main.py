"""The command line over a record file: `python -m grad_engine`, or `grad-engine` where the package is installed."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import textwrap
import threading
from collections.abc import Iterator, Sequence

from grad_engine.cli import check, diff, dot, film, lesson, page, program, report, show, svg, tree
from grad_engine.cli.parser import Command, CommandParser, Parser
from grad_engine.errors import GradEngineError
from grad_engine.record.files import DEFAULT_PATH
from grad_engine.record.words import harmless
from grad_engine.version import VERSION

COMMANDS = (
    tree.COMMAND,
    show.COMMAND,
    page.COMMAND,
    film.COMMAND,
    lesson.COMMAND,
    report.COMMAND,
    diff.COMMAND,
    program.COMMAND,
    svg.COMMAND,
    dot.COMMAND,
    check.COMMAND,
)
EXAMPLES = ("tree", "show x3", "page --open", "film -o graph.gif", "diff before.json after.json")

EPILOG = """
A record is a file, or a folder in the older layout of three parts; - reads
standard input. Without one the last export is meant: {default}.

examples:
{lines}
"""


def main(words: Sequence[str] | None = None) -> int:
    """The exit status: 0, 1 where `check` or `report` finds a fault or `diff` a difference, 2 for an error."""
    parser = _parser()
    options = parser.parse_args(words)
    complaint = f"{parser.prog} {options.command}:"
    try:
        with _cleaning_up():
            status: int = options.run(options)
        _flush()
    except BrokenPipeError:  # whoever reads has seen enough, as in `| head`
        _drop_output()
        return 0
    except GradEngineError as error:
        return _complain(f"{complaint} {harmless(str(error))}")
    except OSError as error:
        if error.filename is None:
            _drop_output()  # what is left to write would fail again when Python ends
        where = error.filename or "standard output"
        return _complain(f"{complaint} {harmless(f'{where}: {error.strerror or error}')}")
    except KeyboardInterrupt:
        return 130
    return status


@contextlib.contextmanager
def _cleaning_up() -> Iterator[None]:
    """SIGTERM ends the command as an exception does, so that what it put aside for a time is removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminated(number: int, _: object) -> None:
    raise SystemExit(128 + number)


def _complain(text: str) -> int:
    if sys.stderr is not None:  # else print() would take standard output
        print(text, file=sys.stderr)
    return 2


def _flush() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()


def _drop_output() -> None:
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> Parser:
    module = os.path.basename(sys.argv[0]) == "__main__.py"
    prog = "python -m grad_engine" if module else "grad-engine"
    parser = Parser(
        prog=prog,
        description="Reads a record of a backward graph, which an export wrote.",
        epilog=_epilog(prog, EXAMPLES),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"grad_engine {VERSION}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=CommandParser)
    for command in COMMANDS:
        _add(commands, prog, command)
    return parser


def _add(commands: argparse._SubParsersAction[CommandParser], prog: str, command: Command) -> None:
    what = str(command.run.__doc__)
    parser = commands.add_parser(
        command.name,
        help=what,
        description=textwrap.fill(what, 79),
        epilog=_epilog(prog, command.examples) + (f"\n{command.note}\n" if command.note else ""),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=command.run)
    command.arguments(parser)


def _epilog(prog: str, examples: Sequence[str]) -> str:
    return EPILOG.format(default=DEFAULT_PATH, lines="\n".join(f"  {prog} {line}" for line in examples))
