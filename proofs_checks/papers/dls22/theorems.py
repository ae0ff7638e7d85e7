"""The exact steps in the chains of Theorems 1 and 3.

thm-1-jensen  thm-1-root                                            from the square loss to the L1 loss
thm-1-first-term  lemma-48  lemma-48-moment                         the norm of the head
kappa-bound                                                         powers of kappa
thm-3-head  thm-3-affine  thm-3-widths                              the target task
"""

import itertools
import math
from fractions import Fraction

import numpy as np

from proofs_checks import AtMost, Instead, Sides, ulps
from proofs_checks.engine import oracles
from proofs_checks.engine.evidence import Proof
from proofs_checks.instances import family, rational, rational_unit
from proofs_checks.papers.dls22 import DERIVED, DLS22, RESTATED, SLIDES_CS
from proofs_checks.papers.dls22.routes import he_monomials
from refimpl import losses as ell
from refimpl import polynomials
from refimpl.head import Moments, decompose
from refimpl.network import Network
from refimpl.training import PRINTED, Trained, transfer

# ---- from the square loss to the L1 loss

def _losses(rng, n):
    """Predictions and labels in eighths, so that squares of their differences are exact."""
    return {"f": rng.integers(-16, 17, n) / 8, "y": rng.integers(-16, 17, n) / 8}


@DLS22.claim(
    "thm-1-jensen",
    where="appendix A.3, proof of Theorem 1",
    printed_from=RESTATED,
    covers=["A.T1"],
    needs=["DLS22/losses"],
    given=family(_losses, n=[1, 2, 3, 4, 8]),
    tol=ulps(lambda at: 2 * at.n + 12),
)
def thm_1_jensen(at):
    """The L1 loss is at most the root of the square loss: (1/n) sum r^2 - ((1/n) sum |r|)^2 is the variance of |r|, so not below 0."""
    r = [abs(Fraction(p) - Fraction(q)) for p, q in zip(at.f.tolist(), at.y.tolist(), strict=True)]
    middle = sum(r) / at.n
    return Sides(losses=ell.SQUARE.value(at.f, at.y) - ell.ABSOLUTE.value(at.f, at.y) ** 2,
                 variance=sum((x - middle) ** 2 for x in r) / at.n, scale=float(sum(x * x for x in r) / at.n + middle**2))


@thm_1_jensen.refutes("a sum for the mean of |r|")
def _(at):
    return Instead(losses=ell.SQUARE.value(at.f, at.y) - np.sum(np.abs(at.f - at.y)) ** 2)


@thm_1_jensen.refutes("the square loss with 1/2")
def _(at):
    return Instead(losses=ell.SQUARE.value(at.f, at.y) / 2 - ell.ABSOLUTE.value(at.f, at.y) ** 2)


@thm_1_jensen.refutes("r for |r|")
def _(at):
    return Instead(losses=ell.SQUARE.value(at.f, at.y) - np.mean(at.f - at.y) ** 2)


@DLS22.claim(
    "thm-1-root",
    where="appendix A.3, proof of Theorem 1",
    printed_from=RESTATED,
    covers=["A.T1"],
    needs=["DLS22/asm-noise"],
    given=family(varsigma=[1, 0, 2], root=[1, 0, 2]),
    proof=Proof(over="all varsigma, delta >= 0", parameter="varsigma", degree=lambda at: 2,
                because="both sides have degree at most 2 in varsigma and in sqrt(delta), and the instances are all pairs of three values of each"),
)
def thm_1_root(at):
    """sqrt(varsigma^2 + delta) <= varsigma + sqrt(delta), for (varsigma + sqrt(delta))^2 - (varsigma^2 + delta) = 2 varsigma sqrt(delta) >= 0.

    An excess delta = sqrt(iota / n) of the square loss over varsigma^2 is therefore at most (iota / n)^(1/4) in the L1 loss: the last term of Theorem 1.
    """
    delta = at.root**2
    return Sides(gap=(at.varsigma + at.root) ** 2 - (at.varsigma**2 + delta), product=2 * at.varsigma * at.root)


@thm_1_root.refutes("delta for sqrt(delta), which would give n^-1/2")
def _(at):
    return Instead(gap=(at.varsigma + at.root**2) ** 2 - (at.varsigma**2 + at.root**2))


@thm_1_root.refutes("the root of a sum is the sum of the roots")
def _(at):
    return Instead(product=0)


def _heads(rng, m, d, n):
    return {"h": [rational(rng) for _ in range(m)], "w_b": rational_unit(rng, d + 1)}


@DLS22.claim(
    "thm-1-first-term",
    where="section 3, Theorem 1, its first term, and the remark below",
    printed_from=RESTATED,
    covers=["A.T1", "A.T1'"],
    needs=["DLS22/lemma-48"],
    given=family(_heads, m=(1, 5), d=(1, 3), n=[1, 4, 9]),
)
def thm_1_first_term(at):
    """With a*_j = h_j / m the width drops out: |a*|^2 m d / n = d mean(h^2) / n, the square of sqrt(d r^p kappa^2p / n) where mean(h^2) = r^p kappa^2p.

    That is Lemma 49, for features of any fixed length. Where the head has samples of its own the features are fixed, Lemma 48 has sum_j (|w_j|^2 + b_j^2)
    in the place of m d, here m, and the d is gone.
    """
    a = [h / at.m for h in at.h]
    W_b = [at.w_b] * at.m                                                       # rows (w_j, b_j) of unit length
    mean = sum(h * h for h in at.h) / at.m
    return Sides(norms=[_square(a) * at.m * at.d / at.n, _square(a) * sum(map(_square, W_b)) / at.n], display=[at.d * mean / at.n, mean / at.n])


def _square(v):
    return sum((x * x for x in v), start=Fraction())


@thm_1_first_term.refutes("a*_j = h_j / sqrt(m)")
def _(at):
    mean = sum(h * h for h in at.h) / at.m
    return Instead(norms=[mean * at.m * at.d / at.n, mean * at.m / at.n])


@thm_1_first_term.refutes("|a*| as large as mean(h^2) / sqrt(m)")
def _(at):
    mean = sum(h * h for h in at.h) / at.m
    return Instead(norms=[mean**2 * at.d / at.n, mean**2 / at.n])


@thm_1_first_term.refutes("d stays where the samples are fresh")
def _(at):
    mean = sum(h * h for h in at.h) / at.m
    return Instead(display=[at.d * mean / at.n, at.d * mean / at.n])


# ---- Lemma 48

def _features(rng, n, m, d):
    """sigma(W x_i + b) for halves, exactly."""
    X, W, b = rng.integers(-4, 5, (n, d)), rng.integers(-4, 5, (m, d)), rng.integers(-4, 5, m)
    return {"Phi": [[max(Fraction(int(z), 4), 0) for z in row] for row in X @ W.T + 2 * b]}


@DLS22.claim(
    "lemma-48",
    where="appendix A.3, Lemma 48, over the signs",
    printed_from=RESTATED,
    covers=["A.L48"],
    given=family(_features, n=(1, 5), m=(1, 3), d=(1, 2)),
)
def lemma_48(at):
    """E|sum_i s_i sigma(W x_i + b)|^2 = sum_i |sigma(W x_i + b)|^2 over signs s_i, so R_n <= B_a (sum_i |sigma(W x_i + b)|^2)^(1/2) / n by Jensen."""
    signs = list(itertools.product([1, -1], repeat=at.n))
    return Sides(all_signs=sum(_square(_signed(at, s)) for s in signs) / len(signs), diagonal=_square(x for phi in at.Phi for x in phi))


def _signed(at, signs):
    """sum_i s_i sigma(W x_i + b)."""
    return [_dot(signs, column) for column in zip(*at.Phi, strict=True)]


def _dot(u, v):
    return sum((x * y for x, y in zip(u, v, strict=True)), start=Fraction())


@lemma_48.refutes("the mixed terms kept, |sum_i sigma(W x_i + b)|^2")
def _(at):
    return Instead(diagonal=_square(_signed(at, [1] * at.n)))


@lemma_48.refutes("n times as much, as for samples that are all alike")
def _(at):
    return Instead(diagonal=at.n * _square(x for phi in at.Phi for x in phi))


def _gaussian_row(rng, d, b):
    return {"w": rng.standard_normal(d)}


@DLS22.claim(
    "lemma-48-moment",
    where="appendix A.3, Lemma 48, over x",
    printed_from=RESTATED,
    covers=["A.L48"],
    needs=["DLS22/lemma-48"],
    given=family(_gaussian_row, d=(1, 4), b=[0.0, 0.5, -1.5, 6.0]),
    tol=ulps(lambda at: 64 + 4 * at.d),
)
def lemma_48_moment(at):
    """E sigma(w.x + b)^2 = (|w|^2 + b^2) Phi(b/|w|) + |w| b phi(b/|w|), which with that of -b adds up to |w|^2 + b^2, so it is at most that.

    Hence E sum_i |sigma(W x_i + b)|^2 <= n (|W|_F^2 + |b|^2), and R_n <= sqrt(B_a^2 (|W|_F^2 + |b|^2) / n).
    """
    size = np.linalg.norm(at.w)
    return Sides(half_lines=[_above_kink(size, at.b), _above_kink(size, -at.b)], closed_form=_closed_and_rest(at, size), scale=2 * (at.w @ at.w + at.b**2))


def _above_kink(size, b):
    """E (size z + b)^2 1{size z + b >= 0} by Gauss and Legendre's rule."""
    z, weight = oracles.half_line_rule(-b / size)
    return weight @ (size * z + b) ** 2


def _closed_and_rest(at, size):
    whole = at.w @ at.w + at.b**2
    closed = whole * math.erfc(-at.b / size / math.sqrt(2)) / 2 + size * at.b * math.exp(-((at.b / size) ** 2) / 2) / math.sqrt(2 * math.pi)
    return [closed, whole - closed]


@lemma_48_moment.refutes("b^2 dropped")
def _(at):
    closed = _closed_and_rest(at, np.linalg.norm(at.w))[0]
    return Instead(closed_form=[closed, at.w @ at.w - closed])


@lemma_48_moment.refutes("half of |w|^2 + b^2, as without a bias")
def _(at):
    return Instead(closed_form=[(at.w @ at.w + at.b**2) / 2] * 2)


# ---- powers of kappa

def _eigenvalues(rng, r, kind, p, k):
    signs = [(-1) ** int(s) for s in rng.integers(0, 2, r)]
    return {"l": [s * (3 if kind == "equal" else int(rng.integers(1, 6))) for s in signs]}


@DLS22.claim(
    "kappa-bound",
    where="appendix A.2, proof of Corollary 24",
    printed_from=RESTATED,
    covers=["ERR-A17"],
    needs=["DLS22/asm-2-bound"],
    given=family(_eigenvalues, lambda k, p, **_: k <= p, r=(1, 3), kind=["equal", "generic"], p=(2, 4), k=(0, 4)),
)
def kappa_bound(at):
    """kappa^2k <= 2^(p-k) kappa^2p for k <= p, with equality where all eigenvalues of H are +-sqrt(2/r)."""
    form = Sides if at.kind == "equal" else AtMost                              # equality is claimed there, so it is checked
    return form(value=_kappa_squared(at) ** at.k, bound=2 ** (at.p - at.k) * _kappa_squared(at) ** at.p)


def _kappa_squared(at):
    """|H^dagger|^2 / r of f* = c sum_i l_i (z_i^2 - 1) with E f*^2 = 1: H = 2 c diag(l)."""
    g = {tuple(2 * int(i == j) for j in range(at.r)): l for i, l in enumerate(at.l)} | {(0,) * at.r: -sum(at.l)}
    size = polynomials.mean(polynomials.times(g, g), polynomials.identity(at.r))
    return size / (at.r * (2 * min(map(abs, at.l))) ** 2)


@kappa_bound.refutes("the constant lost: kappa^2k <= kappa^2p, true only where kappa >= 1")
def _(at):
    return Instead(bound=_kappa_squared(at) ** at.p)


@kappa_bound.refutes("2^k for 2^(p-k)")
def _(at):
    return Instead(bound=2**at.k * _kappa_squared(at) ** at.p)


@kappa_bound.refutes("kappa^k <= sqrt(2)^(p-k) kappa^p squared on one side only")
def _(at):
    return Instead(bound=2 ** (at.p - at.k) * _kappa_squared(at) ** (2 * at.p))


# ---- Theorem 3: the head on another target

def _pretrained(rng, d, m, N, T, start, preprocess):
    """A network of small numbers that is held, and N samples of another target; the head starts away from 0."""
    a, W, b = rng.integers(1, 4, m) / 4, rng.integers(-2, 3, (m, d)) / 2, rng.integers(-3, 4, m) / 4
    kept = Trained(Network(a, W, b), 3.0, np.full(d, 5.0), decompose(Moments(np.eye(m), np.ones(m), 1.0, 7)), 2 * a, 1, PRINTED, None, 7)
    X = rng.integers(-2, 3, (N, d)) / 1.0
    X[0] = W[np.argmax(np.abs(W).sum(axis=1))]                                  # a sample at which that neuron is on or, with its b, nearly
    return {"kept": kept, "X": X, "y": rng.integers(1, 4, N) * (-1.0) ** rng.integers(0, 2, N), "points": rng.integers(-2, 3, (3, d)) / 1.0,
            "eta": 2.0**-7, "lam": 0.5}


@DLS22.claim(
    "thm-3-head",
    where="section 3, Theorem 3",
    printed_from=SLIDES_CS,
    printed=r"g_a(x) = a^T(W^{(1)}x + b)",
    covers=["A.T3", "ERR-A6"],
    needs=["DLS22/alg-1"],
    given=family(_pretrained, d=(1, 2), m=[2, 3], N=(2, 4), T=[3, 0, 1], start=["zeros", "pretrained"], preprocess=[False, True]),
    tol=ulps(lambda at: (at.T + 2) * (4 * at.N + 2 * at.d + at.m + 52)),
    erratum="sigma is lost: g_a(x) = a^T sigma(W^(1) x + b); without it g_a is affine and fits no target of higher degree",
)
def thm_3_head(at):
    """The target task trains a alone, by T steps on the features sigma(W^(1) x + b): g_a(x) = a^T sigma(W^(1) x + b)."""
    new = transfer(at.kept, at.X, at.y, lam=at.lam, eta=at.eta, T=at.T, start=at.start, preprocess=at.preprocess)
    return Sides(transfer=[new.labels_used, new.alpha, *new.beta, *new.network.W.ravel(), *new.network.b, *new.network.a, *new.predict(at.points)],
                 line_by_line=_retrained(at), scale=_retrained_sizes(at))


def _retrained(at, sigma=lambda z: max(z, 0), steps=None, start=None):
    X, y, points, W, b, a = (_fractions(x) for x in (at.X, at.y, at.points, at.kept.network.W, at.kept.network.b, at.kept.network.a))
    a = [x * (at.start == "pretrained" if start is None else start) for x in a]
    alpha, beta = [at.preprocess * sum(y) / at.N], [at.preprocess * _dot(y, column) / at.N for column in zip(*X, strict=True)]
    y = [y_i - alpha[0] - _dot(beta, x) for x, y_i in zip(X, y, strict=True)]
    Phi, there = ([[sigma(_dot(w, x) + b_j) for w, b_j in zip(W, b, strict=True)] for x in points] for points in (X, points))
    for _ in range(at.T if steps is None else steps):
        residuals = [_dot(a, phi) - y_i for phi, y_i in zip(Phi, y, strict=True)]
        a = [a_j - Fraction(at.eta) * (2 * _dot(residuals, column) / at.N + Fraction(at.lam) * a_j) for a_j, column in zip(a, zip(*Phi, strict=True), strict=True)]
    return [at.N, *alpha, *beta, *(x for w in W for x in w), *b, *a, *(alpha[0] + _dot(beta, x) + _dot(a, phi) for x, phi in zip(points, there, strict=True))]


def _fractions(values):
    return [_fractions(x) if isinstance(x, list) else Fraction(x) for x in (values.tolist() if isinstance(values, np.ndarray) else values)]


def _retrained_sizes(at):
    """The absolute terms; those of a add up to one number, for its rounding is known in norm."""
    X, y, points, (a, W, b) = np.abs(at.X), np.abs(at.y), np.abs(at.points), (np.abs(x) for x in (at.kept.network.a, at.kept.network.W, at.kept.network.b))
    alpha, beta = y.mean(), y @ X / at.N
    Phi, y, total = X @ W.T + b, y + alpha + X @ beta, a.sum()
    for _ in range(at.T):
        total += at.eta * (at.lam * total + 2 * np.mean(Phi.sum(axis=1) * (y + Phi.max(axis=1) * total)))
    return np.concatenate([[at.N, alpha], beta, W.ravel(), b, np.full(len(a), total), alpha + points @ beta + total * (points @ W.T + b).max(axis=1)])


@thm_3_head.as_printed
def _(at):
    return Instead(line_by_line=_retrained(at, sigma=lambda z: z))


@thm_3_head.refutes("T - 1 steps, as in Algorithm 1")
def _(at):
    return Instead(line_by_line=_retrained(at, steps=max(at.T - 1, 0)))


@thm_3_head.refutes("always from the pretrained a")
def _(at):
    return Instead(line_by_line=_retrained(at, start=1))


@thm_3_head.refutes("alpha + beta.x of the pretraining added")
def _(at):
    new = transfer(at.kept, at.X, at.y, lam=at.lam, eta=at.eta, T=at.T, start=at.start, preprocess=at.preprocess)
    here = [new.labels_used, new.alpha, *new.beta, *new.network.W.ravel(), *new.network.b, *new.network.a, *(new.predict(at.points) + at.kept.alpha)]
    return Instead(transfer=here)


def _affine(rng, k, d, m):
    W = [[rational(rng) for _ in range(d)] for _ in range(m)]
    return {"u": rational_unit(rng, d), "slope": rational(rng), "a": [rational(rng) for _ in range(m)], "W": W, "b": [rational(rng) for _ in range(m)]}


@DLS22.claim(
    "thm-3-affine",
    where="section 3, Theorem 3 without sigma",
    printed_from=DERIVED,
    covers=["A.T3", "ERR-A6"],
    needs=["DLS22/thm-3-head", "HERMITE/several-coefficients"],
    given=family(_affine, k=(2, 5), d=(1, 3), m=(1, 3)),
)
def thm_3_affine(at):
    """Without sigma E(g* - g_a)^2 = k! + (a.b)^2 + |s u - W^T a|^2 for g* = He_k(u.x) + s u.x, k >= 2: whatever a is, He_k is not fitted at all."""
    difference = oracles.compose(polynomials.polynomial({(l,): c for l, c in enumerate(he_monomials(at.k))} | {(1,): at.slope + he_monomials(at.k)[1]}), [at.u])
    for a, w, b in zip(at.a, at.W, at.b, strict=True):
        difference = polynomials.add(difference, polynomials.scale(oracles.compose(polynomials.polynomial({(0,): b, (1,): 1}), [w]), -a))
    return Sides(wick=polynomials.mean(polynomials.times(difference, difference), polynomials.identity(at.d)), pythagoras=_pythagoras(at))


def _pythagoras(at, offset=1):
    missed = [at.slope * u_i - _dot(at.a, column) for u_i, column in zip(at.u, zip(*at.W, strict=True), strict=True)]
    return math.factorial(at.k) + offset * _dot(at.a, at.b) ** 2 + _square(missed)


@thm_3_affine.refutes("an offset costs nothing")
def _(at):
    return Instead(pythagoras=_pythagoras(at, offset=0))


@thm_3_affine.refutes("the slope fits He_k, as it does for k = 1")
def _(at):
    return Instead(pythagoras=_pythagoras(at) - math.factorial(at.k))


@DLS22.claim(
    "thm-3-widths",
    where="section 3, Theorem 3, its first term",
    printed_from=SLIDES_CS,
    printed=r"\sqrt{\frac{r^p\kappa^{2p}}{\min(n, N)}}",
    covers=["A.T3", "ERR-S4"],
    needs=["DLS22/lemma-48"],
    given=family(root_m=[1, 2, 5], root_N=[1, 2, 5], root_n=[1, 2, 5]),
    erratum="min(m, N): the width m and the new samples N enter, the n samples of the pretraining do not",
)
def thm_3_widths(at):
    """1/sqrt(m) of the width and 1/sqrt(N) of the new samples add up to at most 2 / sqrt(min(m, N)), in units of sqrt(r^p kappa^2p).

    The chain of the proof gives these two terms: a* with sqrt(r^p kappa^2p / m), and Lemma 48 over N samples. m, N and n are squares here.
    """
    form = Sides if at.root_m == at.root_N else AtMost                          # equality there, so it is checked
    return form(value=Fraction(1, at.root_m) + Fraction(1, at.root_N), bound=Fraction(2, min(at.root_m, at.root_N)))


@thm_3_widths.as_printed
def _(at):
    return Instead(bound=Fraction(2, min(at.root_n, at.root_N)))


@thm_3_widths.refutes("min(n, m), as in the appendix's proof")
def _(at):
    return Instead(bound=Fraction(2, min(at.root_n, at.root_m)))


@thm_3_widths.refutes("max(m, N)")
def _(at):
    return Instead(bound=Fraction(2, max(at.root_m, at.root_N)))
