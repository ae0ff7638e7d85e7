import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl import rng
from refimpl.errors import DomainError, DtypeError
from tests.strategies import seeds

names = st.text(min_size=1, max_size=8)


def bits(generator):
    return generator.bit_generator.random_raw(4).tolist()


@given(seed=st.integers(0, 2**200))
def test_generator_of_a_number_and_of_its_seed_sequence_are_one(seed):
    got = bits(rng.generator(seed))
    assert got == bits(rng.generator(np.random.SeedSequence(seed))) == bits(np.random.default_rng(seed))


@given(seed=seeds)
def test_a_generator_is_used_and_advanced(seed):
    mine = np.random.default_rng(seed)
    assert rng.generator(mine) is mine
    assert bits(rng.generator(mine)) != bits(rng.generator(mine))


@given(seed=seeds, name=names)
def test_a_stream_is_the_seed_with_the_hash_of_its_name_as_spawn_key(seed, name):
    digest = hashlib.sha256(name.encode()).digest()
    key = tuple(int.from_bytes(digest[i:i + 4], "little") for i in range(0, 32, 4))
    expected = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))
    assert bits(rng.stream(seed, name)) == bits(expected)


@given(seed=seeds, others=st.lists(names, max_size=3))
def test_other_streams_move_no_draw(seed, others):
    alone = bits(rng.stream(seed, "DLS22/thm-1"))
    root = np.random.SeedSequence(seed)
    for other in others:
        bits(rng.stream(root, other))
        root.spawn(1)
    assert bits(rng.stream(root, "DLS22/thm-1")) == alone


@given(seed=seeds, name=names, other=names)
def test_names_seeds_and_nesting_tell_streams_apart(seed, name, other):
    here = bits(rng.stream(seed, name))
    assert here != bits(rng.generator(seed))
    assert here != bits(rng.stream(seed + 1, name))
    assert (here == bits(rng.stream(seed, other))) == (name == other)
    child = np.random.SeedSequence(seed, spawn_key=(7,))
    assert here != bits(rng.stream(child, name))


def test_a_stream_is_the_same_in_another_process():
    code = "from refimpl import rng; print(rng.stream(3, 'DLS22/thm-1').bit_generator.random_raw(4).tolist())"
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    got = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment).stdout
    assert got.strip() == str(bits(rng.stream(3, "DLS22/thm-1")))


@given(seed=seeds)
def test_the_global_generator_stays_where_it_is(seed):
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    bits(rng.generator(seed))
    bits(rng.stream(seed, "a"))
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


@pytest.mark.parametrize("seed", [None, True, 1.0, "1", [1]])
def test_only_generators_seed_sequences_and_whole_numbers_are_seeds(seed):
    with pytest.raises(DtypeError, match="rng is None; pass rng=0" if seed is None else rf"rng = {seed!r}".replace("[", r"\[")):
        rng.generator(seed)
    with pytest.raises(DtypeError, match=rf"seed = {seed!r}".replace("[", r"\[")):
        rng.stream(seed, "a")


def test_a_generator_has_no_streams():
    with pytest.raises(DtypeError, match=r"seed = Generator\(PCG64\)"):
        rng.stream(np.random.default_rng(0), "a")


def test_a_negative_seed_is_refused():
    with pytest.raises(DomainError, match="rng = -1; rng must be at least 0"):
        rng.generator(-1)
    with pytest.raises(DomainError, match="seed = -1; seed must be at least 0"):
        rng.stream(-1, "a")


@pytest.mark.parametrize("name", ["", None, 3, b"a"])
def test_a_stream_needs_a_name(name):
    with pytest.raises(DomainError, match=f"name = {name!r}; a stream is named by a non-empty string"):
        rng.stream(0, name)


# ---- normals

@given(seed=seeds, shape=st.lists(st.integers(0, 4), max_size=3))
def test_normals_are_NumPys(seed, shape):
    mine, numpys = rng.generator(seed), np.random.default_rng(seed)
    for given_shape in (tuple(shape), shape, 3):
        got, expected = rng.standard_normal(given_shape, rng=mine), numpys.standard_normal(given_shape)
        assert (got.dtype, got.shape, got.tobytes()) == (expected.dtype, expected.shape, expected.tobytes())
    assert bits(mine) == bits(numpys)


def test_a_number_draws_the_same_again():
    assert rng.standard_normal(5, rng=3).tolist() == rng.standard_normal(5, rng=np.random.SeedSequence(3)).tolist()


@pytest.mark.parametrize(("shape", "error", "said"), [
    (-1, DomainError, "a size in shape = -1; a size in shape must be at least 0"),
    ((2, -3), DomainError, "a size in shape = -3"),
    (2.0, DtypeError, "a size in shape = 2.0 is of type float"),
    ((2, True), DtypeError, "a size in shape = True is of type bool"),
    ("23", DtypeError, "a size in shape = '2' is of type str"),
    (None, DtypeError, "a size in shape = None is of type NoneType"),
])
def test_a_shape_is_a_size_or_a_tuple_of_sizes(shape, error, said):
    with pytest.raises(error, match=said):
        rng.standard_normal(shape, rng=0)


def test_normals_need_a_generator():
    with pytest.raises(DtypeError, match="rng is None; pass rng=0"):
        rng.standard_normal(3, rng=None)


# ---- what an import loads

def loaded_by(code):
    """The top-level modules in sys.modules after ``code``, in a fresh process."""
    code += "; import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_importing_the_package_loads_no_library():
    assert not {"numpy", "scipy", "numba", "llvmlite", "matplotlib"} & loaded_by("import refimpl; dir(refimpl)")


def test_every_module_loads_without_numba_scipy_and_plots():
    code = "import refimpl; [getattr(refimpl, name) for name in refimpl.__all__]; import refimpl.data.targets"
    assert not {"scipy", "numba", "llvmlite", "matplotlib", "hypothesis", "flint", "mpmath"} & loaded_by(code)


def test_an_unknown_name_is_an_AttributeError():
    import refimpl

    with pytest.raises(AttributeError, match="refimpl has no 'kernel'"):
        refimpl.kernel  # noqa: B018
