"""The fleet's passes and ticks: against memory, against scipy, against each other, as it grows.

What is compared takes turns, so that a busy machine slows both; of each the median counts. Ticks
must find the very set that a full pass finds, or the benchmark fails.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from daemon.margin.book.arrays import Rows
from daemon.margin.book.book import Book
from daemon.margin.book.compiling import compiled_loosely
from daemon.margin.book.engine import Engine, share_out
from daemon.margin.book.exact import bound
from daemon.margin.book.factors import Factors
from daemon.margin.book.valuation import sum_rows, value_all
from tests.bench.figures import Figure, Figures, median
from tests.bench.fleets import ASSETS, Fleet, make_fleet

SIZES: Final = {"10k": 10_000, "100k": 100_000, "1m": 1_000_000}
ROUNDS: Final = 15
TICKS: Final = 50
FUZZ_ROUNDS: Final = 200
READ_BYTES: Final = 160_000_000
Say = Callable[[str], None]


def run(say: Say) -> Figures:
    """Measure up to 1,000,000 accounts."""
    return measure(say, sizes=SIZES, rounds=ROUNDS, fuzz_rounds=FUZZ_ROUNDS)


def measure(
    say: Say, *, sizes: Mapping[str, int], rounds: int, fuzz_rounds: int
) -> Mapping[str, Figure]:
    """Measure fleets of some sizes, the last of which the targets are for."""
    figures: dict[str, Figure] = {}
    largest = [*sizes][-1]
    for name, size in sizes.items():
        fleet = make_fleet(size)
        book = Book(fleet.columns)
        book.rebase(fleet.factors)
        times = _time_all(fleet, book, rounds)
        say(_describe(name, fleet, times))
        figures |= _show_growth(name, book, times)
        if name == largest:
            figures |= _show_ratios(fleet, book, times)
            found = fuzz(fleet, book, rounds=fuzz_rounds)
            say(f"{fuzz_rounds} moves, the same {found} accounts by tick and by full pass")
    return figures


def _time_all(fleet: Fleet, book: Book, rounds: int) -> Mapping[str, float]:
    """Time a read of memory, passes and ticks by turns; give the median of each in seconds."""
    memory, out = np.ones(READ_BYTES // 8), np.empty(fleet.columns.size)
    shares = np.ones(2 * ASSETS)
    shares[0] = 0.999
    moved = [fleet.move(shares), fleet.factors]
    ways: Mapping[str, Callable[[], object]] = {
        "read": lambda: share_out(_read, len(memory), memory, np.empty(1)),
        "pass": lambda: value_all(fleet.columns, fleet.factors, out=out),
        "one": lambda: value_all(fleet.columns, fleet.factors, out=out, threads=1),
        "scipy": lambda: value_all(fleet.columns, fleet.factors, out=out, engine=Engine.SPARSE),
        "ticks": lambda: [book.find(moved[n % 2]) for n in range(TICKS)],
    }
    seconds = time_by_turns(ways, rounds)
    begun = time.perf_counter()
    book.rebase(fleet.factors)
    return seconds | {
        "tick": seconds["ticks"] / TICKS,
        "rebase": time.perf_counter() - begun,
        "bandwidth": memory.nbytes / seconds["read"],
    }


def time_by_turns(ways: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Time each way by turns, its caches filled by a call before; give the medians in seconds."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            way()
            began = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - began)
    return {name: median(took) for name, took in seconds.items()}


@compiled_loosely
def _read(low: int, high: int, values: Sequence[float], out: list[float]) -> None:
    total = 0.0
    for place in range(low, high):
        total += values[place]
    out[0] = total


def _count_bytes(book: Book) -> int:
    """Count what columns, wide rows and index hold of positions and rows."""
    index, columns = book._index, book.columns
    if index is None:
        raise RuntimeError("the book is not certified")
    wide = [array for pair in columns.wide.values() for array in pair]
    ranked, pairs = index.certificates, index.pairs
    kept = [ranked.ranked, ranked.rows, pairs.ratios, pairs.rows]
    return sum(each.nbytes for each in (columns.numbers, columns.amounts, *wide, *kept))


def _show_growth(name: str, book: Book, times: Mapping[str, float]) -> Figures:
    size = book.columns.size
    return {
        f"fleet.full_pass_ns_per_account_{name}": Figure(
            value=times["pass"] / size * 1e9, unit="ns"
        ),
        f"fleet.tick_us_{name}": Figure(value=times["tick"] * 1e6, unit="µs"),
        f"fleet.rebase_ms_{name}": Figure(value=times["rebase"] * 1e3, unit="ms"),
        f"fleet.bytes_per_account_{name}": Figure(value=_count_bytes(book) / size, unit="B"),
    }


def _show_ratios(fleet: Fleet, book: Book, times: Mapping[str, float]) -> Figures:
    floor = fleet.least_bytes / times["bandwidth"]
    return {
        "fleet.full_pass_over_bandwidth_floor": Figure(
            value=times["pass"] / floor, unit="ratio", target=3
        ),
        "fleet.full_pass_vs_scipy": Figure(
            value=times["scipy"] / times["pass"], unit="ratio", better="higher", target=2
        ),
        "fleet.full_pass_one_thread_vs_scipy": Figure(
            value=times["scipy"] / times["one"], unit="ratio", better="higher"
        ),
        "fleet.tick_vs_full_pass": Figure(
            value=times["pass"] / times["tick"], unit="ratio", better="higher", target=20
        ),
        "fleet.full_pass_ms": Figure(value=times["pass"] * 1e3, unit="ms"),
        "fleet.bytes_per_account": Figure(value=_count_bytes(book) / fleet.columns.size, unit="B"),
    }


def _describe(name: str, fleet: Fleet, times: Mapping[str, float]) -> str:
    positions = len(fleet.columns.flatten().numbers) / fleet.columns.size
    return (
        f"{name}: {positions:.2f} positions an account, {len(fleet.columns.wide)} wide; pass "
        f"{times['pass'] * 1e3:.2f} ms, one thread {times['one'] * 1e3:.2f}, scipy "
        f"{times['scipy'] * 1e3:.2f}, tick {times['tick'] * 1e6:.0f} µs, rebase "
        f"{times['rebase'] * 1e3:.0f} ms; memory {times['bandwidth'] / 1e9:.0f} GB/s"
    )


def fuzz(fleet: Fleet, book: Book, *, rounds: int) -> int:
    """Move prices at random; give how many accounts were found under 1 in all rounds.

    RuntimeError where tick and full pass find other ones.
    """
    rng, found = np.random.default_rng(3), 0
    for _ in range(rounds):
        size = rng.choice([1e-4, 1e-3, 5e-3, 0.03])
        factors = fleet.move(np.exp(rng.normal(0, size, 2 * ASSETS)))
        rows = np.sort(book.find(factors).rows)
        if not np.array_equal(rows, _find_all(book, factors)):
            raise RuntimeError("a tick and a full pass find other accounts")
        found += len(rows)
        if book.due:
            book.rebase(factors)
    return found


def _find_all(book: Book, factors: Factors) -> Rows:
    sums = sum_rows(book.columns, factors, np.arange(book.columns.size))
    found: Rows = np.flatnonzero(bound(sums, factors.formula).health_low < 1)
    return found
