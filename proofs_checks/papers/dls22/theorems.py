"""The exact steps in the chains of Theorems 1 and 3."""
