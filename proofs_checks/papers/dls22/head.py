"""The head: gradient descent on it in closed form, its limit, ridge, and the norm constraint; how lambda is chosen without further labels.

alg-1-head                                                          line 4 of Algorithm 1
alg-1-ridge  alg-1-ridge-slides  alg-1-contraction                  its limit, and how fast it is reached
alg-1-norm  alg-1-norm-decreasing                                   ridge and the norm constraint
head-loo  head-gcv                                                  the choice of lambda
"""

import numpy as np
from flint import fmpq, fmpq_mat

from proofs_checks import Instead, Sides, ulps
from proofs_checks.engine import oracles
from proofs_checks.instances import family, rational, rational_unit
from proofs_checks.papers.dls22 import DERIVED, DLS22, RESTATED, SLIDES_BJ
from refimpl.head import (
    accumulate,
    decompose,
    gcv,
    gradient_descent_path,
    krylov_path,
    leave_one_out,
    leave_one_out_blocks,
    moments,
    norm_equivalent,
    ridge,
)
from refimpl.head_selection import secular

# ---- instances, and the same numbers in exact arithmetic

def _features(rng, n, m, columns="any", **_):
    """Dyadic features with 2 on the diagonal, so that min(n, m) of their rows and columns are far from dependent, and dyadic labels."""
    Phi = 2 * np.eye(n, m) + rng.integers(-2, 3, (n, m)) / 8
    if columns == "repeated":
        Phi[:, -1] = Phi[:, 0]
    if columns == "zero":
        Phi[:, 0] = 0
    return {"Phi": Phi, "y": rng.integers(1, 17, n) * rng.choice([-1.0, 1.0], n) / 8, "a_0": rng.integers(-8, 9, m) / 4}


def _descents(rng, n, m, lam, share, columns="any", **_):
    """The step size is this share of 1 / (lam + 2 s_max): below 1 no factor 1 - eta (lam + 2 s) is negative, from 2 on gradient descent diverges."""
    fields = _features(rng, n, m, columns)
    limit = lam + 2 * np.linalg.norm(fields["Phi"], 2) ** 2 / n
    return fields | {"eta": share / (limit or 1.0)}


def _matrix(rows):
    """A vector becomes a column."""
    rows = np.asarray(rows, dtype=object)
    rows = rows.reshape(len(rows), -1)
    return fmpq_mat(*rows.shape, [fmpq(*x.as_integer_ratio()) for x in rows.ravel()])


def _solved(at, decay):
    """(Phi^T Phi + decay I)^{-1} Phi^T y."""
    Phi = _matrix(at.Phi)
    return (Phi.transpose() * Phi + _matrix(np.eye(at.m)) * decay).solve(Phi.transpose() * _matrix(at.y))


def _lam(at):
    return fmpq(*at.lam.as_integer_ratio())


def _blocks(at):
    """One sample, then the rest."""
    return [(at.Phi[rows], at.y[rows]) for rows in (slice(0, 1), slice(1, None)) if len(at.y[rows])]


# ---- line 4 of Algorithm 1

@DLS22.claim(
    "alg-1-head",
    where="section 3, Algorithm 1, line 4",
    printed_from=SLIDES_BJ,
    printed=r"a^{(t)} \leftarrow a^{(t-1)} - \eta_t [\nabla_a \mathcal{L}(\theta^{(t-1)}) + \lambda_t a^{(t-1)}]",
    covers=["A.Alg1", "A.Alg1.c"],
    needs=["DLS22/loss-square"],
    given=family(_descents, n=(1, 4), m=(1, 4), T=[0, 1, 2, 5, 8], lam=[0.0, 0.5], share=[0.5, 1.0, 1.75], columns=["any", "repeated", "zero"]),
    tol=ulps(lambda at: (at.T + 1) * (2 * at.m + 2 * at.n + 24)),
)
def alg_1_head(at):
    """t steps of line 4 in one: (1 - eta M)^t a_0 + 2 eta sum_{k < t} (1 - eta M)^k c, M = 2 G + lambda, G = Phi^T Phi / n, c = Phi^T y / n."""
    M, t = moments(at.Phi, at.y), np.arange(at.T + 1)
    in_blocks = accumulate(_blocks(at))
    return Sides(
        plain_steps=_plain_steps(at, at.a_0, _lam(at)),
        closed_form=_with_loss(M, gradient_descent_path(M, eta=at.eta, lam=at.lam, T=t, a_0=at.a_0)),
        decomposed_once=_with_loss(in_blocks, decompose(in_blocks).path(np.array([[at.eta]]), np.array([[at.lam]]), t, at.a_0)[0]),
        lanczos=_with_loss(M, krylov_path(M.gram, M.moment, eta=at.eta, lam=at.lam, T=t, a_0=at.a_0)),
        scale=_descent_scale(at),
    )


def _plain_steps(at, a_0, lam, factor=2):
    """a and its loss (1/n) |Phi a - y|^2 after 0, ..., T steps in rational arithmetic."""
    Phi, y, a, eta = _matrix(at.Phi), _matrix(at.y), _matrix(a_0), fmpq(*at.eta.as_integer_ratio())
    rows = []
    for _ in range(at.T + 1):
        r = Phi * a - y
        rows.append([*a.entries(), (r.transpose() * r)[0, 0] / at.n])
        a = a - (Phi.transpose() * r * (eta * factor / at.n) + a * (eta * lam))
    return rows


def _with_loss(M, a):
    """The loss from the moments: y.y / n - 2 a.c + a.G a."""
    return np.column_stack([a, M.square - 2 * a @ M.moment + (a @ M.gram * a).sum(axis=1)])


def _descent_scale(at):
    """What rounding moves: 2 eta T |G| times the longest iterate, and what that adds to the loss."""
    a = np.array(_plain_steps(at, at.a_0, _lam(at)), dtype=float)[:, :-1]
    longest, Phi, y = np.max(np.linalg.norm(a, axis=1)), np.linalg.norm(at.Phi) / np.sqrt(at.n), np.linalg.norm(at.y) / np.sqrt(at.n)
    return np.broadcast_to([*[longest + at.eta * Phi * y] * at.m, 2 * (Phi * (longest + at.eta * Phi * y) + y) ** 2], (at.T + 1, at.m + 1))


@alg_1_head.refutes("gradient without its factor 2, as for a loss with 1/2")
def _(at):
    return Instead(plain_steps=_plain_steps(at, at.a_0, _lam(at), factor=1))


@alg_1_head.refutes("weight decay 2 lambda, as for lambda |a|^2")
def _(at):
    return Instead(plain_steps=_plain_steps(at, at.a_0, 2 * _lam(at)))


@alg_1_head.refutes("started at 0 whatever a_0 is")
def _(at):
    return Instead(plain_steps=_plain_steps(at, np.zeros(at.m), _lam(at)))


@alg_1_head.refutes("exp(-eta t (lambda + 2 s)): the flow for the steps")
def _(at):
    M = moments(at.Phi, at.y)
    s, V = np.linalg.eigh(M.gram)
    x, t = at.eta * (at.lam + 2 * s), np.arange(at.T + 1)[:, None]
    growth = np.where(x > 1e-12, -np.expm1(-t * x) / np.where(x > 1e-12, x, 1), t)
    return Instead(closed_form=_with_loss(M, (np.exp(-t * x) * (at.a_0 @ V) + 2 * at.eta * growth * (M.moment @ V)) @ V.T))


# ---- its limit

def _ridge(at, decay):
    """As _solved; at 0, for n <= m, the shortest a with Phi a = y."""
    if decay:
        return _solved(at, decay)
    Phi = _matrix(at.Phi)
    return Phi.transpose() * (Phi * Phi.transpose()).solve(_matrix(at.y))


@DLS22.claim(
    "alg-1-ridge",
    where="section 3, Algorithm 1, line 4, and appendix A.3",
    printed_from=RESTATED,
    covers=["A.Alg1.c"],
    needs=["DLS22/alg-1-head"],
    given=family(_descents, lambda n, m, lam, **_: lam > 0 or n <= m, n=(1, 4), m=(1, 4), lam=[0.5, 4.0, 0.0], share=[1.0], T=[5]),
    tol=ulps(lambda at: 4 * (at.m + at.n) + 32),
)
def alg_1_ridge(at):
    """Line 4 stands still at (Phi^T Phi + (n lambda / 2) I)^{-1} Phi^T y, the minimiser of L + (lambda / 2) |a|^2; as lambda -> 0, the shortest one."""
    M, in_blocks = moments(at.Phi, at.y), accumulate(_blocks(at))
    a = _ridge(at, at.n * _lam(at) / 2)
    return Sides(
        normal_equations=_with_objective(at, a),
        stands_still=_with_minimum(M, gradient_descent_path(M, eta=at.eta, lam=at.lam, T=at.T, a_0=np.array(a.entries(), dtype=float))),
        ridge=_with_minimum(in_blocks, ridge(in_blocks, at.lam, minimum_norm=True)),
        grid=_with_minimum(M, decompose(M).ridge(np.array([[at.lam]]), minimum_norm=True)[0, 0]),
        scale=_condition(at) * (np.linalg.norm(np.array(a.entries(), dtype=float)) * (1 + np.linalg.norm(M.moment)) + M.square),
    )


def _with_objective(at, a):
    """a, and (1/n) |Phi a - y|^2 + (lambda / 2) |a|^2 there."""
    r = _matrix(at.Phi) * a - _matrix(at.y)
    return [*a.entries(), ((r.transpose() * r) / at.n + a.transpose() * a * (_lam(at) / 2))[0, 0]]


def _with_minimum(M, a):
    """a, and the objective, which is y.y / n - a.c where a is the minimiser."""
    return [*a, M.square - a @ M.moment]


def _condition(at):
    """(s_max + lambda / 2) / (s + lambda / 2) for the least s that is not 0 by n < m."""
    s = np.linalg.svd(at.Phi, compute_uv=False) ** 2 / at.n
    return (s[0] + at.lam / 2) / (s[-1] + at.lam / 2)


@alg_1_ridge.refutes("ridge lambda, as for |Phi a - y|^2 + lambda |a|^2")
def _(at):
    return Instead(normal_equations=_with_objective(at, _ridge(at, _lam(at))))


@alg_1_ridge.refutes("ridge n lambda, as for a penalty lambda |a|^2")
def _(at):
    return Instead(normal_equations=_with_objective(at, _ridge(at, at.n * _lam(at))))


@alg_1_ridge.refutes("ridge lambda / 2, as for a sum over samples")
def _(at):
    return Instead(normal_equations=_with_objective(at, _ridge(at, _lam(at) / 2)))


@DLS22.claim(
    "alg-1-ridge-slides",
    where="section 5.1, 'the remainder of Algorithm 1 runs ridge regression', beside the slides' formula of ridge regression",
    printed_from=SLIDES_BJ,
    printed=r"\vec{w}_{\text{ridge}} = (X^T X + \lambda I)^{-1} X^T \vec{y}",
    covers=["ERR-S7"],
    needs=["DLS22/alg-1-ridge"],
    given=family(_features, n=(1, 4), m=(1, 4), lam=[0.5, 4.0]),
    erratum="right for |Xw - y|^2 + lambda |w|^2, which the slides state; with Algorithm 1's lambda the ridge is n lambda / 2",
)
def alg_1_ridge_slides(at):
    """Gradient balances decay: 2 X^T (y - Xw) = 2 lambda w with the slides' ridge lambda, (2/n) Phi^T (y - Phi a) = lambda a with n lambda / 2."""
    w, a = _solved(at, _lam(at)), _solved(at, at.n * _lam(at) / 2)
    return Sides(gradient=_gradients(at, w, a), decay=[*(w * (2 * _lam(at))).entries(), *(a * _lam(at)).entries()])


def _gradients(at, w, a):
    Phi, y = _matrix(at.Phi), _matrix(at.y)
    return [*(Phi.transpose() * (y - Phi * w) * fmpq(2)).entries(), *(Phi.transpose() * (y - Phi * a) * fmpq(2, at.n)).entries()]


@alg_1_ridge_slides.as_printed
def _(at):
    w = _solved(at, _lam(at))
    return Instead(gradient=_gradients(at, w, w), decay=[*(w * (2 * _lam(at))).entries(), *(w * _lam(at)).entries()])


@alg_1_ridge_slides.refutes("n lambda / 2 for the slides' objective too")
def _(at):
    a = _solved(at, at.n * _lam(at) / 2)
    return Instead(gradient=_gradients(at, a, a), decay=[*(a * (2 * _lam(at))).entries(), *(a * _lam(at)).entries()])


@alg_1_ridge_slides.refutes("n lambda: the 1/2 of (lambda / 2) |a|^2 lost")
def _(at):
    w, a = _solved(at, _lam(at)), _solved(at, at.n * _lam(at))
    return Instead(gradient=_gradients(at, w, a), decay=[*(w * (2 * _lam(at))).entries(), *(a * _lam(at)).entries()])


@alg_1_ridge_slides.refutes("lambda / 2: the 1/n of the loss lost")
def _(at):
    w, a = _solved(at, _lam(at)), _solved(at, _lam(at) / 2)
    return Instead(gradient=_gradients(at, w, a), decay=[*(w * (2 * _lam(at))).entries(), *(a * _lam(at)).entries()])


def _eigen(rng, m, singular, share):
    """Features d_k v_k^T with orthonormal rational v_k, so that Phi^T Phi / m has the eigenvalues s_k = d_k^2 / m, ascending, the first of them 0 if singular."""
    V = oracles.reflection(rational_unit(rng, m))
    d = [0 if singular else 1, *range(2, m + 1)]
    s = [fmpq(x * x, m) for x in d]
    lam = fmpq(int(rng.integers(1, 9)), 4)
    return {"Phi": [[x * e for e in v] for x, v in zip(d, V, strict=True)], "V": V, "s": s, "lam": lam, "eta": fmpq(*share.as_integer_ratio()) / (lam + s[-1]),
            "y": [rational(rng) for _ in range(m)]}


@DLS22.claim(
    "alg-1-contraction",
    where="section 3, Theorem 1, 'T = Theta(1 / (eta lambda))'",
    printed_from=RESTATED,
    covers=["A.Alg1.c"],
    needs=["DLS22/alg-1-ridge"],
    given=family(_eigen, m=(1, 4), singular=[True, False], share=[0.5, 1.0, 0.75, 1.25]),
)
def alg_1_contraction(at):
    """A step leaves the factor 1 - eta lambda - 2 min(eta s_min, 1 - eta (lambda + s_max)) of |a - a_ridge| at worst.

    At most 1 - eta lambda for eta <= 2 / (2 lambda + 2 s_max), with equality at that step size and where Phi^T Phi is singular; more beyond.
    """
    return Sides(
        steps=1 - at.eta * at.lam - max(abs(_factor(at, v)) for v in at.V),
        spectrum=2 * min(at.eta * at.s[0], 1 - at.eta * (at.lam + at.s[-1])),
    )


def _factor(at, v):
    """What a plain step from a_ridge + v leaves of v, along it."""
    Phi, v = _matrix(at.Phi), _matrix(v)
    fixed = (Phi.transpose() * Phi + _matrix(np.eye(at.m)) * (at.m * at.lam / 2)).solve(Phi.transpose() * _matrix(at.y))
    a = v + fixed
    a = a - (Phi.transpose() * (Phi * a - _matrix(at.y)) * fmpq(2, at.m) + a * at.lam) * at.eta
    return (v.transpose() * (a - fixed))[0, 0]


@alg_1_contraction.refutes("up to the step size 2 / (lambda + 2 s_max) at which gradient descent diverges")
def _(at):
    return Instead(spectrum=2 * min(at.eta * at.s[0], 1 - at.eta * (at.lam / 2 + at.s[-1])))


@alg_1_contraction.refutes("1 - eta lambda attained whatever s_min is")
def _(at):
    return Instead(spectrum=2 * min(0, 1 - at.eta * (at.lam + at.s[-1])))


@alg_1_contraction.refutes("rate 1 - 2 eta lambda, as for lambda |a|^2")
def _(at):
    return Instead(steps=1 - 2 * at.eta * at.lam - max(abs(_factor(at, v)) for v in at.V))


# ---- ridge and the norm constraint

def _rivals(rng, n, m, columns, share, **_):
    """A rival a* of this share of the norm of the shortest least-squares head."""
    fields = _features(rng, n, m, columns)
    longest = np.linalg.norm(np.linalg.lstsq(fields["Phi"], fields["y"], rcond=None)[0])
    direction = rng.integers(1, 9, m) * rng.choice([-1.0, 1.0], m)
    return fields | {"a_star": share * longest * direction / np.linalg.norm(direction)}


@DLS22.claim(
    "alg-1-norm",
    where="appendix A.3, the equivalence of ridge regression and norm constrained linear regression",
    printed_from=RESTATED,
    covers=["A.Alg1.d"],
    needs=["DLS22/alg-1-ridge", "DLS22/alg-1-norm-decreasing"],
    given=family(_rivals, lambda n, m, columns, **_: columns == "any" or min(n, m) > 1, n=(1, 4), m=(1, 4), columns=["any", "zero", "repeated"],
                 share=[0.5, 0.96875, 0.0625]),
    tol=ulps(lambda at: 8 * (at.m + at.n) + 64),
)
def alg_1_norm(at):
    """With |a_lambda| = |a*| the ridge head has L(a*) - L(a_lambda) = |Phi (a* - a_lambda)|^2 / n + (lambda / 2) |a* - a_lambda|^2 >= 0."""
    lam, a = _shortened(at)
    return Sides(losses=_losses(at, a, at.a_star), distance=_distance(at, lam, a, at.a_star), scale=_loss_scale(at, lam))


def _shortened(at):
    """lambda and the ridge head that has the norm of a*."""
    M = accumulate(_blocks(at))
    lam = norm_equivalent(M, float(np.linalg.norm(at.a_star)))
    return lam, ridge(M, lam)


def _losses(at, a, a_star):
    """L(a*) - L(a), and |a|^2; the second loss from the moments."""
    return [np.mean((at.Phi @ a_star - at.y) ** 2) - _with_loss(moments(at.Phi, at.y), a[None])[0, -1], a @ a]


def _distance(at, lam, a, a_star):
    """What the difference of the losses is, and |a*|^2."""
    e = a_star - a
    return [np.mean((at.Phi @ e) ** 2) + lam / 2 * (e @ e), a_star @ a_star]


def _loss_scale(at, lam):
    """All absolute terms, times the condition of the ridge."""
    s = np.linalg.svd(at.Phi, compute_uv=False) ** 2 / at.n
    s = s[s > 1e-12] + lam / 2
    longest = np.linalg.norm(at.a_star)
    return (s[0] / s[-1]) * np.array([(2 * np.sqrt(s[0]) * longest + np.linalg.norm(at.y)) ** 2, longest**2])


@alg_1_norm.refutes("the same lambda beside a rival of a larger norm")
def _(at):
    lam, a = _shortened(at)
    return Instead(losses=_losses(at, a, 1.5 * at.a_star), distance=[_distance(at, lam, a, 1.5 * at.a_star)[0], a @ a])


@alg_1_norm.refutes("least squares, shortened to the norm, for ridge")
def _(at):
    lam, a = _shortened(at)
    shortest = np.linalg.lstsq(at.Phi, at.y, rcond=None)[0]
    a = shortest * np.linalg.norm(a) / np.linalg.norm(shortest)
    return Instead(losses=_losses(at, a, at.a_star), distance=_distance(at, lam, a, at.a_star))


@alg_1_norm.refutes("lambda |a|^2 for (lambda / 2) |a|^2")
def _(at):
    lam, a = _shortened(at)
    return Instead(distance=_distance(at, 2 * lam, a, at.a_star))


@DLS22.claim(
    "alg-1-norm-decreasing",
    where="appendix A.3, the equivalence of ridge regression and norm constrained linear regression",
    printed_from=RESTATED,
    covers=["A.Alg1.d"],
    needs=["DLS22/alg-1-ridge"],
    given=family(_features, n=(1, 4), m=(1, 4), lam=[0.5, 4.0, 0.0625]),
    tol=ulps(lambda at: 8 * (at.m + at.n) + 64),
)
def alg_1_norm_decreasing(at):
    """lambda -> |a_lambda| decreases strictly: its derivative is -a^T B a / (2 |a|), B = (Phi^T Phi / n + lambda / 2)^{-1}, and a = B c is not 0."""
    return Sides(spectrum=_spectrum(at, at.lam / 2), resolvent=_norms(at), scale=_norm_scale(at))


def _spectrum(at, t):
    """|a|^2, half its derivative in lambda / 2, how much shorter a is at 2 lambda, and the objective, whose derivative |a|^2 is."""
    M = moments(at.Phi, at.y)
    s, c = decompose(M).s, decompose(M).c
    length, slope = secular(c, s, t)
    return [length**2, length * slope, length**2 - secular(c, s, 2 * t)[0] ** 2, M.square - (c**2 / (s + t)).sum()]


def _norms(at, sign=-1):
    """The same with a' = -B a, |a|^2 - |a_1|^2 = (lambda / 2) (a + a_1)^T B_1 a for a_1, B_1 at 2 lambda, and the objective term by term."""
    G, c, t = _gram(at), _matrix(at.Phi).transpose() * _matrix(at.y) / at.n, _lam(at) / 2
    B, B_1 = ((G + _matrix(np.eye(at.m)) * x).inv() for x in (t, 2 * t))
    a, a_1 = B * c, B_1 * c
    return [(a.transpose() * a)[0, 0], sign * (a.transpose() * B * a)[0, 0], t * ((a + a_1).transpose() * B_1 * a)[0, 0], _with_objective(at, a)[-1]]


def _gram(at):
    return _matrix(at.Phi).transpose() * _matrix(at.Phi) / at.n


def _norm_scale(at):
    """The condition of the ridge times |a|^2, |a|^2 / s for the derivative, and y.y / n."""
    s = np.linalg.svd(at.Phi, compute_uv=False) ** 2 / at.n + at.lam / 2
    size = float(_norms(at)[0])
    return (s[0] / s[-1]) * np.array([size, size / s[-1], size, at.y @ at.y / at.n])


@alg_1_norm_decreasing.refutes("increasing")
def _(at):
    return Instead(resolvent=_norms(at, sign=1))


@alg_1_norm_decreasing.refutes("derivative of |a|^2 for a.a'")
def _(at):
    return Instead(resolvent=_norms(at, sign=-2))


@alg_1_norm_decreasing.refutes("lambda for lambda / 2")
def _(at):
    return Instead(spectrum=_spectrum(at, at.lam))


# ---- the choice of lambda

@DLS22.claim(
    "head-loo",
    where="section 3, Theorem 1, 'there exists lambda': how one is found without further labels",
    printed_from=DERIVED,
    needs=["DLS22/alg-1-ridge"],
    given=family(_features, lambda n, m, lam: lam > 0 or n <= m, n=(1, 5), m=(1, 4), lam=[0.5, 4.0, 0.0]),
    tol=ulps(lambda at: 16 * (at.m + at.n) + 64),
)
def head_loo(at):
    """Residuals r_i / (1 - h_ii) are those of the heads refitted without sample i, at the ridge n lambda / 2 of all n samples."""
    M = accumulate(_blocks(at))
    errors = leave_one_out(at.Phi, at.y, np.array([at.lam + 1, at.lam]))
    return Sides(shortcut=[*errors, leave_one_out_blocks(decompose(M), _blocks(at), at.lam + 1), M.square], refits=_refits(at, at.n), scale=_loo_scale(at))


def _refits(at, n):
    """The mean square of y_i - Phi_i a, a fitted to the others with the ridge n lambda / 2; for lambda + 1, lambda, lambda + 1, and without a head."""
    first, second = ([_left_out(at, i, n * lam / 2) ** 2 for i in range(at.n)] for lam in (_lam(at) + 1, _lam(at)))
    return [sum(first) / at.n, sum(second) / at.n, sum(first) / at.n, (_matrix(at.y).transpose() * _matrix(at.y))[0, 0] / at.n]


def _left_out(at, i, decay):
    """y_i - Phi_i a for a = Phi^T (Phi Phi^T + decay I)^{-1} y over the others; y_i where there are none."""
    others = [k for k in range(at.n) if k != i]
    if not others:
        return _matrix(at.y)[i, 0]
    Phi, y = _matrix(at.Phi[others]), _matrix(at.y[others])
    dual = (Phi * Phi.transpose() + _matrix(np.eye(len(others))) * decay).solve(y)
    return _matrix(at.y)[i, 0] - (_matrix(at.Phi[i]).transpose() * Phi.transpose() * dual)[0, 0]


def _loo_scale(at):
    """|y|^2 / n times the square of the condition: one for r_i, one for 1 - h_ii."""
    return at.y @ at.y / at.n * _condition(at) ** 2


@head_loo.refutes("ridge (n - 1) lambda / 2 in the refits")
def _(at):
    return Instead(refits=_refits(at, at.n - 1))


@head_loo.refutes("residuals of the fit itself")
def _(at):
    return Instead(shortcut=_residuals(at, lambda r, h: r))


@head_loo.refutes("1 + h_ii for 1 - h_ii")
def _(at):
    return Instead(shortcut=_residuals(at, lambda r, h: r / (1 + h)))


@head_loo.refutes("square root of 1 - h_ii, as for studentised residuals")
def _(at):
    return Instead(shortcut=_residuals(at, lambda r, h: r / np.sqrt(1 - h) if h < 1 else 0))


def _residuals(at, f):
    """The mean of f(r_i, h_ii)^2 in place of the shortcut."""
    values = []
    for lam in (at.lam + 1, at.lam, at.lam + 1):
        h = at.Phi @ np.linalg.pinv(at.Phi.T @ at.Phi + at.n * lam / 2 * np.eye(at.m)) @ at.Phi.T
        values.append(np.mean([f(r, x) ** 2 for r, x in zip(at.y - h @ at.y, np.diag(h), strict=True)]))
    return [*values, at.y @ at.y / at.n]


@DLS22.claim(
    "head-gcv",
    where="section 3, Theorem 1, 'there exists lambda': how one is found without further labels",
    printed_from=DERIVED,
    needs=["DLS22/head-loo"],
    given=family(_features, lambda n, m, lam: lam > 0 or n > m, n=(1, 5), m=(1, 4), lam=[0.5, 4.0, 0.0]),
    tol=ulps(lambda at: 16 * (at.m + at.n) + 64),
)
def head_gcv(at):
    """From the moments alone: |r|^2 / n over (1 - tr h / n)^2, h = Phi (Phi^T Phi + (n lambda / 2) I)^{-1} Phi^T, r = (I - h) y."""
    return Sides(moments=gcv(moments(at.Phi, at.y), np.array([at.lam, at.lam + 1])), hat_matrix=_gcv(at, at.n), scale=_gcv_scale(at))


def _gcv(at, weight, power=2):
    """The same from the hat matrix, at lambda and lambda + 1."""
    Phi, y, values = _matrix(at.Phi), _matrix(at.y), []
    for lam in (_lam(at), _lam(at) + 1):
        h = Phi * (Phi.transpose() * Phi + _matrix(np.eye(at.m)) * (weight * lam / 2)).inv() * Phi.transpose()
        r = y - h * y
        values.append((r.transpose() * r)[0, 0] / at.n / (1 - sum(h[i, i] for i in range(at.n)) / at.n) ** power)
    return values


def _gcv_scale(at):
    """y.y / n, of which the residual may be a small part, over (1 - tr h / n)^2, times the condition of the ridge."""
    s = np.linalg.svd(at.Phi, compute_uv=False) ** 2 / at.n
    return at.y @ at.y / at.n / (1 - np.sum(s / (s + at.lam / 2)) / at.n) ** 2 * _condition(at)


@head_gcv.refutes("ridge lambda, not n lambda / 2")
def _(at):
    return Instead(hat_matrix=_gcv(at, 2))


@head_gcv.refutes("1 - tr h / n not squared")
def _(at):
    return Instead(hat_matrix=_gcv(at, at.n, power=1))


@head_gcv.refutes("the training error alone")
def _(at):
    return Instead(hat_matrix=_gcv(at, at.n, power=0))
