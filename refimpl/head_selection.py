r"""Which weight decay: from the norm that the head may have, and from the samples themselves by leaving one out or cross-validation.

Each needs one decomposition for all lam: the head is the ridge (Phi^T Phi + (n lam / 2) I)^{-1} Phi^T y, linear in y, so that what a sample
adds to its own prediction is known without a refit.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from refimpl.errors import Array, DomainError, ShapeError, Shapes, finite, number, settled
from refimpl.head_spectrum import EPS, SOURCE, Decomposition, Moments, _blocks_of, _resolvent, decompose, moments

NEWTON = range(128)                # steps: the error times the slope falls by 4 in each, and quadratically at last


def norm_equivalent(moments: Moments | Decomposition, norm: float) -> float:
    r"""The weight decay whose head has the given norm.

    .. math:: |a_\lambda| = \text{norm}, \qquad a_\lambda = \Big(\Phi^T \Phi + \tfrac{n\lambda}{2} I\Big)^{-1} \Phi^T y

    There is one, because |a_lam| decreases strictly. 1 / |a_lam| is increasing and concave in lam, so that Newton's iteration increases to its
    goal from any point below, and |a_lam| >= |c_i| / (s_i + lam / 2) for each eigenvector gives such a point.

    Source
    ------
    DLS22, appendix A.3, the equivalence of ridge regression and norm constrained regression; audited by ``DLS22/alg-1-norm``.

    Parameters
    ----------
    moments : Moments, or their Decomposition
    norm : above 0, and below the norm of the shortest least-squares head

    Returns
    -------
    float   lam

    Units
    -----
    Those of :func:`refimpl.head.ridge`: the ridge is n lam / 2.

    Errors
    ------
    DomainError   for a norm outside that range, and where Phi^T y = 0.
    Rounding   |a_lam| is within (m + 8) eps of the norm, computed with the same decomposition; a lam up to
    2 max(m, sqrt n) eps |G| is 0 within rounding.
    """
    at, norm = decompose(moments), number("norm", norm)
    longest = float(np.linalg.norm(at.ridge(0.0, minimum_norm=True)))
    if not 0 < norm < longest:
        raise DomainError(f"norm = {norm}, but the shortest least-squares head has the norm {longest}, and weight decay shortens it; "
                          f"norm must lie strictly between 0 and {longest} ({SOURCE})")
    c, s = at.c[at.c.astype(bool)], at.s[at.c.astype(bool)]
    return 2 * _newton(c, s, norm, least=float(np.max(np.abs(c) / norm - s, initial=0.0)))


def _newton(c: Array, s: Array, norm: float, *, least: float) -> float:
    """The t = lam / 2 at which the head has this norm, from one at which it is no shorter."""
    t = least
    for _ in NEWTON:
        length, slope = secular(c, s, t)
        t = t + (length / norm - 1) * length / -slope                               # for 1 / length = 1 / norm
        if settled(np.asarray(length), np.asarray(norm), tol=np.asarray((len(s) + 8) * EPS * norm)):
            break
    return t


def secular(c: object, s: object, t: float) -> tuple[float, float]:
    r"""The norm of the head as a function of t = lam / 2, and its derivative, in the frame of a Decomposition.

    .. math:: |a| = \Big(\sum_j \frac{c_j^2}{(s_j + t)^2}\Big)^{1/2}, \qquad \frac{d|a|}{dt} = -\frac{1}{|a|} \sum_j \frac{c_j^2}{(s_j + t)^3} < 0

    Source
    ------
    DLS22, appendix A.3: why the norm decreases; audited by ``DLS22/alg-1-norm-decreasing``.

    Parameters
    ----------
    c, s : (m,), (m,)   the moment and the eigenvalues of a :class:`refimpl.head_spectrum.Decomposition`; c is not 0
    t : half the weight decay, above -s_j for each j

    Returns
    -------
    two floats   |a| and d|a|/dt

    Units
    -----
    The derivative is that in t; in lam it is half of it.

    Errors
    ------
    DomainError   for t <= -s_j.
    ShapeError, DtypeError, NonFiniteError   for c and s that are not finite float64 arrays of one length.
    Rounding   relative (m + 8) eps each.
    """
    sizes = Shapes(SOURCE)
    c, s, t = sizes("c", c, "m"), sizes("s", s, "m"), number("t", t)
    if (s + t <= 0).any():
        raise DomainError(f"t = {t}, but s has the entry {s.min()}; s + t must be above 0")
    a = c / (s + t)
    length = float(np.linalg.norm(a))
    return length, -float((a**2 / (s + t)).sum()) / length


def leave_one_out(Phi: object, y: object, lams: object) -> Array:
    r"""The mean squared error at the sample that was left out, over all samples, without refitting.

    .. math:: \frac{1}{n} \sum_{i=1}^{n} \Big(\frac{r_i}{1 - h_{ii}}\Big)^2, \qquad r = y - hy, \qquad h = \Phi \Big(\Phi^T \Phi + \tfrac{n\lambda}{2} I\Big)^{-1} \Phi^T

    Source
    ------
    Derived here from the Sherman-Morrison formula; audited by ``DLS22/head-loo``.

    Parameters
    ----------
    Phi, y : (n, m), (n,)
    lams : weight decays >= 0, a float64 array of any shape or a number

    Returns
    -------
    an array of the shape of lams

    Units
    -----
    Squared labels. A refit keeps the ridge n lam / 2 of all n samples, not (n - 1) lam / 2.

    Errors
    ------
    DomainError   for lam < 0; at lam = 0 for samples that are dependent within rounding (n <= m), or one that alone determines a head (n > m).
    ShapeError, DtypeError, NonFiniteError   for arguments of other shapes and types.
    Rounding   for n <= m each residual is a quotient of entries of the inverse of Phi Phi^T + n lam / 2, and nothing cancels: relative
    4 (p + n) eps times the square of that matrix's condition at worst, p as in :func:`refimpl.head.decompose`. For n > m as
    :func:`leave_one_out_blocks`.
    """
    sizes = Shapes(SOURCE)
    Phi, y = sizes("Phi", Phi, "n", "m"), sizes("y", y, "n")
    n, m = Phi.shape
    if n > m:
        return leave_one_out_blocks(decompose(moments(Phi, y)), [(Phi, y)], lams)
    Phi = np.ascontiguousarray(Phi)
    with np.errstate(over="ignore", invalid="ignore"):
        s, U = np.linalg.eigh(finite("Phi Phi^T", Phi @ Phi.T / n))                 # K = Phi Phi^T / n has r_i / (1 - h_ii) =
        w = _resolvent(s, lams, False, tol=n * EPS * float(s[-1]))                  # ((K + lam/2)^{-1} y)_i / ((K + lam/2)^{-1})_ii
        return finite("the error", np.asarray((((w * (y @ U)) @ U.T / (w @ (U**2).T)) ** 2).mean(axis=-1)))


def leave_one_out_blocks(moments: Moments | Decomposition, blocks: Iterable[tuple[object, object]], lams: object) -> Array:
    r"""The same in a second pass over blocks of samples, the first of which made the moments.

    .. math:: \frac{1}{n} \sum_{i=1}^{n} \Big(\frac{r_i}{1 - h_{ii}}\Big)^2, \qquad h_{ii} = \frac{1}{n} \Phi_i \Big(\tfrac{1}{n} \Phi^T \Phi + \tfrac{\lambda}{2} I\Big)^{-1} \Phi_i^T

    Source
    ------
    Derived here; audited by ``DLS22/head-loo``.

    Parameters
    ----------
    moments : Moments of all samples, or their Decomposition
    blocks : pairs (Phi_i, y_i) of shapes (n_i, m), (n_i,), the samples that the moments are of, in blocks of any sizes
    lams : weight decays >= 0, a float64 array of any shape or a number; at 0 the heads are the shortest ones

    Returns
    -------
    an array of the shape of lams

    Units
    -----
    Squared labels; refits keep the ridge n lam / 2. Memory for one block, its image in the eigenvectors, and (*lams, n_i).

    Errors
    ------
    ShapeError   where the blocks hold another number of samples than the moments.
    DomainError   for lam < 0; where 1 - h_ii is 0 within rounding, so that a sample alone determines its prediction (m >= n and a small lam:
    :func:`leave_one_out` keeps the digits there).
    Rounding   with G = Phi^T Phi / n and v = (G + lam/2)^{-1} Phi_i, h_ii within (p + m) eps |G| |v|^2 / n, and r_i within
    (p + m) eps (|G| |a_lam| + |Phi^T y / n|) |v| + m eps |Phi_i| |a_lam|.
    """
    at = decompose(moments)
    m, sizes = len(at.s), Shapes(SOURCE)
    sizes("moment", at.moments.moment, "m")
    w, total, n = _resolvent(at.s, lams, True, tol=at._tol), 0.0, 0                  # (*s, m)
    for Phi, y in _blocks_of(blocks, sizes):
        with np.errstate(over="ignore", invalid="ignore"):
            P = Phi @ at.V                                                          # (n_i, m)
            kept = 1 - w @ (P**2).T / at.moments.n                                  # (*s, n_i), 1 - h_ii
            if (lost := kept <= at._tol * (w**2 @ (P**2).T) / at.moments.n + m * EPS).any():
                raise DomainError(f"lam = {_first(lams, lost.any(axis=-1))}, at which 1 - h_ii is 0 within rounding for a sample: it alone determines its "
                                  f"prediction; lam must be larger, or leave_one_out keeps the digits where n <= m ({SOURCE})")
            total = total + (((y - (w * at.c) @ P.T) / kept) ** 2).sum(axis=-1)
        n += len(y)
    if n != at.moments.n:
        raise ShapeError(f"blocks hold {n} samples but the moments are those of n = {at.moments.n}; pass the same samples again")
    return finite("the error", np.asarray(total / n))


def gcv(moments: Moments | Decomposition, lams: object) -> Array:
    r"""Generalised cross-validation: the leave-one-out error with each h_ii replaced by their mean, from the moments alone.

    .. math:: \frac{|\Phi a_\lambda - y|^2 / n}{(1 - \mathrm{tr}\, h / n)^2}, \qquad \mathrm{tr}\, h = \sum_j \frac{s_j}{s_j + \lambda / 2}

    Source
    ------
    Golub, Heath and Wahba (1979), at the ridge of Algorithm 1; audited by ``DLS22/head-gcv``.

    Parameters
    ----------
    moments : Moments, or their Decomposition
    lams : weight decays >= 0, a float64 array of any shape or a number

    Returns
    -------
    an array of the shape of lams

    Units
    -----
    Squared labels. The same for all rotations of the samples.

    Errors
    ------
    DomainError   for lam < 0; where the residual or n - tr h is 0 within rounding (m >= n and a small lam): the moments do not hold
    the digits of a residual far below y.y / n, and :func:`leave_one_out` does.
    Rounding   the residual |Phi a - y|^2 / n within (m + 8) eps y.y / n + 4 (p + m) eps |G| |a|^2, G = Phi^T Phi / n.
    """
    at = decompose(moments)
    s, w, n = at.s, _resolvent(at.s, lams, True, tol=at._tol), at.moments.n          # (m,), (*s, m)
    with np.errstate(over="ignore", invalid="ignore"):
        residual = at.moments.square - (w * (2 - s * w) * at.c**2).sum(axis=-1)     # (s + 2 t) / (s + t)^2 is what a takes off y.y / n
        free = n - (s * w).sum(axis=-1)
        if (lost := (residual <= (len(s) + 8) * EPS * at.moments.square + 4 * at._tol * (w**2 * at.c**2).sum(axis=-1)) | (free <= 2 * len(s) * EPS * n)).any():
            raise DomainError(f"lam = {_first(lams, lost)}, at which the residual |Phi a - y|^2 / n or n - tr h is 0 within rounding; "
                              f"lam must be larger, or leave_one_out, which sees the samples, keeps the digits ({SOURCE})")
        return finite("the error", np.asarray(n**2 * residual / free**2))


def _first(lams: object, where: object) -> float:
    """The first of the weight decays of which this holds."""
    return float(np.asarray(lams, dtype=float)[np.asarray(where)].flat[0])
