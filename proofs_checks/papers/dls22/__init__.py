"""Damian, Lee and Soltanolkotabi (2022), statement by statement, in the numbering of the COLT version."""

from proofs_checks.engine.claims import Paper

# Texts that were seen and are quoted, and how the other statements are known.
SLIDES_BJ = "slides 'Feature learning and limitations of kernels' (Berkan and Johannes), which show the arXiv version"
SLIDES_CS = "slides 'Neural networks can learn representations with gradient descent' (CS 7020)"
RESTATED = "COLT version (PMLR 178), restated, not quoted"
INDEXED = "COLT version (PMLR 178), the formula as recorded in an index of its statements, wording not quoted"
DERIVED = "derived here"

DLS22 = Paper(
    "DLS22",
    title="Neural Networks can Learn Representations with Gradient Descent (Damian, Lee, Soltanolkotabi)",
    version="COLT 2022, PMLR 178:5413-5452; arXiv 2206.15144",
    modules=(
        "proofs_checks.papers.dls22.setting",
        "proofs_checks.papers.dls22.network",
        "proofs_checks.papers.dls22.backward",
        "proofs_checks.papers.dls22.algorithm_1",
        "proofs_checks.papers.dls22.expansions",
        "proofs_checks.papers.dls22.tensors",
        "proofs_checks.papers.dls22.gradient",
        "proofs_checks.papers.dls22.lemma_1",
        "proofs_checks.papers.dls22.certainty",
        "proofs_checks.papers.dls22.concentration",
        "proofs_checks.papers.dls22.sampling",
        "proofs_checks.papers.dls22.head",
        "proofs_checks.papers.dls22.normal_equations",
        "proofs_checks.papers.dls22.training",
        "proofs_checks.papers.dls22.risk",
        "proofs_checks.papers.dls22.theorems",
        "proofs_checks.papers.dls22.moments",
        "proofs_checks.papers.dls22.contractions",
        "proofs_checks.papers.dls22.tails",
        "proofs_checks.papers.dls22.tensor_tails",
        "proofs_checks.papers.dls22.features",
        "proofs_checks.papers.dls22.preprocessing",
        "proofs_checks.papers.dls22.singular_values",
        "proofs_checks.papers.dls22.sign_patterns",
        "proofs_checks.papers.dls22.empirical",
        "proofs_checks.papers.dls22.covariance",
        "proofs_checks.papers.dls22.sampling_error",
        "proofs_checks.papers.dls22.captured",
        "proofs_checks.papers.dls22.monomials",
        "proofs_checks.papers.dls22.taylor_tensors",
        "proofs_checks.papers.dls22.feature_moments",
        "proofs_checks.papers.dls22.tensor_weights",
        "proofs_checks.papers.dls22.random_features",
        "proofs_checks.papers.dls22.feature_sizes",
        "proofs_checks.papers.dls22.a_star",
        "proofs_checks.papers.dls22.width",
        "proofs_checks.papers.dls22.excess_loss",
        "proofs_checks.papers.dls22.rademacher",
        "proofs_checks.papers.dls22.queries",
        "proofs_checks.papers.dls22.packing",
        "proofs_checks.papers.dls22.theorem_2",
        "proofs_checks.papers.dls22.experiments",
        "proofs_checks.papers.dls22.figure_1",
        "proofs_checks.papers.dls22.figure_2",
        "proofs_checks.papers.dls22.routes",
    ),
    labels=(
        "A.S1", "A.S2", "A.S3", "A.S4", "A.S5", "A.S6", "A.S7", "A.Alg1", "A.Alg1.a", "A.Alg1.b", "A.Alg1.c", "A.Alg1.d",
        "A.H1", "A.H2", "A.H3", "A.H4", "A.H5", "A.L9", "A.D37", "A.CSQ1",
        "A.G1", "A.G2", "A.G3", "A.G4", "A.L4", "A.L13", "A.C14", "A.C15", "A.L16", "A.L20",
        "A.L8", "A.L27", "A.C28", "A.L29", "A.L10", "A.L30", "A.L31", "A.L32", "A.L33", "A.C34", "A.n>=d^2",
        "A.L17", "A.C18", "A.L21", "A.C22", "A.L23", "A.L35", "A.C24", "A.L25", "A.L26",
        "A.L36", "A.L38", "A.C39", "A.C40", "A.C41", "A.C42", "A.L43", "A.L44", "A.L45", "A.C46", "A.C47", "A.L48", "A.L49",
        "A.T1", "A.T1'", "A.T2", "A.L5", "A.L6", "A.T3", "A.E1", "A.E2", "A.E3",
        "ERR-A1", "ERR-A2", "ERR-A3", "ERR-A4", "ERR-A5", "ERR-A6", "ERR-A7", "ERR-A8", "ERR-A9", "ERR-A10", "ERR-A11", "ERR-A12", "ERR-A13",
        "ERR-A14", "ERR-A15", "ERR-A16", "ERR-A17", "ERR-S1", "ERR-S2", "ERR-S3", "ERR-S4", "ERR-S5", "ERR-S6", "ERR-S7",
    ),
    symbols={
        r"f^\star": "target", r"C_k": "target.contract", r"H": "target.mean_hessian", r"\kappa": "target.kappa",
        r"a": "a", r"W": "W", r"b": "b", r"w": "w", r"u": "u", r"c_k": "c", r"\varsigma": "varsigma", r"\eta_1": "eta",
    },
)
