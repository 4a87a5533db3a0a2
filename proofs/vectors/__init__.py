"""Test vectors for other implementations: one attestation with everything in between.

`python -m proofs.vectors` writes health_attestation_v1.json and verdicts_v1.json again (many more
files, each with the verdict on it); tests keep them and the code equal.
The keys are throw-away and public.
"""

from pathlib import Path
from typing import Any, Final

from eth_hash.auto import keccak

from chains.model.anchor import BlockAnchor, Finality
from chains.model.ids import EIP155, AccountId, Address, AssetId, ChainId
from chains.model.position import Leg, Position, Side
from chains.model.price import Price
from chains.model.units import Bps, Usd
from proofs.build import StatedLeg, Terms, build_statement
from proofs.committee import Committee, CommitteeRecord, KeyLeaf
from proofs.document import Document, view_document
from proofs.envelope import encode_envelope
from proofs.merkle import EMPTY_ROOT, build_path, hash_leaf
from proofs.params import AssetParam, MarketParam, Params, RiskParams
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.statement import (
    AccountLeaf,
    BlockRef,
    HealthAttestation,
    PositionLeaf,
    PriceLeaf,
    Source,
    Statement,
)
from proofs.typed import DOMAIN_NAME, DOMAIN_VERSION, describe, domain_separator, hash_struct
from proofs.vectors.declared import declare

PATH: Final = Path(__file__).with_name("health_attestation_v1.json")
_TIME: Final = 1_800_000_000
_CHAINS: Final = (
    ChainId.evm(1),
    ChainId.evm(8453),
    ChainId("solana", "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"),
)
_OWNERS: Final = (
    Address("0x00000000000000000000000000000000000a11ce"),
    Address("0x00000000000000000000000000000000000a11ce"),
    Address("BtrWGikbRW5bERiVjRQWx3idrey1JUDtxktbAsHY7ynu"),
)
_POOL: Final = Address("0x000000000000000000000000000000000000aa7e")
_MARKETS: Final = (_POOL, _POOL, Address("4UpD2fh7xH3VP9QQaXtsS1YY3bxzWhtfpks7FatyKvdY"))
_OBLIGATION: Final = Address("4h9iSSqZxzwLWBdWWNBwTdL1KuvnrLdUek5aX1ofBtJw")
_SOL: Final = AssetId.spl(_CHAINS[2], Address("So11111111111111111111111111111111111111112"))
_SOL_FEED: Final = "ef0d8b6fda2ceba41da15d4095d1da392a0d2f8ed0c6c7bc0f4cfac8c280b56d"
_HOMES: Final = (0, 1, 1, 2)
_DECIMALS: Final = (18, 8, 6, 9)
_DEBT: Final = 2
"""Which chain each leg is of, its asset's decimals, and which of them is owed."""
_STRUCTS: Final = (
    HealthAttestation,
    AccountLeaf,
    BlockRef,
    PositionLeaf,
    PriceLeaf,
    CommitteeRecord,
    KeyLeaf,
    RiskParams,
    MarketParam,
    AssetParam,
)


def build_vectors() -> dict[str, Any]:
    """Give the vectors as JSON values: types, hashes, roots, a path, signatures, the file."""
    document = build_document()
    statement, leaves = document.statement, document.statement.leaves
    positions = [hash_struct(leaf) for leaf in leaves.positions]
    return {
        "domain": {
            "name": DOMAIN_NAME,
            "version": DOMAIN_VERSION,
            "salt": _hex(statement.salt),
            "separator": _hex(domain_separator(statement.salt)),
        },
        "types": {
            describe(struct).type_string: _hex(describe(struct).type_hash) for struct in _STRUCTS
        },
        "sources": {source.name.lower(): str(source.value) for source in Source},
        "emptyRoot": _hex(EMPTY_ROOT),
        "keysRoot": _hex(statement.committee.keys_root),
        "hashStruct": {
            "header": _hex(hash_struct(statement.header)),
            "accounts": [_hex(hash_struct(leaf)) for leaf in leaves.accounts],
            "blocks": [_hex(hash_struct(leaf)) for leaf in leaves.blocks],
            "positions": [_hex(struct_hash) for struct_hash in positions],
            "prices": [_hex(hash_struct(leaf)) for leaf in leaves.prices],
            "markets": [_hex(hash_struct(leaf)) for leaf in statement.params.markets],
            "assets": [_hex(hash_struct(leaf)) for leaf in statement.params.assets],
        },
        "inclusion": {
            "list": "positions",
            "index": "1",
            "leaf": _hex(hash_leaf(positions[1])),
            "path": [_hex(sibling) for sibling in build_path(positions, 1)],
        },
        "digest": _hex(statement.digest),
        "envelope": _hex(encode_envelope(document.envelope)),
        "file": view_document(document),
    }


def build_document() -> Document:
    """Give the signed example: two EVM chains and Solana, three of four members."""
    return _sign(_state())


def _signers() -> tuple[Secp256k1Signer, ...]:
    made = [Secp256k1Signer(bytes(keccak(f"plimsoll vector {i}".encode()))) for i in range(4)]
    return tuple(sorted(made, key=lambda signer: int(signer.address, 16)))


def _sign(statement: Statement) -> Document:
    signed = [(i, signer.sign(statement.digest)) for i, signer in enumerate(_signers()) if i != 1]
    return Document(statement=statement, signatures=tuple(signed))


def _state() -> Statement:
    members = tuple(AccountId(c, owner) for c, owner in zip(_CHAINS, _OWNERS, strict=True))
    anchors = tuple(_anchor(i, chain) for i, chain in enumerate(_CHAINS))
    prices = (
        _price(_CHAINS[0], 1, 2000 * 10**8),
        _price(_CHAINS[1], 2, 60_000 * 10**8),
        _price(_CHAINS[1], 3, 99_990_000),
        _price_of_sol(15_012_345_678),
    )
    deployment = "plimsoll-vectors"
    committee = Committee.first(deployment, [signer.address for signer in _signers()], 3)
    terms = Terms(
        deployment=deployment,
        committee=committee,
        sequence=_TIME // 10,
        issued_at=_TIME,
        ttl_s=60,
        max_skew_s=30,
        prev_digest=bytes(keccak(b"the attestation before")),
    )
    held = (10**19 + 1, 12_345_678, 9_000_000_001, 20_000_000_001)
    legs = tuple(_leg(i, members, anchors, prices[i], units) for i, units in enumerate(held))
    made = build_statement(
        terms,
        members=members,
        salt=bytes(keccak(b"blinding")),
        anchors=anchors,
        legs=legs,
        prices=prices,
        params=Params(),
    )
    return declare(made)


def _anchor(index: int, chain: ChainId) -> BlockAnchor:
    return BlockAnchor(
        chain=chain,
        height=1_000_000 + index,
        hash=bytes(keccak(f"block {chain}".encode())),
        time=_TIME - 4 * index,
        state_root=bytes(keccak(f"state {chain}".encode())) if chain.namespace == EIP155 else None,
        finality=Finality.SAFE if index else Finality.LATEST,
    )


def _price(chain: ChainId, token: int, usd: int) -> Price:
    return Price(
        asset=AssetId.erc20(chain, Address(f"0x{token:040x}")),
        usd=Usd(usd),
        source="chainlink",
        feed=f"0x{token + 0xFEED:040x}",
        published_at=_TIME - 100 * token,
        heartbeat_s=3600,
    )


def _price_of_sol(usd: int) -> Price:
    return Price(
        asset=_SOL,
        usd=Usd(usd),
        source="pyth",
        feed=_SOL_FEED,
        published_at=_TIME - 7,
        heartbeat_s=120,
        confidence=Usd(4_321_000),
    )


def _leg(
    index: int,
    members: tuple[AccountId, ...],
    anchors: tuple[BlockAnchor, ...],
    price: Price,
    units: int,
) -> StatedLeg:
    home = _HOMES[index]
    position = Position(
        protocol=("aave_v3", "aave_v3", "save")[home],
        version=("3.6", "3.0", "1")[home],
        market=AccountId(_CHAINS[home], _MARKETS[home]),
        account=members[home],
        anchor=anchors[home],
        legs=(),
        native_health=None,
        native_collateral=Usd(0),
        native_debt=Usd(0),
        obligation=(None, None, _OBLIGATION)[home],
    )
    debt = index == _DEBT
    leg = Leg(
        asset=price.asset,
        symbol="",
        side=Side.DEBT if debt else Side.COLLATERAL,
        units=units,
        decimals=_DECIMALS[index],
        price=price,
        ltv=Bps(0 if debt else 7000),
        liquidation_threshold=Bps(0 if debt else 7500),
    )
    haircut, weight = (Bps(0), Bps(10_100)) if debt else (Bps(250), Bps(10_000))
    return StatedLeg(position=position, leg=leg, price=index, haircut=haircut, debt_weight=weight)


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
