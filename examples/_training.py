"""The command line of the examples that train: for how long, from which seed, and where the graph of a batch goes."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import Any

import grad_engine as ge
from examples._command import needed, one_line, parser, write
from grad_engine import data


def run(main: Callable[[Namespace], ge.Tensor], made: str, steps: int, **more: Mapping[str, Any]) -> None:
    """Runs `main` with the options of the command line; writes the graph of what it returns where these ask for it.

    made: what that is, such as "loss = mse_loss(model(x), y)", as tree and film shall say it.
    steps: how many, by default. more: further options, name -> arguments of add_argument().
    """
    arguments = parser(str(sys.modules["__main__"].__doc__))
    arguments.add_argument("--steps", type=whole_number, default=steps, help="how often to step (default: %(default)s)")
    arguments.add_argument("--seed", type=whole_number, default=0, help="of every random number (default: %(default)s)")
    for name, keywords in more.items():
        arguments.add_argument(f"--{name.replace('_', '-')}", **keywords)
    options = arguments.parse_args()
    with one_line(arguments):
        root = main(options)
        name, _, _ = made.partition(" = ")
        write(lambda: ge.record_graph(root, names={name: root}, expression=made), options)


def whole_number(text: str) -> int:
    """A number of steps or a seed, from the command line."""
    number = int(text)
    if number < 0:
        raise ValueError
    return number


DIGITS: dict[str, Any] = {
    "metavar": "FOLDER",
    "help": "a folder with the four IDX files of MNIST or of a set like it (default: scikit-learn's 8x8 digits)",
}


def digits(options: Namespace) -> data.Images:
    """The images in the folder that --data names, else scikit-learn's digits, a fifth of them held out; 0 to 1."""
    if options.data is not None:
        images = data.read_images(options.data)
    else:
        needed("sklearn", "scikit-learn, or name a folder of IDX files with --data")
        bundled = needed("sklearn.datasets", "scikit-learn").load_digits()
        (train, test), (train_labels, test_labels) = data.split(bundled.images * 255 / 16, bundled.target, seed=0)
        images = data.Images(train, train_labels, test, test_labels)
    train, train_labels, test, test_labels = images
    return data.Images(train / 255, train_labels.astype(int), test / 255, test_labels.astype(int))
