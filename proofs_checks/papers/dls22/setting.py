"""Section 2: the data, the two assumptions, and what "high probability" adds up to.

asm-data  asm-noise  asm-law                                        the data
asm-1  asm-1-basis  asm-1-span                                      Assumption 1
asm-2  asm-2-eigenvalues  asm-2-rank  asm-2-bound                   Assumption 2
iota                                                                high probability
"""

import math
from fractions import Fraction

import numpy as np

from proofs_checks import AtMost, Instead, Sampled, Sides, ulps
from proofs_checks.engine import oracles
from proofs_checks.instances import directions, family, multi_index
from proofs_checks.papers.dls22 import DERIVED, DLS22, RESTATED, SLIDES_BJ, SLIDES_CS
from proofs_checks.papers.dls22.routes import largest_term, second_moment
from refimpl import polynomials
from refimpl.data.targets import Target
from refimpl.errors import DomainError

# ---- the data and the two assumptions

@DLS22.claim(
    "asm-data",
    where="section 2, input distribution",
    printed_from=SLIDES_CS,
    printed=r"\mathbb{E}_{x \sim \mathcal{D}}[(f^*(x))^2] = 1",
    covers=["A.S1"],
    given=multi_index(p=(1, 3), r=(1, 3)),
    tol=ulps(lambda at: 64 * (at.p + 1) ** at.r),
)
def asm_data(at):
    """E f*(x)^2 has a closed form, and f* / sqrt(E f*^2) is normalised."""
    f = at.target.normalised()
    return Sides(
        wick=[at.target.second_moment, f.second_moment],
        gauss_hermite=[second_moment(at, at.target.g), second_moment(at, f.g)],
        normalised=[at.target.second_moment, 1.0],
        scale=[second_moment(at, at.target.g, absolute=True), second_moment(at, f.g, absolute=True)],
    )


@asm_data.refutes("E f* lost: the variance instead of the second moment")
def _(at):
    f = at.target.normalised()
    return Instead(wick=[at.target.second_moment - at.target.mean**2, f.second_moment - f.mean**2])


@asm_data.refutes("oblique u_i taken as orthonormal")
def _(at):
    flat = polynomials.identity(at.r)
    second = [float(polynomials.mean(polynomials.times(dict(g), dict(g)), flat)) for g in (at.target.g, at.target.normalised().g)]
    return Instead(wick=second)


@DLS22.claim(
    "asm-noise",
    where="section 2, input distribution",
    printed_from=SLIDES_CS,
    covers=["A.S1"],
    given=multi_index(p=(0, 3), r=(1, 2), varsigma=[0.25, 1.0, 3.0]),
    tol=ulps(lambda at: 8 * (at.p + at.d) + 8),
)
def asm_noise(at):
    """y_i = f*(x_i) + epsilon_i with epsilon_i = +-varsigma: every squared residual is varsigma^2, not only their mean; both signs occur."""
    X, y = at.target.sample(NOISY, rng=1, varsigma=at.varsigma)
    residuals = y - oracles.monomials(at.target.g, X @ at.U.T)
    return Sides(
        residuals=[*residuals**2, min(residuals), max(residuals)],
        noise=[*np.full(NOISY, at.varsigma**2), -at.varsigma, at.varsigma],
        scale=(1 + at.varsigma + largest_term(at, X)) ** 2,
    )


NOISY = 64                                         # samples: all of one sign with probability 2^-63


@asm_noise.refutes("Gaussian noise of variance varsigma^2")
def _(at):
    noise = at.varsigma * np.random.default_rng(at.seed).standard_normal(NOISY)
    return Instead(residuals=[*noise**2, min(noise), max(noise)])


@asm_noise.refutes("uniform noise on [-varsigma, varsigma]")
def _(at):
    noise = at.varsigma * np.random.default_rng(at.seed).uniform(-1, 1, NOISY)
    return Instead(residuals=[*noise**2, min(noise), max(noise)])


@DLS22.claim(
    "asm-law",
    where="section 2, input distribution",
    printed_from=SLIDES_CS,
    covers=["A.S1"],
    needs=["DLS22/asm-noise"],
    given=family(d=[3]),
    false_alarm=1e-8,
)
def asm_law(at):
    """x_i ~ N(0, I_d) and E epsilon_i = 0: E x = 0, E x x^T = I, E x_1^4 = 3, and the noise takes both signs alike."""
    return Sampled(draw=_sampled_moments, truth=[0, 0, 0, 1, 1, 1, 0, 0, 0, 3, 0, 0], discrepancy=0.2,
                   variance=[1, 1, 1, 2, 2, 2, 1, 1, 1, 96, 1, 1])


def _sampled_moments(rng, n):
    """x, x_i^2, x_i x_j, x_1^4, epsilon / varsigma and epsilon x_1 / varsigma, for f* = x_1."""
    x, y = Target({(1,): 1.0}, np.eye(1, 3)).sample(n, rng=rng, varsigma=0.5)
    epsilon = (y - x[:, 0]) / 0.5
    return np.column_stack([x, x**2, x[:, [0, 0, 1]] * x[:, [1, 2, 2]], x[:, 0] ** 4, epsilon, epsilon * x[:, 0]])


@asm_law.refutes("one-sided noise, epsilon = varsigma")
def _(at):
    return Instead(truth=[0, 0, 0, 1, 1, 1, 0, 0, 0, 3, 1, 0])


@asm_law.refutes("inputs on the sphere of radius sqrt(d)")
def _(at):
    return Instead(truth=[0, 0, 0, 1, 1, 1, 0, 0, 0, 3 * at.d / (at.d + 2), 0, 0])


@asm_law.refutes("x_i ~ N(0, I_d / d)")
def _(at):
    return Instead(truth=[0, 0, 0, *[1 / at.d] * 3, 0, 0, 0, 3 / at.d**2, 0, 0])


@DLS22.claim(
    "asm-1",
    where="section 2, Assumption 1",
    printed_from=SLIDES_BJ,
    printed=r"f^*(x) = g(\langle x, u_1 \rangle, \dots, \langle x, u_r \rangle)",
    covers=["A.S2"],
    given=multi_index(p=(1, 4), missing=0.5),
    tol=ulps(lambda at: 64 * (at.p + at.d)),
)
def asm_1(at):
    """f*(x) = f*(Pi* x): the target sees x through its projection onto the principal subspace only."""
    projected = at.X @ at.target.Pi_star
    return Sides(
        target=at.target.value(at.X),
        monomials_of_projection=oracles.monomials(at.target.g, projected @ at.U.T),
        scale=_around(at),
    )


def _around(at):
    """The absolute terms of g at |U| |Pi*| |x|; sqrt(2 p) more for the Hermite basis that Target evaluates in (Minkowski: He_k with
    plus signs at v is E(v + z)^k <= (v + sqrt k)^k, and its coefficients are such a mean again)."""
    V = np.abs(at.X) @ np.abs(at.target.Pi_star) @ np.abs(at.U).T
    return oracles.monomials(at.target.g, V + math.sqrt(2 * at.p), absolute=True)


@asm_1.refutes("Pi* = U^T U although the u_i are not orthonormal")
def _(at):
    return Instead(monomials_of_projection=oracles.monomials(at.target.g, at.X @ at.U.T @ at.U @ at.U.T))


@asm_1.refutes("projection onto the complement of S*")
def _(at):
    return Instead(monomials_of_projection=oracles.monomials(at.target.g, at.X @ (np.eye(at.d) - at.target.Pi_star) @ at.U.T))


@DLS22.claim(
    "asm-1-basis",
    where="section 2, below Assumption 1",
    printed_from=RESTATED,
    covers=["A.S2"],
    needs=["DLS22/asm-1"],
    given=multi_index(p=(1, 2)),
    tol=ulps(lambda at: 32 * at.d),
)
def asm_1_basis(at):
    """S* has orthonormal rows that span the u_i: S* S*^T = I, U S*^T S* = U, and S*^T S* = Pi* projects onto their span."""
    Q = oracles.orthonormal(at.U)
    return Sides(
        basis=_of_basis(at, at.target.S_star),
        gram_schmidt=np.vstack([np.eye(at.r, at.d), at.U, Q.T @ Q]),
        scale=_stretch(at.U),
    )


def _of_basis(at, S):
    """S S^T, U S^T S and S^T S below each other, the first as wide as the others."""
    return np.vstack([np.pad(S @ S.T, ((0, 0), (0, at.d - at.r))), at.U @ S.T @ S, S.T @ S])


@asm_1_basis.refutes("the u_i themselves, as if they were orthonormal")
def _(at):
    return Instead(basis=_of_basis(at, at.U))


@asm_1_basis.refutes("the first r coordinates")
def _(at):
    return Instead(basis=_of_basis(at, np.eye(at.r, at.d)))


@DLS22.claim(
    "asm-1-span",
    where="section 2, below Assumption 1",
    printed_from=SLIDES_BJ,
    covers=["A.S2"],
    needs=["DLS22/asm-1"],
    given=multi_index(p=(2, 4)),
    tol=ulps(lambda at: 512 * (at.p + at.d)),
)
def asm_1_span(at):
    """span(H) lies in S*: H = Pi* E[f*(x) (x x^T - I)] Pi*, with both projections."""
    P = np.linalg.pinv(at.U) @ at.U
    basis = oracles.orthonormal(at.U)
    moment = oracles.gauss_hermite_mean(lambda x: _stein_2(at.target.g, x, at.U), basis, at.p + 2)
    return Sides(
        mean_hessian=at.target.mean_hessian,
        projected_second_stein=np.linalg.multi_dot([P, moment, P]),
        scale=float(np.max(oracles.gauss_hermite_mean(lambda x: _stein_2_size(at.target.g, x, at.U), basis, at.p + 4))) * _stretch(at.U),
    )


def _stein_2(g, x, U):
    """f*(x) (x x^T - I), shape (nodes, d, d)."""
    return oracles.monomials(g, x @ U.T)[:, None, None] * (x[:, :, None] * x[:, None, :] - np.eye(x.shape[1]))


def _stein_2_size(g, x, U):
    """The absolute terms of the same."""
    return oracles.monomials(g, x @ U.T, absolute=True)[:, None, None] * (np.abs(x[:, :, None] * x[:, None, :]) + np.eye(x.shape[1]))


def _stretch(U):
    """The condition number of U: what the projection multiplies a rounding error by."""
    return float(np.linalg.cond(U))


@asm_1_span.refutes("E[f*(x) x x^T] without the identity subtracted")
def _(at):
    P = np.linalg.pinv(at.U) @ at.U
    basis = oracles.orthonormal(at.U)
    return Instead(projected_second_stein=P @ oracles.gauss_hermite_mean(
        lambda x: oracles.monomials(at.target.g, x @ at.U.T)[:, None, None] * x[:, :, None] * x[:, None, :], basis, at.p + 2) @ P)


@asm_1_span.refutes("U^T U in place of Pi*")
def _(at):
    P = at.U.T @ at.U
    return Instead(projected_second_stein=P @ at.target.mean_hessian @ P)


def _with_hessian(rng, r, kind, d):
    """A quadratic target of prescribed eigenvalues, normalised: sum lambda_i He_2(v_i.x) / 2, v_i orthonormal, has E f*^2 = |lambda|^2 / 2.

    Its directions are u = A v with A triangular, so that nothing but the span of the u_i is known.
    """
    lam = {"equal": np.ones(r), "alternating": (-1.0) ** np.arange(r), "generic": rng.uniform(0.3, 1.5, r) * (-1.0) ** rng.integers(0, 2, r)}[kind]
    lam = lam * math.sqrt(2 / np.sum(lam**2))
    V = directions(rng, r, d, "orthonormal")
    A = np.eye(r) + np.tril(rng.uniform(-0.5, 0.5, (r, r)), -1)
    B = np.linalg.inv(A)
    M = (B.T * lam) @ B / 2                                            # f* = (v.x)^T diag(lam) (v.x) / 2 - const, v = B u
    g = {(0,) * r: float(-lam.sum() / 2)} | {tuple(int(k == i) + int(k == j) for k in range(r)): float(M[i, j] * (1 + (i < j)))
                                             for i in range(r) for j in range(i, r)}
    return {"target": Target(g, A @ V), "lam": lam, "H": (V.T * lam) @ V}


hessians = family(_with_hessian, r=(1, 4), kind=["equal", "alternating", "generic"], d=(4, 6))


@DLS22.claim(
    "asm-2",
    where="section 2, Assumption 2 and below",
    printed_from=SLIDES_BJ,
    printed=r"\kappa := \frac{\|H^\dagger\|}{\sqrt{r}}",
    covers=["A.S3"],
    needs=["DLS22/asm-1-span"],
    given=hessians,
    tol=ulps(lambda at: 64 * at.d),
)
def asm_2(at):
    """lambda_min(H)^-2 = r kappa^2 with lambda_min the smallest nonzero |eigenvalue|."""
    size = np.linalg.svd(np.linalg.pinv(at.H, rcond=1e-10), compute_uv=False)[0]
    return Sides(
        kappa=at.r * at.target.kappa**2,
        pseudo_inverse=size**2,
        prescribed=np.min(np.abs(at.lam)) ** -2.0,
        scale=2 * np.min(np.abs(at.lam)) ** -3.0 * np.max(np.abs(at.lam)),
    )


@asm_2.refutes("kappa without the 1 / sqrt(r)")
def _(at):
    return Instead(kappa=at.r * (at.target.kappa * math.sqrt(at.r)) ** 2)


@asm_2.refutes("lambda_min the smallest eigenvalue, zeros of H included in the trace")
def _(at):
    return Instead(pseudo_inverse=(np.trace(at.target.mean_hessian @ at.target.mean_hessian) / at.d) ** -1.0)


@DLS22.claim(
    "asm-2-eigenvalues",
    where="section 2, below Assumption 2",
    printed_from=RESTATED,
    covers=["A.S3"],
    needs=["DLS22/asm-1-basis", "DLS22/asm-1-span"],
    given=hessians,
    tol=ulps(lambda at: 16 * at.d),
)
def asm_2_eigenvalues(at):
    """H has r eigenvalues on S*, those of S* H S*^T, and d - r eigenvalues 0 across it."""
    return Sides(
        on_S=at.target.eigenvalues,
        of_H=_largest(at, np.linalg.eigvalsh(at.target.mean_hessian)),
        prescribed=np.sort(at.lam),
        scale=np.max(np.abs(at.lam)) * _stretch(at.target.U) ** 2,
    )


def _largest(at, eigenvalues):
    """The r largest in modulus, ascending."""
    return np.sort(sorted(eigenvalues, key=abs)[-at.r:])


@asm_2_eigenvalues.refutes("the r largest of all d, zeros for negative ones")
def _(at):
    return Instead(of_H=np.linalg.eigvalsh(at.target.mean_hessian)[-at.r:])


@asm_2_eigenvalues.refutes("those of B in H = U^T B U, as if the u_i were orthonormal")
def _(at):
    back = np.linalg.pinv(at.target.U)
    return Instead(on_S=np.linalg.eigvalsh(back.T @ at.target.mean_hessian @ back))


@asm_2_eigenvalues.refutes("singular values for eigenvalues")
def _(at):
    return Instead(on_S=np.sort(np.abs(at.target.eigenvalues)))


def _with_rank(rng, r, kind, slant, d):
    """f* = sum_i lam_i He_2(v_i.x) / 2 + He_4(v_r.x) / 24 + sum_i v_i.x, the v_i orthonormal up to rounding, written in directions u_i.

    Of these u_r is within 1 / slant of the span of the others. "deficient": lam_r = 0, so that v_r is relevant but H does not see it.
    "linear": the last sum alone. The rank of H is exact, for g is made from its smoothed twin, whose quadratic part holds H.
    """
    lam = rng.uniform(0.5, 1.0, r) * (-1.0) ** rng.integers(0, 2, r) * (kind != "linear")
    lam[-1] *= kind != "deficient"
    A = np.tril(rng.uniform(-0.5, 0.5, (r, r)), -1) + np.diag([*[1.0] * (r - 1), 1 / slant])
    U, back = A @ directions(rng, r, d, "orthonormal"), np.linalg.inv(A)                      # v_i = sum_j back_ij u_j
    linear, square = ([tuple(k * int(i == j) for j in range(r)) for i in range(r)] for k in (1, 2))
    smoothed = dict.fromkeys(linear, 1) | {alpha: Fraction(x) / 2 for alpha, x in zip(square, lam, strict=True)}
    smoothed[(0,) * (r - 1) + (4,)] = Fraction(kind != "linear") / 24
    in_frame = oracles.compose(smoothed, [list(map(Fraction, row)) for row in back.tolist()])
    V = back @ U
    return {"target": Target(polynomials.heat(in_frame, polynomials.gram(U), time=-1), U), "H": (V.T * lam) @ V,
            "curved": float(np.sum(lam**2)) / 2 + (kind != "linear") / 24}


@DLS22.claim(
    "asm-2-rank",
    where="section 2, Assumption 2",
    printed_from=RESTATED,
    covers=["A.S3"],
    needs=["DLS22/asm-2", "DLS22/asm-2-eigenvalues"],
    given=family(_with_rank, r=(1, 3), kind=["full", "deficient", "linear"], slant=[1, 1024], d=(4, 5)),
    tol=ulps(lambda at: 16 * at.d),
)
def asm_2_rank(at):
    """Where H has rank r (Assumption 2) 1 / kappa = lambda_min(H) sqrt(r); where its rank is smaller kappa is refused, however oblique the u_i."""
    inverse = [math.sqrt(at.r) * min(_on_S(at)), 0.0]
    return Sides(kappa=_asked(at.target), rank=inverse if at.kind == "full" else REFUSED, scale=[math.sqrt(at.r) * _moved(at), 1.0])


REFUSED = [0.0, 1.0]


def _asked(target):
    """1 / kappa and 0, or that kappa is refused."""
    try:
        return [1 / target.kappa, 0.0]
    except DomainError:
        return REFUSED


def _on_S(at):
    """The moduli of the eigenvalues of H on S*."""
    return np.sort(np.abs(np.linalg.eigvalsh(at.H)))[-at.r:]


def _moved(at):
    """What a rounding eps of G moves H by, in units of eps: cond(G) |C_4| / 2, where |C_4|^2 <= 4! E f^2 for the part f of degree >= 2."""
    return math.sqrt(6 * at.curved) * _stretch(at.target.U) ** 2


@asm_2_rank.refutes("the smallest eigenvalue that is not 0, also where the rank is below r")
def _(at):
    seen = [x for x in _on_S(at) if x > 1e-9]
    return Instead(rank=[math.sqrt(at.r) * min(seen), 0.0] if seen else REFUSED)


@asm_2_rank.refutes("rank decided at d eps, whatever the angles between the u_i")
def _(at):
    size = min(np.abs(at.target.eigenvalues))
    return Instead(kappa=[math.sqrt(at.r) * size, 0.0] if size > at.d * 2.0**-52 else REFUSED)


@asm_2_rank.refutes("the smallest eigenvalue with its sign")
def _(at):
    return Instead(rank=[math.sqrt(at.r) * min(at.target.eigenvalues), 0.0] if at.kind == "full" else REFUSED)


@DLS22.claim(
    "asm-2-bound",
    where="section 2, below Assumption 2",
    printed_from=DERIVED,
    covers=["A.S3"],
    needs=["DLS22/asm-2", "DLS22/lemma-9"],
    given=hessians,
    tol=ulps(64),
)
def asm_2_bound(at):
    """kappa >= 1 / sqrt(2) where E f*^2 = 1, with equality where all r eigenvalues are +-sqrt(2/r)."""
    form = AtMost if at.kind == "generic" else Sides                    # equality is claimed, so it is checked
    return form(value=math.sqrt(1 / 2), bound=at.target.kappa, scale=1 + at.target.kappa)


@asm_2_bound.refutes("kappa >= 1")
def _(at):
    return Instead(value=1.0)


@asm_2_bound.refutes("f* not normalised: E f*^2 = 4")
def _(at):
    return Instead(bound=Target({k: 2 * c for k, c in at.target.g.items()}, at.target.U).kappa)


@DLS22.claim(
    "iota",
    where="section 2, notation of high probability",
    printed_from=RESTATED,
    covers=["A.S7"],
    given=family(n=[2, 10, 1000], m=[2, 8, 100], d=[1, 3, 50], C=[1, 2, 3]),
    tol=ulps(lambda at: 16),
)
def iota(at):
    """With iota = C log(nmd), nmd events of probability e^-iota each fail together with probability at most (nmd)^(1-C)."""
    N = at.n * at.m * at.d
    return Sides(
        union_bound=N * math.exp(-at.C * math.log(N)),
        power=Fraction(1, N ** (at.C - 1)),
        scale=float(N) ** (1 - at.C) * (1 + at.C * math.log(N)),
    )


@iota.refutes("iota = C log(nd), without the width")
def _(at):
    return Instead(union_bound=at.n * at.m * at.d * math.exp(-at.C * math.log(at.n * at.d)))


@iota.refutes("each event fails with probability e^(-iota/2)")
def _(at):
    N = at.n * at.m * at.d
    return Instead(union_bound=N * math.exp(-at.C * math.log(N) / 2))
