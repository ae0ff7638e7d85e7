"""An experiment for the tests of the frame: workers import it from here."""

import time

from refimpl.experiments.figures import Figure, Finding, Map, Panel, over, statistics


def grid(*, quick):
    return [{"n": n, "run": run} for n in (10, 100, 1000) for run in range(2 if quick else 3)]


def cell(parameters, rng):
    return {"risk": 10 / parameters["n"] + float(rng.uniform(0, 0.01))}


def slow(parameters, rng):
    time.sleep(0.2)
    return cell(parameters, rng)


def failing(parameters, rng):
    if parameters["n"] == 100:
        raise ValueError("no luck")
    return cell(parameters, rng)


def figure(rows):
    risk = over(rows, "n", "risk", label="risk")
    at = statistics(rows.where(n=1000).values("risk"))
    return Figure("A toy", "What was run.", [Panel("lines", "n", "risk", [risk], log="xy", levels={"half": 0.5}),
                                             Map("map", "n", "runs", ["10"], ["0"], [[0.5]], "risk")],
                  [Finding("at n = 1000", at.mean, at.low, at.high, "below 0.1", at.high < 0.1)])
