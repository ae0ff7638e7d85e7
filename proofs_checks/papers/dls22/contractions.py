"""Appendix D: the mean of |T(w^k)|^2 for a symmetric tensor T, and the eigenvalues of E w^{2k} that bound it.

lemma-38  cor-41                                                    E |T(w^k)|^2 in its traces, for every T; its growth in k
cor-42-spectrum  cor-42                                             all eigenvalues of E w^{2k} on symmetric tensors, the smallest
cor-39  cor-39-power  cor-39-norm                                   the largest, its power of r, and an erratum
cor-47                                                              the same on the sphere
"""

import itertools
import math
from fractions import Fraction
from typing import Any

from flint import arb

from proofs_checks import AtMost, AtMostOn, Instead, Proof, Sides
from proofs_checks.engine import oracles
from proofs_checks.instances import family, rational, rational_unit
from proofs_checks.papers.dls22 import DERIVED, DLS22, INDEXED, RESTATED
from proofs_checks.papers.dls22.moments import _factorial, _monomials, _odd, _plus, _sphere_moment, _sum
from refimpl.symmetric_tensors import identity_power, inner, trace
from refimpl.tensor_moments import chi_moment, contraction_mean, sphere_contraction_mean

# ---- Lemma 38

PARTITIONS: dict[int, Any] = {1: [(1,)], 2: [(2, 0), (1, 1)], 3: [(3, 0, 0), (2, 1, 0), (1, 1, 1)],
              4: [(4, 0, 0, 0), (3, 1, 0, 0), (2, 2, 0, 0), (2, 1, 1, 0), (1, 1, 1, 1)]}


def _row(p, k, row):
    """A monomial, and those whose product with it is even in every variable."""
    alpha = PARTITIONS[p][row]
    return {"alpha": alpha, "others": [beta for beta in _monomials(p, p) if not any(n % 2 for n in _plus(alpha, beta))]}


@DLS22.claim(
    "lemma-38",
    where="appendix D, Lemma 38",
    printed_from=RESTATED,
    covers=["A.L38"],
    needs=["DLS22/tensor-algebra", "HERMITE/gaussian-moments"],
    given=family(_row, lambda p, k, row: k <= p and row < len(PARTITIONS[p]), p=(1, 4), k=(0, 4), row=(0, 4)),
    proof=Proof(
        over="every symmetric tensor T of order p <= 4 on any number of directions, every k <= p",
        parameter="row", degree=lambda at: len(PARTITIONS[at.p]) - 1,
        because="both sides are quadratic forms in T, so matrices in the basis of monomials, that no exchange and no reflection of coordinates "
                "changes: two monomials whose product is even in every variable hold at most p variables, all others give 0, and one row for each "
                "partition of p says all",
    ),
)
def lemma_38(at):
    """E |T(w^k)|_F^2 = sum_{2l <= k} (k-2l)! ((2l-1)!!)^2 binom(k, 2l)^2 |T(I^l)|_F^2, w ~ N(0, I): one row of the two matrices."""
    return Sides(traces=_polarised(at, lambda T: contraction_mean(T, at.k)), moments=[_mean_product(at.alpha, beta, at.k) for beta in at.others])


def _polarised(at, form):
    """The entries of a quadratic form in the row of alpha."""
    return [(form({at.alpha: 2}) if at.alpha == beta else form({at.alpha: 1, beta: 1}) - form({at.alpha: 1, beta: -1})) / 4 for beta in at.others]


def _mean_product(alpha, beta, k):
    """E <S(w^k), T(w^k)> of two monomials: gamma stands for the open slots, w^{alpha-gamma} w^{beta-gamma} fills the others."""
    p, total = sum(alpha), Fraction()
    for gamma in itertools.product(*(range(min(a, b) + 1) for a, b in zip(alpha, beta, strict=True))):
        if sum(gamma) == p - k:
            left, right = (tuple(a - c for a, c in zip(exponents, gamma, strict=True)) for exponents in (alpha, beta))
            ways = math.factorial(p - k) * math.factorial(k) ** 2 / Fraction(_factorial(gamma) * _factorial(left) * _factorial(right))
            total += ways * oracles.gaussian_moment(_plus(left, right))
    return total * _factorial(alpha) * _factorial(beta) / math.factorial(p) ** 2


def _by_traces(T, k, coefficient):
    """The sum of the lemma with another coefficient."""
    return _sum(coefficient(k, l) * inner(trace(T, l), trace(T, l)) for l in range(k // 2 + 1))


@lemma_38.refutes("binom(k, l) for binom(k, 2l)")
def _(at):
    return Instead(traces=_polarised(at, lambda T: _by_traces(T, at.k, lambda k, l: math.factorial(k - 2 * l) * (_odd(l) * math.comb(k, l)) ** 2)))


@lemma_38.refutes("((2l-1)!!)^2 lost, which k = 4 alone shows")
def _(at):
    return Instead(traces=_polarised(at, lambda T: _by_traces(T, at.k, lambda k, l: math.factorial(k - 2 * l) * math.comb(k, 2 * l) ** 2)))


@lemma_38.refutes("(k-2l)!, the norm of He_{k-2l}, lost")
def _(at):
    return Instead(traces=_polarised(at, lambda T: _by_traces(T, at.k, lambda k, l: (_odd(l) * math.comb(k, 2 * l)) ** 2)))


# ---- tensors that attain the bounds

def _any_tensor(rng, p, r, kind):
    """A tensor of rational coefficients; a harmonic one, Re (z_1 + i z_2)^p in other coordinates; or |z|^p, times a linear form where p is odd."""
    if kind == "any":
        return {alpha: rational(rng) for alpha in _monomials(r, p)}
    mirror = oracles.reflection(rational_unit(rng, r))
    if kind == "harmonic":
        return oracles.compose({(p - j, j) + (0,) * (r - 2): (-1) ** (j // 2) * math.comb(p, j) for j in range(0, p + 1, 2)}, mirror)
    return oracles.compose({_plus(alpha, (p % 2,) + (0,) * (r - 1)): x for alpha, x in identity_power(p // 2, r).items()}, mirror)


def _contracted_tensor(rng, k, more, r, kind, **_):
    """T of order p, k of whose slots are filled: p = k where the kind says so, else k + more."""
    p = k if kind in ("k = p", "attained") else k + more
    return {"p": p, "T": _any_tensor(rng, p, r, {"k = p": "any", "attained": "spherical"}.get(kind, kind))}


def _second_moment(T, moment=oracles.gaussian_moment):
    """E <T, w^p>^2, term by term."""
    return _sum(x * y * moment(_plus(alpha, beta)) for alpha, x in T.items() for beta, y in T.items())


@DLS22.claim(
    "cor-41",
    where="appendix D, Corollary 41",
    printed_from=RESTATED,
    covers=["A.C41"],
    needs=["DLS22/lemma-38"],
    given=family(_contracted_tensor, k=(0, 3), more=[1, 2], r=[2, 3], kind=["harmonic", "any", "k = p"]),
)
def cor_41(at):
    """E |T(w^k)|^2 <= (k!/p!) E <T, w^p>^2 for k <= p, with equality where T is harmonic; so it is at most E <T, w^p>^2.

    Term by term in Lemma 38: (k-2l)! binom(k, 2l)^2 = (k!)^2 / ((k-2l)! (2l)!^2), and k! / (k-2l)! grows with k.
    """
    return _form(at)(value=contraction_mean(at.T, at.k), bound=Fraction(math.factorial(at.k), math.factorial(at.p)) * _second_moment(at.T))


def _form(at):
    """Equality is claimed for harmonic T and at k = p, so it is checked."""
    return Sides if at.kind in ("harmonic", "k = p") else AtMost


@cor_41.refutes("1 / binom(p, k) for k!/p!")
def _(at):
    return Instead(bound=_second_moment(at.T) / math.comb(at.p, at.k))


@cor_41.refutes("|T|^2 for E <T, w^p>^2")
def _(at):
    return Instead(bound=inner(at.T, at.T))


@cor_41.refutes("the two sides exchanged")
def _(at):
    return Instead(value=_second_moment(at.T), bound=contraction_mean(at.T, at.k))


# ---- the spectrum of E w^{2k}

def _eigenvalue(k, r, j):
    """k! binom(r/2 + k - 1, j)."""
    return math.factorial(k) * math.prod((Fraction(r + 2 * (k - j + i), 2 * (i + 1)) for i in range(j)), start=Fraction(1))


def _monomial(k, r, j, row):
    return {"monomial": {_monomials(r, k - 2 * j)[row]: Fraction(1)}}


@DLS22.claim(
    "cor-42-spectrum",
    where="appendix D, Corollary 42 and Lemma 38 at k = p",
    printed_from=DERIVED,
    covers=["A.C42"],
    needs=["DLS22/lemma-36"],
    given=family(_monomial, lambda k, r, j, row: 2 * j <= k and row < math.comb(r + k - 2 * j - 1, k - 2 * j) and (r > 1 or k - 2 * j < 2),
                 k=(0, 4), r=(1, 3), j=(0, 2), row=(0, 14)),
    proof=Proof(
        over="every symmetric tensor of order k <= 4 on r <= 3 directions",
        parameter="row", degree=lambda at: math.comb(at.r + at.k - 2 * at.j - 1, at.k - 2 * at.j) - 1,
        because="Sym^k is the sum of the spaces |z|^{2j} H, H the harmonics of degree k - 2j, which the harmonic parts of the monomials span",
    ),
)
def cor_42_spectrum(at):
    """The eigenvalues of E[w^{2k}] on Sym^k(R^r) are k! binom(r/2 + k - 1, j), 2j <= k, on |z|^{2j} times the harmonics of degree k - 2j.

    They grow with j, so E[w^{2k}] >= k! Pi. In one direction only the last exists, (2k-1)!!.
    """
    T = _eigentensor(at)
    return Sides(moments=_mapped(T, at), eigenvalue={alpha: _eigenvalue(at.k, at.r, at.j) * x for alpha, x in T.items()})


def _mapped(T, at):
    """E[<T, w^k> (w.z)^k], term by term."""
    return {beta: Fraction(math.factorial(at.k), _factorial(beta)) * _sum(x * oracles.gaussian_moment(_plus(alpha, beta)) for alpha, x in T.items())
            for beta in _monomials(at.r, at.k)}


def _eigentensor(at):
    """|z|^{2j} times the harmonic part of a monomial."""
    T = _harmonic(at.monomial, at.r)
    for _ in range(at.j):
        T = _times_square(T)
    return T


def _harmonic(T, r):
    """T - |z|^2 Delta T / (2 (r+2p-4)) + |z|^4 Delta^2 T / (2 (r+2p-4) 4 (r+2p-6)) - ..., the same sum from its end."""
    p = sum(next(iter(T)))
    powers = [T]
    while powers[-1]:
        powers.append(_laplacian(powers[-1]))
    total = {}
    for i in range(p // 2, 0, -1):
        total = _times_square({alpha: -(powers[i].get(alpha, 0) + total.get(alpha, 0)) / (2 * i * (r + 2 * p - 2 * i - 2))
                               for alpha in powers[i].keys() | total.keys()})
    return {alpha: T.get(alpha, 0) + total.get(alpha, 0) for alpha in T.keys() | total.keys()}


def _laplacian(T):
    total = {}
    for alpha, x in T.items():
        for i, a in enumerate(alpha):
            if a > 1:
                key = (*alpha[:i], a - 2, *alpha[i + 1:])
                total[key] = total.get(key, 0) + x * a * (a - 1)
    return total


def _times_square(T):
    total = {}
    for alpha, x in T.items():
        for i, a in enumerate(alpha):
            key = (*alpha[:i], a + 2, *alpha[i + 1:])
            total[key] = total.get(key, 0) + x
    return total


@cor_42_spectrum.refutes("k! on all of Sym^k")
def _(at):
    return Instead(eigenvalue={alpha: math.factorial(at.k) * x for alpha, x in _eigentensor(at).items()})


@cor_42_spectrum.refutes("binom(r/2 + k, j)")
def _(at):
    return Instead(eigenvalue={alpha: _eigenvalue(at.k, at.r + 2, at.j) * x for alpha, x in _eigentensor(at).items()})


@cor_42_spectrum.refutes("the eigenvalue of j for k/2 - j")
def _(at):
    return Instead(eigenvalue={alpha: _eigenvalue(at.k, at.r, at.k // 2 - at.j) * x for alpha, x in _eigentensor(at).items()})


@DLS22.claim(
    "cor-42",
    where="appendix D, Corollary 42",
    printed_from=RESTATED,
    covers=["A.C42"],
    needs=["DLS22/cor-42-spectrum", "DLS22/lemma-38"],
    given=family(lambda rng, k, r, kind: {"T": _any_tensor(rng, k, r, kind)}, k=(0, 5), r=[2, 3], kind=["harmonic", "any", "spherical"]),
)
def cor_42(at):
    """E[w^{2k}] >= k! Pi_{Sym^k}: k! |T|_F^2 <= E <T, w^k>^2 for every symmetric T, with equality where T is harmonic.

    It is the term l = 0 of Lemma 38 at k = p, whose other terms are not negative: so for k <= 4 it is proved there on any number of directions.
    """
    return _form(at)(value=math.factorial(at.k) * inner(at.T, at.T), bound=_second_moment(at.T))


@cor_42.refutes("(2k-1)!! for k!, the value on one direction")
def _(at):
    return Instead(value=_odd(at.k) * inner(at.T, at.T))


@cor_42.refutes("(k+1)! for k!")
def _(at):
    return Instead(value=math.factorial(at.k + 1) * inner(at.T, at.T))


# ---- Corollary 39

@DLS22.claim(
    "cor-39",
    where="appendix D, Corollary 39",
    printed_from=RESTATED,
    covers=["A.C39"],
    needs=["DLS22/lemma-38", "DLS22/cor-42-spectrum"],
    given=family(_contracted_tensor, k=(1, 4), more=[1], r=(1, 3), kind=["attained", "spherical", "any"]),
)
def cor_39(at):
    """E |T(w^k)|_F^2 <= k! binom(r/2 + k - 1, floor(k/2)) |T|_F^2, and no smaller constant will do: |z|^k, or |z|^{k-1} z_1, attains it at p = k.

    The constant is the largest eigenvalue of E[w^{2k}]; a tensor of higher order is its slices of order k, whose squared norms add up.
    """
    form = Sides if at.kind == "attained" else AtMost
    return form(value=contraction_mean(at.T, at.k), bound=_eigenvalue(at.k, at.r, at.k // 2) * _squared_norm(at.T))


def _squared_norm(T):
    return _sum(_factorial(alpha) * x**2 for alpha, x in T.items()) / math.factorial(sum(next(iter(T))))


@cor_39.refutes("no growth in r: the constant of one direction")
def _(at):
    return Instead(bound=_eigenvalue(at.k, 1, at.k // 2) * _squared_norm(at.T))


@cor_39.refutes("the exponent floor((k-1)/2)")
def _(at):
    return Instead(bound=_eigenvalue(at.k, at.r, (at.k - 1) // 2) * _squared_norm(at.T))


@cor_39.refutes("k!, the smallest eigenvalue")
def _(at):
    return Instead(bound=math.factorial(at.k) * _squared_norm(at.T))


@DLS22.claim(
    "cor-39-power",
    where="appendix D, Corollary 39: its power of r",
    printed_from=RESTATED,
    covers=["A.C39"],
    needs=["DLS22/cor-39"],
    given=family(k=(2, 6)),
)
def cor_39_power(at):
    """The constant of Corollary 39 is at most (2k-1)!! r^{floor(k/2)} for every r >= 2; at r = 1 it is (2k-1)!!. In s = 1/r over [0, 1/2]."""
    return AtMostOn(box=[(0, 0.5)], value=lambda s: _over_power(at.k, s), bound=lambda s: _odd(at.k))


def _over_power(k, s):
    """k! binom(r/2 + k - 1, j) / r^j, j = floor(k/2)."""
    j, total = k // 2, arb(math.factorial(k))
    for i in range(j):
        total *= (1 + 2 * (k - j + i) * s) / (2 * (i + 1))
    return total


@cor_39_power.refutes("r^{floor(k/2) - 1}")
def _(at):
    return Instead(bound=lambda s: _odd(at.k) * s)


@cor_39_power.refutes("k! for (2k-1)!!")
def _(at):
    return Instead(bound=lambda s: math.factorial(at.k))


@DLS22.claim(
    "cor-39-norm",
    where="appendix D, Corollary 39",
    printed=r"\| \cdot \|_F",
    printed_from=INDEXED,
    covers=["A.C39", "ERR-A8"],
    needs=["DLS22/cor-39"],
    given=family(t=[1, 2, 3, Fraction(1, 2)], k=(0, 4), p=(0, 4)),
    erratum="|.|_F^2 for |.|_F: with one of the two norms not squared the sides scale differently, and no constant holds for every T",
)
def cor_39_norm(at):
    """Both norms of Corollary 39 are squared: in one direction, at T = t e^p of norm t, E |T(w^k)|_F^2 = (2k-1)!! |T|_F^2 for k <= p, which grows by t^2.

    Recorded of the print is only that |.|_F stands for |.|_F^2, not at which norm. With one of them not squared, the two sides would grow by t and t^2, so
    that no constant holds for every t, whichever norm it is. With neither squared the inequality would follow from this one by Jensen's, and not be wrong.
    """
    k = min(at.k, at.p)
    return Sides(mean=contraction_mean({(at.p,): at.t}, k), bound=_odd(k) * at.t**2)


@cor_39_norm.as_printed
def _(at):
    return Instead(bound=_odd(min(at.k, at.p)) * at.t)


@cor_39_norm.refutes("the other norm is the one that is not squared")
def _(at):
    return Instead(mean=_odd(min(at.k, at.p)) * at.t)


@cor_39_norm.refutes("the length of T to the power of its order")
def _(at):
    return Instead(bound=_odd(min(at.k, at.p)) * Fraction(at.t) ** at.p)


# ---- the sphere

@DLS22.claim(
    "cor-47",
    where="appendix D, Corollary 47",
    printed_from=RESTATED,
    covers=["A.C47"],
    needs=["DLS22/cor-41", "DLS22/lemma-45"],
    given=family(_contracted_tensor, k=(0, 2), more=[1, 2], r=[2], d=[2, 3, 100], kind=["harmonic", "any", "k = p"]),
)
def cor_47(at):
    """On the unit sphere E |T(w^k)|^2 <= (k!/p!) (d+2k) ... (d+2p-2) E <T, w^p>^2 for k <= p, with equality where T is harmonic.

    The product is E nu^{2p} / E nu^{2k}, at least d^{p-k} and at most ((2p-1) d)^{p-k}.
    """
    return _form(at)(value=sphere_contraction_mean(at.T, at.k, at.d),
                     bound=_ratio(at) * _second_moment(at.T, lambda alpha: _sphere_moment(alpha, at.d)))


def _ratio(at):
    return math.prod((Fraction(at.d + 2 * i, i + 1) for i in range(at.k, at.p)), start=Fraction(1))


def _on_the_sphere(at):
    return _second_moment(at.T, lambda alpha: _sphere_moment(alpha, at.d))


@cor_47.refutes("d^{p-k} lost")
def _(at):
    return Instead(bound=_on_the_sphere(at))


@cor_47.refutes("d^{p-k} k!/p! without the constant")
def _(at):
    return Instead(bound=Fraction(math.factorial(at.k), math.factorial(at.p)) * at.d ** (at.p - at.k) * _on_the_sphere(at))


@cor_47.refutes("E nu^p / E nu^k for E nu^{2p} / E nu^{2k}")
def _(at):
    return Instead(bound=Fraction(chi_moment(at.p // 2, at.d), chi_moment(at.k // 2, at.d)) * _on_the_sphere(at))
