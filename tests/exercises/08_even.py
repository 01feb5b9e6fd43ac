# What readers might answer to the exercises of chapter 8.

# 1 right: searched
at = torch.linspace(0, 2, 20_001, dtype=torch.float64)
pulled_hardest = at[(at.tanh() * (1 - at.tanh() ** 2)).argmax()]

# 1 right: the other side, two decimals
pulled_hardest = -0.66

# 1 right: searched, by names that the chapter has used
h = torch.linspace(0, 2, 20_001, dtype=torch.float64)
odd, even = halves(torch.tanh, h, 1e-2)
pulled_hardest = h[even.abs().argmax()]

# 1 wrong: the largest slope
pulled_hardest = 0.0

# 1 wrong: what comes out of the unit, not what goes in
pulled_hardest = 3 ** -0.5

# 1 wrong: where it is flat
pulled_hardest = 2.0

# 2 right: written out, without the last step
def my_displacement(rnn, inverse, x, h, wish):
    back = lambda w: propagate_targets(rnn, inverse, x, h, w)
    d = (back(wish) - back(-wish)) / 2
    d[:, :-1] -= 0.02 * h[:, :-1]
    return d

# 2 right: as long as the even part that it replaces
def my_displacement(rnn, inverse, x, h, wish):
    odd, even = split(rnn, inverse, x, h, wish)
    length = lambda part: part.norm(dim=-1, keepdim=True)
    return odd - length(even) / length(h) * h

# 2 right: by the square of the wish
def my_displacement(rnn, inverse, x, h, wish):
    pull = 1e-3 + wish.square().sum(-1, keepdim=True)
    return split(rnn, inverse, x, h, wish)[0] - pull * h

# 2 wrong: the whole displacement
my_displacement = propagate_targets

# 2 wrong: no even part
my_displacement = odd_alone

# 2 wrong: along the state
def my_displacement(rnn, inverse, x, h, wish):
    return split(rnn, inverse, x, h, wish)[0] + 0.1 * h

# 2 wrong: against the wish
def my_displacement(rnn, inverse, x, h, wish):
    return split(rnn, inverse, x, h, wish)[0] - 0.1 * wish

# 2 wrong: the whole and a pull
def my_displacement(rnn, inverse, x, h, wish):
    return propagate_targets(rnn, inverse, x, h, wish) - 0.01 * h
