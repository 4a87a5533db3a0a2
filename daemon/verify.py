"""Compare a statement's leaves with the chains they were read from, at the very same blocks.

Offline verification says that an attestation is consistent; this says whether it is true as far
as one's own endpoints can tell: blocks, amounts, thresholds, prices, and nothing left out of the
configured markets.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from chains.errors import ChainError
from chains.model.anchor import BlockAnchor, Head
from chains.model.ids import AccountId, ChainId
from chains.model.position import Leg, Position
from chains.model.price import Price
from chains.model.snapshot import ChainSnapshot
from chains.ports import Reader
from proofs.statement import BlockRef, Leaves, PositionLeaf, PriceLeaf, Statement
from proofs.typed import ZERO

_Key = tuple[str, str, str, str, int]


class BlockSource(Protocol):
    """What gives the header of a block by its hash."""

    async def read_head(self, block: bytes) -> Head:
        """Read a header; a ChainError when no endpoint has it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainAccess:
    """One's own way to a chain: its headers, and everything that is read at one."""

    blocks: BlockSource
    reader: Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What the chains say: one line per difference, one per chain that could not be asked."""

    differences: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()


async def compare_with_chain(
    statement: Statement, access: Mapping[ChainId, ChainAccess]
) -> Comparison:
    """Read every stated block again and compare; both lists empty where all leaves are true."""
    checks: list[asyncio.Task[Comparison]] = []
    async with asyncio.TaskGroup() as group:
        for block in statement.leaves.blocks:
            way = access.get(ChainId.parse(block.caip2))
            checks.append(group.create_task(_compare_block(statement.leaves, block, way)))
    results = [check.result() for check in checks]
    return Comparison(
        differences=tuple(line for result in results for line in result.differences),
        unreadable=tuple(line for result in results for line in result.unreadable),
    )


async def _compare_block(leaves: Leaves, block: BlockRef, way: ChainAccess | None) -> Comparison:
    path = f"blocks[{block.index}]"
    if way is None:
        return Comparison(unreadable=(f"{path}: no endpoint of {block.caip2} is configured",))
    try:
        return Comparison(differences=await _find_differences(leaves, block, way))
    except ChainError as error:
        return Comparison(unreadable=(f"{path}: {error}",))


async def _find_differences(leaves: Leaves, block: BlockRef, way: ChainAccess) -> tuple[str, ...]:
    chain = ChainId.parse(block.caip2)
    head = await way.blocks.read_head(block.block_hash)
    accounts = [
        account
        for account in (AccountId.parse(leaf.caip10) for leaf in leaves.accounts)
        if account.chain == chain
    ]
    snapshot = await way.reader.read(head, accounts)
    return (
        *_compare_anchor(block, head.anchor),
        *_compare_prices(leaves, chain, snapshot),
        *_compare_positions(leaves, block, snapshot),
    )


def _compare_anchor(block: BlockRef, anchor: BlockAnchor) -> Iterator[str]:
    path = f"blocks[{block.index}]"
    yield from _differ(f"{path}.height", block.height, anchor.height)
    yield from _differ(f"{path}.time", block.time, anchor.time)
    if block.state_root != ZERO and anchor.state_root is not None:
        yield from _differ(
            f"{path}.stateRoot", "0x" + block.state_root.hex(), "0x" + anchor.state_root.hex()
        )


def _compare_prices(leaves: Leaves, chain: ChainId, snapshot: ChainSnapshot) -> Iterator[str]:
    found: dict[str, list[Price]] = {}
    for price in snapshot.prices:
        found.setdefault(str(price.asset), []).append(price)
    for leaf in leaves.prices:
        if not leaf.asset.startswith(f"{chain}/"):
            continue
        path = f"prices[{leaf.index}]"
        candidates = found.get(leaf.asset)
        if not candidates:
            yield f"{path}: the configured markets have no price of {leaf.asset}"
        elif not any(_same_price(leaf, price) for price in candidates):
            price = candidates[0]
            yield from _differ(f"{path}.priceE8", leaf.price_e8, price.usd)
            yield from _differ(f"{path}.publishTime", leaf.publish_time, price.published_at)
            yield from _differ(f"{path}.feedId", leaf.feed_id, f"{chain}:{price.feed}")


def _same_price(leaf: PriceLeaf, price: Price) -> bool:
    return (leaf.price_e8, leaf.publish_time, leaf.feed_id) == (
        price.usd,
        price.published_at,
        f"{price.asset.chain}:{price.feed}",
    )


def _compare_positions(leaves: Leaves, block: BlockRef, snapshot: ChainSnapshot) -> Iterator[str]:
    held = {
        _key_of_leg(position, leg): (position, leg)
        for position in snapshot.positions
        for leg in position.legs
    }
    stated = {
        _key_of_leaf(leaves, leaf): leaf
        for leaf in leaves.positions
        if leaf.block_ref == block.index
    }
    for key, leaf in stated.items():
        if key in held:
            yield from _compare_leg(leaf, *held[key])
        elif leaf.amount_raw:
            yield f"positions[{leaf.index}]: {leaf.asset} is not held or owed there"
    for key, (position, leg) in held.items():
        if leg.units and key not in stated:
            side = leg.side.name.lower()
            yield f"left out: {side} of {leg.units} {leg.asset} in {position.market}"


def _compare_leg(leaf: PositionLeaf, position: Position, leg: Leg) -> Iterator[str]:
    path = f"positions[{leaf.index}]"
    formula = f"{position.protocol}@{position.version}"
    for name, stated, held in (
        ("amountRaw", leaf.amount_raw, leg.units),
        ("decimals", leaf.decimals, leg.decimals),
        ("ltvBps", leaf.ltv_bps, leg.ltv),
        ("liqThresholdBps", leaf.liq_threshold_bps, leg.liquidation_threshold),
        ("formula", leaf.formula, formula),
    ):
        yield from _differ(f"{path}.{name}", stated, held)


def _key_of_leg(position: Position, leg: Leg) -> _Key:
    account, market = str(position.account), str(position.market)
    return account, position.protocol, market, str(leg.asset), leg.side


def _key_of_leaf(leaves: Leaves, leaf: PositionLeaf) -> _Key:
    account = leaves.accounts[leaf.account].caip10
    return account, leaf.protocol, leaf.market, leaf.asset, leaf.side


def _differ(path: str, stated: int | str, held: int | str) -> Iterator[str]:
    if stated != held:
        yield f"{path} is {stated}, the chain has {held}"
