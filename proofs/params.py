"""What an attestation is judged by: the markets looked through, and how each asset counts.

paramsHash = hashStruct(RiskParams): the two roots are Merkle roots over MarketParam and AssetParam
leaves in canonical order. An omitted market, another form of an asset, a changed haircut: each is
another hash. The file shows the leaves, so that its reader sees what "nothing else is owed" covers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, TypeVar

from proofs import merkle
from proofs.typed import (
    Bytes32,
    Dataclass,
    Text,
    UInt16,
    UInt32,
    UInt256,
    hash_struct,
)

WHOLE: Final = "all"
"""The `reserve` of a market that is read as a whole."""
UNSTAKED: Final = "none"
"""The `ratio` of an asset that is not staked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketParam:
    """A market that was looked through, or one reserve of it where it is read in parts.

    `market` and `reserve` are CAIP-10; `formula` names the protocol's version as in the legs.
    """

    index: UInt32
    protocol: Text
    market: Text
    formula: Text
    reserve: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetParam:
    """How an asset counts: whose form it is, its weights with those of the form, its feed.

    `form` is its symbol, `kind` what binds it to the underlying. `feed` is the feed that is
    configured, CAIP-10 (or its network's id), which may be silent for `heartbeat` seconds and is
    believed from `minimum_e8` to `maximum_e8`. `ratio` says where a staked form's is read.
    """

    index: UInt32
    asset: Text
    underlying: Text
    form: Text
    kind: Text
    tier: Text
    haircut_bps: UInt16
    debt_weight_bps: UInt32
    feed: Text
    heartbeat: UInt32
    minimum_e8: UInt256
    maximum_e8: UInt256
    ratio: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskParams:
    """The struct behind paramsHash."""

    market_count: UInt32
    asset_count: UInt32
    markets_root: Bytes32
    assets_root: Bytes32


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """Markets and assets, each list in index order."""

    markets: tuple[MarketParam, ...] = ()
    assets: tuple[AssetParam, ...] = ()

    @property
    def hash(self) -> bytes:
        """The header's paramsHash."""
        return _hash_params(self)


def build_params(markets: Sequence[MarketParam], assets: Sequence[AssetParam]) -> Params:
    """Give the parameters in the one order that everybody gives them; indices are set anew."""
    return Params(
        markets=_number(markets, key=_name_market),
        assets=_number(assets, key=lambda asset: (asset.asset,)),
    )


def is_ordered(params: Params) -> bool:
    """Say whether the lists stand in their one order, nothing twice."""
    markets = [_name_market(market) for market in params.markets]
    assets = [asset.asset for asset in params.assets]
    return markets == sorted(set(markets)) and assets == sorted(set(assets))


def _name_market(market: MarketParam) -> tuple[str, ...]:
    return market.market, market.protocol, market.reserve


T = TypeVar("T", MarketParam, AssetParam)


def _number(leaves: Sequence[T], key: Any) -> tuple[T, ...]:  # noqa: ANN401 - either kind's name
    return tuple(replace(leaf, index=i) for i, leaf in enumerate(sorted(leaves, key=key)))


@lru_cache(maxsize=64)
def _hash_params(params: Params) -> bytes:
    return hash_struct(
        RiskParams(
            market_count=len(params.markets),
            asset_count=len(params.assets),
            markets_root=_root(params.markets),
            assets_root=_root(params.assets),
        )
    )


def _root(leaves: Sequence[Dataclass]) -> bytes:
    return merkle.calculate_root([hash_struct(leaf) for leaf in leaves])
