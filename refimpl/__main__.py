"""The commands: ``python -m refimpl list | reproduce NAME | export STORE | doctor``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from refimpl._arguments import positive, whole
from refimpl.experiments import NAMES

OK, FAILED, USAGE, BROKEN, INTERRUPTED = 0, 1, 2, 4, 130
EXITS = "exit code: 0 done; 1 a cell failed, or a store cannot be used; 2 usage; 4 a missing extra or broken environment; 130 interrupted"


def parser() -> argparse.ArgumentParser:
    """The arguments; argparse alone is imported to read them."""
    p = argparse.ArgumentParser(prog="python -m refimpl", description="The figures of the papers, from one command.", epilog=EXITS)
    commands = p.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("list", help="what can be reproduced")
    one = commands.add_parser("reproduce", help="compute and draw one figure", epilog=EXITS)
    one.add_argument("name", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    one.add_argument("--quick", action="store_true", help="smaller, within a minute: the same figure to the eye")
    where = one.add_mutually_exclusive_group()
    where.add_argument("--workers", type=positive, metavar="N", help="processes on this machine (one a core)")
    where.add_argument("--scheduler", metavar="ADDRESS", help="of a dask cluster, such as tcp://10.0.0.1:8786")
    one.add_argument("--store", type=Path, metavar="FILE", help="where cells are kept (DIR/NAME.sqlite)")
    one.add_argument("--out", type=Path, default=Path("figures"), metavar="DIR", help="where the figure is written (figures)")
    one.add_argument("--seed", type=whole, default=0, metavar="N", help="root seed (0)")
    one.add_argument("--implementation", choices=("auto", "numpy", "kernels"), help="which side of the twins runs (REFIMPL_IMPLEMENTATION, or auto)")
    rows = commands.add_parser("export", help="print the cells of a store", epilog=EXITS)
    rows.add_argument("store", type=Path, metavar="STORE", help="the file")
    rows.add_argument("--format", choices=("csv", "jsonl"), default="csv", help="a table, or a JSON object a line (csv)")
    doctor = commands.add_parser("doctor", help="what this installation has and lacks", epilog=EXITS)
    doctor.add_argument("--json", action="store_true", help="as JSON")
    return p


def main(argv: list[str] | None = None) -> int:
    """Run one command; the exit code is the result."""
    args = parser().parse_args(argv)
    if args.command == "list":
        print("\n".join(f"{name:<20}{what}" for name, what in NAMES.items()))
        return OK
    try:
        return _run(args)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return INTERRUPTED
    except ImportError as error:
        return _say(error, BROKEN)
    except Exception as error:
        if not _told(error):
            raise
        return _say(error, FAILED)


def _run(args: argparse.Namespace) -> int:
    if args.command == "doctor":
        from refimpl.doctor import run

        return run(json=args.json)
    if args.command == "export":
        from refimpl.sweeps import export

        for line in export(args.store, args.format, timings=True):
            print(line)
        return OK
    from refimpl import implementation
    from refimpl._twins import current_implementation
    from refimpl.experiments.reproduce import reproduce

    with implementation(args.implementation or current_implementation()):
        return reproduce(args.name, quick=args.quick, workers=args.workers, scheduler=args.scheduler, store=args.store, out=args.out, seed=args.seed)


def _told(error: Exception) -> bool:
    """Whether the message is for whoever gave the command: of its arguments, its files, its cluster."""
    from refimpl.errors import DomainError
    from refimpl.sweeps import SweepError

    return isinstance(error, SweepError | DomainError | OSError)


def _say(error: Exception, code: int) -> int:
    print(f"refimpl: {error}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
