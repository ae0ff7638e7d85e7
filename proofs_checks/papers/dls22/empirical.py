"""What n samples know of an expectation, appendix C: alpha and beta, the length of X, and the first gradient for all w at once.

lemma-10  lemma-10-order                                            alpha and beta of Algorithm 1
singular-value-law  lemma-29  lemma-29-sampled                      |X|_2 of Gaussian samples
lemma-31-cells  lemma-31-patterns  lemma-31-gap  lemma-31-bound  lemma-31-net       how many signs (1{w.x_i >= 0})_i there are
lemma-32-cells  lemma-32-second-moment  lemma-32-truncation  lemma-32-probability   the supremum over w, and three errata
lemma-33  lemma-33-rate  lemma-32-rate  cor-34-parts                the noise, the rates, and the first gradient
"""

import itertools
import math
from fractions import Fraction
from functools import cache, partial

import numpy as np
from flint import arb, arb_mat, ctx

from proofs_checks import AtMost, AtMostOn, Frequency, Instead, Scaling, Sides, ulps
from proofs_checks.engine import oracles
from proofs_checks.instances import family, random_target, rational_target, unit
from proofs_checks.papers.dls22 import DERIVED, DLS22, INDEXED, RESTATED
from proofs_checks.papers.dls22.concentration import inputs
from proofs_checks.papers.dls22.routes import half_space_moment_of, written_out
from refimpl import polynomials
from refimpl.data.targets import Target
from refimpl.population import half_space_moment
from refimpl.preprocessing_error import second_moments

# ---- Lemma 10: alpha and beta

def _float_target(at):
    return Target(at.g, np.array(at.U, dtype=float))


@DLS22.claim(
    "lemma-10",
    where="appendix C, Lemma 10: its second moments",
    printed_from=DERIVED,
    covers=["A.L10"],
    needs=["HERMITE/heat", "DLS22/alg-1-preprocess", "DLS22/tensor-stein"],
    given=rational_target(p=(0, 3), d=(1, 2), n=[1, 2, 3], varsigma=[1, 0, 2]),
    tol=ulps(1),
)
def lemma_10(at):
    """E(alpha - C_0)^2 = (E y^2 - C_0^2) / n and E|beta - C_1|^2 = (E[y^2 |x|^2] - |C_1|^2) / n; by definition a polynomial of n d + n variables."""
    moments = second_moments(_float_target(at), n=at.n, varsigma=at.varsigma)
    by_definition = _by_definition(at)
    return Sides(refimpl=[*moments], by_definition=by_definition, scale=np.array(by_definition, dtype=float))


def _by_definition(at):
    """E(alpha - C_0)^2 and E|beta - C_1|^2, multiplied out in x_1, ..., x_n and the signs of the noise."""
    f = written_out(at)
    slopes = [{tuple(int(i == j) for j in range(at.d)): Fraction(1)} for i in range(at.d)]                   # x_1, ..., x_d
    C_0, C_1 = oracles.derivative_tensor(f, 0)[()], [oracles.derivative_tensor(f, 1)[i,] for i in range(at.d)]
    return [_mean_square(at, f, {(0,) * at.d: Fraction(1)}, C_0), sum(_mean_square(at, f, x_i, c) for x_i, c in zip(slopes, C_1, strict=True))]


def _mean_square(at, f, v, c):
    """E[((1/n) sum_i (f(x_i) +- varsigma) v(x_i) - c)^2]."""
    total = {(0,) * (at.n * (at.d + 1)): -c}
    for i in range(at.n):
        for sees, sign in ((_product(f, v), 0), ({alpha: at.varsigma * x for alpha, x in v.items()}, 1)):
            for alpha, x in sees.items():
                key = (0,) * (i * at.d) + alpha + (0,) * ((at.n - 1 - i) * at.d) + tuple(sign * (i == j) for j in range(at.n))
                total[key] = total.get(key, 0) + x / Fraction(at.n)
    return sum(x * oracles.gaussian_moment(alpha[:at.n * at.d]) * all(k % 2 == 0 for k in alpha[at.n * at.d:])
               for alpha, x in _product(total, total).items())


def _product(f, g):
    total = {}
    for alpha, x in f.items():
        for beta, y in g.items():
            key = tuple(map(sum, zip(alpha, beta, strict=True)))
            total[key] = total.get(key, 0) + x * y
    return total


@lemma_10.refutes("the noise of the labels forgotten")
def _(at):
    return Instead(refimpl=[*second_moments(_float_target(at), n=at.n)])


@lemma_10.refutes("n - 1 for n")
def _(at):
    return Instead(refimpl=[*second_moments(_float_target(at), n=max(at.n - 1, 1), varsigma=at.varsigma)])


@lemma_10.refutes("y and |x|^2 taken as independent: d E y^2")
def _(at):
    f = written_out(at)
    alpha, _ = _by_definition(at)
    C_0, C_1 = oracles.derivative_tensor(f, 0)[()], oracles.derivative_tensor(f, 1).values()
    return Instead(by_definition=[alpha, at.d * (alpha + C_0**2 / at.n) - sum(c * c for c in C_1) / at.n])


@lemma_10.refutes("the mean of y x not removed")
def _(at):
    alpha, beta = _by_definition(at)
    return Instead(by_definition=[alpha, beta + sum(c * c for c in oracles.derivative_tensor(written_out(at), 1).values()) / at.n])


@DLS22.claim(
    "lemma-10-order",
    where="appendix C, Lemma 10: its order in d and n",
    printed_from=RESTATED,
    covers=["A.L10"],
    needs=["DLS22/lemma-10", "DLS22/lemma-9"],
    given=rational_target(p=(0, 3), d=(1, 2)),
)
def lemma_10_order(at):
    """(2d + 4p) E f*^2 - E[f*^2 |x|^2] = E|f* x - 2 grad f*|^2 + 4 (p E f*^2 - E|grad f*|^2), the latter 4 sum_k (p - k) |C_k|_F^2 / k!.

    So E(alpha - C_0)^2 <= (1 + varsigma^2) / n and E|beta - C_1|^2 <= (2d + 4p + d varsigma^2) / n where E f*^2 = 1. Both are polynomials of
    Gaussians and signs, of degrees p >= 1 and p + 1, whose norms in L^q, q >= 2, are at most (q - 1)^(p/2) and (q - 1)^((p+1)/2) times those in L^2
    (hypercontractivity). Hence, by Markov's inequality at q = iota >= 2 and but for probability e^-iota each,
    |alpha - C_0| <= e sqrt(iota^p (1 + varsigma^2) / n) and |beta - C_1| <= e sqrt(iota^(p+1) (2d + 4p + d varsigma^2) / n).
    """
    return Sides(gap=_gap(at, 2 * at.d + 4 * at.p), squares=_squares(at))


def _gap(at, most):
    """most E f*^2 - E[f*^2 |x|^2]."""
    f = written_out(at)
    square = polynomials.times(f, f)
    longer = polynomials.add(*(polynomials.times(square, {tuple(2 * (i == j) for j in range(at.d)): Fraction(1)}) for i in range(at.d)))
    return polynomials.mean(polynomials.add(polynomials.scale(square, most), polynomials.scale(longer, -1)), polynomials.identity(at.d))


def _squares(at, twice=2):
    f = written_out(at)
    total = 4 * at.p * _size(f)
    for i in range(at.d):
        slope = {tuple(k - (i == j) for j, k in enumerate(alpha)): alpha[i] * x for alpha, x in f.items() if alpha[i]}
        part = _product(f, {tuple(int(i == j) for j in range(at.d)): 1})
        for alpha, x in slope.items():
            part[alpha] = part.get(alpha, 0) - twice * x
        total += _size(part) - 4 * _size(slope)
    return total


def _size(f):
    """E f^2."""
    return sum((x * oracles.gaussian_moment(alpha) for alpha, x in _product(f, f).items()), start=Fraction())


@lemma_10_order.refutes("2d for 2d + 4p")
def _(at):
    return Instead(gap=_gap(at, 2 * at.d))


@lemma_10_order.refutes("f* x - grad f*")
def _(at):
    return Instead(squares=_squares(at, twice=1))


@lemma_10_order.refutes("d + 2p: half of it")
def _(at):
    return Instead(gap=_gap(at, at.d + 2 * at.p))


# ---- Lemma 29: |X|_2, X an (n, d) matrix of independent standard normals


def _bits(d):
    """1 - Pr is as small as e^-100, and the determinant cancels."""
    return 320 + 80 * d



def _below(n, d, s):
    """Pr[|X|_2^2 <= s], n >= d, as a ball: the Pfaffian of de Bruijn and Chiani over its value at infinity, each the root of a determinant."""
    with ctx.workprec(_bits(d)):
        x, a = arb(s) / 2, arb(n - d - 1) / 2
        gammas = [x.gamma_lower(a + i) for i in range(1, d + 1)]
        here = _skew(a, gammas, lambda j: x ** (a + j) * (-x).exp(), lambda k: (2 * x).gamma_lower(2 * a + k))
        return (here.det() / _whole(n, d)).sqrt()


@cache
def _whole(n, d):
    """The determinant at infinity."""
    with ctx.workprec(_bits(d)):
        a = arb(n - d - 1) / 2
        return _skew(a, [(a + i).gamma() for i in range(1, d + 1)], lambda j: 0, lambda k: (2 * a + k).gamma()).det()


def _skew(a, gammas, edge, gamma):
    """A_ij = int_0^u (G_i G_j' - G_i' G_j), G_i(u) = int_0^u t^(a+i-1) e^-t, by parts from A_ii = 0.

    edge(j) = u^(a+j) e^-u, gamma(k) = 2^(2a+k) int_0^u t^(2a+k-1) e^-2t. Where d is odd, one more row and column holds the G_i.
    """
    d, gamma = len(gammas), cache(gamma)
    rows = [[arb(0)] * (d + d % 2) for _ in range(d + d % 2)]
    for i in range(1, d + 1):
        for j in range(i, d):
            entry = (a + j) * rows[i - 1][j - 1] - gammas[i - 1] * edge(j) + gamma(i + j) / arb(2) ** (2 * a + i + j - 1)
            rows[i - 1][j], rows[j][i - 1] = entry, -entry
    for i in range(d * (d % 2)):
        rows[i][d], rows[d][i] = gammas[i], -gammas[i]
    return arb_mat(rows)


LAWS = {"one column": (1, 1), "a longer column": (5, 1), "two columns": (2, 2), "two long columns": (7, 2), "three columns": (4, 3),
        "three long columns": (8, 3), "four columns": (5, 4)}


def _law(law, s):
    return dict(zip("nd", LAWS[law], strict=True))


@DLS22.claim(
    "singular-value-law",
    where="appendix C, the law behind Lemma 29",
    printed_from=DERIVED,
    covers=["A.L29"],
    needs=["DLS22/chi-square"],
    given=family(_law, law=list(LAWS), s=[4, 9, 1, 20]),
    tol=ulps(lambda at: 4 * at.n + 64),
)
def singular_value_law(at):
    """Pr[|X|_2^2 <= s] is a Pfaffian of incomplete gammas; by hand: chi-square (d = 1), X = QR (d = 2), one eigenvalue after the other."""
    by_hand = {1: _one_column, 2: _two_columns}.get(at.d, _one_by_one)(at.n, at.d, at.s)
    return Sides(pfaffian=_below(at.n, at.d, at.s), by_hand=by_hand, scale=1.0 if at.d == 2 else None)


def _one_column(n, d, s):
    return (arb(s) / 2).gamma_lower(arb(n) / 2, True)


NODES, SHARES = np.polynomial.legendre.leggauss(40)
ANGLES, WEIGHTS = (NODES + 1) * math.pi / 4, SHARES * math.pi / 2           # on [0, pi/2]; twice, for the derivative of cos^2


def _two_columns(n, d, s):
    """X^T X = [[a, b], [b, c + b^2/a]], a of law chi^2(n), c of chi^2(n-1), b / sqrt a normal: below s where b^2/a <= (s - a)(s - c)/s.

    a = s cos^2 and c = s cos^2 of two angles make the integrand smooth.
    """
    here = [WEIGHTS * s * np.cos(ANGLES) * np.sin(ANGLES) * _density(k, s * np.cos(ANGLES) ** 2) for k in (n, n - 1)]
    inside = np.vectorize(math.erf)(math.sqrt(s / 2) * np.outer(np.sin(ANGLES), np.sin(ANGLES)))
    return float(np.sum(np.outer(*here) * inside))


def _density(k, x):
    """Of chi^2(k)."""
    return x ** (k / 2 - 1) * np.exp(-x / 2) / (2 ** (k / 2) * math.gamma(k / 2))


def _one_by_one(n, d, s):
    """The integral of prod_{i<j} (u_j - u_i) prod_i u_i^a e^-u_i over u_1 < ... < u_d < s/2, a = (n - d - 1)/2, over that with s infinite."""
    parts = []
    for order in itertools.permutations(range(d)):
        inner = {(0, 0): Fraction(_parity(order))}                              # {(m, k): c} is the sum of c u^m e^-ku
        for power in order:
            inner = _integral({(m + (n - d) // 2 + power, k + 1): c for (m, k), c in inner.items()})
        parts.append(inner)
    total = {key: sum(part.get(key, 0) for part in parts) for key in set().union(*parts)}
    with ctx.workprec(_bits(d)):
        return sum(_ball(c / total[0, 0]) * (arb(s) / 2) ** m * (-k * arb(s) / 2).exp() for (m, k), c in total.items())


def _parity(order):
    return math.prod(1 if i < j else -1 for i, j in itertools.combinations(order, 2))


def _integral(terms):
    """From 0 to u, where every k is positive."""
    total = {(0, 0): Fraction()}
    for (m, k), c in terms.items():
        for j in range(m + 1):
            total[j, k] = total.get((j, k), 0) - c * Fraction(math.factorial(m), math.factorial(j) * k ** (m + 1 - j))
        total[0, 0] += c * Fraction(math.factorial(m), k ** (m + 1))
    return total


def _ball(x):
    return arb(x.numerator) / x.denominator


@singular_value_law.refutes("n columns of length d - 1: one row lost")
def _(at):
    return Instead(pfaffian=_below(at.n + 1, at.d, at.s))


@singular_value_law.refutes("|X|_F^2, of law chi^2(nd)")
def _(at):
    return Instead(pfaffian=_one_column(at.n * at.d, 1, at.s))


@singular_value_law.refutes("|X|_2 for |X|_2^2")
def _(at):
    return Instead(pfaffian=_below(at.n, at.d, at.s**2))


def _exceeds(at, start, width):
    """iota <= log 2 - log Pr[|X|_2 >= start + width q], iota = q^2."""
    def bound(q):
        s = (start + width * q) ** 2
        ends = [arb(2).log() - (1 - _below(at.n, at.d, end)).log() for end in (s.lower(), s.upper())]
        return ends[0].union(ends[1])

    return AtMostOn(box=[(0, 7) if at.d <= 3 else (63 / 64, 1)], value=lambda q: q * q, bound=bound)


@DLS22.claim(
    "lemma-29",
    where="appendix C, Lemma 29",
    printed_from=RESTATED,
    covers=["A.L29"],
    needs=["DLS22/singular-value-law"],
    given=family(lambda shape: dict(zip("nd", shape, strict=True)), shape=[(1, 1), (2, 1), (9, 1), (2, 2), (9, 2), (3, 3), (18, 18)]),
)
def lemma_29(at):
    """|X|_2 <= sqrt n + sqrt d + sqrt(2 iota) but for probability 2 e^-iota, iota <= 49 at d <= 3, iota near 1 at n = d = 18."""
    return _exceeds(at, _roots(at), arb(2).sqrt())


def _roots(at):
    return arb(at.n).sqrt() + arb(at.d).sqrt()


@lemma_29.refutes("sqrt(iota) for sqrt(2 iota)")
def _(at):
    return _exceeds(at, _roots(at), 1)


@lemma_29.refutes("sqrt n alone")
def _(at):
    return _exceeds(at, arb(at.n).sqrt(), arb(2).sqrt())


@lemma_29.refutes("sqrt(n + d), as of a vector")
def _(at):
    return _exceeds(at, arb(at.n + at.d).sqrt(), arb(2).sqrt())


@lemma_29.refutes("sqrt(2 iota) dropped")
def _(at):
    return _exceeds(at, _roots(at), 0)


@DLS22.claim(
    "lemma-29-sampled",
    where="appendix C, Lemma 29",
    printed_from=RESTATED,
    covers=["A.L29"],
    needs=["DLS22/singular-value-law", "DLS22/asm-law"],
    given=family(n=[12], d=[4]),
    false_alarm=1e-8,
)
def lemma_29_sampled(at):
    """|X|_2 of inputs exceeds sqrt n + sqrt d + sqrt(2 iota) as often as its law says, at iota = 0 and 1/32."""
    edges = [math.sqrt(at.n) + math.sqrt(at.d) + quarter / 4 for quarter in (0, 1)]

    def happens(rng, samples):
        X = inputs(at.d, rng, samples * at.n).reshape(samples, at.n, at.d)
        return np.linalg.eigvalsh(X.transpose(0, 2, 1) @ X)[:, -1:] >= np.square(edges)

    return Frequency(happens=happens, probability=_how_often(at, at.n), discrepancy=0.03)


def _how_often(at, n):
    edges = [math.sqrt(at.n) + math.sqrt(at.d) + quarter / 4 for quarter in (0, 1)]
    return [float(1 - _below(n, at.d, edge**2)) for edge in edges]


@lemma_29_sampled.refutes("one row more")
def _(at):
    return Instead(probability=_how_often(at, at.n + 1))


@lemma_29_sampled.refutes("sqrt n + sqrt d as the median")
def _(at):
    return Instead(probability=[0.5, 0.5])


# ---- Lemma 31: the signs (1{w.x_1 >= 0}, ..., 1{w.x_n >= 0}) for all w

def _points(rng, n, d, kind="general"):
    """Rows (1, t, t^2) of either sign, d of them independent; "opposite": x, -x, y, -y, ...; "repeated": x, x, y, y, ..."""
    t = rng.permutation(np.arange(-4, 5))[:n].tolist()
    rows = [[int(s) * t_i**k for k in range(d)] for t_i, s in zip(t, rng.choice([-1, 1], n), strict=True)]
    opposite = [[-(-1) ** (i % 2) * x for x in rows[i // 2]] for i in range(n)]
    return {"X": {"general": rows, "opposite": opposite, "repeated": [rows[i // 2] for i in range(n)]}[kind]}


def _spans(n, d, kind):
    """d rows are independent; opposite ones of a plane are enough for equality."""
    return n >= d if kind == "general" else n >= 2 * d and (kind == "repeated" or d == 2)


def _faces(X, d):
    """The signs (sign w.x_i)_i of all w != 0, for x_i that span R^d: those of the rays where d - 1 of the w.x_i vanish, composed."""
    normals = [_normal([X[i] for i in chosen], d) for chosen in itertools.combinations(range(len(X)), d - 1)]
    rays = {tuple(side * _sign(sum(a * b for a, b in zip(w, x, strict=True))) for x in X) for w in normals if any(w) for side in (1, -1)}
    faces, new = set(rays), set(rays)
    while new:
        new = {tuple(a or b for a, b in zip(face, ray, strict=True)) for face in new for ray in rays} - faces
        faces |= new
    return faces


def _normal(rows, d):
    """The vector of the signed minors: orthogonal to d - 1 rows."""
    return [(-1) ** j * _determinant([[*row[:j], *row[j + 1:]] for row in rows]) for j in range(d)]


def _determinant(rows):
    if not rows:
        return 1
    return sum((-1) ** j * x * _determinant([[*row[:j], *row[j + 1:]] for row in rows[1:]]) for j, x in enumerate(rows[0]))


def _sign(x):
    return (x > 0) - (x < 0)


def _cells(X, d):
    """How many cells the hyperplanes w.x_i = 0 leave."""
    return sum(all(face) for face in _faces(X, d))


def _patterns(X, d):
    """The (1{w.x_i < 0})_i of all w != 0, as many as there are (1{w.x_i >= 0})_i."""
    return {tuple(int(np.signbit(s)) for s in face) for face in _faces(X, d)}


def _choices(n, most):
    """The sum of the binomials (n over i), i <= most."""
    return sum(math.comb(n, i) for i in range(most + 1))


@DLS22.claim(
    "lemma-31-cells",
    where="appendix C, proof of Lemma 31",
    printed_from=DERIVED,
    covers=["A.L31"],
    given=family(_points, lambda n, d: n >= d, n=(1, 6), d=(1, 3)),
)
def lemma_31_cells(at):
    """n hyperplanes through 0 in general position cut R^d into 2 sum_{i<d} (n-1 over i) cells, the sign patterns of n points (Cover)."""
    return Sides(enumerated=_cells(at.X, at.d), deletion=_deleted(at.n, at.d), closed_form=2 * _choices(at.n - 1, at.d - 1))


def _deleted(n, d):
    """The last hyperplane cuts as many cells in two as the others leave within it."""
    return 2 if n == 1 or d == 1 else _deleted(n - 1, d) + _deleted(n - 1, d - 1)


@lemma_31_cells.refutes("sum_{i<=d} (n over i): hyperplanes that do not meet at 0")
def _(at):
    return Instead(closed_form=_choices(at.n, at.d))


@lemma_31_cells.refutes("2^n, true only for n <= d")
def _(at):
    return Instead(closed_form=2**at.n)


@lemma_31_cells.refutes("sum_{i<d} (n-1 over i): w and -w taken as one")
def _(at):
    return Instead(closed_form=_choices(at.n - 1, at.d - 1))


@DLS22.claim(
    "lemma-31-patterns",
    where="appendix C, proof of Lemma 31, for points in any position",
    printed_from=DERIVED,
    covers=["A.L31"],
    needs=["DLS22/lemma-31-cells"],
    given=family(_points, _spans, n=(1, 6), d=(1, 3), kind=["general", "opposite", "repeated"]),
)
def lemma_31_patterns(at):
    """The 1{w.x_i >= 0} of w != 0 take at most 2 sum_{i<d} (n-1 over i) values in any position, with equality also for opposite points of a plane.

    Cells alone are no bound: for x and -x there are 2, and the w orthogonal to x add (1, 1).
    """
    form = AtMost if at.kind == "repeated" else Sides                           # equality is claimed, so it is checked
    return form(value=len(_patterns(at.X, at.d)), bound=2 * _choices(at.n - 1, at.d - 1))


@lemma_31_patterns.refutes("open cells alone")
def _(at):
    return Instead(value=_cells(at.X, at.d))


@lemma_31_patterns.refutes("n^(d-1)")
def _(at):
    return Instead(bound=at.n ** (at.d - 1))


@DLS22.claim(
    "lemma-31-gap",
    where="appendix C, proof of Lemma 31",
    printed_from=DERIVED,
    covers=["A.L31"],
    needs=["DLS22/lemma-31-cells"],
    given=family(None, n=(1, 30), d=(1, 11)),
)
def lemma_31_gap(at):
    """sum_{i<=d} (n over i) = 2 sum_{i<d} (n-1 over i) + (n-1 over d), so the paper's sum exceeds the number of patterns by (n-1 over d)."""
    return Sides(display=_choices(at.n, at.d), cells=2 * _choices(at.n - 1, at.d - 1) + math.comb(at.n - 1, at.d))


@lemma_31_gap.refutes("no gap: the sum is the number of patterns")
def _(at):
    return Instead(cells=2 * _choices(at.n - 1, at.d - 1))


@lemma_31_gap.refutes("(n over d) for (n-1 over d)")
def _(at):
    return Instead(cells=2 * _choices(at.n - 1, at.d - 1) + math.comb(at.n, at.d))


@DLS22.claim(
    "lemma-31-bound",
    where="appendix C, proof of Lemma 31",
    printed_from=DERIVED,
    covers=["A.L31"],
    needs=["DLS22/lemma-31-gap"],
    given=family(None, n=(1, 30), d=(1, 11)),
)
def lemma_31_bound(at):
    """n^d + 1 - sum_{i<=d} (n over i) = sum_{2<=i<=d} (n^(i-1) (n-1) - (n over i)), all terms >= 0: at most n^d + 1 <= 2 n^d.

    A term counts the words of i among n letters whose first two differ and that do not increase.
    A union bound over the patterns and a half-net of at most 5^d directions has at most (10 n)^d events.
    """
    return Sides(excess=at.n**at.d + 1 - _choices(at.n, at.d), terms=_terms(at.n, at.d))


def _terms(n, d):
    return sum(n ** (i + 1) * (n - 1) - math.comb(n, i + 2) for i in range(d - 1))


@lemma_31_bound.refutes("n^d")
def _(at):
    return Instead(excess=at.n**at.d - _choices(at.n, at.d))


@lemma_31_bound.refutes("as small as n^d / d! + 1, its last term")
def _(at):
    return Instead(excess=Fraction(at.n**at.d, math.factorial(at.d)) + 1 - _choices(at.n, at.d))


# ---- Lemma 31: the net

def _on_circle(rng, n, epsilon):
    """w near an end of an arc on which no sign changes, and the middle of its piece of the arc.

    All pieces of an arc are equal and none is wider than 4 asin(epsilon / 2).
    """
    towards = rng.uniform(0, 2 * math.pi, n)
    ends = np.sort(np.concatenate([towards - math.pi / 2, towards + math.pi / 2]) % (2 * math.pi))
    start = ends[rng.integers(2 * n)]
    arc = np.min((ends - start) % (2 * math.pi), where=ends != start, initial=2 * math.pi)
    piece = arc / math.ceil(arc / (4 * math.asin(epsilon / 2)))
    points = {"w": start + piece / 64, "near": start + piece / 2, "coarse": epsilon * round((start + piece / 64) / epsilon)}
    return {name: np.array([math.cos(t), math.sin(t)]) for name, t in points.items()} | {
        "X": np.column_stack([np.cos(towards), np.sin(towards)]), "away": piece * 31 / 64}


@DLS22.claim(
    "lemma-31-net",
    where="appendix C, proof of Lemma 31",
    printed_from=INDEXED,
    printed=r"\|w - \pi(x)\|",
    covers=["A.L31", "ERR-A8"],
    needs=["DLS22/lemma-31-bound"],
    given=family(_on_circle, n=(1, 6), epsilon=[1.0, 0.5, 0.125]),
    tol=ulps(24),
    erratum="|w - pi(w)|: the net holds a point near w, not near a sample",
)
def lemma_31_net(at):
    """A net of each cell by itself has a pi(w) with the same 1{w.x_i >= 0} and |w - pi(w)| <= epsilon; here on the circle.

    In R^d a maximal set of points of a cell, at distances above epsilon <= 1, has at most (3 / epsilon)^d members; so |N| <= 2 (3 n / epsilon)^d.
    """
    return Sides(net=_beside(at, at.w, at.near), chord=[min(2 * math.sin(at.away / 2), at.epsilon), *_active(at, at.w)], scale=2.0)


def _active(at, w):
    return np.signbit(at.X @ w).astype(float)                                   # 1 where sigma' is 0


def _beside(at, w, point):
    return [math.dist(w, point), *_active(at, point)]


@lemma_31_net.as_printed
def _(at):
    return Instead(net=[math.dist(at.w, at.X[0]), *_active(at, at.near)])


@lemma_31_net.refutes("a net of the sphere that knows no cells")
def _(at):
    return Instead(net=[math.dist(at.w, at.near), *_active(at, at.coarse)])


@lemma_31_net.refutes("-pi(w)")
def _(at):
    return Instead(net=_beside(at, at.w, -at.near))


# ---- Lemma 32: the supremum over w

def _odd(rng, n, p):
    """An odd target of one direction of the plane, and n points of small numbers in general position."""
    u = rng.integers(1, 4, 2) / 2
    target = Target({(k,): float(rng.integers(1, 4)) * (-1.0) ** k for k in range(1, p + 1, 2)}, u[None, :])
    X = _points(rng, n, 2)["X"]
    turns = np.array([np.arctan2(x[1], x[0]) + side * math.pi / 2 for x in X for side in (1, -1)])
    ends = np.sort(turns % (2 * math.pi))
    middles = (ends + np.append(ends[1:], ends[0] + 2 * math.pi)) / 2           # of the arcs on which no sign changes
    return {"target": target, "X": X, "W": np.column_stack([np.cos(middles), np.sin(middles)])}


@DLS22.claim(
    "lemma-32-cells",
    where="appendix C, Lemma 32",
    printed_from=DERIVED,
    covers=["A.L32"],
    needs=["DLS22/lemma-31-cells", "DLS22/eq-1"],
    given=family(_odd, n=(2, 4), p=[1, 5]),
    tol=ulps(lambda at: 8 * at.n + 64 * at.p),
)
def lemma_32_cells(at):
    """For odd f* the supremum of |(1/n) sum_i f*(x_i) x_i 1{w.x_i >= 0} - E| over all w is a largest of finitely many: E = C_1 / 2 whatever w is."""
    return Sides(patterns=_over_patterns(at), directions=_over_directions(at), scale=_largest(at))


def _over_patterns(at, share=Fraction(1, 2)):
    """The largest square over the signs that occur, in rationals."""
    u = [Fraction(x) for x in at.target.U[0].tolist()]
    f = {k: Fraction(c) for (k,), c in at.target.g.items()}
    products = [sum(a * b for a, b in zip(u, x, strict=True)) for x in at.X]
    values = [sum(c * z**k for k, c in f.items()) for z in products]
    slope = sum(c * oracles.gaussian_moment([k + 1]) * sum(x * x for x in u) ** (k // 2) for k, c in f.items())      # C_1 = slope u
    return max(sum((sum(s * y * x[j] for s, y, x in zip(signs, values, at.X, strict=True)) / at.n - share * slope * u[j]) ** 2 for j in range(2))
               for signs in _patterns(at.X, 2))


def _over_directions(at):
    """The largest square over the arcs, each by its -w, the expectation by quadrature at w: that of f x is the same on both sides."""
    X = np.array(at.X, dtype=float)
    f = oracles.monomials(at.target.g, X @ at.target.U.T)
    gaps = [(f * np.signbit(X @ w)) @ X / at.n - half_space_moment_of(at, w).value for w in at.W]
    return max(gap @ gap for gap in gaps)


def _largest(at):
    X = np.abs(np.array(at.X, dtype=float))
    size = oracles.monomials(at.target.g, X @ np.abs(at.target.U).T, absolute=True) @ X / at.n + half_space_moment_of(at, at.target.U[0]).scale
    return float(size @ size)


@lemma_32_cells.refutes("C_1 for C_1 / 2")
def _(at):
    return Instead(patterns=_over_patterns(at, share=1))


@lemma_32_cells.refutes("without the expectation")
def _(at):
    return Instead(patterns=_over_patterns(at, share=0))


def _pure(rng, p, d):
    """An odd Hermite sum of x_1 without a linear part."""
    c = {(k,): Fraction(int(rng.integers(1, 5)) * (-1) ** int(rng.integers(2))) for k in range(3, p + 1, 2)}
    return {"g": polynomials.from_hermite(c), "U": (tuple(Fraction(int(i == 0)) for i in range(d)),)}


@DLS22.claim(
    "lemma-32-second-moment",
    where="appendix C, Lemma 32",
    printed_from=INDEXED,
    printed=r"\sqrt{\mathbb{E} g^2}",
    covers=["A.L32", "ERR-A8"],
    needs=["DLS22/lemma-10-order", "DLS22/lemma-32-cells"],
    given=family(_pure, p=[3, 5], d=(1, 3)),
    erratum="sqrt(E f^2): the gradient g can vanish for all w where the samples' does not",
)
def lemma_32_second_moment(at):
    """At n = 1, for odd f with C_1 = 0: E sup_w |g_1(w) - g(w)|^2 = E[f^2 |x|^2] is (2d + 4p) E f^2 less a sum of squares; g = 0."""
    return Sides(gap=_gap(at, 2 * at.d + 4 * at.p), squares=_squares(at))


@lemma_32_second_moment.as_printed
def _(at):
    return Instead(gap=_gap(at, (2 * at.d + 4 * at.p) * 0))


@lemma_32_second_moment.refutes("2d E f^2")
def _(at):
    return Instead(gap=_gap(at, 2 * at.d))


@lemma_32_second_moment.refutes("d + 4p for 2d + 4p")
def _(at):
    return Instead(gap=_gap(at, at.d + 4 * at.p))


@DLS22.claim(
    "lemma-32-truncation",
    where="appendix C, proof of Lemma 32",
    printed_from=INDEXED,
    printed=r"\exp(\iota / 2)",
    covers=["A.L32", "ERR-A8"],
    needs=["DLS22/lemma-32-second-moment"],
    given=family(None, n=[1, 2, 10, 10_000], d=[1, 2, 10], p=[0, 1, 3]),
    erratum="exp(-iota / 2): what is cut off must be as small as sqrt(d / n), and is so from iota = log(2n) on",
)
def lemma_32_truncation(at):
    """At e^iota = 2n what is cut off has the square (2d + 4p) 2 e^-iota, below (2 + 4p) d / n by 4p (d-1) / n.

    It is |E[f x 1{w.x >= 0} 1_B]|^2 <= E[f^2 |x|^2] Pr[B], E f^2 = 1, for an event B of probability at most 2 e^-iota
    (Cauchy and Schwarz, lemma-10-order).
    """
    return Sides(left_over=_left_over(at, Fraction(1, 2 * at.n)), slack=Fraction(4 * at.p * (at.d - 1), at.n))


def _left_over(at, tail):
    """(2 + 4p) d / n - (2d + 4p) 2 tail."""
    return Fraction((2 + 4 * at.p) * at.d, at.n) - (2 * at.d + 4 * at.p) * 2 * tail


@lemma_32_truncation.as_printed
def _(at):
    return Instead(left_over=_left_over(at, 2 * at.n))


@lemma_32_truncation.refutes("e^iota = n")
def _(at):
    return Instead(left_over=_left_over(at, Fraction(1, at.n)))


@lemma_32_truncation.refutes("the slack of sqrt(1 / n), without d")
def _(at):
    return Instead(slack=Fraction((2 + 4 * at.p) * (at.d - 1), at.n))


@DLS22.claim(
    "lemma-32-probability",
    where="appendix C, proof of Lemma 32",
    printed_from=INDEXED,
    printed=r"1 - 2e^{\iota}",
    covers=["A.L32", "ERR-A8"],
    given=family(None, n=(1, 8), tail=[Fraction(1, 4), Fraction(1, 10), Fraction(1, 100)]),
    erratum="1 - 2 e^-iota; 1 - 2 e^iota is negative",
)
def lemma_32_probability(at):
    """n independent events of probability 1 - 2t, t = e^-iota: (1 - 2t)^n exceeds 1 - 2nt by sum_{k<n} 2t (1 - (1 - 2t)^k) >= 0."""
    return Sides(excess=_excess(at, 2 * at.n * at.tail), terms=sum(2 * at.tail * (1 - (1 - 2 * at.tail) ** k) for k in range(at.n)))


def _excess(at, failing):
    return (1 - 2 * at.tail) ** at.n - (1 - failing)


@lemma_32_probability.as_printed
def _(at):
    return Instead(excess=_excess(at, 2 * at.n / at.tail))


@lemma_32_probability.refutes("1 - 2 e^-iota for all n together")
def _(at):
    return Instead(excess=_excess(at, 2 * at.tail))


@lemma_32_probability.refutes("1 - n e^-iota")
def _(at):
    return Instead(excess=_excess(at, at.n * at.tail))


# ---- Lemma 33: the noise

def _integers(rng, n, d, varsigma):
    return {"X": [[int(x) for x in row] for row in rng.integers(-3, 4, (n, d))], "w": [int(x) for x in rng.integers(-2, 3, d)]}


@DLS22.claim(
    "lemma-33",
    where="appendix C, Lemma 33: its second moment given the inputs",
    printed_from=DERIVED,
    covers=["A.L33"],
    needs=["DLS22/asm-noise"],
    given=family(_integers, n=(1, 5), d=(1, 3), varsigma=[1, 2, Fraction(1, 2)]),
)
def lemma_33(at):
    """E|(1/n) sum_i epsilon_i x_i 1{w.x_i >= 0}|^2 = (varsigma/n)^2 sum_i |x_i|^2 1{w.x_i >= 0}.

    Over all signs of the noise; the mean over x ~ N(0, I_d) is d varsigma^2 / (2n).
    """
    active = [x for x in at.X if sum(a * b for a, b in zip(at.w, x, strict=True)) >= 0]
    return Sides(all_signs=_over_signs(at), diagonal=(at.varsigma / Fraction(at.n)) ** 2 * sum(x_i * x_i for x in active for x_i in x))


def _over_signs(at):
    slopes = [int(sum(a * b for a, b in zip(at.w, x, strict=True)) >= 0) for x in at.X]
    total = Fraction()
    for signs in itertools.product([at.varsigma, -at.varsigma], repeat=at.n):
        total += sum(sum(s * on * x[j] for s, on, x in zip(signs, slopes, at.X, strict=True)) ** 2 for j in range(at.d))
    return total / (2**at.n * at.n**2)


@lemma_33.refutes("all samples for the active ones")
def _(at):
    return Instead(diagonal=(at.varsigma / Fraction(at.n)) ** 2 * sum(x_i * x_i for x in at.X for x_i in x))


@lemma_33.refutes("varsigma^2 / n for varsigma^2 / n^2")
def _(at):
    return Instead(diagonal=at.varsigma**2 / Fraction(at.n) * sum(x_i * x_i for x in at.X for x_i in x))


@lemma_33.refutes("signs that are all alike")
def _(at):
    active = [x for x in at.X if sum(a * b for a, b in zip(at.w, x, strict=True)) >= 0]
    return Instead(diagonal=(at.varsigma / Fraction(at.n)) ** 2 * sum(sum(x[j] for x in active) ** 2 for j in range(at.d)))


FEW = 8                                                    # samples; all 2^8 signs occur where d is larger
SUBSETS = np.array(list(itertools.product([0.0, 1.0], repeat=FEW)))


def _largest_noise(rng, d):
    """The root of the mean over 16 draws of sup_w |(1/n) sum_i epsilon_i x_i 1{w.x_i >= 0}|^2, n = 8."""
    X = rng.standard_normal((16, FEW, d)) * rng.choice([-1.0, 1.0], (16, FEW, 1))
    squares = np.sum((SUBSETS @ (X @ X.transpose(0, 2, 1))) * SUBSETS, axis=2)
    return math.sqrt(np.mean(np.max(squares, axis=1))) / FEW


@DLS22.claim(
    "lemma-33-rate",
    where="appendix C, Lemma 33: its rate in d",
    printed_from=RESTATED,
    covers=["A.L33"],
    needs=["DLS22/lemma-33", "DLS22/lemma-31-cells"],
    given=family(n=[FEW]),
    false_alarm=1e-8,
)
def lemma_33_rate(at):
    """sup_w |(1/n) sum_i epsilon_i x_i 1{w.x_i >= 0}| grows as d^(1/2) at fixed n; all patterns of n = 8 samples occur.

    For every n and d its mean over the noise is at most (2 varsigma / n) |X|_2 sqrt(2 d log(10 n)): |v| is at most twice the largest u.v over a
    half-net of 5^d directions, and of the (10 n)^d sums of lemma-31-bound each is subgaussian with the variance (varsigma |X|_2 / n)^2. For f*(x_i) in
    the place of the noise max_i |f*(x_i)| takes that of varsigma, and a factor 2 comes from symmetrisation. This is derived, not computed.
    """
    return Scaling(sizes=(256, 1024), measure=_largest_noise, exponent=0.5, seeds=48)


@lemma_33_rate.refutes("no d: varsigma sqrt(iota / n)")
def _(at):
    return Instead(exponent=0.0)


@lemma_33_rate.refutes("d")
def _(at):
    return Instead(exponent=1.0)


TOTAL = 2**17                                              # samples a size; they are cut into TOTAL / n data sets


def _largest_error(rng, n):
    """The mean of max over w = 1, -1 of |(1/n) sum_i y_i x_i 1{w x_i >= 0} - 1/2| at d = 1, for y_i = x_i +- 1."""
    x = rng.standard_normal((TOTAL // n, n))
    seen = (x + rng.choice([-1.0, 1.0], x.shape)) * x
    halves = np.stack([np.mean(np.where(x >= 0, seen, 0), axis=1), np.mean(np.where(x >= 0, 0, seen), axis=1)])
    return float(np.mean(np.max(np.abs(halves - 1 / 2), axis=0)))


@DLS22.claim(
    "lemma-32-rate",
    where="appendix C, Lemmas 32 and 33: their rate in n",
    printed_from=RESTATED,
    covers=["A.L32", "A.L33"],
    needs=["DLS22/lemma-32-cells", "DLS22/lemma-33"],
    given=family(d=[1]),
    false_alarm=1e-8,
)
def lemma_32_rate(at):
    """The supremum over all w of a line is of order n^(-1/2), with noise; in more dimensions only its second moment at each w is decided."""
    return Scaling(sizes=(64, 512), measure=_largest_error, exponent=-0.5, seeds=96)


@lemma_32_rate.refutes("n^(-1/4)")
def _(at):
    return Instead(exponent=-0.25)


@lemma_32_rate.refutes("n^-1, the rate of its square")
def _(at):
    return Instead(exponent=-1.0)


# ---- Corollary 34: the first gradient itself

def _data_set(rng, p, d, n):
    """A target of all coordinates, n points of small numbers and signs of the noise, alpha and beta of these, w."""
    target = random_target(rng, p, np.eye(d))
    X, epsilon = rng.integers(-3, 4, (n, d)) / 2, rng.choice([-1.0, 1.0], n)
    y = target.value(X) + epsilon
    return {"target": target, "X": X, "y": y, "epsilon": epsilon, "alpha": float(np.mean(y)), "beta": y @ X / n, "w": unit(rng.standard_normal(d))}


@DLS22.claim(
    "cor-34-parts",
    where="appendix C, proof of Corollary 34",
    printed_from=DERIVED,
    covers=["A.C34"],
    needs=["DLS22/lemma-10", "DLS22/lemma-32-cells", "DLS22/lemma-33", "DLS22/eq-1"],
    given=family(_data_set, p=(1, 3), d=(1, 2), n=(1, 4)),
    tol=ulps(lambda at: 64 * (at.p + 1) + 4 * at.n),
)
def cor_34_parts(at):
    """g_n(w) - g(w) = D f* + (1/n) sum_i epsilon_i x_i 1{w.x_i >= 0} - alpha D 1 - D(beta.x).

    D h is the error of the mean of h(x) x 1{w.x >= 0} over n samples. alpha and beta may come from the same samples. By Lemma 10 the last two are
    products of two errors once C_0 and C_1 are taken off f*.
    """
    hat = Target(polynomials.add(dict(at.target.g), _affine(at, -1, at.alpha)), at.target.U)
    seen = (at.y - at.alpha - at.X @ at.beta) * ~np.signbit(at.X @ at.w)
    whole = seen @ at.X / at.n - half_space_moment(hat, at.w[None, :], np.zeros(1))[0]
    return Sides(whole=whole, parts=_parts(at, at.alpha, at.epsilon), scale=_parts_size(at))


def _affine(at, sign, alpha):
    """sign (alpha + beta.x) as a polynomial."""
    slopes = {tuple(int(i == j) for j in range(at.d)): Fraction(sign * at.beta[i]) for i in range(at.d)}
    return {(0,) * at.d: Fraction(sign * alpha)} | slopes


def _parts(at, alpha, epsilon):
    return _error(at, at.target.g) + _error(at, _affine(at, -1, alpha)) + (epsilon * ~np.signbit(at.X @ at.w)) @ at.X / at.n


def _error(at, h):
    """D h."""
    there = _there(at, h)
    return (oracles.monomials(h, at.X) * ~np.signbit(at.X @ at.w)) @ at.X / at.n - there.value


def _there(at, h):
    """E[h(x) x 1{w.x >= 0}] by quadrature, and its scale."""
    size = partial(oracles.monomials, h, absolute=True)
    return oracles.half_space_moment(partial(oracles.monomials, h), size, np.eye(at.d), at.w, 0.0, at.p + 1)


def _parts_size(at):
    x, total = np.abs(at.X), 0.0
    for h in (at.target.g, _affine(at, 1, at.alpha)):
        total += np.sum(_there(at, h).scale) + np.sum(oracles.monomials(h, x + math.sqrt(2 * at.p), absolute=True) @ x) / at.n
    return total + np.sum(x) / at.n


@cor_34_parts.refutes("the noise forgotten")
def _(at):
    return Instead(parts=_parts(at, at.alpha, 0 * at.epsilon))


@cor_34_parts.refutes("alpha D 1 forgotten")
def _(at):
    return Instead(parts=_parts(at, 0.0, at.epsilon))


@cor_34_parts.refutes("alpha D 1 with the other sign")
def _(at):
    return Instead(parts=_parts(at, -at.alpha, at.epsilon))
