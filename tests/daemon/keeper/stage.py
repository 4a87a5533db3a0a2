"""A margin account on two chains, its funds and mandates, for the pure tests of the keeper."""

from collections.abc import Iterable
from dataclasses import replace

from chains.model.action import Instrument
from chains.model.health import WeightedLeg, calculate_health
from chains.model.ids import ChainId
from chains.model.position import Leg, Position, Side
from chains.model.snapshot import ChainGap, ChainSnapshot, IdleFund, Mandate, MandateKind
from chains.model.units import WAD, Bps, Usd, Wad, value_down, value_up
from daemon.keeper.plan import Activity, Situation
from daemon.margin.policy import Policy
from daemon.margin.unified import evaluate
from proofs.statement import HealthAttestation, Status
from tests.support import values as v

KEEPER = v.address(0x6EE9)
KEEPERS = {v.CHEAP: KEEPER, v.DEAR: KEEPER}
ROOT = b"\x07" * 32
BOTH = frozenset({Instrument.REPAY, Instrument.SUPPLY})


def header(health: int, equity: int, *, sequence: int = 9) -> HealthAttestation:
    return HealthAttestation(
        schema_version=1,
        audience=bytes(32),
        account_set_root=ROOT,
        block_refs_root=bytes(32),
        positions_root=bytes(32),
        prices_root=bytes(32),
        params_hash=bytes(32),
        zk_commitment=bytes(32),
        committee_id=bytes(32),
        epoch=0,
        sequence=sequence,
        prev_digest=bytes(32),
        issued_at=v.NOW,
        expires_at=v.NOW + 60,
        min_price_time=v.NOW,
        position_count=1,
        status=Status.OWING,
        account_count=2,
        max_skew=30,
        health_factor_e18=health,
        net_equity_e8=equity,
    )


def mandate(
    chain: ChainId,
    symbol: str,
    kind: MandateKind,
    *,
    amount: float = 1_000_000,
    trigger: int = 150,
    target: int = 160,
    instruments: frozenset[Instrument] = BOTH,
) -> Mandate:
    units = round(amount * 10 ** v.DECIMALS[symbol])
    return Mandate(
        kind=kind,
        contract=v.account(chain, 0x7E5C),
        owner=v.account(chain),
        market=v.market(chain),
        asset=v.asset(chain, symbol),
        trigger=Wad(trigger * WAD // 100),
        target=Wad(target * WAD // 100),
        per_action=units,
        left_today=units,
        available=units,
        deadline=v.NOW + 1_000,
        id=f"{kind}{symbol}".encode(),
        instruments=instruments,
        keeper=KEEPER,
        account_set_root=ROOT,
        max_age_s=30,
        slack_bps=Bps(100),
    )


def fund(
    chain: ChainId, symbol: str, amount: float, mandates: Iterable[Mandate] | None = None
) -> IdleFund:
    units = round(amount * 10 ** v.DECIMALS[symbol])
    if mandates is None:
        mandates = (
            mandate(chain, symbol, MandateKind.NATIVE, trigger=110, target=120),
            mandate(chain, symbol, MandateKind.UNIFIED),
        )
    return IdleFund(
        owner=v.account(chain),
        asset=v.asset(chain, symbol),
        symbol=symbol,
        decimals=v.DECIMALS[symbol],
        balance=units,
        allowance=units,
        price=v.price(chain, symbol),
        mandates=tuple(mandates),
    )


def at_market(position: Position, *, floored: bool = False) -> Position:
    """Give the position the health its market computes: Aave 3.6's, or 3.0's (`floored`)."""
    collateral = sum(value_down(x.units, x.price.usd, x.decimals) for x in position.collaterals)
    debt = sum(value_up(x.units, x.price.usd, x.decimals) for x in position.debts)
    weighted = sum(
        value_down(x.units, x.price.usd, x.decimals) * x.liquidation_threshold
        for x in position.collaterals
    )
    if floored and collateral:
        weighted = collateral * (weighted // collateral)
    health = None if debt == 0 else (weighted * WAD + debt // 2) // debt // 10_000
    if floored and debt:
        health = (weighted // 10_000 * WAD + debt // 2) // debt
    return replace(
        position,
        version="3.0" if floored else "3.6",
        native_health=None if health is None else Wad(health),
        native_collateral=Usd(collateral),
        native_debt=Usd(debt),
    )


def position(chain: ChainId, legs: Iterable[Leg], *, floored: bool = False) -> Position:
    suppliable = [v.leg(chain, symbol, Side.COLLATERAL, 0) for symbol in ("WETH", "WBTC", "USDC")]
    return at_market(v.position(chain, legs, suppliable=suppliable), floored=floored)


def chain(
    found: Position, funds: Iterable[IdleFund] = (), *, base_fee_gwei: float = 1
) -> ChainSnapshot:
    gas = v.fees(base_fee_gwei=base_fee_gwei)
    return v.chain_snapshot(found.account.chain, [found], funds=funds, gas=gas)


def situation(
    *chains: ChainSnapshot | ChainGap,
    policy: Policy | None = None,
    activity: Activity | None = None,
    attested: bool = True,
) -> Situation:
    snapshot = v.snapshot(*chains)
    rules = policy or v.policy()
    report = evaluate(snapshot, rules, v.risk_table(), max_skew_s=60)
    known = report.unified or calculate_health(list[WeightedLeg]())
    signed = header(known.factor or 0, known.equity) if attested else None
    return Situation(
        report=report,
        snapshot=snapshot,
        policy=rules,
        risk=v.risk_table(),
        header=signed,
        activity=activity or Activity(),
        keepers=KEEPERS,
        now=v.NOW,
    )


def collateral_heavy(funds: Iterable[IdleFund] = (), *, eth: float = 10) -> ChainSnapshot:
    legs = [v.leg(v.CHEAP, "WETH", Side.COLLATERAL, eth)]
    return chain(position(v.CHEAP, legs), funds, base_fee_gwei=0.05)


def debt_heavy(
    funds: Iterable[IdleFund] = (), *, btc: float = 1, usdc: float = 40_000
) -> ChainSnapshot:
    legs = [
        v.leg(v.DEAR, "WBTC", Side.COLLATERAL, btc),
        v.leg(v.DEAR, "USDC", Side.DEBT, usdc),
    ]
    return chain(position(v.DEAR, legs), funds, base_fee_gwei=50)


def endangered_on(chain_id: ChainId, funds: Iterable[IdleFund] = ()) -> ChainSnapshot:
    """Give a chain whose position is under its native trigger."""
    legs = [
        v.leg(chain_id, "WBTC", Side.COLLATERAL, 1),
        v.leg(chain_id, "USDC", Side.DEBT, 42_857),
    ]
    return chain(position(chain_id, legs), funds, base_fee_gwei=0.05)
