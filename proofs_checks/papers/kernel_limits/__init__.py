"""What kernel methods compute, and at what cost: Gram matrices in closed form, their solvers, and claims made about them."""

from proofs_checks.engine.claims import Paper

DERIVED = "derived here"
SLIDES_BJ = "slides 'Feature learning and limitations of kernels' (Berkan and Johannes)"

KERNELS = Paper(
    "KERNELS",
    title="Kernel methods that feature learning is compared with: two-layer NTK, random features, ridge, iterative solvers",
    version="statements derived here or taken from slides, as each says",
    modules=(
        "proofs_checks.papers.kernel_limits.gram",
        "proofs_checks.papers.kernel_limits.ridge",
        "proofs_checks.papers.kernel_limits.iteration",
        "proofs_checks.papers.kernel_limits.lanczos",
        "proofs_checks.papers.kernel_limits.conjugate",
        "proofs_checks.papers.kernel_limits.cost",
        "proofs_checks.papers.kernel_limits.zonal",
        "proofs_checks.papers.kernel_limits.routes",
    ),
    labels=("S.1", "S.2", "ERR-S7"),
    symbols={r"K": "K", r"X": "X", r"Z": "Z", r"W": "W", r"\sigma": "sigma"},
)
