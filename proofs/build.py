"""How a statement is made from what was read and weighed: pure, no keys, no clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chains.model.anchor import BlockAnchor
from chains.model.ids import EIP155, AccountId, InvalidId
from chains.model.position import Leg, Position
from chains.model.price import Price
from chains.model.units import BPS, Bps
from proofs.committee import Committee
from proofs.params import Params
from proofs.statement import (
    SCHEMA_VERSION,
    AccountLeaf,
    BlockKind,
    BlockRef,
    Evidence,
    HealthAttestation,
    Leaves,
    PositionLeaf,
    PriceLeaf,
    Source,
    Statement,
    calculate_leaves_health,
    calculate_leaves_root,
    calculate_value,
    state_health,
)
from proofs.typed import ZERO

_SOURCES: Final = {
    "chainlink": Source.CHAINLINK,
    "pyth": Source.PYTH,
    "redstone": Source.REDSTONE,
    "switchboard": Source.SWITCHBOARD,
    "scope": Source.SCOPE,
}
"""What may be signed: oracles' prices. What a protocol stored, or its owner fixed, may not."""


class StatementError(ValueError):
    """What was read cannot be stated: nothing is signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedLeg:
    """A leg with the index of the price it is valued at and the weights it counts with.

    `published` is the digest of the signed book that a requirement follows from; None for a leg
    that was read.
    """

    position: Position
    leg: Leg
    price: int
    haircut: Bps = Bps(0)
    debt_weight: Bps = Bps(BPS)
    published: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What an attestation says about itself; times in seconds, `audience` zero for anybody.

    It expires `ttl_s` after `issued_at`, or earlier with its first price.
    """

    deployment: str
    committee: Committee
    sequence: int
    issued_at: int
    ttl_s: int
    max_skew_s: int
    prev_digest: bytes = ZERO
    audience: bytes = ZERO


def build_statement(
    terms: Terms,
    *,
    members: Sequence[AccountId],
    salt: bytes,
    anchors: Sequence[BlockAnchor],
    legs: Sequence[StatedLeg],
    prices: Sequence[Price],
    params: Params,
) -> Statement:
    """State the health of the margin account with these members and 32-byte blinding salt.

    StatementError when the anchors are too far apart, a price is invalid or has run out, or a
    leg's account, anchor or price is not among those given.
    """
    _check_times(terms, anchors, prices)
    leaves = Leaves(
        accounts=tuple(
            AccountLeaf(index=i, caip10=str(member), salt=salt) for i, member in enumerate(members)
        ),
        blocks=tuple(_state_block(i, anchor) for i, anchor in enumerate(anchors)),
        positions=_state_positions(legs, members, anchors, prices),
        prices=tuple(_state_price(i, price) for i, price in enumerate(prices)),
    )
    return Statement(
        deployment=terms.deployment,
        committee=terms.committee,
        header=_state_header(terms, leaves, params),
        leaves=leaves,
        params=params,
    )


def _check_times(terms: Terms, anchors: Sequence[BlockAnchor], prices: Sequence[Price]) -> None:
    times = [anchor.time for anchor in anchors]
    if times and max(times) - min(times) > terms.max_skew_s:
        raise StatementError(
            f"the blocks lie {max(times) - min(times)} s apart, more than {terms.max_skew_s} s"
        )
    for price in prices:
        if not price.valid or price.usd <= 0:
            raise StatementError(f"the price of {price.asset} is {price.status}")
        if price.published_at + price.heartbeat_s <= terms.issued_at:
            raise StatementError(f"the price of {price.asset} is older than its heartbeat")


def _state_header(terms: Terms, leaves: Leaves, params: Params) -> HealthAttestation:
    health = calculate_leaves_health(leaves.positions)
    status, factor = state_health(health)
    ends = [price.publish_time + price.heartbeat for price in leaves.prices]
    return HealthAttestation(
        schema_version=SCHEMA_VERSION,
        audience=terms.audience,
        account_set_root=calculate_leaves_root(leaves.accounts),
        block_refs_root=calculate_leaves_root(leaves.blocks),
        positions_root=calculate_leaves_root(leaves.positions),
        prices_root=calculate_leaves_root(leaves.prices),
        params_hash=params.hash,
        zk_commitment=ZERO,
        committee_id=terms.committee.id,
        epoch=terms.committee.epoch,
        sequence=terms.sequence,
        prev_digest=terms.prev_digest,
        issued_at=terms.issued_at,
        expires_at=min([terms.issued_at + terms.ttl_s, *ends]),
        min_price_time=min((price.publish_time for price in leaves.prices), default=0),
        position_count=len(leaves.positions),
        status=status,
        account_count=len(leaves.accounts),
        max_skew=terms.max_skew_s,
        health_factor_e18=factor,
        net_equity_e8=health.equity,
    )


def _state_block(index: int, anchor: BlockAnchor) -> BlockRef:
    return BlockRef(
        index=index,
        caip2=str(anchor.chain),
        kind=BlockKind.EVM if anchor.chain.namespace == EIP155 else BlockKind.SOLANA,
        height=anchor.height,
        block_hash=anchor.hash,
        state_root=anchor.state_root or ZERO,
        time=anchor.time,
        finality=anchor.finality,
    )


def _state_price(index: int, price: Price) -> PriceLeaf:
    if (source := _SOURCES.get(price.source)) is None:
        raise StatementError(f"{price.source!r} is no price source that attestations know")
    return PriceLeaf(
        index=index,
        asset=str(price.asset),
        source=source,
        feed_id=identify_feed(price),
        price_e8=price.usd,
        conf_e8=price.confidence,
        publish_time=price.published_at,
        heartbeat=price.heartbeat_s,
        evidence=Evidence.QUORUM_READ,
        evidence_hash=ZERO,
    )


def identify_feed(price: Price) -> str:
    """Give the feed as CAIP-10 where it is an account, with its entries behind it on Scope.

    Elsewhere it is the oracle network's own id, such as Pyth's.
    """
    account, _, _ = price.feed.partition("/")
    try:
        AccountId.parse(f"{price.asset.chain}:{account}")
    except InvalidId:
        return price.feed
    return f"{price.asset.chain}:{price.feed}"


def identify_market(position: Position) -> str:
    """Give the market as CAIP-10, or the position's own account where a wallet may have several."""
    if position.obligation is None:
        return str(position.market)
    return str(AccountId(position.market.chain, position.obligation))


def _state_positions(
    legs: Sequence[StatedLeg],
    members: Sequence[AccountId],
    anchors: Sequence[BlockAnchor],
    prices: Sequence[Price],
) -> tuple[PositionLeaf, ...]:
    account_at = {member: i for i, member in enumerate(members)}
    block_at = {(anchor.chain, anchor.hash): i for i, anchor in enumerate(anchors)}
    leaves = []
    for index, stated in enumerate(legs):
        anchor = stated.position.anchor
        account = account_at.get(stated.position.account)
        block = block_at.get((anchor.chain, anchor.hash))
        if account is None or block is None or not 0 <= stated.price < len(prices):
            raise StatementError(f"leg {index} names an account, block or price not given")
        leaves.append(_state_position(index, stated, account, block, prices[stated.price]))
    return tuple(leaves)


def _state_position(
    index: int, stated: StatedLeg, account: int, block: int, price: Price
) -> PositionLeaf:
    position, leg = stated.position, stated.leg
    return PositionLeaf(
        index=index,
        account=account,
        block_ref=block,
        price=stated.price,
        protocol=position.protocol,
        market=identify_market(position),
        asset=str(leg.asset),
        side=leg.side,
        amount_raw=leg.units,
        decimals=leg.decimals,
        ltv_bps=leg.ltv,
        liq_threshold_bps=leg.liquidation_threshold,
        haircut_bps=stated.haircut,
        debt_weight_bps=stated.debt_weight,
        value_e8=calculate_value(leg.side, leg.units, price.usd, leg.decimals),
        evidence=Evidence.PUBLISHER_SIGNED if stated.published else Evidence.QUORUM_READ,
        formula=f"{position.protocol}@{position.version}",
        evidence_hash=stated.published or ZERO,
    )
