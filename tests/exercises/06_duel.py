# What readers might answer to the exercises of chapter 6.

# 1 right: tried one by one
import random
chance = random.Random(1)
for _ in range(5_000):
    my_symbols = [chance.randrange(8) for _ in range(10)]
    _, wanted, told = answer(models["BP"], my_symbols)
    if sum(a == b for a, b in zip(wanted[-10:], told[-10:])) >= 6: break

# 1 right: many at once, as a tuple
x, y = CopyTask(15).sample(20_000, torch.Generator().manual_seed(3))
with torch.no_grad(): found = (models["BP"](x).argmax(-1) == y)[:, -10:].sum(1)
my_symbols = tuple(x[found >= 6][0, :10].tolist())

# 1 wrong: this chapter's question
my_symbols = question

# 1 wrong: a scale
my_symbols = [0, 1, 2, 3, 4, 5, 6, 7, 0, 1]

# 1 wrong: too few symbols
my_symbols = [5, 5, 5]

# 2 right: counted
at_most = sum(fisher(20, 20, k, 20) < 0.01 for k in range(21)) - 1

# 2 right: the number
at_most = 13

# 2 wrong: the first that it cannot tell apart
at_most = 14

# 2 wrong: careful
at_most = 10

# 2 wrong: half of the seeds, and a few
at_most = 20
