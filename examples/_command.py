"""The command line that every example shares: what it prints, and what it writes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NoReturn

import numpy as np

import grad_engine as ge
from grad_engine.tree import print_tree

DEFAULT_PATH = "output/graph_acyclic.json"


class Parser(argparse.ArgumentParser):
    """An argument parser that complains in one line."""

    def error(self, message: str) -> NoReturn:
        """Ends the program with status 2."""
        self.exit(2, f"{self.prog}: {message} (--help explains)\n")


def needed(package: str) -> Any:
    """The package; ends the program with one line where it is not installed."""
    try:
        return import_module(package)
    except ImportError:
        Parser(prog=_program()).exit(2, f"{_program()}: {package} is not installed: pip install {package}\n")


def show(z: ge.Tensor | ge.GraphRecord, names: Mapping[str, object]) -> None:
    """Prints the graph of z and the gradient of each leaf; writes the record where the command line asks.

    `z` is a tensor, or the record of a graph from elsewhere. `names` is the `locals()` of an example: its variables,
    and its docstring for `--help`.
    """
    parser = Parser(prog=_program(), description=str(names["__doc__"]))
    parser.add_argument("--export", action="store_true", help=f"write the graph to {DEFAULT_PATH}")
    parser.add_argument("--output", metavar="PATH", help="write it to PATH instead; implies --export")
    options = parser.parse_args()

    try:
        gradients = _report_record(z) if isinstance(z, ge.GraphRecord) else _report(z, names)
        print()
        for name, gradient in gradients.items():
            label = f"{name}.grad = "
            print(label + np.array2string(gradient, precision=4, floatmode="fixed", prefix=label))
        if options.export or options.output is not None:
            record = z if isinstance(z, ge.GraphRecord) else ge.record_graph(z, names=names)
            path = DEFAULT_PATH if options.output is None else options.output
            print(f"\nThe graph is in {ge.save_graph(record, path)}")
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough, as in `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ge.RecordError) as error:
        parser.error(f"cannot write there: {error}")


def _program() -> str:
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
