"""A block engine with Jito's methods: bundles that land whole, in order, in one block, or not.

A bundle waits until the next slot; it lands when every transaction in it succeeds and one of them
tips. Source: https://docs.jito.wtf/lowlatencytxnsend/ (read, not run).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from solders.account import Account
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from chains.rpc.endpoint import Json
from daemon.devnet.solana.blocks import Level
from daemon.devnet.solana.ledger import Landed, NotProcessed
from daemon.devnet.solana.sending_methods import read_transaction, verify
from daemon.devnet.solana.views import View, in_context
from daemon.devnet.solana.wire import BadParams, Handler, Params

MAX_BUNDLE: Final = 5
MIN_TIP: Final = 1_000
"""Lamports below which the engine takes no bundle."""
# Funded, or a small tip would leave it below what frees it from rent, and so fail.
_TIP_ACCOUNT: Final = Account(10**9, b"", Pubkey.default())


@dataclass(slots=True, kw_only=True)
class _Bundle:
    transactions: tuple[VersionedTransaction, ...]
    status: str = "Pending"
    landed_slot: int | None = None

    @property
    def signatures(self) -> list[str]:
        return [str(each.signatures[0]) for each in self.transactions]


class BlockEngine:
    """Bundles of one ledger; `refuses_all` takes them and never lands any."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._ledger = view.ledger
        self._bundles: dict[str, _Bundle] = {}
        self.tip_accounts: Final = tuple(
            Pubkey(hashlib.sha256(b"plimsoll tip account %d" % n).digest()) for n in range(8)
        )
        self.refuses_all = False
        for key in self.tip_accounts:
            if self._ledger.machine.read(key) is None:
                self._ledger.machine.write(key, _TIP_ACCOUNT)
        self._ledger.listen(self._land_pending)

    def handlers(self) -> Mapping[str, Handler]:
        """Give the methods by their names."""
        return {
            "sendBundle": self._send,
            "getTipAccounts": lambda _: [str(key) for key in self.tip_accounts],
            "getBundleStatuses": self._statuses,
            "getInflightBundleStatuses": self._inflight,
        }

    def _send(self, params: Params) -> Json:
        texts, config = params.texts(0), params.config(1)
        if not 1 <= len(texts) <= MAX_BUNDLE:
            raise BadParams(f"bundle contains {len(texts)} transactions, 1 to {MAX_BUNDLE} fit")
        transactions = tuple(read_transaction(text, config) for text in texts)
        for transaction in transactions:
            verify(transaction)
        bundle = _Bundle(transactions=transactions)
        key = hashlib.sha256(",".join(bundle.signatures).encode()).hexdigest()
        self._bundles.setdefault(key, bundle)
        return key

    def _statuses(self, params: Params) -> Json:
        """Give the bundles that landed; the others are left null."""
        found: list[Json] = [self._status(self._bundles.get(key), key) for key in params.texts(0)]
        return in_context(self._view.at(Level.PROCESSED), found)

    def _status(self, bundle: _Bundle | None, key: str) -> Json:
        if bundle is None or bundle.landed_slot is None:
            return None
        signatures: list[Json] = [*bundle.signatures]
        return {
            "bundle_id": key,
            "transactions": signatures,
            "slot": bundle.landed_slot,
            "confirmation_status": self._ledger.blocks.level_of(bundle.landed_slot).value,
            "err": {"Ok": None},
        }

    def _inflight(self, params: Params) -> Json:
        found: list[Json] = []
        for key in params.texts(0):
            bundle = self._bundles.get(key)
            found.append(
                {
                    "bundle_id": key,
                    "status": bundle.status if bundle else "Invalid",
                    "landed_slot": bundle.landed_slot if bundle else None,
                }
            )
        return in_context(self._view.at(Level.PROCESSED), found)

    def _land_pending(self) -> None:
        for bundle in self._bundles.values():
            if bundle.status == "Pending" and not self.refuses_all:
                self._land(bundle)
            elif bundle.landed_slot is not None and self._is_dropped(bundle):
                bundle.status, bundle.landed_slot = "Failed", None

    def _is_dropped(self, bundle: _Bundle) -> bool:
        return self._ledger.find(bundle.signatures[0]) is None

    def _land(self, bundle: _Bundle) -> None:
        try:
            landed = self._ledger.send_all(bundle.transactions, accept=self._tips)
        except NotProcessed:
            bundle.status = "Failed"
        else:
            bundle.status, bundle.landed_slot = "Landed", landed[-1].slot

    def _tips(self, landed: Sequence[Landed]) -> bool:
        """Say whether what landed pays a tip account enough."""
        gains = (
            after - before
            for each in landed
            for key, before, after in zip(
                each.locks.keys, each.balances_before, each.balances_after, strict=True
            )
            if key in self.tip_accounts
        )
        return sum(gains) >= MIN_TIP
