"""The benchmarks there are: a name, and a function that yields figures and says how it went."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tests.bench import (
    agreeing,
    attesting,
    crossing,
    decoding,
    fleet,
    losses,
    math_utils,
    pricing,
    proving,
    reaction,
    scanning,
    slot_reaction,
    snapshot,
    verifying,
)
from tests.bench.figures import Figures

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """One benchmark; the names of its figures begin with its own and a dot."""

    name: str
    run: Callable[[Say], Figures]


REGISTRY: Final = (
    Benchmark(name="snapshot", run=snapshot.run),
    Benchmark(name="attesting", run=attesting.run),
    Benchmark(name="reaction", run=reaction.run),
    Benchmark(name="slot_reaction", run=slot_reaction.run),
    Benchmark(name="decoding", run=decoding.run),
    Benchmark(name="scanning", run=scanning.run),
    Benchmark(name="verifying", run=verifying.run),
    Benchmark(name="proving", run=proving.run),
    Benchmark(name="agreeing", run=agreeing.run),
    Benchmark(name="options", run=pricing.run),
    Benchmark(name="fleet", run=fleet.run),
    Benchmark(name="losses", run=losses.run),
    Benchmark(name="math_utils", run=math_utils.run),
    Benchmark(name="vault", run=crossing.run),
)


def select(names: Sequence[str]) -> tuple[Benchmark, ...]:
    """Give the benchmarks of these names, all without any; ValueError names those there are."""
    known = {benchmark.name: benchmark for benchmark in REGISTRY}
    for name in names:
        if name not in known:
            raise ValueError(f"there is no benchmark {name!r}: {', '.join(known)}")
    return tuple(b for b in REGISTRY if not names or b.name in names)
