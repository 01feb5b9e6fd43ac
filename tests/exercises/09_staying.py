# What readers might answer to the exercises of chapter 9.

# 1 right: by logarithms
updates_to_half = 2 * math.log(0.5) / math.log(0.999)

# 1 right: counted
updates_to_half, root = 0, 1.0
while root > 0.5:
    root *= 0.999 ** 0.5
    updates_to_half += 1

# 1 right: rounded
updates_to_half = 1390

# 1 wrong: v itself
updates_to_half = 693

# 1 wrong: the usual word for it
updates_to_half = 1000

# 1 wrong: a quarter of v, and of its root
updates_to_half = 2772

# 2 right: the number
factor = 1.5

# 2 right: from the shares
factor = 1.25 / min(share[-1] for (label, _), share in shares.items()
                    if label == "AMSGrad")

# 2 wrong: the rate as it is
factor = 1.0

# 2 wrong: the table's
factor = 2.0

# 2 wrong: hardly longer
factor = 1.005
