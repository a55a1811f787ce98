"""A small GPT of two blocks learns to write sentences of a little grammar, letter by letter."""

from argparse import Namespace

import numpy as np

import grad_engine as ge
from examples._training import run
from grad_engine import nn, optim
from grad_engine.nn import functional as F
from grad_engine.progress import track

PLACES, WIDTH, HEADS, BLOCKS = 32, 32, 4, 2


def sentences(count: int, rng: np.random.Generator) -> str:
    """Sentences by a rule: who does what to whom; who is many has a verb without s."""
    nouns, verbs, colours = ["cat", "dog", "fox", "hen"], ["see", "like", "meet"], ["red", "old", "sly"]
    found = []
    for _ in range(count):
        many = rng.random() < 0.5
        who, what, whom = rng.choice(nouns), rng.choice(verbs), rng.choice(nouns)
        verb = what if many else what + "s"
        found.append(f"the {who}{'s' * many} {verb} a {rng.choice(colours)} {whom}.")
    return " ".join(found)


class Attention(nn.Module):
    """Each place takes the mean of the values at the places up to it, weighted by how well their keys fit."""

    def __init__(self) -> None:
        self.queries, self.keys, self.values = (nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(3))
        self.out = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: ge.Tensor) -> ge.Tensor:
        parts = (part(x).view(*x.shape[:2], HEADS, -1) for part in (self.queries, self.keys, self.values))
        heads = F.scaled_dot_product_attention(*(part.swapaxes(1, 2) for part in parts), is_causal=True)
        return self.out(heads.swapaxes(1, 2).reshape(x.shape))


class Block(nn.Module):
    """Attention, and a network for each place, each added to what came in."""

    def __init__(self) -> None:
        self.attention, self.before, self.between = Attention(), nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.network = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, x: ge.Tensor) -> ge.Tensor:
        x = x + self.attention(self.before(x))
        return x + self.network(self.between(x))


class GPT(nn.Module):
    """For each place of x (batch, places) the scores of the letter that follows."""

    def __init__(self, letters: int) -> None:
        self.letter, self.place = nn.Embedding(letters, WIDTH), nn.Embedding(PLACES, WIDTH)
        self.blocks = nn.Sequential(*(Block() for _ in range(BLOCKS)))
        self.norm, self.scores = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, letters)

    def forward(self, x: ge.Tensor) -> ge.Tensor:
        h = self.letter(x) + self.place(ge.arange(x.shape[1]))
        return self.scores(self.norm(self.blocks(h)))


def main(options: Namespace) -> ge.Tensor:
    """The loss over eight letters, after training."""
    rng = np.random.default_rng(options.seed)
    ge.manual_seed(options.seed)
    letters = sorted({*(text := sentences(400, rng))})
    numbers = ge.tensor([letters.index(letter) for letter in text])

    model = GPT(len(letters))

    def loss_of(rows: ge.Tensor) -> ge.Tensor:
        return F.cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())

    optimizer = optim.AdamW(model.parameters(), lr=3e-3)
    for _ in (bar := track(range(options.steps), "training")):
        loss = loss_of(numbers[rng.integers(0, len(text) - PLACES, (16, 1)) + np.arange(PLACES + 1)])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        bar.show(loss=loss.item())

    written = [letters.index("t")]
    while len(written) < 100:
        scores = model(ge.tensor([written[-PLACES:]]))[0, -1].detach()
        written.append(ge.multinomial(F.softmax(scores, dim=-1), 1, generator=rng).item())
    print("".join(letters[number] for number in written))
    model.zero_grad()
    loss = loss_of(numbers[:9].reshape(1, -1))
    loss.backward(retain_graph=True)
    return loss


if __name__ == "__main__":
    run(main, "loss = cross_entropy(model(x), y)", steps=1000)
