"""Verify an attestation offline: no keys, no network, the time is an argument.

Everything that a signature cannot excuse is done again from the leaves: values, health, roots,
digest, committee and quorum. Whether the leaves are what the chains held is another question
(`plimsoll verify --rpc`): the verdict here is "consistent, unanchored".
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from chains.model.anchor import Finality
from chains.model.health import Health
from chains.model.ids import EIP155, AccountId, Address, AssetId, ChainId, InvalidId
from chains.model.position import Side
from chains.model.units import BPS
from proofs.committee import Committee
from proofs.conformity import check_params
from proofs.document import Document, decode_document
from proofs.quorum import check_quorum
from proofs.refusal import Refusal, Refused
from proofs.scheme import Scheme
from proofs.statement import (
    SCHEMA_VERSION,
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
from proofs.succession import CommitteeChain, verify_chain
from proofs.typed import ZERO

CLOCK_TOLERANCE_S: Final = 15
"""How far ahead of the verifier's clock an attestation may be issued; the contract's figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the verifier trusts and allows; None means: take what the file says.

    An attestation for anybody (audience 0) is always taken, another audience only if it is
    `audience`. `members` must be the whole committee, and sign as themselves, in secp256k1.
    With a `chain`, `committee_id` may be any of its committees that came before. Times in seconds.
    """

    deployment: str | None = None
    audience: bytes = ZERO
    committee_id: bytes | None = None
    members: frozenset[Address] | None = None
    chain: CommitteeChain | None = None
    max_ttl_s: int = 3600
    max_skew_s: int = 300

    @property
    def pinned(self) -> bool:
        """Whether the verifier knows by itself who may sign."""
        return self.committee_id is not None or self.members is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """An accepted attestation: consistent, its leaves not compared with any chain."""

    digest: bytes
    statement: Statement
    health: Health
    signers: tuple[Address, ...]
    scheme: Scheme
    pinned: bool


def verify_file(raw: bytes, expected: Expected, *, now: int) -> Verdict:
    """Verify a file's bytes at time `now`; Refused carries the first reason found."""
    return verify_document(decode_document(raw), expected, now=now)


def verify_document(document: Document, expected: Expected, *, now: int) -> Verdict:
    """Verify a document at time `now`; Refused carries the first reason found."""
    statement = document.statement
    _check_scope(statement, expected)
    _check_committee(document, expected, now)
    _check_roots(statement.header, statement.leaves)
    _check_leaves(statement.leaves)
    check_params(statement.header, statement.params, statement.leaves)
    health = _check_health(statement.header, statement.leaves)
    _check_times(statement.header, expected, now)
    _check_skew(statement, expected)
    _check_prices(statement, now)
    return Verdict(
        digest=statement.digest,
        statement=statement,
        health=health,
        signers=check_quorum(
            statement.committee, document.scheme, statement.digest, document.signatures
        ),
        scheme=document.scheme,
        pinned=expected.pinned,
    )


def _require(holds: bool, refusal: Refusal, detail: str) -> None:  # noqa: FBT001 - reads as assert
    if not holds:
        raise Refused(refusal, detail)


def _check_scope(statement: Statement, expected: Expected) -> None:
    header = statement.header
    version = header.schema_version
    _require(version == SCHEMA_VERSION, Refusal.SCHEMA, f"header.schemaVersion is {version}")
    if expected.deployment is not None:
        detail = f"the deployment is {statement.deployment!r}, not {expected.deployment!r}"
        _require(statement.deployment == expected.deployment, Refusal.DEPLOYMENT, detail)
    allowed = header.audience in (ZERO, expected.audience)
    _require(allowed, Refusal.AUDIENCE, f"header.audience is 0x{header.audience.hex()}")


def _check_committee(document: Document, expected: Expected, now: int) -> None:
    committee, header = document.statement.committee, document.statement.header
    same = header.committee_id == committee.id and header.epoch == committee.epoch
    _require(same, Refusal.COMMITTEE_ID, "the committee's record is not the one in the header")
    if expected.chain is not None:
        _check_chain(expected.chain, document.statement, expected.committee_id)
    elif expected.committee_id is not None:
        detail = f"the committee is 0x{committee.id.hex()}"
        _require(committee.id == expected.committee_id, Refusal.COMMITTEE, detail)
    if expected.members is not None:
        _check_members(committee, document.scheme, expected)
    current = committee.valid_from <= now <= committee.valid_until
    detail = f"the committee signs from {committee.valid_from} to {committee.valid_until}"
    _require(current, Refusal.COMMITTEE_PERIOD, detail)


def _check_members(committee: Committee, scheme: Scheme, expected: Expected) -> None:
    detail = "the committee's members are " + ", ".join(committee.members)
    _require(frozenset(committee.members) == expected.members, Refusal.COMMITTEE, detail)
    named = scheme is Scheme.SECP256K1 or expected.committee_id is not None
    detail = f"addresses say nothing of {scheme.label} keys: name the committee's id"
    _require(named, Refusal.COMMITTEE, detail)


def _check_chain(chain: CommitteeChain, statement: Statement, pinned: bytes | None) -> None:
    """Follow the chain from the committee that is pinned, or from its root, to the signing one.

    What the old quorum issues after its successor has started is refused, so with the longest life
    that is allowed its keys are worth nothing soon after, by the verifier's own clock.
    """
    _require(chain.deployment == statement.deployment, Refusal.DEPLOYMENT, "the chain is another's")
    verify_chain(chain)
    start = 0 if pinned is None else chain.find(pinned)
    place = chain.find(statement.committee.id)
    if start is None or place is None:
        raise Refused(Refusal.COMMITTEE_UNKNOWN, "the chain has not both committees")
    _require(place >= start, Refusal.COMMITTEE, "the committee is older than the one you trust")
    for successor in chain.committees[place + 1 : place + 2]:
        detail = f"epoch {successor.epoch} has signed since {successor.valid_from}"
        early = statement.header.issued_at < successor.valid_from
        _require(early, Refusal.COMMITTEE_SUPERSEDED, detail)


def _check_roots(header: HealthAttestation, leaves: Leaves) -> None:
    for refusal, signed, listed in (
        (Refusal.ACCOUNTS_ROOT, header.account_set_root, leaves.accounts),
        (Refusal.BLOCKS_ROOT, header.block_refs_root, leaves.blocks),
        (Refusal.POSITIONS_ROOT, header.positions_root, leaves.positions),
        (Refusal.PRICES_ROOT, header.prices_root, leaves.prices),
    ):
        same = signed == calculate_leaves_root(listed)
        _require(same, refusal, f"{refusal.name.lower()} does not cover the leaves in the file")
    counts = (header.account_count, header.position_count)
    same = counts == (len(leaves.accounts), len(leaves.positions))
    _require(same, Refusal.COUNT, f"the header counts {counts[0]} accounts, {counts[1]} positions")


def _check_leaves(leaves: Leaves) -> None:
    for account in leaves.accounts:
        _canonical(AccountId.parse, account.caip10, f"accounts[{account.index}].caip10")
    for block in leaves.blocks:
        _check_block(block)
    for price in leaves.prices:
        _check_price(price)
    for position in leaves.positions:
        _check_position(position, leaves)
    _check_once((a.caip10 for a in leaves.accounts), "an account")
    _check_once((b.caip2 for b in leaves.blocks), "a chain's block")
    _check_once(
        ((p.account, p.protocol, p.market, p.asset, p.side) for p in leaves.positions),
        "a position's leg",
    )


def _check_once(keys: Iterable[Hashable], what: str) -> None:
    listed = list(keys)
    _require(len(set(listed)) == len(listed), Refusal.DUPLICATED_LEAF, f"{what} stands twice")


def _canonical(parse: Callable[[str], object], text: str, path: str) -> None:
    try:
        same = str(parse(text)) == text
    except InvalidId as error:
        raise Refused(Refusal.LEAF, f"{path}: {error}") from error
    _require(same, Refusal.LEAF, f"{path} is not in canonical form")


def _check_block(block: BlockRef) -> None:
    path = f"blocks[{block.index}]"
    _canonical(ChainId.parse, block.caip2, f"{path}.caip2")
    is_evm = ChainId.parse(block.caip2).namespace == EIP155
    kind = BlockKind.EVM if is_evm else BlockKind.SOLANA
    _require(block.kind == kind, Refusal.LEAF, f"{path}.kind is {block.kind}, not {kind}")
    known = block.finality in list(Finality)
    _require(known, Refusal.LEAF, f"{path}.finality is {block.finality}")


def _check_price(price: PriceLeaf) -> None:
    path = f"prices[{price.index}]"
    _canonical(AssetId.parse, price.asset, f"{path}.asset")
    known = price.source in list(Source) and price.evidence in list(Evidence)
    _require(known, Refusal.LEAF, f"{path} has an unknown source or evidence")
    _require(price.price_e8 > 0, Refusal.LEAF, f"{path}.priceE8 is 0")


def _check_position(leaf: PositionLeaf, leaves: Leaves) -> None:
    path = f"positions[{leaf.index}]"
    for name, index, listed in (
        ("account", leaf.account, leaves.accounts),
        ("blockRef", leaf.block_ref, leaves.blocks),
        ("price", leaf.price, leaves.prices),
    ):
        _require(index < len(listed), Refusal.REFERENCE, f"{path}.{name} names no leaf")
    _canonical(AccountId.parse, leaf.market, f"{path}.market")
    _canonical(AssetId.parse, leaf.asset, f"{path}.asset")
    chains = {
        AccountId.parse(leaf.market).chain,
        AssetId.parse(leaf.asset).chain,
        AccountId.parse(leaves.accounts[leaf.account].caip10).chain,
        ChainId.parse(leaves.blocks[leaf.block_ref].caip2),
    }
    _require(len(chains) == 1, Refusal.REFERENCE, f"{path} mixes chains")
    _check_weights(leaf, path)
    value = calculate_value(
        leaf.side, leaf.amount_raw, leaves.prices[leaf.price].price_e8, leaf.decimals
    )
    detail = f"{path}.valueE8 is {leaf.value_e8}, not {value} as its amount and price say"
    _require(leaf.value_e8 == value, Refusal.VALUE, detail)


def _check_weights(leaf: PositionLeaf, path: str) -> None:
    _require(leaf.side in list(Side), Refusal.LEAF, f"{path}.side is {leaf.side}")
    _require(leaf.evidence in list(Evidence), Refusal.LEAF, f"{path}.evidence is {leaf.evidence}")
    worst = max(leaf.ltv_bps, leaf.liq_threshold_bps, leaf.haircut_bps)
    _require(worst <= BPS, Refusal.LEAF, f"{path} has a ratio above {BPS} basis points")
    _require(leaf.debt_weight_bps >= BPS, Refusal.LEAF, f"{path}.debtWeightBps is below {BPS}")
    asserted = leaf.evidence == Evidence.PUBLISHER_SIGNED and leaf.side == Side.COLLATERAL
    _require(not asserted, Refusal.LEAF, f"{path} is collateral on its publisher's word alone")


def _check_health(header: HealthAttestation, leaves: Leaves) -> Health:
    health = calculate_leaves_health(leaves.positions)
    status, factor = state_health(health)
    for name, signed, found in (
        ("status", header.status, status),
        ("healthFactorE18", header.health_factor_e18, factor),
        ("netEquityE8", header.net_equity_e8, health.equity),
    ):
        detail = f"header.{name} is {signed}, not {int(found)} as the leaves add up to"
        _require(signed == found, Refusal.HEALTH, detail)
    return health


def _check_times(header: HealthAttestation, expected: Expected, now: int) -> None:
    issued, expires = header.issued_at, header.expires_at
    _require(expires >= now, Refusal.EXPIRED, f"it expired {now - expires} s ago")
    ahead = issued - now
    _require(ahead <= CLOCK_TOLERANCE_S, Refusal.FUTURE, f"it is issued {ahead} s from now")
    ttl = expires - issued
    allowed = 0 <= ttl <= expected.max_ttl_s
    _require(allowed, Refusal.TTL, f"it lives {ttl} s, at most {expected.max_ttl_s} s are allowed")


def _check_skew(statement: Statement, expected: Expected) -> None:
    header = statement.header
    detail = f"it allows itself {header.max_skew} s, you allow {expected.max_skew_s} s"
    _require(header.max_skew <= expected.max_skew_s, Refusal.SKEW, detail)
    times = [block.time for block in statement.leaves.blocks]
    if not times:
        return
    skew = max(times) - min(times)
    detail = f"the blocks lie {skew} s apart, more than its {header.max_skew} s"
    _require(skew <= header.max_skew, Refusal.SKEW, detail)
    ahead = max(times) - header.issued_at
    _require(ahead <= CLOCK_TOLERANCE_S, Refusal.SKEW, f"a block is {ahead} s newer than it")


def _check_prices(statement: Statement, now: int) -> None:
    prices: Sequence[PriceLeaf] = statement.leaves.prices
    oldest = min((price.publish_time for price in prices), default=0)
    detail = f"header.minPriceTime is {statement.header.min_price_time}, not {oldest}"
    _require(statement.header.min_price_time == oldest, Refusal.MIN_PRICE_TIME, detail)
    for price in prices:
        age = now - price.publish_time
        path = f"prices[{price.index}]"
        detail = f"{path} is published {-age} s from now"
        _require(age >= -CLOCK_TOLERANCE_S, Refusal.FUTURE_PRICE, detail)
        detail = f"{path} is {age} s old, its feed's heartbeat is {price.heartbeat} s"
        _require(age <= price.heartbeat, Refusal.STALE_PRICE, detail)
