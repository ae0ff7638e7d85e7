"""Section 5.1: the population gradient at the start, display (1), and the features after preprocessing.

eq-population-gradient                                              E over data at the mirrored start
eq-1  eq-1-coefficients  eq-1-bias  eq-1-zero  eq-1-exact  eq-1-quadratic
                                                                    display (1), its errata and its smallest case
lemma-13-features                                                   the features after preprocessing
"""

import math
from collections import defaultdict
from fractions import Fraction

import numpy as np

from proofs_checks import Instead, Sides, ulps
from proofs_checks.engine import oracles
from proofs_checks.instances import family, multi_index, rational, rational_target, rational_unit, single_index
from proofs_checks.papers.dls22 import DERIVED, DLS22, RESTATED, SLIDES_BJ
from proofs_checks.papers.dls22.routes import half_space_moment_of, target_size, target_value, written_out
from refimpl import polynomials
from refimpl.activations import RELU
from refimpl.gaussian import half_line_hermite
from refimpl.network import Network
from refimpl.population import expansion, first_gradient, half_space_moment

# ---- E over data at the mirrored start

@DLS22.claim(
    "eq-population-gradient",
    where="section 5.1, above display (1)",
    printed_from=SLIDES_BJ,
    printed=r"-2 \mathbb{E}_{x \sim \mathcal{D}} [f^\star(x) \nabla_{w_j} f_\theta(x)] = -2a_j \mathbb{E}_x [f^\star(x) x \mathbf{1}_{w_j \cdot x \geq 0}]",
    covers=["A.G1"],
    needs=["DLS22/eq-init", "DLS22/eq-1"],
    given=single_index(p=(0, 4), d=(1, 4)),
    tol=ulps(lambda at: 64 * (at.p + at.d + 4)),
)
def eq_population_gradient(at):
    """At the mirrored start grad_{w_j} L_D = E[2 (f_theta - f*) a_j x 1{w_j.x >= 0}] is -2 a_j E[f* x 1{w_j.x >= 0}]."""
    pair = Network(np.array([3.0, -3.0]), np.array([at.w, at.w]), np.zeros(2))
    return Sides(expansion=first_gradient(at.target, pair.a, pair.W, pair.b), chain_rule=_chain_rule(at, pair),
                 scale=6 * np.array([half_space_moment_of(at, at.w).scale] * 2))


def _chain_rule(at, net):
    """E[2 (f_theta(x) - f*(x)) a_j x 1{w_j.x >= 0}] by quadrature, with f_theta as it is."""
    return np.array([2 * a * oracles.half_space_moment(lambda x: net.predict(x) - target_value(at)(x), target_size(at), at.target.U, w, 0.0, at.p + 2).value
                     for a, w in zip(net.a, net.W, strict=True)])


@eq_population_gradient.refutes("the mirror forgotten: both output weights positive")
def _(at):
    net = Network(np.array([3.0, 3.0]), np.array([at.w, at.w]), np.zeros(2))
    return Sides(expansion=first_gradient(at.target, net.a, net.W, net.b), chain_rule=_chain_rule(at, net),
                 scale=6 * np.array([half_space_moment_of(at, at.w).scale] * 2))


@eq_population_gradient.refutes("factor 2 lost")
def _(at):
    return Instead(expansion=-np.outer([3.0, -3.0], half_space_moment(at.target, at.w[None, :], np.zeros(1))[0]))


@eq_population_gradient.refutes("f* - f_theta for f_theta - f*")
def _(at):
    return Instead(expansion=2 * np.outer([3.0, -3.0], half_space_moment(at.target, at.w[None, :], np.zeros(1))[0]))


# ---- display (1)

DISPLAY_1 = (r"\mathbb{E}_x[f^\star(x)x\mathbf{1}_{w \cdot x + b \geq 0}] = \sum_{k=0}^{p-1} \frac{1}{k!} "
             r"[c_{k+1}C_{k+1}(w^{\otimes k}) + c_{k+2}wC_k(w^{\otimes k})]")


def _first_sum(target, w, c):
    """sum_{k<p} c_{k+1} C_{k+1}(w^k) / k! with coefficients c_0, ..., c_{p+2}."""
    return sum(c_k * target.contract_to_vector(k + 1, w[None, :])[0] / math.factorial(k) for k, c_k in enumerate(c[1:-2]))


def _second_sum(target, w, c):
    """w sum_k c_{k+2} C_k(w^k) / k!, as far as there are coefficients."""
    return w * sum(c_k * target.contract(k, w[None, :])[0] / math.factorial(k) for k, c_k in enumerate(c[2:]))


def _series(target, w, c):
    return _first_sum(target, w, c) + _second_sum(target, w, c)


@DLS22.claim(
    "eq-1",
    where="section 5.1, display (1)",
    printed_from=SLIDES_BJ,
    printed=DISPLAY_1,
    covers=["A.G2", "ERR-A1"],
    needs=["HERMITE/stein", "DLS22/asm-1", "DLS22/relu-coefficients", "DLS22/tensor-expansion"],
    given=multi_index(p=(1, 6)),
    tol=ulps(lambda at: 64 * (at.p + at.d + 4)),
    erratum="the second sum must run to k = p: the printed one loses w c_{p+2} C_p(w^p) / p!",
)
def eq_1(at):
    """E[f* x 1{w.x >= 0}] = sum_{k<=p-1} c_{k+1} C_{k+1}(w^k) / k! + w sum_{k<=p} c_{k+2} C_k(w^k) / k!, |w| = 1."""
    truth = half_space_moment_of(at, at.w)
    return Sides(half_space_moments=truth.value, hermite_series=half_space_moment(at.target, at.w[None, :], np.zeros(1))[0], scale=truth.scale)


@eq_1.as_printed
def _(at):
    c = RELU.hermite_coefficients(at.p + 2)
    return Instead(hermite_series=_first_sum(at.target, at.w, c) + _second_sum(at.target, at.w, c[:-1]))


@eq_1.refutes("sign of the second sum lost")
def _(at):
    c = RELU.hermite_coefficients(at.p + 2)
    return Instead(hermite_series=_first_sum(at.target, at.w, c) - _second_sum(at.target, at.w, c))


@eq_1.refutes("1 / (k+1)! for 1 / k! in the first sum")
def _(at):
    c = RELU.hermite_coefficients(at.p + 2) / np.maximum(np.arange(at.p + 3), 1)
    whole = RELU.hermite_coefficients(at.p + 2)
    return Instead(hermite_series=_first_sum(at.target, at.w, c) + _second_sum(at.target, at.w, whole))


@eq_1.refutes("w not of unit length in the formula")
def _(at):
    c = RELU.hermite_coefficients(at.p + 2)
    return Instead(hermite_series=_series(at.target, 2 * at.w, c))


@DLS22.claim(
    "eq-1-coefficients",
    where="section 5.1, the sentence above display (1)",
    printed_from=SLIDES_BJ,
    printed=r"\text{in terms of the Hermite expansions of } f^\star \text{ and } \sigma'",
    covers=["A.G2", "ERR-A2"],
    needs=["DLS22/eq-1", "DLS22/relu-derivative"],
    given=multi_index(p=(1, 6), r=(1, 2), frame=["oblique"]),
    tol=ulps(lambda at: 64 * (at.p + at.d + 4)),
    erratum="the c_k of display (1) are the coefficients of sigma; those of sigma' are one index on",
)
def eq_1_coefficients(at):
    """In display (1) c_k = E[sigma(z) He_k(z)], the Hermite coefficients of sigma itself."""
    truth = half_space_moment_of(at, at.w)
    c = RELU.hermite_coefficients(at.p + 2)
    return Sides(half_space_moments=truth.value, hermite_series=_first_sum(at.target, at.w, c) + _second_sum(at.target, at.w, c), scale=truth.scale)


@eq_1_coefficients.as_printed
def _(at):
    return Instead(hermite_series=_series(at.target, at.w, half_line_hermite(at.p + 2)))


@eq_1_coefficients.refutes("c_k / k! stored for c_k")
def _(at):
    c = [c / math.factorial(k) for k, c in enumerate(RELU.hermite_coefficients(at.p + 2))]
    return Instead(hermite_series=_series(at.target, at.w, c))


@eq_1_coefficients.refutes("physicists' coefficients, c_k times 2^k")
def _(at):
    c = RELU.hermite_coefficients(at.p + 2) * 2.0 ** np.arange(at.p + 3)
    return Instead(hermite_series=_series(at.target, at.w, c))


@DLS22.claim(
    "eq-1-bias",
    where="section 5.1, display (1), its indicator",
    printed_from=SLIDES_BJ,
    printed=DISPLAY_1,
    covers=["A.G2", "ERR-A2"],
    needs=["DLS22/eq-1", "DLS22/relu-bias"],
    given=multi_index(p=(0, 5), r=(1, 2), b=[0.7, -1.2, 0.0, 5.0, -5.0, 40.0, -40.0]),
    tol=ulps(lambda at: 64 * (at.p + at.d + 8)),
    erratum="with the bias in the indicator the coefficients are c_k(b) = E[sigma(z + b) He_k(z)], not c_k(0)",
)
def eq_1_bias(at):
    """For any bias and any length of w, E[f* x 1{w.x + b >= 0}] is display (1) with w / |w| and c_k(b / |w|)."""
    truth = [half_space_moment_of(at, w, at.b) for w in _unit_rows(at)]
    first, along_w, W_unit = expansion(at.target, LENGTHS[:, None] * _unit_rows(at), at.b * LENGTHS)
    return Sides(
        half_space_moments=np.array([t.value for t in truth]),
        hermite_series=_stretched(at, at.b * LENGTHS),
        terms=first.sum(axis=0) @ at.U + along_w.sum(axis=0)[:, None] * W_unit,
        scale=np.array([t.scale for t in truth]),
    )


LENGTHS = np.array([1e-200, 3.0, 1e200])             # two of them with a square that is no float


def _unit_rows(at):
    return at.W / np.linalg.norm(at.W, axis=1, keepdims=True)


def _stretched(at, b):
    return half_space_moment(at.target, LENGTHS[:, None] * _unit_rows(at), b)


@eq_1_bias.as_printed
def _(at):
    return Instead(hermite_series=_stretched(at, np.zeros(3)))


@eq_1_bias.refutes("sign of the bias, 1{w.x - b >= 0}")
def _(at):
    return Instead(hermite_series=_stretched(at, -at.b * LENGTHS))


@eq_1_bias.refutes("b not divided by |w|")
def _(at):
    return Instead(hermite_series=_stretched(at, np.full(3, at.b)))


@DLS22.claim(
    "eq-1-zero",
    where="section 5.1, display (1), at w = 0",
    printed_from=DERIVED,
    covers=["A.G2"],
    needs=["DLS22/tensor-stein", "DLS22/eq-1-bias"],
    given=multi_index(p=(1, 4), r=(1, 2), b=[0.0, 0.7, -0.5]),
    tol=ulps(lambda at: 64 * (at.p + 1) ** at.r),
)
def eq_1_zero(at):
    """At w = 0 the indicator is constant: E[f* x 1{b >= 0}] = C_1 for b >= 0, and 0 for b < 0, whatever the other rows of W are."""
    other = half_space_moment_of(at, at.w, at.b)
    return Sides(expansion=_beside_zero(at, at.b), whole_space=np.array([(at.b >= 0) * _whole_mean(at), other.value]),
                 scale=np.array([_whole_mean(at, absolute=True), other.scale]))


def _whole_mean(at, absolute=False):
    """E[f* x], or of the absolute terms."""
    return oracles.gauss_hermite_mean(
        lambda x: oracles.monomials(at.target.g, x @ at.U.T, absolute=absolute)[:, None] * (np.abs(x) if absolute else x),
        oracles.orthonormal(at.U), at.p + 2)


def _beside_zero(at, b):
    """The moments of w = 0, whose bias is b, and of at.w."""
    return half_space_moment(at.target, np.array([np.zeros(at.d), at.w]), np.array([b, at.b]))


@eq_1_zero.refutes("1{b > 0}")
def _(at):
    return Instead(expansion=_beside_zero(at, at.b or -1.0))


@eq_1_zero.refutes("half of the space, as for w -> 0 at b = 0")
def _(at):
    return Instead(expansion=_beside_zero(at, at.b) * [[0.5], [1.0]])


# ---- display (1) in exact arithmetic: x is rotated, so that nothing but double factorials is left

def _exact_terms(at, f):
    """C_k(w^k) and C_{k+1}(w^k) of a polynomial f of x, exactly."""
    smoothed = polynomials.heat(f, polynomials.identity(at.d))
    parts = [polynomials.homogeneous(smoothed, k) for k in range(at.p + 2)]
    whole = [math.factorial(k) * polynomials.evaluate(part, at.w) for k, part in enumerate(parts)]
    open_slot = [[math.factorial(k) * polynomials.evaluate(polynomials.partial(parts[k + 1], i), at.w) for i in range(at.d)] for k in range(at.p + 1)]
    return whole, open_slot


def _c(k):
    """c_k of ReLU as (rational, over sqrt(2 pi)): 1/2 at k = 1, (-1)^(k/2-1) (k-3)!! / sqrt(2 pi) at even k."""
    if k % 2:
        return (Fraction(int(k == 1), 2), Fraction())
    return (Fraction(), Fraction((-1) ** (k // 2 - 1) * (-1 if k == 0 else math.prod(range(k - 3, 1, -2)))))


def _exact_series(at, f, *, along_to):
    """Display (1): the parts rational and over sqrt(2 pi), each d numbers."""
    whole, open_slot = _exact_terms(at, f)
    total = [[Fraction()] * at.d, [Fraction()] * at.d]
    for part in (0, 1):
        for i in range(at.d):
            total[part][i] += sum((_c(k + 1)[part] * C[i] / math.factorial(k) for k, C in enumerate(open_slot)), start=Fraction())
            total[part][i] += at.w[i] * sum((_c(k + 2)[part] * C / math.factorial(k) for k, C in enumerate(whole[: along_to + 1])), start=Fraction())
    return total


@DLS22.claim(
    "eq-1-exact",
    where="section 5.1, display (1)",
    printed_from=RESTATED,
    covers=["A.G2"],
    needs=["DLS22/eq-1"],
    given=rational_target(p=(1, 4)),
)
def eq_1_exact(at):
    """Display (1), second sum to p, in Q + Q / sqrt(2 pi) at rational targets and unit vectors: no rounding anywhere."""
    f = written_out(at)
    return Sides(rotation=[*oracles.exact_half_space_moment(f, at.w)], series=_exact_series(at, f, along_to=at.p))


@eq_1_exact.refutes("the second sum stops at p - 1")
def _(at):
    return Instead(series=_exact_series(at, written_out(at), along_to=at.p - 1))


@eq_1_exact.refutes("the two parts exchanged")
def _(at):
    return Instead(series=_exact_series(at, written_out(at), along_to=at.p)[::-1])


def _quadratic_form(rng, d):
    A = [[rational(rng) for _ in range(d)] for _ in range(d)]
    return {"A": [[A[i][j] + A[j][i] for j in range(d)] for i in range(d)], "w": rational_unit(rng, d)}


@DLS22.claim(
    "eq-1-quadratic",
    where="section 5.1, display (1) at p = 2",
    printed_from=DERIVED,
    covers=["A.G3"],
    needs=["DLS22/eq-1-exact"],
    given=family(_quadratic_form, d=(1, 4)),
)
def eq_1_quadratic(at):
    """f = x^T A x - tr A, H = 2A: sqrt(2 pi) E[f x 1{w.x >= 0}] = H w - w (w^T H w) / 2."""
    f = defaultdict(Fraction)
    for i in range(at.d):
        f[(0,) * at.d] -= at.A[i][i]
        for j in range(at.d):
            f[tuple((i == k) + (j == k) for k in range(at.d))] += at.A[i][j]
    return Sides(rotation=oracles.exact_half_space_moment(f, at.w).root, closed_form=_closed(at, Fraction(1, 2)))


def _closed(at, factor):
    Hw = [2 * sum(a * x for a, x in zip(row, at.w, strict=True)) for row in at.A]
    wHw = sum(x * y for x, y in zip(at.w, Hw, strict=True))
    return [y - factor * x * wHw for x, y in zip(at.w, Hw, strict=True)]


@eq_1_quadratic.refutes("second term left out")
def _(at):
    return Instead(closed_form=_closed(at, 0))


@eq_1_quadratic.refutes("sign of c_4")
def _(at):
    return Instead(closed_form=_closed(at, -Fraction(1, 2)))


@eq_1_quadratic.refutes("1/2 of the second term lost")
def _(at):
    return Instead(closed_form=_closed(at, 1))


# ---- the features after preprocessing

@DLS22.claim(
    "lemma-13-features",
    where="appendix A.2, proof of Lemma 13, last line",
    printed_from=RESTATED,
    covers=["A.G4"],
    needs=["DLS22/eq-1-exact"],
    given=rational_target(p=(2, 6), r=(1, 2), d=(2, 2)),
)
def lemma_13_features(at):
    """g(w) = (C_1 - beta)/2 + [w (C_0 - alpha) + C_2 w]/sqrt(2 pi) + the even terms: no odd C_k beyond C_1 enters at b = 0."""
    f, beta = written_out(at), BETA[: at.d]
    f_hat = polynomials.add(f, {min(f): -ALPHA}, *({tuple(int(i == j) for j in range(at.d)): -x} for i, x in enumerate(beta)))
    return Sides(rotation=[*oracles.exact_half_space_moment(f_hat, at.w)], even_terms=_features(at, f, ALPHA, beta))


ALPHA, BETA = Fraction(2, 3), [Fraction(1, 4), Fraction(1, 2), Fraction(3, 4)]              # any will do


def _features(at, f, alpha, beta, odd=False, factorial=math.factorial):
    whole, open_slot = _exact_terms(at, f)
    half = [(open_slot[0][i] - beta[i]) / 2 for i in range(at.d)]                                            # (C_1 - beta) / 2
    root = [at.w[i] * (whole[0] - alpha) + open_slot[1][i] for i in range(at.d)]                             # w (C_0 - alpha) + C_2 w
    for i in range(at.d):
        for k in range(2, at.p // 2 + 1):
            root[i] += _c(2 * k)[1] * open_slot[2 * k - 1][i] / math.factorial(2 * k - 1)                    # c_2k C_2k(w^{2k-1}) / (2k-1)!
        for k in range(1, at.p // 2 + 1):
            root[i] += at.w[i] * _c(2 * k + 2)[1] * whole[2 * k] / factorial(2 * k)                          # w c_{2k+2} C_2k(w^{2k}) / (2k)!
        if odd and at.p >= 3:
            root[i] += open_slot[2][i]
    return [half, root]


@lemma_13_features.refutes("no preprocessing: C_1 / 2 + w C_0 / sqrt(2 pi) left over")
def _(at):
    return Instead(even_terms=_features(at, written_out(at), Fraction(), [Fraction()] * at.d))


@lemma_13_features.refutes("C_3 kept, as in the second line of display (1)")
def _(at):
    return Instead(even_terms=_features(at, written_out(at), ALPHA, BETA, odd=True))


@lemma_13_features.refutes("1 / (2k+1)! in the terms along w")
def _(at):
    return Instead(even_terms=_features(at, written_out(at), ALPHA, BETA, factorial=lambda k: math.factorial(k + 1)))
