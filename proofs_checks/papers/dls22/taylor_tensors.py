"""The Taylor tensors T_k of the target, appendix A.2: Lemma 35.

tensor-inner                    the norm of a tensor in directions that need not be orthonormal
lemma-35  lemma-35-norm         the target as a sum of tensors T_k, and how large they are
"""

import itertools
import math
from fractions import Fraction

import numpy as np

from proofs_checks import AtMost, Instead, Sides
from proofs_checks.engine import oracles
from proofs_checks.instances import family, rational, rational_unit
from proofs_checks.papers.dls22 import DERIVED, DLS22, RESTATED
from proofs_checks.papers.dls22.routes import written_out
from refimpl import polynomials, symmetric_tensors
from refimpl.approximation import tensors
from refimpl.data.targets import Target


def _tensor(rng, r, k):
    """A homogeneous polynomial of degree k with nonzero coefficients."""
    return {alpha: rational(rng) for alpha in polynomials.exponents(r, k)}


def _entries(T, k):
    """The entries of the symmetric tensor with <T, x^k> = T(x), but for those that are 0."""
    return {index: x * polynomials.factorial(alpha) / math.factorial(k) for alpha, x in T.items()
            for index in set(itertools.permutations([i for i, times in enumerate(alpha) for _ in range(times)]))}


def _two_tensors(rng, k, r, d):
    return {"S": _tensor(rng, r, k), "T": _tensor(rng, r, k), "U": _frame(rng, r, d)}


def _frame(rng, r, d):
    """Independent integer rows, not orthonormal."""
    return [[*map(Fraction, row)] for row in (np.triu(rng.integers(-2, 3, (r, d)), 1) + np.eye(r, d, dtype=int)).tolist()]


@DLS22.claim(
    "tensor-inner",
    where="appendix A.1 and A.2 (the Frobenius norm of symmetric tensors)",
    printed_from=DERIVED,
    covers=["A.L35"],
    needs=["DLS22/tensor-algebra"],
    given=family(_two_tensors, lambda k, r, d: r <= d, k=(0, 4), r=(1, 3), d=(1, 3)),
)
def tensor_inner(at):
    """<S, T>_F = S(G grad) T / k! for polynomials of s = Ux, G = U U^T: the sum over all d^k entries, written out in x."""
    S, T = (_entries(oracles.compose(each, at.U), at.k) for each in (at.S, at.T))
    return Sides(polynomials=tensors.inner_in_frame(at.S, at.T, polynomials.gram(at.U)), entries=_entrywise(S, T))


def _entrywise(S, T):
    return sum((S[index] * T[index] for index in S), start=Fraction())


@tensor_inner.refutes("coefficients for entries, without alpha! / k!")
def _(at):
    S, T = (oracles.compose(each, at.U) for each in (at.S, at.T))
    return Instead(entries=_entrywise(S, T))


@tensor_inner.refutes("u_i taken as orthonormal")
def _(at):
    return Instead(polynomials=tensors.inner_in_frame(at.S, at.T, polynomials.identity(at.r)))


def _with_tensors(rng, p, r, d):
    g, U = {alpha: rational(rng) for k in range(p + 1) for alpha in polynomials.exponents(r, k)}, _frame(rng, r, d)
    C = [oracles.derivative_tensor(oracles.compose(g, U), m) for m in range(p + 1)]
    return {"g": g, "U": U, "C": C, "w": rational_unit(rng, d), "v": rational_unit(rng, d)}


@DLS22.claim(
    "lemma-35",
    where="appendix A.2, Lemma 35",
    printed_from=RESTATED,
    covers=["A.L35"],
    needs=["DLS22/tensor-expansion"],
    given=family(_with_tensors, lambda p, r, d: r <= d, p=(0, 4), r=(1, 2), d=(1, 3)),
)
def lemma_35(at):
    """f* = sum_k <T_k, x^k>, T_k = grad^k f*(0) / k! = sum_{2j <= p-k} (-1)^j (2j-1)!! C_{2j+k}(I^j) / (k! (2j)!), compared at two points."""
    f, target = written_out(at), _target(at)
    return Sides(
        taylor=[polynomials.evaluate(polynomials.homogeneous(f, k), x) for x in (at.w, at.v) for k in range(at.p + 1)],
        from_coefficients=_at_both(at, tensors.taylor_tensors(target)),
        from_hermite=_at_both(at, tensors.taylor_tensors_from_hermite(target)),
        explicit_tensors=_closed_up(at, lambda j, k: (-1) ** j * Fraction(oracles.gaussian_moment([2 * j]), math.factorial(k) * math.factorial(2 * j))),
    )


def _target(at):
    return Target(at.g, np.array(at.U, dtype=float))


def _at_both(at, T):
    return [polynomials.evaluate(part, [_dot(u, x) for u in at.U]) for x in (at.w, at.v) for part in T]


def _dot(x, y):
    return sum((a * b for a, b in zip(x, y, strict=True)), start=Fraction())


def _closed_up(at, share):
    """sum_j share(j, k) <C_{2j+k}(I^j), x^k>, with C_m = E[grad^m f*] written out."""
    return [sum(share(j, k) * _contract(C_m, j, x) for j, C_m in enumerate(at.C[k::2])) for x in (at.w, at.v) for k in range(at.p + 1)]


def _contract(tensor, j, x):
    """Slots 1 = 2, 3 = 4, ... for the first 2j slots, x in the others."""
    return sum((entry * math.prod((x[i] for i in index[2 * j:]), start=Fraction(1)) for index, entry in tensor.items()
                if index[:2 * j:2] == index[1:2 * j:2]), start=Fraction())


@lemma_35.refutes("(-1)^j lost")
def _(at):
    return Instead(explicit_tensors=_closed_up(at, lambda j, k: Fraction(oracles.gaussian_moment([2 * j]), math.factorial(k) * math.factorial(2 * j))))


@lemma_35.refutes("1 / (2j)! lost")
def _(at):
    return Instead(explicit_tensors=_closed_up(at, lambda j, k: (-1) ** j * Fraction(oracles.gaussian_moment([2 * j]), math.factorial(k))))


@lemma_35.refutes("(2j-1)!! lost")
def _(at):
    return Instead(explicit_tensors=_closed_up(at, lambda j, k: (-1) ** j * Fraction(1, math.factorial(k) * math.factorial(2 * j))))


@lemma_35.refutes("the Hermite coefficients C_k / k! themselves")
def _(at):
    return Instead(explicit_tensors=_closed_up(at, lambda j, k: Fraction(int(j == 0), math.factorial(k))))


def _square(r):
    """|s|^2."""
    return {tuple(2 * int(i == j) for j in range(r)): Fraction(1) for i in range(r)}


def _power(g, j):
    total = {(0,) * len(next(iter(g))): Fraction(1)}
    for _ in range(j):
        total = polynomials.times(total, g)
    return total


def _extremal(rng, k, p, r, kind):
    """For "sharp" the f* with E f*(s + v) = |s|^{k-l} s_1^l sum_{2j <= p-k} (-|s|^2)^j / (2^j j!), l = k mod 2, whose |T_k| is largest."""
    if kind == "any":
        return {"g": {alpha: rational(rng) for n in range(p + 1) for alpha in polynomials.exponents(r, n)}}
    start = polynomials.times(_power(_square(r), k // 2), {(k % 2,) + (0,) * (r - 1): Fraction(1)})
    smoothed = polynomials.add({}, *(polynomials.scale(polynomials.times(start, _power(_square(r), j)), Fraction((-1) ** j, 2**j * math.factorial(j)))
                                     for j in range((p - k) // 2 + 1)))
    return {"g": polynomials.heat(smoothed, polynomials.identity(r), time=-1)}


@DLS22.claim(
    "lemma-35-norm",
    where="appendix A.2, Lemma 35, the bound of |T_k|",
    printed_from=RESTATED,
    covers=["A.L35"],
    needs=["DLS22/lemma-35", "DLS22/tensor-algebra", "DLS22/lemma-9"],
    given=family(_extremal, lambda k, p, r, kind: k <= p, k=(0, 3), p=(0, 5), r=(1, 3), kind=["sharp", "any"]),
)
def lemma_35_norm(at):
    """|T_k|_F^2 <= E f*^2 sum_{2j <= p-k} prod_{i<=j} (2i+k-l)(2i+k+l+r-2) / (4 i^2) / k!, l = k mod 2: r^{(p-k)/4} and its constant, attained.

    Parseval and Cauchy-Schwarz: <T_k, T> <= sqrt(E f*^2) sqrt(sum_j (2j+k)! |Sym(I^j T)|^2 / (k! 2^j j!)^2) for |T| = 1, and |Sym(I^j T)| is
    largest for T = |s|^{k-l} times a harmonic polynomial of the least possible degree l. Each factor is at most r times a constant, so
    |T_k|_F is at most a constant of p and k times r^{(p-k)/4}.
    """
    form = Sides if at.kind == "sharp" else AtMost                      # equality is claimed, so it is checked
    return form(value=_taylor_norm(at), bound=_second_moment(at) * _constant(at))


def _taylor_norm(at):
    T = polynomials.homogeneous(at.g, at.k)
    return symmetric_tensors.inner(T, T)


def _second_moment(at):
    return polynomials.mean(polynomials.times(at.g, at.g), polynomials.identity(at.r))


def _constant(at, orders=None, l=None):
    l = at.k % 2 if l is None else l
    steps = [Fraction((2 * i + at.k - l) * (2 * i + at.k + l + at.r - 2), 4 * i * i) for i in range(1, (at.p - at.k) // 2 + 1)]
    return sum(math.prod(steps[:j], start=Fraction(1)) for j in range(orders or len(steps) + 1)) / math.factorial(at.k)


@lemma_35_norm.refutes("the harmonic tensors only, l = k")
def _(at):
    return Instead(bound=_second_moment(at) * _constant(at, l=at.k))


@lemma_35_norm.refutes("C_k alone, as if T_k = C_k / k!")
def _(at):
    return Instead(bound=_second_moment(at) * _constant(at, orders=1))


@lemma_35_norm.refutes("no dependence on r: r = 1 in the constant")
def _(at):
    steps = [Fraction((2 * i + at.k - at.k % 2) * (2 * i + at.k + at.k % 2 - 1), 4 * i * i) for i in range(1, (at.p - at.k) // 2 + 1)]
    return Instead(bound=_second_moment(at) * sum(math.prod(steps[:j], start=Fraction(1)) for j in range(len(steps) + 1)) / math.factorial(at.k))
