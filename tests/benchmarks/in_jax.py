"""The same updates in JAX, as its users write them: gradients by `jax.grad`, steps by
`lax.scan`, one `jit` around all that an update does, the random batch and Adam too."""
import jax
import jax.numpy as jnp
from jax import lax, nn, random
from updates import HIDDEN, VOCAB

from copymem.data import CopyTask
from copymem.rnn import RNN
from copymem.targetprop import Inverse


def states_of(weights, x):
    "The state after each token: (steps, batch, hidden). Everything here is time first."
    W_xh, W_hh, b_h = weights[:3]
    drive = W_xh[x] + b_h
    def step(h, drive_t):
        h = jnp.tanh(drive_t + h @ W_hh)
        return h, h
    return lax.scan(step, jnp.zeros_like(drive[0]), drive)[1]


def mean_loss(read_out, h, y):
    W_hy, b_y = read_out
    log_p = nn.log_softmax(h @ W_hy + b_y)
    return -jnp.take_along_axis(log_p, y[..., None], -1).mean()


def backprop(weights, back, x, y, eps):
    "Loss, gradients of `weights`, and those of `back`: none."
    loss = lambda weights: mean_loss(weights[3:], states_of(weights, x), y)
    loss, grads = jax.value_and_grad(loss)(weights)
    return loss, grads, ()


def targetprop(weights, back, x, y, eps, step_size=0.5):
    "Loss, gradients of `weights`, and those of `back`: V_hh and c_h."
    h = states_of(weights, x)
    own = jax.value_and_grad(mean_loss, (0, 1))
    loss, (to_read_out, local) = own(weights[3:], h, y)
    to_back = jax.grad(inverse_loss)(back, weights, x, h, eps)
    d = targets(weights[0], back, x, h, -step_size * y.size * local)
    def miss(weights):
        before = jnp.concatenate([jnp.zeros_like(h[:1]), h[:-1]])
        predicted = jnp.tanh(weights[0][x] + before @ weights[1] + weights[2])
        return jnp.square(predicted - (h + d)).sum() / (2 * step_size * y.size)
    return loss, (*jax.grad(miss)(weights[:3]), *to_read_out), to_back


def inverse_loss(back, weights, x, h, eps):
    "The mean of |g(f(h + eps)) - (h + eps)|^2."
    (V_hh, c_h), (W_xh, W_hh, b_h), before = back, weights[:3], h[:-1] + eps
    after = jnp.tanh(before @ W_hh + W_xh[x[1:]] + b_h)
    guess = jnp.tanh(after @ V_hh + W_xh[x[1:]] + c_h)
    return jnp.square(guess - before).sum() / x[1:].size


def targets(W_xh, back, x, h, local):
    "Each state's displacement to its target."
    V_hh, c_h = back
    reach = h[1:] @ V_hh + W_xh[x[1:]] + c_h
    def step(d_next, here):
        local_t, reach_t, known_t = here
        d = local_t + jnp.tanh(reach_t + d_next @ V_hh) - known_t
        return d, d
    steps = local[:-1], reach, jnp.tanh(reach)
    d = lax.scan(step, local[-1], steps, reverse=True)[1]
    return jnp.concatenate([d, local[-1:]])


def draw(key, task, batch):
    "Tokens and expected output (steps, batch), as `CopyTask.sample` makes them."
    symbols = random.randint(key, (task.length, batch), 0, task.n_symbols)
    fill = lambda steps, token: jnp.full((steps, batch), token)
    x = [symbols, fill(task.delay - 1, task.blank), fill(1, task.go),
         fill(task.length, task.blank)]
    y = [fill(task.delay + task.length, task.blank), symbols]
    return jnp.concatenate(x), jnp.concatenate(y)


def adam(weights, grads, m, v, t, lr=1e-4):
    "Adam's step, and its two averages."
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, grads)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, grads)
    step = lambda w, m, v: w - lr * (m / (1 - 0.9 ** t)) / (
        jnp.sqrt(v / (1 - 0.999 ** t)) + 1e-8)
    return jax.tree.map(step, weights, m, v), m, v


def to_jax(module):
    return tuple(jnp.array(p.detach().numpy()) for p in module.parameters())


def training(rule, task, batch):
    "A function that makes one update and waits for it."
    back = to_jax(Inverse(HIDDEN)) if rule is targetprop else ()
    weights = to_jax(RNN(HIDDEN, VOCAB)), back
    zeros = jax.tree.map(jnp.zeros_like, weights)
    def update(weights, m, v, t, key):
        key, for_batch, for_noise = random.split(key, 3)
        eps = 0.1 * random.normal(for_noise, (batch, HIDDEN))
        loss, *grads = rule(*weights, *draw(for_batch, task, batch), eps)
        weights, m, v = adam(weights, tuple(grads), m, v, t + 1)
        return (weights, m, v, t + 1, key), loss
    update = jax.jit(update, donate_argnums=range(5))
    other = jax.tree.map(jnp.copy, zeros)
    kept = [(weights, zeros, other, jnp.float32(0), random.key(0))]
    def call():
        kept[0], loss = update(*kept[0])
        loss.block_until_ready()
    return call


def make_updates(delay, batch):
    "name -> a function that makes one update."
    task = CopyTask(delay)
    return {"JAX TP": training(targetprop, task, batch),
            "JAX BP": training(backprop, task, batch)}
