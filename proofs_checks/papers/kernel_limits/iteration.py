"""Richardson's iteration on a Gram matrix: its iterates, the step sizes with which it converges, and how fast.

richardson  richardson-interval  richardson-rate

Instances are whole and dyadic numbers, so that the Gram matrix is exact, the iteration rounds nothing, and the other routes are rational.
"""

from fractions import Fraction

import numpy as np

from proofs_checks import Instead, Sides
from proofs_checks.instances import family
from proofs_checks.papers.kernel_limits import DERIVED, KERNELS, SLIDES_BJ
from proofs_checks.papers.kernel_limits.routes import columns, exact, inverse, plus, scaled_identity, spectrum, times
from refimpl.baselines.iterative import richardson
from refimpl.errors import DomainError


def _iterated(rng, n, k, T, begin):
    fields = spectrum(rng, n, k)
    start = {"at 0": None, "anywhere": fields["start"], "at the end": fields["solution"].reshape(fields["y"].shape)}[begin]
    return fields | {"alpha_0": start, "eta": int(rng.integers(1, 4)) / 16}


@KERNELS.claim("richardson", where="slide 'Kernel methods for big data'", printed_from=SLIDES_BJ,
               printed=r"\alpha^{(t)} = \alpha^{(t-1)} - \eta(K\alpha^{(t-1)} - y)", covers=["S.1"],
               given=family(_iterated, n=[1, 2, 4], k=[0, 2], T=[0, 1, 2, 6], begin=["at 0", "anywhere", "at the end"]))
def richardson_iteration(at):
    """alpha^(T) - K^{-1} y = (I - eta K)^T (alpha^(0) - K^{-1} y): K^{-1} y is the fixed point, each eigendirection shrinks on its own."""
    return Sides(
        iteration=columns(richardson(at.K, at.y, eta=at.eta, T=at.T, alpha_0=at.alpha_0)),
        power=_by_powers(at, at.T),
        spectrum=_by_spectrum(at, at.T, Fraction(at.eta)),
    )


def _started(at):
    return columns(0 * at.y if at.alpha_0 is None else at.alpha_0)


def _by_powers(at, T):
    """K^{-1} y + (I - eta K)^T (alpha^(0) - K^{-1} y)."""
    K = exact(at.K)
    end = times(inverse(K), columns(at.y))
    error = plus(_started(at), end, -1)
    for _ in range(T):
        error = plus(error, times(K, error), -Fraction(at.eta))
    return plus(end, error)


def _by_spectrum(at, T, eta):
    """sum_i q_i [(1 - (1 - eta l_i)^T) / l_i  q_i.y  +  (1 - eta l_i)^T  q_i.alpha^(0)]."""
    S = exact(at.S)                                        # its own transpose
    total = [[0 * x for x in row] for row in columns(at.y)]
    for s, l, y, alpha in zip(S, at.l.tolist(), times(S, columns(at.y)), times(S, _started(at)), strict=True):
        kept = (1 - eta * Fraction(l)) ** T
        total = plus(total, [[x * ((1 - kept) / Fraction(l) * u + kept * v) / at.n for u, v in zip(y, alpha, strict=True)] for x in s])
    return total


@richardson_iteration.refutes("one step fewer")
def _(at):
    return Instead(power=_by_powers(at, max(at.T - 1, 0)))


@richardson_iteration.refutes("2 eta, the step of a loss without its 1/2")
def _(at):
    return Instead(spectrum=_by_spectrum(at, at.T, 2 * Fraction(at.eta)))


@richardson_iteration.refutes("sign of the step lost: the residual is added")
def _(at):
    return Instead(spectrum=_by_spectrum(at, at.T, -Fraction(at.eta)))


@richardson_iteration.refutes("the start forgotten")
def _(at):
    return Instead(iteration=columns(richardson(at.K, at.y, eta=at.eta, T=at.T)))


def _from_eigenvectors(rng, n, **_):
    """Starts at K^{-1} y + q_i, all at once, and a step size."""
    fields = spectrum(rng, n, 1)
    return fields | {"y": fields["y"] + np.zeros((n, n)), "starts": fields["solution"] + fields["S"], "eta": int(rng.integers(1, 4)) / 16}


def _squares(at, eta, T):
    """|error|^2 / n after T steps from each K^{-1} y + q_i."""
    error = richardson(at.K, at.y, eta=eta, T=T, alpha_0=at.starts) - at.solution
    return [sum(Fraction(x) ** 2 for x in column) / at.n for column in error.T.tolist()]


def _steps(rng, n):
    """Step sizes on both sides of every threshold that might be meant, and on them."""
    fields = _from_eigenvectors(rng, n)
    places = [x for x in (2 / max(fields["l"]), 1 / max(fields["l"]), 2 / min(fields["l"]), 2 / sum(fields["l"])) if 512 * x == int(512 * x)]
    return fields | {"etas": [0.0, *sorted({place + x for place in places for x in (-2 * place, -(2.0**-9), 0.0, 2.0**-9)})]}


@KERNELS.claim("richardson-interval", where="slide 'Kernel methods for big data'", printed_from=DERIVED, covers=["S.1"], needs=["KERNELS/richardson"],
               given=family(_steps, n=[1, 2, 4]))
def richardson_interval(at):
    """Richardson's iteration converges to K^{-1} y from every start if and only if 0 < eta < 2 / lambda_max(K); K positive definite.

    Beside the decision (0 where it does not converge) stands the sum of the squared errors after a step from each eigenvector."""
    return Sides(one_step=[_shortened(at, eta) for eta in at.etas], definite=[_definite(at, Fraction(eta)) for eta in at.etas], statement=_within(at, 2, max))


def _shortened(at, eta):
    """A step from K^{-1} y + q_i must shorten the error for each eigenvector q_i; one that is refused does not."""
    try:
        squares = _squares(at, eta, 1)
    except DomainError:
        return 0
    return sum(squares) if max(squares) < 1 else 0


def _definite(at, eta):
    """tr (I - eta K)^2 where -1 < I - eta K < 1, by the pivots of eta K and 2 I - eta K."""
    K = [[eta * x for x in row] for row in exact(at.K)]
    M = plus(scaled_identity(at.n), K, -1)
    return sum(x * x for row in M for x in row) if _positive(K) and _positive(plus(scaled_identity(at.n), M)) else 0


def _within(at, factor, of):
    """sum_i (1 - eta l_i)^2 where 0 < eta < factor / of(l)."""
    return [sum((1 - Fraction(eta) * Fraction(l)) ** 2 for l in at.l) if 0 < eta < Fraction(factor, int(of(at.l))) else 0 for eta in at.etas]


def _positive(A):
    """Whether every pivot of a symmetric matrix is positive."""
    while A and A[0][0] > 0:
        first, *rest = A
        A = [[x - row[0] * y / first[0] for x, y in zip(row[1:], first[1:], strict=True)] for row in rest]
    return not A


@richardson_interval.refutes("1 / lambda_max for the threshold")
def _(at):
    return Instead(statement=_within(at, 1, max))


@richardson_interval.refutes("2 / lambda_min for the threshold")
def _(at):
    return Instead(statement=_within(at, 2, min))


@richardson_interval.refutes("2 / trace for the threshold")
def _(at):
    return Instead(statement=_within(at, 2, sum))


@richardson_interval.refutes("the threshold itself included")
def _(at):
    return Instead(statement=_within(at, 2 + Fraction(1, 10**6), max))


@KERNELS.claim("richardson-rate", where="slide 'Kernel methods for big data'", printed_from=DERIVED, covers=["S.1"], needs=["KERNELS/richardson"],
               given=family(_from_eigenvectors, n=[1, 2, 4], T=[0, 1, 2, 5]))
def richardson_rate(at):
    """T steps multiply the error by (max_i |1 - eta lambda_i|)^T at worst, which an eigenvector attains."""
    return Sides(slowest_eigenvector=max(_squares(at, at.eta, at.T)), rate=_rate(at, max, 2 * at.T))


def _rate(at, worst, power):
    return worst(abs(1 - Fraction(at.eta) * Fraction(l)) for l in at.l) ** power


@richardson_rate.refutes("the rate of the fastest eigenvector")
def _(at):
    return Instead(rate=_rate(at, min, 2 * at.T))


@richardson_rate.refutes("|error| shrinks as |error|^2 does")
def _(at):
    return Instead(rate=_rate(at, max, at.T))


@richardson_rate.refutes("1 - eta lambda_max for the largest |1 - eta lambda_i|")
def _(at):
    return Instead(rate=(1 - Fraction(at.eta) * Fraction(max(at.l))) ** (2 * at.T))
