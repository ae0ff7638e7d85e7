"""python -m benchmarks [NAME ...] [--quick] [--json FILE] [--markdown FILE] [--peer PYTHON]: tables on stdout, figures in the files."""

from __future__ import annotations

import argparse
import os

NAMES = {
    "limits": "what this machine can do: matrix products, memory",
    "start": "what a fresh process costs, up to the first verdict and the whole audit",
    "hermite": "hermite_sum, He_table: twins, definitions, numpy.polynomial, torch, JAX",
    "streams": "normals with NumPy's bits: twin, NumPy, torch, JAX; a population gradient in closed form and sampled",
    "contract": "Target.contract at d = 10000: seconds and megabytes",
    "gram": "ntk_gram and ntk_predict: twins, definitions, NumPy, torch, JAX, neural-tangents",
    "gradient": "the first gradient: the mask product, two matrix products, torch, autograd, JAX",
    "sums": "the sums that a head depends on: the twin, products with all samples, torch, JAX",
    "risk": "the exact risk of 34 heads: twin, definition, integrals, a test set",
    "head": "64 heads after up to 10000 steps: one decomposition, Lanczos, and the steps themselves",
    "solvers": "ridge on a Gram matrix: Cholesky, conjugate gradients, Nystrom; paths of lam",
    "algorithm-1": "Algorithm 1 from samples to predictions, beside the authors' formulation in torch and JAX",
    "cost": "Algorithm 1 against n, d and m",
    "figure-1": "one run of Figure 1, beside the same sweep written with torch's autograd and plain NumPy",
}


def main() -> int:
    """Exit code 0 when everything asked for was measured."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Interleaved rounds, medians with their spread, ratios first.",
        epilog="; ".join(f"{name}: {what}" for name, what in NAMES.items()),
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one or more of {', '.join(NAMES)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and smaller sizes; figures for the eye only")
    parser.add_argument("--json", metavar="FILE", help="write every time of every round")
    parser.add_argument("--markdown", metavar="FILE", help="write the tables as a page, what was asked and reached first, and pictures beside it")
    parser.add_argument("--peer", metavar="PYTHON", help="a Python of another environment that times the libraries missing here")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in NAMES]
    if unknown:
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(NAMES)}")
    for file in filter(None, [arguments.json, arguments.markdown]):
        if not os.path.isdir(os.path.dirname(file) or "."):
            parser.error(f"{file} cannot be written: the folder {os.path.dirname(file)} does not exist")

    from benchmarks import harness
    return harness.run(arguments.names or list(NAMES), quick=arguments.quick, json_file=arguments.json, markdown=arguments.markdown, peer=arguments.peer)


if __name__ == "__main__":
    raise SystemExit(main())
