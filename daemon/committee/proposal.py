"""Whether a proposed statement is what a member would state himself: pure, no clock.

Compared field by field, leaves before the header that covers them, so that the first difference
names what the two members saw differently.
"""

from collections.abc import Iterator, Sequence
from itertools import chain

from daemon.stating import bound_issue_time
from proofs.committee import Committee
from proofs.statement import Statement
from proofs.typed import Dataclass, Member, describe

_INDEX = "index"


class Disagreement(Exception):
    """A member does not sign what was proposed; the text says why."""


def find_proposer(committee: Committee, sequence: int) -> int:
    """Give the index of the member whose turn a sequence is."""
    return sequence % len(committee.members)


def find_difference(proposed: Statement, own: Statement) -> str | None:
    """Name the first field in which two statements differ, None where they are one."""
    if proposed.deployment != own.deployment:
        return f"the deployment is {proposed.deployment!r}, mine is {own.deployment!r}"
    if proposed.committee.id != own.committee.id:
        return f"the committee is 0x{proposed.committee.id.hex()}, mine is another"
    lists: Sequence[tuple[str, Sequence[Dataclass], Sequence[Dataclass]]] = (
        ("blocks", proposed.leaves.blocks, own.leaves.blocks),
        ("accounts", proposed.leaves.accounts, own.leaves.accounts),
        ("params.markets", proposed.params.markets, own.params.markets),
        ("params.assets", proposed.params.assets, own.params.assets),
        ("prices", proposed.leaves.prices, own.leaves.prices),
        ("positions", proposed.leaves.positions, own.leaves.positions),
    )
    differences = chain(
        *(_compare_leaves(name, theirs, mine) for name, theirs, mine in lists),
        _compare("header", proposed.header, own.header),
    )
    return next(differences, None)


def check_issue_time(statement: Statement, period_s: int) -> None:
    """Check that issuedAt follows from the sequence and the blocks' times; Disagreement if not.

    The reference time may be any within the sequence's period.
    """
    times = [block.time for block in statement.leaves.blocks]
    if not times:
        raise Disagreement("it names no block")
    first = statement.header.sequence * period_s
    bound, issued_at = bound_issue_time(times), statement.header.issued_at
    low, high = min(first, bound), min(first + period_s - 1, bound)
    if not low <= issued_at <= high:
        raise Disagreement(f"header.issuedAt is {issued_at}, not from {low} to {high}")


def _compare_leaves(
    name: str, theirs: Sequence[Dataclass], mine: Sequence[Dataclass]
) -> Iterator[str]:
    for place, (their, my) in enumerate(zip(theirs, mine, strict=False)):
        yield from _compare(f"{name}[{place}]", their, my)
    if len(theirs) != len(mine):
        yield f"{len(theirs)} {name} are listed, I have {len(mine)}"


def _compare(path: str, their: Dataclass, my: Dataclass) -> Iterator[str]:
    for member in describe(type(my)).members:
        if member.attribute == _INDEX:
            continue
        stated, found = getattr(their, member.attribute), getattr(my, member.attribute)
        if stated != found:
            yield f"{path}.{member.name} is {_show(member, stated)}, I have {_show(member, found)}"


def _show(member: Member, value: object) -> str:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return str(value) if member.is_text else str(int(str(value)))
