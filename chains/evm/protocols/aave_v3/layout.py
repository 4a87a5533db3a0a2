"""Where a market's parts lie: read once when it is opened, watched at every read after.

What is kept here changes only when governance changes the market: contracts, the reserve list,
tokens, eMode categories. A later read that finds another value is Stale: open the market again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chains.evm.abi.erc20 import SYMBOL, TOTAL_SUPPLY, decode_symbol
from chains.evm.multicall import ReadPlan, ViewCaller, combine, map_plan, read
from chains.evm.protocols.aave_v3.contracts import (
    ADDRESSES_PROVIDER,
    BASE_CURRENCY_UNIT,
    GET_CATEGORY,
    GET_CATEGORY_TERMS,
    GET_PRICE_ORACLE,
    GET_RESERVE_DATA,
    GET_RESERVES_LIST,
    GET_SENTINEL,
    GET_SOURCE,
    POOL_REVISION,
)
from chains.evm.protocols.aave_v3.decode import (
    ReserveData,
    ReserveTokens,
    decode_category_v30,
    decode_category_v36,
    decode_reserve,
)
from chains.evm.protocols.aave_v3.state import Category, Version, version_of_revision
from chains.model.anchor import BlockAnchor
from chains.model.ids import Address
from chains.model.units import USD

ZERO: Final = Address("0x" + "00" * 20)
CATEGORIES: Final = range(1, 256)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveLayout:
    """One reserve's fixed parts.

    `source` is where the oracle takes its price from; `stable` says whether stable debt exists
    or may be taken (3.0).
    """

    number: int
    asset: Address
    symbol: str
    tokens: ReserveTokens
    source: Address
    stable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketLayout:
    """One market's fixed parts. `categories` gives each eMode category's price source (3.0)."""

    pool: Address
    revision: int
    version: Version
    provider: Address
    oracle: Address
    sentinel: Address | None
    reserves: tuple[ReserveLayout, ...]
    categories: Mapping[int, Address | None]

    @property
    def assets(self) -> tuple[Address, ...]:
        """The reserves' assets, in the pool's order."""
        return tuple(reserve.asset for reserve in self.reserves)


async def read_layout(client: ViewCaller, anchor: BlockAnchor, pool: Address) -> MarketLayout:
    """Read a market's fixed parts, in three calls.

    DecodeError for an unknown revision, and for a market that does not count in USD x 1e8.
    """
    revision, provider, assets = await read(client, anchor, _plan_root(pool))
    version = version_of_revision(revision)
    oracle, sentinel, symbols, reserves, categories = await read(
        client, anchor, _plan_parts(pool, version, provider, assets)
    )
    sources, stable, _ = await read(client, anchor, _plan_details(oracle, assets, reserves))
    return MarketLayout(
        pool=pool,
        revision=revision,
        version=version,
        provider=provider,
        oracle=oracle,
        sentinel=None if sentinel == ZERO else sentinel,
        reserves=tuple(map(_lay_out, symbols, reserves, sources, stable)),
        categories=categories,
    )


def _lay_out(symbol: str, found: ReserveData, source: Address, stable_supply: int) -> ReserveLayout:
    return ReserveLayout(
        number=found.reserve.number,
        asset=found.reserve.asset,
        symbol=symbol,
        tokens=found.tokens,
        source=source,
        stable=found.stable or stable_supply > 0,
    )


def _plan_root(pool: Address) -> ReadPlan[tuple[Any, ...]]:
    revision = map_plan(POOL_REVISION.plan(pool), _check_revision)
    return combine([revision, ADDRESSES_PROVIDER.plan(pool), GET_RESERVES_LIST.plan(pool)])


def _check_revision(revision: int) -> int:
    version_of_revision(revision)
    return revision


def _plan_parts(
    pool: Address, version: Version, provider: Address, assets: Sequence[Address]
) -> ReadPlan[tuple[Any, ...]]:
    return combine(
        [
            GET_PRICE_ORACLE.plan(provider),
            GET_SENTINEL.plan(provider),
            combine([plan_symbol(asset) for asset in assets]),
            combine([plan_reserve(pool, version, asset) for asset in assets]),
            _plan_categories(pool, version),
        ]
    )


def _plan_details(
    oracle: Address, assets: Iterable[Address], reserves: Iterable[ReserveData]
) -> ReadPlan[tuple[Any, ...]]:
    stable = [reserve.tokens.stable_debt for reserve in reserves]
    return combine(
        [
            combine([GET_SOURCE.plan(oracle, asset) for asset in assets]),
            combine([_plan_supply(token) for token in stable]),
            map_plan(BASE_CURRENCY_UNIT.plan(oracle), _check_unit),
        ]
    )


def _check_unit(unit: int) -> int:
    if unit != USD:
        raise ValueError(f"the market's oracle counts in units of {unit}, not in USD x 1e8")
    return unit


def _plan_supply(token: Address) -> ReadPlan[int]:
    if token == ZERO:
        return ReadPlan(calls=(), decode=lambda _: 0)
    return TOTAL_SUPPLY.plan(token)


def plan_symbol(token: Address) -> ReadPlan[str]:
    """Plan to read a token's symbol, as string or bytes32."""
    return ReadPlan(
        calls=(SYMBOL.view(token),), decode=lambda results: decode_symbol(results[0].data)
    )


def plan_reserve(pool: Address, version: Version, asset: Address) -> ReadPlan[ReserveData]:
    """Plan to read a reserve as the pool keeps it."""
    return ReadPlan(
        calls=(GET_RESERVE_DATA.view(pool, asset),),
        decode=lambda results: decode_reserve(version, asset, results[0]),
    )


def _plan_categories(pool: Address, version: Version) -> ReadPlan[dict[int, Address | None]]:
    """Plan to find the configured eMode categories: those with a threshold."""
    function = GET_CATEGORY if version is Version.V3_0 else GET_CATEGORY_TERMS

    def decode_one(number: int) -> ReadPlan[Category]:
        return ReadPlan(
            calls=(function.view(pool, number),),
            decode=lambda results: (
                decode_category_v30(number, results[0])
                if version is Version.V3_0
                else decode_category_v36(number, results[0], 0, 0)
            ),
        )

    return map_plan(combine([decode_one(number) for number in CATEGORIES]), _keep_configured)


def _keep_configured(categories: Sequence[Category]) -> dict[int, Address | None]:
    return {c.number: c.price_source for c in categories if c.liquidation_threshold}
