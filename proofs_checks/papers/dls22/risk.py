"""Exact risks of a network against a polynomial target."""
