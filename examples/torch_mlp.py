"""A two-layer PyTorch model and its loss: PyTorch computes, and its graph goes the same way as ours."""

from examples._command import needed, show
from grad_engine.interop import from_torch

torch = needed("torch")

model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
weights = {
    "0.weight": [[1.0, -1.0], [0.5, 2.0], [-1.0, 1.0]],
    "0.bias": [0.0, -1.0, 0.5],
    "2.weight": [[1.0, 0.5, -1.0], [-0.5, 1.0, 0.5]],
    "2.bias": [0.0, 0.5],
}
model.load_state_dict({name: torch.tensor(numbers) for name, numbers in weights.items()})

x = torch.tensor([[1.0, 2.0], [-1.0, 1.0], [2.0, 0.5], [0.5, -1.0]])
y = torch.tensor([1, 1, 0, 0])


def of_the_batch():
    """The loss, computed anew."""
    return torch.nn.functional.cross_entropy(model(x), y)


loss = of_the_batch()

# PyTorch keeps what backward needs and forgets the rest. The names of variables give back what they still hold. With
# `rerun` one weight is nudged: what that does to the loss stands beside its gradient.
record = from_torch(loss, model=model, rerun=of_the_batch)

if __name__ == "__main__":
    show(record, names=locals())
