"""Says once in the log what began to be wrong with an account, and once that it is well again."""

from collections.abc import Mapping
from typing import Final

import structlog

from chains.model.ids import AccountId

_log = structlog.get_logger(__name__)


class Told:
    """Remembers of whom was told; `began` and `ended` are the names of the two events."""

    def __init__(self, began: str, ended: str) -> None:
        self._began: Final = began
        self._ended: Final = ended
        self._known: frozenset[AccountId] = frozenset()

    def tell(self, reasons: Mapping[AccountId, str]) -> None:
        """Warn of accounts that are new among these, and tell of those that left."""
        for account in sorted(reasons.keys() - self._known):
            _log.warning(self._began, account=str(account), reason=reasons[account])
        for account in sorted(self._known - reasons.keys()):
            _log.info(self._ended, account=str(account))
        self._known = frozenset(reasons)
