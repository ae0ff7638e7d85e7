"""What solvers on a Gram matrix cost: multiplications, counted where they are done.

cost  cost-prediction

Counted on exact matrices of few samples, and extrapolated as the polynomials that the counts are.
"""

import itertools
import math
from fractions import Fraction

import numpy as np

from proofs_checks import Instead, Sides
from proofs_checks.instances import family
from proofs_checks.papers.kernel_limits import KERNELS, SLIDES_BJ
from proofs_checks.papers.kernel_limits.routes import exact, inverse, scaled_identity, times


class Counted:
    """A number that counts the multiplications and divisions in which it is the first factor."""

    def __init__(self, x, tally):
        self.x, self.tally = x, tally

    def __mul__(self, other):
        self.tally.append("*")
        return Counted(self.x * other.x, self.tally)

    def __rtruediv__(self, one):
        self.tally.append("/")
        return Counted(one / self.x, self.tally)

    def __sub__(self, other):
        return Counted(self.x - other.x, self.tally)

    def __add__(self, other):
        return Counted(self.x + getattr(other, "x", other), self.tally)

    __radd__ = __add__

    def __neg__(self):
        return Counted(-self.x, self.tally)


def counted(run, *matrices):
    """How many multiplications and divisions ``run`` takes of these matrices, and the matrix that it makes."""
    tally = []
    made = run(*([[Counted(x, tally) for x in row] for row in A] for A in matrices))
    return len(tally), [[entry.x for entry in row] for row in made]


def _grams(rng, n):
    """Gram matrices of 1, 2, 3 and 6 samples, and labels."""
    sizes = (1, 2, 3, 6)
    H = {size: rng.integers(1, 5, (size, size)) for size in sizes}
    return {"grams": {size: exact(H[size] @ H[size].T + np.eye(size)) for size in sizes}, "labels": {size: [[Fraction(1)]] * size for size in sizes}}


def _inversion(at, n):
    spent, B = counted(inverse, at.grams[n])
    assert times(B, at.grams[n]) == scaled_identity(n)
    return spent


def _iteration(at, n):
    """The product K alpha of one iteration."""
    return counted(times, at.grams[n], at.labels[n])[0]


def extrapolated(at, count):
    """count(n) at n = at.n, as the polynomial of degree 3 that it is at 0, 1, 2, 3: Newton's forward differences."""
    differences = [0, count(at, 1), count(at, 2), count(at, 3)]
    total = []
    for k in range(len(differences)):
        total.append([differences[0] * math.comb(n, k) for n in (6, at.n)])
        differences = [y - x for x, y in itertools.pairwise(differences)]
    directly, there = map(sum, zip(*total, strict=True))
    assert directly == count(at, 6)
    return there


FLOPS = 10**13


@KERNELS.claim("cost", where="slide 'Kernel methods for big data'", printed_from=SLIDES_BJ, covers=["S.2"],
               printed=r"n = 10^7: n^3 = 10^{21} \text{ FLOPs} ... \text{Cost } n^2 \text{ per iteration}", given=family(_grams, n=[1, 2, 5, 10**4, 10**7]))
def cost(at):
    """A direct inversion takes n^3 multiplications, the product of an iteration n^2; at 1e13 a second n = 1e7 makes 1e8 s and 10 s.

    Counted for Gauss-Jordan elimination and K alpha at n = 1, 2, 3, checked at 6, and extrapolated as the polynomials that they are."""
    inversion, iteration = extrapolated(at, _inversion), extrapolated(at, _iteration)
    return Sides(counted=[inversion, iteration, Fraction(inversion, FLOPS), Fraction(iteration, FLOPS)], slides=_powers(at, 3, 2))


def _powers(at, direct, iterative):
    return [at.n**direct, at.n**iterative, Fraction(at.n**direct, FLOPS), Fraction(at.n**iterative, FLOPS)]


@cost.refutes("an iteration as dear as an inversion")
def _(at):
    return Instead(slides=_powers(at, 3, 3))


@cost.refutes("an inversion as dear as an iteration")
def _(at):
    return Instead(slides=_powers(at, 2, 2))


@cost.refutes("elimination alone, n^3 / 3")
def _(at):
    return Instead(slides=[Fraction(x, 3) if i % 2 == 0 else x for i, x in enumerate(_powers(at, 3, 2))])


@KERNELS.claim("cost-prediction", where="slide 'Conclusion'", printed_from=SLIDES_BJ, covers=["ERR-S7"], needs=["KERNELS/cost"],
               printed=r"\text{Iterative approach is slow - i.e. 10 million } (=n) \text{ matrix multiplications } (n \times n) \text{ per prediction}",
               given=family(_grams, n=[1, 2, 3, 6]),
               erratum="an iteration multiplies the n x n matrix by one vector, n^2, and serves all predictions; a prediction takes one row, n")
def cost_prediction(at):
    """A prediction takes n multiplications, one row of the Gram matrix; the whole matrix is multiplied once an iteration, by a vector, n^2."""
    return Sides(counted=[counted(times, at.grams[at.n][:1], at.labels[at.n])[0], _iteration(at, at.n)], formula=[at.n, at.n**2])


@cost_prediction.as_printed
def _(at):
    return Instead(formula=[at.n * counted(times, at.grams[at.n], at.grams[at.n])[0], at.n**2])


@cost_prediction.refutes("n products with a vector a prediction")
def _(at):
    return Instead(formula=[at.n * at.n**2, at.n**2])


@cost_prediction.refutes("an iteration multiplies two matrices")
def _(at):
    return Instead(formula=[at.n, at.n**3])
