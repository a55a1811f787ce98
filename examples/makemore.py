"""Names made up letter by letter: a network with batch norm learns which letter follows three others.

With --wild the first weights are far too large: the table at the start says what a lesson would raise a finger at.
"""

from argparse import Namespace

import numpy as np

import grad_engine as ge
from examples._training import run
from grad_engine import nn, optim
from grad_engine.nn import functional as F
from grad_engine.progress import track

LETTERS = ".abdeiklmnorsuvy"  # the dot begins and ends a name
CONTEXT = 3


def names(count: int, rng: np.random.Generator) -> list[str]:
    """Names by a rule: syllables of a consonant and a vowel, and an ending that goes with the last vowel."""
    endings = {"a": ["", "n", "r"], "e": ["l", "n", ""], "i": ["s", "a", ""], "o": ["n", "r"], "u": ["s", "m"]}
    found = []
    for _ in range(count):
        name = "".join(rng.choice([*"bdklmnrsv"]) + rng.choice([*"aeiou"]) for _ in range(rng.integers(1, 4)))
        found.append(name + rng.choice(endings[name[-1]]))
    return found


def windows(words: list[str]) -> tuple[ge.Tensor, ge.Tensor]:
    """(the numbers of three letters in a row, the number of the letter that follows), for all places of all words."""
    rows = [("." * CONTEXT + word + ".")[k : k + CONTEXT + 1] for word in words for k in range(len(word) + 1)]
    numbers = ge.tensor([[LETTERS.index(letter) for letter in row] for row in rows])
    return numbers[:, :CONTEXT], numbers[:, CONTEXT]


def made_up(model: nn.Module, rng: np.random.Generator) -> str:
    """A name drawn from the model, letter by letter."""
    name = "." * CONTEXT
    while len(name) < 20 and (len(name) == CONTEXT or name[-1] != "."):
        last = ge.tensor([[LETTERS.index(letter) for letter in name[-CONTEXT:]]])
        chances = F.softmax(model(last), dim=1)
        name += LETTERS[ge.multinomial(chances, num_samples=1, generator=rng).item()]
    return name.strip(".")


def main(options: Namespace) -> ge.Tensor:
    """The loss over four places, after training."""
    rng = np.random.default_rng(options.seed)
    ge.manual_seed(options.seed)
    words = names(400, rng)
    x, y = windows(words)

    size, width, hidden = len(LETTERS), 6, 64
    model = nn.Sequential(
        nn.Embedding(size, width), nn.Flatten(), nn.Linear(CONTEXT * width, hidden, bias=False),
        nn.BatchNorm1d(hidden), nn.Tanh(), nn.Linear(hidden, size),
    )  # fmt: skip
    model[5].weight.data *= 40 if options.wild else 0.3  # nearly even chances at first: the loss begins near ln(16)
    if options.wild:
        model[3].weight.data *= 20  # nearly every unit of tanh at its end, where it has no slope
    optimizer = optim.Adam(model.parameters(), lr=0.002)
    with ge.watch(model, optimizer=optimizer) as watched:
        loss = F.cross_entropy(model(x[:200]), y[:200])
        loss.backward()
        optimizer.step()
    print(f"at the start the loss is {loss.item():.2f}; of even chances it is {np.log(size):.2f}\n")
    print(watched.report())

    for _ in (bar := track(range(options.steps), "training")):
        places = ge.randint(0, len(x), (64,))
        loss = F.cross_entropy(model(x[places]), y[places])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        bar.show(loss=loss.item())

    model.eval()
    with ge.no_grad():
        print(f"\nloss over all {len(x)} places: {F.cross_entropy(model(x), y).item():.2f}")
        print("made up:", ", ".join(made_up(model, rng) for _ in range(8)))
    model.train()
    model.zero_grad()
    loss = F.cross_entropy(model(x[:4]), y[:4])
    loss.backward(retain_graph=True)
    return loss


if __name__ == "__main__":
    wild = {"action": "store_true", "help": "begin with weights that are far too large"}
    run(main, "loss = cross_entropy(model(x), y)", steps=400, wild=wild)
