"""The commands: ``python -m proofs_checks [run] [ID | GLOB | FILE.py ...]``, ``list``, ``show``, ``lint``, ``stress``, ``graph``."""

from __future__ import annotations

import argparse
import sys

from refimpl._arguments import positive, whole

OK, FAILED, USAGE, UNDECIDED, BROKEN, INTERRUPTED = 0, 1, 2, 3, 4, 130
COMMANDS = {
    "run": "run the audit (all of it, or what is named); the default command",
    "list": "list the statements",
    "show": "explain one statement in full",
    "lint": "check the entries without running them",
    "stress": "run the stochastic entries again and again under fresh seeds",
    "graph": "which statement needs which, as Graphviz DOT",
}
EXITS = ("exit code: 0 every verdict is the expected one; 1 one is not, or a check cannot fail; 2 usage; "
         "3 something is INCONCLUSIVE; 4 a missing extra or broken environment; 130 interrupted")


def parser(command: str) -> argparse.ArgumentParser:
    """The arguments of one command; argparse alone is imported to read them."""
    listing = "".join(f"\n    {name:<8}{text}" for name, text in COMMANDS.items())
    p = argparse.ArgumentParser(
        prog=f"python -m proofs_checks {command}" if command != "run" else "python -m proofs_checks [run]",
        description=f"{COMMANDS[command]}." + (f"\n\ncommands:{listing}" if command == "run" else ""),
        formatter_class=argparse.RawDescriptionHelpFormatter, epilog=EXITS)
    p.set_defaults(command=command)
    p.add_argument("names", nargs="+" if command == "show" else "*", metavar="ID|GLOB|FILE.py", help="what it is about; everything by default")
    if command == "run":
        for kind, text in (("json", "JSON, the canonical form"), ("html", "one self-contained page"), ("junit", "JUnit XML"), ("markdown", "the verdicts")):
            p.add_argument(f"--{kind}", type=_file, metavar="FILE", help=f"write the run as {text}")
        p.add_argument("--profile", choices=("quick", "full"), default="quick", help="how many instances (quick)")
    if command in ("run", "show"):
        p.add_argument("--mutants", action=argparse.BooleanOptionalAction, default=True,
                       help="count the automatic mutants that each entry kills (yes; a third of a second an entry)")
        p.add_argument("--implementation", choices=("numpy", "kernels"), default="numpy", help="which side of the twins runs (numpy)")
    if command in ("run", "stress"):
        p.add_argument("--workers", type=positive, default=1, metavar="N", help="processes (1)")
    if command in ("run", "show", "stress"):
        seeds = p.add_mutually_exclusive_group()
        seeds.add_argument("--seed", type=whole, default=0, metavar="N", help="seed of the instances (0)")
        seeds.add_argument("--fresh", action="store_true", help="a seed that was not used before; it is printed")
    if command == "stress":
        p.add_argument("--runs", type=positive, default=100, metavar="N", help="runs of each statistical entry and level, of scaling laws a tenth (100)")
        p.add_argument("--mutate-source", type=positive, metavar="N", help="instead: N mutants of refimpl's source, each against the entries that reach it")
    return p


def _file(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("the name of the file is empty; give a path such as run.json")
    return text


def main(argv: list[str] | None = None) -> int:
    """Run one command; the exit code is the result."""
    argv = sys.argv[1:] if argv is None else argv
    command, rest = (argv[0], argv[1:]) if argv and argv[0] in COMMANDS else ("run", argv)
    args = parser(command).parse_intermixed_args(rest)
    try:
        from proofs_checks.engine import commands

        return commands.dispatch(args)
    except ModuleNotFoundError as error:
        print(f"proofs_checks: {error.name} cannot be imported; pip install 'refimpl[audit]' brings what the audit needs", file=sys.stderr)
        return BROKEN
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
