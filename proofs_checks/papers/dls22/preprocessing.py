"""Appendix C, Lemma 10: how far alpha and beta of Algorithm 1 are from C_0 and C_1.

lemma-10                                                            their mean squares, exactly
lemma-10-order                                                      their size in n, d and p, and their tails
"""

from fractions import Fraction

import numpy as np

from proofs_checks import Instead, Sides, ulps
from proofs_checks.engine import oracles
from proofs_checks.instances import rational_target
from proofs_checks.papers.dls22 import DERIVED, DLS22, RESTATED
from proofs_checks.papers.dls22.routes import written_out
from refimpl import polynomials
from refimpl.data.targets import Target
from refimpl.preprocessing_error import second_moments


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
