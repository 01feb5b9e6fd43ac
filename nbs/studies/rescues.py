"""Study 1, rescues at the full loss: what lets backpropagation arrive,
one change a run.

    python nbs/studies/rescues.py            # everything: four hours on two cores
    python nbs/studies/rescues.py --delays 15 --only bp bp-penalty-0.03 --seeds 1
"""
import torch
from lab import backprop_of, begin, main, protocol, train
from torch.nn.functional import cross_entropy

from copymem import fast
from copymem.contract import by_hand, check_batch, weights_of
from copymem.rnn import RNN
from copymem.train import cpu_threads

PENALTIES = ("0.003", "0.01", "0.03", "0.1", "0.3")
EXPERIMENTS = {e.name: e for e in [
    protocol("bp"), protocol("bp-linear"), protocol("bp-orthogonal"),
    *(protocol(f"bp-penalty-{dose}", activity=float(dose)) for dose in PENALTIES),
    protocol("bp-silence-to-readout"), protocol("bp-quiet", start="quiet"),
    protocol("bp-centred"), protocol("bp-bias-3"), protocol("bp-bias-6"),
    protocol("bp-two-rates", lr=1e-4, readout_lr=1e-2)]}


class Linear(RNN):
    "The same network without its tanh."
    def step(self, x_t, h): return self.W_xh[x_t] + h @ self.W_hh + self.b_h


def by_autograd(rnn, x, y):
    "Backpropagation of a network that is not a tanh RNN."
    loss = cross_entropy(rnn(x).flatten(0, 1), y.flatten())
    loss.backward()
    return loss.detach()


@by_hand
def silence_to_readout(rnn, x, y):
    "Backpropagation where the silence's errors train the read-out and go no further."
    (x, y), weights = check_batch(rnn, x, y, 1.0, 0.0), weights_of(rnn)
    states = fast.states_of(weights, x)
    loss, error = fast.output_error(weights, states, y)
    _, recall = fast.output_error(weights, states, y, silence=0.0)
    local = fast.local_gradients(weights, states, recall, 1.0, 0.0)
    deltas = fast.propagate_gradients(weights[1], states, local)
    fast.leave(weights, fast.weight_gradients(weights, x, states, error, deltas))
    return loss


@torch.no_grad()
def nearest_orthogonal(rnn):
    "Moves `W_hh` to its polar factor: two steps of Newton and Schulz, from near it."
    for _ in range(2):
        W = rnn.W_hh
        rnn.W_hh.copy_(1.5 * W - 0.5 * W @ W.T @ W)


def run(experiment, device=None):
    "One run of this study; its figures."
    with cpu_threads(1):
        rnn, g = begin(experiment, Linear if experiment.name == "bp-linear" else RNN)
        with torch.no_grad():
            if experiment.name == "bp-centred": rnn.b_h.copy_(-rnn.W_xh[rnn.blank])
            if experiment.name.startswith("bp-bias"):
                rnn.b_y[rnn.blank] = float(experiment.name[-1])
        rule = {"bp-linear": by_autograd,
                "bp-silence-to-readout": silence_to_readout}.get(
                    experiment.name, backprop_of(experiment))
        change = nearest_orthogonal if experiment.name == "bp-orthogonal" else None
        return train(rnn, rule, experiment, g, change=change)


if __name__ == "__main__": main(__doc__, EXPERIMENTS, run, "rescues.csv")
