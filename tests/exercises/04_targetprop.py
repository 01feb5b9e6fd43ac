# What readers might answer to the exercises of chapter 4.

# 1 right: the number
factor = 1

# 1 right: measured, at another size
found = []
for small_eta in (1e-5, 2e-5):
    small.zero_grad()
    targetprop(small, small_inverse, x, y, small_eta, 0.1,
               torch.Generator().manual_seed(3))
    found.append(small.W_hh.grad.norm().item())
factor = found[1] / found[0]

# 1 wrong: as the displacements do
factor = 2

# 1 wrong: as what they are divided by
factor = 0.5

# 1 wrong: divided by it twice
factor = 0.25

# 2 right: slowly, with the naive targets
def spoiled_sizes(g):
    worse = copy.deepcopy(inverse)
    with torch.no_grad():
        worse.V_hh += 0.02 * torch.randn(128, 128, generator=g)
        undo = lambda token, state: worse(rnn, token, state)
        tokens, states = x_many.T, h_many.transpose(0, 1)
        return tuple(
            (naive_targets(tokens, states, 0 * states, undo, corrected) - states)[0]
            .norm(dim=-1).mean() for corrected in (True, False))

# 2 right: a new inverse that is given the spoiled weights
def spoiled_sizes(g):
    worse, sizes = Inverse(128), []
    worse.load_state_dict(inverse.state_dict())
    worse.V_hh.data.add_(torch.randn(128, 128, generator=g), alpha=0.02)
    for correction in (True, False):
        d = propagate_targets(rnn, worse, x_many, h_many, torch.zeros_like(h_many),
                              correction=correction)
        sizes.append(d[:, 0].pow(2).sum(-1).sqrt().mean().item())
    return sizes

# 2 wrong: nothing is spoiled
def spoiled_sizes(g):
    d = [propagate_targets(rnn, inverse, x_many, h_many, 0 * h_many, correction=c)
         for c in (True, False)]
    return [each[:, 0].norm(dim=-1).mean().item() for each in d]

# 2 wrong: the other order
def spoiled_sizes(g):
    worse = copy.deepcopy(inverse)
    worse.V_hh.data += 0.02 * torch.randn(128, 128, generator=g)
    d = [propagate_targets(rnn, worse, x_many, h_many, 0 * h_many, correction=c)
         for c in (False, True)]
    return [each[:, 0].norm(dim=-1).mean().item() for each in d]

# 2 wrong: every step has a wish
def spoiled_sizes(g):
    worse = copy.deepcopy(inverse)
    worse.V_hh.data += 0.02 * torch.randn(128, 128, generator=g)
    d = [propagate_targets(rnn, worse, x_many, h_many, 0 * h_many + 0.1, correction=c)
         for c in (True, False)]
    return [each[:, 0].norm(dim=-1).mean().item() for each in d]

# 2 wrong: the inverse itself is spoiled
def spoiled_sizes(g):
    inverse.V_hh.data += 0.02 * torch.randn(128, 128, generator=g)
    d = [propagate_targets(rnn, inverse, x_many, h_many, 0 * h_many, correction=c)
         for c in (True, False)]
    return [each[:, 0].norm(dim=-1).mean().item() for each in d]

# 2 wrong: the mean over all steps
def spoiled_sizes(g):
    worse = copy.deepcopy(inverse)
    worse.V_hh.data += 0.02 * torch.randn(128, 128, generator=g)
    d = [propagate_targets(rnn, worse, x_many, h_many, 0 * h_many, correction=c)
         for c in (True, False)]
    return [each.norm(dim=-1).mean().item() for each in d]

# 2 wrong: a number
spoiled_sizes = lambda g: (0, 100)
