"""The parameters that leaves follow: what a publisher of just these leaves would declare."""

from collections.abc import Mapping
from dataclasses import replace

from proofs.params import UNSTAKED, WHOLE, AssetParam, MarketParam, Params, build_params
from proofs.statement import Leaves, PositionLeaf, Statement

_MAXIMUM_E8 = 10**17


def declare(made: Statement) -> Statement:
    """Give the statement with the parameters of its leaves, which its header covers."""
    params = _derive(made.leaves)
    return replace(made, params=params, header=replace(made.header, params_hash=params.hash))


def _derive(leaves: Leaves) -> Params:
    """Give the markets of all legs, and their assets: an asset counts as its first leg does."""
    groups = _group(leaves)
    legs: dict[str, PositionLeaf | None] = dict.fromkeys(price.asset for price in leaves.prices)
    for leg in reversed(leaves.positions):
        legs[leg.asset] = leg
    return build_params(
        list({_name_market(leg): _state_market(leg) for leg in leaves.positions}.values()),
        [_state_asset(asset, leg, groups[asset]) for asset, leg in legs.items()],
    )


def _group(leaves: Leaves) -> Mapping[str, str]:
    """Give each asset's underlying: legs have the underlying of the price they are valued at."""
    groups = {price.asset: price.asset for price in leaves.prices}
    for leg in leaves.positions:
        known = leg.price < len(leaves.prices)
        groups[leg.asset] = groups[leaves.prices[leg.price].asset] if known else leg.asset
    return {asset: f"U{sorted(groups.values()).index(group)}" for asset, group in groups.items()}


def _name_market(leg: PositionLeaf) -> tuple[str, str]:
    return leg.market, leg.protocol


def _state_market(leg: PositionLeaf) -> MarketParam:
    """State a leg's market; on Solana, where the leg names its obligation, as one of reserves."""
    evm = leg.market.startswith("eip155:")
    reserve = WHOLE if evm else leg.market
    return MarketParam(
        index=0, protocol=leg.protocol, market=leg.market, formula=leg.formula, reserve=reserve
    )


def _state_asset(asset: str, leg: PositionLeaf | None, underlying: str) -> AssetParam:
    return AssetParam(
        index=0,
        asset=asset,
        underlying=underlying,
        form=underlying,
        kind="native",
        tier="major",
        haircut_bps=leg.haircut_bps if leg else 0,
        debt_weight_bps=leg.debt_weight_bps if leg else 10_000,
        feed="feed",
        heartbeat=3600,
        minimum_e8=1,
        maximum_e8=_MAXIMUM_E8,
        ratio=UNSTAKED,
    )
