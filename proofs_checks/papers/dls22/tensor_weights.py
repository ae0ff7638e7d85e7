"""The weights z_T that make a tensor of the powers of the features, appendix A.2: Corollary 22.

cor-22  cor-22-kernel  cor-22-pool          z_T, and what it represents
cor-22-second-moment  cor-22-supremum       how large it is
cor-22-gap  cor-22-gap-cost                 and the step of the proof that does not show it
"""

import itertools
import math
from fractions import Fraction

import numpy as np
from flint import fmpq, fmpq_mat

from proofs_checks import AtMost, Instead, Sides, ulps
from proofs_checks.engine import oracles
from proofs_checks.instances import family, rational
from proofs_checks.papers.dls22 import DERIVED, DLS22, INDEXED, RESTATED
from proofs_checks.papers.dls22.feature_moments import _goes, _least, _on_sphere, _on_subspace
from proofs_checks.papers.dls22.taylor_tensors import _dot, _entries, _frame, _tensor
from refimpl import polynomials, symmetric_tensors
from refimpl.approximation import tensors

# ---- z_T on a pool of features

def _pool(rng, k, d, **_):
    """N = D + 2 integer features whose powers span the D dimensions of symmetric k-tensors, T, and D integer points x at which a homogeneous
    polynomial of degree k is 0 only if it is 0 everywhere."""
    D = math.comb(d + k - 1, k)
    while True:
        G = rng.integers(-3, 4, (D + 2, d)).tolist()
        if all(map(any, G)) and _powers(G, k).rank() == D:
            return {"G": G, "T": _tensor(rng, d, k), "points": polynomials.exponents(d, k)}


def _powers(G, k):
    """The rows Vec(g^k), (N, d^k)."""
    return fmpq_mat([[math.prod(entries) for entries in itertools.product(g, repeat=k)] for g in G])


def _pseudo_inverse(M):
    """M^+ = C^T (C C^T)^-1 (F^T F)^-1 F^T of M = F C: C the rows of the echelon form that are not 0, F the columns of M at its pivots."""
    C = [row for row in M.rref()[0].tolist() if any(row)]
    F = fmpq_mat([[row[next(j for j, x in enumerate(line) if x)] for line in C] for row in M.tolist()])
    C = fmpq_mat(C)
    return C.transpose() * (C * C.transpose()).inv() * (F.transpose() * F).inv() * F.transpose()


def _column(values):
    return fmpq_mat([[_fmpq(x)] for x in values])


def _fmpq(x):
    return fmpq(x.numerator, x.denominator)


def _fractions(matrix):
    return [Fraction(int(x.p), int(x.q)) for x in matrix.entries()]


def _vec(at):
    """Vec(T), (d^k, 1)."""
    T = _entries(at.T, at.k)
    return _column([T[index] for index in itertools.product(range(at.d), repeat=at.k)])


def _weights(at, inverse=_pseudo_inverse):
    """z_T at the features as the paper defines it: Vec(g^k)^T M^+ Vec(T), M = E[g^{2k}] written out."""
    A = _powers(at.G, at.k)
    return _fractions(A * inverse(A.transpose() * A / len(at.G)) * _vec(at))


def _represented(at, weights, k):
    """E[z (g.x)^k] at the points x."""
    return [sum(z * _dot(g, x) ** k for z, g in zip(weights, at.G, strict=True)) / len(at.G) for x in at.points]


@DLS22.claim(
    "cor-22",
    where="appendix A.2, Corollary 22",
    printed_from=INDEXED,
    printed=r"\mathbb{E}_w[z_T(w) (g_n(w) \cdot x)^p] = \langle T, x^{\otimes k} \rangle",
    covers=["A.C22", "ERR-A9"],
    given=family(_pool, lambda k, d, p: k <= p, k=[1, 0, 2, 3], d=(1, 3), p=(1, 4)),
    erratum="the exponent is k, the order of T, and so is the one of x_i in Lemma 23; with the degree p of f* it is wrong for every k < p",
)
def cor_22(at):
    """E[z_T(w) (g(w).x)^k] = <T, x^k> for every x, z_T = Vec(T)^T Mat(E[g^{2k}])^+ Vec(g^k), where the powers g(w)^k span the symmetric tensors.

    Both sides are homogeneous of degree k in x and are compared at C(d+k-1, k) points that determine such a polynomial.
    """
    return Sides(features=_represented(at, _weights(at), at.k), tensor=[polynomials.evaluate(at.T, x) for x in at.points])


@cor_22.as_printed
def _(at):
    return Instead(features=_represented(at, _weights(at), at.p))


@cor_22.refutes("M for its pseudo-inverse")
def _(at):
    return Instead(features=_represented(at, _weights(at, inverse=lambda M: M), at.k))


@cor_22.refutes("the moment a sum over the features, not a mean")
def _(at):
    return Instead(features=_represented(at, _weights(at, inverse=lambda M: _pseudo_inverse(M * len(at.G))), at.k))


@cor_22.refutes("a pool too small to span, N = D - 1")
def _(at):
    fewer = _Fewer(at)
    return Instead(features=_represented(fewer, _weights(fewer), at.k))


class _Fewer:
    """The instance with D - 1 of its features; all of them where D = 1."""

    def __init__(self, at):
        self.G, self.T, self.k, self.d, self.points = at.G[:-3] or at.G, at.T, at.k, at.d, at.points


@DLS22.claim(
    "cor-22-kernel",
    where="appendix A.2, Corollary 22, without d^k numbers",
    printed_from=DERIVED,
    covers=["A.C22"],
    needs=["DLS22/cor-22"],
    given=family(_pool, k=[1, 0, 2, 3], d=(1, 3)),
)
def cor_22_kernel(at):
    """On a pool of N features z_T = N K^+ t, K_ij = (g_i.g_j)^k and t_j = <T, g_j^k>, and E z_T^2 = Vec(T)^T M^+ Vec(T) = N |K^+ t|^2."""
    weights = _weights(at)
    return Sides(kernel=_by_kernel(at), moments=[*weights, sum(z * z for z in weights) / len(weights)])


def _by_kernel(at):
    """N K^+ t, and N |K^+ t|^2."""
    N, c = len(at.G), _coefficients(at)
    return [*(N * x for x in c), N * sum(x * x for x in c)]


def _coefficients(at):
    """K^+ t."""
    K = fmpq_mat([[_fmpq(_dot(g, h) ** at.k) for h in at.G] for g in at.G])
    return _fractions(_pseudo_inverse(K) * _column([polynomials.evaluate(at.T, g) for g in at.G]))


@cor_22_kernel.refutes("E z_T^2 = t^T K^+ t, which is |T|^2")
def _(at):
    *z, _ = _by_kernel(at)
    return Instead(kernel=[*z, sum(x * t for x, t in zip(_coefficients(at), [polynomials.evaluate(at.T, g) for g in at.G], strict=True))])


@cor_22_kernel.refutes("the factor N lost")
def _(at):
    return Instead(kernel=[x / len(at.G) for x in _by_kernel(at)])


@cor_22_kernel.refutes("K_ij = g_i.g_j")
def _(at):
    inner = fmpq_mat([[_fmpq(_dot(g, h)) for h in at.G] for g in at.G])
    c = _fractions(_pseudo_inverse(inner) * _column([polynomials.evaluate(at.T, g) for g in at.G]))
    return Instead(kernel=[*(len(c) * x for x in c), len(c) * sum(x * x for x in c)])


def _float_pool(rng, k, r, d):
    """As _pool, with a T on the span of r integer directions U."""
    U = _frame(rng, r, d)
    T = _tensor(rng, r, k)
    return {**_pool(rng, k, d), "U": U, "S": T, "T": oracles.compose(T, U)}


def _solving(at):
    """The roundings of z_T, see tensors.z."""
    D = math.comb(at.d + at.k - 1, at.k)
    return 2 * (2 * at.k + 3 + len(at.G) * D) * math.sqrt(D) + 3


@DLS22.claim(
    "cor-22-pool",
    where="appendix A.2, Corollary 22, in floating point",
    printed_from=DERIVED,
    covers=["A.C22"],
    needs=["DLS22/cor-22-kernel"],
    given=family(_float_pool, lambda k, r, d: r <= d, k=(0, 3), r=(1, 2), d=(1, 3)),
    tol=ulps(_solving),
)
def cor_22_pool(at):
    """refimpl's z_T, its second moment and its rank, with T given in x and in s = Ux, are those of exact arithmetic."""
    G, U = np.array(at.G, dtype=float), np.array(at.U, dtype=float)
    in_x, in_frame = tensors.z(at.T, G), tensors.z(at.S, G, U=U)
    return Sides(in_x=_listed(in_x), in_frame=_listed(in_frame), exact=[*map(float, _by_kernel(at)), math.comb(at.d + at.k - 1, at.k)], scale=_moves(at))


def _listed(weights):
    return [*weights.z, weights.second_moment, weights.rank]


def _moves(at):
    """|A| |A^+| |z|, A A^T of the eigenvalues of K that are not 0; times 2 |z| / N for E z^2. The rank is a whole number."""
    c, G = np.array(_coefficients(at), dtype=float), np.array(at.G, dtype=float)
    lam = np.linalg.eigvalsh((G @ G.T) ** at.k)
    size = len(c) * np.linalg.norm(c) * math.sqrt(lam[-1] / lam[-math.comb(at.d + at.k - 1, at.k)])
    return [size] * len(c) + [2 * size * np.linalg.norm(c), 1.0]


@cor_22_pool.refutes("t^T K^+ t = |T|^2 for the second moment")
def _(at):
    weights = tensors.z(at.T, np.array(at.G, dtype=float))
    return Instead(in_x=[*weights.z, float(symmetric_tensors.inner(at.T, at.T)), weights.rank])


@cor_22_pool.refutes("T in s taken as T in the first coordinates of x")
def _(at):
    return Instead(in_frame=_listed(tensors.z(at.S, np.array(at.G, dtype=float), U=np.eye(at.r, at.d))))


# ---- its size, for w uniform on the sphere and g = Hw

def _moments(at):
    """E[s^{alpha + beta}] of s = Hw in the coordinates of S*, alpha and beta of degree k."""
    G = polynomials.gram(at.B)                                           # H H^T
    return fmpq_mat([[_fmpq(polynomials.mean({tuple(i + j for i, j in zip(a, b, strict=True)): Fraction(1)}, G) / _on_sphere(at.d, at.k))
                      for b in at.alphas] for a in at.alphas])


def _representer(at):
    """z_T as a polynomial of s = Hw: its coefficients Z with E[z s^alpha] = T_alpha alpha! / k!, and these right sides."""
    y = _column([at.T.get(alpha, Fraction()) * polynomials.factorial(alpha) / math.factorial(at.k) for alpha in at.alphas])
    Z = _moments(at).solve(y)
    return dict(zip(at.alphas, _fractions(Z), strict=True)), _fractions(Z.transpose() * y)[0]


def _most(at):
    """The largest eigenvalue that M^+ can have: 1 over the bound of lemma-21."""
    return 1 / _least(at)


@DLS22.claim(
    "cor-22-second-moment",
    where="appendix A.2, Corollary 22, the bound of E z_T^2, for the leading term of the features at infinitely many samples",
    printed_from=RESTATED,
    covers=["A.C22"],
    needs=["DLS22/cor-22-kernel", "DLS22/lemma-21", "DLS22/tensor-algebra"],
    given=family(_on_subspace, _goes, k=(0, 3), r=(1, 3), d=(1, 4), kind=["harmonic", "eigenvector", "any"]),
)
def cor_22_second_moment(at):
    """E z_T^2 <= C (r d kappa^2)^k |T|^2, C = d (d+2) ... (d+2k-2) / (k! d^k), for g = Hw with |w| = 1 and T on S*; attained as lemma-21 is.

    With g = Hw / sqrt(2 pi), the leading term of the paper's features, C gains (2 pi)^k. Such g lie in S*, so M is its block on S* and the gap of
    the proof, cor-22-gap, is none; not decided here: what the parts of g_n(w) outside S* cost.
    """
    form = AtMost if at.kind == "any" else Sides                        # equality is claimed, so it is checked
    return form(value=_representer(at)[1], bound=_most(at) * at.square)


@cor_22_second_moment.refutes("1 / (2k-1)!! for 1 / k!")
def _(at):
    return Instead(bound=_most(at) * math.factorial(at.k) / oracles.gaussian_moment([2 * at.k]) * at.square)


@cor_22_second_moment.refutes("d^k for d (d + 2) ... (d + 2k - 2)")
def _(at):
    return Instead(bound=(at.d / at.least**2) ** at.k / math.factorial(at.k) * at.square)


@cor_22_second_moment.refutes("(r d kappa^2)^{k/2}")
def _(at):
    return Instead(bound=_most(at) * at.least**at.k * at.square)


@DLS22.claim(
    "cor-22-supremum",
    where="appendix A.2, Corollary 22, the bound of |z_T|, for the leading term of the features at infinitely many samples",
    printed_from=RESTATED,
    covers=["A.C22"],
    needs=["DLS22/cor-22-second-moment", "DLS22/tensor-algebra"],
    given=family(_on_subspace, _goes, k=(0, 3), r=(1, 3), d=(1, 4), kind=["harmonic", "eigenvector", "any"]),
)
def cor_22_supremum(at):
    """|z_T(w)| <= C (r d kappa^2)^k |T| |g|^k with the same C; attained at k = 1, for the eigenvector T = g.

    In squares, at two g = Hw of S*. For harmonic T and H a multiple of Pi*, z_T is C (r d kappa^2)^k <T, g^k> itself, which is checked as such.
    """
    form = AtMost if at.kind == "any" else Sides                        # equality is claimed, so it is checked
    return form(value=[polynomials.evaluate(_representer(at)[0], g) ** 2 for g in _features(at)], bound=_largest(at, _most(at)))


def _features(at):
    """Two g of S*, or the eigenvector."""
    return at.s[:1] if at.kind == "eigenvector" else at.s


def _largest(at, C):
    sizes = [polynomials.evaluate(at.T, g) ** 2 if at.kind == "harmonic" else at.square * sum(x * x for x in g) ** at.k for g in _features(at)]
    return [C**2 * size for size in sizes]


@cor_22_supremum.refutes("sqrt(C (r d kappa^2)^k), as for sqrt(E z^2)")
def _(at):
    return Instead(bound=[size / _most(at) for size in _largest(at, _most(at))])


@cor_22_supremum.refutes("|g|^k lost")
def _(at):
    return Instead(bound=[size / sum(x * x for x in g) ** at.k for size, g in zip(_largest(at, _most(at)), _features(at), strict=True)])


@cor_22_supremum.refutes("1 / (2k-1)!! for 1 / k!")
def _(at):
    return Instead(bound=_largest(at, _most(at) * math.factorial(at.k) / oracles.gaussian_moment([2 * at.k])))


def _positive(rng, r, d):
    """M = A A^T + I, and T on its first r coordinates."""
    A = rng.integers(-3, 4, (d, d + 1))
    M = A @ A.T + np.eye(d, dtype=int)
    return {"M": M.tolist(), "T": [rational(rng) for _ in range(r)]}


@DLS22.claim(
    "cor-22-gap",
    where="appendix A.2, proof of Corollary 22, its step from Lemma 21 to the pseudo-inverse",
    printed_from=RESTATED,
    covers=["A.C22", "ERR-A10"],
    given=family(_positive, lambda r, d: r < d, r=(1, 2), d=(2, 4)),
)
def cor_22_gap(at):
    """T^T M^-1 T = T^T (M_{S*S*})^-1 T + u^T (M/M_{S*S*})^-1 u for T on S*, u = M_{.S*} (M_{S*S*})^-1 T off S* and M/M_{S*S*} the Schur complement.

    So (M^-1)_{S*S*} is at least (M_{S*S*})^-1, for M positive definite, and more wherever u is not 0. z_T takes the pseudo-inverse of the whole
    moment M; Lemma 21, M_{S*S*} from below, is a bound of the smaller one, (M_{S*S*})^-1, from above, and so none of (M^-1)_{S*S*}. This is a gap of
    the proof, not a refutation: M may be bounded below on all that meets S*. What the step costs at infinitely many samples is in cor-22-gap-cost.
    """
    return Sides(whole=_inverse_form(at.M, at.T, at.d), block=_inverse_form(at.M, at.T, at.r) + _coupled(at))


def _inverse_form(M, T, n):
    """T^T A^-1 T of the leading block A of size n, T followed by zeros."""
    A, T = fmpq_mat([row[:n] for row in M[:n]]), _column([*T, *[Fraction()] * (n - len(T))])
    return _fractions(T.transpose() * A.solve(T))[0]


def _coupled(at):
    """u^T (C - B A^-1 B^T)^-1 u, u = B A^-1 T, with the blocks A, B^T; B, C of M."""
    A, B, C = (fmpq_mat([row[columns] for row in at.M[rows]]) for rows, columns in _blocks(at.r))
    u = B * A.solve(_column(at.T))
    return _fractions(u.transpose() * (C - B * A.solve(B.transpose())).solve(u))[0]


def _blocks(r):
    """The rows and columns of M_{S*S*}, of the block below it, and of the rest."""
    on, off = slice(r), slice(r, None)
    return (on, on), (off, on), (off, off)


@cor_22_gap.refutes("no gap: (M^-1)_{S*S*} at most (M_{S*S*})^-1, so equal to it")
def _(at):
    return Instead(block=_inverse_form(at.M, at.T, at.r))


@cor_22_gap.refutes("the other direction: (M_{S*S*})^-1 the larger")
def _(at):
    return Instead(block=_inverse_form(at.M, at.T, at.r) - _coupled(at))


@cor_22_gap.refutes("M_{S*S*} for its inverse")
def _(at):
    return Instead(block=sum(x * at.M[i][j] * y for i, x in enumerate(at.T) for j, y in enumerate(at.T)) + _coupled(at))


def _thin(rng, d):
    """E[g^{alpha + beta}], |alpha| = |beta| = 2, of g = (w_1, epsilon w_2, ..., epsilon w_d); alpha = (2, 0, ..., 0) comes first."""
    epsilon, alphas = rational(rng), polynomials.exponents(d, 2)
    return {"M": [[_fmpq(oracles.gaussian_moment([i + j for i, j in zip(a, b, strict=True)]) * epsilon ** (4 - a[0] - b[0])) for b in alphas] for a in alphas]}


@DLS22.claim(
    "cor-22-gap-cost",
    where="appendix A.2, proof of Corollary 22",
    printed_from=DERIVED,
    covers=["ERR-A10"],
    needs=["DLS22/cor-22-gap"],
    given=family(_thin, d=(1, 5)),
)
def cor_22_gap_cost(at):
    """For k = 2, T = e_1^2 and g = (w_1, epsilon w_2, ..., epsilon w_d): T^T M^-1 T = (d+1) / (2(d+2)), and T^T (M_{S*S*})^-1 T = 1/3.

    So the step costs the factor 3(d+1) / (2(d+2)) here, 1 at d = 1 and 3/2 in the end, however small the features are outside S*.
    """
    return Sides(moments=[_inverse_form(at.M, [Fraction(1)], n) for n in (len(at.M), 1)],
                 closed_form=[Fraction(at.d + 1, 2 * (at.d + 2)), Fraction(1, 3)])


@cor_22_gap_cost.refutes("no gap: the block for the whole")
def _(at):
    return Instead(closed_form=[Fraction(1, 3)] * 2)


@cor_22_gap_cost.refutes("3/2 at every d")
def _(at):
    return Instead(closed_form=[Fraction(1, 2), Fraction(1, 3)])
