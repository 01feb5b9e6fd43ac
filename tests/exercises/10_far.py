# What readers might answer to the exercises of chapter 10.

# 1 right: an eighth, as the solution has it
factor = 0.12

# 1 right: the other sign
factor = -0.11

# 1 right: the least that is allowed
factor = 1 / 10

# 1 wrong: half as loud
factor = 0.5

# 1 wrong: silent
factor = 0.0

# 1 wrong: as loud as it was, with the other sign
factor = -1

# 2 right: the directions, counted
units = 10 * (8 - 1)

# 2 right: found by bisection
low, units = 10, 128
while units - low > 1:
    middle = (low + units) // 2
    there = RNN(middle, generator=torch.Generator().manual_seed(0), start="quiet")
    if readable(there, 200, noise=0.01) < 0.95: low = middle
    else: units = middle

# 2 wrong: a unit for each symbol
units = 10

# 2 wrong: bits
units = 30

# 2 wrong: as many as the course has
units = 128
