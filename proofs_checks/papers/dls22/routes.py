"""Second routes that several modules share: quadrature at an instance, and targets written out in the coordinates of x."""

import math

import numpy as np

from proofs_checks.engine import oracles


def second_moment(at, square_of, absolute=False):
    """E square_of(v)^2 over v = Ux by a Gauss-Hermite grid."""
    basis = oracles.orthonormal(at.U)
    return float(oracles.gauss_hermite_mean(lambda x: oracles.monomials(square_of, x @ at.U.T, absolute=absolute) ** 2, basis, 2 * at.p))


def target_value(at):
    """f* as a function of points x (n, d), term by term."""
    return lambda x: oracles.monomials(at.target.g, x @ at.target.U.T)


def target_size(at):
    """The sum of the absolute terms of f*."""
    return lambda x: oracles.monomials(at.target.g, x @ at.target.U.T, absolute=True)


def largest_term(at, X):
    """The largest sum of absolute terms of f* at the rows of X, also in its Hermite basis: sqrt(2 p) more, see asm_1."""
    return float(np.max(oracles.monomials(at.target.g, np.abs(X) @ np.abs(at.U).T + math.sqrt(2 * at.p), absolute=True)))


def half_space_moment_of(at, w, b=0.0):
    """E[f* x 1{w.x + b >= 0}] by quadrature, and its scale."""
    return oracles.half_space_moment(target_value(at), target_size(at), at.target.U, w, b, at.p + 1)


def written_out(at):
    """f*(x) as a polynomial of the d coordinates of x."""
    return oracles.compose(at.g, at.U)


def he_monomials(k):
    """He_k in monomials, by He_{k+1} = z He_k - He_k'."""
    here = [1]
    for _ in range(k):
        up, down = [0, *here], [(l + 1) * here[l + 1] for l in range(len(here) - 1)]
        here = [x - (down[l] if l < len(down) else 0) for l, x in enumerate(up)]
    return here
