"""Appendix A.3, the consequence n >= d^2: at which n the signal overtakes the error, in the mean over w uniform on the sphere.

n-d2-captured  n-d2-collapse                                        the share of the energy of g_n that lies in S*: exactly, and at n = c d^2
n-d2-half  n-d2-rate                                                the n at which it is 1/2: exactly, and its rate in d
n-d2-weakest                                                        n >= d^2 kappa^2 r along the weakest eigenvector of H
"""

import math

import numpy as np

from proofs_checks import Instead, Scaling, Sides, ulps
from proofs_checks.instances import family
from proofs_checks.papers.dls22 import DERIVED, DLS22
from proofs_checks.papers.dls22.features import (
    SIGMA,
    _blocks_of_H,
    _errors,
    _fourth,
    _g,
    _noisy_square,
    _quadratic,
    _sensible,
    _signal_mean,
    _sphere,
    _sphere_mean,
    _terms_of_energy,
    two_blocks,
)
from refimpl.captured_energy import Energies, captured_energy, energies, samples_to_capture


def _pooled(at):
    """Signal and error in the mean over w."""
    return Energies(*_sphere_mean(at, lambda W: np.transpose(energies(at.target, W, np.zeros(len(W)), varsigma=SIGMA))))


def _in_closed_form(at, extra=2.0, half=0.5, projected=1.0):
    """The four energies for p = 2, |H|_F^2 = 2: moments of the sphere, and half of the whole space."""
    q2, q3 = _fourth(at), _sixth(at)
    inside = (2 / at.d - projected * (q2 - q3 / 4)) / (2 * math.pi)                  # |Hw|^2 - (w.Hw)^2 + |Pi* w|^2 (w.Hw)^2 / 4
    noisy = (half * (1 + SIGMA**2) * at.d + extra, half * (1 + SIGMA**2) * at.r + extra)
    return Energies(inside, _signal_mean(at), noisy[1] - inside, noisy[0] - _signal_mean(at))


def _sixth(at):
    """E|Pi* w|^2 (w.Hw)^2 = (r + 4) E(z.Hz)^2 / (d (d+2) (d+4)) for z ~ N(0, I_d)."""
    return _fourth(at) * (at.r + 4) / (at.d + 4)


def _shares(at, e):
    """The share in S* at n = d and n = d^2, and the n at which it is 1/4."""
    return [*captured_energy(e, np.array([at.d, at.d**2], dtype=float)), samples_to_capture(e, 0.25)]


@DLS22.claim(
    "n-d2-captured",
    where="appendix A.3, the consequence n >= d^2",
    printed_from=DERIVED,
    covers=["A.n>=d^2"],
    needs=["DLS22/cor-34", "DLS22/lemma-13-square"],
    given=family(_blocks_of_H, _sensible, **two_blocks),
    tol=ulps(lambda at: 64 + 8 * at.d),
)
def n_d2_captured(at):
    """The share of the energy of g_n in S*, in the mean over w, from closed forms of its parts in d, r, tr H and varsigma; and n where it is 1/4."""
    e, closed = _pooled(at), _in_closed_form(at)
    return Sides(sphere=[*e, *_shares(at, e)], moments=[*closed, *_by_hand(at, closed)], scale=_share_terms(at, closed))


def _by_hand(at, e):
    """E|Pi* g_n|^2 / E|g_n|^2 at n = d and d^2; n from n S* + E* = (n S + E) / 4."""
    n = np.array([at.d, at.d**2])
    inside, whole = e.signal_inside + e.error_inside / n, e.signal + e.error / n
    return [*inside / whole, (e.error - 4 * e.error_inside) / (4 * e.signal_inside - e.signal)]


def _share_terms(at, e):
    """Those of the four energies; of a quotient, those of its numerator and, times the quotient, of its denominator, over the latter."""
    signal, error = _terms_of_energy(at, math.inf), _terms_of_energy(at, 1)
    n, rest = (e.error - 4 * e.error_inside) / (4 * e.signal_inside - e.signal), 4 * e.signal_inside - e.signal
    return np.array([signal, signal, error, error, _share_size(at, e, at.d), _share_size(at, e, at.d**2), (5 * error + 5 * abs(n) * signal) / rest])


def _share_size(at, e, n):
    return 2 * _terms_of_energy(at, n) / (e.signal + e.error / n)


@n_d2_captured.refutes("f and |x| taken as independent: no 2 beside d/2")
def _(at):
    e = _in_closed_form(at, extra=0.0)
    return Instead(moments=[*e, *_by_hand(at, e)])


@n_d2_captured.refutes("the half-space forgotten")
def _(at):
    e = _in_closed_form(at, half=1.0)
    return Instead(moments=[*e, *_by_hand(at, e)])


@n_d2_captured.refutes("Hw / sqrt(2 pi) for Pi* g")
def _(at):
    e = _in_closed_form(at, projected=0.0)
    return Instead(moments=[*e, *_by_hand(at, e)])


C_0 = math.pi * (1 + SIGMA**2) / 2


def _limit(at, c_0=C_0):
    """c / (c + c_0)."""
    return at.c / (at.c + c_0)


def _collapsed(at):
    """d times how far the share at n = c d^2 is from its limit."""
    share = captured_energy(_pooled(at), at.c * at.d**2)
    return at.d * (share - _limit(at))


def _first_order(at, c_0=C_0):
    """d (share - c / (c + c_0)) from the closed forms, times pi d in numerator and denominator, without a difference of nearly equal numbers."""
    d, r, q2, q3 = at.d, at.r, at.d * _fourth(at), at.d * _sixth(at)
    above = -(q2 - q3 / 4) * d / 2 + (c_0 * r + 2 * math.pi) / at.c - math.pi * _in_closed_form(at).signal_inside / at.c
    below = -3 * q2 * d / 8 + (2 * math.pi - math.pi * _signal_mean(at)) / at.c
    return (above - _limit(at, c_0) * below) / (1 + c_0 / at.c + below / d)


@DLS22.claim(
    "n-d2-collapse",
    where="appendix A.3, the consequence n >= d^2: the curves of all d are one",
    printed_from=DERIVED,
    covers=["A.n>=d^2"],
    needs=["DLS22/n-d2-captured"],
    given=family(_blocks_of_H, _sensible, c=[1.0, 0.25, 4.0], r1=[0, 1], r2=[1, 2], ratio=[1.0, -3.0], d=[10, 40, 160]),
    tol=ulps(lambda at: 64 + 8 * at.d),
)
def n_d2_collapse(at):
    """At n = c d^2 the share in S* is s + O(1/d), s = c / (c + c_0), c_0 = pi (1 + varsigma^2) / |H|_F^2; d times the difference is known exactly.

    For H = sqrt(2/r) Pi* it tends to s ((c_0 r + 2 pi (1 - s)) / c - (r+2) (1 - 3 s/4)) as d grows.
    """
    return Sides(share=_collapsed(at), first_order=_first_order(at), scale=at.d * _share_size(at, _in_closed_form(at), at.c * at.d**2))


@n_d2_collapse.refutes("c_0 = pi (1 + varsigma^2)")
def _(at):
    return Instead(first_order=_first_order(at, c_0=2 * C_0))


@n_d2_collapse.refutes("the noise of the labels without effect: c_0 = pi / 2")
def _(at):
    return Instead(first_order=_first_order(at, c_0=math.pi / 2))


@n_d2_collapse.refutes("no term in 1/d")
def _(at):
    return Instead(first_order=0.0)


def _half_captured(r, d):
    """The n at which half of the energy lies in S*, for H = sqrt(2/r) Pi*."""
    W, weight = _sphere(0, r, d)
    e = energies(_quadratic(0, r, d)[0], W, np.zeros(len(W)), varsigma=SIGMA)
    return float(samples_to_capture(Energies(*(float(weight @ each) for each in e))))


def _half(r, d, inside=2, remainder=1.0):
    """1 + pi ((1 + varsigma^2) (d - 2r) - 4) / (2/d - (r+2) (5d + 12 - 2r) / (2d (d+2) (d+4)))."""
    return 1 + math.pi * ((1 + SIGMA**2) * (d - inside * r) - 4) / _gap(r, d, remainder)


def _gap(r, d, remainder=1.0):
    """2 pi (2 E_w|Pi* g|^2 - E_w|g|^2)."""
    return 2 / d - remainder * (r + 2) * (5 * d + 12 - 2 * r) / (2 * d * (d + 2) * (d + 4))


def _half_and_exponent(at, **changed):
    """At d and 2d, and the exponent in between."""
    n, N = (_half(at.r, d, **changed) for d in (at.d, 2 * at.d))
    return [n, N, (math.log(N) - math.log(n)) / math.log(2)]


@DLS22.claim(
    "n-d2-half",
    where="appendix A.3, the consequence n >= d^2: its first sizes",
    printed_from=DERIVED,
    covers=["A.n>=d^2"],
    needs=["DLS22/n-d2-captured"],
    given=family(d=[10, 20, 40, 80], r=[1, 2]),
    tol=ulps(lambda at: 64 + 16 * at.d),
)
def n_d2_half(at):
    """Half of the energy of g_n lies in S* at n = 1 + pi ((1 + varsigma^2) (d - 2r) - 4) / (2/d - (r+2) (5d + 12 - 2r) / (2d (d+2) (d+4))).

    For H = sqrt(2/r) Pi*, in the mean over w; with it the exponent log2(n(2d) / n(d)) is known at each d. It is 2 + O(1/d), and not yet 2 at
    d = 10, 20, 40 and 80: a slope that is fitted from d = 10 on is not the exponent of the law.
    """
    n, N = _half_captured(at.r, at.d), _half_captured(at.r, 2 * at.d)
    return Sides(sphere=[n, N, math.log2(N / n)], closed_form=_half_and_exponent(at), scale=_half_size(at, [n, N]))


def _half_size(at, n):
    """Those of numerator and, times n, of denominator, over the latter; of a logarithm to the base 2, twice its relative errors, and its own."""
    terms = [_terms_of_half(at.r, d, n_d) for d, n_d in zip((at.d, 2 * at.d), n, strict=True)]
    return [*terms, 4 + 2 * sum(size / n_d for size, n_d in zip(terms, n, strict=True))]


def _terms_of_half(r, d, n):
    """4 |Pi* w|^2 and 4 d / n of _terms_of_energy, each three times."""
    W, weight = _sphere(0, r, d)
    ones, inside = np.abs(weight).sum(), np.abs(weight) @ np.sum(W[:, :r] ** 2, axis=1)
    return 24 * math.pi * (ones * d + n * inside) / _gap(r, d)


@n_d2_half.refutes("the error in S* forgotten: d for d - 2r")
def _(at):
    return Instead(closed_form=_half_and_exponent(at, inside=0))


@n_d2_half.refutes("|Hw|^2 / (2 pi) for |g|^2 and |Pi* g|^2")
def _(at):
    return Instead(closed_form=_half_and_exponent(at, remainder=0.0))


@n_d2_half.refutes("d^2 from the first sizes on")
def _(at):
    n = _half(at.r, at.d)
    return Instead(closed_form=[n, 4 * n, 2.0])


SIZES = {"d = 40 to 640": (40, 80, 160, 320, 640), "d = 160 to 2560": (160, 320, 640, 1280, 2560)}


@DLS22.claim(
    "n-d2-rate",
    where="appendix A.3, the consequence n >= d^2",
    printed_from=DERIVED,
    covers=["A.n>=d^2"],
    needs=["DLS22/n-d2-half"],
    given=family(over=list(SIZES)),
    false_alarm=1e-9,
)
def n_d2_rate(at):
    """The n at which half of the energy of g_n lies in S* is of order d^2, by exact values from d = 40 on; for smaller d see DLS22/n-d2-half."""
    return Scaling(sizes=SIZES[at.over], measure=lambda rng, d: _half_captured(1, d), exponent=2.0, seeds=2)


@n_d2_rate.refutes("d^2 log d, with the iota of a union bound")
def _(at):
    first, last = SIZES[at.over][0], SIZES[at.over][-1]
    return Instead(exponent=2 + math.log(math.log(last) / math.log(first)) / math.log(last / first))


@n_d2_rate.refutes("d^(3/2)")
def _(at):
    return Instead(exponent=1.5)


@n_d2_rate.refutes("d^(5/2)")
def _(at):
    return Instead(exponent=2.5)


@n_d2_rate.refutes("d: parameters counted")
def _(at):
    return Instead(exponent=1.0)


def _weakest(at):
    """The n at which E|g_n - g|^2 = E_w(e.g)^2 for an eigenvector e of the smallest |eigenvalue|, over pi (1 + varsigma^2) d^2 r kappa^2."""
    weak = slice(at.r1, at.r1 + at.r2)                                          # the second block, of which all directions are alike
    signal = _sphere_mean(at, lambda W: np.sum(_g(at, W)[:, weak] ** 2, axis=1)) / at.r2
    return _sphere_mean(at, lambda W: _errors(at, W)) / signal / (math.pi * (1 + SIGMA**2) * at.d**2 * at.r * at.target.kappa**2)


def _corrections(at, cross=2):
    """What the ratio differs from 1 by: the error over (1 + varsigma^2) d/2, and E_w(e.g)^2 over lambda^2 / (2 pi d)."""
    d, q = at.d, at.trace / at.weakest
    error = (_noisy_square(at) - _signal_mean(at)) / ((1 + SIGMA**2) * d / 2)
    signal = 1 - (q + cross) / (d + 2) + (q**2 + 4 / at.weakest**2 + 4 * q + 8) / (4 * (d + 2) * (d + 4))
    return error / signal


@DLS22.claim(
    "n-d2-weakest",
    where="appendix A.3, the consequence n >= d^2 kappa^2 r",
    printed_from=DERIVED,
    covers=["A.n>=d^2"],
    needs=["DLS22/cor-34", "DLS22/asm-2"],
    given=family(_blocks_of_H, _sensible, r1=[0, 1, 2], r2=[1, 2], d=[10, 40, 160], ratio=[1.0, 3.0, -3.0]),
    tol=ulps(lambda at: 64 + 8 * at.d),
)
def n_d2_weakest(at):
    """Along the weakest eigenvector of H the signal is the whole error at n = pi (1 + varsigma^2) d^2 r kappa^2 times a known 1 + O(1/d)."""
    return Sides(sphere=_weakest(at), moments=_corrections(at), scale=_weak_size(at))


def _weak_size(at):
    """The ratio is at most 4; its denominator is about lambda^2 / (2 pi d)."""
    return 4 * (_terms_of_energy(at, 1) / at.d + 2 * math.pi * at.d / at.weakest**2 * _terms_of_energy(at, math.inf))


@n_d2_weakest.refutes("n = d^2 r, without kappa")
def _(at):
    return Instead(moments=_corrections(at) * at.target.kappa**-2)


@n_d2_weakest.refutes("w_i^2 independent of w.Hw")
def _(at):
    return Instead(moments=_corrections(at, cross=0))


@n_d2_weakest.refutes("no correction in 1/d")
def _(at):
    return Instead(moments=1.0)
