"""Targets f*(x) = g(Ux): polynomials of a few directions of a Gaussian input, with everything about them in closed form.

The directions u_i are linearly independent, not necessarily orthonormal. Averaging over the Gaussian turns g into its
smoothed twin, and the derivative tensors C_k = E[grad^k f*] are read off it without ever being formed:

    E f*(x + w) = sum_k C_k(w^{otimes k}) / k! = smoothed(Uw),   smoothed(s) = E[g(s + v)], v ~ N(0, U U^T).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from refimpl import hermite, polynomials
from refimpl.errors import Array, DomainError, Shapes, coefficients, count, finite, number, rounded
from refimpl.polynomials import Exponents, Polynomial
from refimpl.rng import Seed, generator, standard_normal

EPS = float(np.finfo(float).eps)


class Target:
    r"""A polynomial target of r relevant directions.

    .. math:: f^\star(x) = g(\langle u_1, x\rangle, \dots, \langle u_r, x\rangle), \qquad x \sim N(0, I_d)

    Source
    ------
    DLS22, section 2, Assumptions 1 and 2; audited by ``DLS22/asm-1``, ``DLS22/asm-2``, ``DLS22/asm-data`` and
    ``DLS22/tensor-expansion``.

    Parameters
    ----------
    g : mapping from exponents to coefficients   {(2, 0): 1.0, (0, 1): -3.0} for z_1^2 - 3 z_2
    U : (r, d)   the directions u_i in rows, linearly independent

    Returns
    -------
    an immutable object with ``value``, ``contract``, ``mean_hessian``, ``Pi_star``, ``kappa``, ``second_moment``, ...

    Units
    -----
    As given: E f*^2 is ``second_moment``, and :meth:`normalised` makes it 1.

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError   for a g or U that is not of this form.
    DomainError   where the rows of U are linearly dependent.
    Rounding   the algebra on g is exact; G = U U^T is rounded once, and each coefficient once more.
    """

    U: Array                               # (r, d)
    g: Mapping[Exponents, Fraction]
    r: int
    d: int
    p: int                                 # degree

    def __init__(self, g: Mapping[Exponents, Any], U: object) -> None:
        U = Shapes("DLS22, Assumption 1")("U", U, "r", "d").copy()
        U.flags.writeable = False
        r, d = U.shape
        exact_g = polynomials.polynomial(g, r)
        if (rank := np.linalg.matrix_rank(U)) < r:
            raise DomainError(f"U has {r} rows of rank {rank}; the u_i must be linearly independent (DLS22, Assumption 1)")
        self.__dict__.update(U=U, r=r, d=d, g=MappingProxyType(exact_g), p=polynomials.degree(exact_g))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a target is immutable, so {name} cannot be set; make another Target(g, U)")

    def __reduce__(self) -> tuple[type[Target], tuple[dict[Exponents, Fraction], Array]]:
        return Target, (dict(self.g), self.U)

    def __repr__(self) -> str:
        return f"Target(degree p = {self.p}, r = {self.r} directions, d = {self.d})"

    # ---- the function

    @cached_property
    def _hermite(self) -> Polynomial:
        """g in the Hermite polynomials of its own variables: a basis in which unit directions evaluate without cancellation."""
        return polynomials.hermite_coefficients(dict(self.g))

    def value(self, X: object) -> Array:
        r"""f*(x_i), shape (n,), for X of shape (n, d).

        Evaluated as sum_alpha c_alpha He_alpha(Ux) / alpha!, within (d p + 4 p + r) eps of the sum of absolute terms.
        """
        V = self._coordinates("X", X, "n")                                      # (n, r)
        if self.r == 1:
            c = np.zeros(self.p + 1)
            for (k,), c_k in self._hermite.items():
                if c_k:
                    c[k] = rounded("a Hermite coefficient of g", c_k)
            return finite("f_star", np.asarray(hermite.hermite_sum(c, np.ascontiguousarray(V[:, 0]))))
        tables = [hermite.He_table(self.p, np.ascontiguousarray(v)) for v in V.T]   # r times (p + 1, n)
        total = np.zeros(len(V))
        with np.errstate(over="ignore", invalid="ignore"):
            for alpha, c_alpha in self._hermite.items():
                if c_alpha:
                    total += rounded("a Hermite coefficient of g", c_alpha / polynomials.factorial(alpha)) * math.prod(
                        (table[k] for table, k in zip(tables, alpha, strict=True) if k), start=np.ones(len(V)))
        return finite("f_star", total)

    def sample(self, n: int, *, rng: Seed, varsigma: float = 0.0) -> tuple[Array, Array]:
        r"""n inputs x_i ~ N(0, I_d) and labels y_i = f*(x_i) + epsilon_i, epsilon_i uniform on {-varsigma, +varsigma}.

        Returns X (n, d) and y (n,). The noise is Rademacher, not Gaussian: epsilon_i^2 = varsigma^2 for every i
        (DLS22, section 2; audited by ``DLS22/asm-noise``).
        """
        rng, n, varsigma = generator(rng), count("n", n, least=1), number("varsigma", varsigma)
        if varsigma < 0:
            raise DomainError(f"varsigma = {varsigma}; the label noise is +-varsigma, so varsigma must be at least 0")
        X = standard_normal((n, self.d), rng=rng)
        return X, self.value(X) + rng.choice([-varsigma, varsigma], n)

    # ---- its derivative tensors

    @cached_property
    def _smoothed(self) -> Polynomial:
        """smoothed(s) = E[g(s + v)], v ~ N(0, U U^T), coefficients exact for the rounded Gram matrix."""
        return polynomials.heat(dict(self.g), self._gram)

    @cached_property
    def _gram(self) -> polynomials.Gram:
        """U U^T, rounded once an entry and exact from there on."""
        with np.errstate(over="ignore"):
            G = finite("U U^T", self.U @ self.U.T)
        return tuple(tuple(map(Fraction, row)) for row in G.tolist())

    @property
    def smoothed(self) -> Mapping[Exponents, Fraction]:
        r"""Coefficients of s -> E[g(s + Ux)]; the part of degree k at s = Uw is C_k(w^{\otimes k}) / k!."""
        return MappingProxyType(self._smoothed)

    @cached_property
    def _contracted(self) -> Polynomial:
        """sum_k C_k(w^k) as a polynomial of s = Uw: its part of degree k is k! times that of smoothed."""
        return {alpha: math.factorial(sum(alpha)) * c for alpha, c in self._smoothed.items()}

    def contract(self, k: int, W: object) -> Array:
        r"""C_k(w_j^{\otimes k}), shape (m,), for W of shape (m, d): time and memory O(m (d r + p^r)), no d^k tensor.

        .. math:: C_k(w^{\otimes k}) = E[(w \cdot \nabla)^k f^\star(x)]

        Homogeneous of degree k in w; 0 for k > p. Within (d k + 2 k) eps of the sum of absolute terms. DLS22, section 5.1
        (notation of display (1)); audited by ``DLS22/tensor-expansion``.
        """
        k = count("k", k, least=0)
        return _evaluate(polynomials.homogeneous(self._contracted, k), self.frame_coordinates(W))

    def contract_in_frame(self, k: int, W: object) -> Array:
        r"""Coefficients of C_k(w_j^{\otimes(k-1)}) in the u_i, shape (m, r): the vector is ``contract_in_frame(k, W) @ U``.

        .. math:: C_k(w^{\otimes (k-1)}) = \tfrac{1}{k} \nabla_w\, C_k(w^{\otimes k}) = (k-1)!\, U^T \nabla\, \mathrm{smoothed}_k(Uw), \qquad k \ge 1

        Audited by ``DLS22/tensor-gradient``.
        """
        k = count("k", k, least=1, why="C_0 is a number and has no slot left open")
        S = self.frame_coordinates(W)
        part = polynomials.scale(polynomials.homogeneous(self._contracted, k), Fraction(1, k))
        return np.stack([_evaluate(polynomials.partial(part, i), S) for i in range(self.r)], axis=1)

    def contract_to_vector(self, k: int, W: object) -> Array:
        r"""C_k(w_j^{\otimes(k-1)}), shape (m, d); for k = 2 it is H w_j. See :meth:`contract_in_frame`."""
        with np.errstate(over="ignore", invalid="ignore"):
            return finite("a contraction of C_k", self.contract_in_frame(k, W) @ self.U)

    def frame_coordinates(self, W: object) -> Array:
        """U w_j in rows, shape (m, r); audited by ``DLS22/tensor-gradient``."""
        return self._coordinates("W", W, "m")

    def _coordinates(self, name: str, value: object, letter: str) -> Array:
        sizes = Shapes("DLS22, section 2")
        sizes("U", self.U, "r", "d")
        with np.errstate(over="ignore", invalid="ignore"):
            return finite(f"U {name}", sizes(name, value, letter, "d") @ self.U.T)

    @property
    def mean(self) -> float:
        """C_0 = E f*."""
        return rounded("C_0", self._smoothed.get((0,) * self.r, Fraction()))

    @cached_property
    def mean_gradient(self) -> Array:
        """C_1 = E[grad f*] = E[f*(x) x], shape (d,)."""
        slopes = [rounded("a coefficient of C_1", self._smoothed.get(_unit(self.r, i), Fraction())) for i in range(self.r)]
        with np.errstate(over="ignore", invalid="ignore"):
            return _frozen("C_1", np.array(slopes) @ self.U)

    @cached_property
    def mean_hessian(self) -> Array:
        """H = C_2 = E[grad^2 f*], shape (d, d); H w_j for many w_j is ``contract_to_vector(2, W)``, which forms no (d, d)."""
        with np.errstate(over="ignore", invalid="ignore"):
            return _frozen("H", self.U.T @ self._frame_hessian @ self.U)

    @cached_property
    def _frame_hessian(self) -> Array:
        """B with H = U^T B U, shape (r, r)."""
        part = polynomials.homogeneous(self._smoothed, 2)
        zero = (0,) * self.r
        return np.array([[rounded("a coefficient of H", polynomials.partial(polynomials.partial(part, i), j).get(zero, Fraction()))
                          for j in range(self.r)] for i in range(self.r)])

    # ---- the principal subspace

    @cached_property
    def S_star(self) -> Array:
        """An orthonormal basis of the principal subspace span(u_1, ..., u_r) in rows, shape (r, d); audited by ``DLS22/asm-1-basis``."""
        return _frozen("S*", np.linalg.qr(self.U.T)[0].T)

    @cached_property
    def Pi_star(self) -> Array:
        """Pi* = the orthogonal projection onto the principal subspace, shape (d, d); U^T U only where the u_i are orthonormal."""
        return _frozen("Pi*", self.S_star.T @ self.S_star)

    @cached_property
    def eigenvalues(self) -> Array:
        """The r eigenvalues of H on the principal subspace, ascending, shape (r,); audited by ``DLS22/asm-2-eigenvalues``."""
        L = self.U @ self.S_star.T                                              # U = L S*, so S* H S*^T = L^T B L
        with np.errstate(over="ignore", invalid="ignore"):
            reduced = finite("H on S*", L.T @ self._frame_hessian @ L)
        return _frozen("the eigenvalues of H", np.linalg.eigvalsh(reduced))

    @property
    def kappa(self) -> float:
        r"""Normalised condition number of H.

        .. math:: \kappa = \|H^\dagger\| / \sqrt{r} = 1 / (\lambda_{\min}(H) \sqrt{r})

        lambda_min is the smallest nonzero |eigenvalue|; at least 1/sqrt(2) for E f*^2 = 1 (DLS22, section 2; audited by
        ``DLS22/asm-2``). DomainError where H has rank below r (Assumption 2; audited by ``DLS22/asm-2-rank``): an eigenvalue
        within the rounding of G, which moves H by at most sqrt(6 v) d eps cond(G), v = E f*^2 - C_0^2 - |C_1|^2.
        """
        rank = np.linalg.matrix_rank(
            np.diag(self.eigenvalues), tol=math.sqrt(6 * self.without_linear_part().second_moment) * self.d * EPS * np.linalg.cond(self.U) ** 2)
        if rank < self.r:
            raise DomainError(f"H has rank {rank} but r = {self.r}; kappa needs H of rank r (DLS22, Assumption 2)")
        return float(1 / (min(np.abs(self.eigenvalues)) * math.sqrt(self.r)))

    # ---- its size

    @property
    def second_moment(self) -> float:
        """E f*^2, by Wick's recursion: exact for the rounded Gram matrix, then rounded once."""
        return rounded("E f*^2", self._second_moment)

    @cached_property
    def _second_moment(self) -> Fraction:
        return polynomials.mean(polynomials.times(dict(self.g), dict(self.g)), self._gram)

    def normalised(self) -> Target:
        """f* / sqrt(E f*^2), the normalisation of DLS22, section 2, also where E f*^2 is no float; DomainError for f* = 0."""
        if self._second_moment == 0:
            raise DomainError("f* = 0 has E f*^2 = 0 and cannot be normalised to E f*^2 = 1 (DLS22, section 2)")
        return Target({alpha: math.copysign(math.sqrt(c * c / self._second_moment), c) for alpha, c in self.g.items()}, self.U)

    def without_linear_part(self) -> Target:
        """f* - C_0 - C_1.x: what step 1 of Algorithm 1 leaves at infinitely many samples."""
        return Target(polynomials.add(dict(self.g), {alpha: -c for alpha, c in self._smoothed.items() if sum(alpha) <= 1}), self.U)


def single_index(c: Sequence[float] | Array, u: object) -> Target:
    r"""A target of one direction, given by its Hermite coefficients.

    .. math:: f^\star(x) = \sum_k \frac{c_k}{k!} He_k(u \cdot x)

    Source
    ------
    DLS22, section 6 (the targets of the experiments); audited by ``DLS22/sec-6-target``.

    Parameters
    ----------
    c : (K + 1,)   c_0, ..., c_K; a list of numbers is fine
    u : (d,)   the direction; for |u| = 1, C_k = c_k u^{otimes k}

    Returns
    -------
    Target

    Units
    -----
    E f*^2 = sum_k c_k^2 / k! for |u| = 1.

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError   for c or u that are not vectors of finite numbers.
    DomainError   for u = 0.
    """
    u = Shapes("DLS22, section 6")("u", u, "d")
    a = hermite.to_monomials([Fraction(x) for x in coefficients("c", c).tolist()])
    return Target({(l,): a_l for l, a_l in enumerate(a)}, u[None, :])


def _evaluate(part: Polynomial, S: Array) -> Array:
    """A polynomial of r variables at the rows of S (m, r)."""
    total = np.zeros(len(S))
    with np.errstate(over="ignore", invalid="ignore"):
        for alpha, coefficient in part.items():
            total += rounded("a coefficient of C_k", coefficient) * math.prod((S[:, i] ** k for i, k in enumerate(alpha) if k), start=np.ones(len(S)))
    return finite("a contraction of C_k", total)


def _frozen(name: str, array: npt.NDArray[np.floating[Any]]) -> Array:
    """A finite array that nobody can write into."""
    result = finite(name, np.asarray(array, dtype=float))
    result.flags.writeable = False
    return result


def _unit(r: int, i: int) -> Exponents:
    return tuple(int(j == i) for j in range(r))
