"""The commands: ``python -m proofs_checks [run] [ID | GLOB | FILE.py ...]``, ``list``, ``show ID``, ``lint``."""

from __future__ import annotations

import argparse
import sys

OK, FAILED, USAGE, UNDECIDED, BROKEN, INTERRUPTED = 0, 1, 2, 3, 4, 130
COMMANDS = ("run", "list", "show", "lint")


def parser() -> argparse.ArgumentParser:
    """The arguments; argparse alone is imported to read them."""
    p = argparse.ArgumentParser(
        prog="python -m proofs_checks",
        description="Audit the papers' equations: a table on stdout, progress on stderr. run is the default command.",
        epilog="exit code: 0 every verdict is the expected one; 1 one is not, or a check cannot fail; 2 usage; "
               "3 something is INCONCLUSIVE; 4 a missing extra or broken environment; 130 interrupted")
    commands = p.add_subparsers(dest="command", metavar="{run,list,show,lint}")
    run = commands.add_parser("run", help="run the audit (all of it, or what is named)")
    run.add_argument("names", nargs="*", metavar="ID|GLOB|FILE.py")
    run.add_argument("--json", metavar="FILE", help="write the run as JSON")
    run.add_argument("--markdown", metavar="FILE", help="write the verdicts as Markdown")
    run.add_argument("--implementation", choices=("numpy", "kernels"), default="numpy", help="which side of the twins runs (numpy)")
    seeds = run.add_mutually_exclusive_group()
    seeds.add_argument("--seed", type=_whole, default=0, metavar="N", help="seed of the instances (0)")
    seeds.add_argument("--fresh", action="store_true", help="a seed that was not used before; it is printed")
    run.add_argument("--profile", choices=("quick", "full"), default="quick", help="how many instances (quick)")
    run.add_argument("--workers", type=_positive, default=1, metavar="N", help="processes (1)")
    listing = commands.add_parser("list", help="list the statements")
    listing.add_argument("names", nargs="*", metavar="ID|GLOB|FILE.py")
    show = commands.add_parser("show", help="explain one statement in full")
    show.add_argument("names", nargs="+", metavar="ID")
    lint = commands.add_parser("lint", help="check the entries without running them")
    lint.add_argument("names", nargs="*", metavar="FILE.py")
    return p


def _whole(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{value} is negative; a seed is a whole number from 0")
    return value


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is below 1; the audit needs at least one worker")
    return value


def main(argv: list[str] | None = None) -> int:
    """Run one command; the exit code is the result."""
    argv = sys.argv[1:] if argv is None else argv
    if not (argv and (argv[0] in COMMANDS or argv[0] in ("-h", "--help"))):
        argv = ["run", *argv]
    args = parser().parse_args(argv)
    try:
        from proofs_checks.engine import commands
    except ImportError as error:
        print(f"proofs_checks: {error.name or error} cannot be imported; pip install 'refimpl[audit]' brings what the audit needs", file=sys.stderr)
        return BROKEN
    try:
        return commands.dispatch(args)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
