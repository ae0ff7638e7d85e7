"""Instances: corners first, deterministic in the seed alone, distinct, frozen, and wide enough to meet the ties and the edges."""

import hashlib
import itertools
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from proofs_checks import Sides
from proofs_checks.engine.instances import FINITE, SMALL_GRID, draw
from proofs_checks.engine.run import INSTANCES, audit_one
from proofs_checks.instances import directions, family, multi_index, networks, rational_target, rational_unit, single_index
from refimpl.rng import stream
from tests.proofs_checks.planted import off_by_one, planted, same
from tests.strategies import EPS, seeds

ROOT = Path(__file__).parents[2]


def vector(rng, k, d):
    return {"x": k * rng.standard_normal(d)}


vectors = family(vector, k=(1, 3), d=(1, 4))


def drawn(strategy, count=40, seed=0, name="P/entry"):
    return draw(strategy, count, stream(seed, name))


def print_of(instances):
    """A fingerprint of the sizes and every bit of the arrays."""
    return hashlib.sha256(b"".join(repr(at).encode() + at.x.tobytes() for at in instances)).hexdigest()


# ---- corners first

def test_a_small_grid_is_walked_through_smallest_first():
    ranks = [at.rank for at in drawn(vectors)][:12]
    assert ranks == sorted(itertools.product(range(3), range(4)), key=lambda rank: (sum(rank), rank))
    assert (drawn(vectors)[0].k, drawn(vectors)[0].d) == (1, 1)


def test_a_large_grid_has_its_vertices_and_the_edges_at_the_smallest_sizes():
    wide = family(vector, k=(0, 9), d=(1, 20))
    assert SMALL_GRID < 200
    corners = {(0, j) for j in range(20)} | {(i, 0) for i in range(10)} | {(9, 19)}
    found = drawn(wide, count=len(corners))
    assert {at.rank for at in found} == corners
    assert len(found) == len(corners)


def test_sizes_that_do_not_go_together_are_never_drawn():
    triangle = family(vector, lambda k, d: k <= d, k=(1, 9), d=(1, 9))
    found = drawn(triangle, count=200)
    assert {(at.k, at.d) for at in found} >= {(1, 1), (1, 9), (9, 9)}
    assert all(at.k <= at.d for at in found)


def test_an_axis_is_a_range_with_both_ends_or_a_list_of_choices():
    found = drawn(family(k=(2, 4), sign=["plus", "minus"]))
    assert {(at.k, at.sign) for at in found} == set(itertools.product((2, 3, 4), ("plus", "minus")))
    assert repr(found[0]) == "k = 2, sign = plus"


# ---- how many

@pytest.mark.parametrize("count", [1, 40, 4000])
def test_a_finite_domain_is_used_up(count):
    found = drawn(family(lambda k, d: {"product": k * d}, k=(1, 20), d=(1, 20)), count=count)
    assert len(found) == len({at.rank for at in found}) == 400 <= FINITE
    assert found[-1].product == 400


@pytest.mark.parametrize("profile", INSTANCES)
def test_random_instances_are_distinct_and_as_many_as_asked_for(profile):
    found = drawn(vectors, count=INSTANCES[profile])
    assert len({at.x.tobytes() for at in found}) == len(found) == INSTANCES[profile]


def test_the_numbers_of_a_seed_are_distinct():
    assert len(set(drawn(st.integers(0, 2**32 - 1), count=600))) == 600          # Hypothesis' own generator gave 238


def test_a_plain_domain_is_used_up_where_it_is_small():
    assert sorted(drawn(st.integers(3, 7))) == [3, 4, 5, 6, 7]
    assert sorted(drawn(st.booleans())) == [False, True]


def test_a_plain_domain_yields_as_many_as_asked_for_where_it_is_large_enough():
    assert len(drawn(st.integers(0, 60), count=40)) == 40


# ---- the seed, and nothing else

@pytest.mark.parametrize("seed", [0, 1, 2**64])
def test_the_same_seed_draws_the_same_bits(seed):
    assert print_of(drawn(vectors, 20, seed)) == print_of(drawn(vectors, 20, seed))
    assert print_of(drawn(vectors, 20, seed)) != print_of(drawn(vectors, 20, seed + 1))
    assert print_of(drawn(vectors, 20, seed)) != print_of(drawn(vectors, 20, seed, name="P/other"))


def test_a_longer_run_begins_with_the_corners_of_a_shorter_one():
    assert print_of(drawn(vectors, 12)) == print_of(drawn(vectors, 40)[:12])


def test_instances_do_not_depend_on_the_entries_before():
    seen = []
    recording = planted(lambda at: seen.append(at) or same(at), off_by_one, given=vectors)
    audit_one(recording)
    alone = print_of(seen)
    seen.clear()
    for slug in ("before", "and before"):
        audit_one(planted(same, off_by_one, given=vectors, slug=slug))
    audit_one(recording)
    assert print_of(seen) == alone


def test_routes_variants_and_universal_variants_see_the_same_instances():
    body, slip = [], []
    audit_one(planted(lambda at: body.append(at) or same(at), lambda at: slip.append(at) or same(at), given=vectors))
    assert slip
    assert all(a is b for a, b in zip(slip, body, strict=True))


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_another_process_draws_the_same_bits_whatever_it_has_imported(hash_seed):
    code = ("import ast, json, wave, scipy.special, refimpl.network, proofs_checks.papers.dls22.gradient\n"
            "from tests.proofs_checks.test_instances import drawn, print_of, vectors\n"
            "print(print_of(drawn(vectors)))")
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=os.environ | {"PYTHONHASHSEED": hash_seed}, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == print_of(drawn(vectors))


# ---- frozen

def test_an_instance_is_frozen_and_says_what_it_has():
    at = drawn(vectors)[0]
    with pytest.raises(AttributeError, match=r"^an instance is frozen; k cannot be set$"):
        at.k = 3
    with pytest.raises(AttributeError, match=r"^the instance has no 'y'; it has k, d, x$"):
        _ = at.y
    with pytest.raises(ValueError, match="read-only"):
        at.x[0] = 1.0


def test_nothing_is_taken_from_an_instance():
    at = drawn(vectors)[0]
    with pytest.raises(AttributeError, match="frozen"):
        del at.k


def test_the_arrays_of_a_network_are_read_only():
    assert not drawn(networks())[0].net.W.flags.writeable


@pytest.mark.parametrize("name", ["sizes", "rank", "seed"])
def test_an_axis_may_not_hide_what_every_instance_has(name):
    with pytest.raises(ValueError, match=f"an axis is named {name}"):
        family(**{name: (3, 3)})


def test_a_tuple_that_is_no_range_is_refused():
    with pytest.raises((TypeError, ValueError)):
        family(k=(1, 2, 5))


# ---- as a Hypothesis strategy

@given(multi_index(p=(1, 3)), st.data())
@settings(max_examples=10)
def test_a_family_serves_given(at, data):
    row = data.draw(st.sampled_from(range(3)))
    assert at.W[row].shape == at.w.shape == (at.d,)
    assert (at.target.p, at.target.r, at.target.d) == (at.p, at.r, at.d)


@pytest.mark.parametrize(("condition", "smallest"), [
    (lambda at: at.d >= 3, {"p": 0, "r": 1, "d": 3, "frame": "orthonormal"}),
    (lambda at: at.p >= 2 and at.r >= 2, {"p": 2, "r": 2, "d": 2, "frame": "orthonormal"}),
    (lambda at: at.frame == "oblique", {"p": 0, "r": 1, "d": 1, "frame": "oblique"}),
])
def test_a_family_shrinks_to_the_smallest_sizes_and_seed_0(condition, smallest):
    at = find(multi_index(), condition, settings=settings(max_examples=500, database=None, derandomize=True))
    assert (at.sizes, at.seed) == (smallest, 0)


# ---- plain strategies of a user

@st.composite
def composite(draw):
    n = draw(st.integers(1, 3))
    return tuple(draw(st.lists(st.integers(0, n), min_size=n, max_size=n)))


PLAIN = [
    (st.integers(-5, 5), lambda x: -5 <= x <= 5),
    (st.integers(), lambda x: isinstance(x, int)),
    (st.integers(min_value=10**30), lambda x: x >= 10**30),
    (st.integers(max_value=-(10**30)), lambda x: x <= -(10**30)),
    (st.floats(-1, 1), lambda x: -1 <= x <= 1),
    (st.floats(0, 1, exclude_min=True), lambda x: 0 < x <= 1),
    (st.floats(1e-300, 1e-299), lambda x: 1e-300 <= x <= 1e-299),
    (st.fractions(0, 1, max_denominator=9), lambda x: 0 <= x <= 1 and isinstance(x, Fraction)),
    (st.sampled_from("abc"), lambda x: x in "abc"),
    (st.tuples(st.integers(0, 9), st.booleans()), lambda x: 0 <= x[0] <= 9),
    (st.lists(st.integers(0, 3), max_size=4), lambda x: len(x) <= 4 and set(x) <= {0, 1, 2, 3}),
    (st.text("xyz", max_size=5), lambda x: len(x) <= 5 and set(x) <= set("xyz")),
    (st.binary(min_size=1, max_size=3), lambda x: 1 <= len(x) <= 3),
    (st.integers(0, 100).filter(lambda x: x % 2), lambda x: x % 2),
    (st.one_of(st.none(), st.integers(0, 1)), lambda x: x in (None, 0, 1)),
    (hnp.arrays(float, 3, elements=st.floats(-1, 1)), lambda x: x.shape == (3,) and abs(x).max() <= 1),
    (composite(), lambda x: max(x) <= len(x)),
]


@pytest.mark.parametrize(("strategy", "holds"), PLAIN, ids=[repr(strategy)[:50] for strategy, _ in PLAIN])
def test_a_plain_strategy_yields_several_instances_within_its_bounds(strategy, holds):
    found = drawn(strategy)
    assert len(found) > 1
    assert all(map(holds, found))
    assert [repr(x) for x in found] == [repr(x) for x in drawn(strategy)]


@pytest.mark.parametrize(("strategy", "holds"), [
    (st.floats(min_value=1e10), lambda x: x >= 1e10), (st.floats(max_value=-1e10), lambda x: x <= -1e10)])
def test_a_float_beyond_1e9_stays_within_its_bounds(strategy, holds):
    assert all(map(holds, drawn(strategy)))


def test_a_claim_takes_a_plain_strategy_and_shows_its_smallest_witness():
    result = audit_one(planted(lambda at: Sides(left=at * at, right=at), given=st.integers(0, 9)))
    assert (result.verdict, result.witness, result.instances) == ("REFUTED", "2", 10)


# ---- the families of this package reach their edges

def test_single_index_reaches_degree_0_dimension_1_and_even_and_odd_degrees():
    found = drawn(single_index())
    assert {at.p for at in found} == set(range(7))
    assert {at.d for at in found} == set(range(1, 6))
    for at in found:
        assert abs(at.u @ at.u - 1) <= (at.d + 4) * EPS
        assert abs(at.w @ at.w - 1) <= (at.d + 4) * EPS
        assert at.target.p == at.p
        assert at.u @ at.w != 0


def test_multi_index_reaches_both_frames_as_many_directions_as_dimensions_and_long_and_short_rows():
    found = drawn(multi_index(), count=200)
    assert {at.frame for at in found} == {"orthonormal", "oblique"}
    assert {(at.r, at.d) for at in found} >= {(1, 1), (2, 2), (3, 3), (1, 5), (3, 5)}
    assert {at.p for at in found} == set(range(5))
    for at in found:
        gram = at.U @ at.U.T - np.eye(at.r)
        assert np.abs(np.diag(gram)).max() <= (at.d + 4) * EPS
        if at.frame == "orthonormal":
            assert np.abs(gram).max() <= 64 * EPS
        elif at.r > 1:
            assert np.abs(gram).max() > 1e-6
    assert min(np.linalg.norm(at.W[1]) for at in found) < 1 < max(np.linalg.norm(at.W[2]) for at in found)


def test_rational_targets_are_exact_of_full_rank_and_their_vectors_of_length_1():
    for at in drawn(rational_target()):
        assert sum(x * x for x in at.w) == sum(x * x for x in at.v) == 1
        assert all(at.w)
        assert np.linalg.matrix_rank(np.array(at.U, dtype=float)) == at.r
        assert {type(c) for c in at.g.values()} == {Fraction}
        assert max(map(sum, at.g)) == at.p


def test_networks_are_mirrored_and_of_even_width():
    found = drawn(networks())
    assert {at.m for at in found} == set(range(2, 9))
    assert {at.net.m for at in found} == {2, 4, 6, 8}
    assert {at.d for at in found} == set(range(1, 6))
    for at in found:
        np.testing.assert_array_equal(at.net.W, at.net.W[::-1])
        np.testing.assert_array_equal(at.net.a, -at.net.a[::-1])
        assert (at.X.shape, at.y.shape) == ((at.n, at.d), (at.n,))


@given(seeds, st.integers(1, 4))
def test_a_rational_unit_vector_has_length_1_exactly_and_no_zero(seed, d):
    w = rational_unit(np.random.default_rng(seed), d)
    assert (len(w), sum(x * x for x in w)) == (d, 1)
    assert all(isinstance(x, Fraction) and x for x in w)


@given(seeds, st.integers(1, 3), st.integers(0, 2))
def test_an_orthonormal_frame_is_a_contiguous_block_of_rows(seed, r, more):
    U = directions(np.random.default_rng(seed), r, r + more, "orthonormal")
    assert (U.shape, U.flags.c_contiguous) == ((r, r + more), True)
