r"""How far alpha and beta of Algorithm 1 are from C_0 and C_1 at n samples: second moments, exactly.

    alpha = (1/n) sum_i y_i,   beta = (1/n) sum_i y_i x_i,   y_i = f*(x_i) +- varsigma

are means of n independent terms, so only E y^2 and E[y^2 |x|^2] are needed. With f* = g(Ux), v = Ux and Stein's lemma
E[|x|^2 h(x)] = d E h + E[x . grad h], whose last term multiplies a monomial by its degree (Euler).
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from refimpl import polynomials
from refimpl.data.targets import Target
from refimpl.errors import DomainError, DtypeError, count, exact, rounded


class SecondMoments(NamedTuple):
    """E(alpha - C_0)^2 and E|beta - C_1|^2; see :func:`second_moments`."""

    alpha: float
    beta: float


def second_moments(target: Target, *, n: int, varsigma: float = 0.0) -> SecondMoments:
    r"""Mean squares of alpha - C_0 and of beta - C_1 over n samples.

    .. math:: E(\alpha - C_0)^2 = \frac{E y^2 - C_0^2}{n}, \qquad E|\beta - C_1|^2 = \frac{E[y^2 |x|^2] - |C_1|^2}{n}, \qquad
              E[y^2 |x|^2] = d\, \varsigma^2 + \sum_k (d + k)\, E[(g^2)_k(v)], \quad v = Ux

    with (g^2)_k the part of degree k of g^2.

    Source
    ------
    DLS22, Lemma 10, with its second moments derived here; audited by ``DLS22/lemma-10``.

    Parameters
    ----------
    target : f*
    n : int >= 1
    varsigma : float >= 0   the labels are f*(x_i) +- varsigma

    Returns
    -------
    SecondMoments   alpha, beta: that of beta is a sum over its d entries

    Units
    -----
    Those of the labels, squared.

    Errors
    ------
    DomainError, DtypeError   for n and varsigma that are not of this form.
    Rounding   each within eps of its value: the algebra is exact at the floats U and varsigma, then rounded once.
    """
    if not isinstance(target, Target):
        raise DtypeError(f"target is of type {type(target).__name__}; it must be a Target, see refimpl.data.targets")
    n, varsigma_squared = count("n", n, least=1), exact("varsigma", varsigma) ** 2
    if varsigma < 0:
        raise DomainError(f"varsigma = {varsigma}; the label noise is +-varsigma, so varsigma must be at least 0")
    G, g = polynomials.gram(target.U.tolist()), dict(target.g)                           # of v = Ux
    square = polynomials.times(g, g)
    longer = {alpha: (target.d + sum(alpha)) * c for alpha, c in square.items()}
    C_0, C_1 = polynomials.mean(g, G), [polynomials.mean(polynomials.partial(g, i), G) for i in range(target.r)]      # C_1 = sum_i C_1[i] u_i
    C_1_squared = sum((C_1[i] * G[i][j] * C_1[j] for i in range(target.r) for j in range(target.r)), start=Fraction())
    return SecondMoments(
        rounded("E(alpha - C_0)^2", (polynomials.mean(square, G) + varsigma_squared - C_0**2) / n),
        rounded("E|beta - C_1|^2", (polynomials.mean(longer, G) + target.d * varsigma_squared - C_1_squared) / n),
    )
