"""What one endpoint of a chain does wrong, on command. Counts run down as they are used."""

from dataclasses import asdict, dataclass
from typing import Final

from chains.rpc.endpoint import Json
from daemon.devnet.solana.wire import BadParams


@dataclass(slots=True, kw_only=True)
class Faults:
    """The faults of one endpoint; all zero is a well one.

    Counted requests: `rate_limited` answer HTTP 429 (with Retry-After, if set), `unmet_slots`
    refuse `minContextSlot`, `dropped_transactions` are taken and never land. Lasting: `lag`
    blocks behind in everything, `stale_accounts` blocks behind in accounts under the new slot,
    `late_slots` until a transaction lands, `silent` never answers, `unhealthy` says so,
    `other_hashes` names blocks by hashes of its own, `sockets_refused`, `sockets_muted`,
    `unpublished_clock` tells sockets nothing of the Clock, as Surfpool does; `scans_refused` serves
    no `getProgramAccounts`, as many providers do; `slots_ignored` answers for whatever slot it is
    at and takes no notice of `minContextSlot`.
    """

    rate_limited: int = 0
    retry_after_s: int = 0
    unmet_slots: int = 0
    dropped_transactions: int = 0
    lag: int = 0
    stale_accounts: int = 0
    late_slots: int = 0
    silent: bool = False
    unhealthy: bool = False
    other_hashes: bool = False
    sockets_refused: bool = False
    sockets_muted: bool = False
    unpublished_clock: bool = False
    scans_refused: bool = False
    slots_ignored: bool = False

    def set(self, changes: dict[str, Json]) -> None:
        """Set faults by name; BadParams on an unknown one."""
        for name, value in changes.items():
            default = _DEFAULTS.get(name)
            if default is None or type(value) is not type(default):
                raise BadParams(f"{name} is no fault, or has another type")
            setattr(self, name, value)

    def heal(self) -> None:
        """Be well again."""
        self.set(dict(_DEFAULTS))

    def use(self, name: str) -> bool:
        """Say whether a counted fault strikes now, and count it down."""
        left = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return bool(left > 0)


_DEFAULTS: Final[dict[str, Json]] = asdict(Faults())
