r"""The head's view of the samples: the Gram matrix of the features, and its eigenvectors, in which each step on the head is diagonal.

With features Phi (n, m), G = Phi^T Phi / n and c = Phi^T y / n, one step on (1/n) |Phi a - y|^2 with weight decay lam is

    a <- a - eta [2 (G a - c) + lam a] = (I - eta M) a + 2 eta c,        M = 2 G + lam I,

so that T steps from a_0 give (I - eta M)^T a_0 + 2 eta sum_{t < T} (I - eta M)^t c: functions of G, for every eta, lam and T at once.
The samples enter through G, c, y.y / n and n alone, which may be summed over blocks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from refimpl.errors import Array, DomainError, DtypeError, ShapeError, Shapes, count, finite, number, points

Steps = npt.NDArray[np.int64]
SOURCE = "DLS22, Algorithm 1"
EPS = 2.0**-52
MOST_STEPS = 2**53                 # as a float, T is exact


# ---- what the head knows of the samples

class Moments(NamedTuple):
    """Phi^T Phi / n, Phi^T y / n, y.y / n and n: all that the square loss of the head depends on. Made by :func:`moments`."""

    gram: Array                    # (m, m)   symmetric
    moment: Array                  # (m,)
    square: float
    n: int


def moments(Phi: object, y: object) -> Moments:
    r"""The moments of features and labels.

    .. math:: \Phi^T \Phi / n, \qquad \Phi^T y / n, \qquad y^T y / n

    Source
    ------
    DLS22, Algorithm 1, line 4, whose gradient is made of them; audited by ``DLS22/alg-1-head``.

    Parameters
    ----------
    Phi : (n, m)   features, \Phi_{ij} = \sigma(w_j . x_i + b_j)
    y : (n,)       labels

    Returns
    -------
    Moments   gram (m, m), symmetric in every bit, moment (m,), square and n

    Units
    -----
    Means over samples.

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError   for Phi and y that are not finite float64 arrays of these shapes, or whose squares overflow.
    Rounding   each entry within (n + 1) eps of the mean of its absolute terms.
    """
    sizes = Shapes(SOURCE)
    Phi, y = sizes("Phi", Phi, "n", "m"), sizes("y", y, "n")
    return _means(*_sums(Phi, y), len(y))


def accumulate(blocks: Iterable[tuple[object, object]]) -> Moments:
    r"""The moments of samples that come in blocks, held one block at a time.

    .. math:: \frac{1}{n} \sum_i \Phi_i^T \Phi_i, \qquad \frac{1}{n} \sum_i \Phi_i^T y_i, \qquad \frac{1}{n} \sum_i y_i^T y_i

    Source
    ------
    As :func:`moments`; audited by ``DLS22/alg-1-head``.

    Parameters
    ----------
    blocks : pairs (Phi_i, y_i) of shapes (n_i, m), (n_i,), of any sizes; an iterator is used up

    Returns
    -------
    Moments   of all n = n_1 + n_2 + ... samples

    Units
    -----
    Means over samples. Memory for one block and two (m, m) arrays.

    Errors
    ------
    As :func:`moments`; ShapeError where there is no block, and where two blocks differ in m.
    Rounding   each entry within (n + 1) eps of the mean of its absolute terms: the blocks' sums are added in their order.
    """
    return _total((_sums(Phi, y), len(y)) for Phi, y in _blocks_of(blocks, Shapes(SOURCE)))


def _total(parts: Iterable[tuple[tuple[Array, Array, float], int]]) -> Moments:
    """The moments from the sums of each block and its number of samples, added in their order."""
    n, sums = 0, None
    for here, size in parts:
        sums = here if sums is None else _added(sums, here)
        n += size
        del here                                           # two (m, m) arrays at a time, not three
    if sums is None:
        raise ShapeError(f"blocks has no entry; it must hold at least one pair (Phi, y) ({SOURCE})")
    return _means(*sums, n)


def _blocks_of(blocks: Iterable[tuple[object, object]], sizes: Shapes) -> Iterator[tuple[Array, Array]]:
    """The blocks of :func:`accumulate`, validated one by one; all have the m that ``sizes`` saw first."""
    for i, block in enumerate(blocks):
        if not isinstance(block, tuple | list) or len(block) != 2:
            raise DtypeError(f"block {i} is of type {type(block).__name__}; a block is a pair (Phi, y)")
        yield sizes(f"Phi of block {i}", block[0], f"n_{i}", "m"), sizes(f"y of block {i}", block[1], f"n_{i}")


@np.errstate(over="ignore", invalid="ignore")              # finite() says which entry overflowed
def _sums(Phi: Array, y: Array) -> tuple[Array, Array, float]:
    Phi = np.ascontiguousarray(Phi)                        # BLAS computes one triangle and mirrors it
    return Phi.T @ Phi, Phi.T @ y, float(y @ y)


def _added(before: tuple[Array, Array, float], here: tuple[Array, Array, float]) -> tuple[Array, Array, float]:
    """Entry by entry, in place of the first."""
    return np.add(before[0], here[0], out=before[0]), before[1] + here[1], before[2] + here[2]


def _means(gram: Array, moment: Array, square: float, n: int) -> Moments:
    return Moments(finite("gram", np.divide(gram, n, out=gram)), finite("moment", moment / n), number("square", square / n), n)


# ---- one decomposition, all steps and all lam

@dataclass(frozen=True, eq=False)
class Decomposition:
    r"""The eigenvalues and eigenvectors of the Gram matrix, and the moment in their frame.

    .. math:: \Phi^T \Phi / n = V \mathrm{diag}(s) V^T, \qquad c = V^T \Phi^T y / n

    Source
    ------
    Linear algebra; made by :func:`decompose`, audited by ``DLS22/alg-1-head``.

    Parameters
    ----------
    moments : what is decomposed, when s, V or c is first asked for

    Returns
    -------
    an object with s, V, c : (m,), (m, m), (m,)   ascending eigenvalues, eigenvectors in columns, the moment in their frame; and ``path`` and ``ridge``

    Units
    -----
    Those of the moments.

    Errors
    ------
    Made by :func:`decompose`, which validates.
    """

    moments: Moments

    @cached_property
    def _eigen(self) -> tuple[Array, Array]:
        s, V = np.linalg.eigh(self.moments.gram)
        if s[0] < _least(self.moments):
            raise DomainError(f"gram has the eigenvalue {s[0]}; Phi^T Phi / n has none below 0 ({SOURCE})")
        return s, V

    @property
    def s(self) -> Array:
        """The eigenvalues, ascending."""
        return self._eigen[0]

    @property
    def V(self) -> Array:
        """The eigenvectors, in columns."""
        return self._eigen[1]

    @cached_property
    def c(self) -> Array:
        """The moment in their frame."""
        return self.moments.moment @ self.V

    @property
    def _tol(self) -> float:
        """Eigenvalues up to here are zero within rounding."""
        return _negligible(self.moments, float(self.s[-1]))

    def path(self, eta: object, lam: object, T: object, a_0: object = None) -> Array:
        """The iterates (*s, m) of :func:`refimpl.head.gradient_descent_path`."""
        eta, lam, T = _grid(eta, lam, T)
        _check_convergence(eta, lam, self.s)
        start = _start(a_0, self.moments.moment) @ self.V                           # (m,)
        power, growth = _powers(eta[..., None] * (lam[..., None] + 2 * self.s), T[..., None])
        with np.errstate(over="ignore", invalid="ignore"):
            return finite("a", (power * start + 2 * eta[..., None] * growth * self.c) @ self.V.T)

    def ridge(self, lam: object, *, minimum_norm: bool = False) -> Array:
        """The minimisers (..., m) of :func:`refimpl.head.ridge`."""
        with np.errstate(over="ignore", invalid="ignore"):
            return finite("a", (_resolvent(self.s, lam, minimum_norm, tol=self._tol) * self.c) @ self.V.T)


def decompose(moments: Moments | Decomposition) -> Decomposition:
    """The decomposition Phi^T Phi / n = V diag(s) V^T that every eta, lam and T share; one that is made already is handed back.

    Source
    ------
    Linear algebra; audited by ``DLS22/alg-1-head``.

    Parameters
    ----------
    moments : Moments

    Returns
    -------
    Decomposition   with the methods ``path`` and ``ridge``

    Units
    -----
    Those of the moments; about 10 m^3 operations.

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError   for moments that are not finite float64 arrays of these shapes.
    DomainError   for a gram that is not symmetric, or has an eigenvalue below 0 beyond rounding.
    Rounding   V diag(s) V^T is within p eps |G| of G, in the spectral norm: LAPACK's backward error, p of size 10 or less where it was measured.
    """
    if isinstance(moments, Decomposition):
        return moments
    found = Decomposition(_checked(moments))
    _ = found.s                                            # an eigenvalue below 0 is an error here, not where it is first used
    return found


def _negligible(moments: Moments, largest: float) -> float:
    """Up to which size an eigenvalue of gram is zero within rounding, the largest being this."""
    return max(len(moments.moment), math.sqrt(moments.n)) * EPS * largest


def _least(moments: Moments) -> float:
    """Down to which size below 0 an eigenvalue of gram may be rounding."""
    return -(moments.n + len(moments.moment)) * EPS * float(moments.gram.trace())


def _ridge_of_moments(moments: Moments, lam: object) -> Array | None:
    """The minimisers of :func:`refimpl.head.ridge` without eigenvectors; None where m = 1, or a lam so small that eigenvalues must say what is determined."""
    from refimpl._tridiagonal import tridiagonal

    moments, lam = _checked(moments), _decay(lam)
    if len(moments.moment) == 1:
        return None
    T, t = tridiagonal(moments.gram), lam.ravel() / 2
    if not np.all(t > _negligible(moments, T.size)) or not T.exceeds(_least(moments)):
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        a = T.solve(t, moments.moment)
        return None if a is None else finite("a", a.reshape(*lam.shape, -1))


def _powers(x: Array, T: Steps) -> tuple[Array, Array]:
    """(1 - x)^T and sum_{t < T} (1 - x)^t = (1 - (1 - x)^T) / x, without cancellation for any x in [0, 2]."""
    from scipy.special import xlog1py

    near = np.minimum(x, 2 - x)                                                     # 1 - |1 - x|; 2 - x is exact where it counts
    exponent, odd = xlog1py(T, -near), (T % 2) * (near < x)                         # |1 - x|^T = e^exponent; (1 - x)^T < 0 where odd
    rise = 2 * odd - (1 - 2 * odd) * np.expm1(exponent)                             # 1 - (1 - x)^T
    growth = np.divide(rise, x, out=np.broadcast_to(T, rise.shape).astype(float), where=x > 0)
    return np.asarray((1 - 2 * odd) * np.exp(exponent)), growth


def _resolvent(s: Array, lam: object, minimum_norm: bool, *, tol: float) -> Array:
    """1 / (s + lam / 2), shape (..., m); where that does not exist within rounding an error, or 0."""
    lam = _decay(lam)
    H = s + lam[..., None] / 2
    invertible = np.greater(H, tol)
    if not minimum_norm and not invertible.all():
        raise DomainError(f"lam = {lam[tuple(np.argwhere(~invertible)[0][:-1])]}, but the Gram matrix has {len(s)} rows and rank {(s > tol).sum()} within "
                          f"rounding; lam must exceed {2 * tol:.3g}, or minimum_norm=True takes the shortest minimiser ({SOURCE})")
    return np.asarray(np.divide(1, H, out=invertible.astype(float), where=invertible))


# ---- arguments

def _checked(moments: object) -> Moments:
    if not isinstance(moments, Moments):
        raise DtypeError(f"moments is of type {type(moments).__name__}; it must be Moments, see refimpl.head.moments")
    sizes = Shapes(SOURCE)
    gram, moment = sizes("gram", moments.gram, "m", "m"), sizes("moment", moments.moment, "m")
    if not np.array_equal(gram, gram.T):
        i, j = np.argwhere(gram != gram.T)[0]
        raise DomainError(f"gram[{i}, {j}] = {gram[i, j]} but gram[{j}, {i}] = {gram[j, i]}; gram must be symmetric ({SOURCE})")
    if number("square", moments.square) < 0:
        raise DomainError(f"square = {moments.square}; y.y / n is at least 0")
    return Moments(gram, moment, float(moments.square), count("n", moments.n, least=1))


def _start(a_0: object, moment: Array) -> Array:
    sizes = Shapes(SOURCE)
    sizes("moment", moment, "m")
    return np.zeros_like(moment) if a_0 is None else sizes("a_0", a_0, "m")


def _grid(eta: object, lam: object, T: object) -> tuple[Array, Array, Steps]:
    """The three arrays, each as it is: they broadcast together."""
    eta, lam, T = points("eta", eta), _decay(lam), _steps(T)
    if (eta <= 0).any():
        raise DomainError(f"eta = {eta[eta <= 0][0]}; a step size must be above 0 ({SOURCE})")
    try:
        np.broadcast_shapes(eta.shape, lam.shape, T.shape)
    except ValueError:
        raise ShapeError(f"eta has shape {eta.shape}, lam {lam.shape} and T {T.shape}; they must broadcast together") from None
    return eta, lam, T


def _decay(lam: object) -> Array:
    lam = points("lam", lam)
    if (lam < 0).any():
        raise DomainError(f"lam = {lam[lam < 0][0]}; weight decay must be at least 0 ({SOURCE})")
    return lam


def _steps(T: object) -> Steps:
    if isinstance(T, np.ndarray) and T.dtype.kind not in "iu":
        raise DtypeError(f"T has dtype {T.dtype}; T counts steps, an int or an array of ints (T.astype(int) makes one)")
    T = T if isinstance(T, np.ndarray) else np.array(count("T", T, least=0))
    if (out := T[(T < 0) | (T > MOST_STEPS)]).size:
        raise DomainError(f"T = {out[0]}; T counts steps and must lie between 0 and 2^53 ({SOURCE})")
    return T.astype(np.int64)


def _check_convergence(eta: Array, lam: Array, s: Array) -> None:
    """|1 - eta (lam + 2 s)| <= 1 at the largest of the ascending s, up to its rounding."""
    if (eta * (lam + 2 * s[-1]) > 2 + 8 * len(s) * EPS).any():
        x = eta * (lam + 2 * s[-1])
        step, decay = (np.broadcast_to(v, x.shape).flat[np.argmax(x)] for v in (eta, lam))
        raise DomainError(f"eta = {step}, but gradient descent on the head diverges from eta = 2/(lam + 2 s_max) = {2 / (decay + 2 * s[-1])} on, "
                          f"at lam = {decay} and the largest eigenvalue s_max = {s[-1]} of Phi^T Phi / n ({SOURCE})")
