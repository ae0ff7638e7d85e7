"""What section 6 says of Figure 2.

fig-2-first-step                                                    what its pretraining learns the direction from
fig-2-section  fig-2-one-sample                                     what a single sample of the second target is worth
"""

import math

import numpy as np
from flint import arb
from scipy.special import ndtr

from proofs_checks import AtMostOn, Instead, Sides, ulps
from proofs_checks.engine import oracles
from proofs_checks.instances import family, unit
from proofs_checks.papers.dls22 import DERIVED, DLS22, SLIDES_CS
from proofs_checks.papers.dls22.figure_1 import _he, _ramp
from refimpl.activations import RELU
from refimpl.data.targets import single_index
from refimpl.population import half_space_moment

# ---- what the first step sees

def _direction_and_weight(rng, p, d, s):
    return {"u": unit(rng.standard_normal(d)), "w": unit(rng.standard_normal(d))}


@DLS22.claim(
    "fig-2-first-step",
    where="section 6, Figure 2, its two targets",
    printed_from=SLIDES_CS,
    printed=r"g_{target} = \frac{H_p(x)}{\sqrt{p!}}",
    covers=["A.E2"],
    needs=["DLS22/eq-1", "DLS22/sec-6-target", "DLS22/sec-6-transfer"],
    given=family(_direction_and_weight, p=[3, 5, 7], d=(1, 4), s=[1.0, 0.0, -40.0]),
    tol=ulps(lambda at: 64 * (at.p + at.d)),
)
def fig_2_first_step(at):
    """For odd p >= 3 He_p adds nothing to the first step at b = 0, for x He_p(u.x) is even and has mean 0: E g x 1{w.x >= 0} is that of He_2 / 2, and 0 for He_p alone.

    So H = u u^T comes from the pretraining target, and a first step on the second target of Figure 2 (H = 0, Assumption 2 fails) sees nothing of u at all,
    from any number of samples. Here s He_p / p! stands for the cubic part of any size, s = 0 included.
    """
    return Sides(half_space_moment=_first_step(at), parity=_of_He_2(at), scale=float(2 + abs(at.s) * _size_of(at.p)))


def _first_step(at, b=0.0):
    return half_space_moment(single_index([0.0, 0.0, 1.0, *[0.0] * (at.p - 3), at.s], at.u), at.w[None, :], np.array([b]))[0]


def _of_He_2(at, along_w=-0.5):
    """((u.w) u - (u.w)^2 w / 2) / sqrt(2 pi)."""
    rho = at.u @ at.w
    return (rho * at.u + along_w * rho**2 * at.w) / math.sqrt(2 * math.pi)


def _size_of(p):
    """The absolute coefficients of He_p / p! times the roots of the moments E z^2l."""
    return sum(abs(c) * math.sqrt(math.prod(range(2 * l + 1, 1, -2))) for (l,), c in _he(p).items()) / math.factorial(p)


@fig_2_first_step.refutes("H w alone, without the second sum")
def _(at):
    return Instead(parity=_of_He_2(at, along_w=0.0))


@fig_2_first_step.refutes("with a bias, where the odd part is seen")
def _(at):
    return Instead(half_space_moment=_first_step(at, b=0.5))


@fig_2_first_step.refutes("He_2 for He_2 / 2")
def _(at):
    return Instead(parity=2 * _of_He_2(at))


# ---- one sample of the second target

@DLS22.claim(
    "fig-2-section",
    where="section 6, Figure 2, features of u.x alone",
    printed_from=DERIVED,
    covers=["A.E2"],
    needs=["DLS22/relu-bias"],
    given=family(s=[1.0, 0.5, 2.0], t=[1.0, 0.0, -1.0, 0.5, -3.0, 2.5]),
    tol=ulps(lambda at: 96 + round(4 * (1 + at.s**2) * at.t**2)),
)
def fig_2_section(at):
    """E he_3(z) k(z) = -(1 + s^-2)^(-3/2) Phi(sqrt(1 + s^2) t) / sqrt(12 pi) for the section k(z) = E relu(s z + b) relu(s t + b), b ~ N(0, 1).

    And E k >= s h(s t) / sqrt(2 pi) + Phi(s t) / 2, for h(x) = E relu(z + x) exceeds its tangent 1 / sqrt(2 pi) + x / 2 by the integral of |x - v| phi(v)
    from 0 to x, whatever the sign of x; E b relu(s t + b) = Phi(s t) gives the second term, and E k >= Phi(s t) where t <= 0, for there b >= 0.
    """
    b, weight = oracles.half_line_rule(-at.s * at.t)
    active = weight * (at.s * at.t + b)                                          # of relu(s t + b)
    cubic = at.s * RELU.hermite_coefficients(3, b / at.s)[3] / math.sqrt(6)      # of relu(s z + b)
    tangent = at.s / math.sqrt(2 * math.pi) + b / 2
    bend = float(RELU.hermite_coefficients(0, at.t)[0]) - 1 / math.sqrt(2 * math.pi) - at.t / 2
    return Sides(quadrature=[active @ cubic, active @ tangent, active @ b, bend], closed_form=_section(at),
                 scale=_section_size(at, active @ np.abs(cubic)))


def _section(at, power=1.5, rate=None, bend=1.0):
    s, t = at.s, at.t
    cubic = -((1 + s**-2) ** -power) * ndtr(t * (math.sqrt(1 + s**2) if rate is None else rate)) / math.sqrt(12 * math.pi)
    (v, weight), (beyond, weight_beyond) = oracles.half_line_rule(0.0), oracles.half_line_rule(abs(t))
    integral = weight @ (abs(t) - v) + weight_beyond @ (beyond - abs(t))         # of (|t| - v) phi(v) from 0 to |t|
    return [cubic, s * _ramp(s * t) / math.sqrt(2 * math.pi) + ndtr(s * t) / 2, ndtr(s * t), bend * integral]


def _section_size(at, cubic):
    """The absolute terms; those of h(s t) < 0.4 + |s t| Phi(s t) do not cancel."""
    x = at.s * at.t
    plus = math.exp(-x * x / 2) + abs(x) * ndtr(x)
    return [cubic, (at.s + 1) * plus, plus + ndtr(x), 1 + abs(at.t)]


@fig_2_section.refutes("the power 1/2, as of a density")
def _(at):
    return Instead(closed_form=_section(at, power=0.5))


@fig_2_section.refutes("Phi(s t), the share of active features")
def _(at):
    return Instead(closed_form=_section(at, rate=at.s))


@fig_2_section.refutes("below its tangent")
def _(at):
    return Instead(closed_form=_section(at, bend=-1.0))


def _ball_Phi(x):
    return (-x / arb(2).sqrt()).erfc() / 2


def _ball_ramp(x):
    """h(x) = E relu(z + x)."""
    return (-x * x / 2).exp() / (2 * arb.pi()).sqrt() + x * _ball_Phi(x)


def _explained(y, angle):
    """|E he_3 k| times cos(angle), for s = tan(angle) and y = sqrt(1 + s^2) t."""
    return angle.sin() ** 3 * angle.cos() * _ball_Phi(y) / (12 * arb.pi()).sqrt()


def _mean_at_least(y, angle):
    """The lower bound of E k times cos(angle); s t = y sin(angle)."""
    return angle.sin() * _ball_ramp(y * angle.sin()) / (2 * arb.pi()).sqrt() + angle.cos() * _ball_Phi(y * angle.sin()) / 2


@DLS22.claim(
    "fig-2-one-sample",
    where="section 6, Figure 2, the row N = d^0",
    printed_from=SLIDES_CS,
    printed=r"n \geq d^2 \dots N=O(1) \text{ target samples to reach non trivial loss}",
    covers=["A.E2", "ERR-A16"],
    needs=["DLS22/fig-2-section", "DLS22/thm-3-head"],
    given=family(N=[1], u_x=["negative", "positive"]),
    erratum="not for N = 1, the row N = d^0 of Figure 2, where 35/36 of the risk stay at every n; O(1) is Theorem 3's r^p kappa^2p, which is not small, and at d = 10 "
            "the figure shows n of order d^3 and N of order d^(3/2) (read off its reproduction, not proved)",
)
def fig_2_one_sample(at):
    """From N = 1 sample of He_3(u.x)/sqrt(6) no ridge head comes below a risk of 35/36, whatever x_1, its label and lam, even on perfect features of any scale.

    Perfect: of infinite width, relu(s u.x + b), b ~ N(0, 1), s of any law. The head is a multiple of k(., x_1), whose risk is at least 1 - (E he_3 k / E k)^2 by Bessel,
    and |E he_3 k| <= E k / 6 for every s and t = u.x_1: by subdivision for -2 <= y <= 8, y = sqrt(1 + s^2) t; below by E k >= Phi(s t) >= Phi(y) and sqrt(12 pi) > 6;
    above because E k grows and Phi(y) does not. For s < 0 take -t, and sums over s keep it. How many samples are enough at d = 10 is not decided here.
    """
    box = [(-2, 0) if at.u_x == "negative" else (0, 8), (0, 1.571)]                    # the angle up to more than pi/2
    return AtMostOn(box=box, value=_explained, bound=lambda y, angle: _mean_at_least(y, angle) / 6)


@fig_2_one_sample.as_printed
def _(at):
    return Instead(value=lambda y, angle: _mean_at_least(y, angle) / 6, bound=_explained)


@fig_2_one_sample.refutes("a quadratic, He_2, in the place of He_3")
def _(at):
    return Instead(value=lambda y, angle: angle.sin() ** 3 * _ball_ramp(y) / (4 * arb.pi()).sqrt())


@fig_2_one_sample.refutes("the scale of the features forgotten, (1 + s^-2)^(-3/2) = 1")
def _(at):
    return Instead(value=lambda y, angle: angle.cos() * _ball_Phi(y) / (12 * arb.pi()).sqrt())


@fig_2_one_sample.refutes("a share of 1/100")
def _(at):
    return Instead(bound=lambda y, angle: _mean_at_least(y, angle) / 10)
