"""Vectors of float64 in LLVM's instructions, for kernels that keep theirs in registers."""

from __future__ import annotations

from typing import Any

from refimpl_kernels._jit import NUMBA, ir

LANES = 8      # numbers in a vector; a CPU of shorter ones takes two or four of them
INDEX = ir.IntType(64)
VECTOR = ir.VectorType(ir.DoubleType(), LANES)
FROM_LANE_0 = ir.VectorType(ir.IntType(32), LANES)([0] * LANES)


def place_of(builder: Any, start: Any, place: Any) -> Any:
    """Where the vector that begins ``place`` numbers behind ``start`` is."""
    return builder.bitcast(builder.gep(start, [place]), VECTOR.as_pointer())


def load(builder: Any, start: Any, place: Any) -> Any:
    """That vector."""
    return builder.load(place_of(builder, start, place), align=8)


def store(builder: Any, vector: Any, start: Any, place: Any) -> None:
    """A vector to that place."""
    builder.store(vector, place_of(builder, start, place), align=8)


def stream(builder: Any, vector: Any, start: Any, place: Any) -> None:
    """A vector past the caches to that place, which is the beginning of one of their lines: nothing is read first."""
    builder.store(vector, place_of(builder, start, place), align=64).set_metadata("nontemporal", builder.module.add_metadata([ir.IntType(32)(1)]))


def spread(builder: Any, number: Any) -> Any:
    """A vector of equal numbers."""
    undefined = VECTOR(ir.Undefined)
    return builder.shuffle_vector(builder.insert_element(undefined, number, ir.IntType(32)(0)), undefined, FROM_LANE_0)


def spread_from(builder: Any, start: Any, place: int) -> Any:
    """A vector of the number that is ``place`` numbers behind ``start``."""
    return spread(builder, builder.load(builder.gep(start, [INDEX(place)])))


def call(builder: Any, name: str, *vectors: Any) -> Any:
    """LLVM's function of that name: fmuladd(a, b, c) = a b + c, rounded once where the CPU can, fabs, sqrt."""
    of = ir.FunctionType(VECTOR, [VECTOR] * len(vectors))
    return builder.call(NUMBA.core.cgutils.get_or_insert_function(builder.module, of, f"llvm.{name}.v{LANES}f64"), vectors)


def transposed(builder: Any, rows: list[Any]) -> list[Any]:
    """The columns of LANES vectors: three times, of each two neighbours first the entries of even places, then those of odd ones."""
    for _ in range(LANES.bit_length() - 1):
        rows = [builder.shuffle_vector(rows[r], rows[r + 1], ir.VectorType(ir.IntType(32), LANES)([2 * lane + odd for lane in range(LANES)]))
                for odd in (0, 1) for r in range(0, LANES, 2)]
    return rows
