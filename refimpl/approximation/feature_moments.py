r"""The moments E<T, g^{otimes k}>^2 of the features: how much of a symmetric tensor T their leading term H w sees, over all w.

With H = U^T B U and s = U H w the moment is one of a Gaussian of covariance U H^2 U^T = G B G B G, G = U U^T, and on the sphere that over
E |w|^{2k}.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from refimpl import polynomials
from refimpl.approximation.tensors import _checked, _order, _tensor
from refimpl.data.targets import Target
from refimpl.polynomials import Exponents, Gram, Polynomial


def leading_second_moment(T: Mapping[Exponents, Any], target: Target, *, unit: bool = True) -> Fraction:
    r"""How much of T the leading term H w of the features sees, over all w.

    .. math:: E\langle T, (H w)^{\otimes k} \rangle^2 = E\langle T, s^{\otimes k} \rangle^2 / d (d + 2) \dots (d + 2k - 2), \qquad s \sim N(0, U H^2 U^T)

    for w uniform on the sphere; without the denominator for w ~ N(0, I_d). It is at least k! lambda_min(H)^{2k} |T|_F^2 over the same
    denominator for T on S*, with lambda_min(H)^2 = 1 / (r kappa^2), and equal to it for a harmonic T and H a multiple of Pi*.

    Source
    ------
    Derived here, for DLS22, Lemma 21, which is about g_n(w), H w / sqrt(2 pi) and smaller terms; audited by ``DLS22/lemma-21-moment``.

    Parameters
    ----------
    T : homogeneous polynomial of degree k of s = Ux
    target : f*(x) = g(Ux), H = E[grad^2 f*]
    unit : whether w has length 1

    Returns
    -------
    Fraction

    Units
    -----
    Quadratic in T, of degree 2k in f*. H w, not H w / sqrt(2 pi).

    Errors
    ------
    DtypeError, ShapeError, DomainError   for a target that is none, and a T of other variables or of several degrees. Exact, U U^T included.
    """
    T, G = _tensor("T", T, _checked(target).r), polynomials.gram(target.U.tolist())
    k, B = _order(T), _hessian(polynomials.heat(dict(target.g), G))
    covariance = _product(G, _product(B, _product(G, _product(B, G))))          # U H^2 U^T, H = U^T B U
    return polynomials.mean(polynomials.times(T, T), covariance) / (math.prod(target.d + 2 * i for i in range(k)) if unit else 1)


def _hessian(smoothed: Polynomial) -> Gram:
    r = len(next(iter(smoothed)))
    rows = [[polynomials.partial(polynomials.partial(smoothed, i), j).get((0,) * r, Fraction()) for j in range(r)] for i in range(r)]
    return tuple(map(tuple, rows))


def _product(A: Gram, B: Gram) -> Gram:
    return tuple(tuple(sum((x * y for x, y in zip(row, column, strict=True)), start=Fraction()) for column in zip(*B, strict=True)) for row in A)
