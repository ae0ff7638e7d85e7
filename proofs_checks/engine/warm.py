"""Imported last by the server that the processes of the mutants are forked from: each definition is parsed there once, for all of them."""

from proofs_checks.engine import equation
from proofs_checks.engine.select import all_papers

equation.load_all()
equation.audited()
for claim in (claim for paper in all_papers() for claim in paper):
    equation.equation(claim.body)
