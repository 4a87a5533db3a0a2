"""Our swap program's pools: what they hold and what a sale brings, to the unit: pure.

Constant product less a fee; the rules stand in chains/solana/programs/swap.c.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from chains.errors import DecodeError
from chains.model.ids import ChainId
from chains.model.units import BPS, div_down
from chains.solana.accounts import AccountPlan, RawAccount
from chains.solana.programs.instructions import POOL_BYTES, Pool
from chains.solana.tokens import decode_token_account
from chains.solana.zerocopy import Field, Kind, Layout, open_account

POOL: Final = Layout(
    name="swap pool",
    size=POOL_BYTES,
    fields={
        "version": Field(0, Kind.U8),
        "fee_bps": Field(2, Kind.U64),
        "mints": Field(10, Kind.KEY, 2),
        "vaults": Field(74, Kind.KEY, 2),
    },
)
VERSION: Final = 1
_MOST_UNITS: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolPlace:
    """Where a pool is, and the mints of its vaults in their order."""

    program: Pubkey
    account: Pubkey
    vaults: tuple[Pubkey, Pubkey]
    mints: tuple[Pubkey, Pubkey]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolState:
    """A pool as it was read: base units that each vault holds, and the fee."""

    place: PoolPlace
    fee_bps: int
    held: tuple[int, int]

    def quote(self, sold: Pubkey, units: int) -> int | None:
        """Give what selling units of a mint brings, rounded down; None where the pool refuses."""
        at = self.place.mints.index(sold)
        into, out = self.held[at], self.held[1 - at]
        paid = units * (BPS - self.fee_bps)
        brings = div_down(paid * out, into * BPS + paid) if paid else 0
        fits = into + units <= _MOST_UNITS
        return brings if brings and fits else None

    def swap(
        self,
        sold: Pubkey,
        units: int,
        *,
        payer: Pubkey,
        source: Pubkey,
        destination: Pubkey,
        least: int,
    ) -> Instruction:
        """Sell units of a mint from `source`; the program refuses to give less than `least`."""
        place = self.place
        pool = Pool(program=place.program, account=place.account, vaults=place.vaults)
        return pool.swap(
            payer=payer,
            source=source,
            destination=destination,
            units=units,
            least=least,
            backwards=sold == place.mints[1],
        )


def plan_pool(chain: ChainId, place: PoolPlace) -> AccountPlan[PoolState]:
    """Plan to read a pool; decoding raises DecodeError where it is not what was configured."""

    def decode(found: Mapping[Pubkey, RawAccount | None]) -> PoolState:
        key = place.account
        view = open_account(chain, key, found[key], layout=POOL, owner=place.program)
        if view.number("version") != VERSION or view.number("fee_bps") >= BPS:
            raise DecodeError(chain, f"swap pool {key} is not set up")
        for name, given in (("mints", place.mints), ("vaults", place.vaults)):
            if tuple(map(Pubkey, view.keys(name))) != given:
                raise DecodeError(chain, f"swap pool {key} has other {name} than configured")
        first, second = (decode_token_account(chain, v, found[v]).amount for v in place.vaults)
        return PoolState(place=place, fee_bps=view.number("fee_bps"), held=(first, second))

    return AccountPlan(keys=(place.account, *place.vaults), decode=decode)
