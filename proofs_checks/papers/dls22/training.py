"""Algorithm 1 as printed, and as its authors ran it."""
