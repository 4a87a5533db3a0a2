"""Plain builders of model values, so that a test states only what it is about."""

from collections.abc import Iterable, Mapping

from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId, Address, AssetId, ChainId
from chains.model.position import Leg, Position, Side
from chains.model.price import Price, PriceStatus
from chains.model.snapshot import (
    ChainFees,
    ChainGap,
    ChainSnapshot,
    IdleFund,
    ScannedMarket,
    Snapshot,
)
from chains.model.units import USD, WAD, Bps, Usd, Wad
from daemon.margin.policy import Band, Policy
from daemon.margin.risk import RiskTable, Underlying
from daemon.stating import Stating, default_salt
from proofs.params import UNSTAKED, AssetParam

CHEAP = ChainId.evm(31337)
DEAR = ChainId.evm(31338)
NOW = 1_800_000_000
DECIMALS: Mapping[str, int] = {"WETH": 18, "WBTC": 8, "USDC": 6}
USDS: Mapping[str, int] = {"WETH": 2_000, "WBTC": 60_000, "USDC": 1}
THRESHOLDS: Mapping[str, int] = {"WETH": 8_250, "WBTC": 7_500, "USDC": 8_000}


def address(number: int) -> Address:
    return Address(f"0x{number:040x}")


def asset(chain: ChainId, symbol: str) -> AssetId:
    return AssetId.erc20(chain, address(1 + sorted(DECIMALS).index(symbol)))


def account(chain: ChainId, number: int = 0xA11CE) -> AccountId:
    return AccountId(chain, address(number))


def market(chain: ChainId) -> AccountId:
    return AccountId(chain, address(0xAA7E))


def anchor(chain: ChainId, *, height: int = 100, time: int = NOW) -> BlockAnchor:
    return BlockAnchor(chain=chain, height=height, hash=height.to_bytes(32, "big"), time=time)


def price(
    chain: ChainId, symbol: str, usd: float | None = None, status: PriceStatus = PriceStatus.OK
) -> Price:
    return Price(
        asset=asset(chain, symbol),
        usd=Usd(round((USDS[symbol] if usd is None else usd) * USD)),
        source="chainlink",
        feed=address(0xFEED),
        published_at=NOW,
        heartbeat_s=3_600,
        status=status,
    )


def leg(chain: ChainId, symbol: str, side: Side, amount: float, quoted: Price | None = None) -> Leg:
    return Leg(
        asset=asset(chain, symbol),
        symbol=symbol,
        side=side,
        units=round(amount * 10 ** DECIMALS[symbol]),
        decimals=DECIMALS[symbol],
        price=quoted or price(chain, symbol),
        ltv=Bps(0),
        liquidation_threshold=Bps(THRESHOLDS[symbol] if side is Side.COLLATERAL else 0),
    )


def position(
    chain: ChainId,
    legs: Iterable[Leg],
    *,
    native_health: int | None = 2 * WAD,
    suppliable: Iterable[Leg] = (),
) -> Position:
    return Position(
        protocol="aave_v3",
        version="3.6",
        market=market(chain),
        account=account(chain),
        anchor=anchor(chain),
        legs=tuple(legs),
        native_health=None if native_health is None else Wad(native_health),
        native_collateral=Usd(0),
        native_debt=Usd(0),
        suppliable=tuple(suppliable),
    )


def fees(*, base_fee_gwei: float = 1) -> ChainFees:
    return ChainFees(
        base_fee_wei=round(base_fee_gwei * 10**9),
        priority_fee_wei=0,
        native_usd=Usd(2_000 * USD),
    )


def chain_snapshot(
    chain: ChainId,
    positions: Iterable[Position],
    *,
    prices: Iterable[Price] | None = None,
    funds: Iterable[IdleFund] = (),
    time: int = NOW,
    gas: ChainFees | None = None,
) -> ChainSnapshot:
    return ChainSnapshot(
        anchor=anchor(chain, time=time),
        positions=tuple(positions),
        funds=tuple(funds),
        prices=tuple(prices if prices is not None else (price(chain, s) for s in DECIMALS)),
        references=(),
        fees=gas or fees(),
        scanned=(ScannedMarket(market=market(chain), protocol="aave_v3", version="3.6"),),
    )


def snapshot(*chains: ChainSnapshot | ChainGap, taken_at: int = NOW) -> Snapshot:
    members = tuple(account(c.chain if isinstance(c, ChainGap) else c.anchor.chain) for c in chains)
    return Snapshot(account="alice", members=members, chains=chains, taken_at=taken_at)


def risk_table(**underlyings: Underlying) -> RiskTable:
    table = {symbol: Underlying(symbol=symbol) for symbol in DECIMALS} | underlyings
    return RiskTable(
        underlyings=table,
        assets={asset(chain, symbol): symbol for chain in (CHEAP, DEAR) for symbol in DECIMALS},
    )


def stating(
    deployment: str, risk: RiskTable | None = None, *, period_s: int = 1, ttl_s: int = 60
) -> Stating:
    """Give what statements of Alice in a deployment have in common."""
    table = risk or risk_table()
    return Stating(
        deployment=deployment,
        risk=table,
        assets=tuple(_declare(asset_id, table) for asset_id in table.assets),
        salts={"alice": default_salt(deployment, "alice")},
        period_s=period_s,
        ttl_s=ttl_s,
        max_skew_s=30,
    )


def _declare(asset_id: AssetId, risk: RiskTable) -> AssetParam:
    weights = risk.underlying_of(asset_id)
    return AssetParam(
        index=0,
        asset=str(asset_id),
        underlying=weights.symbol,
        form=weights.symbol,
        kind="native",
        tier=weights.tier,
        haircut_bps=weights.haircut,
        debt_weight_bps=weights.debt_weight,
        feed=str(AccountId(asset_id.chain, address(0xFEED))),
        heartbeat=3_600,
        minimum_e8=1,
        maximum_e8=10**15,
        ratio=UNSTAKED,
    )


def policy(*, max_cost_usd: int = 50) -> Policy:
    return Policy(
        unified=Band(trigger=Wad(150 * WAD // 100), target=Wad(160 * WAD // 100)),
        native=Band(trigger=Wad(110 * WAD // 100), target=Wad(120 * WAD // 100)),
        min_size=Usd(10 * USD),
        max_cost=Usd(max_cost_usd * USD),
        cooldown_s=30,
        deadline_s=120,
    )
