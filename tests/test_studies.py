"""The studies' scripts run, and change in a run what they say."""
import importlib, os, signal, subprocess, sys, time
from contextlib import suppress
from dataclasses import replace
from functools import partial

import pytest, torch
from conftest import ROOT
from torch.nn.functional import one_hot

from copymem import many
from copymem.data import CopyTask
from copymem.experiment import Run
from copymem.rnn import RNN
from copymem.targetprop import Inverse


STUDIES = ("rescues", "even_part", "inverses", "repair", "dose", "generalise",
           "staying", "credit")


def seed(i): return torch.Generator().manual_seed(i)


@pytest.fixture
def studies(monkeypatch):
    "The studies' modules by name."
    monkeypatch.syspath_prepend(ROOT/"nbs/studies")
    names = *STUDIES, "duel", "far", "untrained", "gated", "lead"
    return {name: importlib.import_module(name) for name in names}


@pytest.mark.parametrize("name", STUDIES)
def test_every_run_of_a_study_runs(studies, name):
    "Two small updates of each; a row has every figure of the table."
    module = studies[name]
    tiny = dict(hidden_size=8, delay=4, updates=102, eval_every=51, warmup=2)
    for method in ("bp", "tp"):
        group = [replace(e, **tiny) for e in module.EXPERIMENTS.values()
                 if e.method == method]
        rows = dict(module.STUDY(group, "cpu"))
        assert set(rows) == set(group)
        for e, row in rows.items():
            assert set(row) == set(module.STUDY.figures), e.name
            assert row["last_update"] == 102 and 0 <= row["recall"] <= 1, e.name


def made(n_hidden=8, delay=3):
    "Weights and inverse of a network in double precision, and a batch, one-hot."
    g = seed(1)
    modules = RNN(n_hidden, generator=g).double(), Inverse(n_hidden, g).double()
    for p in [*modules[0].parameters(), *modules[1].parameters()]:
        p.data += 0.1 * torch.randn(p.shape, generator=g)
    batch = [one_hot(t, 10).double() for t in CopyTask(delay).sample(4, g)]
    return [tuple(p.detach() for p in m.parameters()) for m in modules], batch


def test_the_silence_trains_the_readout_alone(studies):
    "The read-out learns as ever; the rest as if the silence had no weight."
    (weights, _), batch = made()
    ours = studies["rescues"].silence_to_readout(weights, (), *batch, None, {})[1]
    whole, without = (many.backprop(weights, (), *batch, None, own)[1] for own in (
        dict(silence=1.0, activity=0.0), dict(silence=0.0, activity=0.0)))
    for a, b in zip(ours, without[:3] + whole[3:]): torch.testing.assert_close(a, b)


def test_the_penalty_is_split_in_two(studies):
    "On what states share and on what each has beside that: autograd's, and the whole."
    module, (weights, _), batch = studies["rescues"], *made()
    weights, own = [w.requires_grad_() for w in weights], dict(activity=0.7)
    h = many.states_of(weights, batch[0])
    plain = many.local_gradients(weights, h, batch[1], 1.0, 0.0)[0]
    parts = h.mean(0).expand_as(h), h - h.mean(0)
    for rule, part in zip((module.shared, module.each_own), parts):
        loss = plain + 0.7 / 2 * part.square().sum(-1).mean()
        found, grads, _ = rule(weights, (), *batch, None, own)
        torch.testing.assert_close(found, loss)
        for a, b in zip(grads, torch.autograd.grad(loss, weights, retain_graph=True)):
            torch.testing.assert_close(a, b)
    whole, none = (many.backprop(weights, (), *batch, None, dict(
        silence=1.0, activity=activity))[1] for activity in (0.7, 0.0))
    both = [rule(weights, (), *batch, None, own)[1]
            for rule in (module.shared, module.each_own)]
    for a, b, sum_, bare in zip(*both, whole, none):
        torch.testing.assert_close(a + b, sum_ + bare)


def test_a_push_without_its_shared_part(studies):
    "As backpropagation whose sequences each learn from the others' mean as well."
    (weights, _), (x_hot, y_hot) = made()
    h = many.states_of(weights, x_hot)
    _, error, local = many.local_gradients(weights, h, y_hot, 1.0, 0.0)
    g = many.propagate_gradients(weights[1], h, local)
    shared = many.weight_gradients(x_hot, h, g.mean(0).expand_as(g), 0 * error)
    whole = many.weight_gradients(x_hot, h, g, error)
    ours = studies["rescues"].unshared(weights, (), x_hot, y_hot, None,
                                       dict(activity=0.0))[1]
    for a, b, c in zip(ours, whole, shared): torch.testing.assert_close(a, b - c)
    rescues = studies["rescues"]
    alone = rescues.without(rescues.apart, weights, (), x_hot, y_hot, None,
                            dict(activity=0.0))[1]
    for a, b in zip(alone[:3], shared): torch.testing.assert_close(a, b)
    for a, b in zip(alone[3:], whole[3:]): torch.testing.assert_close(a, b)
    assert shared[1].norm() > 1e-3 * whole[1].norm()


def test_credit_is_the_gradient_where_an_inverse_transposes(studies):
    "Backpropagation in the inverse's place: cosines of one, and no even part."
    module = importlib.import_module("lab")
    e = module.protocol("tp", method="tp", hidden_size=8, delay=4)
    rnn, seen = RNN(8, generator=seed(1)), []
    weights = [p.detach() for p in rnn.parameters()]
    def carry(weights, back, x_hot, h, wish, fade):
        seen.append(wish.clone())
        return many.propagate_gradients(weights[1], h, wish)
    found = module.pull(weights, (), e, carry, credit=True)
    assert abs(found["credit_near"] - 1) < 1e-5 > abs(found["credit_far"] - 1)
    assert found["even_share"] == 0 and not seen[-1][:, :14].any()
    assert seen[0][:, :14].any() and torch.equal(seen[0][:, 14:], seen[2][:, 14:])


def test_a_transpose_sends_back_the_gradient(studies):
    "Nearly, from a quiet start and by small steps; a tied inverse follows its network."
    lab = importlib.import_module("lab")
    e = lab.protocol("tp", method="tp", start="quiet", step_size=0.05, warmup=0,
                     inverse_lr=lab.STILL)
    batch = CopyTask(15).sample(4, seed(0))
    for run, follows in (Run(e, "cpu"), False), (lab.Tied(e, "cpu"), True):
        learned = lab.pull(*modules_of(run), e, many.propagate_targets, credit=True)
        lab.transposed(run)
        found = lab.pull(*modules_of(run), e, many.propagate_targets, credit=True)
        assert found["credit_far"] > 0.98 > 0.2 > abs(learned["credit_far"])
        assert found["even_share"] < 0.1
        run.rnn.W_hh.data += 0.1
        run.rule(run.rnn, *batch)
        assert torch.equal(run.inverse.V_hh, run.rnn.W_hh.T) == follows


def modules_of(run):
    "The weights of a run's network, and of its inverse."
    return [[p.detach() for p in m.parameters()] for m in (run.rnn, run.inverse)]


def test_what_is_left_out_instead_of_a_push_is_not_shared(studies):
    "Of twenty gradients one direction that is no mean; or a share of all, as large."
    rescues, g = studies["rescues"], torch.randn(20, 5, 8, generator=seed(0)) + 0.7
    size = lambda g: g.square().sum((0, -1)).sqrt()
    left = g - rescues.halves(g)
    torch.testing.assert_close(left.mean(0), g.mean(0))
    torch.testing.assert_close(left[:10].mean(0), left[10:].mean(0))
    assert torch.linalg.matrix_rank(rescues.halves(g)[:, 2]) == 1
    left = g - rescues.as_much(g)
    torch.testing.assert_close(size(left), size(g - g.mean(0)))
    torch.testing.assert_close(left[:, 1] * size(g)[1], g[:, 1] * size(left)[1])
    assert not rescues.as_much(0 * g).any()


def test_runs_alone_do_not_train_with_others(studies):
    "A group has one rule, and is trained one by one or together as a whole."
    for name in ("rescues", "even_part"):
        study = studies[name]
        for group in study.STUDY.alike(study.EXPERIMENTS.values()):
            assert len({e.name in study.ALONE for e in group}) == 1


def test_linear_is_what_autograd_says(studies):
    module, (weights, _), batch = studies["rescues"], *made()
    weights = [w.requires_grad_() for w in weights]
    h = module.linear_states(weights, batch[0])
    loss, _, _ = many.local_gradients(weights, h, batch[1], 1.0, 0.0)
    expected = torch.autograd.grad(loss, weights)
    for a, b in zip(module.linear(weights, (), *batch, None, {})[1], expected):
        torch.testing.assert_close(a, b)


def test_the_polar_factor_is_near(studies):
    rnn = RNN(16, generator=seed(0))
    with torch.no_grad():
        W = [None, rnn.W_hh + 0.01 * torch.randn(16, 16, generator=seed(1))]
        studies["rescues"].nearest_orthogonal(W)
    torch.testing.assert_close(W[1] @ W[1].mT, torch.eye(16), atol=1e-4, rtol=0)


def test_a_displacement_is_the_sum_of_its_parts(studies):
    "Target propagation, backpropagation, and odd and even that make up the first."
    module, (weights, back), batch = studies["even_part"], *made()
    eps = 0.1 * torch.randn(4, 8, generator=seed(2), dtype=torch.float64)
    own = dict(step_size=0.5, fade=0.9, silence=1.0, activity=0.0)
    def by(**parts):
        none = dict.fromkeys(module.TERMS, 0.0) | dict(heard=1.0, pull=0.0)
        return module.displaced(weights, back, *batch, eps, own | none | parts)[1]
    tp = many.targetprop(weights, back, *batch, eps, own)[1]
    bp = many.backprop(weights, (), *batch, eps, own)[1]
    odd, even = by(there=0.5, opposite=-0.5), by(there=0.5, opposite=0.5)
    both = [a + b for a, b in zip(odd, even)][:3]
    along, across = by(along=1.0), by(there=0.5, opposite=0.5, along=-1.0)
    rejoined = [a + b for a, b in zip(along, across)][:3]
    shared, each_own = by(common=1.0), by(there=0.5, opposite=0.5, common=-1.0)
    again = [a + b for a, b in zip(shared, each_own)][:3]
    for ours, theirs in ((by(there=1.0), tp), (by(exact=1.0), bp), (both, tp[:3]),
                         (rejoined, even[:3]), (again, even[:3])):
        for a, b in zip(ours, theirs): torch.testing.assert_close(a, b)
    assert even[1].norm() > 1e-3 * tp[1].norm()
    pulled = module.displaced(weights, back, *batch, eps, own | dict.fromkeys(
        module.TERMS, 0.0) | dict(heard=1.0, exact=1.0, pull=0.7))[1]
    split = studies["rescues"].shared(weights, (), *batch, None, dict(activity=0.7))[1]
    for ours, theirs in zip(pulled, split): torch.testing.assert_close(ours, theirs)


def test_the_shared_push_is_split_in_two(studies):
    "Outward and inward: leaving out both leaves out their sum; none pushes on outward."
    module, (weights, _), batch = studies["rescues"], *made()
    rules = (*(partial(module.without, partial(module.one_way, outward))
               for outward in (True, False)), module.unshared, many.backprop)
    own = dict(silence=1.0, activity=0.0)
    no_out, no_in, unshared, whole = (rule(weights, (), *batch, None, own)[1]
                                      for rule in rules)
    for parts in zip(no_out, no_in, unshared, whole):
        torch.testing.assert_close(parts[0] + parts[1], parts[2] + parts[3])
    assert not torch.allclose(no_out[1], no_in[1]) and not no_in[1].allclose(whole[1])
    x, y = batch[0][:1, :1].expand(4, -1, -1), batch[1][:, -1:]  # all hear one token
    h = many.states_of(weights, x)[0, 0]
    to_b, to_b_whole = (rule(weights, (), x, y, None, own)[1][2] for rule in rules[::3])
    outward = to_b_whole * h < 0
    assert outward.any() and not outward.all()
    torch.testing.assert_close(to_b, to_b_whole * ~outward)


def test_what_is_held_has_no_gradient(studies):
    "The bias and the blank's row; the rest as the rule has it."
    module, (weights, _), batch = studies["rescues"], *made()
    own = dict(silence=1.0, activity=0.0)
    whole = many.backprop(weights, (), *batch, None, own)[1]
    held = module.held(many.backprop, weights, (), *batch, None, own)[1]
    assert not held[2].any() and not held[0][8].any() and whole[0][8].any()
    for i in (1, 3, 4): assert held[i].equal(whole[i])
    assert held[0][:8].equal(whole[0][:8]) and held[0][9].equal(whole[0][9])


@pytest.mark.parametrize("part, sooner", [
    ("rescues", {"bp-penalty-shared-0.03", "bp-penalty-own-0.03", "bp-unshared"}),
    ("even_part", {"tp-odd", "bp-even", "tp-odd-penalty-0.03", "tp-even-shared",
                   "tp-odd-penalty-shared-0.03"})])
def test_a_run_alone_leaves_the_same_gradients(studies, part, sooner):
    "What is sooner on a CPU is the study's rule, for every row that is run so."
    study = studies[part]
    assert sooner <= set(study.ALONE)
    for name in study.ALONE:
        e = replace(study.EXPERIMENTS[name], delay=7, hidden_size=16, seed=3)
        alone, other = study.ALONE[name](e, "cpu"), Run(e, "cpu")
        own = getattr(study, "OWN", {}).get(name, {})
        nets = many.Networks(e.task, [other.rnn], [other.inverse] if other.inverse
                             else [], [other.generator], step_size=e.step_size,
                             noise=e.noise, activity=e.activity, **own,
                             **study.ODD[name])
        batch = many.draw(nets)
        _, grads, back = many.gradients(nets, batch["x"], batch["y"], batch["eps"])
        alone.rule(alone.rnn, *e.task.sample(e.batch_size, alone.generator))
        found = [p.grad for p in alone.rnn.parameters()]
        if alone.inverse: found += [p.grad for p in alone.inverse.parameters()]
        for mine, wanted in zip(found, [g[0] for g in (*grads, *back)], strict=True):
            torch.testing.assert_close(mine, wanted, rtol=1e-4, atol=1e-6)


def test_the_other_tasks(studies):
    "What is asked for can be found in what is shown."
    module, g = studies["generalise"], seed(0)
    x, y = module.Adding(15).sample(50, g)
    marked = (x > 3) & (x < 8)
    assert (marked.sum(1) == 2).all() and marked[:, :7].any(1).all()
    assert ((x - 4) * marked).sum(1).equal(y[:, -1]) and (y[:, :-1] == 8).all()
    x, y = module.Wandering(5).sample(50, g)
    starts = (x < 8).int().argmax(1)
    assert starts.unique().tolist() == [0, 1, 2, 3, 4] and (x[:, 14] == 9).all()
    for tokens, wanted, start in zip(x, y, starts):
        assert tokens[start:start + 10].equal(wanted[-10:])


def test_momentum_is_that_of_torch(studies):
    g = seed(0)
    ours, theirs = torch.randn(2, 3, 4, generator=g), None
    theirs = torch.nn.Parameter(ours[1].clone())
    many_of = studies["generalise"].Momentum([ours], torch.tensor([False, False]))
    one = torch.optim.SGD([theirs], lr=0.1, momentum=0.9)
    for _ in range(4):
        grad = torch.randn(2, 3, 4, generator=g)
        many_of.step([grad], [torch.tensor([0.01, 0.1])])
        theirs.grad = grad[1]
        one.step()
    torch.testing.assert_close(ours[1], theirs.detach())


def test_the_rate_falls_with_the_delay_and_the_frozen_stay_still(studies):
    far, tiny = studies["far"], dict(hidden_size=8, delay=3, updates=20, warmup=2)
    for name, moves in (("bp-quiet", True), ("frozen-quiet", False), ("tp", True),
                        ("tp-quiet-transposed", True)):
        row = far.run(replace(far.EXPERIMENTS[name], **tiny), "cpu")
        assert set(row) == set(far.SEEN) and (row["readable"] is None) == moves, name


def test_a_search_asks_both_rules_alike(studies):
    "The same draws for both; the best arrives more often, sooner, recalls more."
    duel = studies["duel"]
    bp, tp = ([e for e in duel.draws() if e.method == m] for m in ("bp", "tp"))
    assert len(bp) == len(tp) == duel.DRAWS
    for a, b in zip(bp, tp):
        assert all(getattr(a, k) == getattr(b, k) for k in
                   ("lr", "clip", "decay", "optimizer", "batch_size", "updates"))
    def row(e, seed, update, recall):
        own = {k: getattr(e, k) for k in duel.SETTINGS}
        return own | dict(seed=seed, update_99=update, recall_accuracy=recall)
    rows = [row(bp[0], 0, None, 0.9), row(bp[0], 1, None, 0.9), row(bp[1], 0, 900, 0.1),
            row(bp[1], 1, None, 0.1), row(bp[2], 0, None, 0.95),
            row(bp[2], 1, None, 0.95)]
    assert [e.lr for e, _ in duel.ranked(rows, "bp")] == [bp[i].lr for i in (1, 2, 0)]


def test_an_untrained_network_is_read(studies):
    "At fifteen steps all can be read; a quiet blank drives less of a mean state."
    module = studies["untrained"]
    loud, quiet = (module.run(e, "cpu") for e in module.EXPERIMENTS.values())
    assert set(loud) == set(module.SEEN)
    assert min(loud["readable_1e2"], quiet["readable_1e2"]) > 0.9
    assert quiet["mean_state"] < 0.5 * loud["mean_state"]


@pytest.mark.parametrize("name", ("gru", "lstm", "irnn"))
def test_gated_networks_are_as_large_and_learn(studies, name):
    "As many parameters as the tanh network within 2 %; the rule fills every gradient."
    gated = studies["gated"]
    short = replace(gated.EXPERIMENTS[name], delay=1, updates=40, eval_every=20)
    row = gated.run(short, "cpu")
    ours = sum(p.numel() for p in RNN().parameters())
    assert set(row) == set(gated.SEEN) and abs(row["parameters"] / ours - 1) < 0.02
    net = gated.Gated(*gated.KINDS[name], 10)
    x, y = CopyTask(1).sample(4, seed(0))
    loss = gated.by_autograd(net, x, y)
    assert all(p.grad.abs().sum() > 0 for p in net.parameters())
    assert row["last_update"] == 40 and 2 < loss < 3


def test_half_a_run_is_no_row(studies, monkeypatch):
    "An interrupt in a run of a study ends the study."
    def interrupted(*_, **__): raise KeyboardInterrupt
    short = dict(delay=1, updates=40, eval_every=20, hidden_size=8, warmup=2)
    gated, staying = studies["gated"], studies["staying"]
    monkeypatch.setattr(gated, "by_autograd", interrupted)
    with pytest.raises(KeyboardInterrupt):
        gated.run(replace(gated.EXPERIMENTS["gru"], **short), "cpu")
    monkeypatch.setattr("copymem.experiment.backprop", interrupted)
    e = replace(staying.EXPERIMENTS["bp-penalty-0.03"], **short)
    with pytest.raises(KeyboardInterrupt): list(staying.STUDY([e], "cpu"))


def test_the_leading_figure_looks_from_the_start(studies):
    "Every run begins with the same network, and a row follows each evaluation."
    lead, tiny = studies["lead"], dict(hidden_size=8, updates=100, warmup=50)
    rows = [lead.trace(replace(e, **tiny)) for e in lead.EXPERIMENTS.values()]
    for found in rows:
        assert [r["update"] for r in found] == [0, 50, 100]
        assert found[0] | dict(run="") == rows[0][0] | dict(run="")


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
def test_a_study_that_is_ended_leaves_no_process_behind(tmp_path):
    (tmp_path/"study.py").write_text(
        "import time\n"
        "from pathlib import Path\n"
        "from lab import main\n"
        "from copymem.settings import Experiment\n"
        "def run(experiment, device):\n"
        "    Path(f'begun-{experiment.seed}').touch()\n"
        "    time.sleep(600)\n"
        "main('', dict(a=Experiment('a')), 'a.csv', run, figures=dict(x=float))\n")
    study = subprocess.Popen(
        [sys.executable, "study.py", "--out", "a.csv", "--seeds", "2", "--delays", "1",
         "--jobs", "2"], cwd=tmp_path, stderr=subprocess.PIPE, start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT/"nbs/studies")})
    try:
        while len(list(tmp_path.glob("begun-*"))) < 2: assert study.poll() is None
        study.send_signal(signal.SIGTERM)
        said = study.communicate(timeout=60)[1].decode()
        assert study.returncode == 130 and "Traceback" not in said, said
        with pytest.raises(ProcessLookupError):  # its processes are a group
            for _ in range(300): time.sleep(os.killpg(study.pid, 0) or 0.1)
    finally:
        with suppress(ProcessLookupError): os.killpg(study.pid, signal.SIGKILL)
