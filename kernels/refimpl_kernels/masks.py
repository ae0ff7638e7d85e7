"""Twin of refimpl.masks: two algorithms that need fewer operations than the two matrix products of the definition.

d <= MOST: w.x + b of eight neurons, and their sums, in registers; the masked addition of r x takes the second product's place.
d > MOST: the signs in float32, with those that its rounding leaves open decided in float64; then the sums of any of four samples from a table of
sixteen ("Four Russians"), so that the second product costs a quarter of its additions, and no multiplication.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from refimpl_kernels._jit import NUMBA, intrinsic, jit, made_for, readonly
from refimpl_kernels._vectors import INDEX, LANES, VECTOR, call, load, spread, store

Array = npt.NDArray[np.float64]
Single = npt.NDArray[np.float32]
Words = npt.NDArray[np.uint32]
One: Any = np.float32
Word: Any = np.uint32

MOST = 12 if made_for("avx512f") else 5   # d up to which 8 neurons and their d + 1 sums in registers, 32 long ones or 16, are quicker than tables
ROWS = 128               # samples in a block of registers: at d = 12 x, r x and r are 26 kB and stay in the first-level cache
BLOCK, NEURONS = 512, 1024   # samples and neurons in a block of tables: their signs are 2 MB in float32, 64 kB in bits
BITS, NIBBLES = 32, 8    # samples in a word of signs, and tables that it looks up
PANEL = 2                # vectors in a row of a table: eight tables are 16 kB and stay in the first-level cache


@np.errstate(over="ignore", invalid="ignore")
def masked_sums(X: Array, r: Array, W: Array, b: Array) -> tuple[Array, Array] | None:
    """Twin of refimpl.masks.masked_sums: w.x + b is summed in another order, r x rounds before it is added."""
    d, size_X, size_W, size_b = W.shape[1], largest(X), largest(W), largest(b)
    if not d * size_W * size_X + size_b < np.inf:                          # some w.x + b may overflow: the definition says which
        return None
    X, r, W, b = (readonly(np.ascontiguousarray(part)) for part in (X, r, W, b))
    out = in_registers(X, r, W, b) if d <= MOST else by_tables(X, r, W, b, down(max(size_X, 1.0)), down(max(size_W, size_b)))
    return out[:, :d].copy(), out[:, d].copy()


def largest(array: Array) -> float:
    """max |array|."""
    return max(float(array.max()), -float(array.min()))


# ---- in registers

def in_registers(X: Array, r: Array, W: Array, b: Array) -> Array:
    """(S, s), (m, d + 1)."""
    (m, d), groups = W.shape, (len(b) + LANES - 1) // LANES
    theta = np.zeros((groups * LANES, d + 1))
    theta[:m, :d], theta[:m, d] = W, b
    weights = np.ascontiguousarray(theta.reshape(groups, LANES, d + 1).transpose(0, 2, 1))     # (groups, d + 1, LANES)
    sums = np.zeros(weights.shape)
    stream(X, r, weights, sums, (0,) * d)
    return np.asarray(sums.transpose(0, 2, 1).reshape(-1, d + 1)[:m])


@jit
def stream(X: Array, r: Array, weights: Array, sums: Array, d_zeros: tuple[int, ...]) -> None:
    """Each block of samples through all groups of neurons; a sum goes over the samples in their order, wherever blocks end."""
    n, d = X.shape
    rows = np.empty((ROWS, 2 * d + 1))
    for start in range(0, n, ROWS):
        size = min(ROWS, n - start)
        for i in range(size):
            for k in range(d):
                rows[i, k] = X[start + i, k]
                rows[i, d + k] = r[start + i] * X[start + i, k]
            rows[i, 2 * d] = r[start + i]
        for g in range(len(weights)):
            masked_adds(rows[:size], weights[g], sums[g], d_zeros)


@intrinsic
def masked_adds(_: Any, rows: Any, weights: Any, sums: Any, d_zeros: Any) -> Any:
    """``sums`` += (r x, r) 1{w.x + b >= 0} over ``rows`` (x, r x, r), for eight neurons in the lanes of a vector.

    ``weights`` (w, b) and ``sums`` stay in registers: d is known to the compiler, as the length of the tuple ``d_zeros``.
    """
    d = d_zeros.count

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows, weights, sums = arrays(context, builder, signature, arguments)
        theta = [load(builder, weights.data, INDEX(LANES * k)) for k in range(d + 1)]
        S = [NUMBA.core.cgutils.alloca_once_value(builder, load(builder, sums.data, INDEX(LANES * k))) for k in range(d + 1)]
        with NUMBA.core.cgutils.for_range(builder, builder.extract_value(rows.shape, 0)) as loop:
            first = builder.gep(rows.data, [builder.mul(loop.index, INDEX(2 * d + 1))])
            row = [spread(builder, builder.load(builder.gep(first, [INDEX(k)]))) for k in range(2 * d + 1)]
            z = theta[d]
            for k in range(d):
                z = call(builder, "fmuladd", theta[k], row[k], z)
            on = builder.fcmp_ordered(">=", z, VECTOR([0.0] * LANES))
            for k in range(d + 1):
                before = builder.load(S[k])
                builder.store(builder.select(on, builder.fadd(before, row[d + k]), before), S[k])
        for k in range(d + 1):
            store(builder, builder.load(S[k]), sums.data, INDEX(LANES * k))
        return context.get_dummy_value()

    return NUMBA.types.void(rows, weights, sums, d_zeros), generate


# ---- by tables

def by_tables(X: Array, r: Array, W: Array, b: Array, scale_x: float, scale_w: float) -> Array:
    """(S, s), (m, d + 1). A sum adds its terms by fours, in an order that no block's end moves.

    Rounding of the signs, u = 2^-24 and g = (d + 3) u / (1 - (d + 3) u): w' = scale_w (w, b) and x' = scale_x (x, 1) have no entry above 1 in
    modulus; z, their product in float32, has met at most d + 3 roundings a term (two inputs, a product, d sums), so that |z - w'.x'| <= g |w'||x'|
    by Cauchy and Schwarz, where | | may be taken of the rounded w' and x'. What underflows, were it set to 0, adds 3 (d + 1) 2^-126 < 2^-100. The
    norms are rounded in float64, the bound four times in float32, for which g (1 + g) stands. So |z| > g (1 + g) |w'||x'| + 2^-100 has the sign
    of w.x + b, wherever a product in float32 is one of float32; for all others w.x + b is computed in float64: where it is 0 exactly, too.
    """
    (n, d), m, width = X.shape, len(b), min(len(b), NEURONS)
    weights, g = in_float32(W, b, scale_w), (d + 3) * 2.0**-24 / max(1 - (d + 3) * 2.0**-24, 1e-12)
    size_w, z, words = norms(weights).astype(np.float32), np.empty(min(n, BLOCK) * width, np.float32), np.empty((BLOCK // BITS, width), np.uint32)
    sums, tables = np.zeros((panels(d), m, PANEL * LANES)), np.empty((NIBBLES, 16, PANEL * LANES))
    for i in range(0, n, BLOCK):
        rows, terms = X[i:i + BLOCK], in_panels(X[i:i + BLOCK], r[i:i + BLOCK])
        x = in_float32(rows, 1.0, scale_x)
        open_below = (g * (1 + g) * norms(x)).astype(np.float32)
        for j in range(0, m, NEURONS):
            some = slice(j, min(j + NEURONS, m))
            out = z[:len(x) * (some.stop - j)].reshape(len(x), -1)
            signs(np.matmul(x, weights[some].T, out=out), open_below, size_w[some], rows, W[some], b[some], words)
            look_up(words, terms, sums, j, tables, (0,) * PANEL)
    return np.asarray(sums.transpose(1, 0, 2).reshape(m, -1)[:, :d + 1])


def down(size: float) -> float:
    """A power of 2 that brings ``size`` to [1/2, 1), or, where that is no float, as far up as one does."""
    return float(np.ldexp(1.0, -max(int(np.frexp(size)[1]), -1000)))


def in_float32(rows: Array, last: Any, scale: float) -> Single:
    """scale (x, last) in rows, rounded."""
    out = np.empty((len(rows), rows.shape[1] + 1), np.float32)
    out[:, :-1], out[:, -1] = scale * rows, scale * last
    return out


def norms(rows: Single) -> Array:
    """|x| of each row, in float64."""
    return np.asarray(np.sqrt(np.einsum("ik,ik->i", rows, rows, dtype=float)))


def panels(d: int) -> int:
    """How many panels the d + 1 columns of (r x, r) fill."""
    return (d + PANEL * LANES) // (PANEL * LANES)


def in_panels(X: Array, r: Array) -> Array:
    """(r x, r) in panels of columns, with zeros up to a whole word of samples."""
    (n, d), words = X.shape, (len(r) + BITS - 1) // BITS
    terms = np.zeros((words * BITS, panels(d) * PANEL * LANES))
    terms[:n, :d], terms[:n, d] = r[:, None] * X, r
    return np.ascontiguousarray(terms.reshape(words * BITS, panels(d), -1).transpose(1, 0, 2))


@jit
def signs(z: Single, open_below: Single, size_w: Single, X: Array, W: Array, b: Array, words: Words) -> None:
    """Bit i of ``words[., j]`` is 1{w_j.x_i + b_j >= 0}, for 32 samples in a word."""
    for i in range(z.shape[0]):
        bit, word = Word(Word(1) << Word(i % BITS)), words[i // BITS]
        if i % BITS == 0:
            word[:] = 0
        if row_of_signs(z[i], bit, open_below[i], size_w, word):
            for j in range(size_w.size):
                if abs(z[i, j]) <= open_below[i] * size_w[j] + One(2.0**-100):
                    word[j] = Word(word[j] | bit if at_least_0(X[i], W[j], b[j]) else word[j] & ~bit)


@jit
def row_of_signs(z: Single, bit: Any, open_below: Any, size_w: Single, word: Words) -> Any:
    """The signs as float32 has them, and whether any is open; numba would go on with 64 bits without ``Word``."""
    any_open = Word(0)
    for j in range(size_w.size):
        word[j] = Word(word[j] | (bit if z[j] >= One(0) else Word(0)))
        any_open = Word(any_open | (Word(1) if abs(z[j]) <= open_below * size_w[j] + One(2.0**-100) else Word(0)))
    return any_open


@jit
def at_least_0(x: Array, w: Array, b: float) -> bool:
    """w.x + b >= 0 in float64, by four sums."""
    z_0, z_1, z_2, z_3, full = b, 0.0, 0.0, 0.0, x.size // 4 * 4
    for k in range(0, full, 4):
        z_0 += w[k] * x[k]
        z_1 += w[k + 1] * x[k + 1]
        z_2 += w[k + 2] * x[k + 2]
        z_3 += w[k + 3] * x[k + 3]
    for k in range(full, x.size):
        z_0 += w[k] * x[k]
    return (z_0 + z_1) + (z_2 + z_3) >= 0


@jit
def look_up(words: Words, terms: Array, sums: Array, first: int, tables: Array, vectors: tuple[int, ...]) -> None:
    """``sums`` of neurons ``first``, ... += the terms (r x, r) of the samples whose bits are set, a panel of columns at a time."""
    last = min(first + words.shape[1], sums.shape[1])
    for p in range(len(sums)):
        for g in range(terms.shape[1] // BITS):
            subset_sums(terms[p, BITS * g:BITS * (g + 1)], tables)
            add_rows(words[g], tables, sums[p, first:last], vectors)


@jit
def subset_sums(terms: Array, tables: Array) -> None:
    """Row q of table g is the sum of those of four samples whose bits are set in q."""
    for g in range(NIBBLES):
        tables[g, 0] = 0
        for c in range(4):
            for q in range(1 << c):
                for k in range(PANEL * LANES):
                    tables[g, q + (1 << c), k] = tables[g, q, k] + terms[4 * g + c, k]


@intrinsic
def add_rows(_: Any, words: Any, tables: Any, sums: Any, vectors: Any) -> Any:
    """``sums[j]`` += the row of each table that a nibble of ``words[j]`` names; a row has as many vectors as the tuple is long."""
    width, length = LANES * vectors.count, vectors.count

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        words, tables, sums = arrays(context, builder, signature, arguments)
        with NUMBA.core.cgutils.for_range(builder, builder.extract_value(sums.shape, 0)) as loop:
            word = builder.zext(builder.load(builder.gep(words.data, [loop.index])), INDEX)
            row = builder.gep(sums.data, [builder.mul(loop.index, INDEX(width))])
            S = [load(builder, row, INDEX(LANES * k)) for k in range(length)]
            for g in range(NIBBLES):
                nibble = builder.and_(builder.lshr(word, INDEX(4 * g)), INDEX(15))
                entry = builder.gep(tables.data, [builder.add(INDEX(16 * width * g), builder.mul(nibble, INDEX(width)))])
                S = [builder.fadd(S[k], load(builder, entry, INDEX(LANES * k))) for k in range(length)]
            for k in range(length):
                store(builder, S[k], row, INDEX(LANES * k))
        return context.get_dummy_value()

    return NUMBA.types.void(words, tables, sums, vectors), generate


def arrays(context: Any, builder: Any, signature: Any, arguments: Any) -> list[Any]:
    """The three arrays that an intrinsic takes before its tuple."""
    return [context.make_array(kind)(context, builder, value) for kind, value in list(zip(signature.args, arguments, strict=True))[:3]]
