"""One chain's vault as its keeper reads it: everything at one block, in a few calls."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from chains.errors import Stale
from chains.evm.abi.erc20 import ALLOWANCE, BALANCE_OF
from chains.evm.client import EvmClient
from chains.evm.multicall import ReadPlan, ViewCall, ViewResult, combine, read
from chains.evm.protocols.plimsoll_vault.adapter import PlimsollVaultMarket
from chains.evm.protocols.plimsoll_vault.contracts import (
    BAD_DEBT,
    BORROWED_FROM,
    CLAIM_ROOM,
    HEALTH,
    IN_CAP,
    JUDGE_TERMS,
    LENT_TO,
    LINE_CAP,
    PLAN_FIELDS,
    PLAN_LIQUIDATION,
    PLAN_LOCK,
    POOL_STATE,
    STATEMENT,
)
from chains.evm.protocols.plimsoll_vault.indexer import VaultIndexer
from chains.evm.protocols.plimsoll_vault.state import SeizureTerms
from chains.evm.reverts import decode_revert
from chains.evm.vault_anchor import ANCHORS
from chains.evm.vaults import VaultReader
from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId, Address
from chains.model.snapshot import NOBODY, ChainSnapshot
from chains.model.units import Usd
from daemon.keeper.vaults.scene import ChainView, Purse, VaultSite
from daemon.keeper.vaults.seizing import Allowed, Candidate
from daemon.keeper.vaults.steps import build_post
from daemon.margin.risk import Tier
from proofs.vault_document import VaultDocument

_FUND: Final = 3
REASONS: Final[Mapping[str, str]] = {
    "healthy": "the account is healthy at this chain's prices",
    "unread": "a chain of the account is unread beyond grace",
    "stale": "the newest statement of the account is too old",
    "done": "this chain's share is ordered already",
    "debt": "nothing is owed there that no order repays already",
    "dust": "it would be less than the least order",
    "rest": "the pair rests: its last order expired with less than half filled",
    "full": "the account has as many open orders as it may",
    "price": "a price it needs is not good on this chain",
    "committee": "the statement is not of the committee that counts on this chain",
    "quorum": "the statement's quorum does not count on this chain",
}
"""What the contracts' short reasons mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EyeTerms:
    """How a chain's vault is looked at: whose purse, and how its assets' underlyings behave."""

    vault: AccountId
    block_s: int
    tiers: Mapping[str, Tier]
    symbols: Mapping[int, str]
    keeper: Address = NOBODY


@dataclass(slots=True)
class VaultEye:
    """Looks at one chain's vault; `indexer` knows its events up to what was last looked at."""

    client: EvmClient
    reader: VaultReader
    indexer: VaultIndexer
    terms: EyeTerms
    _market: PlimsollVaultMarket | None = field(default=None, init=False)

    @property
    def number(self) -> int:
        """The chain's EIP-155 number."""
        return self.terms.vault.chain.evm_number

    async def look(self, chain: ChainSnapshot, peers: Iterable[int]) -> ChainView:
        """Read the vault where the chain was read; ChainError.

        A vault that listed an asset since it was opened is opened again, once.
        """
        final = await self.reader.read_final()
        await self.indexer.follow(chain.anchor, final.height)
        market = await self._open(chain.anchor)
        try:
            return await self._look(market, chain, final, peers)
        except Stale:
            self._market = None
            market = await self._open(chain.anchor)
            return await self._look(market, chain, final, peers)

    async def tell(
        self, view: ChainView, documents: Mapping[bytes, VaultDocument]
    ) -> Mapping[bytes, tuple[int, int]]:
        """Give both healths of accounts as they would be with these quantities; ChainError.

        One whose quantities the chain would not take, or that it cannot judge, is left out.
        """
        accounts = [account for account in view.accounts if account in documents]
        plans = [_plan_told(view, account, documents[account]) for account in accounts]
        found = await read(self.client, view.anchor, combine(plans))
        return {a: health for a, health in zip(accounts, found, strict=True) if health}

    async def ask(self, candidate: Candidate, document: VaultDocument | None) -> Allowed | str:
        """Give what the collateral's chain would allow of a pair, or why nothing; ChainError.

        `document` are quantities that would be brought before.
        """
        view = candidate.collateral
        calls = [] if document is None else [_view_post(view, document)]
        return await read(self.client, view.anchor, _plan_allowed(candidate, calls))

    async def _open(self, anchor: BlockAnchor) -> PlimsollVaultMarket:
        if self._market is None:
            self._market = await PlimsollVaultMarket.open(
                self.client, anchor, pool=self.terms.vault.evm_address, feeds={}
            )
        return self._market

    async def _look(
        self,
        market: PlimsollVaultMarket,
        chain: ChainSnapshot,
        final: BlockAnchor,
        peers: Iterable[int],
    ) -> ChainView:
        ids, others = sorted(self.indexer.accounts), tuple(peers)
        judge, vault = market.layout.judge, market.layout.vault
        numbers = range(len(market.layout.tokens))
        plan = combine(
            [
                market.plan_assets(),
                market.plan_accounts(ids),
                combine([_plan_statement(judge, id_) for id_ in ids]),
                JUDGE_TERMS.plan(judge),
                combine([self._plan_purse(market, number) for number in numbers]),
                combine([CLAIM_ROOM.plan(vault, number) for number in numbers]),
                combine([POOL_STATE.plan(market.layout.pool, number) for number in numbers]),
                combine([_plan_rooms(vault, other, n) for other in others for n in numbers]),
                combine([ANCHORS.plan(self.reader.contracts.notary, other) for other in others]),
            ]
        )
        found = await read(self.client, chain.anchor, plan)
        assets, accounts, told, terms, purse, claims, pools, rooms, anchors = found
        view = ChainView(
            site=self._site(market),
            anchor=chain.anchor,
            final=final,
            fees=chain.fees,
            assets=assets,
            terms=SeizureTerms(**dict(zip(SeizureTerms.__slots__, terms, strict=True))),
            accounts={account.id: account for account in accounts},
            sequences={id_: one[0] for id_, one in zip(ids, told, strict=True)},
            issued_at={id_: one[1] for id_, one in zip(ids, told, strict=True)},
            purse={number: one for number, one in zip(numbers, purse, strict=True) if one},
            claim_rooms=dict(zip(numbers, claims, strict=True)),
            funds={number: pool[_FUND] for number, pool in zip(numbers, pools, strict=True)},
            written_down={},
            rooms={key: room for pair in rooms for key, room in pair},
            keeper=self.terms.keeper,
            anchors={
                other: Address(anchor)
                for other, anchor in zip(others, anchors, strict=True)
                if anchor != NOBODY
            },
        )
        lost = await read(self.client, chain.anchor, _plan_written_down(view))
        return replace(view, written_down=dict(lost))

    def _site(self, market: PlimsollVaultMarket) -> VaultSite:
        layout = market.layout
        return VaultSite(
            vault=self.terms.vault,
            seizure=layout.seizure,
            judge=layout.judge,
            pool=layout.pool,
            block_s=self.terms.block_s,
            tiers={
                number: self.terms.tiers.get(symbol, Tier.ALT)
                for number, symbol in self.terms.symbols.items()
            },
        )

    def _plan_purse(self, market: PlimsollVaultMarket, number: int) -> ReadPlan[Purse | None]:
        """Plan what the key holds of an asset, in wad; None without a key or a token."""
        token = market.layout.tokens[number]
        if token is None or self.terms.keeper == NOBODY:
            return ReadPlan(calls=(), decode=lambda _: None)
        scale = market.layout.scales[number]
        plan = combine(
            [
                BALANCE_OF.plan(token, self.terms.keeper),
                ALLOWANCE.plan(token, self.terms.keeper, market.layout.pool),
            ]
        )

        def decode(results: Sequence[ViewResult]) -> Purse:
            balance, allowance = plan.decode(results)
            return Purse(balance=balance * scale, allowance=allowance * scale)

        return ReadPlan(calls=plan.calls, decode=decode)


def _plan_statement(judge: Address, account: bytes) -> ReadPlan[tuple[int, int]]:
    """Plan the sequence of the newest quantities a chain was told, and when they were issued."""

    def decode(results: Sequence[ViewResult]) -> tuple[int, int]:
        sequence, issued_at = STATEMENT.decode(results[0].data)
        return sequence, issued_at

    return ReadPlan(calls=(STATEMENT.view(judge, account),), decode=decode)


def _plan_written_down(
    view: ChainView,
) -> ReadPlan[tuple[tuple[tuple[bytes, int], int], ...]]:
    """Plan what is a loss already, of those who owe and have no collateral that counts here."""
    bare = [one for one in view.accounts.values() if not view.weighs(one.id)]
    keys = [(one.id, asset) for one in bare for asset, owed in enumerate(one.legs.debt) if owed]
    vault = view.site.vault.evm_address
    plan = combine([BAD_DEBT.plan(vault, *key) for key in keys])

    def decode(
        results: Sequence[ViewResult],
    ) -> tuple[tuple[tuple[bytes, int], int], ...]:
        return tuple(zip(keys, plan.decode(results), strict=True))

    return ReadPlan(calls=plan.calls, decode=decode)


def _plan_rooms(vault: Address, other: int, asset: int) -> ReadPlan[Any]:
    """Plan what may be added to the lines to a chain, and to those from it."""
    functions = (LENT_TO, LINE_CAP, BORROWED_FROM, IN_CAP)
    plan = combine([function.plan(vault, other, asset) for function in functions])

    def decode(results: Sequence[ViewResult]) -> tuple[tuple[tuple[bool, int, int], int], ...]:
        lent, cap, borrowed, in_cap = plan.decode(results)
        return (
            ((False, other, asset), max(0, cap - lent)),
            ((True, other, asset), max(0, in_cap - borrowed)),
        )

    return ReadPlan(calls=plan.calls, decode=decode)


def _view_post(view: ChainView, document: VaultDocument) -> ViewCall:
    """Give the call that brings quantities, as part of a read: it changes nothing."""
    call = build_post(view, document)
    return ViewCall(target=call.target, data=call.data, allow_failure=True)


def _plan_told(
    view: ChainView, account: bytes, document: VaultDocument
) -> ReadPlan[tuple[int, int] | None]:
    health = HEALTH.view(view.site.judge, account, allow_failure=True)

    def decode(results: Sequence[ViewResult]) -> tuple[int, int] | None:
        posted, judged = results
        if not (posted.success and judged.success):
            return None
        low, high = HEALTH.decode(judged.data)
        return low, high

    return ReadPlan(calls=(_view_post(view, document), health), decode=decode)


def _plan_allowed(candidate: Candidate, before: Sequence[ViewCall]) -> ReadPlan[Allowed | str]:
    view = candidate.collateral
    function = PLAN_LOCK if candidate.crosses else PLAN_LIQUIDATION
    abroad = (candidate.debt.number,) if candidate.crosses else ()
    call = function.view(
        view.site.judge,
        candidate.account,
        candidate.collateral_asset,
        *abroad,
        candidate.debt_asset,
        allow_failure=True,
    )

    def decode(results: Sequence[ViewResult]) -> Allowed | str:
        failed = next((result for result in results if not result.success), None)
        if failed is not None:
            reason = decode_revert(failed.data)
            return REASONS.get(reason, reason)
        plan = dict(zip(PLAN_FIELDS, function.read(results[-1]), strict=True))
        return Allowed(
            value=Usd(plan["value"]),
            bonus_bps=plan["bonus_bps"],
            units=plan["units"],
            health=plan["health"],
        )

    return ReadPlan(calls=(*before, call), decode=decode)
