# What readers might answer to the exercises of chapter 5.

# 1 right: slices
def first_only(rnn, x, y): return backprop(rnn, x[0:1], y[0:1])

# 1 right: by autograd
def first_only(rnn, x, y):
    for p in rnn.parameters(): p.grad = None
    loss = torch.nn.functional.cross_entropy(rnn(x)[0], y[0])
    loss.backward()
    return loss

# 1 right: by the fast rule, and the loss as a number
first_only = lambda rnn, x, y: fast.backprop(rnn, x[:1], y[:1]).item()

# 1 wrong: the whole batch
first_only = backprop

# 1 wrong: the last sequence
first_only = lambda rnn, x, y: backprop(rnn, x[-1:], y[-1:])

# 1 wrong: the first sequence's sum where its mean is wanted
def first_only(rnn, x, y):
    loss = backprop(rnn, x[:1], y[:1])
    for p in rnn.parameters(): p.grad *= x.shape[1]
    return loss

# 1 wrong: no loss
def first_only(rnn, x, y): backprop(rnn, x[:1], y[:1])

# 1 wrong: the loss of the whole batch
def first_only(rnn, x, y):
    backprop(rnn, x[:1], y[:1])
    return torch.nn.functional.cross_entropy(rnn(x).flatten(0, 1), y.flatten())

# 2 right: by parts of the batch
def halved(rule):
    def both(rnn, x, y):
        losses = [rule(rnn, a, b) for a, b in zip(x.chunk(2), y.chunk(2))]
        for p in rnn.parameters(): p.grad.mul_(0.5)
        return torch.stack(losses).mean()
    return both

# 2 right: every second sequence, each part's gradient kept apart
def halved(rule):
    def both(rnn, x, y):
        kept, loss = [], 0
        for i in range(2):
            rnn.zero_grad()
            loss += rule(rnn, x[i::2], y[i::2]).item() / 2
            kept.append([p.grad.clone() for p in rnn.parameters()])
        for p, a, b in zip(rnn.parameters(), *kept): p.grad = (a + b) / 2
        return loss
    return both

# 2 wrong: the sum of both halves
def halved(rule):
    def both(rnn, x, y):
        half = len(x) // 2
        return (rule(rnn, x[:half], y[:half]) + rule(rnn, x[half:], y[half:])) / 2
    return both

# 2 wrong: the first half only
halved = lambda rule: lambda rnn, x, y: rule(rnn, x[:len(x) // 2], y[:len(x) // 2])

# 2 wrong: the second half's loss
def halved(rule):
    def both(rnn, x, y):
        for i in range(2): loss = rule(rnn, x[i::2], y[i::2])
        for p in rnn.parameters(): p.grad /= 2
        return loss
    return both

# 2 wrong: whatever the rule, backpropagation
halved = lambda rule: backprop

# 2 wrong: the losses' sum
def halved(rule):
    def both(rnn, x, y):
        losses = [rule(rnn, a, b) for a, b in zip(x.chunk(2), y.chunk(2))]
        for p in rnn.parameters(): p.grad.mul_(0.5)
        return sum(losses)
    return both

# 2 wrong: the whole batch at once
halved = lambda rule: rule
