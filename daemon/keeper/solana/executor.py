"""One Solana lane's executor: sign and journal in one commit, send, follow to the end.

The order is that of daemon.keeper.execute. Solana has no nonces: what keeps an action from being
done twice is that it is signed anew only once no block can ever take the signature before, as
every node that answers must see it (chains.solana.watch). Until then the same bytes are sent again.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import structlog

from chains.errors import (
    ChainError,
    DecodeError,
    ExecutionError,
    FeeTooHigh,
    InvariantError,
    SimulationReverted,
)
from chains.model.action import Action, Quote, Receipt
from chains.model.anchor import BlockAnchor, Head
from chains.model.ids import Address
from chains.model.snapshot import ChainFees, ChainSnapshot
from chains.model.units import USD, Usd
from chains.rpc.endpoint import RpcError
from chains.solana.bundles import BundleLane
from chains.solana.fees import Budget as UnitBudget
from chains.solana.fees import plan_again, plan_unit_limit
from chains.solana.landings import LandingReader
from chains.solana.orders import decode_order
from chains.solana.transactions import Lane, Order
from chains.solana.watch import Stage, TransactionWatch
from daemon.keeper.followed import Followed
from daemon.keeper.intent import Attempt, Draft, Intent, IntentState, Purpose
from daemon.keeper.journal import Journal
from daemon.keeper.ports import Budget
from daemon.keeper.solana.blockhashes import Blockhashes
from daemon.keeper.solana.doubts import ask_everyone
from daemon.keeper.solana.quote import OrderQuoter, lamport_cost
from daemon.keeper.solana.receipts import build_receipt, preview_receipt

log = structlog.get_logger(__name__)

NO_NONCE: Final = 2**63 - 1
"""Above all running numbers: nothing that is settled is ever free again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotTerms:
    """How a lane is driven: `cap_lamports` is the most that one transaction may cost in fees.

    `max_costs` are what the policies of margin accounts allow for an action.
    """

    cap_lamports: int
    slot_ms: int = 400
    quote_timeout_s: float = 2.0
    max_costs: Mapping[str, Usd] = field(default_factory=dict)


class SlotExecutor:
    """One key on one Solana chain, from a draft to its settled intent.

    `ready` once the journal and the chain agree: nothing may be planned before. `stopped` says
    why the lane takes nothing any more. `budget` bounds what higher prices may cost. `landings`
    asks every endpoint by itself before anything is signed anew or given up. With `bundles`
    liquidations go through a block engine, where what does not land costs nothing.
    """

    def __init__(
        self,
        lane: Lane,
        journal: Journal,
        terms: SlotTerms,
        landings: LandingReader,
        bundles: BundleLane | None = None,
    ) -> None:
        self.lane = lane
        self.sender: Final = Address(str(lane.sender))
        self.ready = False
        self.stopped: str | None = None
        self.native_usd = Usd(0)
        self.budget: Budget | None = None
        self.quote_timeout_s = terms.quote_timeout_s
        self._terms = terms
        self._journal = journal
        self._landings = landings
        self._bundles = bundles
        self._quoter = OrderQuoter(
            lane=lane,
            cap_lamports=terms.cap_lamports,
            slot_ms=terms.slot_ms,
            timeout_s=terms.quote_timeout_s,
        )
        self._open: dict[int, Intent] = {}
        self._settled: list[Intent] = []
        self._watches: dict[int, TransactionWatch] = {}
        self._complaints: dict[int, str] = {}
        self._next: int | None = None
        self._blockhashes = Blockhashes(lane)
        self._following = asyncio.Lock()
        self._followed = Followed()

    @property
    def in_flight(self) -> tuple[Intent, ...]:
        """The intents that may still take effect."""
        return tuple(self._open.values())

    @property
    def looks(self) -> int:
        """How many heads were begun to be followed."""
        return self._followed.begun

    async def quote(self, actions: Sequence[Action], at: ChainSnapshot) -> tuple[Quote | str, ...]:
        """Quote each action on the chain as it was read, or say why not.

        The blockhash to sign with is read beside it.
        """
        self.native_usd = at.fees.native_usd
        async with asyncio.TaskGroup() as group:
            group.create_task(self._blockhashes.refresh(self.quote_timeout_s))
            quotes = group.create_task(self._quoter.quote(actions, at))
        return quotes.result()

    def find_most(self, draft: Draft, fees: ChainFees, *, now: int) -> Usd:  # noqa: ARG002 (the port's)
        """Give the most that a draft may spend; FeeTooHigh above the cap."""
        self.native_usd = fees.native_usd
        return max(draft.cost, lamport_cost(self._plan_units(draft).fee(), self.native_usd))

    async def execute(self, draft: Draft, fees: ChainFees, *, now: int) -> Intent:
        """Sign, journal and send a draft; give its intent whether or not a node took it.

        FeeTooHigh above the cap, ChainError when no blockhash is to be had, StorageError or
        InvariantError when it could not be journalled or signed: nothing was sent then.
        """
        most, units = self.find_most(draft, fees, now=now), self._plan_units(draft)
        blockhash = await self._blockhashes.take(height=self._followed.height)
        number = await self._take_number()
        signed = self.lane.sign(_order(draft), budget=units, blockhash=blockhash)
        attempt = Attempt(signed=signed, height=blockhash.slot, signed_at=now)
        intent = await self._journal.record_signed(draft, attempt, nonce=number, now=now, gas=most)
        try:
            intent = await self._send(intent, now)
        finally:
            self._open[intent.id] = intent
        return intent

    async def on_head(self, head: Head, *, now: int) -> tuple[Intent, ...]:
        """Follow everything in flight; give what was settled. The first head reconciles.

        What cannot be asked about holds up nothing else: it stays in flight, and its place closed.
        """
        async with self._following:
            self._followed.begin()
            if not self.ready:
                await self._load()
            for intent in self.in_flight:
                followed = await self._try_follow(intent, now)
                if followed.open:
                    self._open[intent.id] = followed
                else:
                    self._forget(intent)
                    self._settled.append(followed)
            self.ready = True
            self._followed.finish(head)
            settled, self._settled = tuple(self._settled), []
            return settled

    async def wait_followed(self, anchor: BlockAnchor, *, looks: int) -> None:
        """Wait until what a read slot undid is in flight again.

        Only what lies in a block that is not confirmed can be undone; without such a transaction
        there is nothing to wait for. A head that was passed over counts once one that was begun
        after `looks` was followed.
        """
        if any(intent.state is IntentState.INCLUDED for intent in self.in_flight):
            await self._followed.wait_height(anchor.height, looks=looks)

    async def _take_number(self) -> int:
        if self._next is None:
            held = await self._journal.read_held_nonces(self.lane.chain, self.sender)
            if self._next is None:
                self._next = max(held, default=-1) + 1
        number, self._next = self._next, self._next + 1
        return number

    def _plan_units(self, draft: Draft) -> UnitBudget:
        units = UnitBudget(unit_limit=draft.gas_limit, unit_price=draft.unit_price)
        if units.fee() > self._terms.cap_lamports:
            raise FeeTooHigh(
                self.lane.chain, f"{units.fee()} lamports, {self._terms.cap_lamports} allowed"
            )
        return units

    async def _load(self) -> None:
        """Take up what the journal knows and the chain may still carry out."""
        for intent in await self._journal.read_unsettled(
            self.lane.chain, self.sender, chain_nonce=NO_NONCE
        ):
            self._open.setdefault(intent.id, intent)

    async def _try_follow(self, intent: Intent, now: int) -> Intent:
        try:
            return await self._follow(intent, now)
        except ChainError as error:
            self._complain(intent, "transaction.not_followed", error.reason)
        # The place of what is included opens with the next read: here nobody knows whether it is.
        return await self._drop(self._open[intent.id], now, reason="it cannot be followed")

    async def _follow(self, intent: Intent, now: int) -> Intent:
        known = self._watches.get(intent.id) or self.lane.watch(intent.last.solana)
        watch = await self.lane.step(known)
        if watch.stage in (Stage.EXPIRED, Stage.UNKNOWN) and not known.is_settled:
            watch = await ask_everyone(self.lane, self._landings, intent, watch)
        self._watches[intent.id] = watch
        match watch.stage:
            case Stage.CONFIRMED:
                return await self._settle(intent, watch, now)
            case Stage.SEEN:
                return await self._include(intent, preview_receipt(intent, watch), now)
            case Stage.PENDING:
                intent = await self._drop(intent, now)
                return intent if now > intent.draft.deadline else await self._resend(intent, now)
            case Stage.EXPIRED:
                return await self._renew(await self._drop(intent, now), now)
            case Stage.UNKNOWN:
                return await self._lose(intent, now)

    async def _include(self, intent: Intent, receipt: Receipt, now: int) -> Intent:
        if intent.state is IntentState.INCLUDED and intent.receipt == receipt:
            return intent
        return await self._move(intent, IntentState.INCLUDED, now, receipt=receipt)

    async def _drop(
        self, intent: Intent, now: int, *, reason: str = "its block was dropped"
    ) -> Intent:
        if intent.state is not IntentState.INCLUDED:
            return intent
        log.warning(
            "transaction.dropped", chain=str(self.lane.chain), nonce=intent.nonce, reason=reason
        )
        return await self._move(intent, IntentState.SENT, now, reason=reason)

    async def _settle(self, intent: Intent, watch: TransactionWatch, now: int) -> Intent:
        """Record how a transaction ended, by its status alone where no node can tell the rest."""
        receipt, gas = preview_receipt(intent, watch), None
        reason = watch.status.error if watch.status else None
        try:
            landing = await self.lane.read_landing(watch.signature)
        except (DecodeError, RpcError) as error:
            self._complain(intent, "transaction.not_read", error.reason)
        else:
            if landing is None:  # another endpoint answered, which is not so far
                self._watches[intent.id] = replace(watch, stage=Stage.PENDING, status=None)
                return await self._include(intent, receipt, now)
            receipt, reason = build_receipt(self.lane.chain, landing), landing.error
            if self.native_usd:
                gas = lamport_cost(max(landing.fee, landing.paid), self.native_usd)
        intent = await self._include(intent, receipt, now)
        state = IntentState.CONFIRMED if receipt.success else IntentState.FAILED
        log.info(
            "transaction.settled",
            chain=str(self.lane.chain),
            nonce=intent.nonce,
            state=state.value,
            signature=str(watch.signature),
        )
        return await self._end(intent, state, now, reason=reason, receipt=receipt, gas=gas)

    async def _renew(self, intent: Intent, now: int) -> Intent:
        """Sign anew what can never land any more; give it up past its deadline, or if it failed."""
        if now > intent.draft.deadline:
            reason = "its deadline passed"
        else:
            try:
                used = await self.lane.simulate(intent.last.solana.order)
                return await self._sign_anew(intent, plan_unit_limit(used.units), now)
            except SimulationReverted as error:
                reason = f"it would fail now: {error.reason}"
        return await self._end(intent, IntentState.SUPERSEDED, now, reason=reason, gas=Usd(0))

    async def _sign_anew(self, intent: Intent, unit_limit: int, now: int) -> Intent:
        """Journal and send another signature within cap and limits, at a higher price if they let.

        Where they do not, the intent waits for them, or for its deadline.
        """
        last, cap = intent.last.solana, self._terms.cap_lamports
        blockhash = await self.lane.read_blockhash()
        for units in plan_again(last.budget, unit_limit=unit_limit, cap_lamports=cap):
            signed = self.lane.sign(last.order, budget=units, blockhash=blockhash)
            attempt = Attempt(signed=signed, height=blockhash.slot, signed_at=now)
            gas = self.budget.raised(intent, attempt) if self.budget else None
            if gas is None or not (reason := self._why_refused(intent, gas, now)):
                return await self._resend(await self._attempt(intent, attempt, now, gas), now)
            self._complain(intent, "transaction.not_raised", reason)
        return intent

    def _why_refused(self, intent: Intent, gas: Usd, now: int) -> str | None:
        most = self._terms.max_costs.get(intent.draft.subject)
        if most is not None and gas > most:
            return f"it would cost ${gas / USD:.4f}, at most ${most / USD:.4f} allowed"
        return self.budget.refuse_raise(intent, gas, now=now) if self.budget else None

    async def _attempt(self, intent: Intent, attempt: Attempt, now: int, gas: Usd | None) -> Intent:
        intent = await self._journal.record_attempt(intent, attempt, now=now, gas=gas)
        self._open[intent.id] = intent
        self._watches[intent.id] = self.lane.watch(attempt.solana)
        if self.budget and gas is not None:
            self.budget.recount(intent, gas)
        return intent

    async def _lose(self, intent: Intent, now: int) -> Intent:
        """Stop the lane: it may have landed before the oldest slot that any node remembers."""
        self.stopped = (
            f"no node remembers whether {intent.last.solana.signature} landed: compare what it was"
            f" for ({intent.draft.need}) with the chain"
        )
        log.error("lane.stopped", chain=str(self.lane.chain), reason=self.stopped)
        return await self._end(intent, IntentState.LOST, now, reason=self.stopped)

    async def _send(self, intent: Intent, now: int, *, everywhere: bool = False) -> Intent:
        try:
            await self._put(intent, everywhere=everywhere)
        except (ChainError, ExecutionError) as error:
            self._complain(intent, "transaction.not_sent", error.reason)
            return intent
        if intent.state is not IntentState.SIGNED:
            return intent
        # The bytes are out: that they were sent is written down even when this task is cancelled.
        return await asyncio.shield(self._move(intent, IntentState.SENT, now))

    async def _resend(self, intent: Intent, now: int) -> Intent:
        """Send what is in no block yet to all endpoints: the first may drop what it takes."""
        return await self._send(intent, now, everywhere=True)

    async def _put(self, intent: Intent, *, everywhere: bool) -> None:
        """Send the newest version to the nodes, a liquidation to the block engine if any."""
        signed = intent.last.solana
        if self._bundles is not None and intent.draft.purpose is Purpose.LIQUIDATION:
            await self._bundles.submit([signed.raw])
        else:
            await self.lane.submit(signed, everywhere=everywhere)

    async def _end(
        self,
        intent: Intent,
        state: IntentState,
        now: int,
        *,
        reason: str | None = None,
        receipt: Receipt | None = None,
        gas: Usd | None = None,
    ) -> Intent:
        if self.budget and gas is not None:
            self.budget.recount(intent, gas)
        return await self._journal.record_state(
            intent, state, now=now, reason=reason, receipt=receipt, gas=gas
        )

    async def _move(
        self,
        intent: Intent,
        state: IntentState,
        now: int,
        *,
        reason: str | None = None,
        receipt: Receipt | None = None,
    ) -> Intent:
        """Record that an intent moved on, and remember it so whatever fails after."""
        moved = await self._journal.record_state(
            intent, state, now=now, reason=reason, receipt=receipt
        )
        self._open[intent.id] = moved
        return moved

    def _complain(self, intent: Intent, event: str, reason: str) -> None:
        if self._complaints.get(intent.id) != reason:
            self._complaints[intent.id] = reason
            log.warning(event, chain=str(self.lane.chain), nonce=intent.nonce, reason=reason)

    def _forget(self, intent: Intent) -> None:
        del self._open[intent.id]
        self._watches.pop(intent.id, None)
        self._complaints.pop(intent.id, None)


def _order(draft: Draft) -> Order:
    try:
        return decode_order(draft.action.call.data)
    except ValueError as error:
        raise InvariantError(f"{draft.chain}: {draft.need}: {error}") from error
