# What readers might answer to the exercises of chapter 2.

# 1 right: by logarithms to another base
steps_until = lambda slope, left: math.log10(left) / math.log10(slope)

# 1 right: counted by a loop
def steps_until(slope, left):
    steps, part = 0, 1.0
    while part > left: steps, part = steps + 1, part * slope
    return steps

# 1 right: with tensors
def steps_until(slope, left):
    return torch.tensor(left).log() / torch.tensor(slope).log()

# 1 wrong: as if each step took the same away
steps_until = lambda slope, left: (1 - left) / (1 - slope)

# 1 wrong: the other way round
steps_until = lambda slope, left: math.log(slope) / math.log(left)

# 1 wrong: what is left after that many steps
steps_until = lambda slope, left: slope ** left

# 1 wrong: one number for all slopes
steps_until = lambda slope, left: 48.8

# 2 right: what the blank says, taken away
def calm(rnn): rnn.b_h.data = -rnn.W_xh[rnn.blank].detach()

# 2 right: copied
def calm(rnn):
    with torch.no_grad(): rnn.b_h.copy_(rnn.W_xh[8] * -1)

# 2 right: a new parameter
def calm(rnn): rnn.b_h = torch.nn.Parameter(-rnn.W_xh.detach()[-2])

# 2 wrong: nothing
def calm(rnn): pass

# 2 wrong: twice as loud
def calm(rnn): rnn.b_h.data += rnn.W_xh[rnn.blank].detach()

# 2 wrong: the recall signal's row
def calm(rnn): rnn.b_h.data -= rnn.W_xh[9].detach()

# 2 wrong: another weight
def calm(rnn): rnn.W_xh.data[rnn.blank] = 0

# 2 wrong: all that the tokens say together
def calm(rnn): rnn.b_h.data -= rnn.W_xh.sum(0).detach()

# 2 wrong: right for one network only
row = untrained("standard", 0).W_xh[8].detach()
def calm(rnn): rnn.b_h.data = -row
