"""What the experiments share: against the definitions, and the noise of alpha + beta.x against the audit's number."""

import math

import numpy as np
import pytest

from refimpl import head
from refimpl._samples import BLOCK
from refimpl.experiments import _heads
from refimpl.initial import gaussian
from refimpl.risk import l2_risk
from refimpl.training import Variant, algorithm_1
from tests.strategies import EPS

TARGET = _heads.along_the_first_axis(_heads.FIGURE_1, 6)
SHARES = np.array([1e-3, 1.0])


def test_the_noise_of_alpha_and_beta_is_the_number_of_the_audit():
    """28 + 2 sqrt 3 at d = 10, and E y^2 + E y^2 |x|^2 on samples."""
    f_star = _heads.along_the_first_axis(_heads.FIGURE_1, 10)
    assert _heads.linear_noise(f_star, varsigma=1) == pytest.approx(28 + 2 * math.sqrt(3), rel=64 * EPS)
    X, y = TARGET.sample(400_000, varsigma=2.0, rng=np.random.default_rng(0))
    seen = y**2 * (1 + np.sum(X**2, axis=1))
    assert abs(seen.mean() - _heads.linear_noise(TARGET, varsigma=2)) < 5 * seen.std() / math.sqrt(len(y))


def test_the_features_of_several_blocks_are_all_features():
    net = gaussian(5, 6, sigma_a=0.0, sigma_w=1.0, sigma_b=1.0, rng=np.random.default_rng(1))
    X, y = TARGET.sample(2 * BLOCK + 3, varsigma=1.0, rng=np.random.default_rng(2))
    expected = head.moments(np.maximum(X @ net.W.T + net.b, 0), y)
    got = _heads.fitted(net, X, y).moments
    assert got.n == expected.n == len(y)
    assert np.abs(got.gram - expected.gram).max() <= 2 * (len(y) + 1) * EPS * np.abs(expected.gram).max()
    assert np.abs(got.moment - expected.moment).max() <= 2 * (len(y) + 1) * EPS * math.sqrt(expected.gram.max() * expected.square)


def test_printed_is_the_algorithm_with_ridge_heads_at_shares_of_the_largest_eigenvalue():
    X, y = TARGET.sample(4, varsigma=1.0, rng=np.random.default_rng(3))                    # n < d
    got = _heads.printed(X, y, 8, np.random.default_rng(4))
    expected = algorithm_1(X, y, m=8, eta_1=math.sqrt(6) / 2, lam=1.0, variant=Variant(head="ridge"), allow_n_below_d=True, rng=np.random.default_rng(4))
    assert np.array_equal(got.network.W, expected.network.W)
    lams, risks = _heads.trained_risks(got, TARGET, SHARES)
    assert lams.tolist() == (SHARES * got.decomposition.s[-1]).tolist()
    one_by_one = [l2_risk(got.refit(lam=lam).network, TARGET, alpha=got.alpha, beta=got.beta) for lam in lams.tolist()]
    assert risks == pytest.approx(one_by_one, rel=1e-11)


def test_without_a_linear_part_the_risks_are_those_of_the_heads_alone():
    net = gaussian(5, 6, sigma_a=0.0, sigma_w=1.0, sigma_b=1.0, rng=np.random.default_rng(5))
    X, y = TARGET.sample(50, varsigma=1.0, rng=np.random.default_rng(6))
    lams, risks = _heads.feature_risks(net, X, y, TARGET, SHARES)
    Phi = np.maximum(X @ net.W.T + net.b, 0)
    for lam, risk in zip(lams, risks, strict=True):
        a = np.linalg.solve(Phi.T @ Phi + 25 * lam * np.eye(5), Phi.T @ y)
        assert risk == pytest.approx(l2_risk(type(net)(a, net.W, net.b), TARGET), rel=1e-11)
