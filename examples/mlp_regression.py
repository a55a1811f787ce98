"""A table of numbers, the last column guessed from the others, and how the error went down."""

from argparse import Namespace

import numpy as np
from rich.console import Console

import grad_engine as ge
from examples._training import run
from grad_engine import data, nn, optim
from grad_engine.progress import sparkline, track


def main(options: Namespace) -> ge.Tensor:
    """The loss over four rows, after training."""
    if options.csv is None:
        table = data.regression_table(seed=options.seed)
    else:
        table = data.read_csv(options.csv, skip_missing=options.skip_missing, categorical=options.categorical)
        if table.left_out:
            print(f"{table.left_out} of {len(table.values) + table.left_out} rows with an empty cell are left out")
    (x_train, x_test), (y_train, y_test) = data.split(table.values[:, :-1], table.values[:, -1:], seed=options.seed)
    x_train, x_test = data.standardized(x_train), data.standardized(x_test, by=x_train)
    y_train, y_test = data.standardized(y_train), data.standardized(y_test, by=y_train)

    model = nn.MLP([x_train.shape[1], 32, 16, 1], nn.Tanh, seed=options.seed)
    optimizer = optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)
    schedule = optim.CosineAnnealingLR(optimizer, T_max=max(options.steps, 1))
    loader = data.DataLoader(x_train, y_train, batch_size=64, seed=options.seed)
    losses = []
    for x, y in (bar := track(loader.repeated(options.steps), "training", total=options.steps)):
        loss = ge.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optim.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        bar.show(loss=losses[-1], rate=optimizer.lr)

    with ge.no_grad():
        error = float(np.mean((model(x_test).numpy() - y_test) ** 2))
    console = Console(highlight=False)
    console.print(f"{len(x_train)} rows of {x_train.shape[1]} numbers, to guess {table.names[-1]!r}", markup=False)
    console.print(f"loss [#E69F00]{sparkline(losses, 50)}[/] {losses[-1] if losses else float('nan'):.4f}")
    print(f"{len(x_test)} rows held out: {100 * (1 - error / y_test.var()):.1f} % of their variance is explained")

    model.zero_grad()
    loss = ge.mse_loss(model(ge.tensor(x_train[:4], name="x")), ge.tensor(y_train[:4], name="y"))
    loss.backward(retain_graph=True)
    return loss


if __name__ == "__main__":
    run(
        main,
        "loss = mse_loss(model(x), y)",
        steps=600,
        csv={"metavar": "PATH", "help": "a CSV file of numbers (default: a generated table, 506 x 13)"},
        skip_missing={"action": "store_true", "help": "leave out rows with an empty cell"},
        categorical={"metavar": "COLUMN", "nargs": "+", "default": (), "help": "columns of text, to be made 0 and 1"},
    )
