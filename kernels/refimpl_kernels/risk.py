"""Twin of the sum over pairs of neurons in refimpl.risk: Mehler's series where |rho| <= 0.6, the series about rho = +-1 in batches beyond it.

The rows of ``w`` are registers of a batch: row r of pair i is w[r * BATCH + i]. In one array of fixed offsets nothing can overlap unseen, so that
every loop over a batch vectorises; each does for a pair what it would do for that pair alone, wherever it stands.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from refimpl_kernels._jit import jit, readonly

Array = npt.NDArray[np.float64]

ROWS = 64                                              # neurons at a time beside all others
COLUMNS = 64                                           # of those, so that 72 coefficients of each stay in the cache
BATCH = 128                                            # pairs of |rho| > 0.6 at a time
STRIDE = 8                                             # terms of Mehler's series in one pass
TERMS = 36                                             # of the series about rho = +-1, four in one pass
MIDDLE, WIDE, FAR_SUM, FAR_APART = 0.6, 81.0, -13.0, 81.0    # as in refimpl.pairs

# The registers of a pair: what it enters with, what its terms are made of, their sum; with the entry in R that it belongs to.
RHO, B, C, PHI_B, PHI_C, LOW, HIGH, ROOT, PLACE, BELL, SQUARE, MIXED, BETA, SLOPE, M, A, BEFORE, TOTAL = range(18)
REGISTERS = 18

# e^r for |r| <= log(2) / 2, within 1.2e-17 of it
EXP = (1.0, 1.0, 0.5000000000000019, 0.1666666666666668, 0.04166666666648795, 0.008333333333319589, 0.0013888888952352863, 0.00019841269890076403,
       2.4801485441561313e-05, 2.755724088722987e-06, 2.763265472252779e-07, 2.5110049204818658e-08)
# 1 - Q Phi(-Q) / phi(Q) for 0 <= Q <= 9 in powers of (Q - 4) / (Q + 4), within 4.5e-17 of it
REST = (0.05339046834575734, -0.18472407624425102, 0.2766806779761852, -0.25143429593464367, 0.1580746003439845, -0.06624565572283393,
        0.013811373037088095, 0.0023172196903169036, -0.002211049778782065, 0.000122514258250604, 0.0002920254458803422, -4.167224633617734e-05,
        -4.496455395260327e-05, 6.573310924205866e-06, 8.355050575825397e-06, -4.3305863887722774e-07, -1.8726117169711182e-06,
        -6.104636930269839e-07, -4.029508887491845e-08, 9.37083574137858e-09)
LOG2_E, LN2_HIGH, LN2_LOW = 1.4426950408889634, 0.6931471805592082, 7.371002565167799e-13
SHIFT = 1.5 * 2.0**52                                  # added, it leaves an integer in the last bits
ONE = 1023                                             # the exponent of 1


def _near_sums(a: Array, W: Array, laws: Array, coefficients: Array) -> Array:
    """Twin of refimpl.risk._near_sums."""
    total = np.zeros(len(a))
    by_neuron = np.ascontiguousarray(coefficients.T)
    for start in range(0, len(W), ROWS):
        here, rest = slice(start, start + ROWS), slice(start, None)
        R = W[here] @ W[rest].T
        fill(R, readonly(by_neuron[here]), readonly(np.ascontiguousarray(coefficients[:, rest])), readonly(np.ascontiguousarray(laws[:, here])),
             readonly(np.ascontiguousarray(laws[:, rest])))
        products = a[:, here] @ R * a[:, rest]
        total += 2 * products.sum(axis=1) - products[:, :ROWS].sum(axis=1)
    return total


@jit
def fill(R: Array, x: Array, y: Array, laws_b: Array, laws_c: Array) -> None:
    """R enters as rho and leaves as E[relu relu], 0 for far pairs; x (n, K) and y (K, m) are the coefficients."""
    K, waiting = x.shape[1], 0
    w, block, lanes, out = np.zeros(REGISTERS * BATCH), np.zeros(K * COLUMNS), np.zeros(2 * COLUMNS), R.reshape(-1)
    for left in range(0, R.shape[1], COLUMNS):
        width = min(COLUMNS, R.shape[1] - left)
        for k in range(K):
            for i in range(width):
                block[k * COLUMNS + i] = y[k, left + i]
        for j in range(R.shape[0]):
            rho, total = lanes[:COLUMNS], lanes[COLUMNS:]
            rho[:] = 0
            rho[:width] = R[j, left:left + width]
            total[:] = 0
            for k in range(K - STRIDE, -1, -STRIDE):
                mehler(total, rho, block[k * COLUMNS:(k + STRIDE) * COLUMNS], x[j, k:k + STRIDE])
            R[j, left:left + width] = total[:width]
            b = laws_b[0, j]
            for i in range(width):
                c = laws_c[0, left + i]
                if b + c < FAR_SUM and (b - c) * (b - c) < FAR_APART:
                    R[j, left + i] = 0
                elif abs(rho[i]) > MIDDLE:
                    enter(w, waiting, rho[i], laws_b[:, j], laws_c[:, left + i], j * R.shape[1] + left + i)
                    waiting += 1
                    if waiting == BATCH:
                        leave(w, waiting, out)
                        waiting = 0
    leave(w, waiting, out)


@jit
def mehler(total: Array, rho: Array, y: Array, x: Array) -> None:
    """Eight terms more: total becomes x_0 y_0 + rho (x_1 y_1 + ... + rho (x_7 y_7 + rho total))."""
    x0, x1, x2, x3, x4, x5, x6, x7 = x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]
    for i in range(COLUMNS):
        r = rho[i]
        s = total[i] * r + x7 * y[7 * COLUMNS + i]
        s = s * r + x6 * y[6 * COLUMNS + i]
        s = s * r + x5 * y[5 * COLUMNS + i]
        s = s * r + x4 * y[4 * COLUMNS + i]
        s = s * r + x3 * y[3 * COLUMNS + i]
        s = s * r + x2 * y[2 * COLUMNS + i]
        s = s * r + x1 * y[COLUMNS + i]
        total[i] = s * r + x0 * y[i]


# ---- the series about rho = +-1

@jit
def enter(w: Array, i: int, rho: float, b: Array, c: Array, place: int) -> None:
    """Pair i of the batch; b and c are the five laws of its neurons."""
    w[RHO * BATCH + i], w[B * BATCH + i], w[C * BATCH + i], w[PHI_B * BATCH + i], w[PHI_C * BATCH + i] = rho, b[0], c[0], b[1], c[1]
    w[LOW * BATCH + i], w[HIGH * BATCH + i], w[ROOT * BATCH + i], w[PLACE * BATCH + i] = min(b[2], c[2]), min(b[3], c[3]), b[4] * c[4], place


@jit
def leave(w: Array, waiting: int, out: Array) -> None:
    """The batch is evaluated, and written to its places."""
    prepare(w)
    for l in range(0, TERMS, 4):
        four_terms(w, l)
    finish(w)
    for i in range(waiting):
        out[int(w[PLACE * BATCH + i])] = w[TOTAL * BATCH + i]


@jit
def prepare(w: Array) -> None:
    """e^{-Q^2/2}, Q^2, alpha beta, beta, alpha + 2 beta, M_0, a_0, a_{-1} and a sum of 0."""
    for i in range(BATCH):
        rho, b = abs(w[RHO * BATCH + i]), w[B * BATCH + i]
        beta = max(1 - rho, 0.0) / (1 + rho)
        c = math.copysign(1.0, w[RHO * BATCH + i]) * w[C * BATCH + i]
        p, q = (b + c) / 2, (b - c) / 2
        alpha = p * p * beta / 2
        Q = abs(q) / math.sqrt(beta) if q * q < WIDE * beta else 0.0
        bell = exp(-Q * Q / 2) if q * q < WIDE * beta else 0.0
        w[BELL * BATCH + i], w[SQUARE * BATCH + i], w[MIXED * BATCH + i], w[BETA * BATCH + i] = bell, Q * Q, alpha * beta, beta
        w[SLOPE * BATCH + i], w[M * BATCH + i] = alpha + 2 * beta, bell * rest((Q - 4) / (Q + 4))
        w[A * BATCH + i], w[BEFORE * BATCH + i], w[TOTAL * BATCH + i] = 1.0, 0.0, 0.0


@jit
def exp(t: float) -> float:
    """e^t for -708 < t <= 0, within 1.1 units in the last place: 2^n e^r."""
    shifted = t * LOG2_E + SHIFT
    n = shifted - SHIFT
    r = t - n * LN2_HIGH - n * LN2_LOW
    e = EXP[11]
    for k in range(10, -1, -1):
        e = e * r + EXP[k]
    return e * np.int64((np.float64(shifted).view(np.int64) + ONE) << 52).view(np.float64)


@jit
def rest(s: float) -> float:
    """1 - Q Phi(-Q) / phi(Q), s = (Q - 4) / (Q + 4)."""
    total = REST[19]
    for k in range(18, -1, -1):
        total = total * s + REST[k]
    return total


@jit
def four_terms(w: Array, l: int) -> None:
    """a_l (M_l - M_{l+1}) and the next three are added to the sum."""
    for i in range(BATCH):
        bell, square, mixed, beta = w[BELL * BATCH + i], w[SQUARE * BATCH + i], w[MIXED * BATCH + i], w[BETA * BATCH + i]
        slope, m, a, before, total = w[SLOPE * BATCH + i], w[M * BATCH + i], w[A * BATCH + i], w[BEFORE * BATCH + i], w[TOTAL * BATCH + i]
        m, a, before, slope, total = term(l, bell, square, mixed, beta, m, a, before, slope, total)
        m, a, before, slope, total = term(l + 1, bell, square, mixed, beta, m, a, before, slope, total)
        m, a, before, slope, total = term(l + 2, bell, square, mixed, beta, m, a, before, slope, total)
        m, a, before, slope, total = term(l + 3, bell, square, mixed, beta, m, a, before, slope, total)
        w[SLOPE * BATCH + i], w[M * BATCH + i], w[A * BATCH + i], w[BEFORE * BATCH + i], w[TOTAL * BATCH + i] = slope, m, a, before, total


@jit
def term(l: int, bell: float, square: float, mixed: float, beta: float, m: float, a: float, before: float, slope: float,
         total: float) -> tuple[float, float, float, float, float]:
    """M_{l+1}, a_{l+1}, a_l, alpha + (l + 3) beta and the sum up to l."""
    m_next = (bell - square * m) * (1 / (2 * l + 3))
    return m_next, (slope * a + mixed * before) * (-1 / (l + 1)), a, slope + beta, total + a * (m - m_next)


@jit
def finish(w: Array) -> None:
    """E[relu relu]: at rho = +-1, what is linear from there on, and the sum times its factors."""
    for i in range(BATCH):
        rho, b, c, low = w[RHO * BATCH + i], w[B * BATCH + i], w[C * BATCH + i], w[LOW * BATCH + i]
        phi_b, phi_c, beta = w[PHI_B * BATCH + i], w[PHI_C * BATCH + i], w[BETA * BATCH + i]
        both = low if rho > 0 else max(low - w[HIGH * BATCH + i], 0.0)
        acute, obtuse = (c * phi_b if b < c else b * phi_c), (c * phi_b + b * phi_c if b + c > 0 else 0.0)
        sliver = (2 / math.pi) * math.sqrt(beta) * beta / (1 + beta) * w[TOTAL * BATCH + i]
        w[TOTAL * BATCH + i] = (b * c + rho) * both + (acute if rho > 0 else obtuse) + w[ROOT * BATCH + i] * sliver
