"""A member's votes on proposed statements about vaults: it signs what it reads itself, no more.

A true fact never harms, whenever it is stated and by whom it was asked for, so there is nothing to
remember between votes and nothing that could be signed twice.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from chains.evm.vaults import FactPlace
from chains.model.ids import Address
from daemon.committee.proposal import Disagreement, find_proposer
from daemon.committee.vault_acting import Acting
from daemon.committee.vault_messages import VaultProposal, VaultVote
from daemon.committee.vault_reading import Accounts, Unread, VaultReading, Words
from daemon.committee.vault_standing import VaultStatements
from proofs.committee import Committee
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.strict import view_struct
from proofs.vault_document import VaultDocument
from proofs.vaults import ChainQuantities, VaultFact, VaultQuantities

EARLY_S = 1.0
LATE_S = 5.0
"""How far from its turn, by this member's clock, a proposal may come."""
Place = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultJudge:
    """Judges proposals; `turn_s` is how long a turn lasts.

    A chain that can be read here may be left out of quantities only once those with it are
    `patience_s` old: else one member could hide for long what was repaid there.
    """

    acting: Acting
    reading: VaultReading
    standing: VaultStatements
    signer: Secp256k1Signer
    turn_s: float
    patience_s: float
    clock: Callable[[], float] = time.time

    async def judge(self, sender: Address, proposal: VaultProposal) -> tuple[VaultVote, ...]:
        """Give a vote on each statement; Disagreement where none of them is looked at."""
        committee = self._check_committee(proposal)
        self._check_turn(sender, committee, proposal.turn)
        facts: defaultdict[Place, list[FactPlace]] = defaultdict(list)
        accounts: defaultdict[Place, list[bytes]] = defaultdict(list)
        for document in proposal.documents:
            match document.said:
                case VaultFact() as fact:
                    facts[fact.chain_id, fact.height].append((fact.source, fact.key))
                case VaultQuantities() as quantities:
                    for chain in quantities.chains:
                        accounts[chain.chain_id, chain.height].append(quantities.account)
        words = await self.reading.read_words(facts)
        tips = {tip.chain: tip for tip in proposal.tips}
        read = await self.reading.read_quantities(accounts, tips)
        hidden = [await self._find_hidden(document) for document in proposal.documents]
        return tuple(
            VaultVote(reason=reason) if reason else self._vote(document, proposal.turn, words, read)
            for document, reason in zip(proposal.documents, hidden, strict=True)
        )

    async def _find_hidden(self, document: VaultDocument) -> str | None:
        """Name a chain that is left out though it can be read and was stated a moment ago."""
        said = document.said
        if isinstance(said, VaultFact):
            return None
        newest = await self.standing.newest_quantities(said.account)
        before = newest.said if newest else None
        if not isinstance(before, VaultQuantities):
            return None
        if said.issued_at >= before.issued_at + self.patience_s:
            return None
        told = {chain.chain_id for chain in said.chains}
        readable = {chain.number for chain in self.acting.chains.readable}
        for chain in before.chains:
            if chain.chain_id in readable - told:
                return f"chain {chain.chain_id} is left out, which I can read"
        return None

    def _check_committee(self, proposal: VaultProposal) -> Committee:
        first = proposal.documents[0]
        membership = self.acting.membership
        if any(d.deployment != membership.deployment for d in proposal.documents):
            raise Disagreement(f"the deployment is not {membership.deployment!r}")
        place = membership.chain.find(first.committee.id)
        if place is None:
            raise Disagreement(f"I do not know 0x{first.committee.id.hex()}")
        committee = membership.chain.committees[place]
        if (hindrance := self.acting.find_hindrance(committee)) is not None:
            raise Disagreement(hindrance)
        if membership.place(committee) is None or membership.me in membership.banned:
            raise Disagreement("I do not sign")
        return committee

    def _check_turn(self, sender: Address, committee: Committee, turn: int) -> None:
        starts, now = turn * self.turn_s, self.clock()
        early = min(EARLY_S, self.turn_s / 4)
        if not starts - early <= now < starts + self.turn_s + LATE_S:
            raise Disagreement(f"turn {turn} is not now")
        proposer = committee.members[find_proposer(committee, turn)]
        if proposer != sender:
            raise Disagreement(f"turn {turn} is {proposer}'s")

    def _vote(
        self,
        document: VaultDocument,
        turn: int,
        words: Mapping[Place, Words | Unread],
        read: Mapping[Place, Accounts | Unread],
    ) -> VaultVote:
        said = document.said
        if said.committee_id != document.committee.id:
            return VaultVote(reason="the committee named is another")
        if isinstance(said, VaultFact):
            found = words[said.chain_id, said.height]
            if isinstance(found, Unread):
                return _refuse([found])
            reason = _find_difference(said, found[said.source, said.key])
        else:
            missing = [
                part
                for chain in said.chains
                if isinstance(part := read[chain.chain_id, chain.height], Unread)
            ]
            if missing:
                return _refuse(missing)
            reason = self._judge_quantities(said, turn, read)
        if reason is not None:
            return VaultVote(reason=reason)
        return VaultVote(signature=self.signer.sign(document.digest))

    def _judge_quantities(
        self,
        said: VaultQuantities,
        turn: int,
        read: Mapping[Place, Accounts | Unread],
    ) -> str | None:
        if not said.chains:
            return "no chain is in it"
        latest = (turn + 1) * self.turn_s + LATE_S
        if said.sequence != turn or not turn * self.turn_s - 1 < said.issued_at <= latest:
            return f"sequence {said.sequence} issued at {said.issued_at} is not of turn {turn}"
        return next(_compare(said, read), None)


def _refuse(missing: list[Unread]) -> VaultVote:
    unread = sorted({each.chain for each in missing if each.chain is not None})
    return VaultVote(reason=missing[0].reason, unread=tuple(unread))


def _find_difference(fact: VaultFact, found: int) -> str | None:
    if found == 0:
        return f"chain {fact.chain_id}: nothing is said of 0x{fact.key.hex()} at {fact.height}"
    if found != fact.value:
        return f"chain {fact.chain_id}: fact.value is {fact.value}, I have {found}"
    return None


def _compare(said: VaultQuantities, read: Mapping[Place, Accounts | Unread]) -> Iterator[str]:
    for chain in said.chains:
        found = read[chain.chain_id, chain.height]
        own: ChainQuantities | None = None if isinstance(found, Unread) else found[said.account]
        if own is None or own == chain:
            continue
        theirs, mine = view_struct(chain), view_struct(own)
        name = next(name for name in mine if theirs[name] != mine[name])
        yield f"chain {chain.chain_id}: {name} is {theirs[name]}, I have {mine[name]}"
