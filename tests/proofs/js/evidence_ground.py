"""An attestation of real markets on both devnet chains, and the evidence of it.

One margin account with members on a market of each Aave release, after a year's interest: several
assets, eMode (3.0's own price source and 3.6's bitmaps among them), stable debt, collateral that
is not used, no debt, and nothing at all.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from chains.evm.multicall import read
from chains.evm.proofs import read_header
from chains.evm.protocols.aave_v3.adapter import MarketRead
from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId, Address
from chains.model.position import Leg, Side
from proofs.build import StatedLeg, Terms, build_statement
from proofs.evidence.bundle import BlockEvidence, hash_block
from proofs.evidence.check import label, prove_claim
from proofs.evidence.claims import Claim, Proved, find_claims, read_claim
from proofs.evidence.collect import Reading
from proofs.params import Params
from proofs.statement import Statement
from proofs.vectors.bases import DEPLOYMENT, form
from proofs.vectors.declared import declare
from tests.chains.evm.protocols.aave_v3.seeding import (
    BORROW,
    STABLE_RATE,
    account_of,
    client_of,
    open_market,
    seed_market,
)
from tests.proofs.evidence.gathering import gather_block
from tests.support.devnet import DevChain, Devnet

SEED: Final = 4
_NOBODY: Final = Address("0x" + "0b" * 20)
_SAVER: Final = Address("0x" + "5a" * 20)
_STABLE: Final = Address("0x" + "57" * 20)
_CHOSEN: Final = {"cheap": (5, 10, 27), "dear": (6, 7, 25)}
_SALT: Final = bytes.fromhex("5a17" * 16)
_ETHER: Final = 10**18


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A statement, unsigned, with the evidence of all its chains, ascending.

    `parent` is the header before that of the first chain.
    """

    statement: Statement
    evidence: tuple[BlockEvidence, ...]
    parent: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    anchor: BlockAnchor
    members: tuple[AccountId, ...]
    read: MarketRead


def build_ground(devnet: Devnet) -> Ground:
    """Seed both chains, bring them to the same time and read them."""
    members = {chain.name: _seed(chain) for chain in devnet.chains}
    heads = [chain.read_head().time for chain in devnet.chains]
    for chain, time in zip(devnet.chains, heads, strict=True):
        chain.advance(max(heads) - time + 30 * 86_400)
        chain.set_price("WETH", 1_811.25, protocol_only=True)
    return asyncio.run(_gather(devnet, members))


def _seed(chain: DevChain) -> tuple[AccountId, ...]:
    borrowers = seed_market(chain, SEED)
    chosen = [borrowers[place].address for place in _CHOSEN[chain.name]]
    chain.supply("WETH", _SAVER, 3 * _ETHER + 7)
    if chain.deployment.aave.version == "3.0":
        chosen.append(_STABLE)
        chain.supply("WETH", _STABLE, 11 * _ETHER)
        usdc = chain.deployment.tokens["USDC"].address
        arguments = (usdc, 9_000_000_123, STABLE_RATE, 0, _STABLE)
        chain.send(chain.deployment.aave.pool, BORROW, *arguments, sender=_STABLE)
    return tuple(account_of(chain, address) for address in (*chosen, _SAVER, _NOBODY))


async def _gather(devnet: Devnet, members: Mapping[str, Sequence[AccountId]]) -> Ground:
    async with AsyncExitStack() as stack:
        clients = {
            str(chain.chain_id): await stack.enter_async_context(client_of(chain))
            for chain in devnet.chains
        }
        seen = {}
        for chain in devnet.chains:
            client = clients[str(chain.chain_id)]
            market = await open_market(chain, client)
            anchor = (await client.read_head("latest")).anchor
            found = await read(client, anchor, market.plan_read(members[chain.name], anchor=anchor))
            assert not found.unreadable
            seen[str(chain.chain_id)] = _Seen(
                anchor=anchor, members=tuple(members[chain.name]), read=found
            )
        statement = _state([seen[chain] for chain in sorted(seen)])
        evidence = []
        for name, claim in sorted(find_claims(statement).items()):
            block, _ = await gather_block(clients[name], seen[name].anchor, _reading(claim))
            prove_claim(claim, block)
            evidence.append(block)
        first = clients[min(seen)]
        before = (await first.read_head(seen[min(seen)].anchor.height - 1)).anchor
        parent = await read_header(first, before)
    return Ground(statement=mark(statement, evidence), evidence=tuple(evidence), parent=parent)


def _reading(claim: Claim) -> Reading[object]:
    return lambda state: read_claim(state, claim)


def _state(seen: Sequence[_Seen]) -> Statement:
    legs = [
        (position, leg)
        for one in seen
        for position in one.read.positions
        for leg in position.legs
        if _counts(leg)
    ]
    held = {leg.asset for _, leg in legs}
    prices = [price for one in seen for price in one.read.prices if price.asset in held]
    places = {price.asset: place for place, price in enumerate(prices)}
    made = build_statement(
        Terms(
            deployment=DEPLOYMENT,
            committee=form(1, 1),
            sequence=1,
            issued_at=max(one.anchor.time for one in seen),
            ttl_s=600,
            max_skew_s=60,
        ),
        members=[member for one in seen for member in one.members],
        salt=_SALT,
        anchors=[one.anchor for one in seen],
        legs=[StatedLeg(position=p, leg=leg, price=places[leg.asset]) for p, leg in legs],
        prices=prices,
        params=Params(),
    )
    return declare(made)


def _counts(leg: Leg) -> bool:
    return leg.side is not Side.COLLATERAL or leg.liquidation_threshold > 0


def mark(statement: Statement, evidence: Sequence[BlockEvidence]) -> Statement:
    """Sign all leaves of some chains as proved by this evidence, whether it proves them or not."""
    claims = find_claims(statement)
    named = {
        block.chain: Proved(
            markets={}, prices=frozenset(p.index for p in claims[block.chain].prices)
        )
        for block in evidence
        if block.chain in claims
    }
    return label(statement, named, {block.chain: hash_block(block) for block in evidence})
