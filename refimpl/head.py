r"""The head of Algorithm 1: gradient descent on a with the features fixed, in closed form, and the ridge it tends to.

One decomposition of the Gram matrix serves every step size, weight decay and number of steps (:mod:`refimpl.head_spectrum`). Where m is large
and few of them are wanted, Lanczos' method reaches the same vector without it. Which weight decay: :mod:`refimpl.head_selection`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from refimpl.errors import Array, DomainError, Shapes, count, finite, settled
from refimpl.head_selection import gcv, leave_one_out, leave_one_out_blocks, norm_equivalent
from refimpl.head_spectrum import (
    EPS,
    SOURCE,
    Decomposition,
    Moments,
    Steps,
    _check_convergence,
    _grid,
    _powers,
    _ridge_of_moments,
    _start,
    accumulate,
    decompose,
    moments,
)

__all__ = ["Moments", "moments", "accumulate", "Decomposition", "decompose", "gradient_descent_path", "ridge", "krylov_path",
           "norm_equivalent", "leave_one_out", "leave_one_out_blocks", "gcv"]

RTOL = 1e-10                       # what the Krylov space may still miss of an iterate, relative to it
EVERY = 16                         # Lanczos steps between two looks at that, at least


def gradient_descent_path(moments: Moments | Decomposition, *, eta: object, lam: object, T: object, a_0: object = None) -> Array:
    r"""The head after T steps of gradient descent, exactly, for whole arrays of step sizes, weight decays and numbers of steps.

    .. math:: a^{(t)} = a^{(t-1)} - \eta \Big[\tfrac{2}{n} \Phi^T (\Phi a^{(t-1)} - y) + \lambda a^{(t-1)}\Big], \qquad a^{(0)} = a_0

    Source
    ------
    DLS22, Algorithm 1, line 4; audited by ``DLS22/alg-1-head``.

    Parameters
    ----------
    moments : Moments, or their Decomposition, which saves all but 2 m^2 operations an iterate
    eta, lam : step sizes > 0 and weight decays >= 0, numbers or float64 arrays
    T : numbers of steps >= 0, an int or an array of ints; the paper's t = 2, ..., T are T - 1 steps
    a_0 : (m,)   zero where not given

    Returns
    -------
    (*s, m)   s is the shape to which eta, lam and T broadcast

    Units
    -----
    Square loss (1/n) |Phi a - y|^2 without 1/2; (lam/2) |a|^2 is what lam a is the gradient of.

    Errors
    ------
    DomainError   where |1 - eta (lam + 2 s)| > 1 for an eigenvalue s of Phi^T Phi / n: there gradient descent diverges.
    ShapeError, DtypeError, NonFiniteError   for arguments of other shapes and types.
    Rounding   norm-wise within (2 p + m) eps min(T, 1 / (1 - rho)) max_t |a^{(t)}|, rho the largest |1 - eta (lam + 2 s)|, p as in :func:`decompose`.
    """
    return decompose(moments).path(eta, lam, T, a_0)


def ridge(moments: Moments | Decomposition, lam: object, *, minimum_norm: bool = False) -> Array:
    r"""The limit of gradient descent: the minimiser of (1/n) |Phi a - y|^2 + (lam/2) |a|^2.

    .. math:: a = \Big(\Phi^T \Phi + \tfrac{n\lambda}{2} I\Big)^{-1} \Phi^T y

    Source
    ------
    DLS22, Algorithm 1 and appendix A.3; audited by ``DLS22/alg-1-ridge``.

    Parameters
    ----------
    moments : Moments, of which a whole path of lam takes one reduction to a tridiagonal matrix; or their Decomposition, which costs twice as much
        once and nothing again
    lam : weight decays >= 0, a number or a float64 array
    minimum_norm : what is not determined within rounding is set to 0, instead of an error

    Returns
    -------
    (..., m)   the shape of lam, then m

    Units
    -----
    The ridge of a loss without 1/n and with |a|^2 is n lam / 2.

    Errors
    ------
    DomainError   for lam < 0; where Phi^T Phi / n + lam/2 is singular within rounding (lam = 0 and m > n, say) and minimum_norm is not set.
    ShapeError, DtypeError, NonFiniteError   for arguments of other shapes and types.
    Rounding   norm-wise within (p + 4) eps |G| / (s_1 + lam/2) of |a|, s_1 the smallest eigenvalue that counts, p as in :func:`decompose`.
    """
    a = None if minimum_norm or isinstance(moments, Decomposition) else _ridge_of_moments(moments, lam)
    return decompose(moments).ridge(lam, minimum_norm=minimum_norm) if a is None else a


# ---- without a decomposition

def krylov_path(gram_or_matvec: object, moment: object, *, eta: object, lam: object, T: object, a_0: object = None, steps: int | None = None) -> Array:
    r"""The same iterates from Lanczos' method: for large m, where the number of products with the Gram matrix is what counts.

    .. math:: a^{(T)} \in \mathrm{span}\{c, Gc, G^2 c, \dots\}, \qquad G = \Phi^T \Phi / n, \quad c = \Phi^T y / n

    and likewise for a_0. In the basis of the first k vectors, orthonormalised, G is tridiagonal up to one entry beta_k beyond it; what k vectors
    miss of the iterate is at most 2 beta_k min(eta T, 1/lam) times the last coordinate, for eta <= 1 / (lam + 2 |G|), where the last coordinates of the
    iterates grow with t and do not change sign. Beyond that the larger of the last two stands for it, an estimate.

    Source
    ------
    DLS22, Algorithm 1, line 4; audited by ``DLS22/alg-1-head``.

    Parameters
    ----------
    gram_or_matvec : (m, m) symmetric, or a function that multiplies a vector (m,) by it
    moment : (m,)   c
    eta, lam, T, a_0 : as for :func:`gradient_descent_path`
    steps : the most products with the Gram matrix for each of c and a_0; m where not given

    Returns
    -------
    (*s, m)   s is the shape to which eta, lam and T broadcast

    Units
    -----
    Those of :func:`gradient_descent_path`.

    Errors
    ------
    DomainError   where gradient descent diverges in a direction that c or a_0 has; where ``steps`` do not suffice.
    ShapeError, DtypeError, NonFiniteError   for arguments of other shapes and types.
    Accuracy   within 1e-9 (|a^{(T)}| + |a_0|), and the rounding of :func:`gradient_descent_path`.
    """
    sizes = Shapes(SOURCE)
    c = sizes("moment", moment, "m")
    matvec = _product(gram_or_matvec, sizes)
    eta, lam, T = _grid(eta, lam, T)
    most = len(c) if steps is None else count("steps", steps, least=1)
    with np.errstate(over="ignore", invalid="ignore"):
        _, growth, Q = _krylov(matvec, c, eta, lam, T, size=most)
        a = 2 * eta[..., None] * growth @ Q
        if a_0 is not None:
            power, _, Q = _krylov(matvec, _start(a_0, c), eta, lam, T, size=most)
            a = a + power @ Q
        return finite("a", a)


def _krylov(matvec: Callable[[Array], Array], v: Array, eta: Array, lam: Array, T: Steps, *, size: int) -> tuple[Array, Array, Array]:
    """(1 - eta M)^T v and sum_{t < T} (1 - eta M)^t v in the orthonormal rows of the third array, at most ``size`` of them."""
    length = np.linalg.norm(v)
    Q, alpha, beta = np.divide(v, length, out=v.copy(), where=length > 0)[None], np.empty(0), np.empty(0)
    while True:
        Q, alpha, beta = _lanczos(matvec, Q, alpha, beta, size=min(max(EVERY, len(alpha) // 3), min(size, len(v)) - len(alpha)))
        s, W = np.linalg.eigh(np.diag(alpha) + np.diag(beta[:-1], -1))              # (k,), (k, k); eigh reads the lower triangle
        _check_convergence(eta, lam, s)
        power, growth = (length * (f * W[0]) @ W.T for f in _powers(eta[..., None] * (lam[..., None] + 2 * s), T[..., None]))
        if settled(growth[..., -2:], np.zeros(1), tol=_tolerance(growth, eta, lam, T, beta[-1])):
            return power, growth, Q[:-1]
        if len(alpha) == size:
            raise DomainError(f"steps = {size}, after which a product with the Gram matrix may still add more than {RTOL:g} of the iterate; "
                              f"allow more steps (at most m = {len(v)} are taken)")


@np.errstate(divide="ignore", over="ignore")
def _tolerance(growth: Array, eta: Array, lam: Array, T: Steps, beta: float) -> Array:
    """The last coordinates at which what is missing is RTOL of the iterate."""
    missing = 2 * beta * np.minimum(eta * T, 1 / lam) + np.finfo(float).tiny
    return np.asarray(RTOL * np.linalg.norm(growth, axis=-1, keepdims=True) / missing[..., None])


def _lanczos(matvec: Callable[[Array], Array], Q: Array, alpha: Array, beta: Array, *, size: int) -> tuple[Array, Array, Array]:
    """So many further rows of Q, with G Q[k] = beta[k-1] Q[k-1] + alpha[k] Q[k] + beta[k] Q[k+1]; each is made orthogonal to all before it."""
    done = len(alpha)
    Q = np.concatenate([Q, np.zeros((size, Q.shape[1]))])
    alpha, beta = np.concatenate([alpha, np.empty(size)]), np.concatenate([beta, np.empty(size)])
    for k in np.arange(len(alpha))[done:]:
        v = Gq = matvec(Q[k])
        alpha[k] = Q[k] @ v
        for before in (Q[max(k - 1, 0):k + 1], Q[:k + 1]):                          # the recurrence, then what rounding has left
            v = v - (before @ v) @ before
        beta[k] = np.linalg.norm(v)
        if settled(v, np.zeros(1), tol=np.asarray(8 * EPS * np.linalg.norm(Gq))):
            beta[k] = 0                                                             # nothing but rounding: the space is complete
        np.divide(v, beta[k], out=Q[k + 1], where=beta[k] > 0)                      # then this and all further rows are 0 and add nothing
    beta[Q.shape[1] - 1:] = 0                                                       # m rows span everything
    return Q, alpha, beta


def _product(gram_or_matvec: object, sizes: Shapes) -> Callable[[Array], Array]:
    if callable(gram_or_matvec):
        matvec = gram_or_matvec
        return lambda v: sizes("matvec(v)", matvec(v), "m")
    return sizes("gram", gram_or_matvec, "m", "m").dot
