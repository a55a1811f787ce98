"""The command line that every example shares: what it prints, and what it writes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np

import grad_engine as ge
from grad_engine.cli.parser import DEFAULT_PATH, Parser
from grad_engine.cli.program import listing
from grad_engine.tree import print_tree


def needed(package: str, install: str = "") -> Any:
    """The package; ends the program with one line, which says what to `install`, where it is not installed."""
    try:
        return import_module(package)
    except ImportError:
        Parser(prog=program()).exit(2, f"{program()}: {package} is not installed: pip install {install or package}\n")


def parser(description: str) -> Parser:
    """The arguments that every example has: --export, --output PATH, and --help with this description."""
    made = Parser(prog=program(), description=description)
    made.add_argument("--export", action="store_true", help=f"write the graph to {DEFAULT_PATH}")
    made.add_argument("--output", metavar="PATH", help="write it to PATH instead; implies --export")
    made.add_argument("--program", action="store_true", help="print the graph as NumPy, forward and backward")
    made.add_argument("--page", action="store_true", help="write the graph as a page that can be stepped through")
    return made


@contextmanager
def one_line(parser: Parser) -> Iterator[None]:
    """A context in which a file that cannot be read or written ends the program with one line, and status 2."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough, as in `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ge.TensorFileError) as error:
        parser.error(str(error))


def write(record: Callable[[], ge.GraphRecord], options: argparse.Namespace) -> None:
    """Writes the record where the command line asks, and says so; without --export it is not even made."""
    if options.export or options.output is not None:
        path = DEFAULT_PATH if options.output is None else options.output
        try:
            written = ge.save_graph(record(), path)
        except (OSError, ge.RecordError) as error:
            raise OSError(f"cannot write there: {error}") from None
        print(f"\nThe graph is in {written}")
    if options.program:
        print(f"\n{listing(record())}", end="")
    if options.page:
        try:
            written = ge.export_page(record())
        except ge.MissingPackageError as error:
            raise OSError(str(error)) from None
        print(f"\nThe page is in {written}")


def show(z: ge.Tensor | ge.GraphRecord, names: Mapping[str, object]) -> None:
    """Prints the graph of z and the gradient of each leaf; writes the record where the command line asks.

    `z` is a tensor, or the record of a graph from elsewhere. `names` is the `locals()` of an example: its variables,
    and its docstring for `--help`.
    """
    arguments = parser(str(names["__doc__"]))
    options = arguments.parse_args()
    with one_line(arguments):
        gradients = _report_record(z) if isinstance(z, ge.GraphRecord) else _report(z, names)
        print()
        for name, gradient in gradients.items():
            label = f"{name}.grad = "
            print(label + np.array2string(gradient, precision=4, floatmode="fixed", prefix=label))
        write(lambda: z if isinstance(z, ge.GraphRecord) else ge.record_graph(z, names=names), options)


def program() -> str:
    """How this example was started, as its reader types it."""
    return f"python -m {sys.modules['__main__'].__spec__.name}"


def _report(z: ge.Tensor, names: Mapping[str, object]) -> dict[str, np.ndarray]:
    """Prints the tree; the gradient of each leaf in `names`, by name."""
    ge.visualize_graph(z, names=names)
    tensors = {name: value for name, value in names.items() if isinstance(value, ge.Tensor)}
    return {name: leaf.grad.numpy() for name, leaf in tensors.items() if leaf.is_leaf and leaf.requires_grad}


def _report_record(record: ge.GraphRecord) -> dict[str, np.ndarray]:
    """Prints the tree; the gradient that the last run brought to each leaf, by its name."""
    print_tree(record)
    leaves = {each.id: record.by_id[each.leaf].name for each in record.accumulators}
    after = {leaves[change.accumulator]: record.by_id[change.after] for change in record.runs[-1].leaves}
    return {name: np.reshape(gradient.data.values, gradient.shape) for name, gradient in after.items()}
