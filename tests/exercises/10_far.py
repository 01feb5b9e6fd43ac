# What readers might answer to the exercises of chapter 10.

# 1 right: a twelfth part, as the solution has it
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

# 2 right: minus the blank's row, built by hand
b_h = [-w for w in untrained("standard").W_xh[8].tolist()]

# 2 right: a bias that nearly cancels it
b_h = -0.95 * untrained("standard").W_xh[untrained("standard").blank].detach()

# 2 wrong: no bias
b_h = torch.zeros(128)

# 2 wrong: the blank's row again
b_h = untrained("standard").W_xh[8].detach()

# 2 wrong: minus the recall signal's row
b_h = -untrained("standard").W_xh[9].detach()
