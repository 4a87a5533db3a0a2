"""A margin account as the daemon would state it, with throw-away keys."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from eth_hash.auto import keccak

from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId, Address, AssetId, ChainId
from chains.model.position import Leg, Position, Side
from chains.model.price import Price
from chains.model.units import Bps, Usd
from proofs.build import StatedLeg, Terms, build_statement
from proofs.committee import Committee
from proofs.params import Params
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.statement import (
    HealthAttestation,
    Statement,
    calculate_leaves_health,
    calculate_leaves_root,
    state_health,
)
from proofs.vectors.declared import declare

DEPLOYMENT: Final = "plimsoll-test"
NOW: Final = 2_000_000_000
CHEAP: Final = ChainId.evm(31337)
DEAR: Final = ChainId.evm(31338)
OWNER: Final = Address("0x" + "0a" * 20)
MEMBERS: Final = (AccountId(CHEAP, OWNER), AccountId(DEAR, OWNER))
SALT: Final = bytes(keccak(b"blinding"))


@lru_cache
def signers(count: int) -> tuple[Secp256k1Signer, ...]:
    made = [Secp256k1Signer(bytes(keccak(f"signer {i}".encode()))) for i in range(count)]
    return tuple(sorted(made, key=lambda signer: int(signer.address, 16)))


def committee(count: int = 1, threshold: int = 1, deployment: str = DEPLOYMENT) -> Committee:
    return Committee.first(deployment, [s.address for s in signers(count)], threshold)


def anchor(chain: ChainId, time: int = NOW - 2) -> BlockAnchor:
    return BlockAnchor(
        chain=chain,
        height=100,
        hash=bytes(keccak(f"block {chain}".encode())),
        time=time,
        state_root=bytes(keccak(f"state {chain}".encode())),
    )


ANCHORS: Final = (anchor(CHEAP), anchor(DEAR, NOW - 5))


def price(chain: ChainId, token: int, usd: int) -> Price:
    return Price(
        asset=AssetId.erc20(chain, Address(f"0x{token:040x}")),
        usd=Usd(usd * 10**8),
        source="chainlink",
        feed=f"0x{token + 0x1000:040x}",
        published_at=NOW - 30,
        heartbeat_s=3600,
    )


PRICES: Final = (price(CHEAP, 1, 2000), price(DEAR, 2, 60_000), price(DEAR, 3, 1))


def position(index: int) -> Position:
    return Position(
        protocol="aave_v3",
        version=("3.6", "3.0")[index],
        market=AccountId((CHEAP, DEAR)[index], Address("0x" + "0b" * 20)),
        account=MEMBERS[index],
        anchor=ANCHORS[index],
        legs=(),
        native_health=None,
        native_collateral=Usd(0),
        native_debt=Usd(0),
    )


def leg(index: int, side: Side, units: int, decimals: int, threshold: int) -> Leg:
    return Leg(
        asset=PRICES[index].asset,
        symbol="",
        side=side,
        units=units,
        decimals=decimals,
        price=PRICES[index],
        ltv=Bps(max(0, threshold - 500)),
        liquidation_threshold=Bps(threshold),
    )


LEGS: Final = (
    StatedLeg(
        position=position(0), leg=leg(0, Side.COLLATERAL, 10 * 10**18 + 1, 18, 8250), price=0
    ),
    StatedLeg(
        position=position(1),
        leg=leg(1, Side.COLLATERAL, 10**7 + 1, 8, 7500),
        price=1,
        haircut=Bps(100),
    ),
    StatedLeg(
        position=position(1),
        leg=leg(2, Side.DEBT, 9_000 * 10**6 + 1, 6, 0),
        price=2,
        debt_weight=Bps(10_100),
    ),
)
TERMS: Final = Terms(
    deployment=DEPLOYMENT,
    committee=committee(),
    sequence=7,
    issued_at=NOW,
    ttl_s=60,
    max_skew_s=30,
)


def statement(terms: Terms = TERMS, legs: Sequence[StatedLeg] = LEGS) -> Statement:
    made = build_statement(
        terms,
        members=MEMBERS,
        salt=SALT,
        anchors=ANCHORS,
        legs=legs,
        prices=PRICES,
        params=Params(),
    )
    return declare(made)


def terms_of(count: int, threshold: int) -> Terms:
    return replace(TERMS, committee=committee(count, threshold))


def sign(
    made: Statement, indices: Sequence[int] = (0,), count: int = 1
) -> tuple[tuple[int, bytes], ...]:
    return tuple((i, signers(count)[i].sign(made.digest)) for i in indices)


def alter(header: HealthAttestation, changes: Mapping[str, object]) -> HealthAttestation:
    values: dict[str, Any] = dict(changes)
    return replace(header, **values)


def restate(made: Statement) -> Statement:
    """Give the statement a header whose sums, roots and parameters agree with its leaves."""
    leaves = made.leaves
    health = calculate_leaves_health(leaves.positions)
    status, factor = state_health(health)
    header = replace(
        made.header,
        account_set_root=calculate_leaves_root(leaves.accounts),
        block_refs_root=calculate_leaves_root(leaves.blocks),
        positions_root=calculate_leaves_root(leaves.positions),
        prices_root=calculate_leaves_root(leaves.prices),
        account_count=len(leaves.accounts),
        position_count=len(leaves.positions),
        status=status,
        health_factor_e18=factor,
        net_equity_e8=health.equity,
    )
    return declare(replace(made, header=header))
