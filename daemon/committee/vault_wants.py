"""What is wanted of vaults and not signed yet, since when, and what is left to others."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import structlog

HOLD_S: Final = 2.0
"""For how long what this member signed for another is not proposed by itself."""

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class VaultWants:
    """Names of statements wanted by a committee; seconds by one clock.

    `lost` says that something has been wanted in vain for longer than `patience_s`.
    """

    patience_s: float
    failure: str = "nobody proposed it, or nobody was heard"
    lost: str | None = None
    _since: dict[tuple[bytes, str], dict[str, float]] = field(default_factory=dict)
    _held: dict[str, float] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many are wanted."""
        return sum(len(names) for names in self._since.values())

    def want(self, committee: bytes, what: str, names: Iterable[str], now: float) -> None:
        """Note all of a kind that a committee is to sign now."""
        known = self._since.get((committee, what), {})
        self._since[committee, what] = {name: known.get(name, now) for name in names}

    def keep(self, committees: Iterable[bytes]) -> None:
        """Forget what committees want that may say nothing now."""
        kept = set(committees)
        self._since = {key: names for key, names in self._since.items() if key[0] in kept}

    def settle(self, committee: bytes, name: str) -> None:
        """Note that something is signed."""
        for (wanting, _), names in self._since.items():
            if wanting == committee:
                names.pop(name, None)

    def hold(self, name: str, now: float) -> None:
        """Leave something to the member for whom it was signed just now."""
        self._held = {each: until for each, until in self._held.items() if until > now}
        self._held[name] = now + HOLD_S

    def is_held(self, name: str, now: float) -> bool:
        """Say whether something is left to another member."""
        return self._held.get(name, 0.0) > now

    def judge(self, now: float) -> None:
        """Be loud while something is wanted in vain."""
        late = [
            (now - since, name)
            for names in self._since.values()
            for name, since in names.items()
            if now - since > self.patience_s
        ]
        if not late:
            if self.lost is not None:
                log.info("vaults.quorum_back")
            self.lost = None
            return
        waited, name = max(late)
        if self.lost is None:
            log.error("vaults.quorum_lost", statement=name, reason=self.failure)
        self.lost = f"{len(late)} not signed, {name} for {waited:.0f} s: {self.failure}"
