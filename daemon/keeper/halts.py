"""What stands still and why: the keeper, its liquidations, single lanes.

What must hold and does not stands until an operator takes it back, over restarts. A state that
cannot be written stands only until it can be written again.
"""

from typing import Final

import structlog

from daemon.storage.errors import Conflict, StorageError
from daemon.storage.store import Store

log = structlog.get_logger(__name__)

KEEPER: Final = "keeper"
HUNT: Final = "liquidations"
MEND_S: Final = 5.0
"""How long to wait before a state that could not be written is tried again."""
_PROBE: Final = "writing"


class Halts:
    """The reasons by scope; `unwritten` ones are recorded as soon as the store takes them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reasons: dict[str, str] = {}
        self._broken: dict[str, str] = {}
        self._unwritten: dict[str, str] = {}
        self._tried_at = 0.0

    async def load(self) -> None:
        """Take up what stood still when the process ended."""
        self._reasons = await self._store.read_halts()
        self._reasons.pop(_PROBE, None)

    def why(self, scope: str) -> str | None:
        """Say why a scope stands still, None when it does not."""
        return self._reasons.get(scope) or self._broken.get(scope)

    @property
    def all(self) -> dict[str, str]:
        """Every reason by scope."""
        return self._broken | self._reasons

    def hold(self, scope: str, reason: str | None) -> None:
        """Let a scope stand still for the life of this process; None lets it go."""
        self._reasons.pop(scope, None)
        if reason is not None:
            self._reasons[scope] = reason

    async def halt(self, scope: str, reason: str) -> None:
        """Let a scope stand still also after a restart."""
        self.hold(scope, reason)
        log.critical("keeper.halted", scope=scope, reason=reason)
        try:
            await self._store.write_halt(scope, reason)
        except StorageError as error:
            self._unwritten[scope] = reason
            self.break_off(KEEPER, error)

    def break_off(self, scope: str, error: StorageError) -> None:
        """Let a scope stand still while the state cannot be written.

        A Conflict is no matter of the disk: memory and journal disagree until the next start.
        """
        log.critical("keeper.halted", scope=scope, reason=str(error))
        if isinstance(error, Conflict):
            self._reasons.setdefault(scope, str(error))
        else:
            self._broken[scope] = str(error)

    async def mend(self, now: float) -> None:
        """Try whether the state can be written again, now and then; `now` in seconds."""
        if not self._broken or abs(now - self._tried_at) < MEND_S:
            return
        self._tried_at = now
        try:
            for scope, reason in tuple(self._unwritten.items()):
                await self._store.write_halt(scope, reason)
                del self._unwritten[scope]
            await self._store.write_halt(_PROBE, "whether the state can be written")
            await self._store.write_halt(_PROBE, None)
        except StorageError:
            return
        log.warning("keeper.writes_again", scopes=sorted(self._broken))
        self._broken.clear()
