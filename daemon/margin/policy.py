"""What an owner wants done about his margin account, and within which limits."""

from dataclasses import dataclass

from chains.model.units import Usd, Wad


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Act below `trigger`, restore to `target` (health factors x 1e18)."""

    trigger: Wad
    target: Wad


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The rules of one margin account; a band that is None never triggers.

    `min_size` and `max_cost` are USD x 1e8 per action.
    """

    unified: Band | None
    native: Band | None
    min_size: Usd
    max_cost: Usd
    cooldown_s: int
    deadline_s: int
