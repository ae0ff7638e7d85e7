"""Second routes: slow, elementary, and without a line in common with refimpl.

Smooth pieces by Gauss rules, exact moments by rotation and double factorials, gradients by complex steps. Nothing here knows a
Hermite coefficient of an activation.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Monomials = Mapping[tuple[int, ...], Any]


class Quadrature(NamedTuple):
    """The value of an expectation, and the same sum over absolute values: the scale of its rounding errors."""

    value: Vector
    scale: Vector


def gauss_hermite_mean(f: Callable[[Vector], Vector], basis: Vector, degree: int) -> Vector:
    """E f(x), x ~ N(0, I_d), for f polynomial of that degree which depends on x through the rows of ``basis`` (orthonormal)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(degree // 2 + 1)
    grid = np.array(list(itertools.product(nodes, repeat=len(basis))))
    weight = np.array([math.prod(w) for w in itertools.product(weights / math.sqrt(2 * math.pi), repeat=len(basis))])
    return np.asarray(np.tensordot(weight, f(grid @ basis), axes=1))


def half_space_moment(f: Callable[[Vector], Vector], size: Callable[[Vector], Vector], U: Vector, w: Vector, b: float, degree: int) -> Quadrature:
    """E[f(x) x 1{w.x + b >= 0}]: Gauss-Legendre on panels of the half-line along w, Gauss-Hermite across; ``size`` bounds |f|'s terms."""
    x, weight = half_space_rule(U, w, b, degree)
    return Quadrature((weight * f(x)) @ x, (weight * size(x)) @ np.abs(x))


def half_space_square(f: Callable[[Vector], Vector], w: Vector, b: float, degree: int) -> Vector:
    """E[(f(x) x_i)^2 1{w.x + b >= 0}] for each coordinate i, f of that degree: a grid in all d dimensions, for small d."""
    x, weight = half_space_rule(np.eye(len(w)), w, b, 2 * degree)
    return np.asarray((weight * f(x) ** 2) @ x**2)


def half_space_rule(U: Vector, w: Vector, b: float, degree: int) -> tuple[Vector, Vector]:
    """Nodes x (N, d) in span(w, U) and weights of the standard normal law on w.x + b >= 0."""
    basis = orthonormal(np.vstack([w[None, :], U]))                       # (s, d), the first row along w
    s = len(basis)
    t, weight_t = half_line_rule(-b / float(np.linalg.norm(w)))
    nodes, weights = np.polynomial.hermite_e.hermegauss(degree // 2 + 2)
    across = np.array(list(itertools.product(nodes, repeat=s - 1))).reshape(len(nodes) ** (s - 1), s - 1)
    weight = np.array([math.prod(p) for p in itertools.product(weights / math.sqrt(2 * math.pi), repeat=s - 1)])
    x = np.concatenate([np.repeat(t, len(across))[:, None], np.tile(across, (len(t), 1))], axis=1) @ basis
    return x, np.outer(weight_t, weight).ravel()


def half_line_rule(start: float) -> tuple[Vector, Vector]:
    """Nodes and weights of the standard normal law on [start, infinity): 16 Gauss-Legendre nodes on unit panels.

    What lies below -14 or beyond start + 14 weighs less than 1e-42 of the whole; beyond 38.6 the density underflows.
    """
    panels = np.arange(max(start, -14.0), max(start, 0.0) + 15.0)
    nodes, weights = np.polynomial.legendre.leggauss(16)
    t = (panels[:-1, None] + (nodes + 1) / 2).ravel()
    return t, np.tile(weights / 2, len(panels) - 1) * np.exp(-t * t / 2) / math.sqrt(2 * math.pi)


def beta_rule(r: int, d: int, degree: int) -> tuple[Vector, Vector]:
    """Nodes t in [0, 1] and weights that integrate polynomials of this degree over t ~ Beta(r/2, (d-r)/2): the law of |Pi w|^2 for w uniform on
    the sphere and Pi of rank r. Interpolation at 0, 1/degree, ..., 1, and the moments E t^k = prod_i (r + 2i) / (d + 2i)."""
    moments = [math.prod((Fraction(r + 2 * i, d + 2 * i) for i in range(k)), start=Fraction(1)) for k in range(degree + 1)]
    lagrange = [_lagrange(i, degree) for i in range(degree + 1)]
    weights = [float(sum(c * m for c, m in zip(a, moments, strict=True))) for a in lagrange]
    return np.arange(degree + 1) / degree, np.array(weights)


def _lagrange(i: int, n: int) -> list[Fraction]:
    """Coefficients of the polynomial of degree n that is 1 at i/n and 0 at the other parts of [0, 1]."""
    product = [Fraction(1)]
    for j in range(n + 1):
        if j != i:
            up, down = [Fraction(), *product], [*product, Fraction()]
            product = [(n * u - j * v) / (i - j) for u, v in zip(up, down, strict=True)]
    return product


def orthonormal(rows: Vector) -> Vector:
    """Gram-Schmidt, twice for each row; a row within the others' span is left out, so the span is kept."""
    basis: list[Vector] = []
    for row in rows:
        rest = row / np.linalg.norm(row)
        for _ in range(2):
            for e in basis:
                rest = rest - (e @ rest) * e
        if np.linalg.norm(rest) > 1e-9:
            basis.append(rest / np.linalg.norm(rest))
    return np.array(basis)


def monomials(g: Monomials, V: Vector, *, absolute: bool = False) -> Vector:
    """g at the rows of V (n, r); with ``absolute`` the sum of the absolute terms."""
    V = np.abs(V) if absolute else V
    powers = [np.ones_like(V)]                                            # V^0, V^1, ..., each (n, r)
    for _ in range(max((max(alpha) for alpha in g), default=0)):
        powers.append(powers[-1] * V)
    total = np.zeros(len(V))
    for alpha, c in g.items():
        term = np.full(len(V), abs(float(c)) if absolute else float(c))
        for i, k in enumerate(alpha):
            if k:
                term *= powers[k][:, i]
        total += term
    return total


# ---- exact moments over a half-space through the origin

class HalfSpace(NamedTuple):
    """A vector rational + root / sqrt(2 pi), kept as its two parts."""

    rational: list[Fraction]
    root: list[Fraction]


def exact_half_space_moment(f: Monomials, w: Sequence[Fraction]) -> HalfSpace:
    """E[f(x) x 1{w.x >= 0}] for f a polynomial of x itself and w a rational unit vector: rotate w onto e_1, then double factorials."""
    d = len(w)
    R = reflection(w)                                                     # x = R xi, w.x = xi_1
    rotated = compose(f, R)
    rational, root = [Fraction()] * d, [Fraction()] * d
    for alpha, c in rotated.items():
        for i in range(d):
            k, *rest = (a + (i == j) for j, a in enumerate(alpha))
            across = math.prod(0 if a % 2 else _double_factorial(a - 1) for a in rest)
            if k % 2:
                root[i] += c * across * _double_factorial(k - 1)           # E[t^k 1{t >= 0}] = (k-1)!! / sqrt(2 pi)
            else:
                rational[i] += c * across * Fraction(_double_factorial(k - 1), 2)
    return HalfSpace(_apply(R, rational), _apply(R, root))


def reflection(w: Sequence[Fraction]) -> list[list[Fraction]]:
    """The Householder reflection that exchanges e_1 and the unit vector w, exactly."""
    d = len(w)
    v = [Fraction(int(i == 0)) - x for i, x in enumerate(w)]
    size = sum((x * x for x in v), start=Fraction())
    return [[Fraction(int(i == j)) - (2 * v[i] * v[j] / size if size else 0) for j in range(d)] for i in range(d)]


def compose(g: Monomials, A: Sequence[Sequence[Fraction]]) -> dict[tuple[int, ...], Fraction]:
    """The polynomial x -> g(Ax), expanded."""
    columns = len(A[0])
    total: dict[tuple[int, ...], Fraction] = {}
    for alpha, c in g.items():
        product: dict[tuple[int, ...], Fraction] = {(0,) * columns: Fraction(c)}
        for row, k in zip(A, alpha, strict=True):
            for _ in range(k):
                product = _times_linear(product, row)
        for key, value in product.items():
            total[key] = total.get(key, Fraction()) + value
    return total


def _times_linear(g: Mapping[tuple[int, ...], Fraction], row: Sequence[Fraction]) -> dict[tuple[int, ...], Fraction]:
    total: dict[tuple[int, ...], Fraction] = {}
    for alpha, c in g.items():
        for j, x in enumerate(row):
            if x:
                key = (*alpha[:j], alpha[j] + 1, *alpha[j + 1:])
                total[key] = total.get(key, Fraction()) + c * x
    return total


def _apply(A: Sequence[Sequence[Fraction]], x: Sequence[Fraction]) -> list[Fraction]:
    return [sum((a * b for a, b in zip(row, x, strict=True)), start=Fraction()) for row in A]


def _double_factorial(k: int) -> int:
    return math.prod(range(k, 1, -2))


def gaussian_moment(alpha: Sequence[int]) -> int:
    """E[z^alpha] of independent standard normals: the product of the (alpha_i - 1)!!, 0 where an exponent is odd."""
    return math.prod(0 if a % 2 else _double_factorial(a - 1) for a in alpha)


def derivative_tensor(f: Monomials, k: int) -> dict[tuple[int, ...], Fraction]:
    """E[d_{i_1} ... d_{i_k} f(x)], x ~ N(0, I_d), for all d^k index tuples: the tensor C_k written out."""
    d = len(next(iter(f)))
    tensor = {}
    for index in itertools.product(range(d), repeat=k):
        times = [index.count(i) for i in range(d)]
        tensor[index] = sum(
            (Fraction(c) * math.prod(math.perm(a, t) for a, t in zip(alpha, times, strict=True))
             * gaussian_moment([a - t for a, t in zip(alpha, times, strict=True)])
             for alpha, c in f.items() if all(a >= t for a, t in zip(alpha, times, strict=True))), start=Fraction())
    return tensor


# ---- gradients

def complex_step(f: Callable[[npt.NDArray[np.complex128]], complex], x: Vector) -> Vector:
    """The gradient of a real-analytic function: Im f(x + ih e) / h at h = 1e-200, exact to rounding."""
    flat = x.astype(complex).ravel()
    gradient = np.empty(x.size)
    for i in range(x.size):
        flat[i] += 1e-200j
        gradient[i] = f(flat.reshape(x.shape)).imag * 1e200
        flat[i] = x.ravel()[i]
    return gradient.reshape(x.shape)
