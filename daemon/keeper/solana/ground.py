"""What one read shows a hunter: a market, suspects, the pools, and our own accounts: pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.pubkey import Pubkey

from chains.errors import DecodeError
from chains.model.ids import AccountId, AssetId, ChainId
from chains.model.units import Usd
from chains.solana.accounts import AccountPlan, RawAccount, combine, map_plan
from chains.solana.fees import MIN_TIP
from chains.solana.markets import Target
from chains.solana.pools import PoolPlace, PoolState, plan_pool
from chains.solana.protocols.save.adapter import SaveMarket, SaveSnapshot
from chains.solana.protocols.save.decode import decode_obligation
from chains.solana.tables import plan_tables
from chains.solana.tokens import decode_token_account, derive_token_account


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """An obligation that seems liquidatable; `debt` to be ranked by, `data` as last scanned."""

    target: Target
    debt: Usd
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotHuntTerms:
    """Whose wallet hunts, where it sells and for how much: `min_profit` is Usd x 1e8.

    `tables` are address lookup tables for messages that would not fit; `members` are never prey,
    `watched` are looked for also where a node gives no scans. `tip_lamports` is what a bundle
    tips, where liquidations go through a block engine.
    """

    wallet: Pubkey
    pools: Sequence[PoolPlace]
    min_profit: Usd
    tables: Sequence[Pubkey] = ()
    watched: Sequence[AccountId] = ()
    members: frozenset[AccountId] = frozenset()
    tip_lamports: int = MIN_TIP


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What one read saw.

    `balances` are the wallet's base units by mint: None where it has no account; a mint whose
    account cannot be used is left out.
    """

    snapshot: SaveSnapshot
    pools: tuple[PoolState, ...]
    balances: Mapping[Pubkey, int | None]
    tables: tuple[AddressLookupTableAccount, ...] = ()

    def find_pools(self, assets: frozenset[AssetId]) -> Iterator[PoolState]:
        """Give the pools of two assets."""
        mints = {asset.reference for asset in assets}
        return (pool for pool in self.pools if {str(mint) for mint in pool.place.mints} == mints)


def plan_ground(
    market: SaveMarket,
    fresh: SaveSnapshot,
    chosen: Sequence[Suspect],
    terms: SlotHuntTerms,
) -> AccountPlan[Ground]:
    """Plan to read these obligations with all that their liquidation needs.

    `fresh` is an earlier read of the market: it says which tokens they are about.
    """
    mints = dict.fromkeys(mint for one in chosen for mint in _find_mints(market, fresh, one))
    places = [place for place in terms.pools if mints.keys() >= set(place.mints)]
    plan = combine(
        [
            market.plan_read([one.target for one in chosen]),
            combine([plan_pool(market.chain, place) for place in places]),
            _plan_balances(market.chain, terms.wallet, mints),
            plan_tables(terms.tables),
        ]
    )

    def build(found: tuple[Any, ...]) -> Ground:
        snapshot, pools, balances, tables = found
        return Ground(snapshot=snapshot, pools=pools, balances=balances, tables=tables)

    return map_plan(plan, build)


def _find_mints(market: SaveMarket, fresh: SaveSnapshot, suspect: Suspect) -> Iterator[Pubkey]:
    """Give the tokens that liquidating an obligation may move, collateral tokens among them."""
    key = suspect.target.obligation
    account = RawAccount(key=key, owner=market.program, lamports=0, data=suspect.data)
    obligation = decode_obligation(market.chain, key, account, program=market.program)
    for deposit in obligation.deposits:
        keys = fresh.view.reserves[deposit.reserve].state.keys
        yield from (Pubkey(keys.mint), Pubkey(keys.collateral_mint))
    for borrow in obligation.borrows:
        yield Pubkey(fresh.view.reserves[borrow.reserve].state.keys.mint)


def _plan_balances(
    chain: ChainId, wallet: Pubkey, mints: Iterable[Pubkey]
) -> AccountPlan[dict[Pubkey, int | None]]:
    accounts = {mint: derive_token_account(wallet, mint) for mint in mints}

    def decode(found: Mapping[Pubkey, RawAccount | None]) -> dict[Pubkey, int | None]:
        balances: dict[Pubkey, int | None] = {}
        for mint, key in accounts.items():
            if found[key] is None:
                balances[mint] = None
                continue
            try:
                held = decode_token_account(chain, key, found[key])
            except DecodeError:
                continue  # frozen, or no longer ours: what needs it is left alone
            if (held.mint, held.owner) == (mint, wallet):
                balances[mint] = held.amount
        return balances

    return AccountPlan(keys=tuple(accounts.values()), decode=decode)
