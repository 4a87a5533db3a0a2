"""`make bench`: runs benchmarks, prints their figures and writes `bench.json`.

A slow figure is no failure: the exit code is 1 only where a benchmark could not run.
"""

import argparse
import sys
import traceback
from pathlib import Path
from typing import Final

from daemon.devnet.artifacts import ROOT
from tests.bench.figures import Figure, format_table, write_figures
from tests.bench.registry import Benchmark, select

OUTPUT: Final = ROOT / "bench.json"


def main() -> int:
    """Run what the command line names, everything without a name."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", help="benchmarks to run; all of them without a name")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="where the figures go")
    arguments = parser.parse_args()
    try:
        chosen = select(arguments.names)
    except ValueError as error:
        parser.error(str(error))
    figures: dict[str, Figure] = {}
    failed = [benchmark.name for benchmark in chosen if not _run(benchmark, figures)]
    write_figures(arguments.output, figures, keep_others=bool(arguments.names))
    _say(format_table(figures))
    if failed:
        _say(f"could not run: {', '.join(failed)}")
    return 1 if failed else 0


def _run(benchmark: Benchmark, figures: dict[str, Figure]) -> bool:
    """Run one benchmark; what it could not do is shown, and the others still run."""
    _say(f"== {benchmark.name}")
    try:
        figures.update(benchmark.run(_say))
    except Exception:  # noqa: BLE001 -- one that cannot run must not hide the others
        traceback.print_exc()
        return False
    return True


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
