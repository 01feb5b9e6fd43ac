# What readers might answer to the exercises of chapter 11.

# 1 right: the upper end
low, hidden = wilson(0, 40)

# 1 right: Wilson's interval of no successes, by its formula
hidden = 1.96 ** 2 / (40 + 1.96 ** 2)

# 1 right: by the exact interval (Clopper and Pearson)
hidden = 1 - 0.025 ** (1 / 40)

# 1 wrong: none came
hidden = 0.0

# 1 wrong: of twenty
hidden = wilson(0, 20)[1]

# 1 wrong: one of forty
hidden = wilson(1, 40)[1]

# 2 right: either lies above the other
def apart(a, n, b, m):
    one, other = sorted([wilson(a, n), wilson(b, m)])
    return one[1] < other[0]

# 2 right: no overlap
apart = lambda a, n, b, m: (max(wilson(a, n)[0], wilson(b, m)[0])
                            > min(wilson(a, n)[1], wilson(b, m)[1]))

# 2 right: in words of shares
def apart(a, n, b, m):
    if a / n > b / m: a, n, b, m = b, m, a, n
    return bool(wilson(a, n)[1] < wilson(b, m)[0])

# 2 wrong: the shares differ
apart = lambda a, n, b, m: a / n != b / m

# 2 wrong: by a tenth
apart = lambda a, n, b, m: abs(a / n - b / m) >= 0.1

# 2 wrong: in one order only
apart = lambda a, n, b, m: wilson(a, n)[1] < wilson(b, m)[0]

# 2 wrong: the intervals overlap
def apart(a, n, b, m):
    return not (wilson(a, n)[1] < wilson(b, m)[0] or wilson(b, m)[1] < wilson(a, n)[0])

# 2 wrong: by a third, of more than three
apart = lambda a, n, b, m: abs(a / n - b / m) > 0.3 and n > 3
