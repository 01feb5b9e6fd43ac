# What readers might answer to the exercises of chapter 1.

# 1 right: the number
shortest_delay = 855

# 1 right: searched for
shortest_delay = next(T for T in range(1, 10_000) if 8.75 / (T + 20) <= 0.01)

# 1 right: computed, and rounded up
shortest_delay = math.ceil(8.75 / 0.01 - 20)

# 1 wrong: every guess counted as wrong
shortest_delay = 980

# 1 wrong: as if the sequence were the delay
shortest_delay = 875

# 1 wrong: one too long
shortest_delay = 856

# 1 wrong: one too short
shortest_delay = 854

# 1 wrong: no whole number
shortest_delay = 855.2

# 2 right: as fractions
half_recall, half_loss = (5 + 5 / 8) / 10, 5 * math.log(8) / 35

# 2 right: rounded to four digits
half_recall, half_loss = 0.5625, 0.2971

# 2 right: rounded to two digits
half_recall, half_loss = 0.56, 0.30

# 2 right: from the baselines
half_recall, half_loss = (1 + task.baseline_recall) / 2, task.baseline_loss / 2

# 2 wrong: no guess is ever right
half_recall, half_loss = 0.5, 0.2971

# 2 wrong: the loss of the recalled steps alone
half_recall, half_loss = 0.5625, math.log(8) / 2

# 2 wrong: guesses among ten tokens
half_recall, half_loss = (5 + 5 / 10) / 10, 5 * math.log(10) / 35

# 2 wrong: the loss without memory
half_recall, half_loss = 0.5625, 0.5941

# 2 wrong: one of the two
half_recall, half_loss = ..., 0.2971
