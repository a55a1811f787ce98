"""Six lessons as courses in PyTorch have them, each as the source that both engines run, with PyTorch's spelling.

`start(name, *shape)` gives the same random numbers to both. Each lesson ends with its losses in `losses`.
"""

from __future__ import annotations

LESSONS = {
    "characters": """
X = torch.tensor(whole("X", 27, 64, 3)); Y = torch.tensor(whole("Y", 27, 64))
C = torch.tensor(start("C", 27, 10))
W1 = torch.tensor(start("W1", 30, 50)) * (5 / 3) / (30 ** 0.5)
W2, b2 = torch.tensor(start("W2", 50, 27)) * 0.1, torch.zeros(27)
bngain, bnbias = torch.ones((1, 50)), torch.zeros((1, 50))
bnmean_running, bnvar_running = torch.zeros((1, 50)), torch.ones((1, 50))
parameters = [C, W1, W2, b2, bngain, bnbias]
for p in parameters:
    p.requires_grad = True
for i in range(8):
    ix = torch.arange(i * 8, i * 8 + 8)
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
losses.append((h.abs() > 0.9).float().mean().item())
losses.append(bnmean_running.sum().item())
""",
    "gpt": """
class Head(nn.Module):
    def __init__(self, n, size, T):
        super().__init__()
        self.key, self.query = nn.Linear(n, size, bias=False), nn.Linear(n, size, bias=False)
        self.value = nn.Linear(n, size, bias=False)
        self.register_buffer("tril", torch.tril(torch.ones(T, T)))

    def forward(self, x):
        B, T, C = x.shape
        wei = self.query(x) @ self.key(x).transpose(-2, -1) * C ** -0.5
        wei = wei.masked_fill(self.tril[:T, :T] == 0, float("-inf"))
        return F.softmax(wei, dim=-1) @ self.value(x)

class Block(nn.Module):
    def __init__(self, n, heads, T):
        super().__init__()
        self.heads = nn.ModuleList([Head(n, n // heads, T) for _ in range(heads)])
        self.net = nn.Sequential(nn.Linear(n, 4 * n), nn.ReLU(), nn.Linear(4 * n, n))
        self.ln1, self.ln2 = nn.LayerNorm(n), nn.LayerNorm(n)

    def forward(self, x):
        y = self.ln1(x)
        x = x + torch.cat([h(y) for h in self.heads], dim=-1)
        return x + self.net(self.ln2(x))

class GPT(nn.Module):
    def __init__(self, vocabulary, n, T):
        super().__init__()
        self.token, self.place = nn.Embedding(vocabulary, n), nn.Embedding(T, n)
        self.blocks = nn.Sequential(*[Block(n, 2, T) for _ in range(2)])
        self.head = nn.Linear(n, vocabulary)

    def forward(self, idx):
        x = self.token(idx) + self.place(torch.arange(idx.shape[1]))
        return self.head(self.blocks(x))

data = torch.tensor(whole("data", 11, 200), dtype=torch.long)
m = begun(GPT(11, 8, 6)).to("cpu")
optimizer = torch.optim.AdamW(m.parameters(), lr=1e-2)
for i in range(6):
    x = torch.stack([data[j : j + 6] for j in range(i, i + 24, 8)])
    y = torch.stack([data[j + 1 : j + 7] for j in range(i, i + 24, 8)])
    logits = m(x)
    B, T, C = logits.shape
    loss = F.cross_entropy(logits.view(B * T, C), y.view(B * T))
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
""",
    "lenet": """
class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 6, 3, padding=1)
        self.bn, self.pool = nn.BatchNorm2d(6), nn.MaxPool2d(2, 2)
        self.fc = nn.Linear(6 * 2 * 2, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.bn(self.conv2(x))))
        return F.log_softmax(self.fc(torch.flatten(x, 1)), dim=1)

images, labels = torch.tensor(start("images", 12, 1, 10, 10)), torch.tensor(whole("labels", 10, 12))
net = begun(Net())
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.7)
for epoch in range(3):
    net.train()
    for a, b in zip(images.chunk(3), labels.chunk(3)):
        optimizer.zero_grad()
        loss = F.nll_loss(net(a), b)
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
    "captions": """
lstm, embed, out = begun(nn.LSTM(5, 7, batch_first=True)), begun(nn.Embedding(9, 5)), begun(nn.Linear(7, 9))
parameters = [*lstm.parameters(), *embed.parameters(), *out.parameters()]
optimizer = torch.optim.Adam(parameters, lr=0.01)
words = torch.tensor(whole("words", 9, 4, 13))
state = torch.zeros(1, 4, 7), torch.zeros(1, 4, 7)
for i in range(0, 12, 4):
    hidden, state = lstm(embed(words[:, i : i + 4]), state)
    state = tuple(s.detach() for s in state)
    logits = out(hidden)
    loss = nn.CrossEntropyLoss()(logits.reshape(-1, 9), words[:, i + 1 : i + 5].reshape(-1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
""",
    "oscillator": """
net = begun(nn.Sequential(nn.Linear(1, 12), nn.Tanh(), nn.Linear(12, 12), nn.Tanh(), nn.Linear(12, 1)))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
t = torch.linspace(0, 1, steps=20).view(-1, 1).requires_grad_(True)
t0 = torch.tensor(0.0).view(-1, 1).requires_grad_(True)
for i in range(5):
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
class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc21, self.fc22 = nn.Linear(12, 8), nn.Linear(8, 3), nn.Linear(8, 3)
        self.fc3, self.fc4 = nn.Linear(3, 8), nn.Linear(8, 12)

    def encode(self, x):
        h = F.relu(self.fc1(x))
        return self.fc21(h), self.fc22(h)

    def forward(self, x, eps):
        mu, logvar = self.encode(x.view(-1, 12))
        z = mu + eps * torch.exp(0.5 * logvar)
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z)))), mu, logvar

model = begun(VAE())
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
x = torch.sigmoid(torch.tensor(start("x", 6, 3, 4)))
for i in range(5):
    optimizer.zero_grad()
    recon, mu, logvar = model(x, torch.tensor(start(f"eps{i}", 6, 3)))
    bce = F.binary_cross_entropy(recon, x.view(-1, 12), reduction="sum")
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    loss = bce + kld
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
""",
}
