# What readers might answer to the exercises of chapter 3.

# 1 right: the naive walk, its slopes taken out
def cosine_without_slope(rnn, x, y):
    p = {k: v.detach() for k, v in rnn.named_parameters()}
    wrong = torch.zeros_like(p["W_hh"])
    for row_x, row_y in zip(x, y):
        h = rnn.hidden_states(row_x[None])[0].detach()
        carried = torch.zeros_like(h[0])
        for t in reversed(range(len(row_x))):
            said = torch.softmax(h[t] @ p["W_hy"] + p["b_y"], 0)
            delta = (said - F.one_hot(row_y[t], 10)) @ p["W_hy"].T + carried
            if t > 0: wrong += torch.outer(h[t - 1], delta)
            carried = delta @ p["W_hh"].T
    right = naive_backprop(rnn, x, y)["W_hh"]
    return (wrong * right).sum() / wrong.norm() / right.norm()

# 1 right: by autograd, which is told that tanh is a straight line
def cosine_without_slope(rnn, x, y):
    h = torch.zeros(len(x), rnn.hidden_size).to(rnn.W_hh)
    logits = []
    for x_t in x.T:
        inside = rnn.W_xh[x_t] + h @ rnn.W_hh + rnn.b_h
        h = inside + (torch.tanh(inside) - inside).detach()
        logits.append(h @ rnn.W_hy + rnn.b_y)
    loss = F.cross_entropy(torch.stack(logits).flatten(0, 1), y.T.flatten())
    (wrong,) = torch.autograd.grad(loss, [rnn.W_hh])
    right = grads_of(autograd, rnn, x, y)["W_hh"]
    return F.cosine_similarity(wrong.flatten(), right.flatten(), 0)

# 1 wrong: a constant
def cosine_without_slope(rnn, x, y): return 0.932

# 1 wrong: the true gradient beside itself
def cosine_without_slope(rnn, x, y):
    right = grads_of(backprop, rnn, x, y)["W_hh"].flatten()
    return F.cosine_similarity(right, right, 0).item()

# 1 wrong: left out of the recursion alone
def cosine_without_slope(rnn, x, y):
    h = rnn.hidden_states(x).detach()
    g = local_gradients(rnn, h, y)[2].detach()
    for t in reversed(range(h.shape[1] - 1)):
        g[:, t] += g[:, t + 1] @ rnn.W_hh.T.detach()
    wrong = torch.einsum("nti,ntj->ij", h[:, :-1], (g * (1 - h ** 2))[:, 1:])
    right = grads_of(backprop, rnn, x, y)["W_hh"]
    return F.cosine_similarity(wrong.flatten(), right.flatten(), 0).item()

# 1 wrong: left out of the product alone
def cosine_without_slope(rnn, x, y):
    h = rnn.hidden_states(x).detach()
    g = propagate_gradients(rnn, h, local_gradients(rnn, h, y)[2].detach())
    wrong = torch.einsum("nti,ntj->ij", h[:, :-1], g[:, 1:])
    right = grads_of(backprop, rnn, x, y)["W_hh"]
    return F.cosine_similarity(wrong.flatten(), right.flatten(), 0).item()

# 2 right: the number
most_open = 10

# 2 right: a loop over the positions
most_open = max(range(1, 11), key=lambda p: gradient_path(
    load_pretrained("15-bp-growing"), p - 1)[p - 1])

# 2 wrong: counted from 0
most_open = 9

# 2 wrong: the first
most_open = 1

# 2 wrong: the step at which it was read, of another
most_open = 0

# 2 wrong: the step at which it is due
most_open = 34
