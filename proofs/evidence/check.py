"""A statement against the evidence beside it: no network, no keys, no clock.

From the block's hash in the statement to the header, the state root, accounts and words; there
accrual is done again at the block's time and compared with every leaf of the chain. What is left
to believe is the block's hash: see the anchors of `plimsoll verify`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from chains.model.ids import AssetId
from proofs.evidence.bundle import BlockEvidence, decode_bundle, hash_block, open_block
from proofs.evidence.claims import (
    Claim,
    Proved,
    find_claims,
    is_published,
    judge_claim,
    read_claim,
)
from proofs.evidence.flaws import EvidenceRefused, Flaw
from proofs.refusal import Refusal, Refused
from proofs.statement import (
    Evidence,
    PositionLeaf,
    PriceLeaf,
    Statement,
    calculate_leaves_root,
)
from proofs.typed import ZERO

_REFUSALS: Final = {
    Flaw.HEADER: Refusal.EVIDENCE_BLOCK,
    Flaw.BLOCK_HASH: Refusal.EVIDENCE_BLOCK,
    Flaw.MISSING_NODE: Refusal.EVIDENCE_MISSING,
    Flaw.CODE: Refusal.EVIDENCE_CODE,
    Flaw.MARKET: Refusal.EVIDENCE_CODE,
    Flaw.PRICE: Refusal.EVIDENCE_CODE,
}
"""What a flaw is called; all others are damage."""

_Leaf = TypeVar("_Leaf", PositionLeaf, PriceLeaf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What was proved of one chain: accounts in markets, and how many prices of how many."""

    accounts: int
    markets: int
    positions: int
    prices: int
    prices_stated: int


def verify_evidence(statement: Statement, raw: bytes) -> Mapping[str, Grounds]:
    """Verify a file of evidence against a statement that is consistent in itself, by chain.

    Chains that are not in the result are quorum-read. Refused carries the first reason found.
    """
    try:
        blocks = decode_bundle(raw)
    except EvidenceRefused as error:
        raise Refused(Refusal.EVIDENCE, error.detail) from error
    return verify_blocks(statement, blocks)


def verify_blocks(statement: Statement, blocks: Sequence[BlockEvidence]) -> Mapping[str, Grounds]:
    """Verify evidence against a statement, by chain; as `verify_evidence`."""
    claims = find_claims(statement)
    given = {block.chain: block for block in blocks}
    for chain in given.keys() - claims.keys():
        raise Refused(Refusal.EVIDENCE, f"it is of {chain}, of which nothing can be proved")
    _check_labels(statement, given)
    proved = {chain: prove_claim(claims[chain], block) for chain, block in given.items()}
    for chain, found in proved.items():
        _check_prices(claims[chain], found)
    return {chain: _sum_up(claims[chain]) for chain in proved}


def prove_claim(claim: Claim, evidence: BlockEvidence) -> Proved:
    """Give what evidence of a block proves of a claim; Refused where it does not bear it out."""
    block = claim.block
    try:
        header, state = open_block(evidence, block.block_hash)
        stated = (block.height, block.time, block.state_root)
        if (header.height, header.time, header.state_root) != stated:
            detail = f"blocks[{block.index}] differs from its header"
            raise Refused(Refusal.EVIDENCE_BLOCK, detail)
        markets = read_claim(state, claim)
        state.check_all_used()
    except EvidenceRefused as error:
        refusal = _REFUSALS.get(error.flaw, Refusal.EVIDENCE)
        raise Refused(refusal, f"{block.caip2}: {error}") from error
    return judge_claim(claim, markets)


def mark_proved(statement: Statement, blocks: Sequence[BlockEvidence]) -> Statement:
    """Mark a statement's leaves by evidence that bears them out; Refused where it does not."""
    claims = find_claims(statement)
    for block in blocks:
        if block.chain not in claims:
            raise Refused(Refusal.EVIDENCE, f"nothing can be proved of {block.chain}")
    proved = {block.chain: prove_claim(claims[block.chain], block) for block in blocks}
    return label(statement, proved, {block.chain: hash_block(block) for block in blocks})


def label(
    statement: Statement, proved: Mapping[str, Proved], hashes: Mapping[str, bytes]
) -> Statement:
    """Mark the leaves that evidence proves, by chain, with its hash; the rest stay quorum-read."""
    claims = find_claims(statement)
    by_leg = {leg.index: hashes[c] for c in proved for leg in claims[c].positions}
    by_price = {index: hashes[c] for c, found in proved.items() for index in found.prices}
    leaves = replace(
        statement.leaves,
        positions=tuple(_mark(leaf, by_leg) for leaf in statement.leaves.positions),
        prices=tuple(_mark(leaf, by_price) for leaf in statement.leaves.prices),
    )
    header = replace(
        statement.header,
        positions_root=calculate_leaves_root(leaves.positions),
        prices_root=calculate_leaves_root(leaves.prices),
    )
    return replace(statement, leaves=leaves, header=header)


def unlabel(statement: Statement) -> Statement:
    """Give a statement as it was before its leaves were marked: all that is proved, quorum-read."""
    return label(statement, {}, {})


def _mark(leaf: _Leaf, hashes: Mapping[int, bytes]) -> _Leaf:
    if (found := hashes.get(leaf.index)) is not None:
        return replace(leaf, evidence=Evidence.PROVED, evidence_hash=found)
    if leaf.evidence == Evidence.PROVED:
        return replace(leaf, evidence=Evidence.QUORUM_READ, evidence_hash=ZERO)
    return leaf


def _check_labels(statement: Statement, given: Mapping[str, BlockEvidence]) -> None:
    """See that what is signed as proved has its evidence, and that no other evidence is given."""
    leaves = statement.leaves
    hashes = {chain: hash_block(block) for chain, block in given.items()}
    for position in leaves.positions:
        chain = leaves.blocks[position.block_ref].caip2
        path = f"positions[{position.index}]"
        _check_label(position, path, hashes.get(chain))
        unmarked = position.evidence != Evidence.PROVED and not is_published(position)
        if chain in hashes and unmarked:
            raise Refused(Refusal.EVIDENCE_HASH, f"{path} is signed without this evidence")
    for price in leaves.prices:
        chain = str(AssetId.parse(price.asset).chain)
        _check_label(price, f"prices[{price.index}]", hashes.get(chain))


def _check_label(leaf: PositionLeaf | PriceLeaf, path: str, found: bytes | None) -> None:
    if leaf.evidence != Evidence.PROVED:
        return
    if found is None:
        raise Refused(Refusal.UNPROVED, f"{path} is signed as proved, and nothing proves it")
    if leaf.evidence_hash != found:
        raise Refused(Refusal.EVIDENCE_HASH, f"{path}.evidenceHash is not that of the evidence")


def _check_prices(claim: Claim, proved: Proved) -> None:
    for price in claim.prices:
        if price.evidence == Evidence.PROVED and price.index not in proved.prices:
            detail = f"prices[{price.index}] is signed as proved, and no feed in the state has it"
            raise Refused(Refusal.UNPROVED, detail)


def _sum_up(claim: Claim) -> Grounds:
    return Grounds(
        accounts=len(claim.accounts),
        markets=len(claim.markets),
        positions=len(claim.positions),
        prices=sum(price.evidence == Evidence.PROVED for price in claim.prices),
        prices_stated=len(claim.prices),
    )
