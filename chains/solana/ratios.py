"""A staked token's ratio to SOL, as its stake pool's account holds it.

A pool token is redeemed for the pool's lamports over its tokens' supply, both counted anew once in
every epoch; in the first minutes of an epoch the numbers of the last one still stand.
Source: `StakePool` in solana-labs/solana-program-library, stake-pool/program/src/state.rs
(Apache-2.0); it is Borsh, so what lies before its first optional field has fixed offsets.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from solders.pubkey import Pubkey

from chains.errors import DecodeError
from chains.model.ids import AssetId, ChainId
from chains.model.price import Ratio, judge_ratio
from chains.model.units import WAD, div_down
from chains.solana.accounts import CLOCK, AccountPlan, ClockTime, RawAccount, decode_clock
from chains.solana.zerocopy import Field, Kind, Layout, open_account

STAKE_POOL_PROGRAM: Final = Pubkey.from_string("SPoo1Ku8WFXoNDMHPsrGSTSG1Y47rzgn41SLUNakuHy")
MAX_EPOCHS: Final = 1
"""How many epochs old the numbers may be."""
STAKE_POOL: Final = Layout(
    name="stake pool",
    size=282,
    discriminator=b"\x01",
    fields={
        "pool_mint": Field(162, Kind.KEY),
        "total_lamports": Field(258, Kind.U64),
        "pool_token_supply": Field(266, Kind.U64),
        "updated_in": Field(274, Kind.U64),
    },
)
"""As much of the account as is read; the type in front says that it is a stake pool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StakePool:
    """What a pool holds and owes, as of the epoch `updated_in`."""

    mint: bytes
    lamports: int
    supply: int
    updated_in: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StakePoolTerms:
    """A stake pool, and the program that must own it."""

    account: Pubkey
    program: Pubkey = STAKE_POOL_PROGRAM


def plan_ratio(chain: ChainId, asset: AssetId, terms: StakePoolTerms) -> AccountPlan[Ratio]:
    """Read a pool token's ratio and judge it in the read's own epoch.

    UNREADABLE where the account is no stake pool of this token, or has none of it in supply; STALE
    where it was not counted in this epoch or the last.
    """

    def decode(found: Mapping[Pubkey, RawAccount | None]) -> Ratio:
        clock = decode_clock(found[CLOCK])
        try:
            pool = decode_stake_pool(chain, terms, found[terms.account])
        except DecodeError:
            return judge_ratio(asset, None, str(terms.account))
        return build_ratio(asset, terms, pool, clock)

    return AccountPlan(keys=(CLOCK, terms.account), decode=decode)


def decode_stake_pool(
    chain: ChainId, terms: StakePoolTerms, account: RawAccount | None
) -> StakePool:
    """Decode a stake pool; DecodeError on anything else."""
    head = replace(account, data=account.data[: STAKE_POOL.size]) if account else None
    view = open_account(chain, terms.account, head, layout=STAKE_POOL, owner=terms.program)
    return StakePool(
        mint=view.key("pool_mint"),
        lamports=view.number("total_lamports"),
        supply=view.number("pool_token_supply"),
        updated_in=view.number("updated_in"),
    )


def build_ratio(asset: AssetId, terms: StakePoolTerms, pool: StakePool, clock: ClockTime) -> Ratio:
    """Give lamports for each pool token x 1e18, rounded down, with its judgement."""
    ours = pool.supply > 0 and str(Pubkey(pool.mint)) == asset.reference
    value = div_down(pool.lamports * WAD, pool.supply) if ours else None
    stale = not 0 <= clock.epoch - pool.updated_in <= MAX_EPOCHS
    return judge_ratio(asset, value, str(terms.account), stale=stale)
