"""Appendix D: Gaussian and spherical moments of symmetric tensors, in exact arithmetic.

tensor-algebra                                                      inner products and contractions, against all r^p entries
lemma-36  lemma-44  lemma-45                                        E w^{2k}, on the sphere, and the length of w
lemma-38  cor-41                                                    E |T(w^k)|^2 in its traces, for every T; its growth in k
cor-42-spectrum  cor-42                                             all eigenvalues of E w^{2k} on symmetric tensors, the smallest
cor-39  cor-39-power  cor-39-norm                                   the largest, its power of r, and an erratum
cor-47                                                              the same on the sphere
"""

import itertools
import math
from fractions import Fraction

from flint import arb

from proofs_checks import AtMost, AtMostOn, Instead, Proof, Sides
from proofs_checks.engine import oracles
from proofs_checks.instances import family, rational, rational_unit
from proofs_checks.papers.dls22 import DERIVED, DLS22, INDEXED, RESTATED
from refimpl.symmetric_tensors import (
    chi_moment,
    contract,
    contraction_mean,
    identity_power,
    inner,
    power_moment,
    sphere_contraction_mean,
    sphere_power_moment,
    trace,
)

# ---- indices: a monomial is how often each variable occurs

def _monomials(r, p):
    """All exponents of degree p in r variables."""
    return [tuple(index.count(i) for i in range(r)) for index in itertools.combinations_with_replacement(range(r), p)]


def _indices(r, p):
    return itertools.product(range(r), repeat=p)


def _exponents(index, r):
    return tuple(index.count(i) for i in range(r))


def _factorial(alpha):
    return math.prod(map(math.factorial, alpha))


def _sum(terms):
    return sum(terms, start=Fraction())


def _plus(alpha, beta):
    return tuple(a + b for a, b in zip(alpha, beta, strict=True))


# ---- the algebra

def _two_tensors(rng, p, r, k, l, kind):
    """S and T of rational coefficients; a sparse T is z_1^{p-1} z_r and meets w = e_1, so that contractions vanish."""
    S = {alpha: rational(rng) for alpha in _monomials(r, p)}
    if kind == "sparse":
        return {"S": S, "T": {_plus((max(p - 1, 0),) + (0,) * (r - 1), (0,) * (r - 1) + (min(p, 1),)): rational(rng)}, "w": (1,) + (0,) * (r - 1)}
    return {"S": S, "T": {alpha: rational(rng) for alpha in _monomials(r, p)}, "w": rational_unit(rng, r)}


@DLS22.claim(
    "tensor-algebra",
    where="appendix D, the notation T(w^k), T(I^l), Sym",
    printed_from=DERIVED,
    covers=["A.L38"],
    given=family(_two_tensors, lambda p, r, k, l, kind: k <= p and 2 * l <= p, p=(0, 4), r=(1, 3), k=(0, 4), l=(0, 2), kind=["dense", "sparse"]),
)
def tensor_algebra(at):
    """<S, T>, T(w^k), T(I^l) and Sym(I^l) from the coefficients of <T, z^p> are those of the tensors written out entry by entry."""
    contracted, traced = contract(at.T, at.w, at.k), trace(at.T, at.l)
    return Sides(
        coefficients=_labelled(_sizes(contracted) + _sizes(traced), inner(at.S, at.T), contracted, traced, identity_power(at.l, at.r)),
        entries=_labelled([at.p - at.k, at.r, at.p - 2 * at.l, at.r], _inner(at), _contracted(at), _traced(at), _identity(at)),
    )


def _labelled(sizes, product, contracted, traced, identity):
    """One mapping of all, the polynomials by their exponents."""
    parts = {"sizes": dict(enumerate(sizes)), "inner": {"": product}, "contracted": contracted, "traced": traced, "identity": identity}
    return {(name, key): value for name, part in parts.items() for key, value in part.items()}


def _sizes(T):
    """The order and the number of variables, also of a zero tensor."""
    alpha = next(iter(T))
    return [sum(alpha), len(alpha)]


def _entry(T, index, r):
    """The entry of the tensor at these indices."""
    alpha = _exponents(index, r)
    return Fraction(T.get(alpha, 0)) * _factorial(alpha) / math.factorial(len(index))


def _inner(at):
    return _sum(_entry(at.S, index, at.r) * _entry(at.T, index, at.r) for index in _indices(at.r, at.p))


def _contracted(at):
    total = {}
    for index in _indices(at.r, at.p):
        key = _exponents(index[at.k:], at.r)
        total[key] = total.get(key, 0) + _entry(at.T, index, at.r) * math.prod(at.w[i] for i in index[:at.k])
    return total


def _traced(at, pairs=2):
    total = {}
    for first in _indices(at.r, at.l):
        for rest in _indices(at.r, at.p - 2 * at.l):
            key = _exponents(rest, at.r)
            total[key] = total.get(key, 0) + _entry(at.T, first * pairs + rest, at.r)
    return total


def _identity(at):
    total = {}
    for index in _indices(at.r, at.l):
        key = _exponents(index * 2, at.r)
        total[key] = total.get(key, 0) + 1
    return total


def _coefficients(at, product=None, contracted=1, traced=1):
    """The first route with one slip."""
    contraction, T = contract(at.T, at.w, at.k), trace(at.T, at.l)
    return Instead(coefficients=_labelled(
        _sizes(contraction) + _sizes(T), inner(at.S, at.T) if product is None else product,
        {alpha: contracted * x for alpha, x in contraction.items()}, {alpha: traced * x for alpha, x in T.items()}, identity_power(at.l, at.r)))


@tensor_algebra.refutes("the product of coefficients, without alpha! / p!")
def _(at):
    return _coefficients(at, product=_sum(at.S[alpha] * at.T[alpha] for alpha in at.T))


@tensor_algebra.refutes("derivatives without (p-k)! / p!")
def _(at):
    return _coefficients(at, contracted=math.perm(at.p, at.k))


@tensor_algebra.refutes("traces without (p-2l)! / p!")
def _(at):
    return _coefficients(at, traced=math.perm(at.p, 2 * at.l))


# ---- powers of a Gaussian vector and of a point of the sphere

@DLS22.claim(
    "lemma-36",
    where="appendix D, Lemma 36",
    printed_from=RESTATED,
    covers=["A.L36"],
    needs=["DLS22/tensor-algebra"],
    given=family(k=(0, 4), d=(1, 5)),
    proof=Proof(
        over="every dimension d, for k <= 4", parameter="d", degree=lambda at: at.k,
        because="an entry depends on the pattern of its 2k indices alone and is 0 where an index occurs an odd number of times; so the squared "
                "distance of the two sides is a sum over patterns of at most k distinct indices, a polynomial in d of degree at most k",
    ),
)
def lemma_36(at):
    """E[w^{2k}] = (2k-1)!! Sym(I^k), w ~ N(0, I_d): every entry, and the squared norm of all of them together."""
    M = power_moment(at.k, at.d)
    return Sides(identity=M | {"norm": inner(M, M)}, moments=_moments(at))


def _moments(at):
    """prod_i (alpha_i - 1)!! at alpha; the monomial has (2k)! / alpha! of these entries."""
    entries = {alpha: oracles.gaussian_moment(alpha) for alpha in _monomials(at.d, 2 * at.k)}
    repeated = {alpha: Fraction(math.factorial(2 * at.k), _factorial(alpha)) for alpha in entries}
    squares = _sum(repeated[alpha] * entry**2 for alpha, entry in entries.items())
    return {alpha: repeated[alpha] * entry for alpha, entry in entries.items()} | {"norm": squares}


@lemma_36.refutes("I^k for its symmetric part")
def _(at):
    return Instead(identity=power_moment(at.k, at.d) | {"norm": _odd(at.k) ** 2 * at.d**at.k})


@lemma_36.refutes("k! for (2k-1)!!")
def _(at):
    M = {alpha: math.factorial(at.k) * x for alpha, x in identity_power(at.k, at.d).items()}
    return Instead(identity=M | {"norm": inner(M, M)})


@DLS22.claim(
    "lemma-44",
    where="appendix D, Lemma 44",
    printed_from=RESTATED,
    covers=["A.L44"],
    given=family(k=(0, 5), d=(1, 6)),
    proof=Proof(
        over="every dimension d, for k <= 5", parameter="d", degree=lambda at: at.k,
        because="E |w|^{2k} is a sum over k indices of products of moments, which depend on the pattern alone: a polynomial in d of degree k, "
                "as is the product",
    ),
)
def lemma_44(at):
    """E[nu^{2k}] = d (d+2) ... (d+2k-2) for nu = |w|, w ~ N(0, I_d)."""
    return Sides(product=chi_moment(at.k, at.d), expanded=_expanded(at.k, at.d))


def _expanded(k, d):
    """E (w_1^2 + ... + w_d^2)^k, multiplied out."""
    return _sum(Fraction(math.factorial(k), _factorial(alpha)) * oracles.gaussian_moment(_plus(alpha, alpha)) for alpha in _monomials(d, k))


@lemma_44.refutes("d^k")
def _(at):
    return Instead(product=at.d**at.k)


@lemma_44.refutes("d (d+1) ... (d+k-1)")
def _(at):
    return Instead(product=math.prod(range(at.d, at.d + at.k)))


@lemma_44.refutes("the k-th moment of nu for the 2k-th: half as many factors")
def _(at):
    return Instead(product=chi_moment(at.k // 2, at.d))


@DLS22.claim(
    "lemma-45",
    where="appendix D, Lemma 45",
    printed_from=RESTATED,
    covers=["A.L45"],
    needs=["DLS22/lemma-36", "DLS22/lemma-44"],
    given=family(None, lambda k, r, d: r <= d, k=(0, 4), r=(1, 3), d=(1, 6)),
)
def lemma_45(at):
    """E[(w/|w|)^{2k}] = E[w^{2k}] / E[nu^{2k}], in r <= d directions of R^d."""
    return Sides(lemma=sphere_power_moment(at.k, at.r, at.d), sticks=_on_sphere(at.k, at.r, at.d))


def _on_sphere(k, r, d):
    """Every entry of E[(w/|w|)^{2k}], times its number."""
    return {alpha: Fraction(math.factorial(2 * k), _factorial(alpha)) * _sphere_moment(alpha, d) for alpha in _monomials(r, 2 * k)}


def _sphere_moment(alpha, d):
    """E of a monomial on the sphere, a stick broken again and again: the square of coordinate i is a share Beta(1/2, (d-i)/2) of what is left."""
    if any(a % 2 for a in alpha):
        return Fraction()
    halves = [a // 2 for a in alpha]
    return math.prod((_beta_moment(a, sum(halves[i:]), Fraction(d - i, 2)) for i, a in enumerate(halves, start=1)), start=Fraction(1))


def _beta_moment(a, b, beta):
    """E[t^a (1-t)^b], t ~ Beta(1/2, beta)."""
    half = Fraction(1, 2)
    return _rising(half, a) * _rising(beta, b) / _rising(half + beta, a + b)


def _rising(x, n):
    return math.prod((x + i for i in range(n)), start=Fraction(1))


@lemma_45.refutes("d^k for E nu^{2k}")
def _(at):
    return Instead(lemma={alpha: x / at.d**at.k for alpha, x in power_moment(at.k, at.r).items()})


@lemma_45.refutes("E nu^k for E nu^{2k}")
def _(at):
    return Instead(lemma={alpha: x / chi_moment(at.k // 2, at.d) for alpha, x in power_moment(at.k, at.r).items()})


@lemma_45.refutes("the sphere of the r directions for that of R^d")
def _(at):
    return Instead(lemma=sphere_power_moment(at.k, at.r, at.r))


# ---- Lemma 38

PARTITIONS = {1: [(1,)], 2: [(2, 0), (1, 1)], 3: [(3, 0, 0), (2, 1, 0), (1, 1, 1)],
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


def _odd(l):
    """(2l-1)!!"""
    return math.prod(2 * i + 1 for i in range(l))


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
    printed=r"\mathbb{E}\|T(w^{\otimes k})\|_F^2 \lesssim r^{\lfloor k/2 \rfloor} \|T\|_F",
    printed_from=INDEXED,
    covers=["A.C39", "ERR-A8"],
    needs=["DLS22/cor-39"],
    given=family(t=[1, 2, 3], k=(0, 4), p=(0, 4)),
    erratum="both norms squared: with |T|_F for |T|_F^2 the two sides scale differently, and no constant holds for every T",
)
def cor_39_norm(at):
    """In one direction E |T(w^k)|_F^2 = (2k-1)!! |T|_F^2 for k <= p, here at T = t e^p of norm t.

    (2k-1)!! is the smallest constant at t = 1, and as printed it fails at t = 2; any larger one fails at a larger t. Which of the two norms lacks
    its square in print is not recorded; either way one side is quadratic in T and the other linear.
    """
    k, T = min(at.k, at.p), {(at.p,): at.t}
    return Sides(lemma_38=[contraction_mean(T, k), inner(T, T)], scaled=[_odd(k) * at.t**2, at.t**2])


@cor_39_norm.as_printed
def _(at):
    return Instead(scaled=[_odd(min(at.k, at.p)) * at.t, at.t**2])


@cor_39_norm.refutes("neither norm squared")
def _(at):
    return Instead(scaled=[_odd(min(at.k, at.p)) * at.t, at.t])


@cor_39_norm.refutes("the length of T to the power of its order")
def _(at):
    return Instead(scaled=[_odd(min(at.k, at.p)) * at.t**at.p, at.t**2])


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
