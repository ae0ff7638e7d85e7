"""The commands as people and scripts use them: what they print, where, and with which exit code."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from proofs_checks.__main__ import main
from proofs_checks.engine.commands import exit_code
from proofs_checks.engine.report import markdown
from proofs_checks.engine.run import VERDICTS, Result, audit_one
from proofs_checks.engine.select import select
from proofs_checks.papers import papers
from tests.proofs_checks.planted import FALSE, entry, off_by_one, planted, same, write

ROOT = Path(__file__).parents[2]
INTERRUPT = "(_ for _ in ()).throw(KeyboardInterrupt)"
SIDE = "Sides(left=at.k, right=at.k + ('{side}' != __import__('refimpl').current_implementation()))"


def python(*arguments, code=None, **more):
    """A process of its own: ``python -m proofs_checks arguments``, or code."""
    command = [sys.executable, "-c", code] if code else [sys.executable, "-m", "proofs_checks"]
    return subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, **more)


@pytest.fixture
def good(tmp_path):
    return write(tmp_path / "good.py", entry("a"), entry("b", keywords="covers=['L1']"))


@pytest.fixture
def bad(tmp_path):
    return write(tmp_path / "bad.py", entry("a"), entry("false", returns=FALSE, statement="k^2 is k."))


# ---- run

def test_the_papers_are_as_their_forms_say(tmp_path, capsys):
    assert main(["--workers", "2", "--json", str(tmp_path / "run.json"), "--markdown", str(tmp_path / "page.md")]) == 0
    run = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert [claim["id"] for claim in run["claims"]] == [claim.id for paper in papers() for claim in paper]
    assert all(claim["verdict"] == claim["expected"] for claim in run["claims"])
    assert all(variant["caught"] for claim in run["claims"] for variant in claim["variants"])
    assert (tmp_path / "page.md").read_text(encoding="utf-8").startswith("# Verdicts\n")
    assert len(capsys.readouterr().out.splitlines()) > len(run["claims"])
    mutants = {key: sum(claim["mutants"][key] for claim in run["claims"]) for key in ("killed", "total", "exempt")}
    assert mutants["total"] >= 500
    assert mutants["killed"] >= 0.995 * mutants["total"]
    assert mutants["exempt"] <= 0.01 * mutants["total"]
    silent = [claim["id"] for claim in run["claims"] if (claim["evidence"] in ("exact", "certified", "numeric") or claim["proof"]) and not claim["mutants"]["total"]]
    assert silent == []


def test_run_is_the_default_command(good, capsys):
    assert main([good]) == main(["run", good]) == 0
    first, second = capsys.readouterr().out.split("verdict ")[1:]
    rows = [re.sub(r"\d+\.\d+", "", text) for text in (first, second)]
    assert rows[0] == rows[1]
    assert "2 statements: 2 HOLDS; 20 of 20 wrong variants told apart" in first


def test_a_false_statement_gives_exit_code_1_and_its_witness(bad, capsys):
    assert main([bad]) == 1
    out = capsys.readouterr().out
    assert "REFUTED      MINE/false" in out
    assert "fails at k = 2" in out
    assert "not as expected: MINE/false is REFUTED, its form says HOLDS" in out


def test_the_choice_of_names_is_the_choice_of_claims(bad, capsys):
    assert main([f"{bad}:a"]) == 0
    assert "false" not in capsys.readouterr().out


def test_the_files_hold_what_the_run_found(bad, tmp_path):
    assert main(["run", bad, "--json", str(tmp_path / "run.json"), "--markdown", str(tmp_path / "page.md"), "--seed", "5", "--profile", "full"]) == 1
    run = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert {key: run[key] for key in ("seed", "profile", "implementation", "left_out")} == {
        "seed": 5, "profile": "full", "implementation": "numpy", "left_out": []}
    assert {claim["id"]: claim["verdict"] for claim in run["claims"]} == {"MINE/a": "HOLDS", "MINE/false": "REFUTED"}
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == markdown([audit_one(claim) for claim in select([bad])])


def test_a_claim_for_the_full_profile_is_left_out_without_a_verdict(tmp_path, capsys):
    mine = write(tmp_path / "mine.py", entry("a"), entry("dear", keywords="profile='full'"))
    assert main([mine, "--json", str(tmp_path / "run.json")]) == 0
    run = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert ([claim["id"] for claim in run["claims"]], run["left_out"]) == (["MINE/a"], ["MINE/dear"])
    assert "left out (needs --profile full): MINE/dear" in capsys.readouterr().out
    assert main([mine, "--profile", "full", "--json", str(tmp_path / "run.json")]) == 0
    assert json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["left_out"] == []


@pytest.mark.parametrize("side", ["numpy", "kernels"])
def test_the_entries_run_under_the_implementation_that_is_asked_for(tmp_path, side):
    assert main([write(tmp_path / "mine.py", entry(returns=SIDE.format(side=side))), "--implementation", side]) == 0


def test_without_being_asked_the_entries_run_under_numpy(tmp_path, monkeypatch):
    monkeypatch.setenv("REFIMPL_IMPLEMENTATION", "kernels")
    mine = write(tmp_path / "mine.py", entry(returns=SIDE.format(side="numpy")))
    assert main([mine]) == main(["show", mine]) == 0


def test_a_fresh_seed_is_printed_and_recorded(good, tmp_path, capsys):
    assert main([good, "--fresh", "--json", str(tmp_path / "run.json")]) == 0
    seed = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["seed"]
    assert capsys.readouterr().err == f"seed {seed}\n"


def test_two_workers_find_the_same_in_the_same_order(tmp_path):
    mine = write(tmp_path / "mine.py", *(entry(slug, returns=FALSE if slug == "c" else "Sides(left=at.k, right=at.k)") for slug in "fbcae"))
    runs = []
    for workers in ("1", "2"):
        run = python(mine, "--workers", workers, "--json", str(tmp_path / "run.json"))
        assert (run.returncode, run.stderr) == (1, "")
        found = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
        runs.append([{key: value for key, value in claim.items() if key != "seconds"} for claim in found["claims"]])
    assert [claim["id"] for claim in runs[0]] == ["MINE/f", "MINE/b", "MINE/c", "MINE/a", "MINE/e"]
    assert runs[0] == runs[1]


def test_progress_is_shown_on_a_terminal_and_nowhere_else(good, capsys, monkeypatch):
    assert main([good]) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert main([good]) == 0
    err = capsys.readouterr().err
    assert "[1/2] MINE/a" in err
    assert "[2/2] MINE/b" in err


# ---- list, show, lint

def test_list_has_a_line_a_claim(good, capsys):
    assert main(["list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [claim.id for paper in papers() for claim in paper]
    assert main(["list", good]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["MINE/a", "HOLDS", "k", "is", "k."], ["MINE/b", "HOLDS", "L1", "k", "is", "k."]]


def test_show_explains_a_claim_and_has_the_exit_code_of_its_verdict(bad, capsys):
    assert main(["show", f"{bad}:false"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("MINE/false\n  statement k^2 is k.\n")
    assert "  verdict   REFUTED (its form says HOLDS)" in out
    assert main(["show", "DLS22/lemma-1"]) == 0
    assert capsys.readouterr().out.startswith("DLS22/lemma-4\n")


def test_lint_finds_nothing_in_the_papers_and_something_in_a_careless_file(tmp_path, capsys):
    assert main(["lint"]) == 0
    assert capsys.readouterr().out == "lint: nothing found\n"
    assert main(["lint", write(tmp_path / "mine.py", entry(statement="", keywords="needs=['MINE/nothing']"))]) == 1
    assert capsys.readouterr().out.splitlines()[0] == "MINE/entry has no docstring; its first line is the statement that reports show"


@pytest.mark.parametrize("command", [[], ["run"], ["list"], ["show"], ["lint"]])
def test_help_works_everywhere(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*command, "--help"])
    assert stop.value.code == 0
    assert capsys.readouterr().out.startswith("usage: python -m proofs_checks")


def test_help_names_the_commands_and_the_exit_codes_and_loads_nothing():
    code = ("import sys; from proofs_checks.__main__ import main\n"
            "try: main(['--help'])\n"
            "finally:\n"
            "    print(sorted({'numpy', 'scipy', 'hypothesis', 'rich', 'flint', 'mpmath'} & set(sys.modules)),\n"
            "          sorted(name for name in sys.modules if name.startswith('refimpl.')))")
    run = python(code=code)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.endswith("\n[] ['refimpl._arguments']\n")                # argparse and two functions
    assert {"run", "list", "show", "lint"} <= set(re.findall(r"^    (\w+)", run.stdout, flags=re.MULTILINE))
    assert [code for code in ("0 every", "1 one", "2 usage", "3 something", "4 a missing", "130 interrupted") if code not in " ".join(run.stdout.split())] == []


# ---- exit codes

@pytest.mark.parametrize(("verdicts", "code"), [
    ([], 0), (["HOLDS"], 0), (["HOLDS", "INCONCLUSIVE"], 3), (["REFUTED"], 1), (["VACUOUS"], 1), (["AMENDED"], 1), (["OUT OF REACH"], 1),
    (["INCONCLUSIVE", "REFUTED"], 1), (["INCONCLUSIVE", "VACUOUS", "HOLDS"], 1),
])
def test_the_exit_code_is_that_of_the_worst_verdict(verdicts, code):
    claim = planted(same, off_by_one)
    assert set(verdicts) <= set(VERDICTS)
    assert exit_code([Result(claim, verdict) for verdict in verdicts]) == code


@pytest.mark.parametrize("arguments", [
    ["--seed", "-1"], ["--seed", "x"], ["--seed", "1", "--fresh"], ["--workers", "0"], ["--workers", "x"], ["--profile", "nightly"],
    ["--implementation", "torch"], ["--nonsense"], ["show"],
])
def test_what_argparse_refuses_is_usage(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith("usage: python -m proofs_checks")


@pytest.mark.parametrize(("arguments", "message"), [
    (["DLS22/eq-11"], "'DLS22/eq-11' is no claim and matches none; did you mean DLS22/eq-1? (python -m proofs_checks list shows all)"),
    (["list", "zzzz"], "'zzzz' is no claim and matches none (python -m proofs_checks list shows all)"),
    (["show", "nowhere.py"], "nowhere.py is not a file; name an existing .py file that declares a Paper"),
    (["DLS22/iota", "--json", "/no/such/folder/run.json"], "the folder of /no/such/folder/run.json does not exist"),
    (["DLS22/iota", "--markdown", "/no/such/folder/page.md"], "the folder of /no/such/folder/page.md does not exist"),
])
def test_a_name_that_is_wrong_is_usage_and_one_sentence(arguments, message, capsys):
    assert main(arguments) == 2
    assert capsys.readouterr() == ("", f"proofs_checks: {message}\n")


def test_a_need_that_nobody_declares_is_usage(tmp_path, capsys):
    assert main([write(tmp_path / "mine.py", entry("a"), entry("b", keywords="needs=['MINE/aa']"))]) == 2
    assert capsys.readouterr().err == "proofs_checks: MINE/b needs MINE/aa, which no entry declares; did you mean MINE/a?\n"


def test_a_file_that_declares_a_slug_twice_is_usage(tmp_path, capsys):
    assert main([write(tmp_path / "mine.py", entry("a"), entry("a"))]) == 2
    assert re.fullmatch(r"proofs_checks: .*mine\.py:\d+: RegistryError: MINE/a is declared twice; a slug is the statement's own number\n",
                        capsys.readouterr().err)


@pytest.mark.parametrize("module", ["hypothesis", "numpy"])
def test_a_missing_extra_is_4_and_says_what_to_install(module, good):
    run = python(good, code=f"import sys; sys.modules['{module}'] = None; from proofs_checks.__main__ import main; sys.exit(main(sys.argv[1:]))")
    assert (run.returncode, run.stdout) == (4, "")
    assert run.stderr == f"proofs_checks: {module} cannot be imported; pip install 'refimpl[audit]' brings what the audit needs\n"


@pytest.mark.parametrize("module", ["rich", "mpmath", "flint"])
def test_an_extra_that_is_imported_later_is_4_too(module, good):
    run = python(good, code=f"import sys; sys.modules['{module}'] = None; from proofs_checks.__main__ import main; sys.exit(main(sys.argv[1:]))")
    assert (run.returncode, run.stdout) == (4, "")
    assert "Traceback" not in run.stderr


def test_kernels_that_cannot_be_imported_are_4(good):
    run = python(good, "--implementation", "kernels",
                 code="import sys; sys.modules['numba'] = None; from proofs_checks.__main__ import main; sys.exit(main(sys.argv[1:]))")
    assert (run.returncode, run.stdout) == (4, "")
    assert run.stderr.startswith("proofs_checks: --implementation kernels: the compiled twins cannot be imported (")
    assert "Traceback" not in run.stderr


def test_an_interrupt_is_130_and_leaves_what_was_found(tmp_path, capsys):
    mine = write(tmp_path / "mine.py", entry("a"), entry("b", returns=INTERRUPT), entry("c"))
    assert main([mine]) == 130
    out, err = capsys.readouterr()
    assert "HOLDS        MINE/a" in out
    assert "MINE/c" not in out
    assert err == "\ninterrupted\n"


@pytest.mark.parametrize("arguments", [["list"], ["DLS22/asm-*"], ["lint"], ["show", "DLS22/iota"], ["--help"]])
def test_a_pipe_that_is_closed_leaves_no_traceback(arguments):
    process = subprocess.Popen([sys.executable, "-m", "proofs_checks", *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()                             # as `| head -1` does, only sooner
    assert process.stderr.read() == ""
    process.stderr.close()
    process.wait()


# ---- as processes

def test_the_process_has_the_exit_code_and_the_streams(bad):
    run = python(bad)
    assert (run.returncode, run.stderr) == (1, "")
    assert run.stdout.startswith("verdict ")
    assert "\x1b" not in run.stdout


def test_a_run_does_not_depend_on_the_order_of_hashing(tmp_path):
    names = ["DLS22/eq-1", "HERMITE/several-power"]
    run = python(*names, "--markdown", str(tmp_path / "page.md"), env=os.environ | {"PYTHONHASHSEED": "1"})
    assert (run.returncode, run.stderr) == (0, "")
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == markdown([audit_one(claim) for claim in select(names)])


# ---- found wrong

def exits(arguments, capsys):
    """The exit code, whichever way it is given."""
    try:
        return main(arguments), *capsys.readouterr()
    except SystemExit as stop:
        return stop.code, *capsys.readouterr()


@pytest.mark.parametrize("flag", ["--json", "--markdown"])
def test_a_file_that_cannot_be_written_is_usage_before_anything_runs(good, tmp_path, capsys, flag):
    assert main([good, flag, str(tmp_path)]) == 2          # a folder; a folder without permission ends alike
    assert capsys.readouterr().out == ""


def test_an_empty_name_of_a_file_is_usage(good, capsys):
    code, _, err = exits([good, "--json", ""], capsys)
    assert code == 2
    assert "the name of the file is empty" in err


@pytest.mark.parametrize(("arguments", "said"), [(["--seed", "x"], "invalid whole"), (["--workers", "x"], "invalid positive")])
def test_a_word_for_a_number_is_answered_in_the_readers_words(arguments, said, capsys):
    code, _, err = exits(arguments, capsys)
    assert code == 2
    assert said not in err


def test_names_may_stand_on_both_sides_of_an_option(good, capsys):
    code, out, _ = exits([f"{good}:a", "--seed", "3", f"{good}:b"], capsys)
    assert code == 0
    assert "MINE/a" in out
    assert "MINE/b" in out


def test_lint_refuses_a_name_that_it_does_not_know(capsys):
    assert main(["lint", "zzzz"]) == 2


def test_lint_takes_a_file_that_is_named_twice_once(good):
    assert main(["lint", good, good]) == 0


def test_a_run_that_audits_nothing_does_not_pass(tmp_path):
    assert main([write(tmp_path / "mine.py")]) != 0


def test_the_second_of_two_drafts_is_audited_too(tmp_path):
    first, second = write(tmp_path / "first.py", entry("a")), write(tmp_path / "second.py", entry("a", returns=FALSE))
    assert main([first, second]) != 0


def test_a_false_statement_under_an_id_of_the_package_does_not_pass(tmp_path):
    assert main([write(tmp_path / "mine.py", entry("iota", returns=FALSE, key="DLS22"), key="DLS22")]) != 0


@pytest.mark.parametrize("text", ["def f(:\n", "1 / 0\n", "import no_such_module_anywhere\n"], ids=["syntax", "raises", "imports"])
def test_a_file_that_cannot_be_loaded_is_usage(tmp_path, text, capsys):
    (tmp_path / "mine.py").write_text(text)
    assert main([str(tmp_path / "mine.py")]) == 2
    assert "mine.py" in capsys.readouterr().err


def test_a_pipe_that_is_closed_is_no_wrong_verdict():
    with subprocess.Popen([sys.executable, "-m", "proofs_checks", "DLS22/iota"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        process.stdout.close()
        assert process.wait() != 1


def test_a_statement_in_greek_is_shown_on_any_terminal(tmp_path):
    mine = write(tmp_path / "mine.py", entry(statement="κ is κ."))
    assert python(mine, env=os.environ | {"PYTHONIOENCODING": "ascii"}).returncode == 0


def test_the_columns_of_list_stay_apart(tmp_path, capsys):
    mine = write(tmp_path / "mine.py", entry("a-slug-that-is-longer-than-its-column", keywords="covers=['A-LABEL', 'ANOTHER', 'AND-A-THIRD']"))
    assert main(["list", mine]) == 0
    assert capsys.readouterr().out.split()[:6] == ["MINE/a-slug-that-is-longer-than-its-column", "HOLDS", "A-LABEL", "ANOTHER", "AND-A-THIRD", "k"]
