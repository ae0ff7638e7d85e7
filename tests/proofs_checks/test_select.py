"""Which claims a name means: an ID, an alias, a label, a pattern, a file, one entry of a file; and what an unknown name is answered."""

import pytest

from proofs_checks.engine.claims import RegistryError
from proofs_checks.engine.select import SelectionError, all_papers, check_needs, load, select
from proofs_checks.papers import papers
from tests.proofs_checks.planted import entry, planted, same, write

OWN = [claim.id for paper in papers() for claim in paper]


def ids(*names):
    return [claim.id for claim in select(names)]


@pytest.fixture
def mine(tmp_path):
    """A file with the entries MINE/a and MINE/b."""
    return write(tmp_path / "mine.py", entry("a", keywords="covers=['L1'], aliases=['also-a']"), entry("b"))


# ---- names of the package's own claims

def test_no_name_means_every_claim_in_the_order_of_the_papers():
    assert ids() == OWN
    assert len(set(OWN)) == len(OWN)


def test_an_id_means_its_claim():
    assert ids("DLS22/eq-1") == ["DLS22/eq-1"]


def test_an_alias_means_the_claim_that_carries_it():
    assert ids("DLS22/lemma-1") == ["DLS22/lemma-4"]


def test_a_label_means_the_claim_that_covers_it():
    assert ids("A.G3") == ["DLS22/eq-1-quadratic"]
    assert ids("ERR-A3") == ["DLS22/eq-init"]


def test_a_label_means_every_claim_that_covers_it():
    covering = [claim.id for paper in papers() for claim in paper if "A.G2" in claim.covers]
    assert len(covering) > 1
    assert ids("A.G2") == covering


@pytest.mark.parametrize(("pattern", "test"), [
    ("DLS22/eq-1*", lambda id: id.startswith("DLS22/eq-1")),
    ("HERMITE/*", lambda id: id.startswith("HERMITE/")),
    ("*/lemma-9", lambda id: id.endswith("/lemma-9")),
    ("DLS22/asm-[12]", lambda id: id in ("DLS22/asm-1", "DLS22/asm-2")),
    ("*", lambda id: True),
])
def test_a_pattern_means_the_ids_that_match(pattern, test):
    assert ids(pattern) == [id for id in OWN if test(id)]


def test_claims_named_twice_come_once_and_in_the_order_of_the_papers():
    assert ids("DLS22/lemma-1", "DLS22/eq-1", "DLS22/lemma-4", "DLS22/eq-1*") == [id for id in OWN if id.startswith("DLS22/eq-1") or id == "DLS22/lemma-4"]


# ---- a file

def test_a_file_means_all_its_claims(mine):
    assert ids(mine) == ids(f"{mine}:") == ["MINE/a", "MINE/b"]


@pytest.mark.parametrize("pattern", ["b", "MINE/b", "[b]", "MINE/b*"])
def test_an_entry_of_a_file_is_named_by_slug_id_or_pattern(mine, pattern):
    assert ids(f"{mine}:{pattern}") == ["MINE/b"]


def test_a_file_stands_beside_names_of_the_package(mine):
    assert ids(mine, "DLS22/eq-1") == ["DLS22/eq-1", "MINE/a", "MINE/b"]
    assert ids(f"{mine}:a", "MINE/b") == ["MINE/a", "MINE/b"]


def test_a_file_is_loaded_once(mine):
    assert load_one(mine) is load_one(mine)


def load_one(name):
    return next(paper for paper in all_papers([name]) if paper.key == "MINE")


def test_two_files_of_one_name_are_two_files(tmp_path):
    (tmp_path / "x").mkdir()
    one, other = write(tmp_path / "mine.py", entry("a")), write(tmp_path / "x" / "mine.py", entry("b"))
    assert ids(one, other) == ["MINE/a", "MINE/b"]


def test_a_file_may_hold_two_papers(tmp_path):
    path = tmp_path / "two.py"
    write(path, entry("a"))
    path.write_text(path.read_text() + '\nYOURS = Paper("YOURS", title="planted", version="v")\n' + entry("a", key="YOURS"))
    assert ids(str(path)) == ["MINE/a", "YOURS/a"]


def test_a_file_may_need_a_claim_of_the_package(tmp_path):
    name = write(tmp_path / "mine.py", entry("a", keywords="needs=['DLS22/lemma-1']"))
    check_needs(select([name]), [claim for paper in all_papers([name]) for claim in paper])


# ---- what is unknown

@pytest.mark.parametrize(("name", "message"), [
    ("DLS22/eq-11", "'DLS22/eq-11' is no claim and matches none; did you mean DLS22/eq-1? (python -m proofs_checks list shows all)"),
    ("HERMITE/rodriges", "'HERMITE/rodriges' is no claim and matches none; did you mean HERMITE/rodrigues? (python -m proofs_checks list shows all)"),
    ("A.G33", "'A.G33' is no claim and matches none; did you mean A.G3? (python -m proofs_checks list shows all)"),
    ("zzzz", "'zzzz' is no claim and matches none (python -m proofs_checks list shows all)"),
    ("", "'' is no claim and matches none (python -m proofs_checks list shows all)"),
    ("nowhere.py", "nowhere.py is not a file; name an existing .py file that declares a Paper"),
    ("nowhere.py:a", "nowhere.py is not a file; name an existing .py file that declares a Paper"),
])
def test_an_unknown_name_is_answered_with_the_nearest(name, message):
    with pytest.raises(SelectionError) as error:
        select([name])
    assert str(error.value) == message


def test_an_unknown_entry_of_a_file_is_answered_with_one_of_that_file(mine):
    with pytest.raises(SelectionError, match=rf"^'{mine}:bb' is no claim and matches none; did you mean {mine}:b\?"):
        select([f"{mine}:bb"])


def test_a_file_without_a_paper_says_what_to_write(tmp_path):
    path = tmp_path / "empty.py"
    path.write_text("x = 1\n")
    with pytest.raises(SelectionError) as error:
        load(path)
    assert str(error.value) == f"{path} declares no Paper; write MINE = Paper('MINE', title=..., version=...) and its claims"


def test_a_folder_named_like_a_file_is_no_file(tmp_path):
    (tmp_path / "mine.py").mkdir()
    with pytest.raises(SelectionError, match=r"mine\.py is not a file"):
        load(tmp_path / "mine.py")


# ---- needs

def test_a_need_is_met_by_an_id_or_an_alias_of_any_known_claim():
    known = planted(same, slug="known", aliases=["other-name"])
    check_needs([planted(same, needs=["PLANTED/known", "PLANTED/other-name"])], [known])
    with pytest.raises(RegistryError, match=r"^PLANTED/entry needs zzzz, which no entry declares$"):
        check_needs([planted(same, needs=["zzzz"])], [known])


def test_every_need_of_the_papers_is_met():
    claims = [claim for paper in papers() for claim in paper]
    check_needs(claims, claims)
    assert any(claim.needs for claim in claims)


# ---- found wrong

@pytest.mark.parametrize("text", ["def f(:\n", "1 / 0\n", "import no_such_module_anywhere\n"], ids=["syntax", "raises", "imports"])
def test_a_file_that_cannot_be_loaded_is_named_with_the_reason(tmp_path, text):
    path = tmp_path / "broken.py"
    path.write_text(text)
    with pytest.raises(SelectionError, match=r"broken\.py"):
        load(path)


def test_a_paper_that_a_file_only_imports_is_not_its_own(tmp_path):
    name = write(tmp_path / "mine.py", "\nfrom proofs_checks.papers.dls22 import DLS22\n", entry("a"))
    assert ids(name) == ["MINE/a"]


def test_two_files_that_declare_one_id_are_refused(tmp_path):
    one, other = write(tmp_path / "one.py", entry("a")), write(tmp_path / "other.py", entry("a"))
    with pytest.raises((SelectionError, RegistryError), match="MINE/a"):
        select([one, other])


def test_a_file_that_declares_an_id_of_the_package_is_refused(tmp_path):
    name = write(tmp_path / "mine.py", entry("eq-1", key="DLS22"), key="DLS22")
    with pytest.raises((SelectionError, RegistryError), match="DLS22/eq-1"):
        select([name])
