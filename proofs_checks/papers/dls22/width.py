"""m neurons for the expectation of h, appendix A.2: Lemma 25, the size of a* and the error of f_theta*.

lemma-25-norm  lemma-25-fourth-moment           |a*|
lemma-25-variance  lemma-25-mirrored            f_theta*
sketch-a-star                                   what is printed of |a*|
"""

import itertools
from fractions import Fraction

from proofs_checks import AtMost, Instead, Sides
from proofs_checks.instances import family, rational
from proofs_checks.papers.dls22 import DERIVED, DLS22, INDEXED, RESTATED, SLIDES_BJ
from proofs_checks.papers.dls22.random_features import HALF, _dot, _mean


def _law(rng, N, m, kind="generic"):
    """(a, w, b) takes N values alike; h there, and sigma(w^(1).x + b) at one x."""
    h = [rational(rng) for _ in range(N)]
    return {"h": [h[0] * i for i in range(N)] if kind == "0 or c" else h, "s": [abs(rational(rng)) for _ in range(N)]}


def _variance(values):
    return _mean(x * x for x in values) - _mean(values) ** 2


def _draws(at):
    """All draws of m independent neurons, by their numbers."""
    return list(itertools.product(range(at.N), repeat=at.m))


@DLS22.claim(
    "lemma-25-norm",
    where="appendix A.2, Lemma 25, |a*|",
    printed_from=RESTATED,
    covers=["A.L25"],
    needs=["DLS22/cor-24"],
    given=family(_law, N=(1, 4), m=(1, 4)),
)
def lemma_25_norm(at):
    """a*_j = h(a_j, w_j, b_j) / m at m independent neurons: E|a*|^2 = E[h^2] / m and Var |a*|^2 = Var(h^2) / m^3, exactly.

    So |a*|^2 halves where m doubles, and strays from its mean by sqrt(Var(h^2) / m) / m: with Corollary 24, |a*|^2 <~ r^p kappa^2p iota^6p / m.
    """
    norms = [_dot(a, a) for a in _heads(at, at.m)]
    return Sides(all_draws=[_mean(norms), _variance(norms)], closed_form=_norms(at, at.m, at.m**3))


def _heads(at, scale):
    return [[at.h[i] / scale for i in draw] for draw in _draws(at)]


def _norms(at, first, second):
    squares = [h * h for h in at.h]
    return [_mean(squares) / first, _variance(squares) / second]


@lemma_25_norm.refutes("|a*|, not squared, of the size 1 / m")
def _(at):
    return Instead(closed_form=_norms(at, at.m**2, at.m**4))


@lemma_25_norm.refutes("the variance of one term for that of their sum, m^-4")
def _(at):
    return Instead(closed_form=_norms(at, at.m, at.m**4))


@lemma_25_norm.refutes("the mean of h, squared, for the mean of h^2")
def _(at):
    return Instead(closed_form=[_mean(at.h) ** 2 / at.m, _norms(at, at.m, at.m**3)[1]])


@DLS22.claim(
    "lemma-25-variance",
    where="appendix A.2, Lemma 25, f_theta*",
    printed_from=RESTATED,
    covers=["A.L25"],
    needs=["DLS22/cor-24"],
    given=family(_law, N=(1, 4), m=(1, 4)),
)
def lemma_25_variance(at):
    """E f_theta*(x) = f_h(x), and E(f_theta*(x) - f_h(x))^2 = Var(h sigma) / m exactly: the power of the width is -1, and -1/2 without the square."""
    return Sides(all_draws=_outputs(at, at.m), closed_form=_error(at, _variance, at.m))


def _outputs(at, scale):
    f = [_dot([at.h[i] / scale for i in draw], [at.s[i] for i in draw]) for draw in _draws(at)]
    f_h = _dot(at.h, at.s) / at.N
    return [_mean(f), _mean((value - f_h) ** 2 for value in f)]


def _error(at, square, width):
    products = [h * s for h, s in zip(at.h, at.s, strict=True)]
    return [_mean(products), square(products) / width]


@lemma_25_variance.refutes("a*_j = h / sqrt(m), here at m = 4, where sqrt(m) = 2")
def _(at):
    return Instead(all_draws=_outputs(at, 2 if at.m == 4 else at.m))


@lemma_25_variance.refutes("E (h sigma)^2 for its variance")
def _(at):
    return Instead(closed_form=_error(at, lambda products: _mean(x * x for x in products), at.m))


@lemma_25_variance.refutes("1 / m^2")
def _(at):
    return Instead(closed_form=_error(at, _variance, at.m**2))


def _pairs(rng, half, N):
    """h and sigma for a = +-1, each of half w's and N values of b."""
    table = [[[(rational(rng), abs(rational(rng))) for _ in range(N)] for _ in range(half)] for _ in range(2)]
    return {"table": table, "m": 2 * half}


@DLS22.claim(
    "lemma-25-mirrored",
    where="appendix A.2, Lemma 25, at the mirrored start",
    printed_from=DERIVED,
    covers=["A.L25"],
    needs=["DLS22/lemma-25-variance", "DLS22/eq-init"],
    given=family(_pairs, half=(1, 2), N=(1, 3)),
)
def lemma_25_mirrored(at):
    """Mirrored pairs share w and hold both a: over the new biases alone E f_theta*(x) = f_h(x), whose E_w is the mean over the m/2 drawn w_j.

    The error is below Var(h sigma) / m: E_b(f_theta*(x) - f_h(x))^2 = [Var(h sigma) - Var(E_b[h sigma])] / m, for what differs between neurons in
    the mean over b costs nothing.
    """
    return Sides(all_biases=_over_biases(at), closed_form=_mirrored_error(at))


def _over_biases(at):
    neurons = [[h * s / at.m for h, s in each] for row in at.table for each in row]                          # (m, N)
    f = [sum(draw) for draw in itertools.product(*neurons)]
    return [_mean(f), _variance(f)]


def _mirrored_error(at, shared=1):
    neurons = [[h * s for h, s in each] for row in at.table for each in row]
    whole, means = [x for each in neurons for x in each], [_mean(each) for each in neurons]
    return [_mean(whole), (_variance(whole) - shared * _variance(means)) / at.m]


@lemma_25_mirrored.refutes("as for independent neurons, Var(h sigma) / m")
def _(at):
    return Instead(closed_form=_mirrored_error(at, shared=0))


@lemma_25_mirrored.refutes("m / 2 neurons, for the pairs share w")
def _(at):
    mean, error = _mirrored_error(at)
    return Instead(closed_form=[mean, 2 * error])


@lemma_25_mirrored.refutes("a = +1 alone")
def _(at):
    mean = _mean(h * s for each in at.table[0] for h, s in each)
    return Instead(closed_form=[mean, _mirrored_error(at)[1]])


@DLS22.claim(
    "lemma-25-fourth-moment",
    where="appendix A.2, proof of Lemma 25, the variance of a*_j^2",
    printed=r"O(m^{-1} \cdots)(m^{-2} \cdots) = O(m^{-3} \cdots)",
    printed_from=INDEXED,
    covers=["A.L25", "ERR-A8"],
    needs=["DLS22/lemma-25-norm"],
    given=family(_law, lambda N, kind, **_: kind == "generic" or N == 2, N=(1, 4), m=(1, 3), kind=["0 or c", "generic"]),
    erratum="m^-2 m^-2 = m^-4: a*_j^2 is at most sup h^2 / m^2, and its mean is E[h^2] / m^2",
)
def lemma_25_fourth_moment(at):
    """E a*_j^4 <= sup a*_j^2 E a*_j^2 = m^-4 sup h^2 E h^2, the variance in Bernstein's inequality; an equality where h is 0 or +-c.

    The printed product m^-3 is m times this: true as a bound, wrong as the value of the product, and too large for the concentration of |a*|^2.
    """
    form = Sides if at.kind == "0 or c" else AtMost                             # equality is claimed, so it is checked
    return form(value=sum((h / at.m) ** 4 for h in at.h) / at.N, bound=_fourth(at, 2))


def _fourth(at, power):
    squares = [h * h for h in at.h]
    return max(squares) / at.m**power * _mean(squares) / at.m**2


@lemma_25_fourth_moment.as_printed
def _(at):
    return Instead(bound=_fourth(at, 1))


@lemma_25_fourth_moment.refutes("(E h^2)^2 for sup h^2 E h^2")
def _(at):
    return Instead(bound=_mean(h * h for h in at.h) ** 2 / at.m**4)


@lemma_25_fourth_moment.refutes("m^-3 split the other way: h^2 / m^2 times E h^2 / m")
def _(at):
    return Instead(bound=_fourth(at, 2) * at.m)


@DLS22.claim(
    "sketch-a-star",
    where="section 5.1, proof sketch, step 1",
    printed=r"\|a^*\| = \tilde{O}\left(\frac{r^p \kappa^{2p}}{\sqrt{m}}\right)",
    printed_from=SLIDES_BJ,
    covers=["A.L25", "A.T1", "ERR-A4"],
    needs=["DLS22/lemma-25-norm", "DLS22/thm-1-first-term"],
    given=family(p=[2, 4], r=[2, 1, 4], kappa_squared=[1, HALF, 3], m=[2, 9], d=[2, 5], n=[7]),
    erratum="|a*|^2 = O~(r^p kappa^2p / m), as in Lemma 25; the printed norm would make Theorem 1's first term r^p kappa^2p sqrt(d / n)",
)
def sketch_a_star(at):
    """Lemma 49 turns |a*|^2 m d / n into d r^p kappa^2p / n, the square of Theorem 1's first term, where |a*|^2 = r^p kappa^2p / m."""
    return Sides(lemma_49=_first_term(at, _energy(at) / at.m), theorem_1=Fraction(at.d * at.r**at.p, at.n) * at.kappa_squared**at.p)


def _energy(at):
    """r^p kappa^2p, the size of E h^2."""
    return Fraction(at.r * at.kappa_squared) ** at.p


def _first_term(at, norm_squared):
    return norm_squared * at.m * at.d / at.n


@sketch_a_star.as_printed
def _(at):
    return Instead(lemma_49=_first_term(at, _energy(at) ** 2 / at.m))


@sketch_a_star.refutes("|a*| = r^p / sqrt(m), without kappa")
def _(at):
    return Instead(lemma_49=_first_term(at, Fraction(at.r ** (2 * at.p), at.m)))


@sketch_a_star.refutes("|a*| = r^p kappa^2p / m")
def _(at):
    return Instead(lemma_49=_first_term(at, (_energy(at) / at.m) ** 2))
