r"""The first gradient at an input that it has seen: its second moment, exactly.

x_1 is one of the n samples of g_n = (1/n) sum_i y_i x_i 1{w.x_i + b >= 0}, so (g_n.x_1)^2 is a double sum of y_i y_k (x_i.x_1) (x_k.x_1), whose means are
those of one sample's x (i = k = 1), of two independent ones, or of three. Stein's identity, up to four times, makes derivatives out of the factors x:
with Delta the Laplacian of q 1, or of f* 1,

    E[q |x|^2 1] = d E[q 1] + E[Delta(q 1)],    E[q |x|^4 1] = d (d+2) E[q 1] + (2d + 4) E[Delta(q 1)] + E[Delta^2(q 1)],
    E[f* |x|^2 x 1] = (d+2) g + E[Delta grad(f* 1)].
"""

from __future__ import annotations

import numpy as np

from refimpl import polynomials
from refimpl.data.targets import Target
from refimpl.errors import Array, count, finite
from refimpl.polynomials import Polynomial
from refimpl.population import _checked, half_space_moment
from refimpl.sampling_error import _square, _Step


@np.errstate(over="ignore", invalid="ignore")      # finite() says what overflowed
def input_moment(target: Target, W: object, b: object, n: int, *, varsigma: float = 0.0) -> Array:
    r"""Second moment of the new pre-activation at a sample that the gradient has seen.

    .. math:: n^2 E(g_n(w_j) \cdot x_1)^2 = E[q |x|^4 1] + 2 (n - 1)\, g \cdot E[f^\star |x|^2 x 1] + (n - 1)\, E[q |x|^2 1] + (n - 1)(n - 2) |g|^2

    with q = f*^2 + varsigma^2 and 1 the indicator of w_j.x + b_j >= 0. The first term is that of the sample itself.

    Source
    ------
    DLS22, Lemma 16, in the mean square; derived here, audited by ``DLS22/lemma-16-moment``.

    Parameters
    ----------
    target, W, b, varsigma : as in :func:`refimpl.sampling_error.half_space_second_moment`
    n : int >= 1

    Returns
    -------
    (m,)   E(g_n(w_j).x_1)^2, x_1 being one of the n samples

    Units
    -----
    About ((1 + varsigma^2)/2 + |H|_F^2 / (2 pi)) / d at n = d^2 and E f*^2 = 1. alpha and beta as in :func:`refimpl.sampling_error.sampling_error_along`.

    Errors
    ------
    As :func:`refimpl.sampling_error.half_space_second_moment`; DomainError, DtypeError for n.
    """
    n, d = count("n", n, least=1), _checked(target).d
    q, step = _square(target, varsigma), _Step(target, W, b, degree=2 * target.p + 4)
    P, DP, DDP = _iterated(q, 2)
    once = _laplacian(step, P, DP)                                              # E[Delta(q 1)]
    second = d * step.mean(P) + once                                            # E[q |x|^2 1]
    fourth = d * (d + 2) * step.mean(P) + (2 * d + 4) * once + _bilaplacian(step, P, DP, DDP)
    g = half_space_moment(target, W, b)
    signal = np.sum(g**2, axis=1)
    own = (d + 2) * signal + np.sum(g * _bent(target, step), axis=1)            # g.E[f |x|^2 x 1]
    return finite("E(g_n.x_1)^2", (fourth + 2 * (n - 1) * own + (n - 1) * second + (n - 1) * (n - 2) * signal) / n**2)


def _bent(target: Target, step: _Step) -> Array:
    """E[Delta grad(f* 1)], (m, d)."""
    f, Df = _iterated(target, 1)
    in_frame = step.gradient(Df) + 2 * step.gradient(f, 1, 1) + step.gradient(f, 2)
    return in_frame @ target.U + _laplacian(step, f, Df, 1)[:, None] * step.W_unit


# ---- Laplacians of a polynomial of Ux times a derivative of the step

def _iterated(target: Target, times: int) -> list[Polynomial]:
    """P, D P, ..., D^times P for P = the smoothed target and D = sum_ij G_ij d_i d_j."""
    G = polynomials.gram(target.U.tolist())
    found = [dict(target.smoothed)]
    for _ in range(times):
        P = found[-1]
        found.append(polynomials.add({}, *(polynomials.scale(polynomials.partial(polynomials.partial(P, i), j), G[i][j])
                                           for i in range(target.r) for j in range(target.r))))
    return found


def _laplacian(step: _Step, P: Polynomial, DP: Polynomial, l: int = 0) -> Array:
    """E[Delta(P 1^{(l)})] = E[DP 1^{(l)}] + 2 E[(w.grad P) 1^{(l+1)}] + E[P 1^{(l+2)}]."""
    return step.mean(DP, l) + 2 * step.mean(P, l + 1, 1) + step.mean(P, l + 2)


def _bilaplacian(step: _Step, P: Polynomial, DP: Polynomial, DDP: Polynomial) -> Array:
    """E[Delta^2(P 1)]: the square of D + 2 (w.grad) + 1'' applied to both factors."""
    pure = step.mean(DDP) + 4 * step.mean(P, 2, 2) + step.mean(P, 4)
    return pure + 4 * step.mean(DP, 1, 1) + 2 * step.mean(DP, 2) + 4 * step.mean(P, 3, 1)
