"""Algorithm 1 as printed, and as its authors ran it.

alg-1  alg-1-forget                                                 as printed, and as the slides print lambda_1
alg-1-streaming  alg-1-resampled                                    samples in blocks, and in two parts
alg-1-authors  alg-1-lambda                                         the departures of the authors' script, and the choice of lambda
fig-1-linear-noise                                                  what alpha + beta.x costs
"""

import itertools
import math
from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import numpy as np

from proofs_checks import Instead, Sides, ulps
from proofs_checks.instances import family
from proofs_checks.papers.dls22 import DERIVED, DLS22, RESTATED, SLIDES_BJ, SLIDES_CS
from refimpl import polynomials
from refimpl.network import Network
from refimpl.training import AUTHORS, PRINTED, Variant, algorithm_1, train

# ---- Algorithm 1 on small whole numbers, line by line in rational arithmetic

def _whole_numbers(rng, d, n, m, biases="redrawn", **_):
    """X, y, W, the points and the first biases are whole numbers, b in quarters, so that both sides stand on the same side of every kink."""
    X, points = rng.integers(-2, 3, (n, d)).tolist(), rng.integers(-2, 3, (3, d)).tolist()
    y = (rng.integers(1, 4, n) * (-1) ** rng.integers(0, 2, n)).tolist()
    a, W = (rng.integers(1, 3, m // 2) * (-1) ** rng.integers(0, 2, m // 2)).tolist(), rng.integers(-2, 3, (m // 2, d)).tolist()
    b = [Fraction(int(k), 4) for k in rng.integers(1, 5, m) * (-1) ** rng.integers(0, 2, m)]
    b_0 = (rng.integers(-1, 2, m // 2) * (biases == "kept")).tolist()
    cuts = [0, *(k for k in range(1, n) if k % 3 != 2), n]                      # blocks of 1, 2, 1, 2, ... rows
    fields = {"X": X, "y": y, "points": points, "a": [*a, *(-x for x in a[::-1])], "W": [*W, *W[::-1]], "b": b, "b_0": [*b_0, *b_0[::-1]],
              "eta_1": Fraction(1, 2), "lam": Fraction(1, 2), "source": lambda: ((_floats(X[i:j]), _floats(y[i:j])) for i, j in itertools.pairwise(cuts))}
    return fields | {"eta": _converging(fields)}


def _converging(fields, first=None):
    """A power of 2 below 1 / (lam + 2 tr(Phi^T Phi / n)), on any of the samples."""
    X, b = _absolute(fields, "X", "b")
    Phi = X @ _sizes_of_lines_1_to_3(fields, first)[3].T + b
    return Fraction(1, 2 ** math.ceil(math.log2(float(fields["lam"]) + 2 * np.max(np.sum(Phi**2, axis=1)))))


def _absolute(at, *names):
    at = at if isinstance(at, dict) else vars(at)
    return [np.abs(np.array(at[name], dtype=float)) for name in names]


def _sizes_of_lines_1_to_3(at, first=None):
    """The absolute terms of alpha, beta, the labels and W^(1): every number with its absolute value, every difference a sum."""
    X, y, a, W, eta_1 = _absolute(at, "X", "y", "a", "W", "eta_1")
    alpha, beta = y[:first].mean(), y[:first] @ X[:first] / len(y[:first])
    y = y + alpha + X @ beta
    return alpha, beta, y, 2 * eta_1 * np.outer(a, y[:first] @ X[:first] / len(y[:first])) + 2 * W


def _sizes(at, first=None, rest=0):
    """The absolute terms of what :func:`_said` returns; those of a add up to one number, for its rounding is known in norm."""
    alpha, beta, y, W = _sizes_of_lines_1_to_3(at, first)
    X, points, a, b, eta, lam = _absolute(at, "X", "points", "a", "b", "eta", "lam")
    Phi, y, total = (X @ W.T + b)[rest:], y[rest:], np.sum(a)
    for _ in range(at.T):
        total += eta * (lam * total + 2 * np.mean(Phi.sum(axis=1) * (y + Phi.max(axis=1) * total)))
    f = total * (points @ W.T + b).max(axis=1)
    return np.concatenate([[at.n, alpha], beta, W.ravel(), np.full(len(a), total), alpha + points @ beta + f])


def _roundings(at):
    """2 n + d + 12 of alpha, beta and W^(1), n + m + d more of the moments, in each step; the decomposition adds 4 p a step, p of size 10."""
    return (at.T + 2) * (3 * at.n + 2 * at.d + at.m + 52)


whole_numbers = family(_whole_numbers, d=(1, 2), n=(2, 4), m=[2, 4], T=[3, 1, 4], biases=["redrawn", "kept"])


def _floats(values):
    return np.array([[float(x) for x in row] for row in values] if isinstance(values[0], list) else [float(x) for x in values])


def _start(at):
    return Network(_floats(at.a), _floats(at.W), _floats(at.b_0))


def _said(trained, points):
    """n, alpha, beta, W^(1), the last a, and the predictions at the points."""
    net = trained.network
    return np.concatenate([[trained.labels_used, trained.alpha], trained.beta, net.W.ravel(), net.a, trained.predict(_floats(points))])


def _trained(at, X=None, y=None, **changed):
    given = {"eta_1": float(at.eta_1), "eta": float(at.eta), "lam": float(at.lam), "T": at.T, "allow_n_below_d": True} | changed
    X, y = (_floats(at.X), _floats(at.y)) if X is None else (X, y)
    return train(X, y, _start(at), _floats(at.b), **given)


def _dot(u, v):
    return sum((x * y for x, y in zip(u, v, strict=True)), start=Fraction())


def _line_by_line(at, *, first=None, rest=0, preprocess=1, factor=2, lam_1=None, b=None, steps=None, a=None):
    """The lines of Algorithm 1 in rational numbers; ``first`` samples for lines 1-3, those from ``rest`` on for lines 5-7."""
    X, y = at.X[:first], at.y[:first]
    n, lam_1, b = len(y), 1 / at.eta_1 if lam_1 is None else lam_1, at.b if b is None else b
    # lines 1-2
    alpha = preprocess * Fraction(sum(y), n)
    beta = [preprocess * Fraction(sum(y_i * x[i] for y_i, x in zip(y, X, strict=True)), n) for i in range(at.d)]
    y = [y_i - alpha - _dot(beta, x) for y_i, x in zip(at.y, at.X, strict=True)]
    # line 3, where f = 0
    W = [[x - at.eta_1 * (-factor * a_j * Fraction(g, n) + lam_1 * x) for x, g in zip(w, _sees(at.X[:first], y, w, b_j), strict=True)]
         for a_j, w, b_j in zip(at.a, at.W, at.b_0, strict=True)]
    # lines 5-7
    a = at.a if a is None else a
    Phi, y = _relu_features(W, b, at.X[rest:]), y[rest:]
    for _ in range(at.T - 1 if steps is None else steps):
        residuals = [_dot(a, phi) - y_i for phi, y_i in zip(Phi, y, strict=True)]
        da = [Fraction(factor, len(y)) * sum(r * phi[j] for r, phi in zip(residuals, Phi, strict=True)) for j in range(at.m)]
        a = [a_j - at.eta * (g + at.lam * a_j) for a_j, g in zip(a, da, strict=True)]
    predictions = [alpha + _dot(beta, x) + _dot(a, phi) for x, phi in zip(at.points, _relu_features(W, b, at.points), strict=True)]
    return [at.n, alpha, *beta, *(x for w in W for x in w), *a, *predictions]


def _sees(X, y, w, b):
    """sum_i y_i x_i 1{w.x_i + b >= 0}."""
    return [sum(y_i * x[i] for x, y_i in zip(X, y, strict=False) if _dot(w, x) + b >= 0) for i in range(len(w))]


def _relu_features(W, b, X):
    return [[max(_dot(w, x) + b_j, 0) for w, b_j in zip(W, b, strict=True)] for x in X]


@DLS22.claim(
    "alg-1",
    where="section 3, Algorithm 1",
    printed_from=SLIDES_BJ,
    printed=r"\text{for } t = 2 \text{ to } T \text{ do } a^{(t)} \leftarrow a^{(t-1)} - \eta_t [\nabla_a \mathcal{L}(\theta^{(t-1)}) + \lambda_t a^{(t-1)}]",
    covers=["A.Alg1", "A.S5", "A.S6"],
    needs=["DLS22/alg-1-preprocess", "DLS22/alg-1-step", "DLS22/eq-init", "DLS22/loss-square"],
    given=whole_numbers,
    tol=ulps(_roundings),
)
def alg_1(at):
    """The whole of Algorithm 1: alpha and beta, one step on W that forgets W^(0), new biases, T - 1 steps on a from a^(1) = a^(0)."""
    trained, other = _trained(at), _trained(at, T=at.n)
    return Sides(
        algorithm=_said(trained, at.points),
        set_by_hand=_said(other.with_head(trained.network.a), at.points),
        refitted=_said(other.refit(lam=float(at.lam), eta=float(at.eta), T=at.T), at.points),
        line_by_line=_line_by_line(at),
        scale=_sizes(at),
    )


@alg_1.refutes("lambda_1 dropped: W^(0) is not forgotten")
def _(at):
    return Instead(line_by_line=_line_by_line(at, lam_1=0))


@alg_1.refutes("biases left at 0")
def _(at):
    return Instead(line_by_line=_line_by_line(at, b=[0] * at.m))


@alg_1.refutes("no preprocessing")
def _(at):
    return Instead(line_by_line=_line_by_line(at, preprocess=0))


@alg_1.refutes("the loss with 1/2")
def _(at):
    return Instead(line_by_line=_line_by_line(at, factor=1))


@alg_1.refutes("T steps on the head for T - 1")
def _(at):
    return Instead(line_by_line=_line_by_line(at, steps=at.T))


@alg_1.refutes("a drawn anew with the biases")
def _(at):
    return Instead(line_by_line=_line_by_line(at, a=[1] * at.m))


# ---- lambda_1

@DLS22.claim(
    "alg-1-forget",
    where="section 3, Theorem 1, its parameters",
    printed_from=SLIDES_CS,
    printed=r"\eta_1 = \tilde{O}(\sqrt{d}), \lambda_1 = \eta^{-1} \text{ and } \eta_t = \eta, \lambda_t = \lambda \text{ for } t \geq 2",
    covers=["A.Alg1", "ERR-S3"],
    needs=["DLS22/alg-1-step"],
    given=family(_whole_numbers, d=(1, 2), n=(2, 4), m=[2, 4], T=[1], share=[1, 0, Fraction(1, 2), 2]),
    tol=ulps(lambda at: 2 * at.n + at.d + 12),
    erratum="lambda_1 is the inverse of eta_1, the first step's own size, not of the head's eta",
)
def alg_1_forget(at):
    """W^(1) = (1 - eta_1 lambda_1) W^(0) + 2 eta_1 a_j g_n(w_j), which forgets W^(0) where lambda_1 = 1/eta_1 and only there."""
    return Sides(step=_step(at, at.share / at.eta_1), kept_and_learned=_kept_and_learned(at), scale=2 * (1 + at.share) * _sizes_of_lines_1_to_3(at)[3])


def _step(at, lam_1):
    return _trained(at, lam_1=float(lam_1), forget=at.eta_1 * lam_1 == 1, variant=RIDGE, eta=None, T=None).network.W


RIDGE = replace(PRINTED, head="ridge")


def _kept_and_learned(at):
    alpha, beta = Fraction(sum(at.y), at.n), [Fraction(_dot(at.y, column), at.n) for column in zip(*at.X, strict=True)]
    y = [y_i - alpha - _dot(beta, x) for x, y_i in zip(at.X, at.y, strict=True)]
    return [[(1 - at.share) * x + 2 * at.eta_1 * a * Fraction(g, at.n) for x, g in zip(w, _sees(at.X, y, w, 0), strict=True)]
            for a, w in zip(at.a, at.W, strict=True)]


@alg_1_forget.as_printed
def _(at):
    return Instead(step=_step(at, 1 / at.eta))


@alg_1_forget.refutes("lambda |W|^2 for (lambda / 2) |W|^2 as the penalty")
def _(at):
    return Instead(step=_step(at, 2 * at.share / at.eta_1))


@alg_1_forget.refutes("lambda_1 W not multiplied by eta_1")
def _(at):
    return Instead(step=_step(at, at.share / at.eta_1**2))


# ---- in blocks, and in two parts

more_samples = family(_whole_numbers, d=(1, 3), n=(4, 7), m=[2, 4], T=[3], biases=["kept"], block=[1, 2, 3])


@DLS22.claim(
    "alg-1-streaming",
    where="section 3, Algorithm 1",
    printed_from=DERIVED,
    covers=["A.Alg1"],
    needs=["DLS22/alg-1"],
    given=more_samples,
    tol=ulps(_roundings),
)
def alg_1_streaming(at):
    """Samples enter Algorithm 1 through sums alone, so blocks of any sizes give what the whole gives, up to the order of the sums."""
    return Sides(
        blocks=_said(_trained(at, at.source), at.points),
        cut_again=_said(_trained(at, at.source, block=at.block), at.points),
        whole=_said(_trained(at), at.points),
        line_by_line=_line_by_line(at),
        scale=_sizes(at),
    )


@alg_1_streaming.refutes("only the first block is read")
def _(at):
    return Instead(line_by_line=_line_by_line(SimpleNamespace(**{**vars(at), "X": at.X[:1], "y": at.y[:1], "n": 1})))


@alg_1_streaming.refutes("the first step from the first two samples, the head from all")
def _(at):
    return Instead(line_by_line=_line_by_line(at, first=2))


def _in_two_parts(rng, n, split, **sizes):
    fields, first = _whole_numbers(rng, n=n, biases="kept", **sizes), n // 2 if split is True else math.floor(split * n)
    return fields | {"first": first, "eta": _converging(fields, first)}


@DLS22.claim(
    "alg-1-resampled",
    where="section 3, remark below Theorem 1",
    printed_from=RESTATED,
    covers=["A.T1'", "A.Alg1"],
    needs=["DLS22/alg-1-streaming"],
    given=family(_in_two_parts, d=(1, 2), n=(4, 7), m=[2, 4], T=[3], split=[True, 0.25, 0.75], block=[2, 3]),
    tol=ulps(_roundings),
)
def alg_1_resampled(at):
    """Resampled after the first step: alpha, beta and W^(1) come from the first samples, the head from the others, less the same alpha + beta.x."""
    return Sides(
        arrays=_said(_trained(at, split=at.split), at.points),
        blocks=_said(_trained(at, at.source, split=at.split, block=at.block), at.points),
        line_by_line=_line_by_line(at, first=at.first, rest=at.first),
        scale=_sizes(at, at.first, at.first),
    )


@alg_1_resampled.refutes("the head fitted to all samples")
def _(at):
    return Instead(line_by_line=_line_by_line(at, first=at.first))


@alg_1_resampled.refutes("not split")
def _(at):
    return Instead(line_by_line=_line_by_line(at))


@alg_1_resampled.refutes("the first part is one sample longer")
def _(at):
    first = min(at.first + 1, at.n - 1)
    return Instead(line_by_line=_line_by_line(at, first=first, rest=first))


# ---- as the authors ran it

DEPARTURES = {"none": PRINTED, "biases": Variant(biases="kept"), "step": Variant(step="normalised"), "head": Variant(head="ridge"), "all": AUTHORS}


def _samples(rng, d, n, m, departure="none", **_):
    """The seed is the first after a random one whose neurons are each on at some sample, so that no gradient vanishes."""
    fields = {"X": rng.standard_normal((n, d)), "y": rng.standard_normal(n), "points": rng.standard_normal((3, d)), "n": n, "d": d, "m": m,
              "holdout": (rng.standard_normal((5, d)), rng.standard_normal(5)), "grid": np.array([0.25, 2.0, 16.0])}
    seeds = (fields | {"rng_seed": int(seed)} for seed in rng.integers(2**32, size=100))
    fields = next(at for at in seeds if _all_on(SimpleNamespace(**at)))
    return fields | {"variant": DEPARTURES[departure], "eta_1": 0.5, "eta": 2.0**-10, "lam": 0.5, "T": 5}


def _all_on(at):
    _, W, b_0, _ = _draws(at, DEPARTURES["biases"])
    return np.all(np.any(at.X @ W.T + b_0 >= 0, axis=0)) and np.all(np.any(at.X @ W.T >= 0, axis=0))


def _run(at):
    step = {"eta_1": at.eta_1} if at.variant.step == "eta_1" else {}
    head = {"eta": at.eta, "T": at.T} if at.variant.head == "descent" else {}
    return algorithm_1(at.X, at.y, m=at.m, rng=at.rng_seed, variant=at.variant, lam=at.lam, **step, **head)


def _draws(at, variant):
    """a, W and b of the mirrored start, and the biases afterwards: the draws of ``initial.symmetric``, then m more."""
    rng, half = np.random.default_rng(at.rng_seed), at.m // 2
    a, W, b = np.where(rng.integers(0, 2, half) > 0, 1.0, -1.0), rng.standard_normal((half, at.d)) / math.sqrt(at.d), rng.standard_normal(at.m)
    kept = np.append(b[:half], b[half - 1::-1])
    return (np.append(a, -a[::-1]), np.vstack([W, W[::-1]]), *((kept, kept) if variant.biases == "kept" else (np.zeros(at.m), b)))


def _script(at, variant):
    """The formulas of the script, with whole matrices; returns what :func:`_said` does."""
    a, W, b_0, b = _draws(at, variant)
    alpha, beta = np.mean(at.y), np.mean(at.y[:, None] * at.X, axis=0)
    y = at.y - alpha - at.X @ beta
    g = np.array([a_j * np.mean(y[:, None] * at.X * ~np.signbit(at.X @ w + b_j)[:, None], axis=0) for a_j, w, b_j in zip(a, W, b_0, strict=True)])
    W = 2 * at.eta_1 * g if variant.step == "eta_1" else g / math.sqrt(np.mean([row @ row for row in g]))
    a = _head_by_hand(at, np.maximum(at.X @ W.T + b, 0), y, a, variant)
    return np.concatenate([[at.n, alpha], beta, W.ravel(), a, alpha + at.points @ beta + np.maximum(at.points @ W.T + b, 0) @ a])


def _head_by_hand(at, Phi, y, a, variant):
    if variant.head == "ridge":
        return np.linalg.solve(Phi.T @ Phi / at.n + at.lam / 2 * np.eye(at.m), Phi.T @ y / at.n)
    for _ in range(at.T - 1):
        a = a - at.eta * (2 / at.n * Phi.T @ (Phi @ a - y) + at.lam * a)
    return a


def _script_sizes(at, net):
    """The absolute terms of the script: a difference counts as a sum, a quotient and the head's inverse 2/lam multiply what comes before."""
    X, y, points = np.abs(at.X), np.abs(at.y), np.abs(at.points)
    alpha, beta = y.mean(), y @ X / at.n
    y = y + alpha + X @ beta
    g = 2 * np.outer(np.ones(at.m), y @ X / at.n)
    W = at.eta_1 * g
    if at.variant.step == "normalised":
        size = np.linalg.norm(_script(at, replace(at.variant, step="eta_1"))[2 + at.d:][:W.size]) / math.sqrt(at.m)      # rms of eta_1 |grad_j|
        W = W / size + np.abs(net.W) * np.linalg.norm(W) / size
    a = _norm_of_head(at, X @ W.T + np.abs(net.b), y, net, at.lam)
    return np.concatenate([[at.n, alpha], beta, W.ravel(), np.full(at.m, a), alpha + points @ beta + a * np.linalg.norm(points @ W.T + np.abs(net.b), axis=1)])


def _norm_of_head(at, Phi, y, net, lam):
    """|a| and what the roundings of the moments are multiplied by: 2/lam, or the lengths of all steps."""
    G, c = np.sum(Phi**2) / at.n, np.linalg.norm(Phi) * np.linalg.norm(y) / at.n
    a = np.linalg.norm(net.a) + math.sqrt(at.m)
    return a + (G * a + c) * (2 / lam if at.variant.head == "ridge" else 2 * at.eta * at.T)


def _head_sizes(at, net, lam):
    X, y = np.abs(at.X), np.abs(at.y)
    return np.full(at.m, _norm_of_head(at, X @ np.abs(net.W).T + np.abs(net.b), y + y.mean() + X @ (y @ X / at.n), net, lam))


@DLS22.claim(
    "alg-1-authors",
    where="section 6 and the authors' script",
    printed_from="the authors' script (github.com/adamian98/COLT2022), restated",
    covers=["A.Alg1"],
    needs=["DLS22/alg-1", "DLS22/init-symmetric"],
    given=family(_samples, d=(1, 2), n=(4, 6), m=[2, 4], departure=list(DEPARTURES)),
    tol=ulps(lambda at: 4 * at.n + 2 * at.d + 20 * at.m + 60),
)
def alg_1_authors(at):
    """The authors' script keeps the biases of the first step, divides that step by the rms of its rows' norms and solves the ridge; each alone is an option."""
    trained = _run(at)
    return Sides(algorithm=_said(trained, at.points.tolist()), script=_script(at, at.variant), scale=_script_sizes(at, trained.network))


@alg_1_authors.refutes("biases drawn anew, as printed")
def _(at):
    return Instead(script=_script(at, replace(at.variant, biases="redrawn")))


@alg_1_authors.refutes("a step of size eta_1, as printed")
def _(at):
    return Instead(script=_script(at, replace(at.variant, step="eta_1")))


@alg_1_authors.refutes("descent on the head, as printed")
def _(at):
    return Instead(script=_script(at, replace(at.variant, head="descent")))


@alg_1_authors.refutes("the script's own grid, lam for lam / 2")
def _(at):
    return Instead(script=_script(SimpleNamespace(**{**vars(at), "lam": 2 * at.lam}), at.variant))


def _trained_once(rng, choice, **sizes):
    """Trained at one lam, before another is chosen."""
    at = _samples(rng, **sizes)
    return at | {"trained": _run(SimpleNamespace(**at))}


@DLS22.claim(
    "alg-1-lambda",
    where="section 3, Theorem 1 (there exists lambda) and section 6",
    printed_from=DERIVED,
    covers=["A.Alg1"],
    needs=["DLS22/alg-1-authors", "DLS22/head-gcv"],
    given=family(_trained_once, d=(1, 2), n=(6, 8), m=[2, 4], departure=["none", "head"], choice=["gcv", "holdout"]),
    tol=ulps(lambda at: 4 * at.n + 2 * at.d + 20 * at.m + 60),
)
def alg_1_lambda(at):
    """lambda is the best of a grid by the ridge's generalised cross validation, or on further samples, whose labels count as used."""
    further = {"holdout": at.holdout} if at.choice == "holdout" else {}
    steps = {"eta": at.eta, "T": at.T} if at.variant.head == "descent" else {}
    chosen = at.trained.refit(lam=at.grid, **further, **steps)
    given = at.trained.refit(lam=chosen.lam, **steps)
    return Sides(chosen=[chosen.labels_used, chosen.lam, *chosen.network.a, *given.network.a], by_definition=_best(at, at.trained, at.choice),
                 scale=np.concatenate([[1, 1], *[np.max([_head_sizes(at, chosen.network, lam) for lam in at.grid], axis=0)] * 2]))


def _best(at, trained, choice):
    """The labels used, the best lam on the features of the network, and its head."""
    (Phi, y), there = (_seen_by(trained, *samples) for samples in ((at.X, at.y), at.holdout))
    heads = [_head_by_hand(SimpleNamespace(**{**vars(at), "lam": lam}), Phi, y, trained.a_0, at.variant) for lam in at.grid]
    scores = [_cross_validated(Phi, y, lam) if choice == "gcv" else _missed(*(there if choice == "holdout" else (Phi, y)), a) for lam, a in zip(at.grid, heads, strict=True)]
    best = int(np.argmin(scores))
    return [trained.moments.n + len(there[1]) * (choice == "holdout"), at.grid[best], *heads[best], *heads[best]]


def _seen_by(trained, X, y):
    net = trained.network
    return np.maximum(X @ net.W.T + net.b, 0), y - trained.alpha - X @ trained.beta


def _missed(Phi, y, a):
    return np.linalg.norm(Phi @ a - y)


def _cross_validated(Phi, y, lam):
    """|y - h y| / (n - tr h), h = Phi (Phi^T Phi + n lam/2)^-1 Phi^T: what is squared in generalised cross validation."""
    h = Phi @ np.linalg.solve(Phi.T @ Phi + len(y) * lam / 2 * np.eye(Phi.shape[1]), Phi.T)
    return np.linalg.norm(y - h @ y) / (len(y) - np.trace(h))


@alg_1_lambda.refutes("the best on the samples that the head has seen")
def _(at):
    return Instead(by_definition=_best(at, at.trained, "seen"))


@alg_1_lambda.refutes("labels of the hold-out not counted")
def _(at):
    return Instead(by_definition=[at.n, *_best(at, at.trained, at.choice)[1:]])


@alg_1_lambda.refutes("the hold-out's labels less no alpha + beta.x")
def _(at):
    X, y = at.holdout
    raised = SimpleNamespace(**{**vars(at), "holdout": (X, y + at.trained.alpha + X @ at.trained.beta)})
    return Instead(by_definition=_best(raised, at.trained, at.choice))


# ---- what alpha + beta.x costs

@DLS22.claim(
    "fig-1-linear-noise",
    where="section 6, Figure 1, against the last line of Algorithm 1",
    printed_from=SLIDES_CS,
    printed=r"x \rightarrow \alpha + \beta \cdot x + a^T \sigma(Wx + b)",
    covers=["ERR-A14", "A.Alg1"],
    needs=["DLS22/alg-1-preprocess", "DLS22/sec-6-target"],
    given=family(p=[4, 3, 2], d=[10, 1, 2], n=[10, 1, 100], varsigma=[1, 0, 2]),
)
def fig_1_linear_noise(at):
    """Before a is fitted, alpha + beta.x costs E(alpha^2 + |beta|^2) = (28 + 2 sqrt 3) / n = 31.46 / n of Figure 1's target, whose risk is 1.

    That is 3.15 at n = d = 10, with p = 4 and varsigma = 1, where Figure 1 shows a risk of 1 up to n = d^2: its curves do not keep alpha + beta.x as
    the last line of Algorithm 1 prints it, unless the head takes it off again. Values are pairs, x + y / sqrt(2 p!).
    """
    return Sides(wick=_linear_noise(at), ladder=_ladder(at))


def _linear_noise(at):
    """(1/n) E y^2 (1 + |x|^2), for C_0 = C_1 = 0: f* = He_2(x_1) / 2 + s He_p(x_1), s^2 = 1 / (2 p!); the part without s, and the factor of s."""
    he = [polynomials.from_hermite({(k, *[0] * (at.d - 1)): math.factorial(k)}) for k in (2, at.p)]
    A, B = polynomials.scale(he[0], Fraction(1, 2)), he[1]
    one = {(0,) * at.d: Fraction(1)}
    sees = [one, *({tuple(int(i == j) for j in range(at.d)): Fraction(1)} for i in range(at.d))]         # 1, x_1, ..., x_d: alpha, beta
    squares = [polynomials.add(polynomials.times(A, A), polynomials.scale(polynomials.times(B, B), Fraction(1, 2 * math.factorial(at.p))),
                               polynomials.scale(one, at.varsigma**2)), polynomials.scale(polynomials.times(A, B), 2)]
    return [sum(_mean(at, polynomials.times(square, polynomials.times(v, v))) for v in sees) / at.n for square in squares]


def _mean(at, g):
    return polynomials.mean(g, polynomials.identity(at.d))


def _ladder(at):
    """The same from z He_k = He_{k+1} + k He_{k-1}: x_1 f* has the components of f* one up and k times one down, x_2 f* those of f*."""
    whole, cross = _raised({2: Fraction(1, 2)}, {2: Fraction(1, 2)}), _raised({2: Fraction(1, 2)}, {at.p: Fraction(1)})
    top = _raised({at.p: Fraction(1)}, {at.p: Fraction(1)})
    second = [whole[i] + top[i] / (2 * math.factorial(at.p)) for i in (0, 1)]
    first = (second[0] + at.varsigma**2) * at.d + second[1] + at.varsigma**2
    return [first / at.n, 2 * (cross[0] * at.d + cross[1]) / at.n]


def _raised(f, g):
    """E f g and E z^2 f g of two Hermite sums {k: coefficient of He_k}."""
    up = [{l: (h.get(l - 1, 0) + (l + 1) * h.get(l + 1, 0)) for l in range(max(h) + 2)} for h in (f, g)]
    return [sum((x * v.get(k, 0) * math.factorial(k) for k, x in u.items()), start=Fraction()) for u, v in ((f, g), up)]


@fig_1_linear_noise.refutes("flat at 1: alpha + beta.x costs nothing")
def _(at):
    return Instead(ladder=[0, 0])


@fig_1_linear_noise.refutes("the noise of the labels only, varsigma^2 (d + 1) / n")
def _(at):
    return Instead(ladder=[Fraction(at.varsigma**2 * (at.d + 1), at.n), 0])


@fig_1_linear_noise.refutes("f* and |x|^2 taken as independent, (1 + varsigma^2)(d + 1) / n")
def _(at):
    return Instead(ladder=[Fraction((1 + at.varsigma**2) * (at.d + 1), at.n), 0])
