"""Vectors of float64 in LLVM's instructions, for kernels that keep theirs in registers."""

from __future__ import annotations

from typing import Any

from refimpl_kernels._jit import ir

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


def spread(builder: Any, number: Any) -> Any:
    """A vector of equal numbers."""
    undefined = VECTOR(ir.Undefined)
    return builder.shuffle_vector(builder.insert_element(undefined, number, ir.IntType(32)(0)), undefined, FROM_LANE_0)
