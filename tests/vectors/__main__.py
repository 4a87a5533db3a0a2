"""Print what our modules make of the cases of public systems; exit 1 where one misses."""

import sys
from collections.abc import Iterator, Sequence

from tests.vectors.table import Result, run


def main() -> int:
    """Print a line per system, then what missed; give the exit status."""
    results = list(run())
    misses = [miss for found in results for miss in found.misses]
    sys.stdout.writelines(f"{line}\n" for line in (*draw(results), *misses))
    return 1 if misses else 0


def draw(results: Sequence[Result]) -> Iterator[str]:
    """Give the table's lines."""
    yield f"{'system':<16}{'cases':>7}{'passed':>8}{'missed':>8}{'not covered':>13}  why"
    for found in results:
        why = "; ".join(f"{reason} ({count})" for reason, count in sorted(found.left_out.items()))
        yield _line(found.system, found.cases, found.passed, sum(found.left_out.values()), why)
    yield _line(
        "all",
        sum(found.cases for found in results),
        sum(found.passed for found in results),
        sum(sum(found.left_out.values()) for found in results),
        "",
    )


def _line(name: str, cases: int, passed: int, left: int, why: str) -> str:
    return f"{name:<16}{cases:>7}{passed:>8}{cases - passed - left:>8}{left:>13}  {why}".rstrip()


if __name__ == "__main__":
    sys.exit(main())
