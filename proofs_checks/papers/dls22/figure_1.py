"""What section 6 says of Figure 1.

fig-1-lines  fig-1-span                                             its dashed lines, and why kernels stay on them
fig-1-kernel  fig-1-random-features                                 where kernels without biases and 100 random features stand instead
"""

import math
from fractions import Fraction

import numpy as np
from scipy.special import ndtr, roots_genlaguerre

from proofs_checks import AtMost, Instead, Sides, ulps
from proofs_checks.engine import oracles
from proofs_checks.instances import family, rational_unit, unit
from proofs_checks.papers.dls22 import DERIVED, DLS22, SLIDES_CS
from refimpl import polynomials
from refimpl.hermite import He, to_monomials
from refimpl.rng import stream

# ---- the dashed lines

def _rational_direction(rng, k, p, d):
    return {"u": rational_unit(rng, d)}


@DLS22.claim(
    "fig-1-lines",
    where="section 6, Figure 1, the lines at 1 and 1/2",
    printed_from=SLIDES_CS,
    printed=r"\frac{H_{e_2}(u \cdot x)}{2} \text{ with } L^2(\mathcal{D}) \text{ with loss of } 1/2",
    covers=["A.E3"],
    needs=["DLS22/lemma-9", "DLS22/sec-6-target"],
    given=family(_rational_direction, k=(0, 6), p=(3, 5), d=(1, 2)),
)
def fig_1_lines(at):
    """Of He_2/2 + He_p/sqrt(2 p!) polynomials of degree k in x miss 1 for k < 2, 1/2 for 2 <= k < p, where the best one is He_2(u.x)/2, and 0 from p on.

    Which k a kernel sees from n samples is an asymptotic statement (k < l for n << d^l) and is not decided here; its finite core is DLS22/fig-1-span.
    """
    return Sides(projection=_missed(at, 2) / 4 + _missed(at, at.p) / (2 * math.factorial(at.p)), lines=Fraction((at.k < 2) + (at.k < at.p), 2))


def _missed(at, q, seen=None):
    """E He_q(u.x)^2 less the squares of its inner products with He_alpha(x), |alpha| <= k; the products of He_2 and He_p vanish at each degree."""
    f = oracles.compose(_he(q), [at.u])
    identity = polynomials.identity(at.d)
    missed = polynomials.mean(polynomials.times(f, f), identity)
    for alpha in (alpha for k in range(at.k + 1 if seen is None else seen) for alpha in polynomials.exponents(at.d, k)):
        He_alpha = polynomials.from_hermite({alpha: polynomials.factorial(alpha)})
        missed -= polynomials.mean(polynomials.times(f, He_alpha), identity) ** 2 / polynomials.factorial(alpha)
    return missed


def _he(q):
    return {(l,): c for l, c in enumerate(to_monomials([0] * q + [math.factorial(q)])) if c}


@fig_1_lines.refutes("the quadratic part seen whole, He_2(u.x), twice what there is")
def _(at):
    return Instead(projection=Fraction(at.k >= 2, 2) + _missed(at, at.p) / (2 * math.factorial(at.p)))


@fig_1_lines.refutes("degree k seen from k + 1 on")
def _(at):
    return Instead(projection=_missed(at, 2, at.k) / 4 + _missed(at, at.p, at.k) / (2 * math.factorial(at.p)))


@fig_1_lines.refutes("p! for 2 p!")
def _(at):
    return Instead(projection=_missed(at, 2) / 4 + _missed(at, at.p) / math.factorial(at.p))


def _quadratics(rng, d, n, identity):
    """n symmetric matrices, the first of them the identity where it is asked for, orthogonal to each other."""
    basis = []
    while len(basis) < n:
        A = rng.integers(-3, 4, (d, d)) if basis or not identity else np.eye(d, dtype=int)
        A = [Fraction(int(x)) for x in (A + A.T).ravel()]
        for B in basis:
            A = [a - _dot(A, B) / _dot(B, B) * b for a, b in zip(A, B, strict=True)]
        basis += [A] if any(A) else []
    return {"basis": basis}


def _dot(u, v):
    return sum((x * y for x, y in zip(u, v, strict=True)), start=Fraction())


@DLS22.claim(
    "fig-1-span",
    where="section 6, Figure 1, kernels and random features",
    printed_from=DERIVED,
    covers=["A.E3", "ERR-A15"],
    needs=["DLS22/fig-1-lines"],
    given=family(_quadratics, lambda n, d, **_: n <= d * (d + 1) // 2, d=(1, 3), n=(1, 6), identity=[True, False]),
)
def fig_1_span(at):
    """The span of n functions holds at most (2n + d) / (d (d + 2)) of He_2(u.x), in the mean over u; exactly that for n quadratics that have |x|^2 - d among them.

    The mean of <uu^T, M uu^T> over the sphere is (2 tr M + <I, M I>) / (d (d + 2)), for M between 0 and 1 of trace at most n, whatever the functions. So a
    kernel with n samples, or m = n features that do not know u, hold next to nothing of He_2(u.x) while n << d^2; at d = 10 n < 55 cannot hold all of it.
    """
    form = Sides if at.identity else AtMost                                     # equality there, so it is checked
    return form(value=_held(at), bound=Fraction(2 * at.n + at.d, at.d * (at.d + 2)))


def _held(at):
    """sum_i E (z^T A_i z)^2 / |A_i|^2 over E|z|^4 = d (d + 2), z ~ N(0, I): the means over the sphere of <A_i, uu^T>^2 / |A_i|^2."""
    total = Fraction()
    for A in at.basis:
        q = polynomials.add(*({tuple(int(i == k) + int(j == k) for k in range(at.d)): A[i * at.d + j]} for i in range(at.d) for j in range(at.d)))
        total += polynomials.mean(polynomials.times(q, q), polynomials.identity(at.d)) / _dot(A, A)
    return total / (at.d * (at.d + 2))


@fig_1_span.refutes("all of the 2n alike, 2n / (d (d + 2))")
def _(at):
    return Instead(bound=Fraction(2 * at.n, at.d * (at.d + 2)))


@fig_1_span.refutes("n over the number d (d + 1) / 2 of quadratics, as if |x|^2 - d were like the others")
def _(at):
    return Instead(bound=Fraction(2 * at.n, at.d * (at.d + 1)))


@fig_1_span.refutes("no part along |x|^2 - d")
def _(at):
    traces = sum(sum(A[:: at.d + 1]) ** 2 / _dot(A, A) for A in at.basis)
    return Instead(value=_held(at) - traces / (at.d * (at.d + 2)))


# ---- kernels without biases

def _rules(d, p):
    """t^2 for a coordinate t of a point of the sphere by interpolation for its Beta law, |x|^2 / 2 with the weight |x| by Gauss and Laguerre's rule."""
    t_2, weight_t = oracles.beta_rule(1, d, p // 2 + 2)
    s, weight_s = roots_genlaguerre(p // 2 + 1, (d - 1) / 2)
    weight_s *= math.sqrt(2) * math.gamma((d + 1) / 2) / math.gamma(d / 2) / np.sum(weight_s)
    return {"t_2": t_2, "weight_t": weight_t, "weight_s": weight_s, "x": np.sqrt(2 * np.outer(s, t_2))}


@DLS22.claim(
    "fig-1-kernel",
    where="section 6, Figure 1, the tangent kernel and the line at 1/2",
    printed_from=SLIDES_CS,
    printed=r"\text{kernel regression returns } \frac{H_{e_2}(u \cdot x)}{2} \text{ with } L^2(\mathcal{D}) \text{ with loss of } 1/2",
    covers=["A.E3", "ERR-A15"],
    needs=["DLS22/fig-1-lines", "KERNELS/zonal-risk"],
    given=family(_rules, d=[2, 3, 10, 100], p=[4, 6]),
    tol=ulps(lambda at: 16 * at.p + 2 * at.d + 64),
    erratum="1/2 in the limit of large d: a kernel without biases has no He_2(u.x); its part of angular degree up to 3 leaves 0.667 at d = 10, p = 4",
)
def fig_1_kernel(at):
    """A ReLU kernel without biases makes functions |x| h(x/|x|): the best h of degree up to 3 misses 1 - sum_{l = 0, 2} N_l (E|x| f* P_l)^2 / d of f*, p even.

    It is 0.667 at d = 10, p = 4, and with the degree 4, l = 0, 2, 4, it is 0.453. A tangent kernel at 0.55 there, as Figure 1 shows it, lies between, so it
    has not "learned only the quadratic term": it holds a part of the harmonics of degree 4. Kernels with biases are not decided here.
    """
    return Sides(radial_moments=_left(at, _by_moments(at), _harmonics(at.d)), quadrature=_by_quadrature(at), scale=_plus_signs(at))


def _left(at, moments, N):
    """1 less the energies of degree 0 and 2, and less that of degree 4."""
    up_to_2 = 1 - (moments[0] ** 2 + N[0] * moments[1] ** 2) / at.d
    return [up_to_2, up_to_2 - N[1] * moments[2] ** 2 / at.d]


def _harmonics(d):
    """N_2 and N_4: the forms of degree l in d variables, but for |x|^2 times those of degree l - 2."""
    forms = [math.comb(d + l - 1, l) for l in (0, 2, 4)]
    return forms[1] - forms[0], forms[2] - forms[1]


def _by_moments(at, quartic=1):
    """E|x| f* P_l(x_1/|x|), l = 0, 2, 4, P_2(t) = (d t^2 - 1) / (d - 1), by E|x| E|x'| = d for x in one dimension more than x'.

    P_4(t) = ((d+2) (d+4) t^4 - 6 (d+2) t^2 + 3) / (d^2 - 1).
    """
    length = math.sqrt(2 / math.pi)
    for k in range(1, at.d):
        length = k / length
    return [length * (x / 2 + quartic * y / math.sqrt(2 * math.factorial(at.p)))
            for x, y in zip(_rational_moments(at.d, 2), _rational_moments(at.d, at.p), strict=True)]


def _rational_moments(d, q):
    """E|x| He_q(x_1) P_l over E|x|: of x_1^k, E|x|^{k+1} E t^k P_l(t)."""
    length = {k: math.prod(d + 1 + 2 * i for i in range(k // 2)) for (k,) in _he(q)}                 # E|x|^{k+1} / E|x|
    P = [{0: 1}, {2: Fraction(d, d - 1), 0: Fraction(-1, d - 1)},
         {l: Fraction(c, d * d - 1) for l, c in {4: (d + 2) * (d + 4), 2: -6 * (d + 2), 0: 3}.items()}]
    return [sum(c * length[k] * sum(a * _power(d, k + l) for l, a in P_l.items()) for (k,), c in _he(q).items()) for P_l in P]


def _power(d, k):
    """E t^k for a coordinate t of a point of the sphere, k even."""
    return Fraction(math.prod(range(k - 1, 0, -2)), math.prod(d + 2 * i for i in range(k // 2)))


def _by_quadrature(at):
    """1 less the squares of E|x| f* P over E P^2, for P orthogonal to each other: 1, t^2 and t^4 by Gram and Schmidt."""
    f = He(2, at.x) / 2 + He(at.p, at.x) / math.sqrt(2 * math.factorial(at.p))
    energy = [(at.weight_s @ f @ (at.weight_t * P)) ** 2 / (at.weight_t @ P**2) / at.d for P in _orthogonal(at)]
    return [1 - energy[0] - energy[1], 1 - sum(energy)]


def _orthogonal(at):
    """1, t^2 and t^4, each less its projections on the former ones."""
    found = []
    for l in range(3):
        P = at.t_2**l
        for Q in found:
            P = P - (at.weight_t @ (P * Q)) / (at.weight_t @ Q**2) * Q
        found.append(P)
    return found


def _plus_signs(at):
    """The absolute terms: of 1, d t^2 + 1 and (d+2) (d+4) t^4 + 6 (d+2) t^2 + 3, over E P_l^2."""
    f = sum(oracles.monomials(_he(q), at.x.reshape(-1, 1), absolute=True) / size for q, size in ((2, 2), (at.p, math.sqrt(2 * math.factorial(at.p)))))
    d, t_2, weight_t, f = at.d, at.t_2, np.abs(at.weight_t), f.reshape(at.x.shape)
    plus = [(np.ones(len(t_2)), 1), (d * t_2 + 1, d * t_2 - 1),
            ((d + 2) * (d + 4) * t_2**2 + 6 * (d + 2) * t_2 + 3, (d + 2) * (d + 4) * t_2**2 - 6 * (d + 2) * t_2 + 3)]
    energy = [(at.weight_s @ f @ (weight_t * absolute)) ** 2 / (at.weight_t @ (P**2 * np.ones(len(t_2)))) / d for absolute, P in plus]
    return [1 + energy[0] + energy[1], 1 + sum(energy)]


@fig_1_kernel.as_printed
def _(at):
    return Instead(radial_moments=[0.5, *_by_quadrature(at)[1:]])


@fig_1_kernel.refutes("the quadratic harmonics of He_p forgotten")
def _(at):
    return Instead(radial_moments=_left(at, _by_moments(at, quartic=0), _harmonics(at.d)))


@fig_1_kernel.refutes("N_2 and N_4 as of all forms of these degrees")
def _(at):
    return Instead(radial_moments=_left(at, _by_moments(at), [math.comb(at.d + 1, 2), math.comb(at.d + 3, 4)]))


@fig_1_kernel.refutes("no constant: |x| has no part along f*")
def _(at):
    return Instead(radial_moments=_left(at, [0.0, *_by_moments(at)[1:]], _harmonics(at.d)))


# ---- m random features

def _drawn_features(m, d, bias, draw=0):
    """Unit rows w_j / |w_j| of w_j ~ N(0, I / d), b_j / |w_j| of b_j ~ N(0, 1): the span of the features is the same. The same ones in every run."""
    rng = stream(draw, f"DLS22/fig-1-random-features, {d}, {m}, {bias}")
    W = rng.standard_normal((m, d)) / math.sqrt(d)
    length = np.linalg.norm(W, axis=1)
    return {"u": unit(rng.standard_normal(d)), "W": W / length[:, None], "b": bias * rng.standard_normal(m) / length,
            "degrees": range(2, 800), "quarters": [0.25, 0.5, 0.75]}


@DLS22.claim(
    "fig-1-random-features",
    where="section 6, Figure 1, random features, m = 100",
    printed_from=SLIDES_CS,
    printed=r"\text{random feature model and NTK learned only the quadratic term}",
    covers=["ERR-A15"],
    needs=["DLS22/fig-1-span", "DLS22/bivariate"],
    given=family(_drawn_features, lambda m, d, draw, **_: (d == 10 or m == 2) and (m == 100 or not draw), m=[100, 10, 2], d=[10, 5], bias=[0, 1],
                 draw=[0, 1]),
    tol=ulps(lambda at: 64 + at.m),
    erratum="the best head on m = 100 features leaves between 1/2 and 3/4: they do not hold the whole quadratic term",
)
def fig_1_random_features(at):
    """The least risk of alpha + beta.x + a^T sigma(Wx + b) on m features, from any number of samples, is 1 - c.a for G a = c: not 1/2, and no plateau.

    G = E sigma sigma^T and c = E f* sigma, of the features without their linear part. At d = 10, p = 4 it lies between 1/2 and 3/4 for m = 100, with biases and
    without, and above 3/4 for m = 10 and 2, in the draws made here; larger widths, of which 1000 features with biases hold more, are not decided.
    """
    by_mehler, by_quadrature = _by_mehler(at), _least(*_moments_of_features(at))
    a = np.linalg.solve(*by_mehler)
    mehler, quarters = 1 - by_mehler[1] @ a, 2.0 if at.m == 100 else 3.0
    return Sides(mehler=[mehler, quarters], quadrature=[by_quadrature, float(np.digitize(by_quadrature, at.quarters))], scale=[_size_of_head(at, a), 4.0])


def _size_of_head(at, a):
    """(E f*^2)^(1/2) + sum_j |a_j| (E sigma_j^2)^(1/2), squared, at least."""
    return (np.abs(a) @ np.sqrt(1 + at.b**2) + 1) ** 2


def _least(G, c):
    return 1 - c @ np.linalg.solve(G, c)


def _by_mehler(at):
    """G_jk = sum_{l >= 2} c_l(b_j) c_l(b_k) rho^l / l! and c = c_2 (u.w)^2 / 2 + c_4 (u.w)^4 / sqrt(48), for c_l(b) = He_{l-2}(-b) phi(b)."""
    rho, along = at.W @ at.W.T, at.W @ at.u
    phi = np.exp(-at.b**2 / 2) / math.sqrt(2 * math.pi)
    he = before = phi / math.sqrt(2)                                             # c_l / sqrt(l!) but for the sign (-1)^l, at l = 2
    G, power = np.zeros((at.m, at.m)), rho**2
    for l in at.degrees:
        G, power = G + np.outer(he, he) * power, power * rho
        he, before = (at.b * he - (l - 2) / math.sqrt(l) * before) / math.sqrt(l + 1), he
    on = ndtr(at.b)
    np.fill_diagonal(G, (1 + at.b**2) * on + at.b * phi - _ramp(at.b) ** 2 - on**2)
    return G, phi * (along**2 / 2 + (at.b**2 - 1) * along**4 / math.sqrt(48))


def _moments_of_features(at, quartic=1):
    """The same: quadrature over the half-line of one neuron, the other one averaged across."""
    G, c, mean, on = np.empty((at.m, at.m)), np.empty(at.m), np.empty(at.m), np.empty(at.m)
    for j in range(at.m):
        z, weight = oracles.half_line_rule(-at.b[j])
        active = weight * (z + at.b[j])
        rho = at.W[:j] @ at.W[j]                                                 # (j,)
        across = np.sqrt(1 - rho**2)
        G[j, :j] = G[:j, j] = across * (_ramp((at.b[:j] + np.outer(z, rho)) / across).T @ active)
        G[j, j], mean[j], on[j] = active @ (z + at.b[j]), np.sum(active), np.sum(weight)
        along = at.u @ at.W[j]                                                   # E[He_q(u.x) | z] = (u.w_j)^q He_q(z)
        c[j] = active @ (along**2 * He(2, z) / 2 + quartic * along**4 * He(4, z) / math.sqrt(48))
    return G - np.outer(mean, mean) - np.outer(on, on) * (at.W @ at.W.T), c      # E sigma(w.x + b) x = w Pr[w.x + b >= 0]


def _ramp(b):
    """E relu(y + b)."""
    return np.exp(-b * b / 2) / math.sqrt(2 * math.pi) + b * ndtr(b)


@fig_1_random_features.as_printed
def _(at):
    return Instead(mehler=[0.5, 2.0])


@fig_1_random_features.refutes("c without the quartic term")
def _(at):
    return Instead(quadrature=[_least(*_moments_of_features(at, quartic=0)), 3.0])


@fig_1_random_features.refutes("features orthogonal to each other")
def _(at):
    G, c = _by_mehler(at)
    return Instead(mehler=[1 - c @ (c / np.diag(G)), 3.0])
