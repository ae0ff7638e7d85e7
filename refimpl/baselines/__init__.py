"""Kernel methods and fixed features, which learn no representation."""
