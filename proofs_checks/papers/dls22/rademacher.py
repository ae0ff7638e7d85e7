"""Rademacher complexities of the two classes of networks, appendix D, and the last display of appendix B.

lemma-48-empirical  lemma-49-empirical                              at given inputs, all signs enumerated
lemma-49-symmetrisation  lemma-49-contraction                       the steps of Lemma 49
lemma-49-supremum  lemma-49                                         its biases
thm-3-samples                                                       which samples train the new head
"""

import itertools
import math
from fractions import Fraction
from operator import mul

import numpy as np

from proofs_checks import AtMost, Instead, Sides, ulps
from proofs_checks.instances import family, rational, rational_unit
from proofs_checks.papers.dls22 import DERIVED, DLS22, INDEXED, RESTATED
from refimpl.rademacher import head_bound, head_complexity, line_complexity, network_bound

# ---- at given inputs

def _dyadic(rng, n, m, d):
    """Features, weights and biases in quarters, exact in floats and in fractions."""
    return {"Phi": rng.integers(0, 9, (n, m)) / 4, "W": rng.integers(-8, 9, (m, d)) / 4, "b": rng.integers(-8, 9, m) / 4, "B_a": float(rng.integers(1, 9)) / 4}


@DLS22.claim(
    "lemma-48-empirical",
    where="appendix D, Lemma 48, at given inputs",
    printed_from=DERIVED,
    covers=["A.L48"],
    needs=["DLS22/lemma-48", "DLS22/lemma-48-moment"],
    given=family(_dyadic, n=(1, 6), m=(1, 4), d=(1, 3)),
    tol=ulps(lambda at: at.n + at.m * at.d + 32),
)
def lemma_48_empirical(at):
    """R = (B_a / n) E|Phi^T sigma| over all signs, and Lemma 48's bound sqrt(B_a^2 (|W|_F^2 + |b|^2) / n)."""
    return Sides(refimpl=[head_complexity(at.Phi, B_a=at.B_a), head_bound(at.W, at.b, at.n, B_a=at.B_a)], fractions=_by_hand(at), scale=_by_hand(at))


def _by_hand(at, B_b=1):
    """A mean of roots of rationals over all signs, and a root of a rational."""
    Phi, B_a = [[Fraction(x) for x in row] for row in at.Phi.tolist()], Fraction(at.B_a)
    norms = [math.sqrt(sum(sum(s * x for s, x in zip(sigma, column, strict=True)) ** 2 for column in zip(*Phi, strict=True)))
             for sigma in itertools.product([1, -1], repeat=at.n)]
    square = sum(Fraction(x) ** 2 for x in at.W.ravel().tolist()) + B_b * sum(Fraction(x) ** 2 for x in at.b.tolist())
    return [float(B_a) * math.fsum(norms) / len(norms) / at.n, math.sqrt(B_a**2 * square / at.n)]


@lemma_48_empirical.refutes("|b|^2 dropped")
def _(at):
    return Instead(fractions=_by_hand(at, B_b=0))


@lemma_48_empirical.refutes("all signs alike")
def _(at):
    return Instead(fractions=[at.B_a * np.linalg.norm(at.Phi.sum(axis=0)) / at.n, _by_hand(at)[1]])


@lemma_48_empirical.refutes("1 / sqrt(n) for 1 / n before the expectation")
def _(at):
    complexity, bound = _by_hand(at)
    return Instead(fractions=[complexity * math.sqrt(at.n), bound])


def _line(rng, n, m, d):
    """Inputs and biases in quarters, of either sign and 0, too; a bound of w among the kinks."""
    return {"x": rng.integers(-4, 5, n) / 4, "b": rng.integers(-4, 5, m) / 4, "B_a": float(rng.integers(1, 9)) / 4, "B_w": float(rng.integers(0, 9)) / 4}


@DLS22.claim(
    "lemma-49-empirical",
    where="appendix D, Lemma 49, at given inputs in R",
    printed_from=DERIVED,
    covers=["A.L49"],
    given=family(_line, n=(1, 5), m=(1, 3), d=(1, 3)),
    tol=ulps(lambda at: 4 * at.n + at.m + 32),
)
def lemma_49_empirical(at):
    """sup_{|w| <= B_w} |sum_i sigma_i relu(w x_i + b)|, piecewise linear in w, is taken at a kink or an end; beside it the repaired bound of Lemma 49."""
    return Sides(refimpl=[line_complexity(at.x, at.b, B_a=at.B_a, B_w=at.B_w), network_bound(at.n, at.m, at.d, B_a=at.B_a, B_w=at.B_w, B_b=0.75)],
                 searched=[_searched(at, _kinks), _written(at)], scale=[at.B_a * math.sqrt(at.m) * (at.B_w + 1), _written(at)])


def _searched(at, places):
    """(B_a / n) E (sum_j max_w^2)^(1/2) in fractions, w among these places."""
    x, total = [Fraction(z) for z in at.x.tolist()], []
    for sigma in itertools.product([1, -1], repeat=at.n):
        squares = [max(abs(sum(s * max(w * z + b, 0) for s, z in zip(sigma, x, strict=True))) for w in places(at, b)) ** 2 for b in map(Fraction, at.b.tolist())]
        total.append(math.sqrt(sum(squares)))
    return at.B_a * math.fsum(total) / len(total) / at.n


def _ends(at, b):
    return [Fraction(-at.B_w), Fraction(at.B_w)]


def _kinks(at, b):
    """The ends, and the kinks, of which those beyond the ends are moved there."""
    low, high = _ends(at, b)
    return {low, high, *(max(low, min(high, -b / Fraction(x))) for x in at.x.tolist() if x)}


def _written(at):
    """2 B_a (sqrt(m d) B_w + sqrt(m) B_b) / sqrt(n)."""
    return 2 * at.B_a * (math.sqrt(at.m * at.d / at.n) * at.B_w + math.sqrt(at.m / at.n) * 0.75)


@lemma_49_empirical.refutes("the largest value is at an end")
def _(at):
    return Instead(searched=[_searched(at, _ends), _written(at)])


@lemma_49_empirical.refutes("sqrt(d) also at the biases")
def _(at):
    return Instead(searched=[_searched(at, _kinks), 2 * at.B_a * math.sqrt(at.m * at.d / at.n) * (at.B_w + 0.75)])


# ---- the steps of Lemma 49

def _finite_class(rng, n, functions):
    """Functions on a space of two points, which have the probabilities 1/3 and 2/3, or of three that are equally likely, two of them alike; and signs."""
    F = [[rational(rng) for _ in range(2)] for _ in range(functions)]
    return {"F": F, "alike": [[f[0], f[1], f[1]] for f in F], "law": [(0, Fraction(1, 3)), (1, Fraction(2, 3))], "sigma": rng.choice([-1, 1], n).tolist()}


@DLS22.claim(
    "lemma-49-symmetrisation",
    where="appendix D, the definition of R_n, and the proof of Theorem 1",
    printed_from=RESTATED,
    covers=["A.L49", "A.T1"],
    given=family(_finite_class, n=(1, 2), functions=(2, 4)),
)
def lemma_49_symmetrisation(at):
    """E sup_f (1/n) sum_i (f(x'_i) - f(x_i)) = E sup_f (1/n) sum_i sigma_i (f(x'_i) - f(x_i)) for a ghost sample x' and any signs, exactly, on a finite space.

    The left is at least E sup_f (E f - (1/n) sum_i f(x_i)), by Jensen, and the right, for random signs, is at most 2 R_n.
    """
    return Sides(ghosts=_ghosts(at), signed=_signed(at))


def _ghosts(at):
    """Over all pairs of samples, by their probabilities."""
    total = Fraction()
    for pairs in itertools.product(itertools.product(at.law, at.law), repeat=at.n):
        weight = math.prod(p * q for (_, p), (_, q) in pairs)
        total += weight * max(sum(f[j] - f[i] for (i, _), (j, _) in pairs) for f in at.F) / at.n
    return total


def _signed(at):
    """Over all pairs of samples of equally likely places."""
    samples = list(itertools.product(zip(*at.alike, strict=True), repeat=at.n))                # n columns: the values of all functions at a point
    return _mean(max(sum(s * (v - u) for s, u, v in zip(at.sigma, before, after, strict=True))
                     for before, after in zip(zip(*x, strict=True), zip(*y, strict=True), strict=True)) for x in samples for y in samples) / at.n


def _mean(values):
    values = list(values)
    return sum(values, start=Fraction()) / len(values)


def _complexity(at):
    """R_n."""
    signs = list(itertools.product([1, -1], repeat=at.n))
    return _mean(max(sum(s * f[i] for s, i in zip(sigma, x, strict=True)) for f in at.alike) for x in itertools.product(range(3), repeat=at.n) for sigma in signs) / at.n


@lemma_49_symmetrisation.refutes("R_n, without 2")
def _(at):
    return Instead(signed=_complexity(at))


@lemma_49_symmetrisation.refutes("2 R_n, as if the bound were an equality")
def _(at):
    return Instead(signed=2 * _complexity(at))


def _set(rng, length, size, kind):
    """A finite set of vectors, and relu of it; ``above`` it has no negative entries, so that relu changes nothing; ``sharp`` is two vectors that need the 2."""
    T = [[0, 1, 1], [2, 1, -1]] if kind == "sharp" else rng.integers(0 if kind == "above" else -4, 5, (size, length)).tolist()
    return {"T": T, "relu_T": [[max(t, 0) for t in row] for row in T], "equal": kind == "above", "signs": list(itertools.product([1, -1], repeat=len(T[0])))}


@DLS22.claim(
    "lemma-49-contraction",
    where="appendix D, proof of Lemma 49",
    printed_from=RESTATED,
    covers=["A.L49"],
    given=family(_set, length=(1, 5), size=(2, 4), kind=["above", "mixed", "sharp"]),
)
def lemma_49_contraction(at):
    """E sup_T sum_i sigma_i relu(t_i) <= E sup_T sum_i sigma_i t_i; so with absolute values it is at most twice that where 0 is in T.

    For sup |s| <= sup s + sup (-s) where both are at least 0.
    """
    form = Sides if at.equal else AtMost                                        # equality where no t_i is negative, so it is checked
    return form(value=_signed_mean(at, at.relu_T), bound=_signed_mean(at, at.T))


def _signed_mean(at, T, size=lambda s: s):
    """E max_T size(sum_i sigma_i t_i)."""
    return _mean(max(size(sum(map(mul, sigma, row))) for row in T) for sigma in at.signs)


@lemma_49_contraction.refutes("with absolute values, still without the 2")
def _(at):
    return Instead(value=_signed_mean(at, at.relu_T, abs), bound=_signed_mean(at, at.T, abs))


@lemma_49_contraction.refutes("for a function of slope 2")
def _(at):
    return Instead(value=_signed_mean(at, [[2 * t for t in row] for row in at.relu_T]))


def _parallel(rng, B_w, b, root_n, root_m, root_d, kind):
    """Inputs +-sqrt(d) u with |u| = 1; ``aligned`` they are all alike, and b >= 0."""
    n = root_n**2
    plus = n if kind == "aligned" else int(rng.integers(n))
    return {"n": n, "x": [root_d] * plus + [-root_d] * (n - plus), "aligned": kind == "aligned", "B_b": abs(b), "B_a": Fraction(3, 2),
            "supremum": _counted(plus, n - plus, b, B_w * root_d)}


def _counted(plus, minus, b, t):
    """E max_{|w| <= B_w} |sum_i sigma_i relu(w.x_i + b)| over the sums P and Q of the signs on either side of the origin, B_w sqrt(d) = t."""
    above, below = max(b + t, 0), max(b - t, 0)
    return sum(math.comb(plus, (plus + P) // 2) * math.comb(minus, (minus + Q) // 2) * max(abs(P * above + Q * below), abs(P * below + Q * above))
               for P in range(-plus, plus + 1, 2) for Q in range(-minus, minus + 1, 2)) / Fraction(2 ** (plus + minus))


PARALLEL = family(_parallel, lambda B_w, b, root_n, root_m, root_d, kind: kind != "aligned" or b >= 0,
                  B_w=[Fraction(0), Fraction(1), Fraction(1, 2)], b=[Fraction(1), Fraction(0), Fraction(-1, 4)], root_n=(1, 3), root_m=(1, 3), root_d=(1, 3),
                  kind=["aligned", "opposite"])


@DLS22.claim(
    "lemma-49-supremum",
    where="appendix D, Lemma 49, at inputs on a line",
    printed_from=DERIVED,
    covers=["A.L49"],
    needs=["DLS22/lemma-49-empirical"],
    given=PARALLEL,
)
def lemma_49_supremum(at):
    """E max_{|w| <= B_w} |sum_i sigma_i relu(w.x_i + b)| for inputs +-sqrt(d) u, |u| = 1, by how many signs are positive: the maximum is taken at w = +-B_w u.

    For in t = sqrt(d) w.u the sum P relu(b + t) + Q relu(b - t) is linear, and 0 where b < 0, for |t| <= |b|, and further out its absolute value grows.
    """
    return Sides(signs=_over_signs(at, [-at.B_w, at.B_w]), counted=at.supremum)


def _over_signs(at, places):
    """E max |sum_i sigma_i relu(w.x_i + b)| over these w.u, in quarters and integers."""
    values = np.array([[int(4 * max(w * x + at.b, 0)) for w in places] for x in at.x])                  # (n, places)
    signs = np.array(list(itertools.product([1, -1], repeat=at.n)))                                     # (2^n, n)
    return Fraction(int(np.max(np.abs(signs @ values), axis=1).sum()), 4 * len(signs))


@lemma_49_supremum.refutes("w = B_w u only")
def _(at):
    return Instead(signs=_over_signs(at, [at.B_w]))


@lemma_49_supremum.refutes("w = 0, so the biases only")
def _(at):
    return Instead(signs=_over_signs(at, [0]))


@lemma_49_supremum.refutes("sqrt(d) lost")
def _(at):
    plus = at.x.count(at.root_d)
    return Instead(counted=_counted(plus, at.n - plus, at.b, at.B_w))


@DLS22.claim(
    "lemma-49",
    where="appendix D, Lemma 49",
    printed_from=INDEXED,
    printed=r"\mathcal{R}_n(\mathcal{F}) \leq 2 B_a B_w \sqrt{\frac{md}{n}}",
    covers=["A.L49", "ERR-A5"],
    needs=["DLS22/lemma-49-contraction", "DLS22/lemma-49-supremum"],
    given=PARALLEL,
    erratum="2 B_a sqrt(m) (B_w sqrt(d) + B_b) / sqrt(n): the printed bound drops the biases, and is 0 for B_w = 0",
)
def lemma_49(at):
    """R_n <= 2 B_a sqrt(m) (B_w sqrt(d) + B_b) / sqrt(n) for |a| <= B_a, |w_j| <= B_w, |b_j| <= B_b, exactly at inputs +-sqrt(d) u, |u| = 1.

    Where all inputs are alike and b >= 0 it is half of the bound times E|sum_i sigma_i| / sqrt(n), so at n = 1 half of it. The m suprema are alike.
    By contraction, with a bias as one more coordinate, which may be free: E sup |sum_i sigma_i (w.x_i + b)| <= B_w |X|_F + B_b sqrt(n), |X|_F^2 <= n d.
    """
    complexity = at.B_a * at.root_m * at.supremum / at.n
    if at.aligned:
        return Sides(value=2 * complexity * at.root_n / _walk(at.n), bound=_repaired(at))
    return AtMost(value=complexity, bound=_repaired(at))


def _walk(n):
    """E|sum_i sigma_i| = n C(n - 1, floor(n / 2)) / 2^(n - 1)."""
    return n * Fraction(math.comb(n - 1, n // 2), 2 ** (n - 1))


def _repaired(at, B_b=1, factor=2):
    return factor * at.B_a * at.root_m * (at.B_w * at.root_d + B_b * at.B_b) / at.root_n


@lemma_49.as_printed
def _(at):
    return Instead(bound=_repaired(at, B_b=0))


@lemma_49.refutes("1 for 2, which at n = 1 leaves no room")
def _(at):
    return Instead(bound=_repaired(at, factor=1))


@lemma_49.refutes("sqrt(m) lost")
def _(at):
    return Instead(bound=_repaired(at) / at.root_m)


@lemma_49.refutes("sqrt(d) lost")
def _(at):
    return Instead(bound=2 * at.B_a * at.root_m * (at.B_w + at.B_b) / at.root_n)


@lemma_49.refutes("1 / n for 1 / sqrt(n)")
def _(at):
    return Instead(bound=_repaired(at) / at.root_n)


# ---- appendix B

def _heads(rng, m, d, n, N):
    return {"h": [rational(rng) for _ in range(m)], "w_b": rational_unit(rng, d + 1)}


@DLS22.claim(
    "thm-3-samples",
    where="appendix B, the last display",
    printed_from=INDEXED,
    printed=r"\tilde{O}\left(\sqrt{\frac{d^2 r}{n}} + \sqrt{\frac{r^p \kappa^{2p}}{\min(n, m)}}\right)",
    covers=["A.T3", "ERR-A7"],
    needs=["DLS22/lemma-48", "DLS22/thm-3-widths"],
    given=family(_heads, m=(1, 3), d=(1, 2), n=[1, 4, 9], N=[2, 5, 7]),
    erratum="min(m, N) as in Theorem 3: the new head is trained on N samples; the n of the pretraining enter by d^2 r / n only",
)
def thm_3_samples(at):
    """For a*_j = h_j / m and unit (w_j, b_j) the squares of the two terms are |a*|^2 = mean(h^2) / m and, by Lemma 48 over N samples, mean(h^2) / N.

    mean(h^2) is the r^p kappa^2p of the display. Theorem 3 shows that d^2 r pretraining samples suffice, not, as the text has it, that they are necessary.
    """
    a, rows = [h / at.m for h in at.h], [at.w_b] * at.m
    mean = sum(h * h for h in at.h) / at.m
    return Sides(chain=[_square(a), _square(a) * sum(map(_square, rows)) / at.N], display=[mean / at.m, mean / at.N])


def _square(v):
    return sum((x * x for x in v), start=Fraction())


@thm_3_samples.as_printed
def _(at):
    mean = sum(h * h for h in at.h) / at.m
    return Instead(display=[mean / at.m, mean / at.n])


@thm_3_samples.refutes("n + N samples, as if both tasks trained the head")
def _(at):
    mean = sum(h * h for h in at.h) / at.m
    return Instead(display=[mean / at.m, mean / (at.n + at.N)])


@thm_3_samples.refutes("a*_j = h_j / sqrt(m)")
def _(at):
    mean = sum(h * h for h in at.h) / at.m
    return Instead(display=[mean, mean * at.m / at.N])
