"""The sound attestations from which the verdict vectors are made, signed with public keys."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from eth_hash.auto import keccak

from chains.model.ids import AccountId
from chains.model.position import Side
from proofs.committee import Committee, MemberKeys
from proofs.document import Document
from proofs.quorum import join_signatures
from proofs.scheme import Scheme, Signatures
from proofs.signing.bls import BlsSigner
from proofs.signing.ed25519 import Ed25519Signer
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.statement import (
    Evidence,
    Leaves,
    PositionLeaf,
    PriceLeaf,
    Statement,
    calculate_leaves_health,
    calculate_leaves_root,
    calculate_value,
    hash_audience,
    state_health,
)
from proofs.vectors import build_document
from proofs.vectors.declared import declare

CONSUMER: Final = AccountId.parse("eip155:31337:0x" + "01" * 20)
"""Whom the bound attestation is meant for."""
DEPLOYMENT: Final = "plimsoll-vectors"
WORLDS: Final = build_document().statement
TIME: Final = WORLDS.header.issued_at
SMALL: Final = 4
LARGE: Final = 32
_STAKED_SOL: Final = (
    f"{WORLDS.leaves.blocks[2].caip2}/token:J1toso1uCk3RLmjorhTtrVwY9HJ7X8V9yYac6Y7kGCPn"
)
_STAKED_ETHER: Final = "eip155:1/erc20:0x" + "0c" * 20
_SOL_RATIO: Final = 1_234_567_891
_ETHER_RATIO: Final = 1_201_234_567
_RATIO: Final = 10**9


@lru_cache
def signers(count: int) -> tuple[Secp256k1Signer, ...]:
    """Give that many throw-away signers, ascending by address."""
    made = [Secp256k1Signer(bytes(keccak(f"plimsoll vector {i}".encode()))) for i in range(count)]
    return tuple(sorted(made, key=lambda signer: int(signer.address, 16)))


@lru_cache
def ed25519_signers(count: int) -> tuple[Ed25519Signer, ...]:
    """Give the signers' ed25519 keys, in their order."""
    return tuple(Ed25519Signer(keccak(f"ed25519 {s.address}".encode())) for s in signers(count))


@lru_cache
def bls_signers(count: int) -> tuple[BlsSigner, ...]:
    """Give the signers' BLS keys, in their order."""
    seeds = [bytes(keccak(f"bls {s.address}".encode())) for s in signers(count)]
    return tuple(BlsSigner(b"\x00" + seed[1:]) for seed in seeds)


def form(count: int, threshold: int) -> Committee:
    """Give the deployment's first committee of that size, with secp256k1 keys alone."""
    return Committee.first(DEPLOYMENT, [s.address for s in signers(count)], threshold)


@lru_cache
def form_keyed(count: int, threshold: int) -> Committee:
    """Give the deployment's first committee of that size, with keys of every scheme."""
    members = [
        MemberKeys(
            address=signer.address,
            ed25519=edwards.public,
            bls=bls.public,
            bls_proof=bls.prove_possession(),
        )
        for signer, edwards, bls in zip(
            signers(count), ed25519_signers(count), bls_signers(count), strict=True
        )
    ]
    return Committee.first(DEPLOYMENT, members, threshold)


def join(scheme: Scheme, count: int, digest: bytes, indices: Sequence[int]) -> Signatures:
    """Sign a digest with those members of a committee of that size."""
    if scheme is Scheme.SECP256K1:
        return tuple((i, signers(count)[i].sign(digest)) for i in indices)
    keyed = (ed25519_signers if scheme is Scheme.ED25519 else bls_signers)(count)
    return join_signatures(scheme, {i: keyed[i].sign(digest) for i in indices})


def sign(
    made: Statement,
    indices: Sequence[int] | None = None,
    scheme: Scheme = Scheme.SECP256K1,
) -> Document:
    """Sign with the members of these indices, or with the first quorum."""
    committee = made.committee
    chosen = range(committee.threshold) if indices is None else indices
    signatures = join(scheme, len(committee.members), made.digest, chosen)
    return Document(statement=made, signatures=signatures, scheme=scheme)


def restate(made: Statement) -> Statement:
    """Give a header whose roots, counts, sums and committee agree with what it covers."""
    leaves = made.leaves
    health = calculate_leaves_health(leaves.positions)
    status, factor = state_health(health)
    header = replace(
        made.header,
        account_set_root=calculate_leaves_root(leaves.accounts),
        block_refs_root=calculate_leaves_root(leaves.blocks),
        positions_root=calculate_leaves_root(leaves.positions),
        prices_root=calculate_leaves_root(leaves.prices),
        committee_id=made.committee.id,
        epoch=made.committee.epoch,
        min_price_time=min((price.publish_time for price in leaves.prices), default=0),
        position_count=len(leaves.positions),
        account_count=len(leaves.accounts),
        status=status,
        health_factor_e18=factor,
        net_equity_e8=health.equity,
    )
    return replace(made, header=header)


def with_header(made: Statement, /, **changes: Any) -> Statement:  # noqa: ANN401 -- any member's value
    """Give the statement with members of its header changed."""
    return replace(made, header=replace(made.header, **changes))


def with_leaves(made: Statement, /, **lists: Any) -> Statement:  # noqa: ANN401 -- any kind of leaf
    """State other leaves as their publisher would: roots, sums and parameters agree."""
    return declare(restate(replace(made, leaves=replace(made.leaves, **lists))))


def with_leaf(made: Statement, kind: str, index: int, /, **changes: Any) -> Statement:  # noqa: ANN401 -- any member's value
    """State one leaf otherwise as its publisher would: all roots and sums agree."""
    leaves = list(getattr(made.leaves, kind))
    leaves[index] = replace(leaves[index], **changes)
    return with_leaves(made, **{kind: tuple(leaves)})


def with_position(made: Statement, index: int, /, **changes: Any) -> Statement:  # noqa: ANN401 -- any member's value
    """State one position otherwise, its value multiplied out again."""
    leaf = replace(made.leaves.positions[index], **changes)
    return with_leaf(made, "positions", index, **changes, value_e8=_value(leaf, made.leaves))


@lru_cache
def build_bases() -> dict[str, Document]:
    """Give each base by its name; every one is accepted at TIME."""
    single = replace(_single(), committee=form(1, 1))
    later = replace(form(SMALL, 3), epoch=3, valid_from=TIME - 60, valid_until=TIME + 60)
    later = replace(later, prev=form(SMALL, 3).id)
    stated = {
        "worlds": WORLDS,
        "staked": _staked(),
        "single": single,
        "no debt": _keep(WORLDS, 0, 1, 3),
        "empty": with_leaves(single, accounts=(), blocks=(), positions=(), prices=()),
        "many members": replace(single, committee=form(LARGE, 22)),
        "later committee": replace(WORLDS, committee=later),
        "under water": with_position(WORLDS, 2, amount_raw=10**15 + 7),
        "required": with_leaf(
            WORLDS, "positions", 2, side=Side.REQUIREMENT, evidence=Evidence.PUBLISHER_SIGNED
        ),
        "bound": with_header(single, audience=hash_audience(CONSUMER)),
        "largest amounts": with_position(
            with_position(WORLDS, 0, amount_raw=2**200 + 1), 2, amount_raw=2**190 + 1
        ),
        "no decimals": with_position(single, 1, decimals=0, amount_raw=3),
        "most decimals": with_position(single, 1, decimals=255, amount_raw=2**256 - 1),
    }
    bases = {name: sign(restate(made)) for name, made in stated.items()}
    keyed = restate(replace(single, committee=form_keyed(SMALL, 3)))
    without = restate(
        replace(keyed, committee=replace(keyed.committee, bls_keys=(), bls_proofs=()))
    )
    second = replace(form_keyed(SMALL, 3), epoch=1, valid_from=TIME - 30, valid_until=TIME + 600)
    handed = restate(replace(single, committee=replace(second, prev=form(SMALL, 3).id)))
    return bases | {
        "handed over": sign(handed, scheme=Scheme.ED25519),
        "keys of three kinds": sign(keyed),
        "ed25519": sign(without, scheme=Scheme.ED25519),
        "ed25519 beside BLS": sign(keyed, scheme=Scheme.ED25519),
        "bls12-381": sign(keyed, scheme=Scheme.BLS12_381),
    }


def _single() -> Statement:
    """Give one account on one chain that owes what it holds."""
    leaves = WORLDS.leaves
    held = leaves.positions[0]
    owed = replace(
        held, index=1, side=Side.DEBT, amount_raw=10**18 + 1, ltv_bps=0, liq_threshold_bps=0
    )
    owed = replace(owed, debt_weight_bps=10_333, value_e8=2000 * 10**8 + 1)
    held = replace(held, debt_weight_bps=10_333)
    return with_leaves(
        WORLDS,
        accounts=leaves.accounts[:1],
        blocks=leaves.blocks[:1],
        positions=(held, owed),
        prices=leaves.prices[:1],
    )


def _staked() -> Statement:
    """Add staked tokens at converted prices: rounded down where held, up where owed."""
    leaves = WORLDS.leaves
    ether, sol = leaves.prices[0], leaves.prices[3]
    held_at = replace(sol, index=4, price_e8=sol.price_e8 * _SOL_RATIO // _RATIO)
    owed_at = replace(ether, index=5, price_e8=-(-ether.price_e8 * _ETHER_RATIO // _RATIO))
    held = replace(
        leaves.positions[3], index=4, price=4, asset=_STAKED_SOL, amount_raw=7_000_000_001
    )
    owed = replace(leaves.positions[0], index=5, price=5, asset=_STAKED_ETHER, side=Side.DEBT)
    owed = replace(owed, amount_raw=10**17 + 3, ltv_bps=0, liq_threshold_bps=0, haircut_bps=0)
    prices = (*leaves.prices, held_at, owed_at)
    valued = [_valued(leaf, prices) for leaf in (held, owed)]
    return with_leaves(WORLDS, positions=(*leaves.positions, *valued), prices=prices)


def _keep(made: Statement, *indices: int) -> Statement:
    kept = (made.leaves.positions[i] for i in indices)
    return with_leaves(made, positions=tuple(replace(leaf, index=i) for i, leaf in enumerate(kept)))


def _valued(leaf: PositionLeaf, prices: Sequence[PriceLeaf]) -> PositionLeaf:
    price = prices[leaf.price].price_e8
    value = calculate_value(leaf.side, leaf.amount_raw, price, leaf.decimals)
    return replace(leaf, value_e8=value)


def _value(leaf: PositionLeaf, leaves: Leaves) -> int:
    return _valued(leaf, leaves.prices).value_e8
