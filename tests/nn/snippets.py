"""Snippets as tutorials, answers in forums and books have them, each run by both engines: the same numbers.

`t(2, 3)` is a tensor of random numbers, `begun(module)` a module with the same first values in both, and `R(...)` what
is compared.
"""
# ruff: noqa: E501

from __future__ import annotations

SNIPPETS = {
    "blitz autograd": """
x = torch.ones(2, 2, requires_grad=True)
y = x + 2
z = y * y * 3
out = z.mean()
out.backward()
R(x.grad, z, out)
""",
    "blitz vjp loop": """
x = t(3).requires_grad_(True)
y = x * 2
while y.data.norm() < 1000:
    y = y * 2
v = torch.tensor([0.1, 1.0, 0.0001])
y.backward(v)
R(x.grad, y)
""",
    "blitz tensors": """
x = torch.empty(5, 3); x = torch.zeros(5, 3, dtype=torch.long)
x = torch.tensor([5.5, 3])
x = x.new_ones(5, 3, dtype=torch.double)
x = torch.randn_like(x, dtype=torch.float)
y = torch.zeros(5, 3)
y.add_(x)
R(x.size() == (5, 3), y.shape[0], x.view(-1, 5).size() == (3, 5), (y - x).sum())
a = torch.ones(5)
b = a.numpy()
a.add_(1)
R(b)
""",
    "ones rows cols": """
tensor = torch.ones(4, 4)
tensor[:,1] = 0
R(tensor, tensor[0], tensor[:, 0], tensor[..., -1])
t1 = torch.cat([tensor, tensor, tensor], dim=1)
y1 = tensor @ tensor.T
y2 = tensor.matmul(tensor.T)
z1 = tensor * tensor
agg = tensor.sum()
R(t1, y1, y2, z1, agg.item())
""",
    "nonleaf grad": """
x = t(3).requires_grad_(True)
y = x * 2
y.retain_grad()
(y ** 2).sum().backward()
R(y.grad, x.grad)
""",
    "detach vs data": """
w = t(3).requires_grad_(True)
d = w.detach()
d[0] = 5.0
R(w, d.requires_grad)
w.data[1] = 7.0
R(w)
""",
    "no_grad step": """
w = t(4, 2).requires_grad_(True)
for i in range(3):
    loss = (w ** 2).sum()
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
        w.grad.zero_()
R(w, loss)
""",
    "inference_mode": """
w = t(4, 2).requires_grad_(True)
with torch.inference_mode():
    y = w * 2
R(y, y.requires_grad)
""",
    "no_grad decorator": """
@torch.no_grad()
def f(x):
    return x * 2
w = t(2).requires_grad_(True)
R(f(w).requires_grad)
""",
    "retain_graph twice": """
x = t(3).requires_grad_(True)
y = (x ** 3).sum()
y.backward(retain_graph=True)
y.backward()
R(x.grad)
""",
    "double backward": """
x = t(3).requires_grad_(True)
y = (x ** 3).sum()
g, = torch.autograd.grad(y, x, create_graph=True)
(g ** 2).sum().backward()
R(g, x.grad)
""",
    "gradient penalty": """
D = begun(nn.Sequential(nn.Linear(4, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1)))
real, fake = t(5, 4), t(5, 4, k=2)
alpha = torch.tensor(numbers(5, 1, k=3)).abs()
inter = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
d = D(inter)
grads = torch.autograd.grad(outputs=d, inputs=inter, grad_outputs=torch.ones_like(d), create_graph=True, retain_graph=True, only_inputs=True)[0]
gp = ((grads.norm(2, dim=1) - 1) ** 2).mean()
gp.backward()
R(gp, D[0].weight.grad)
""",
    "accumulation": """
m = begun(nn.Linear(3, 1)); opt = torch.optim.SGD(m.parameters(), lr=0.1)
accum = 2
opt.zero_grad()
for i in range(4):
    loss = m(t(5, 3, k=i)).pow(2).mean() / accum
    loss.backward()
    if (i + 1) % accum == 0:
        opt.step(); opt.zero_grad()
R(m.weight, m.bias)
""",
    "clip norm": """
m = begun(nn.Linear(3, 1))
m(t(5, 3)).pow(2).sum().backward()
total = torch.nn.utils.clip_grad_norm_(m.parameters(), max_norm=0.5)
R(total, m.weight.grad)
R(nn.utils.clip_grad_norm_(m.parameters(), 0.1, norm_type=float("inf")))
""",
    "frozen": """
m = begun(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)))
for p in m[0].parameters():
    p.requires_grad = False
m[2] = begun(nn.Linear(4, 5))
opt = torch.optim.Adam(filter(lambda p: p.requires_grad, m.parameters()), lr=1e-2)
m(t(6, 3)).pow(2).sum().backward()
opt.step()
R(m[0].weight, m[2].weight, m[0].weight.grad is None, sum(p.numel() for p in m.parameters() if p.requires_grad))
""",
    "param groups": """
m = begun(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)))
opt = torch.optim.SGD([{"params": m[0].parameters()}, {"params": m[2].parameters(), "lr": 1e-3}], lr=1e-2, momentum=0.9)
for i in range(2):
    opt.zero_grad()
    m(t(6, 3)).pow(2).sum().backward(); opt.step()
R(m[0].weight, m[2].weight)
decay = [p for n, p in m.named_parameters() if "bias" not in n]
nodecay = [p for n, p in m.named_parameters() if "bias" in n]
m.zero_grad()
opt = torch.optim.AdamW([{"params": decay, "weight_decay": 0.1}, {"params": nodecay, "weight_decay": 0.0}], lr=1e-3)
m(t(6, 3)).pow(2).sum().backward(); opt.step()
R(m[0].weight, m[2].bias)
for g in opt.param_groups:
    g["lr"] = 0.5
R(opt.param_groups[0]["lr"], len(opt.param_groups))
""",
    "early stopping": """
best, wait, patience = float("inf"), 0, 2
m = begun(nn.Linear(3, 1)); opt = torch.optim.SGD(m.parameters(), lr=0.05)
import copy
for e in range(6):
    loss = F.mse_loss(m(t(8, 3)), t(8, 1, k=2))
    opt.zero_grad(); loss.backward(); opt.step()
    if loss < best:
        best, wait = loss.item(), 0
        state = copy.deepcopy(m.state_dict())
    else:
        wait += 1
        if wait >= patience: break
m.load_state_dict(state)
R(best, m.weight)
""",
    "checkpoint": """
import os, tempfile
m = begun(nn.Linear(3, 2)); opt = torch.optim.Adam(m.parameters(), lr=0.01)
m(t(4, 3)).sum().backward(); opt.step()
path = os.path.join(tempfile.mkdtemp(), "ckpt.pt")
torch.save(m.state_dict(), path)
m2 = nn.Linear(3, 2)
m2.load_state_dict(torch.load(path))
R(m2.weight, m2.bias)
""",
    "state surgery": """
m = begun(nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)))
sd = m.state_dict()
sd = {k: v for k, v in sd.items() if not k.startswith("1.")}
other = begun(nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 6)))
missing = other.load_state_dict(sd, strict=False)
R(len(missing.missing_keys), len(missing.unexpected_keys), other[0].weight)
""",
    "hooks": """
feats = {}
def hook(name):
    def f(module, inp, out):
        feats[name] = out.detach()
    return f
m = begun(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)))
h = m[1].register_forward_hook(hook("a"))
m(t(2, 3))
h.remove()
R(feats["a"])
x = t(3).requires_grad_(True)
x.register_hook(lambda g: g * 2)
(x * 3).sum().backward()
R(x.grad)
""",
    "function": """
class MyReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input):
        ctx.save_for_backward(input)
        return input.clamp(min=0)
    @staticmethod
    def backward(ctx, grad_output):
        input, = ctx.saved_tensors
        grad_input = grad_output.clone()
        grad_input[input < 0] = 0
        return grad_input
x = t(5).requires_grad_(True)
y = MyReLU.apply(x)
y.sum().backward()
R(y, x.grad)
""",
    "function legendre": """
class P3(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input):
        ctx.save_for_backward(input)
        return 0.5 * (5 * input ** 3 - 3 * input)
    @staticmethod
    def backward(ctx, grad_output):
        input, = ctx.saved_tensors
        return grad_output * 1.5 * (5 * input ** 2 - 1)
a, b = torch.full((), 0.0, requires_grad=True), torch.full((), -1.0, requires_grad=True)
x = torch.linspace(-3.14, 3.14, 50)
y = torch.sin(x)
for i in range(3):
    loss = (a + b * P3.apply(x) - y).pow(2).sum()
    loss.backward()
    with torch.no_grad():
        a -= 5e-6 * a.grad; b -= 5e-6 * b.grad
        a.grad = None; b.grad = None
R(loss, a, b)
""",
    "init schemes": """
def init_weights(m):
    if isinstance(m, nn.Linear):
        nn.init.xavier_uniform_(m.weight)
        m.bias.data.fill_(0.01)
net = nn.Sequential(nn.Linear(2, 4), nn.Linear(4, 2))
net.apply(init_weights)
R(net[0].bias, net[0].weight.abs().max() <= (6 / 6) ** 0.5)
def weights_init(m):
    classname = m.__class__.__name__
    if classname.find("Linear") != -1:
        m.weight.data.normal_(0.0, 0.02)
        m.bias.data.fill_(0)
net.apply(weights_init)
R(net[1].bias, net[0].weight.abs().max() < 0.2)
torch.nn.init.normal_(net[0].weight, mean=0.0, std=0.02); torch.nn.init.zeros_(net[0].bias)
torch.nn.init.constant_(net[0].bias, 0.3)
R(net[0].bias)
""",
    "indexing games": """
x = torch.arange(24.).reshape(2, 3, 4)
R(x[0, 1], x[:, None].shape[1], x[..., 1:3], x[[0, 1], [1, 2]], x[x > 10], x[:, [0, 2]][..., -1])
x[0, :, 1] = -1
x[x < 0] = 100
R(x, x[:, 1:].sum(), x[-1, -1, -1])
idx = torch.tensor([[0, 1], [1, 0], [2, 2]])
R(torch.arange(9.).reshape(3, 3)[idx], torch.arange(9.).reshape(3, 3).gather(1, idx))
R(torch.arange(5)[torch.tensor([True, False, True, False, True])])
R(torch.where(x > 50, x, torch.zeros_like(x)))
""",
    "einsum": """
a, b = t(2, 3), t(3, 4, k=2)
R(torch.einsum("ij,jk->ik", a, b), torch.einsum("ij->j", a), torch.einsum("bi,bj->bij", a, a), torch.einsum("ii", t(3, 3)), torch.einsum("ij,ij", [a, a]))
""",
    "broadcast trap": """
import warnings
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    y, p = t(5, 1), t(5, k=2)
    R(((y - p) ** 2).mean(), F.mse_loss(y, p))
""",
    "argmax accuracy": """
out, y = t(6, 4), torch.tensor([0, 1, 2, 3, 0, 1])
_, predicted = torch.max(out.data, dim=1)
total = y.size(0)
correct = (predicted == y).sum().item()
R(correct / total, (out.argmax(1) == y).float().mean())
pred = out.argmax(dim=1, keepdim=True)
R(pred.eq(y.view_as(pred)).sum().item())
topk = out.topk(2, dim=1)
R(topk.values, topk.indices, out.topk(2)[1])
""",
    "one hot scatter": """
y = torch.tensor([1, 0, 2])
oh = torch.zeros(3, 4).scatter_(1, y.unsqueeze(1), 1.0)
R(oh, F.one_hot(y, num_classes=4))
z = torch.zeros(3, 4)
z.scatter_(1, y.view(-1, 1), 1)
R(z)
z[torch.arange(3), y] += 5
R(z)
""",
    "std var": """
x = t(4, 5)
R(x.std(unbiased=True), x.var(dim=0, unbiased=False), torch.std_mean(x, dim=1, unbiased=True)[0], x.var(1, correction=0), torch.var(x, 0, keepdim=True, correction=1))
""",
    "batchnorm running": """
bn = nn.BatchNorm1d(3)
for i in range(3): bn(t(6, 3, k=i))
R(bn.running_mean, bn.running_var, bn.num_batches_tracked)
bn.eval()
R(bn(t(2, 3)))
""",
    "dropout scaling": """
d = nn.Dropout(0.5)
y = d(torch.ones(10000))
R(set(y.unique().tolist()) == {0.0, 2.0}, abs(y.mean().item() - 1) < 0.1)
d.eval()
R(d(torch.ones(3)), F.dropout(torch.ones(3), p=0.5, training=False))
""",
    "cross entropy variants": """
x = t(4, 5)
y = torch.tensor([0, 1, 4, -100])
R(F.cross_entropy(x, y), F.cross_entropy(x, y, reduction="sum"), F.cross_entropy(x, y, reduction="none"), F.cross_entropy(x, y, label_smoothing=0.1))
p = F.softmax(t(4, 5, k=2), dim=1)
R(F.cross_entropy(x, p), nn.CrossEntropyLoss(label_smoothing=0.1)(x, p))
w = torch.tensor([1.0, 2, 3, 4, 5])
R(nn.CrossEntropyLoss(weight=w)(x, y), nn.CrossEntropyLoss(weight=w, ignore_index=1)(x, torch.tensor([0, 1, 4, 2])), F.nll_loss(F.log_softmax(x, 1), y))
R(F.cross_entropy(t(2, 3, 4), torch.tensor([[0, 1, 2, 0], [1, 1, 1, 2]])))
R(nn.BCEWithLogitsLoss(pos_weight=torch.tensor(3.0))(t(4), torch.tensor([0.0, 1, 1, 0])), nn.BCELoss()(torch.sigmoid(t(4)), torch.tensor([0.0, 1, 1, 0])))
R(F.kl_div(F.log_softmax(x, 1), p, reduction="batchmean"), nn.KLDivLoss(reduction="sum")(F.log_softmax(x, 1), p), nn.SmoothL1Loss()(x, p), nn.HuberLoss(delta=0.5)(x, p), nn.L1Loss()(x, p))
""",
    "gelu layernorm": """
x = t(4, 5)
R(F.gelu(x), F.gelu(x, approximate="tanh"), nn.LayerNorm(5)(x), nn.GELU("tanh")(x), F.layer_norm(x, (5,)), F.silu(x), F.elu(x), F.leaky_relu(x, 0.1), F.softplus(x), nn.Softmax(dim=1)(x), F.normalize(x, dim=1))
""",
    "rounding": """
x = torch.tensor([0.5, 1.5, 2.5, -0.5, -1.5])
R(torch.round(x), x.floor(), x.ceil(), x.trunc(), x.int(), torch.tensor([7, -7]) // 2, torch.tensor([7.0, -7.0]) % 3, torch.tensor([7, -7]) / 2, torch.div(torch.tensor([7, -7]), 2, rounding_mode="trunc"), torch.fmod(torch.tensor([-7.0]), 3))
""",
    "ties": """
x = torch.tensor([3.0, 1, 3, 1, 2])
R(x.argmax(), x.argmin(), x.median(), torch.quantile(x, 0.3), torch.sort(x, stable=True).indices, torch.argsort(x, descending=True, stable=True), torch.kthvalue(x, 2).values, torch.cumsum(x, 0), torch.unique(x))
""",
    "attention mask": """
B, T, C = 2, 4, 8
x = t(B, T, C)
tril = torch.tril(torch.ones(T, T))
wei = x @ x.transpose(-2, -1) * C**-0.5
wei = wei.masked_fill(tril == 0, float("-inf"))
wei = F.softmax(wei, dim=-1)
R(wei @ x, torch.triu(torch.full((T, T), float("-inf")), diagonal=1))
q = x.view(B, T, 2, C // 2).transpose(1, 2)
R(q, q.transpose(1, 2).contiguous().view(B, T, C), F.scaled_dot_product_attention(q, q, q, is_causal=True))
q, k, v = t(B, T, 3 * C).split(C, dim=2)
R(q, k, v)
""",
    "nanogpt block": """
class CausalSelfAttention(nn.Module):
    def __init__(self, n_embd, n_head, block_size):
        super().__init__()
        assert n_embd % n_head == 0
        self.c_attn = nn.Linear(n_embd, 3 * n_embd, bias=False)
        self.c_proj = nn.Linear(n_embd, n_embd, bias=False)
        self.n_head, self.n_embd = n_head, n_embd
        self.register_buffer("bias", torch.tril(torch.ones(block_size, block_size)).view(1, 1, block_size, block_size))
    def forward(self, x):
        B, T, C = x.size()
        q, k, v = self.c_attn(x).chunk(3, dim=2)
        k = k.view(B, T, self.n_head, C // self.n_head).transpose(1, 2)
        q = q.view(B, T, self.n_head, C // self.n_head).transpose(1, 2)
        v = v.view(B, T, self.n_head, C // self.n_head).transpose(1, 2)
        att = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
        att = att.masked_fill(self.bias[:,:,:T,:T] == 0, float("-inf"))
        att = F.softmax(att, dim=-1)
        y = att @ v
        return self.c_proj(y.transpose(1, 2).contiguous().view(B, T, C))
class Block(nn.Module):
    def __init__(self, n_embd, n_head, block_size):
        super().__init__()
        self.ln_1 = nn.LayerNorm(n_embd)
        self.attn = CausalSelfAttention(n_embd, n_head, block_size)
        self.ln_2 = nn.LayerNorm(n_embd)
        self.mlp = nn.ModuleDict(dict(c_fc=nn.Linear(n_embd, 4 * n_embd), c_proj=nn.Linear(4 * n_embd, n_embd), act=nn.GELU(), dropout=nn.Dropout(0.0)))
        m = self.mlp
        self.mlpf = lambda x: m.dropout(m.c_proj(m.act(m.c_fc(x))))
    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlpf(self.ln_2(x))
blk = begun(Block(8, 2, 6))
x = t(2, 6, 8).requires_grad_(True)
y = blk(x)
y.pow(2).mean().backward()
R(y, x.grad, blk.attn.c_attn.weight.grad)
wte = begun(nn.Embedding(7, 8)); head = nn.Linear(8, 7, bias=False)
head.weight = wte.weight
logits = head(wte(torch.tensor([[1, 2, 3]])))
F.cross_entropy(logits.view(-1, logits.size(-1)), torch.tensor([2, 3, 4])).backward()
R(wte.weight.grad)
""",
    "generate": """
torch.manual_seed(0)
probs = F.softmax(t(2, 5), dim=-1)
nxt = torch.multinomial(probs, num_samples=1)
R(nxt.shape[0], nxt.shape[1], nxt.dtype == torch.int64)
logits = t(2, 5)
v, _ = torch.topk(logits, 3)
logits[logits < v[:, [-1]]] = -float("Inf")
R(logits)
idx = torch.zeros((1, 1), dtype=torch.long)
idx = torch.cat((idx, torch.tensor([[3]])), dim=1)
R(idx, idx[:, -4:])
""",
    "vae": """
mu, logvar = t(3, 2).requires_grad_(True), t(3, 2, k=1).requires_grad_(True)
std = torch.exp(0.5 * logvar)
eps = torch.randn_like(std)
R(eps.shape[0])
kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
kl.backward()
R(kl, mu.grad, logvar.grad)
""",
    "word2vec": """
u, v = begun(nn.Embedding(10, 4)), begun(nn.Embedding(10, 4))
c, o, neg = torch.tensor([1, 2]), torch.tensor([3, 4]), torch.tensor([[5, 6], [7, 8]])
pos = torch.sum(u(c) * v(o), dim=1)
pos = F.logsigmoid(pos)
ns = torch.bmm(v(neg), u(c).unsqueeze(2)).squeeze(2)
ns = torch.sum(F.logsigmoid(-ns), dim=1)
loss = -torch.mean(pos + ns)
loss.backward()
R(loss, u.weight.grad, v.weight.grad)
""",
    "d2l linear": """
def squared_loss(y_hat, y):
    return (y_hat - y.reshape(y_hat.shape)) ** 2 / 2
def sgd(params, lr, batch_size):
    with torch.no_grad():
        for param in params:
            param -= lr * param.grad / batch_size
            param.grad.zero_()
w, b = t(2, 1).requires_grad_(True), torch.zeros(1, requires_grad=True)
X = torch.normal(0, 1, (10, 2)); R(X.shape[0])
X, y = t(10, 2), t(10, 1, k=4)
for i in range(2):
    l = squared_loss(torch.matmul(X, w) + b, y)
    l.sum().backward()
    sgd([w, b], 0.03, 10)
R(w, b, l.mean())
""",
    "d2l softmax": """
def softmax(X):
    X_exp = torch.exp(X)
    partition = X_exp.sum(1, keepdim=True)
    return X_exp / partition
def cross_entropy(y_hat, y):
    return -torch.log(y_hat[range(len(y_hat)), y])
y = torch.tensor([0, 2])
R(cross_entropy(softmax(t(2, 3)), y))
cmp = softmax(t(2, 3)).argmax(axis=1).type(y.dtype) == y
R(float(cmp.type(y.dtype).sum()))
""",
    "d2l conv": """
def corr2d(X, K):
    h, w = K.shape
    Y = torch.zeros((X.shape[0] - h + 1, X.shape[1] - w + 1))
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            Y[i, j] = (X[i:i + h, j:j + w] * K).sum()
    return Y
R(corr2d(t(4, 4), t(2, 2, k=3)))
conv = begun(nn.Conv2d(1, 1, kernel_size=(1, 2), bias=False))
X = torch.ones((6, 8)); X[:, 2:6] = 0
Y = corr2d(X, torch.tensor([[1.0, -1.0]])).reshape((1, 1, 6, 7))
X = X.reshape((1, 1, 6, 8))
for i in range(3):
    l = (conv(X) - Y) ** 2
    conv.zero_grad()
    l.sum().backward()
    conv.weight.data[:] -= 3e-2 * conv.weight.grad
R(conv.weight, l.sum())
""",
    "d2l rnn scratch": """
H = t(2, 3); W = t(3, 3, k=2)
inputs = F.one_hot(torch.tensor([[0, 1], [2, 2]]).T, 4)
R(inputs.shape[2], inputs)
for X in inputs:
    H = torch.tanh(torch.mm(H, W)) + X.to(H.dtype)[:, :3]
R(H)
norm = torch.sqrt(sum(torch.sum(p ** 2) for p in [H, W]))
R(norm)
""",
    "lstm cell loop": """
cell = begun(nn.LSTMCell(3, 4))
h, c = torch.zeros(2, 4), torch.zeros(2, 4)
outs = []
for i in range(3):
    h, c = cell(t(2, 3, k=i), (h, c))
    outs.append(h)
out = torch.stack(outs, dim=0)
out.sum().backward()
R(out, cell.weight_hh.grad)
""",
    "bidirectional lstm": """
m = begun(nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True))
out, (h, c) = m(t(2, 5, 3))
R(out, h, c, torch.cat((h[-2, :, :], h[-1, :, :]), dim=1))
""",
    "named modules": """
m = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU(), nn.Linear(3, 1)))
R([n for n, _ in m.named_modules()] == ["", "0", "1", "1.0", "1.1"], [n for n, _ in m.named_parameters()] == ["0.weight", "0.bias", "1.1.weight", "1.1.bias"], len(list(m.children())), isinstance(m[1][0], nn.ReLU))
import collections
n = nn.Sequential(collections.OrderedDict([("fc", nn.Linear(2, 2)), ("act", nn.Tanh())]))
R(list(n.state_dict().keys()) == ["fc.weight", "fc.bias"], n.fc.weight.shape[0])
b = nn.Sequential(*list(m.children())[:-1])
R(len(b), len(m[:1]))
""",
    "custom parameter": """
class M(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(numbers(3, 2)))
        self.scale = nn.Parameter(torch.ones(1), requires_grad=False)
        self.layers = nn.ModuleList()
        for i in range(2):
            self.layers.append(nn.Linear(2, 2))
    def forward(self, x):
        x = x @ self.w * self.scale
        for i, l in enumerate(self.layers):
            x = self.layers[i](x) + x
        return x
m = M()
R(len(list(m.parameters())), m.w.requires_grad, m.scale.requires_grad)
begun(m)
y = m(t(4, 3)); y.sum().backward()
R(y, m.w.grad, m.scale.grad is None)
""",
    "ema": """
m, e = begun(nn.Linear(3, 2)), nn.Linear(3, 2)
e.load_state_dict(m.state_dict())
m.weight.data += 1
for p, q in zip(m.parameters(), e.parameters()):
    q.data.mul_(0.9).add_(p.data, alpha=0.1)
R(e.weight, e.bias)
with torch.no_grad():
    for p, q in zip(m.parameters(), e.parameters()):
        q.copy_(0.9 * q + 0.1 * p)
R(e.weight)
""",
    "weight clamp": """
m = begun(nn.Linear(3, 2))
for p in m.parameters():
    p.data.clamp_(-0.1, 0.1)
R(m.weight, m.bias)
""",
    "reshape ops": """
x = t(2, 3, 4)
R(x.permute(2, 0, 1), x.flatten(1), x.unsqueeze(0).squeeze(0), x.view(6, -1), x.reshape(-1), x.expand(2, 2, 3, 4), x.unfold(2, 2, 1), torch.stack([x, x], dim=1), torch.cat((x, x), -1), x.mT, torch.flatten(x, start_dim=1), x.swapaxes(0, 1), x.chunk(2, dim=2)[1], torch.movedim(x, 0, -1), x.tile((1, 2, 1)), x.roll(1, 0), x.flip(0), x.transpose(1, 2))
""",
    "reductions": """
x = t(3, 4)
R(x.sum(), x.sum(0), x.mean(dim=(0, 1)), x.prod(1), x.norm(), x.norm(dim=1), x.logsumexp(dim=1), x.abs().max(), x.min(), x.cumsum(dim=0), x.amax(dim=1), torch.linalg.norm(x), x.norm(p=1), torch.dist(x, x * 2), x.any(), (x > 0).all(dim=1), torch.count_nonzero(x > 0), x.trace() if x.shape[0] == x.shape[1] else 0)
""",
    "make tensors": """
R(torch.arange(0, 10, 2), torch.linspace(0, 1, 5), torch.eye(3), torch.zeros_like(t(2)), torch.full((2, 2), 7.0), torch.tensor([[1, 2], [3, 4]]), torch.from_numpy(numbers(3)), torch.as_tensor([1.0, 2.0]), torch.ones(3).long(), torch.randint(0, 10, (3, 4)).shape[1], torch.randperm(5).sort(dim=0)[0], torch.logspace(0, 2, 3), torch.meshgrid(torch.arange(2), torch.arange(3), indexing="ij")[0], torch.cartesian_prod(torch.arange(2), torch.arange(2)))
""",
    "type checks": """
x = t(2)
R(x.dtype == torch.float64, x.float().dtype == torch.float32, x.long().dtype == torch.int64, x.requires_grad, x.is_leaf, torch.is_tensor(x), x.dim(), x.ndim, x.numel(), x.nelement(), len(x), x.device.type == "cpu" if hasattr(x.device, "type") else x.device == "cpu", torch.cuda.is_available())
""",
    "device idiom": """
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
m = nn.Linear(2, 2).to(device)
x = torch.ones(1, 2, device=device)
x = x.to(device, dtype=torch.float64)
R(m(x).shape[0])
""",
    "adam lr print": """
opt = torch.optim.Adam([t(3).requires_grad_(True)], lr=0.1)
sch = torch.optim.lr_scheduler.StepLR(opt, 2, gamma=0.5)
lrs = []
for e in range(5):
    opt.step(); lrs.append(opt.param_groups[0]["lr"]); sch.step()
R(*lrs, sch.get_last_lr()[0])
""",
    "closure": """
w = t(3).requires_grad_(True)
opt = torch.optim.SGD([w], lr=0.1)
def closure():
    opt.zero_grad()
    loss = (w ** 2).sum()
    loss.backward()
    return loss
l = opt.step(closure)
R(l, w)
""",
    "micrograd": """
a = torch.Tensor([-4.0]).double(); a.requires_grad = True
b = torch.Tensor([2.0]).double(); b.requires_grad = True
c = a + b
d = a * b + b**3
c = c + c + 1
c = c + 1 + c + (-a)
d = d + d * 2 + (b + a).relu()
d = d + 3 * d + (b - a).relu()
e = c - d
f = e**2
g = f / 2.0
g = g + 10.0 / f
g.backward()
R(g.data.item(), a.grad.item(), b.grad.item())
""",
    "jacobian hessian": """
f = lambda x: (x ** 3).sum()
x = t(3)
R(torch.autograd.functional.jacobian(lambda x: x ** 2, x), torch.autograd.functional.hessian(f, x))
""",
    "vmap grad": """
from_func = torch.func.grad(lambda x: (x ** 2).sum())
R(from_func(t(3)))
""",
    "set grad none": """
x = t(3).requires_grad_(True)
(x * 2).sum().backward()
x.grad = None
(x * 3).sum().backward()
R(x.grad)
x.grad.data.zero_()
R(x.grad)
""",
    "inplace trap": """
x = t(3).requires_grad_(True)
try:
    x += 1
    R("ran")
except RuntimeError:
    R("error")
try:
    x.numpy()
    R("ran")
except RuntimeError:
    R("error")
""",
    "backward errors": """
x = t(3).requires_grad_(True)
for f in (lambda: (x * 2).backward(), lambda: t(3).sum().backward()):
    try:
        f(); R("ran")
    except RuntimeError: R("error")
""",
    "autoencoder conv": """
enc = begun(nn.Sequential(nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.ReLU(True), nn.Conv2d(4, 8, 3, stride=2, padding=1), nn.ReLU(True)))
dec = begun(nn.Sequential(nn.ConvTranspose2d(8, 4, 3, stride=2, padding=1, output_padding=1), nn.ReLU(True), nn.ConvTranspose2d(4, 1, 3, stride=2, padding=1, output_padding=1), nn.Sigmoid()))
x = torch.sigmoid(t(2, 1, 8, 8))
y = dec(enc(x))
loss = nn.MSELoss()(y, x); loss.backward()
R(y, loss, enc[0].weight.grad)
""",
    "resnet block": """
class BasicBlock(nn.Module):
    expansion = 1
    def __init__(self, in_planes, planes, stride=1):
        super(BasicBlock, self).__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, kernel_size=3, stride=1, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != self.expansion * planes:
            self.shortcut = nn.Sequential(nn.Conv2d(in_planes, self.expansion * planes, kernel_size=1, stride=stride, bias=False), nn.BatchNorm2d(self.expansion * planes))
    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.shortcut(x)
        return F.relu(out)
m = begun(BasicBlock(3, 4, 2))
y = m(t(2, 3, 6, 6)); y.sum().backward()
R(y, m.conv1.weight.grad)
out = F.avg_pool2d(y, 3); R(out.view(out.size(0), -1))
""",
    "dataset class": """
from_data = torch.utils.data
class D(from_data.Dataset):
    def __init__(self): self.x, self.y = numbers(5, 2), [0, 1, 2, 3, 4]
    def __len__(self): return len(self.x)
    def __getitem__(self, i): return self.x[i], self.y[i]
for xb, yb in from_data.DataLoader(D(), batch_size=2): R(xb, yb)
""",
    "isnan checks": """
x = torch.tensor([1.0, float("nan"), float("inf")])
R(torch.isnan(x), torch.isfinite(x).all(), torch.nan_to_num(x, nan=0.0, posinf=9.0), x.isnan().any())
""",
    "tensor math methods": """
x = t(4).abs() + 0.5
R(x.sqrt(), x.rsqrt(), x.log(), x.exp(), x.pow(2), x ** 0.5, 2 ** x, x.reciprocal(), x.clamp(0, 1), x.sigmoid(), x.tanh(), x.sin(), x.square(), x.log1p(), x.erf(), x.neg(), x.sign(), torch.clamp(x, max=0.7), torch.minimum(x, 1 / x), torch.addcmul(x, x, x, value=0.5), torch.lerp(x, x * 2, 0.3), torch.outer(x, x), torch.dot(x, x), torch.cross(x[:3], x[1:], dim=0), torch.cdist(x[:, None], x[:, None]))
""",
    "mm family": """
a, b = t(2, 3, 4), t(2, 4, 5, k=1)
R(torch.bmm(a, b), a @ b, torch.matmul(a[0], b), torch.mv(a[0], b[0, :, 0]), torch.addmm(a[0] @ b[0], a[0], b[0], beta=0.5, alpha=2), torch.baddbmm(a @ b, a, b), torch.tensordot(a, b, dims=([2], [1])), torch.linalg.inv(t(3, 3)), torch.det(t(3, 3)), torch.linalg.solve(t(3, 3), t(3)), torch.linalg.svdvals(t(3, 3)))
""",
    "repeat tile": """
x = t(3)
R(x.repeat_interleave(2), x.expand(2, 3), torch.tile(x, (2,)), x.unsqueeze(1).expand(-1, 4))
""",
    "print loss format": """
loss = t(3).sum()
R(f"{loss:.3f}", f"{loss.item():>7f}", "%.2f" % loss, str(round(loss.item(), 3)))
""",
    "weight decay manual": """
m = begun(nn.Linear(3, 2))
l2 = sum(p.pow(2.0).sum() for p in m.parameters())
l1 = sum(torch.norm(p, 1) for p in [m.bias])
(l2 + l1).backward()
R(l2, l1, m.weight.grad)
""",
    "sequence pad": """
seqs = [t(3), t(2, k=1), t(4, k=2)]
R(nn.utils.rnn.pad_sequence(seqs, batch_first=True), nn.utils.rnn.pad_sequence(seqs, padding_value=-1))
""",
    "item in loop": """
running_loss = 0.0
for i in range(3):
    running_loss += F.mse_loss(t(3, k=i), t(3, k=i + 1)).item() * 3
R(running_loss)
losses_ = torch.tensor([t(1, k=i).item() for i in range(3)])
R(losses_.mean(), torch.stack([t(1, k=i).sum() for i in range(3)]).mean())
""",
    "where grad nan": """
x = torch.tensor([0.0, 1.0, 4.0], requires_grad=True)
y = torch.where(x > 0, torch.sqrt(x.clamp(min=1e-12)), torch.zeros_like(x))
y.sum().backward()
R(y, x.grad)
""",
    "finfo": """
R(torch.finfo(torch.float32).eps, torch.finfo(torch.float64).max, torch.iinfo(torch.int64).max, math.pi == torch.pi)
""",
    "set_default": """
torch.set_printoptions(precision=4)
torch.manual_seed(42)
g = torch.Generator().manual_seed(2147483647)
R(torch.randn((2, 3), generator=g).shape[1], torch.rand(3, generator=g).shape[0], torch.randint(0, 5, (2,), generator=g).shape[0], torch.randperm(4, generator=g).shape[0])
""",
    "positional encoding": """
d_model, max_len = 8, 10
pe = torch.zeros(max_len, d_model)
position = torch.arange(0, max_len, dtype=torch.double).unsqueeze(1)
div_term = torch.exp(torch.arange(0, d_model, 2).double() * (-math.log(10000.0) / d_model))
pe[:, 0::2] = torch.sin(position * div_term)
pe[:, 1::2] = torch.cos(position * div_term)
R(pe, pe.unsqueeze(0).transpose(0, 1))
mask = nn.Transformer.generate_square_subsequent_mask(4)
R(mask)
""",
    "policy gradient": """
from_dist = torch.distributions.Categorical(F.softmax(t(3), dim=0))
R(from_dist.log_prob(torch.tensor(1)), from_dist.entropy())
""",
    "register full backward": """
m = begun(nn.Linear(3, 2))
got = []
h = m.register_full_backward_hook(lambda mod, gi, go: got.append(go[0]))
m(t(2, 3).requires_grad_(True)).sum().backward()
R(got[0])
""",
    "index put": """
w = t(3).requires_grad_(True)
x = t(4, 3, k=1) * 1
x.index_put_((torch.tensor([0, 2]), torch.tensor([1, 1])), w[:2])
y = x.index_put([torch.tensor([0, 0])], w, accumulate=True)
(y ** 2).sum().backward()
R(x, y, w.grad)
""",
    "types": """
w = nn.Parameter(t(2))
frozen = nn.Parameter(t(2), requires_grad=False)
x = t(2) * 3
R(torch.tensor([isinstance(each, nn.Parameter) for each in (w, frozen, nn.Linear(1, 1).bias, x, 1.0)]))
R(x.type(torch.LongTensor), x.type(torch.FloatTensor), x.abs().type(torch.ByteTensor), x.type(torch.DoubleTensor))
""",
}

# What is not here -> what the error says to write.
SAID = {
    "grad scaler words": (
        """
scaler = torch.cuda.amp.GradScaler()
""",
        "no mixed precision",
    ),
    "autocast words": (
        """
with torch.autocast("cpu"):
    pass
R(1)
""",
        "no mixed precision",
    ),
    "cuda words": (
        """
t(2).cuda()
""",
        "on the CPU",
    ),
}
