"""Appendix D: Gaussian and spherical moments of symmetric tensors, in exact arithmetic.

tensor-algebra                                                      inner products and contractions, against all r^p entries
lemma-36  lemma-44  lemma-45                                        E w^{2k}, on the sphere, and the length of w
"""

import itertools
import math
from fractions import Fraction

from proofs_checks import Instead, Proof, Sides
from proofs_checks.engine import oracles
from proofs_checks.instances import family, rational, rational_unit
from proofs_checks.papers.dls22 import DERIVED, DLS22, RESTATED
from refimpl.symmetric_tensors import contract, identity_power, inner, trace
from refimpl.tensor_moments import chi_moment, power_moment, sphere_power_moment

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

def _odd(l):
    """(2l-1)!!"""
    return math.prod(2 * i + 1 for i in range(l))


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
