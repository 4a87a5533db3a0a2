"""Who the members are: now, next, where each is reached, and whom nobody listens to any more."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from chains.model.ids import Address
from daemon.committee.files import write_durably
from daemon.committee.proposal import find_proposer
from proofs.committee import Committee
from proofs.refusal import Refusal, Refused
from proofs.succession import CommitteeChain, decode_chain, encode_chain, extend_chain
from proofs.typed import hash_text

CHAIN_FILE: Final = "committee-chain.json"
log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class Membership:
    """One member, `me`, among the others; `urls` say where each is reached.

    `chain` grows as others show later committees that the one before signed; `state_dir` keeps it.
    `banned` are the convicted, with what they did. `counted` are the ids of committees that vaults
    still count, whoever attests by now.
    """

    me: Address
    chain: CommitteeChain
    urls: Mapping[Address, str]
    state_dir: Path
    banned: dict[Address, str] = field(default_factory=dict)
    counted: set[bytes] = field(default_factory=set)

    @property
    def deployment(self) -> str:
        """The deployment's id."""
        return self.chain.deployment

    @property
    def salt(self) -> bytes:
        """The salt of the deployment's domain."""
        return hash_text(self.chain.deployment)

    def current(self, now: int) -> Committee | None:
        """Give whose turn it is at `now`, None where no committee may sign."""
        try:
            return self.chain.current(now)
        except Refused:
            return None

    def is_member(self, address: Address, now: int) -> bool:
        """Say whether somebody signs now or is to, be it for vaults only."""
        current = self.current(now)
        epoch = current.epoch if current else 0
        heard = (c for c in self.chain.committees if c.epoch >= epoch or c.id in self.counted)
        return any(address in committee.members for committee in heard)

    def others(self, committee: Committee) -> tuple[Address, ...]:
        """Give the other members that may be asked, in the committee's order."""
        return tuple(
            member
            for member in committee.members
            if member != self.me and member in self.urls and member not in self.banned
        )

    def place(self, committee: Committee) -> int | None:
        """Give this member's index, None where it is none of the committee's."""
        return committee.members.index(self.me) if self.me in committee.members else None

    def is_my_turn(self, committee: Committee, sequence: int) -> bool:
        """Say whether this member proposes a sequence."""
        return committee.members[find_proposer(committee, sequence)] == self.me

    def follow(self, offered: CommitteeChain, now: int) -> bool:
        """Take up later committees; False where there are none, Refused where they are no heirs.

        Nobody hands over once he may not sign, whatever the record says: COMMITTEE_PERIOD.
        """
        longer = extend_chain(self.chain, offered)
        if len(longer.successors) == len(self.chain.successors):
            return False
        for committee in longer.committees[len(self.chain.successors) :]:
            if now > committee.valid_until:
                detail = f"epoch {committee.epoch} ended at {committee.valid_until}"
                raise Refused(Refusal.COMMITTEE_PERIOD, f"{detail}: give its heirs as history")
        self._take_up(longer)
        return True

    def _take_up(self, longer: CommitteeChain) -> None:
        self.chain = longer
        write_durably(self.state_dir / CHAIN_FILE, encode_chain(longer))
        newest = longer.committees[-1]
        log.warning(
            "committee.rotated",
            epoch=newest.epoch,
            committee=newest.id,
            valid_from=newest.valid_from,
            unreachable=[m for m in newest.members if m not in self.urls and m != self.me],
        )

    def recall(self) -> None:
        """Take up the committees that were shown in an earlier life."""
        path = self.state_dir / CHAIN_FILE
        if not path.exists():
            return
        try:
            longer = extend_chain(self.chain, decode_chain(path.read_bytes()))
        except Refused as error:
            if error.refusal is Refusal.COMMITTEE_FORK:
                raise
            log.warning("committee.chain_ignored", file=str(path), reason=str(error))
            return
        if len(longer.successors) > len(self.chain.successors):
            self._take_up(longer)
