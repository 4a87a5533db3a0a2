"""What an attestation is judged by, from the configuration and from what was looked through."""

from collections.abc import Iterable, Iterator, Sequence

from chains.model.ids import AccountId, AssetId, ChainId
from chains.model.snapshot import ScannedMarket
from config.evm import EvmTokenSettings
from config.settings import Settings
from config.solana import SolanaTokenSettings
from daemon.margin.risk import RiskTable
from proofs.params import UNSTAKED, WHOLE, AssetParam, MarketParam, Params, build_params

Token = EvmTokenSettings | SolanaTokenSettings


def build_assets(settings: Settings, risk: RiskTable) -> tuple[AssetParam, ...]:
    """Give how every configured token counts by the table made of the same settings."""
    assets = {(asset.chain, symbol): asset for asset, symbol in risk.assets.items()}
    return tuple(
        _state_asset(assets[chain.caip2, symbol], token, risk)
        for chain in settings.chains.values()
        for symbol, token in chain.tokens.items()
    )


def state_params(
    scanned: Iterable[ScannedMarket], chains: Iterable[ChainId], assets: Sequence[AssetParam]
) -> Params:
    """Give the markets looked through, and the assets of the chains that were read."""
    read = tuple(f"{chain}/" for chain in chains)
    return build_params(
        [param for market in scanned for param in _state_market(market)],
        [asset for asset in assets if asset.asset.startswith(read)],
    )


def _state_market(market: ScannedMarket) -> Iterator[MarketParam]:
    chain = market.market.chain
    for reserve in market.reserves or (None,):
        yield MarketParam(
            index=0,
            protocol=market.protocol,
            market=str(market.market),
            formula=f"{market.protocol}@{market.version}",
            reserve=str(AccountId(chain, reserve)) if reserve else WHOLE,
        )


def _state_asset(asset: AssetId, token: Token, risk: RiskTable) -> AssetParam:
    weights, form = risk.underlying_of(asset), risk.form_of(asset)
    return AssetParam(
        index=0,
        asset=str(asset),
        underlying=weights.symbol,
        form=form.symbol if form else weights.symbol,
        kind=form.kind.value if form else UNSTAKED,
        tier=weights.tier.value,
        haircut_bps=weights.haircut,
        debt_weight_bps=weights.debt_weight,
        feed=str(AccountId(asset.chain, token.feed)),
        heartbeat=token.heartbeat_s,
        minimum_e8=token.minimum,
        maximum_e8=token.maximum,
        ratio=_name_ratio(asset.chain, token),
    )


def _name_ratio(chain: ChainId, token: Token) -> str:
    if token.ratio is None:
        return UNSTAKED
    if isinstance(token, EvmTokenSettings):
        return f"{AccountId(chain, token.ratio.contract)}/{token.ratio.view}"
    return str(AccountId(chain, token.ratio.stake_pool))
