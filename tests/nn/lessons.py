"""Lessons as courses in PyTorch have them, each as the source that both engines run, with PyTorch's spelling.

`start(name, *shape)` and `whole(name, below, *shape)` give the same random numbers to both, `begun(module)` the same
first parameters. The constants at the top of a lesson are small, for tests; LARGE has those of a lesson, for timing.
Each lesson leaves its losses in `losses`.
"""

from __future__ import annotations

import re
import zlib
from types import CodeType
from typing import Any

import numpy as np

LESSONS = {
    "bigrams": """
count, max_steps = 60, 5
xs, ys = torch.tensor(whole("xs", 27, count)), torch.tensor(whole("ys", 27, count))
W = torch.tensor(start("W", 27, 27), requires_grad=True)
for k in range(max_steps):
    xenc = F.one_hot(xs, num_classes=27).to(W.dtype)
    logits = xenc @ W
    counts = logits.exp()
    probs = counts / counts.sum(1, keepdim=True)
    loss = -probs[torch.arange(count), ys].log().mean() + 0.01 * (W**2).mean()
    W.grad = None
    loss.backward()
    W.data += -50 * W.grad
    losses.append(loss.item())
""",
    "characters": """
batch_size, n_embd, n_hidden, max_steps = 8, 10, 50, 8
X = torch.tensor(whole("X", 27, max_steps * batch_size, 3)); Y = torch.tensor(whole("Y", 27, max_steps * batch_size))
C = torch.tensor(start("C", 27, n_embd))
W1 = torch.tensor(start("W1", n_embd * 3, n_hidden)) * (5 / 3) / ((n_embd * 3) ** 0.5)
W2, b2 = torch.tensor(start("W2", n_hidden, 27)) * 0.1, torch.zeros(27)
bngain, bnbias = torch.ones((1, n_hidden)), torch.zeros((1, n_hidden))
bnmean_running, bnvar_running = torch.zeros((1, n_hidden)), torch.ones((1, n_hidden))
parameters = [C, W1, W2, b2, bngain, bnbias]
for p in parameters:
    p.requires_grad = True
for i in range(max_steps):
    ix = torch.arange(i * batch_size, i * batch_size + batch_size)
    emb = C[X[ix]]
    hpreact = emb.view(emb.shape[0], -1) @ W1
    bnmean = hpreact.mean(0, keepdim=True)
    bnvar = hpreact.var(0, keepdim=True, unbiased=True)
    h = torch.tanh(bngain * (hpreact - bnmean) / torch.sqrt(bnvar + 1e-5) + bnbias)
    with torch.no_grad():
        bnmean_running = 0.999 * bnmean_running + 0.001 * bnmean
        bnvar_running = 0.999 * bnvar_running + 0.001 * bnvar
    loss = F.cross_entropy(h @ W2 + b2, Y[ix])
    for p in parameters:
        p.grad = None
    loss.backward()
    for p in parameters:
        p.data += -0.1 * p.grad
    losses.append(loss.item())
losses.append((h.abs() > 0.9).to(C.dtype).mean().item())
losses.append(bnmean_running.sum().item())
""",
    "backprop_by_hand": """
n, n_embd, n_hidden, max_steps = 8, 4, 16, 4
X = torch.tensor(whole("X", 27, n, 3)); Y = torch.tensor(whole("Y", 27, n))
C = torch.tensor(start("C", 27, n_embd))
W1, b1 = torch.tensor(start("W1", n_embd * 3, n_hidden)) * 0.3, torch.tensor(start("b1", n_hidden)) * 0.1
W2, b2 = torch.tensor(start("W2", n_hidden, 27)) * 0.1, torch.tensor(start("b2", 27)) * 0.1
bngain, bnbias = torch.tensor(start("g", 1, n_hidden)) * 0.1 + 1.0, torch.tensor(start("b", 1, n_hidden)) * 0.1
parameters = [C, W1, b1, W2, b2, bngain, bnbias]
with torch.no_grad():
    for i in range(max_steps):
        emb = C[X]
        embcat = emb.view(emb.shape[0], -1)
        hprebn = embcat @ W1 + b1
        bnmean = hprebn.mean(0, keepdim=True)
        bnvar = hprebn.var(0, keepdim=True, unbiased=True)
        bnvar_inv = (bnvar + 1e-5) ** -0.5
        bnraw = (hprebn - bnmean) * bnvar_inv
        hpreact = bngain * bnraw + bnbias
        h = torch.tanh(hpreact)
        logits = h @ W2 + b2
        loss = F.cross_entropy(logits, Y)
        dlogits = F.softmax(logits, 1)
        dlogits[range(n), Y] -= 1
        dlogits /= n
        dh = dlogits @ W2.T
        dW2 = h.T @ dlogits
        db2 = dlogits.sum(0)
        dhpreact = (1.0 - h**2) * dh
        dbngain = (bnraw * dhpreact).sum(0, keepdim=True)
        dbnbias = dhpreact.sum(0, keepdim=True)
        dhprebn = bngain * bnvar_inv / n * (
            n * dhpreact - dhpreact.sum(0) - n / (n - 1) * bnraw * (dhpreact * bnraw).sum(0)
        )
        dembcat = dhprebn @ W1.T
        dW1 = embcat.T @ dhprebn
        db1 = dhprebn.sum(0)
        demb = dembcat.view(emb.shape)
        dC = torch.zeros_like(C)
        dC.index_add_(0, X.view(-1), demb.view(-1, n_embd))
        for p, grad in zip(parameters, [dC, dW1, db1, dW2, db2, dbngain, dbnbias]):
            p.data += -0.1 * grad
        losses.append(loss.item())
""",
    "wavenet": """
batch_size, n_embd, n_hidden, max_steps = 6, 5, 12, 5

class FlattenConsecutive:
    def __init__(self, n):
        self.n = n

    def __call__(self, x):
        B, T, C = x.shape
        x = x.view(B, T // self.n, C * self.n)
        if x.shape[1] == 1:
            x = x.squeeze(1)
        self.out = x
        return self.out

    def parameters(self):
        return []

class BatchNorm1d:
    def __init__(self, dim, eps=1e-5, momentum=0.1):
        self.eps, self.momentum, self.training = eps, momentum, True
        self.gamma, self.beta = torch.ones(dim), torch.zeros(dim)
        self.running_mean, self.running_var = torch.zeros(dim), torch.ones(dim)

    def __call__(self, x):
        if self.training:
            dim = 0 if x.ndim == 2 else (0, 1)
            xmean, xvar = x.mean(dim, keepdim=True), x.var(dim, keepdim=True, unbiased=True)
        else:
            xmean, xvar = self.running_mean, self.running_var
        xhat = (x - xmean) / torch.sqrt(xvar + self.eps)
        self.out = self.gamma * xhat + self.beta
        if self.training:
            with torch.no_grad():
                self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * xmean
                self.running_var = (1 - self.momentum) * self.running_var + self.momentum * xvar
        return self.out

    def parameters(self):
        return [self.gamma, self.beta]

class Linear:
    def __init__(self, name, fan_in, fan_out):
        self.weight = torch.tensor(start(name, fan_in, fan_out)) / fan_in**0.5

    def __call__(self, x):
        self.out = x @ self.weight
        return self.out

    def parameters(self):
        return [self.weight]

class Tanh:
    def __call__(self, x):
        self.out = torch.tanh(x)
        return self.out

    def parameters(self):
        return []

emb = torch.tensor(start("emb", 27, n_embd))
layers = [
    FlattenConsecutive(2), Linear("l1", n_embd * 2, n_hidden), BatchNorm1d(n_hidden), Tanh(),
    FlattenConsecutive(2), Linear("l2", n_hidden * 2, n_hidden), BatchNorm1d(n_hidden), Tanh(),
    FlattenConsecutive(2), Linear("l3", n_hidden * 2, n_hidden), BatchNorm1d(n_hidden), Tanh(),
    Linear("l4", n_hidden, 27),
]
parameters = [emb] + [p for layer in layers for p in layer.parameters()]
for p in parameters:
    p.requires_grad = True
for i in range(max_steps):
    x = emb[torch.tensor(whole(f"x{i}", 27, batch_size, 8))]
    for layer in layers:
        x = layer(x)
    loss = F.cross_entropy(x, torch.tensor(whole(f"y{i}", 27, batch_size)))
    for p in parameters:
        p.grad = None
    loss.backward()
    lr = 0.1 if i < 150000 else 0.01
    for p in parameters:
        p.data += -lr * p.grad
    losses.append(loss.item())
""",
    "gpt": """
batch_size, block_size, max_iters, n_embd, n_head, n_layer = 3, 6, 6, 8, 2, 2

class Head(nn.Module):
    def __init__(self, head_size):
        super().__init__()
        self.key = nn.Linear(n_embd, head_size, bias=False)
        self.query = nn.Linear(n_embd, head_size, bias=False)
        self.value = nn.Linear(n_embd, head_size, bias=False)
        self.register_buffer("tril", torch.tril(torch.ones(block_size, block_size)))
        self.dropout = nn.Dropout(0.0)

    def forward(self, x):
        B, T, C = x.shape
        k, q = self.key(x), self.query(x)
        wei = q @ k.transpose(-2, -1) * k.shape[-1] ** -0.5
        wei = wei.masked_fill(self.tril[:T, :T] == 0, float("-inf"))
        wei = self.dropout(F.softmax(wei, dim=-1))
        return wei @ self.value(x)

class MultiHeadAttention(nn.Module):
    def __init__(self, num_heads, head_size):
        super().__init__()
        self.heads = nn.ModuleList([Head(head_size) for _ in range(num_heads)])
        self.proj = nn.Linear(n_embd, n_embd)

    def forward(self, x):
        return self.proj(torch.cat([h(x) for h in self.heads], dim=-1))

class FeedForward(nn.Module):
    def __init__(self, n_embd):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(n_embd, 4 * n_embd), nn.ReLU(), nn.Linear(4 * n_embd, n_embd))

    def forward(self, x):
        return self.net(x)

class Block(nn.Module):
    def __init__(self, n_embd, n_head):
        super().__init__()
        self.sa = MultiHeadAttention(n_head, n_embd // n_head)
        self.ffwd = FeedForward(n_embd)
        self.ln1, self.ln2 = nn.LayerNorm(n_embd), nn.LayerNorm(n_embd)

    def forward(self, x):
        x = x + self.sa(self.ln1(x))
        return x + self.ffwd(self.ln2(x))

class GPTLanguageModel(nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.token_embedding_table = nn.Embedding(vocab_size, n_embd)
        self.position_embedding_table = nn.Embedding(block_size, n_embd)
        self.blocks = nn.Sequential(*[Block(n_embd, n_head=n_head) for _ in range(n_layer)])
        self.ln_f = nn.LayerNorm(n_embd)
        self.lm_head = nn.Linear(n_embd, vocab_size)

    def forward(self, idx, targets=None):
        B, T = idx.shape
        x = self.token_embedding_table(idx) + self.position_embedding_table(torch.arange(T, device="cpu"))
        logits = self.lm_head(self.ln_f(self.blocks(x)))
        if targets is None:
            return logits, None
        B, T, C = logits.shape
        return logits, F.cross_entropy(logits.view(B * T, C), targets.view(B * T))

data = torch.tensor(whole("data", 65, 2000), dtype=torch.long)
model = begun(GPTLanguageModel(65))
m = model.to("cpu")
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for it in range(max_iters):
    ix = whole(f"ix{it}", len(data) - block_size, batch_size).tolist()
    xb = torch.stack([data[i : i + block_size] for i in ix])
    yb = torch.stack([data[i + 1 : i + block_size + 1] for i in ix])
    logits, loss = model(xb, yb)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
""",
    "svm": """
N, D, classes, num_iters = 12, 20, 5, 6
X, y = torch.tensor(start("X", N, D)), torch.tensor(whole("y", classes, N))
W = torch.tensor(start("W", D, classes)) * 0.01
W.requires_grad_()
for it in range(num_iters):
    scores = X.mm(W)
    correct = scores[torch.arange(N), y].view(-1, 1)
    margin = (scores - correct + 1).clamp(min=0)
    mask = torch.ones_like(margin)
    mask[torch.arange(N), y] = 0
    loss = (margin * mask).sum() / N + 2.5e-3 * torch.sum(W * W)
    loss.backward()
    with torch.no_grad():
        W -= 1e-2 * W.grad
        W.grad.zero_()
    losses.append(loss.item())
""",
    "two_layers": """
N, D_in, H, D_out, epochs = 8, 30, 12, 4, 6
x, y = torch.tensor(start("x", N, D_in)), torch.tensor(start("y", N, D_out))
w1 = torch.tensor(start("w1", D_in, H), requires_grad=True)
w2 = torch.tensor(start("w2", H, D_out), requires_grad=True)
learning_rate = 1e-6
for t in range(epochs):
    y_pred = x.mm(w1).clamp(min=0).mm(w2)
    loss = (y_pred - y).pow(2).sum()
    losses.append(loss.item())
    loss.backward()
    with torch.no_grad():
        w1 -= learning_rate * w1.grad
        w2 -= learning_rate * w2.grad
        w1.grad.zero_()
        w2.grad.zero_()
""",
    "classifier": """
batch_size, hidden, epochs, batches = 8, 16, 2, 3
X, y = torch.tensor(start("X", batches * batch_size, 1, 28, 28)), torch.tensor(whole("y", 10, batches * batch_size))
train_dataloader = torch.utils.data.DataLoader(
    torch.utils.data.TensorDataset(X, y), batch_size=batch_size, shuffle=False
)

class NeuralNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.flatten = nn.Flatten()
        self.linear_relu_stack = nn.Sequential(
            nn.Linear(28 * 28, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 10)
        )

    def forward(self, x):
        return self.linear_relu_stack(self.flatten(x))

def train(dataloader, model, loss_fn, optimizer):
    size = len(dataloader.dataset)
    model.train()
    for batch, (X, y) in enumerate(dataloader):
        X, y = X.to("cpu"), y.to("cpu")
        pred = model(X)
        loss = loss_fn(pred, y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        loss, current = loss.item(), (batch + 1) * len(X)
        losses.append(loss)

def test(dataloader, model, loss_fn):
    model.eval()
    test_loss, correct = 0, 0
    with torch.no_grad():
        for X, y in dataloader:
            pred = model(X)
            test_loss += loss_fn(pred, y).item()
            correct += (pred.argmax(1) == y).type(torch.float).sum().item()
    losses.extend([test_loss / len(dataloader), correct / len(dataloader.dataset)])

model = begun(NeuralNetwork())
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
for t in range(epochs):
    train(train_dataloader, model, loss_fn, optimizer)
    test(train_dataloader, model, loss_fn)
""",
    "lenet": """
batch_size, epochs, batches = 4, 2, 3

class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.pool = nn.MaxPool2d(2, 2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 4 * 4, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return F.log_softmax(self.fc3(x), dim=1)

images = torch.tensor(start("images", batches * batch_size, 1, 28, 28))
labels = torch.tensor(whole("labels", 10, batches * batch_size))
net = begun(Net(), 0.1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.7)
for epoch in range(epochs):
    net.train()
    for inputs, target in zip(images.chunk(batches), labels.chunk(batches)):
        optimizer.zero_grad()
        loss = F.nll_loss(net(inputs), target)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()
net.eval()
with torch.no_grad():
    pred = net(images).argmax(dim=1, keepdim=True)
    losses.append(pred.eq(labels.view_as(pred)).sum().item())
""",
    "convolutions": """
batch_size, width, channels, max_steps = 4, 8, 4, 4
model = begun(nn.Sequential(
    nn.Conv2d(3, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(channels, 2 * channels, 3, padding=1, bias=False), nn.BatchNorm2d(2 * channels), nn.ReLU(),
    nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2 * channels, 10),
))
criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4, nesterov=True)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=max_steps)
for i in range(max_steps):
    x, y = torch.tensor(start(f"x{i}", batch_size, 3, width, width)), torch.tensor(whole(f"y{i}", 10, batch_size))
    optimizer.zero_grad()
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    scheduler.step()
    losses.append(loss.item())
model.eval()
losses.append(model(x).sum().item())
""",
    "captions": """
N, T, D, H, V, max_steps = 4, 5, 6, 7, 9, 4
cnn, embed = begun(nn.Linear(10, H)), begun(nn.Embedding(V, D, padding_idx=0))
lstm, out = begun(nn.LSTM(D, H, batch_first=True)), begun(nn.Linear(H, V))
parameters = [p for part in (cnn, embed, lstm, out) for p in part.parameters()]
optimizer = torch.optim.Adam(parameters, lr=0.01)
criterion = nn.CrossEntropyLoss(ignore_index=0)
features, captions = torch.tensor(start("features", N, 10)), torch.tensor(whole("captions", V, N, T + 1))
for i in range(max_steps):
    h0 = cnn(features).unsqueeze(0)
    hidden, (hn, cn) = lstm(embed(captions[:, :-1]), (h0, torch.zeros_like(h0)))
    logits = out(hidden)
    loss = criterion(logits.reshape(-1, V), captions[:, 1:].reshape(-1))
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parameters, 5.0)
    optimizer.step()
    losses.append(loss.item())
""",
    "recurrent": """
n_letters, n_hidden, n_categories, length, max_steps = 12, 9, 4, 5, 4
learning_rate = 0.005

class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, output_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size + hidden_size, hidden_size)
        self.h2o = nn.Linear(hidden_size, output_size)
        self.softmax = nn.LogSoftmax(dim=1)

    def forward(self, input, hidden):
        combined = torch.cat((input, hidden), 1)
        hidden = torch.tanh(self.i2h(combined))
        return self.softmax(self.h2o(hidden)), hidden

    def initHidden(self):
        return torch.zeros(1, self.hidden_size)

rnn = begun(RNN(n_letters, n_hidden, n_categories), 0.2)
criterion = nn.NLLLoss()
for i in range(max_steps):
    line_tensor = torch.zeros(length, 1, n_letters)
    for li, letter in enumerate(whole(f"line{i}", n_letters, length).tolist()):
        line_tensor[li][0][letter] = 1
    hidden = rnn.initHidden()
    rnn.zero_grad()
    for k in range(line_tensor.size()[0]):
        output, hidden = rnn(line_tensor[k], hidden)
    loss = criterion(output, torch.tensor([i % n_categories], dtype=torch.long))
    loss.backward()
    for p in rnn.parameters():
        p.data.add_(p.grad.data, alpha=-learning_rate)
    topv, topi = output.topk(1)
    losses.extend([loss.item(), topi[0].item()])
""",
    "translation": """
N, S, d_model, nhead, V, max_steps = 3, 5, 8, 2, 11, 4
embed, out = begun(nn.Embedding(V, d_model)), begun(nn.Linear(d_model, V))
encoder = begun(nn.TransformerEncoderLayer(d_model, nhead, 2 * d_model, 0.0, batch_first=True))
attention = begun(nn.MultiheadAttention(d_model, nhead, batch_first=True))
parameters = [p for part in (embed, encoder, attention, out) for p in part.parameters()]
optimizer = torch.optim.Adam(parameters, lr=1e-3, betas=(0.9, 0.98), eps=1e-9)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min((step + 1) ** -0.5, (step + 1) * 10**-1.5))
mask = torch.triu(torch.ones(S, S), diagonal=1).bool()
for i in range(max_steps):
    src, tgt = torch.tensor(whole(f"src{i}", V, N, S)), torch.tensor(whole(f"tgt{i}", V, N, S + 1))
    memory = encoder(embed(src) * d_model**0.5)
    query = embed(tgt[:, :-1])
    query = query + attention(query, query, query, attn_mask=mask, need_weights=False)[0]
    decoded, weights = attention(query, memory, memory)
    loss = F.cross_entropy(out(decoded).flatten(0, 1), tgt[:, 1:].flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    losses.extend([loss.item(), weights.sum().item()])
""",
    "oscillator": """
points, hidden, epochs = 20, 12, 5
net = begun(nn.Sequential(nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh(), nn.Linear(hidden, 1)))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
t = torch.linspace(0, 1, steps=points).view(-1, 1).requires_grad_(True)
t0 = torch.tensor(0.0).view(-1, 1).requires_grad_(True)
for i in range(epochs):
    optimizer.zero_grad()
    u0 = net(t0)
    du0 = torch.autograd.grad(u0, t0, torch.ones_like(u0), create_graph=True)[0]
    u = net(t)
    du = torch.autograd.grad(u, t, torch.ones_like(u), create_graph=True)[0]
    d2u = torch.autograd.grad(du, t, torch.ones_like(du), create_graph=True)[0]
    physics = torch.mean((d2u + 4 * du + 40 * u) ** 2)
    loss = (torch.squeeze(u0) - 1) ** 2 + 0.1 * torch.squeeze(du0) ** 2 + 1e-2 * physics
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
""",
    "autoencoder": """
batch_size, pixels, hidden, latent, max_steps = 6, 12, 8, 3, 5

class VAE(nn.Module):
    def __init__(self):
        super(VAE, self).__init__()
        self.fc1 = nn.Linear(pixels, hidden)
        self.fc21, self.fc22 = nn.Linear(hidden, latent), nn.Linear(hidden, latent)
        self.fc3, self.fc4 = nn.Linear(latent, hidden), nn.Linear(hidden, pixels)

    def encode(self, x):
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu, logvar, eps):
        std = torch.exp(0.5 * logvar)
        return mu + eps * std

    def decode(self, z):
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z))))

    def forward(self, x, eps):
        mu, logvar = self.encode(x.view(-1, pixels))
        return self.decode(self.reparameterize(mu, logvar, eps)), mu, logvar

def loss_function(recon_x, x, mu, logvar):
    BCE = F.binary_cross_entropy(recon_x, x.view(-1, pixels), reduction="sum")
    KLD = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return BCE + KLD

model = begun(VAE(), 0.1)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
x = torch.sigmoid(torch.tensor(start("x", batch_size, pixels)))
for i in range(max_steps):
    optimizer.zero_grad()
    recon, mu, logvar = model(x, torch.tensor(start(f"eps{i}", batch_size, latent)))
    loss = loss_function(recon, x, mu, logvar)
    loss.backward()
    losses.append(loss.item())
    optimizer.step()
""",
    "q_learning": """
BATCH_SIZE, hidden, max_steps = 6, 10, 5
GAMMA, TAU = 0.99, 0.005

class DQN(nn.Module):
    def __init__(self, n_observations, n_actions):
        super(DQN, self).__init__()
        self.layer1 = nn.Linear(n_observations, hidden)
        self.layer2 = nn.Linear(hidden, hidden)
        self.layer3 = nn.Linear(hidden, n_actions)

    def forward(self, x):
        x = F.relu(self.layer1(x))
        x = F.relu(self.layer2(x))
        return self.layer3(x)

policy_net, target_net = begun(DQN(4, 2), 0.3), DQN(4, 2)
target_net.load_state_dict(policy_net.state_dict())
optimizer = torch.optim.AdamW(policy_net.parameters(), lr=1e-3, amsgrad=True)
for i in range(max_steps):
    with torch.no_grad():
        action = policy_net(torch.tensor(start(f"state{i}", 1, 4))).max(1).indices.view(1, 1)
    state_batch = torch.tensor(start(f"states{i}", BATCH_SIZE, 4))
    action_batch = torch.tensor(whole(f"actions{i}", 2, BATCH_SIZE, 1))
    reward_batch = torch.tensor(start(f"rewards{i}", BATCH_SIZE))
    non_final_mask = torch.tensor(whole(f"final{i}", 4, BATCH_SIZE) > 0)
    non_final_next_states = torch.tensor(start(f"next{i}", BATCH_SIZE, 4))[non_final_mask]
    state_action_values = policy_net(state_batch).gather(1, action_batch)
    next_state_values = torch.zeros(BATCH_SIZE)
    with torch.no_grad():
        next_state_values[non_final_mask] = target_net(non_final_next_states).max(1).values
    expected_state_action_values = (next_state_values * GAMMA) + reward_batch
    criterion = nn.SmoothL1Loss()
    loss = criterion(state_action_values, expected_state_action_values.unsqueeze(1))
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_value_(policy_net.parameters(), 100)
    optimizer.step()
    target_net_state_dict = target_net.state_dict()
    policy_net_state_dict = policy_net.state_dict()
    for key in policy_net_state_dict:
        target_net_state_dict[key] = policy_net_state_dict[key] * TAU + target_net_state_dict[key] * (1 - TAU)
    target_net.load_state_dict(target_net_state_dict)
    losses.extend([loss.item(), action.item()])
""",
    "adversaries": """
batch_size, latent, hidden, pixels, max_steps = 5, 4, 10, 12, 4
netG = begun(nn.Sequential(
    nn.Linear(latent, hidden), nn.BatchNorm1d(hidden), nn.ReLU(True), nn.Linear(hidden, pixels), nn.Tanh()
))
netD = begun(nn.Sequential(
    nn.Linear(pixels, hidden), nn.LeakyReLU(0.2, inplace=True), nn.Linear(hidden, 1), nn.Sigmoid()
))
criterion = nn.BCELoss()
optimizerD = torch.optim.Adam(netD.parameters(), lr=0.002, betas=(0.5, 0.999))
optimizerG = torch.optim.Adam(netG.parameters(), lr=0.002, betas=(0.5, 0.999))
for i in range(max_steps):
    netD.zero_grad()
    real = torch.tensor(start(f"real{i}", batch_size, pixels))
    label = torch.full((batch_size,), 1.0)
    output = netD(real).view(-1)
    errD_real = criterion(output, label)
    errD_real.backward()
    D_x = output.mean().item()
    fake = netG(torch.tensor(start(f"noise{i}", batch_size, latent)))
    label.fill_(0.0)
    output = netD(fake.detach()).view(-1)
    errD_fake = criterion(output, label)
    errD_fake.backward()
    errD = errD_real + errD_fake
    optimizerD.step()
    netG.zero_grad()
    label.fill_(1.0)
    errG = criterion(netD(fake).view(-1), label)
    errG.backward()
    optimizerG.step()
    losses.extend([errD.item(), errG.item(), D_x])
""",
    "copying": """
n, length, d_model, max_steps = 4, 5, 8, 4

class Seq2SeqTransformer(nn.Module):
    def __init__(self, vocab=11):
        super().__init__()
        self.transformer = nn.Transformer(d_model=d_model, nhead=2, num_encoder_layers=2, num_decoder_layers=2,
                                          dim_feedforward=2 * d_model, dropout=0.0)
        self.tok_emb = nn.Embedding(vocab, d_model)
        self.generator = nn.Linear(d_model, vocab)

    def forward(self, src, tgt, tgt_mask, padding):
        outs = self.transformer(self.tok_emb(src), self.tok_emb(tgt), None, tgt_mask, None, padding, None, padding)
        return self.generator(outs)

model = begun(Seq2SeqTransformer())
optimizer = torch.optim.Adam(model.parameters(), lr=0.01, betas=(0.9, 0.98), eps=1e-9)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min((s + 1) ** -0.5, (s + 1) * 4**-1.5))
for step in range(max_steps):
    src = torch.tensor(whole(f"src{step}", 8, length, n)) + 3
    src[-1, ::2] = 0
    tgt = torch.cat([torch.full((1, n), 1, dtype=torch.long), src], dim=0)
    tgt_mask = nn.Transformer.generate_square_subsequent_mask(length)
    logits = model(src, tgt[:-1], tgt_mask, (src == 0).T)
    loss = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), tgt[1:].reshape(-1), ignore_index=0)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
    optimizer.step()
    scheduler.step()
    losses.append(loss.item())
""",
    "sentiment": """
batch, longest, hidden, max_steps = 4, 6, 5, 4

class SentimentLSTM(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 8, padding_idx=0)
        self.lstm = nn.LSTM(8, hidden, num_layers=2, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(2 * hidden, 1)

    def forward(self, text, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(
            self.embedding(text), lengths.cpu(), batch_first=True, enforce_sorted=False)
        packed_out, (hidden, cell) = self.lstm(packed)
        out, out_lengths = nn.utils.rnn.pad_packed_sequence(packed_out, batch_first=True)
        mask = (text[:, :out.size(1)] != 0).unsqueeze(-1)
        pooled = (out * mask).sum(1) / out_lengths.unsqueeze(1)
        return self.fc(torch.cat((hidden[-2], hidden[-1]), dim=1) + pooled).squeeze(1)

model = begun(SentimentLSTM())
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=1e-2)
for step in range(max_steps):
    lengths = torch.tensor(whole(f"lengths{step}", longest, batch)) + 1
    words = [torch.tensor(whole(f"words{step}.{k}", 19, int(n))) + 1 for k, n in enumerate(lengths)]
    texts = nn.utils.rnn.pad_sequence(words, batch_first=True)
    labels = torch.tensor(whole(f"labels{step}", 2, batch)).to(torch.get_default_dtype())
    preds = model(texts, lengths)
    loss = F.binary_cross_entropy_with_logits(preds, labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    rounded = torch.round(torch.sigmoid(preds))
    losses += [loss.item(), (rounded == labels).to(preds.dtype).mean().item()]
""",
    "actor_critic": """
states, hidden, episodes = 6, 8, 3
gamma = 0.99

class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.affine1 = nn.Linear(states, hidden)
        self.action_head = nn.Linear(hidden, 2)
        self.value_head = nn.Linear(hidden, 1)

    def forward(self, x):
        x = F.relu(self.affine1(x))
        return F.softmax(self.action_head(x), dim=-1), self.value_head(x)

model = begun(Policy())
optimizer = torch.optim.Adam(model.parameters(), lr=3e-2)
for episode in range(episodes):
    at, saved, rewards, entropies = 2, [], [], []
    for t, action in enumerate(whole(f"actions{episode}", 2, 10)):
        state = torch.zeros(states)
        state[at] = 1
        probs, value = model(state)
        m = torch.distributions.Categorical(probs)
        action = torch.tensor(action)
        saved.append((m.log_prob(action), value))
        entropies.append(m.entropy())
        at = min(states - 1, max(0, at + (1 if action.item() == 1 else -1)))
        rewards.append(1.0 if at == states - 1 else -0.1)
    R, returns = 0, []
    for r in rewards[::-1]:
        R = r + gamma * R
        returns.insert(0, R)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std(unbiased=True) + 1e-6)
    policy_losses, value_losses = [], []
    for (log_prob, value), R in zip(saved, returns):
        policy_losses.append(-log_prob * (R - value.item()))
        value_losses.append(F.smooth_l1_loss(value, torch.tensor([R])))
    optimizer.zero_grad()
    loss = torch.stack(policy_losses).sum() + torch.stack(value_losses).sum() - 0.01 * torch.stack(entropies).sum()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
""",
    "meta_learning": """
shots, hidden, max_steps = 5, 8, 3

def forward(params, x):
    x = torch.tanh(F.linear(x, params["0.weight"], params["0.bias"]))
    return F.linear(x, params["2.weight"], params["2.bias"])

net = begun(nn.Sequential(nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, 1)))
meta_opt = torch.optim.Adam(net.parameters(), lr=1e-2)
for it in range(max_steps):
    meta_loss = 0.0
    for task in range(2):
        xs, xq = torch.tensor(start(f"xs{it}{task}", shots, 1)), torch.tensor(start(f"xq{it}{task}", shots, 1))
        fast = {name: p for name, p in net.named_parameters()}
        for inner in range(2):
            loss = F.mse_loss(forward(fast, xs), torch.sin(xs + task))
            grads = torch.autograd.grad(loss, tuple(fast.values()), create_graph=True)
            fast = {name: p - 0.01 * g for (name, p), g in zip(fast.items(), grads)}
        meta_loss = meta_loss + F.mse_loss(torch.func.functional_call(net, fast, (xq,)), torch.sin(xq + task))
    meta_opt.zero_grad()
    meta_loss.backward()
    meta_opt.step()
    losses.append(meta_loss.item())
""",
    "mixture": """
points, hidden, max_steps = 12, 8, 4

class MDN(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.utils.weight_norm(nn.Linear(1, hidden)), nn.Tanh())
        self.z_pi, self.z_mu, self.z_sigma = nn.Linear(hidden, 3), nn.Linear(hidden, 3), nn.Linear(hidden, 3)

    def forward(self, x):
        h = self.body(x)
        return F.softmax(self.z_pi(h), -1), self.z_mu(h), torch.exp(self.z_sigma(h))

model = begun(MDN())
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=max_steps)
x, noise = torch.tensor(start("x", points, 1)), torch.tensor(start("noise", points))
for step in range(max_steps):
    pi, mu, sigma = model(x)
    D = torch.distributions
    mix = D.MixtureSameFamily(D.Categorical(probs=pi), D.Normal(mu, sigma))
    prior = D.Normal(torch.zeros(3), torch.ones(3))
    loss = -mix.log_prob(torch.sin(3 * x[:, 0]) + 0.1 * noise).mean()
    loss = loss + 1e-3 * D.kl_divergence(D.Normal(mu, sigma), prior).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    losses.append(loss.item())
""",
    "style": """
size, channels, max_iter = 6, 4, 6

def gram_matrix(input):
    a, b, c, d = input.size()
    features = input.view(a * b, c * d)
    return torch.mm(features, features.t()).div(a * b * c * d)

cnn = begun(nn.Sequential(nn.Conv2d(3, channels, 3, padding=1), nn.ReLU(inplace=False), nn.Conv2d(channels, 4, 3)))
cnn.eval().requires_grad_(False)
style, content = torch.tensor(start("style", 1, 3, size, size)), torch.tensor(start("content", 1, 3, size, size))
input_img = content.clone().requires_grad_(True)
targets = [gram_matrix(cnn[:2](style)).detach(), cnn(content).detach()]
optimizer = torch.optim.LBFGS([input_img], max_iter=max_iter, line_search_fn="strong_wolfe")

def closure():
    optimizer.zero_grad()
    loss = 100 * F.mse_loss(gram_matrix(cnn[:2](input_img)), targets[0]) + F.mse_loss(cnn(input_img), targets[1])
    loss.backward()
    losses.append(loss.item())
    return loss

optimizer.step(closure)
""",
}

# The sizes that courses use, for timing.
LARGE = {
    "bigrams": "count, max_steps = 500, 60",
    "characters": "batch_size, n_embd, n_hidden, max_steps = 32, 10, 200, 150",
    "backprop_by_hand": "n, n_embd, n_hidden, max_steps = 32, 10, 64, 100",
    "wavenet": "batch_size, n_embd, n_hidden, max_steps = 32, 24, 128, 40",
    "gpt": "batch_size, block_size, max_iters, n_embd, n_head, n_layer = 16, 32, 8, 64, 4, 2",
    "svm": "N, D, classes, num_iters = 200, 3073, 10, 40",
    "two_layers": "N, D_in, H, D_out, epochs = 64, 1000, 100, 10, 100",
    "classifier": "batch_size, hidden, epochs, batches = 64, 512, 1, 12",
    "lenet": "batch_size, epochs, batches = 16, 1, 12",
    "convolutions": "batch_size, width, channels, max_steps = 16, 16, 16, 8",
    "captions": "N, T, D, H, V, max_steps = 25, 16, 64, 128, 500, 10",
    "recurrent": "n_letters, n_hidden, n_categories, length, max_steps = 57, 128, 18, 8, 30",
    "translation": "N, S, d_model, nhead, V, max_steps = 16, 20, 64, 4, 100, 10",
    "oscillator": "points, hidden, epochs = 30, 32, 30",
    "autoencoder": "batch_size, pixels, hidden, latent, max_steps = 128, 784, 400, 20, 10",
    "q_learning": "BATCH_SIZE, hidden, max_steps = 128, 128, 30",
    "adversaries": "batch_size, latent, hidden, pixels, max_steps = 64, 100, 128, 784, 12",
    "copying": "n, length, d_model, max_steps = 16, 12, 64, 8",
    "sentiment": "batch, longest, hidden, max_steps = 32, 20, 64, 6",
    "actor_critic": "states, hidden, episodes = 6, 128, 10",
    "meta_learning": "shots, hidden, max_steps = 10, 40, 20",
    "mixture": "points, hidden, max_steps = 256, 64, 40",
    "style": "size, channels, max_iter = 24, 16, 10",
}


def compiled(name: str, large: bool = False) -> CodeType:
    """The lesson, with its own constants or those of LARGE."""
    text = LESSONS[name]
    if large:
        text = re.sub(r"\A\n.*", "\n" + LARGE[name], text)
    return compile(text, f"<{name}>", "exec")


def run(lesson: CodeType, engine: Any, dtype: Any = np.float64) -> list[float]:
    """The losses of a lesson, where `engine` (this package or torch) is what it calls torch."""

    def drawn(name: str) -> np.random.Generator:
        return np.random.default_rng(zlib.crc32(name.encode()))

    def start(name: str, *shape: int) -> np.ndarray:
        return drawn(name).standard_normal(shape).astype(dtype)

    def whole(name: str, below: int, *shape: int) -> np.ndarray:
        return drawn(name).integers(0, below, shape)

    def begun(module: Any, scale: float = 0.4) -> Any:
        """The module, of either engine, with the same first values by the names of its parameters."""
        state = module.state_dict()
        state |= {key: engine.tensor(scale * start(key, *value.shape)) for key, value in module.named_parameters()}
        module.load_state_dict(state)
        return module

    names: dict[str, Any] = {
        "torch": engine, "nn": engine.nn, "F": engine.nn.functional, "start": start, "whole": whole, "begun": begun,
        "losses": [],
    }  # fmt: skip
    before = engine.get_default_dtype()
    engine.set_default_dtype(getattr(engine, np.dtype(dtype).name))
    try:
        exec(lesson, names)
    finally:
        engine.set_default_dtype(before)
    return names["losses"]
