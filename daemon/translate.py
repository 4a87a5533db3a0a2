"""From settings to core values: the one place where configuration is translated."""

from collections.abc import Mapping
from typing import Final, TypeVar

from solders.pubkey import Pubkey

from chains.book.parts import BookTerms, Thresholds
from chains.evm.ratios import RatioTerms
from chains.evm.reader import TokenTerms
from chains.model.ids import SOLANA, AccountId, Address, AssetId, ChainId
from chains.model.units import BPS, USD, Bps
from chains.oracles.chainlink import FeedTerms
from chains.oracles.pyth import FeedMemory, PythTerms
from chains.solana import reader as solana
from chains.solana.pools import PoolPlace
from chains.solana.ratios import STAKE_POOL_PROGRAM, StakePoolTerms
from config.accounts import AccountSettings, BandSettings
from config.books import BookSettings
from config.chains import ChainSettings
from config.errors import ConfigError
from config.evm import EvmSettings, EvmTokenSettings, ViewRatioSettings
from config.forms import TierName
from config.settings import Settings
from config.solana import SolanaSettings, SolanaTokenSettings, StakePoolRatioSettings
from daemon.margin.policy import Band, Policy
from daemon.margin.risk import Form, FormKind, RiskTable, Tier, Underlying
from daemon.margin.routes import RouteTerms
from daemon.margin.scenarios import Route
from daemon.registry import build_assets
from daemon.stating import Stating, default_salt

MAX_CONFIDENCE: Final = 200
"""The widest interval around a Pyth price that is believed, in basis points of it."""
T = TypeVar("T")


def build_policy(account: AccountSettings) -> Policy:
    """Give an account's rules."""
    policy = account.policy
    return Policy(
        unified=_build_band(policy.unified),
        native=_build_band(policy.native),
        min_size=policy.min_size,
        max_cost=policy.max_cost,
        cooldown_s=policy.cooldown_s,
        deadline_s=policy.deadline_s,
    )


def _build_band(band: BandSettings | None) -> Band | None:
    return Band(trigger=band.trigger, target=band.target) if band else None


def build_risk(settings: Settings) -> RiskTable:
    """Give the underlyings, their forms, and which configured token is which form."""
    underlyings = {
        symbol: Underlying(
            symbol=symbol,
            tier=Tier(found.tier),
            haircut=found.haircut,
            debt_weight=found.debt_weight or _find_debt_weight(settings, found.tier),
            divergence=found.divergence,
            divergence_hold_s=found.divergence_hold_s,
        )
        for symbol, found in settings.underlyings.items()
    }
    assets = {
        find_asset(chain.caip2, token.address): symbol
        for chain in settings.chains.values()
        for symbol, token in chain.tokens.items()
    }
    return RiskTable(underlyings=underlyings, assets=assets, forms=_build_forms(settings))


def _find_debt_weight(settings: Settings, tier: TierName) -> Bps:
    found = settings.tiers.get(tier)
    return found.debt_weight if found else Bps(BPS)


def build_book_terms(settings: Settings, book: BookSettings) -> BookTerms:
    """Give which book is expected, and how it counts."""
    return BookTerms(
        account=book.venue_account,
        publisher=book.publisher,
        max_age_s=book.max_age_s,
        underlyings={
            symbol: Thresholds(
                ltv=settings.tiers[found.tier].ltv,
                liquidation_threshold=settings.tiers[found.tier].liquidation_threshold,
            )
            for symbol, found in settings.underlyings.items()
        },
        names=book.names,
        gain_weight=book.gain_weight,
        haircut=book.haircut,
    )


def build_routes(settings: Settings) -> tuple[RouteTerms, ...]:
    """Give the configured routes; finality stands for execution too."""
    return tuple(
        RouteTerms(
            source=str(found.source),
            target=str(found.target),
            time_to_liquidation_s=float(found.time_to_liquidation_s),
            route=Route(
                healthy=found.healthy,
                finality_s=float(found.p99_s),
                execution_s=0.0,
                withdrawable=found.unlocked / USD,
                cap=found.cap / USD,
                kappa=found.kappa / BPS,
            ),
        )
        for found in settings.routes
    )


def _build_forms(settings: Settings) -> dict[str, Form]:
    themselves = {
        symbol: Form(
            symbol=symbol,
            underlying=symbol,
            kind=FormKind(found.kind),
            issuer=found.issuer,
            backing=found.backing,
        )
        for symbol, found in settings.underlyings.items()
    }
    others = {
        symbol: Form(
            symbol=symbol,
            underlying=found.underlying,
            kind=FormKind(found.kind),
            issuer=found.issuer,
            backing=found.backing,
            haircut=found.haircut,
            divergence=found.divergence,
            divergence_hold_s=found.divergence_hold_s,
        )
        for symbol, found in settings.forms.items()
    }
    return themselves | others


def find_asset(chain: ChainId, address: Address) -> AssetId:
    """Give the asset of a token's address, or mint, as its kind of chain names it."""
    solana = chain.namespace == SOLANA
    return AssetId.spl(chain, address) if solana else AssetId.erc20(chain, address)


def build_members(settings: Settings) -> Mapping[AccountId, str]:
    """Give every member's margin account."""
    return {member: account.id for account in settings.accounts for member in account.members}


def build_vault_members(settings: Settings, chain: ChainId) -> Mapping[AccountId, bytes]:
    """Give the vault account that each member on a chain stands for."""
    return {
        member: account.vault
        for account in settings.accounts
        for member in account.members
        if account.vault is not None and member.chain == chain
    }


def build_salts(settings: Settings) -> Mapping[str, bytes]:
    """Give every margin account's blinding salt."""
    return {
        account.id: account.salt or default_salt(settings.deployment, account.id)
        for account in settings.accounts
    }


def build_stating(settings: Settings) -> Stating:
    """Give what this deployment's statements have in common."""
    terms, risk = settings.attestation, build_risk(settings)
    return Stating(
        deployment=settings.deployment,
        risk=risk,
        assets=build_assets(settings, risk),
        salts=build_salts(settings),
        period_s=terms.period_s,
        ttl_s=terms.ttl_s,
        max_skew_s=terms.max_skew_s,
    )


def build_tokens(chain: EvmSettings) -> Mapping[str, TokenTerms]:
    """Give a chain's tokens with the terms of their feeds, by symbol."""
    return {
        symbol: TokenTerms(
            asset=AssetId.erc20(chain.caip2, token.address),
            symbol=symbol,
            decimals=token.decimals,
            feed=_build_feed(chain, token, token.feed, token.heartbeat_s),
            reference=_build_feed(chain, token, token.reference_feed, token.reference_heartbeat_s)
            if token.reference_feed
            else None,
            ratio=_build_ratio(token.ratio) if token.ratio else None,
        )
        for symbol, token in chain.tokens.items()
    }


def build_solana_tokens(chain: SolanaSettings) -> Mapping[str, solana.TokenTerms]:
    """Give a Solana chain's tokens with the terms of their feeds, by symbol."""
    memory = FeedMemory()
    return {
        symbol: solana.TokenTerms(
            asset=AssetId.spl(chain.caip2, token.address),
            symbol=symbol,
            decimals=token.decimals,
            feed=_build_pyth(token, token.feed, token.feed_id, token.heartbeat_s, memory),
            reference=_build_pyth(
                token, token.reference_feed, None, token.reference_heartbeat_s, memory
            )
            if token.reference_feed
            else None,
            ratio=_build_stake_pool(token.ratio) if token.ratio else None,
        )
        for symbol, token in chain.tokens.items()
    }


def build_pools(chain: SolanaSettings) -> tuple[PoolPlace, ...]:
    """Give the pools where a chain's collateral is sold."""
    return tuple(
        PoolPlace(
            program=Pubkey.from_string(pool.program),
            account=Pubkey.from_string(pool.account),
            vaults=_to_pair(pool.vaults),
            mints=_to_pair(pool.mints),
        )
        for pool in chain.pools
    )


def _to_pair(keys: tuple[Address, Address]) -> tuple[Pubkey, Pubkey]:
    first, second = keys
    return Pubkey.from_string(first), Pubkey.from_string(second)


def find_native(label: str, chain: ChainSettings, tokens: Mapping[str, T]) -> T:
    """Give the token whose price fees are charged at; ConfigError where it is not configured."""
    native = tokens.get(chain.native_symbol)
    if native is None:
        problem = (
            f"chains.{label}.native_symbol: {chain.native_symbol} is none of the chain's tokens; "
            f"add [chains.{label}.tokens.{chain.native_symbol}] or name another"
        )
        raise ConfigError([problem])
    return native


def _build_ratio(ratio: ViewRatioSettings) -> RatioTerms:
    return RatioTerms(contract=ratio.contract, view=ratio.view.removesuffix("()"))


def _build_stake_pool(ratio: StakePoolRatioSettings) -> StakePoolTerms:
    program = Pubkey.from_string(ratio.program) if ratio.program else STAKE_POOL_PROGRAM
    return StakePoolTerms(account=Pubkey.from_string(ratio.stake_pool), program=program)


def _build_pyth(
    token: SolanaTokenSettings,
    feed: Address,
    feed_id: bytes | None,
    heartbeat_s: int,
    memory: FeedMemory,
) -> PythTerms:
    return PythTerms(
        account=Pubkey.from_string(feed),
        feed=feed_id,
        max_age_s=heartbeat_s,
        max_confidence=MAX_CONFIDENCE,
        minimum=token.minimum,
        maximum=token.maximum,
        memory=memory,
    )


def _build_feed(
    chain: EvmSettings, token: EvmTokenSettings, feed: Address, heartbeat_s: int
) -> FeedTerms:
    return FeedTerms(
        feed=feed,
        heartbeat_s=heartbeat_s,
        lateness_s=token.lateness_s,
        minimum=token.minimum,
        maximum=token.maximum,
        decimals=token.feed_decimals,
        sequencer=chain.sequencer_feed,
        grace_s=chain.sequencer_grace_s,
    )
