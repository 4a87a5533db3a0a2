"""That leaves count as the parameters say: their markets, their weights, whose prices they use."""

from collections.abc import Mapping

from chains.model.ids import AccountId, AssetId, InvalidId
from chains.model.units import BPS
from proofs.params import WHOLE, AssetParam, MarketParam, Params, is_ordered
from proofs.refusal import Refusal, Refused
from proofs.statement import HealthAttestation, Leaves, PositionLeaf


def check_params(header: HealthAttestation, params: Params, leaves: Leaves) -> None:
    """Refuse parameters that are not the signed ones, or that the leaves do not follow."""
    if header.params_hash != params.hash:
        raise Refused(Refusal.PARAMS_HASH, "paramsHash does not cover the params in the file")
    if not is_ordered(params):
        raise Refused(Refusal.PARAMS, "params do not stand in their order, each once")
    chains = {block.caip2 for block in leaves.blocks}
    for market in params.markets:
        _check_market(market, chains)
    for asset in params.assets:
        _check_asset(asset, chains)
    table = {asset.asset: asset for asset in params.assets}
    for position in leaves.positions:
        _check_registered(position, params)
        _check_counted(position, leaves, table)


def _check_market(market: MarketParam, chains: set[str]) -> None:
    path = f"params.markets[{market.index}]"
    places = [market.market] if market.reserve == WHOLE else [market.market, market.reserve]
    for place in places:
        if _chain_of(place) not in chains:
            raise Refused(Refusal.PARAMS, f"{path}: {place!r} is on no chain that was read")


def _chain_of(account: str) -> str | None:
    try:
        found = AccountId.parse(account)
    except InvalidId:
        return None
    return str(found.chain) if str(found) == account else None


def _check_asset(asset: AssetParam, chains: set[str]) -> None:
    path = f"params.assets[{asset.index}]"
    try:
        found = AssetId.parse(asset.asset)
    except InvalidId as error:
        raise Refused(Refusal.PARAMS, f"{path}: {error}") from error
    if str(found) != asset.asset or str(found.chain) not in chains:
        raise Refused(Refusal.PARAMS, f"{path}: {asset.asset!r} is on no chain that was read")


def _check_registered(position: PositionLeaf, params: Params) -> None:
    """See that a leg's market was looked through; an obligation names itself, not its market."""
    chain = _chain_of(position.market)
    for market in params.markets:
        same = (market.protocol, market.formula) == (position.protocol, position.formula)
        named = market.market == position.market or market.reserve != WHOLE
        if same and named and _chain_of(market.market) == chain:
            return
    detail = f"positions[{position.index}] is of a market that params.markets have not"
    raise Refused(Refusal.PARAMS, detail)


def _check_counted(position: PositionLeaf, leaves: Leaves, table: Mapping[str, AssetParam]) -> None:
    """See that a leg has its asset's weights and a price of its asset's underlying.

    An asset that is not declared is its own underlying, worth nothing as collateral.
    """
    path, own = f"positions[{position.index}]", table.get(position.asset)
    weights = (own.haircut_bps, own.debt_weight_bps) if own else (BPS, BPS)
    if (position.haircut_bps, position.debt_weight_bps) != weights:
        detail = f"{path} counts with {position.haircut_bps} and {position.debt_weight_bps} bps"
        raise Refused(Refusal.PARAMS, f"{detail}, not {weights[0]} and {weights[1]}")
    priced = leaves.prices[position.price].asset
    other = table.get(priced)
    same = own.underlying == other.underlying if own and other else priced == position.asset
    if not same:
        detail = f"{path} has the price of {priced}, which is another underlying"
        raise Refused(Refusal.PARAMS, detail)
