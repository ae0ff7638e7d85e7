"""Appendix A.1: the tensors C_k of the target, Parseval, correlations.

tensor-expansion  tensor-gradient  tensor-stein  mean-hessian       the target
lemma-9  lemma-9-bound  csq-correlation                             norms and correlations
"""

import math
from fractions import Fraction

import numpy as np

from proofs_checks import AtMost, Instead, Sides, ulps
from proofs_checks.engine import oracles
from proofs_checks.instances import family, multi_index, rational, rational_target, rational_unit
from proofs_checks.papers.dls22 import DLS22, RESTATED, SLIDES_BJ
from proofs_checks.papers.dls22.routes import he_monomials, written_out
from refimpl import polynomials
from refimpl.data.targets import Target

# ---- the target

def _float_target(at):
    return Target(at.g, np.array(at.U, dtype=float))


@DLS22.claim(
    "tensor-expansion",
    where="appendix A.1 and section 5.1 (the tensors C_k)",
    printed_from=SLIDES_BJ,
    printed=r"C_k = \mathbb{E}_x [\nabla^k f^\star(x)]",
    covers=["A.H5"],
    given=rational_target(p=(1, 4)),
    tol=ulps(lambda at: 64 * (at.p + at.d)),
)
def tensor_expansion(at):
    """C_k(w^k) is the full contraction of E[grad^k f*], which is never formed: sum_k C_k(w^k) / k! = E f*(x + w)."""
    tensors = [oracles.derivative_tensor(written_out(at), k) for k in range(at.p + 1)]
    return Sides(
        contraction=[*_contractions(at), float(polynomials.evaluate(_float_target(at).smoothed, _in_frame(at)))],
        explicit_tensor=[*(float(_contracted(tensor, at.w)) for tensor in tensors), float(_mean_of_shifted(at))],
        scale=[*map(_size, tensors), sum(map(_size, tensors))],
    )


def _contractions(at):
    return [_float_target(at).contract(k, np.array([at.w], dtype=float))[0] for k in range(at.p + 1)]


def _in_frame(at):
    """Uw."""
    return [sum(a * b for a, b in zip(row, at.w, strict=True)) for row in at.U]


def _contracted(tensor, w):
    return sum((entry * math.prod((w[i] for i in index), start=Fraction(1)) for index, entry in tensor.items()), start=Fraction())


def _size(tensor):
    return float(sum(abs(entry) for entry in tensor.values())) + 1


def _mean_of_shifted(at):
    """E f*(x + w): multiplied out in (1, x), then moments."""
    shifted = oracles.compose(written_out(at), [(w_i, *e_i) for w_i, e_i in zip(at.w, np.eye(at.d, dtype=int).tolist(), strict=True)])
    return sum(c * oracles.gaussian_moment(alpha[1:]) for alpha, c in shifted.items())


@tensor_expansion.refutes("C_k / k! stored for C_k")
def _(at):
    C = [C_k / math.factorial(k) for k, C_k in enumerate(_contractions(at))]
    return Instead(contraction=[*C, sum(C)])


@tensor_expansion.refutes("grad^k f* at 0 instead of its mean")
def _(at):
    return Instead(contraction=_derivatives_at_zero(at, written_out(at), at.w))


def _derivatives_at_zero(at, f, w):
    """The derivatives of f along w at 0, k = 0, ..., p, and f(w)."""
    whole = [math.factorial(k) * polynomials.evaluate(polynomials.homogeneous(f, k), w) for k in range(at.p + 1)]
    return [*map(float, whole), float(polynomials.evaluate(f, w))]


@tensor_expansion.refutes("u_i taken as orthonormal")
def _(at):
    return Instead(contraction=_derivatives_at_zero(at, polynomials.heat(at.g, polynomials.identity(at.r)), _in_frame(at)))


@DLS22.claim(
    "tensor-gradient",
    where="section 5.1, the vectors C_{k+1}(w^k) of display (1)",
    printed_from=RESTATED,
    covers=["A.H5"],
    needs=["DLS22/tensor-expansion"],
    given=rational_target(p=(1, 4)),
    tol=ulps(lambda at: 64 * (at.p + at.d)),
)
def tensor_gradient(at):
    """C_k(w^{k-1}), one slot left open, is grad_w C_k(w^k) / k: a vector in span(u_1, ..., u_r), whose product with w is C_k(w^k)."""
    f, W = _float_target(at), np.array([at.w], dtype=float)
    tensors = [oracles.derivative_tensor(written_out(at), k) for k in range(1, at.p + 2)]
    beside = np.column_stack([f.U, f.frame_coordinates(W)[0]])                                        # u_i, and u_i.w
    return Sides(
        vectors=[[*f.contract_to_vector(k, W)[0], f.contract(k, W)[0]] for k in range(1, at.p + 2)],
        in_frame=[np.dot(f.contract_in_frame(k, W)[0], beside) for k in range(1, at.p + 2)],
        explicit_tensor=[[*map(float, _open(tensor, at.w)), float(_contracted(tensor, at.w))] for tensor in tensors],
        scale=[[_size(tensor)] * (at.d + 1) for tensor in tensors],
    )


def _open(tensor, w):
    """The tensor contracted with w in all its slots but the first."""
    total = [Fraction()] * len(w)
    for (i, *rest), entry in tensor.items():
        total[i] += entry * math.prod((w[j] for j in rest), start=Fraction(1))
    return total


@tensor_gradient.refutes("the gradient of C_k(w^k) without 1 / k")
def _(at):
    f, W = _float_target(at), np.array([at.w], dtype=float)
    return Instead(vectors=[[*(k * f.contract_to_vector(k, W)[0]), f.contract(k, W)[0]] for k in range(1, at.p + 2)])


@tensor_gradient.refutes("coordinates in the u_i by inner products, as if they were orthonormal")
def _(at):
    f, W = _float_target(at), np.array([at.w], dtype=float)
    return Instead(vectors=[[*(f.contract_to_vector(k, W)[0] @ f.U.T @ f.U), f.contract(k, W)[0]] for k in range(1, at.p + 2)])


@DLS22.claim(
    "tensor-stein",
    where="appendix A.1",
    printed_from=RESTATED,
    covers=["A.H5"],
    needs=["HERMITE/several-stein"],
    given=multi_index(p=(1, 4)),
    tol=ulps(lambda at: 64 * (at.p + 1) ** at.r),
)
def tensor_stein(at):
    """C_0 = E f* and C_1 = E[grad f*] = E[f*(x) x]."""
    basis = oracles.orthonormal(at.U)

    def integrand(x):
        return oracles.monomials(at.target.g, x @ at.U.T)[:, None] * np.hstack([np.ones((len(x), 1)), x])

    return Sides(smoothed=np.append(at.target.mean, at.target.mean_gradient),
                 second_route=oracles.gauss_hermite_mean(integrand, basis, at.p + 2), scale=_stein_size(at, basis))


def _stein_size(at, basis):
    """E of the absolute terms of f*(x) (1, x), the largest."""
    return np.max(oracles.gauss_hermite_mean(
        lambda x: oracles.monomials(at.target.g, x @ at.U.T, absolute=True)[:, None] * np.hstack([np.ones((len(x), 1)), np.abs(x)]), basis, at.p + 2))


@tensor_stein.refutes("U^T E[f* Ux], as if the u_i were orthonormal")
def _(at):
    return Instead(smoothed=np.append(at.target.mean, at.U.T @ at.U @ at.target.mean_gradient))


@tensor_stein.refutes("gradient at the mean, grad f*(0)")
def _(at):
    g = dict(at.target.g)
    at_zero = [float(g.get(tuple(int(i == j) for j in range(at.r)), 0)) for i in range(at.r)]
    return Instead(smoothed=np.append(float(g.get((0,) * at.r, 0)), np.array(at_zero) @ at.U))


@DLS22.claim(
    "mean-hessian",
    where="section 2, Assumption 2; appendix A.1",
    printed_from=SLIDES_BJ,
    printed=r"H := \mathbb{E}_{x \sim \mathcal{D}}[\nabla^2 f^*(x)]",
    covers=["A.H5"],
    needs=["DLS22/tensor-expansion"],
    given=rational_target(p=(2, 4)),
    tol=ulps(lambda at: 64 * (at.p + at.d)),
)
def mean_hessian(at):
    """H = C_2 = E[grad^2 f*], and H w = C_2(w)."""
    tensor = oracles.derivative_tensor(written_out(at), 2)
    H = np.array([[float(tensor[i, j]) for j in range(at.d)] for i in range(at.d)])
    w = np.array(at.w, dtype=float)
    return Sides(
        frame=np.vstack([_float_target(at).mean_hessian, _float_target(at).contract_to_vector(2, w[None, :])]),
        explicit_tensor=np.vstack([H, np.dot(H, w)]),
        scale=float(sum(abs(entry) for entry in tensor.values())) + 1,
    )


@mean_hessian.refutes("half the Hessian, the matrix of the quadratic form")
def _(at):
    return Instead(frame=np.vstack([_float_target(at).mean_hessian / 2, _float_target(at).contract_to_vector(2, np.array([at.w], dtype=float))]))


@mean_hessian.refutes("the derivative of C_2(w, w), twice Hw")
def _(at):
    return Instead(frame=np.vstack([_float_target(at).mean_hessian, 2 * _float_target(at).contract_to_vector(2, np.array([at.w], dtype=float))]))


# ---- norms and correlations

def _squared_norms(at):
    """|C_k|_F^2, k = 0..p, from the tensors written out."""
    return [sum((entry**2 for entry in oracles.derivative_tensor(written_out(at), k).values()), start=Fraction()) for k in range(at.p + 1)]


def _second_moment(at):
    g = polynomials.polynomial(at.g)
    return polynomials.mean(polynomials.times(g, g), polynomials.gram(at.U))


@DLS22.claim(
    "lemma-9",
    where="appendix A.1, Lemma 9",
    printed_from=RESTATED,
    covers=["A.L9"],
    needs=["DLS22/tensor-expansion"],
    given=rational_target(p=(1, 4)),
)
def lemma_9(at):
    """Parseval: E f*^2 = sum_k |C_k|_F^2 / k!."""
    return Sides(wick=_second_moment(at), parseval=sum(norm / math.factorial(k) for k, norm in enumerate(_squared_norms(at))))


@lemma_9.refutes("1 / k! lost")
def _(at):
    return Instead(parseval=sum(_squared_norms(at)))


@lemma_9.refutes("C_k / k! stored for C_k")
def _(at):
    return Instead(parseval=sum(norm / math.factorial(k) ** 3 for k, norm in enumerate(_squared_norms(at))))


def _one_degree(rng, p, d, kind):
    """f* = He_p(u.x) alone ("pure"), or with a second component of lower degree ("mixed")."""
    u = rational_unit(rng, d)
    c = {(p,): math.factorial(p)} | ({(p - 1,): rational(rng)} if kind == "mixed" and p else {})
    return {"U": (u,), "g": polynomials.from_hermite(c), "r": 1}


@DLS22.claim(
    "lemma-9-bound",
    where="appendix A.1, Lemma 9",
    printed_from=RESTATED,
    covers=["A.L9"],
    needs=["DLS22/lemma-9"],
    given=family(_one_degree, p=(1, 4), d=(1, 3), kind=["pure", "mixed"]),
)
def lemma_9_bound(at):
    """|C_k|_F^2 <= k! E f*^2 for every k, with equality where f* is of the one degree k."""
    form = Sides if at.kind == "pure" else AtMost                       # equality is claimed, so it is checked
    return form(value=max(_ratios(at)), bound=1)


def _ratios(at):
    return [norm / (math.factorial(k) * _second_moment(at)) for k, norm in enumerate(_squared_norms(at))]


@lemma_9_bound.refutes("(k-1)! for k!")
def _(at):
    return Instead(value=max(ratio * max(k, 1) for k, ratio in enumerate(_ratios(at))))


@lemma_9_bound.refutes("|C_k|_F <= E f*^2, without k!")
def _(at):
    return Instead(value=max(ratio * math.factorial(k) for k, ratio in enumerate(_ratios(at))))


def _two_directions(rng, k, d):
    return {"u": rational_unit(rng, d), "v": rational_unit(rng, d)}


@DLS22.claim(
    "csq-correlation",
    where="section 3, proof of Theorem 2",
    printed_from=RESTATED,
    covers=["A.CSQ1"],
    needs=["HERMITE/orthogonality"],
    given=family(_two_directions, k=(1, 5), d=(2, 4)),
)
def csq_correlation(at):
    """E[He_k(u.x) He_k(v.x)] / k! = (u.v)^k for unit vectors u and v."""
    return Sides(correlation=_correlation(at, he_monomials(at.k), at.u) / math.factorial(at.k), power=_dot(at.u, at.v) ** at.k)


def _dot(u, v):
    return sum((x * y for x, y in zip(u, v, strict=True)), start=Fraction())


def _correlation(at, coefficients, u):
    """E[h(u.x) h(v.x)] by Wick's recursion on the two Gaussian variables."""
    g = {(i, j): Fraction(x * y) for i, x in enumerate(coefficients) for j, y in enumerate(coefficients)}
    return polynomials.mean(g, polynomials.gram((u, at.v)))


@csq_correlation.refutes("physicists' polynomials")
def _(at):
    return Instead(correlation=_correlation(at, [h * 2**l for l, h in enumerate(he_monomials(at.k))], at.u) / math.factorial(at.k))


@csq_correlation.refutes("u of length 2")
def _(at):
    return Instead(correlation=_correlation(at, he_monomials(at.k), tuple(2 * x for x in at.u)) / math.factorial(at.k))


@csq_correlation.refutes("1 / k! lost")
def _(at):
    return Instead(correlation=_correlation(at, he_monomials(at.k), at.u))
