"""Gram matrices of infinitely wide two-layer networks."""
