"""The vaults' keeper: looks at all chains together, carries statements, liquidates, proposes.

Every look begins from the chains alone: what was locked, filled or claimed, and what each of them
waits for, is read from events, so a restart goes on wherever the last run stopped. A chain that
does not answer is left out, and with it only what needs it.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import structlog

from chains.errors import ChainError
from chains.evm.protocols.plimsoll_vault.ledger import Ledger, build_ledger
from chains.evm.vault_anchor import read_backing
from chains.model.action import Call, Instrument
from chains.model.ids import ChainId
from chains.model.snapshot import ChainSnapshot
from chains.model.units import WAD, Usd
from daemon.board import Board
from daemon.committee.vault_standing import VaultStatements
from daemon.keeper.vaults import steps
from daemon.keeper.vaults.due import (
    Subject,
    Waiting,
    WantedFact,
    list_facts,
    plan_due,
    plan_losses,
)
from daemon.keeper.vaults.guarding import VaultPolicy, propose_lines, propose_top_ups
from daemon.keeper.vaults.pairs import Pair, PairName, choose_pair
from daemon.keeper.vaults.reading import VaultEye
from daemon.keeper.vaults.record import describe_choice, describe_pair
from daemon.keeper.vaults.scene import AccountScene, ChainView, FactName
from daemon.keeper.vaults.seizing import (
    Allowed,
    Candidate,
    build_pair,
    choose_fills,
    list_candidates,
    list_fillings,
    open_pair,
    why_impossible,
)
from daemon.keeper.vaults.steps import Step
from daemon.keeper.vaults.view import Proposal, VaultAccountView, VaultBoard
from daemon.progress import Pulse
from daemon.storage.errors import StorageError
from proofs.vault_document import Carried, VaultDocument

log = structlog.get_logger(__name__)

MOST_TOLD: Final = 200
"""Of how many accounts a chain is asked what it would make of newer quantities, in one look."""
READ_S: Final = 20.0
"""How long one chain may take to be read."""


class Doing(Protocol):
    """Has steps of one chain done, in their order."""

    async def do(self, steps: Sequence[Step]) -> None:
        """Quote, journal and send what is free to be done; tells what is refused."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultTerms:
    """What the keeper does in the vaults.

    It liquidates for `min_profit` (Usd x 1e8) at least, if it `liquidates` at all. Statements and
    claims are carried for accounts with a policy and for the key itself, `for_all` for everybody.
    """

    liquidates: bool
    min_profit: Usd
    for_all: bool = True
    policies: Mapping[bytes, VaultPolicy] = field(default_factory=dict)


class VaultKeeper:
    """Looks after the vaults of one deployment; `board` is what the last look found.

    Without a `hand` nothing is done, without `statements` nothing crosses chains.
    """

    def __init__(
        self,
        eyes: Iterable[VaultEye],
        chains: Board,
        statements: VaultStatements | None,
        hand: Doing | None,
        terms: VaultTerms,
    ) -> None:
        self.board: Final = VaultBoard()
        self.pulse: Final = Pulse()
        self._eyes: Final = {eye.number: eye for eye in eyes}
        self._chains: Final = chains
        self._statements: Final = statements
        self._hand: Final = hand
        self._terms: Final = terms
        self._looking: Final = asyncio.Lock()

    @property
    def chains(self) -> tuple[ChainId, ...]:
        """The chains with a vault."""
        return tuple(eye.terms.vault.chain for eye in self._eyes.values())

    async def load(self) -> None:
        """Take up what an earlier run indexed; StorageError."""
        for eye in self._eyes.values():
            await eye.indexer.load()

    async def look(self) -> None:
        """Look at everything once and do what is due, one look at a time; troubles end here."""
        try:
            async with self._looking:
                await self._look()
        except (ChainError, StorageError) as error:
            log.warning("vaults.not_looked", reason=str(error))

    async def _look(self) -> None:
        views = await self._read()
        self.pulse.step()
        scenes = {
            scene.account: scene
            for scene in [await self._stage(account, views) for account in self._list(views)]
        }
        told = await self._tell(views, scenes)
        scenes = {a: _with_told(scene, told) for a, scene in scenes.items()}
        self.pulse.step()
        planned: list[Step] = []
        for account, scene in scenes.items():
            planned += await self._plan(account, scene)
        planned += self._plan_fills(scenes)
        self.board.chains = dict(views)
        self.board.accounts = {a: v for a, v in self.board.accounts.items() if a in scenes}
        await self._do(planned)

    async def _read(self) -> dict[int, ChainView]:
        """Read all chains beside each other; one that fails is missing, and said once."""
        async with asyncio.TaskGroup() as group:
            tasks = {number: group.create_task(self._read_one(number)) for number in self._eyes}
        found = {number: task.result() for number, task in tasks.items()}
        for number, view in found.items():
            if isinstance(view, str) and self.board.missing.get(number) != view:
                log.warning("vault.lost", chain=number, reason=view)
        self.board.missing = {n: view for n, view in found.items() if isinstance(view, str)}
        return {n: view for n, view in found.items() if not isinstance(view, str)}

    async def _read_one(self, number: int) -> ChainView | str:
        eye = self._eyes[number]
        chain = self._chains.chains.get(eye.terms.vault.chain)
        if not isinstance(chain, ChainSnapshot):
            return "the chain is not read"
        try:
            async with asyncio.timeout(READ_S):
                return await eye.look(chain, [other for other in self._eyes if other != number])
        except ChainError as error:
            return error.reason
        except TimeoutError:
            return f"its vault was not read within {READ_S:g} s"

    def _list(self, views: Mapping[int, ChainView]) -> list[bytes]:
        return sorted({account for view in views.values() for account in view.accounts})

    async def _stage(self, account: bytes, views: Mapping[int, ChainView]) -> AccountScene:
        """Put together what is known of an account, with the statements it waits for."""
        events = {number: self._eyes[number].indexer.events(account) for number in views}
        ledger = build_ledger(account, events)
        quantities: dict[int, VaultDocument] = {}
        for number in views if self._statements else ():
            document = await self._find_quantities(account, number)
            if document is not None:
                quantities[number] = document
        facts, unrooted = await self._find_facts(ledger, views)
        return AccountScene(
            account=account,
            ledger=ledger,
            views=views,
            facts=facts,
            quantities=quantities,
            told={},
            unrooted=unrooted,
        )

    async def _find_quantities(self, account: bytes, number: int) -> VaultDocument | None:
        if self._statements is None:
            return None
        return await self._statements.newest_quantities(account, consumer=number)

    async def _find_facts(
        self, ledger: Ledger, views: Mapping[int, ChainView]
    ) -> tuple[dict[FactName, Carried], dict[FactName, Call | None]]:
        """Give the statements that can be brought, and what comes before the others."""
        found: dict[FactName, Carried] = {}
        unrooted: dict[FactName, Call | None] = {}
        for fact in list_facts(ledger) if self._statements else ():
            document = await self._find_fact(fact)
            if document is None:
                continue
            backing = await self._back(fact, document, views.get(fact.consumer))
            if isinstance(backing, bytes):
                found[fact.name] = replace(document, storage_proof=backing)
            else:
                unrooted[fact.name] = backing
        return found, unrooted

    async def _find_fact(self, fact: WantedFact) -> Carried | None:
        if self._statements is None:
            return None
        document = await self._statements.find_fact(fact.chain, fact.key)
        return None if document is None else Carried(document=document)

    async def _back(
        self, fact: WantedFact, stated: Carried, view: ChainView | None
    ) -> bytes | Call | None:
        """Give the storage proof that a chain demands, else what comes before; None to wait."""
        anchor = view.anchors.get(fact.chain) if view else None
        if view is None or anchor is None:
            return b""
        here, there, said = self._eyes[view.number], self._eyes[fact.chain], stated.said
        try:
            return await read_backing(
                here.client,
                view.anchor,
                anchor,
                there.client,
                source=said.source,
                key=said.key,
                height=said.height,
            )
        except ChainError as error:
            log.warning("vaults.unproved", chain=said.chain_id, reason=str(error))
            return None

    async def _tell(
        self, views: Mapping[int, ChainView], scenes: Mapping[bytes, AccountScene]
    ) -> dict[int, dict[bytes, tuple[int, int]]]:
        """Give the healths on each chain once it was told the newest quantities."""
        told: dict[int, dict[bytes, tuple[int, int]]] = {}
        for number, view in views.items():
            known = {
                account: (found.low, found.high)
                for account, found in view.accounts.items()
                if found.low is not None and found.high is not None and not found.never
            }
            newer = [a for a, scene in scenes.items() if scene.owes and scene.posts(number)]
            newer.sort(key=lambda account: known.get(account, (0, 0))[1])
            documents = {a: scenes[a].quantities[number] for a in newer[:MOST_TOLD]}
            told[number] = known | dict(await self._eyes[number].tell(view, documents))
        return told

    async def _plan(self, account: bytes, scene: AccountScene) -> list[Step]:
        """Plan for one account, and note what is known of it."""
        policy = self._terms.policies.get(account)
        waiting = plan_due(scene)
        due = [one.step for one in waiting if one.step and self._carries_on(one, policy)]
        proposals = _propose(scene, policy) if policy else ()
        due += [step for step in plan_losses(scene) if self._carries(step, policy)]
        due += [p.step for p in proposals if p.step and p.owner == p.step.view.keeper]
        seizing: list[Step] = []
        decision = None
        if self._terms.liquidates and any(high < WAD for _, high in scene.told.values()):
            seizing, decision = await self._seize(scene)
        self.board.accounts[account] = VaultAccountView(
            account=account,
            ledger=scene.ledger,
            holdings={
                n: view.accounts[account]
                for n, view in scene.views.items()
                if account in view.accounts
            },
            waiting=waiting,
            proposals=proposals,
            decision=decision,
            told=scene.told,
        )
        return [*due, *seizing]

    def _carries_on(self, one: Waiting, policy: VaultPolicy | None) -> bool:
        """Say whether a step is taken: for whom we carry, and what a fill of ours waits for."""
        fills = self._terms.liquidates and one.subject is Subject.LOCK
        if one.step is None or fills:
            return one.step is not None
        return self._carries(one.step, policy) and (policy is not None or _is_worth(one, one.step))

    def _carries(self, step: Step, policy: VaultPolicy | None) -> bool:
        return self._terms.for_all or policy is not None or step.pays_key

    async def _seize(self, scene: AccountScene) -> tuple[list[Step], Mapping[str, object] | None]:
        """Choose the cheapest pair of an account under 1; give its first step and the record."""
        offers: dict[PairName, _Offer] = {}
        refused: list[tuple[Candidate, str]] = []
        for candidate in list_candidates(scene):
            offer = why_impossible(candidate) or await self._ask(scene, candidate)
            if isinstance(offer, str):
                refused.append((candidate, offer))
            else:
                offers[offer.pair.name] = offer
        pairs = [offer.pair for offer in offers.values()]
        choice = choose_pair(pairs, min_profit=self._terms.min_profit)
        worst = min(high for _, high in scene.told.values())
        record = describe_choice(worst, choice, refused)
        if choice.chosen is None:
            return [], record
        offer = offers[choice.chosen.pair.name]
        step = _begin(scene, offer)
        return [step.because(record, offer.allowed.health)], record

    async def _ask(self, scene: AccountScene, candidate: Candidate) -> "_Offer | str":
        """Ask a pair's chain what it allows: as it is, else once it was told the newest."""
        number = candidate.collateral.number
        eye, posts = self._eyes[number], False
        try:
            answer = await eye.ask(candidate, None)
            if isinstance(answer, str) and scene.posts(number):
                answer, posts = await eye.ask(candidate, scene.quantities[number]), True
        except ChainError as error:
            return error.reason
        if isinstance(answer, str):
            return answer
        return _Offer(candidate, answer, build_pair(candidate, answer, posts=posts))

    def _plan_fills(self, scenes: Mapping[bytes, AccountScene]) -> list[Step]:
        if not self._terms.liquidates:
            return []
        fillings = [filling for scene in scenes.values() for filling in list_fillings(scene)]
        chosen = choose_fills(fillings, scenes, min_profit=self._terms.min_profit)
        return [step.because(describe_pair(costed.pair, costed), None) for step, costed in chosen]

    async def _do(self, planned: Sequence[Step]) -> None:
        """Have each chain's steps done beside the others'."""
        if self._hand is None:
            return
        by_chain: dict[int, list[Step]] = {}
        # Accounts that wait for one state root ask for the same call.
        unlike = {(step.view.number, step.call): step for step in planned}
        for step in sorted(unlike.values(), key=lambda step: not step.pressing):
            by_chain.setdefault(step.view.number, []).append(step)
        async with asyncio.TaskGroup() as group:
            for mine in by_chain.values():
                group.create_task(self._hand.do(mine))


@dataclass(frozen=True, slots=True)
class _Offer:
    """A pair with what its collateral's chain would allow."""

    candidate: Candidate
    allowed: Allowed
    pair: Pair


def _begin(scene: AccountScene, offer: _Offer) -> Step:
    """Give the first step of a pair: the newest quantities where its chain needs them."""
    here = offer.candidate.collateral
    if offer.pair.posts:
        return steps.post_quantities(here, scene.account, scene.quantities[here.number])
    return open_pair(offer.candidate, offer.allowed, offer.pair)


def _with_told(
    scene: AccountScene, told: Mapping[int, Mapping[bytes, tuple[int, int]]]
) -> AccountScene:
    mine = {n: found[scene.account] for n, found in told.items() if scene.account in found}
    return replace(scene, told=mine)


def _is_worth(one: Waiting, step: Step) -> bool:
    """Say whether something is carried for those without a policy.

    Links, and lines that move dust, are not: anybody can make them without end, and every one would
    cost the keeper gas.
    """
    if one.line is None:
        return one.subject is not Subject.LINK
    line, view = one.line, step.view
    raised = one.subject is Subject.LINE_RAISED
    units = line.raised - line.raised_told if raised else line.lowered - line.lowered_told
    if step.instrument is Instrument.TAKE:
        # What the statement at hand tells, which may be less than what happened since.
        units = step.units
    return view.value(line.asset, units) >= view.terms.min_leg


def _propose(scene: AccountScene, policy: VaultPolicy) -> tuple[Proposal, ...]:
    return (*propose_lines(scene, policy), *propose_top_ups(scene, policy))
