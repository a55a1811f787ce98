"""The command line that every example shares: what it prints, and what it writes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from typing import NoReturn

import numpy as np

import grad_engine as ge


class Parser(argparse.ArgumentParser):
    """An argument parser that complains in one line."""

    def error(self, message: str) -> NoReturn:
        """Ends the program with status 2."""
        self.exit(2, f"{self.prog}: {message} (--help explains)\n")


def show(z: ge.Tensor, names: Mapping[str, object]) -> None:
    """Prints the graph of z and the gradient of each leaf in `names`; writes the record where the command line asks.

    `names` is the `locals()` of an example: its variables, and its docstring for `--help`.
    """
    program = f"python -m {sys.modules['__main__'].__spec__.name}"
    parser = Parser(prog=program, description=str(names["__doc__"]))
    parser.add_argument("--export", action="store_true", help="write the graph to output/graph_acyclic.json")
    parser.add_argument("--output", metavar="PATH", help="write it to PATH instead; implies --export")
    options = parser.parse_args()

    try:
        _report(z, names)
        if options.export or options.output is not None:
            print(f"\nThe graph is in {ge.export_graph(z, options.output, names=names)}")
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough, as in `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ge.RecordError) as error:
        parser.error(f"cannot write there: {error}")


def _report(z: ge.Tensor, names: Mapping[str, object]) -> None:
    ge.visualize_graph(z, names=names)
    print()
    for name, tensor in names.items():
        if isinstance(tensor, ge.Tensor) and tensor.is_leaf and tensor.requires_grad:
            label = f"{name}.grad = "
            print(label + np.array2string(tensor.grad.numpy(), precision=4, floatmode="fixed", prefix=label))
