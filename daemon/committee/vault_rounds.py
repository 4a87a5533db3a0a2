"""Stating vaults when it is this member's turn: what is wanted, read here, signed by a quorum.

Every member watches the events of all vaults and knows what is wanted, so that whoever's turn it is
proposes it; a silent member costs its turns and nothing is forgotten. A lone daemon is a committee
of one, which asks nobody.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, NoReturn

import structlog

from chains.errors import ChainError
from chains.evm.vaults import FactPlace
from daemon.committee.membership import Membership
from daemon.committee.vault_acting import Acting
from daemon.committee.vault_catchup import VaultCatchUp
from daemon.committee.vault_chain import describe_error
from daemon.committee.vault_gather import QUANTITIES, VaultGather, make_proposal, name_document
from daemon.committee.vault_index import VaultIndex
from daemon.committee.vault_messages import BATCH, Tip, batch_documents
from daemon.committee.vault_reading import Accounts, Unread, VaultReading
from daemon.committee.vault_standing import VaultStanding
from daemon.committee.vault_wants import VaultWants
from daemon.progress import Pulse
from daemon.storage.errors import StorageError
from daemon.storage.vault_statements import VaultStatementStore, WantedFact
from proofs.committee import Committee
from proofs.vault_document import VaultDocument
from proofs.vaults import VaultFact, VaultQuantities

ACCOUNTS: Final = 16
"""How many accounts' quantities are stated in a turn."""
FACTS: Final = "facts"
_MOST_BACKOFF_S: Final = 8.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultTerms:
    """Seconds: a turn, how old quantities may grow, a round, its wait for the last, a poll."""

    turn_s: float = 2.0
    refresh_s: float = 12.0
    round_s: float = 5.0
    grace_s: float = 0.3
    poll_s: float = 1.0


@dataclass(slots=True, kw_only=True)
class VaultRounds:
    """The proposer; `made` counts the statements that its rounds brought to a quorum."""

    membership: Membership
    acting: Acting
    reading: VaultReading
    standing: VaultStanding
    store: VaultStatementStore
    indexes: Sequence[VaultIndex]
    catch_up: VaultCatchUp
    gather: VaultGather
    wants: VaultWants
    terms: VaultTerms
    clock: Callable[[], float] = time.time
    pulse: Pulse = field(default_factory=Pulse)
    made: int = 0
    took_s: float = 0.0
    _tried: dict[bytes, int] = field(default_factory=dict)
    _running: bool = False

    async def run(self) -> NoReturn:
        """Watch all chains and propose in one's turns, for ever."""
        async with asyncio.TaskGroup() as group:
            for index in self.indexes:
                group.create_task(self._follow(index))
            group.create_task(self._do_apart(self.catch_up.ask_all))
            while True:
                now = self.clock()
                turn = int(now // self.terms.turn_s)
                committees = self.acting.committees()
                self.wants.keep(committee.id for committee in committees)
                for committee in committees:
                    if not self._running and self._take_turn(committee, turn):
                        self._running = True
                        work = partial(self._go_round, group, committee, turn)
                        group.create_task(self._do_apart(work))
                self.wants.judge(now)
                self.pulse.step()
                await asyncio.sleep(min(self.terms.poll_s, self.terms.turn_s) / 4)

    def _take_turn(self, committee: Committee, turn: int) -> bool:
        """Say, once, whether this member proposes in a turn."""
        me = self.membership.place(committee)
        if me is None or self.membership.me in self.membership.banned:
            return False
        if self._tried.get(committee.id, -1) >= turn:
            return False
        if not self.membership.is_my_turn(committee, turn):
            return False
        self._tried[committee.id] = turn
        return True

    async def _follow(self, index: VaultIndex) -> NoReturn:
        """Keep up with one chain's final blocks; a chain that cannot be read fails alone."""
        failures = 0
        while True:
            rest_s = self.terms.poll_s
            try:
                await index.chain.refresh()
                whole = await index.follow()
                failures, rest_s = 0, rest_s if whole else 0.0
            except (ChainError, TimeoutError) as error:
                index.chain.fail(describe_error(error))
                failures += 1
                rest_s = min(self.terms.poll_s * 2**failures, _MOST_BACKOFF_S)
            except StorageError as error:
                log.critical("vaults.unrecorded", reason=str(error))
            self.acting.note()
            await asyncio.sleep(rest_s)

    async def _do_apart(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do work that may fail without ending the daemon: what others send decides its course."""
        try:
            await work()
        except Exception:  # a defect costs a round; the keeper goes on
            log.exception("vaults.broken")

    async def _go_round(self, group: asyncio.TaskGroup, committee: Committee, turn: int) -> None:
        started = time.monotonic()
        try:
            facts = await self._state_facts(committee)
            signed = await self._propose(group, committee, turn, facts, ())
            signed += await self._propose_quantities(group, committee, turn)
        except StorageError as error:
            log.critical("vaults.unrecorded", reason=str(error))
        else:
            if signed:
                self.took_s = time.monotonic() - started
                log.info("vaults.stated", turn=turn, signed=signed, seconds=round(self.took_s, 3))
        finally:
            self._running = False

    async def _state_facts(self, committee: Committee) -> list[VaultDocument]:
        """Read the facts that are wanted, each at its chain's final block."""
        chains, now = self.acting.chains, self.clock()
        readable = {chain.number: chain for chain in chains.readable}
        consumers = chains.consumers(committee.id)
        wanted = await self.store.find_wanted(
            committee.id, consumers, list(chains.by_number), BATCH
        )
        self.wants.want(committee.id, FACTS, map(_name_fact, wanted), now)
        asked: dict[tuple[int, int], list[FactPlace]] = {}
        for fact in wanted:
            chain = readable.get(fact.chain)
            if chain is not None and chain.final is not None:
                place = (fact.chain, chain.final.height)
                asked.setdefault(place, []).append((fact.source, fact.key.hash))
        words = await self.reading.read_words(asked)
        documents: list[VaultDocument] = []
        for (number, height), found in words.items():
            if isinstance(found, Unread):
                self.wants.failure = found.reason
                continue
            here = [fact for fact in wanted if fact.chain == number]
            made = self._write_facts(committee, here, height, found)
            documents += [d for d in made if not self.wants.is_held(name_document(d), now)]
        return documents

    def _write_facts(
        self,
        committee: Committee,
        wanted: Sequence[WantedFact],
        height: int,
        words: Mapping[FactPlace, int],
    ) -> Iterable[VaultDocument]:
        for fact in wanted:
            value = words.get((fact.source, fact.key.hash), 0)
            if value == 0:
                log.error("vaults.empty_fact", chain=fact.chain, key=fact.key.hash)
                continue
            said = VaultFact(
                committee_id=committee.id,
                chain_id=fact.chain,
                source=fact.source,
                key=fact.key.hash,
                value=value,
                height=height,
            )
            yield VaultDocument(
                deployment=self.membership.deployment, committee=committee, said=said, key=fact.key
            )

    async def _propose_quantities(
        self, group: asyncio.TaskGroup, committee: Committee, turn: int
    ) -> int:
        """State quantities that grew old; a chain that too many cannot read is left out."""
        before = turn - int(self.terms.refresh_s / self.terms.turn_s) + 1
        due = await self.store.find_due(committee.id, before, ACCOUNTS)
        accounts = [account.account for account in due]
        names = (f"{QUANTITIES} 0x{account.hex()}" for account in accounts)
        self.wants.want(committee.id, QUANTITIES, names, self.clock())
        if not due:
            return 0
        numbers = [chain.number for chain in self.acting.chains.readable]
        read, tips = await self.reading.read_newest(accounts, numbers)
        issued_at = int(self.clock())
        documents = self._write_quantities(committee, turn, issued_at, accounts, read)
        return await self._propose(group, committee, turn, documents, tips)

    def _write_quantities(
        self,
        committee: Committee,
        turn: int,
        issued_at: int,
        accounts: Sequence[bytes],
        read: Mapping[int, Accounts],
    ) -> list[VaultDocument]:
        if not read:
            return []
        return [
            VaultDocument(
                deployment=self.membership.deployment,
                committee=committee,
                said=VaultQuantities(
                    committee_id=committee.id,
                    account=account,
                    sequence=turn,
                    issued_at=issued_at,
                    chains=tuple(read[number][account] for number in sorted(read)),
                ),
            )
            for account in accounts
        ]

    async def _propose(
        self,
        group: asyncio.TaskGroup,
        committee: Committee,
        turn: int,
        documents: Sequence[VaultDocument],
        tips: Sequence[Tip],
    ) -> int:
        """Have statements signed, keep them and hand them out; gives how many reached a quorum."""
        signed = 0
        for batch in batch_documents(documents):
            found = await self.gather.propose(committee, make_proposal(turn, batch, tips))
            if len(found.signed) < len(batch):
                self._fail(turn, len(batch) - len(found.signed), found.missing)
            again = _leave_out(batch, found.signed, found.unread)
            if again:
                rest = await self.gather.propose(committee, make_proposal(turn, again, tips))
                found = replace(found, signed=(*found.signed, *rest.signed))
            await self._keep(group, committee, found.signed)
            signed += len(found.signed)
        return signed

    async def _keep(
        self, group: asyncio.TaskGroup, committee: Committee, signed: Sequence[VaultDocument]
    ) -> None:
        if not signed:
            return
        await self.store.write_statements(signed)
        self.note_signed(signed)
        self.made += len(signed)
        group.create_task(self._do_apart(partial(self.gather.publish, committee, signed)))

    def note_signed(self, documents: Iterable[VaultDocument]) -> None:
        """Note statements that are kept here, by whomever they were proposed."""
        for document in documents:
            self.wants.settle(document.committee.id, name_document(document))

    def _fail(self, turn: int, count: int, missing: str) -> None:
        """Tell that statements were signed by too few; they stay wanted."""
        self.wants.failure = missing or self.wants.failure
        log.warning("vaults.round_failed", turn=turn, unsigned=count, missing=missing)


def _name_fact(fact: WantedFact) -> str:
    return f"{fact.key.kind.value} 0x{fact.key.hash.hex()}"


def _leave_out(
    documents: Sequence[VaultDocument],
    signed: Sequence[VaultDocument],
    unread: Collection[int],
) -> list[VaultDocument]:
    """Give the quantities that were not signed without the chains that too few can read."""
    done = {document.digest for document in signed}
    rest: list[VaultDocument] = []
    for document in documents:
        said = document.said
        if isinstance(said, VaultFact) or document.digest in done:
            continue
        chains = tuple(chain for chain in said.chains if chain.chain_id not in unread)
        if chains and len(chains) < len(said.chains):
            rest.append(replace(document, said=replace(said, chains=chains)))
    return rest
