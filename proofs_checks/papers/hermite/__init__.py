"""Hermite polynomials of the Gaussian law: the classical ground that the papers stand on, z ~ N(0, 1) throughout."""

from proofs_checks.engine.claims import Paper

RECALLED = "recalled, text not seen"
DERIVED = "derived here"

HERMITE = Paper(
    "HERMITE",
    title="Hermite polynomials of the Gaussian law",
    version="classical; statements recalled, not quoted",
    modules=(
        "proofs_checks.papers.hermite.one_variable",
        "proofs_checks.papers.hermite.identities",
        "proofs_checks.papers.hermite.floats",
        "proofs_checks.papers.hermite.several",
        "proofs_checks.papers.hermite.activations",
        "proofs_checks.papers.hermite.routes",
    ),
    symbols={r"He_k": "He(k, z)", r"he_k": "he(k, z)", r"c_k": "c", r"\varphi": "phi", r"\Phi": "Phi", r"\alpha": "alpha"},
)
