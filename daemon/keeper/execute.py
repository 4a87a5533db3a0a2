"""One lane's executor: sign and journal in one commit, send, follow to the end.

The order is fixed. A nonce is taken, the transaction signed, and both are in the journal before a
byte leaves. What was sent is looked at on every head: sent again while it lies in no block, at
higher fees when it is stuck, confirmed at depth, taken up again when a reorg drops it. A nonce
never gets a second purpose: past its deadline it is filled with an empty transaction.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog

from chains.errors import ChainError, ExecutionError, FeeTooHigh, InvariantError
from chains.evm.fees import Fees
from chains.evm.transactions import SignedTransaction
from chains.evm.watch import Stage, TransactionWatch
from chains.model.action import Action, Quote, Receipt
from chains.model.anchor import BlockAnchor, Head
from chains.model.snapshot import ChainFees, ChainSnapshot
from chains.model.units import WAD, Usd, div_down
from daemon.keeper.followed import Followed
from daemon.keeper.intent import Attempt, Draft, Intent, IntentState
from daemon.keeper.journal import Journal
from daemon.keeper.ports import Budget, LanePort, Receipts
from daemon.keeper.quote import GasQuoter, gas_cost, with_margin
from daemon.keeper.rows import empty_call
from daemon.storage.errors import StorageError

log = structlog.get_logger(__name__)

RECHECK_BLOCKS: Final = 64
"""How long after a settlement the key's count is watched for a reorg."""
EMPTY_GAS: Final = 100_000
"""The gas of an empty transaction that cannot be simulated: reverted, it fills its nonce too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneTerms:
    """How a lane is driven.

    `confirmations` counts the including block; a transaction that is in no block for
    `stuck_blocks` heads is replaced at higher fees. A used nonce without a receipt of ours counts
    as another's after `lost_after_s` at the least. With `l1_fees` the chain takes more than its
    receipts say, and what was expected stays counted.
    """

    confirmations: int
    block_time_s: int
    stuck_blocks: int = 3
    l1_fees: bool = False
    quote_timeout_s: float = 2.0
    lost_after_s: int = 60


class Executor:
    """One key on one chain, from a draft to its settled intent.

    `ready` once the journal and the chain agree: nothing may be planned before. `stopped` says
    why the lane takes nothing any more. `budget` bounds what replacements may cost. With
    `receipts`, every endpoint is asked by itself before a nonce counts as another's.
    """

    def __init__(
        self,
        lane: LanePort,
        journal: Journal,
        terms: LaneTerms,
        receipts: Receipts | None = None,
    ) -> None:
        self.lane = lane
        self.terms = terms
        self.quote_timeout_s = terms.quote_timeout_s
        self.ready = False
        self.stopped: str | None = None
        self.native_usd = Usd(0)
        self.budget: Budget | None = None
        self._journal = journal
        self._receipts = receipts
        self._open: dict[int, Intent] = {}
        self._settled: list[Intent] = []
        self._watches: dict[int, TransactionWatch] = {}
        self._waiting_since: dict[int, int] = {}
        self._doubted_since: dict[int, int] = {}
        self._complaints: dict[int, str] = {}
        self._height = 0
        self._mined = 0
        self._recheck_until = 0
        self._following = asyncio.Lock()
        self._followed = Followed()

    @property
    def in_flight(self) -> tuple[Intent, ...]:
        """The intents that may still take effect."""
        return tuple(self._open.values())

    async def quote(self, actions: Sequence[Action], at: ChainSnapshot) -> tuple[Quote | str, ...]:
        """Quote each action at the fees that were read, or say why not."""
        self.native_usd = at.fees.native_usd
        time_s, timeout_s = self.terms.block_time_s, self.quote_timeout_s
        quoter = GasQuoter(lane=self.lane, block_time_s=time_s, timeout_s=timeout_s)
        return await quoter.quote(actions, at)

    async def execute(self, draft: Draft, fees: ChainFees, *, now: int) -> Intent:
        """Sign, journal and send a draft; give its intent whether or not a node took it.

        FeeTooHigh above the cap, ChainError when no nonce is to be had, StorageError or
        InvariantError when it could not be journalled or signed: nothing was sent then.
        """
        offered = self._plan_fees(draft, fees, now=now)
        nonce = await self.lane.next_nonce()
        try:
            signed = self.lane.sign(
                draft.action.call, nonce=nonce, gas_limit=draft.gas_limit, fees=offered
            )
            attempt = Attempt(signed=signed, height=self._height, signed_at=now)
            most = self._most_gas(draft, offered)
            intent = await self._journal.record_signed(
                draft, attempt, nonce=nonce, now=now, gas=most
            )
        except (InvariantError, StorageError):
            self.lane.release_nonce(nonce)
            raise
        try:
            intent = await self._send(intent, now)
        finally:
            # Only now: a head that comes while it is being sent must not send it as well.
            self._open[intent.id] = intent
        return intent

    def find_most(self, draft: Draft, fees: ChainFees, *, now: int) -> Usd:
        """Give the most that a draft may spend at what would be offered; FeeTooHigh."""
        return self._most_gas(draft, self._plan_fees(draft, fees, now=now))

    def _plan_fees(self, draft: Draft, fees: ChainFees, *, now: int) -> Fees:
        """Give the fees to offer for a draft: less headroom where the limits leave less.

        FeeTooHigh above the cap. The headroom over the base fee is the least that is given up.
        """
        self.native_usd = fees.native_usd
        offered = self.lane.plan_fees(fees.base_fee_wei)
        if self.budget is None or not self.native_usd:
            return offered
        allowed = self.budget.find_allowance(draft, now=now)
        spare = allowed - draft.cost if self.terms.l1_fees else allowed
        within = div_down(max(0, spare) * WAD, draft.gas_limit * self.native_usd)
        least = fees.base_fee_wei + offered.priority_fee_wei
        return replace(offered, max_fee_wei=max(least, min(offered.max_fee_wei, within)))

    def _most_gas(self, draft: Draft, fees: Fees) -> Usd:
        most = gas_cost(draft.gas_limit, fees.max_fee_wei, self.native_usd)
        return Usd(draft.cost + most) if self.terms.l1_fees else max(draft.cost, most)

    async def on_head(self, head: Head, *, now: int) -> tuple[Intent, ...]:
        """Follow everything in flight; give what was settled. The first head reconciles.

        Raises ChainError when the chain cannot be asked: what was not looked at waits.
        """
        async with self._following:
            before, self._height = self._height, head.anchor.height
            self._followed.begin()
            if not self.ready:
                await self._load(now)
            elif head.reorg_depth:
                await self._reopen(head, before, now)
            elif await self._was_undone():
                await self._load(now)
            for intent in self.in_flight:
                followed = await self._follow(intent, head, now)
                if followed.open:
                    self._open[intent.id] = followed
                else:
                    self._forget(intent)
                    self._settled.append(followed)
                    self._note_mined(max(self._mined, followed.nonce + 1))
            doubtful = any(watch.taken_at is not None for watch in self._watches.values())
            self.ready = self.ready or not doubtful
            self._followed.finish(head)
            settled, self._settled = tuple(self._settled), []
            return settled

    @property
    def looks(self) -> int:
        """How many heads were begun to be followed."""
        return self._followed.begun

    async def wait_followed(self, anchor: BlockAnchor, *, looks: int) -> None:
        """Wait until a read block was followed: what a reorg undid is then in flight again.

        A head that was passed over counts once one that was begun after `looks` was followed.
        """
        await self._followed.wait(anchor, looks=looks)

    async def _was_undone(self) -> bool:
        """Say whether the key's count fell: a reorg that no head told of."""
        if self._height > self._recheck_until:
            return False
        return await self.lane.read_nonce() < self._mined

    def _note_mined(self, nonces: int) -> None:
        self._mined = nonces
        self._recheck_until = self._height + RECHECK_BLOCKS

    async def _load(self, now: int) -> None:
        """Take up what the journal knows and the chain may still carry out."""
        mined = await self.lane.read_nonce()
        self._note_mined(mined)
        found = await self._journal.read_unsettled(
            self.lane.chain, self.lane.sender, chain_nonce=mined
        )
        for intent in found:
            if intent.id in self._open:
                continue
            if not intent.open:
                log.warning("transaction.dropped", chain=str(self.lane.chain), nonce=intent.nonce)
                intent = await self._journal.record_state(  # noqa: PLW2901 (the same intent, moved on)
                    intent, IntentState.SENT, now=now, reason="its nonce is free again"
                )
            self._open[intent.id] = intent

    async def _reopen(self, head: Head, before: int, now: int) -> None:
        """Look again at what was settled in blocks that a reorg replaced.

        Heads may have been passed over since the one followed `before`, so the depth is counted
        from whichever is lower: rather a block too many than one too few.
        """
        replaced = min(before, head.anchor.height) - head.reorg_depth + 1
        for intent in await self._journal.read_settled_since(
            self.lane.chain, self.lane.sender, height=replaced
        ):
            self._open[intent.id] = await self._journal.record_state(
                intent,
                IntentState.INCLUDED,
                now=now,
                reason=f"a reorg of {head.reorg_depth} blocks",
                receipt=intent.receipt,
            )

    async def _follow(self, intent: Intent, head: Head, now: int) -> Intent:
        watch = await self.lane.step(self._watch(intent), height=head.anchor.height)
        if watch.stage is Stage.NONCE_TAKEN:
            watch = await self._doubt(intent, watch, head, now)
        self._watches[intent.id] = watch
        if watch.stage is Stage.NONCE_TAKEN:
            return await self._lose(intent, now)
        if watch.receipt is not None:
            intent = await self._include(intent, watch.receipt, now)
            return await self._settle(intent, now) if watch.is_settled else intent
        if intent.state is IntentState.INCLUDED:
            log.warning("transaction.dropped", chain=str(self.lane.chain), nonce=intent.nonce)
            intent = await self._journal.record_state(
                intent, IntentState.SENT, now=now, reason="a reorg dropped it"
            )
            self._open[intent.id] = intent
        return intent if watch.taken_at is not None else await self._push(intent, head, now)

    async def _doubt(
        self, intent: Intent, watch: TransactionWatch, head: Head, now: int
    ) -> TransactionWatch:
        """Give the watch as taken only after a while, and when no endpoint has a receipt."""
        pending = replace(watch, stage=Stage.PENDING)
        since = self._doubted_since.setdefault(intent.id, now)
        if now - since < self.terms.lost_after_s:
            return pending
        if self._receipts is None:
            return watch
        found = await self._receipts.read_everywhere(watch.tx_hashes)
        if not found:
            return watch
        return pending.advance(
            height=head.anchor.height, mined_nonce=watch.nonce + 1, receipt=found[0].receipt
        )

    def _watch(self, intent: Intent) -> TransactionWatch:
        hashes = tuple(attempt.tx_hash for attempt in intent.attempts)
        watch = self._watches.get(intent.id) or TransactionWatch(
            nonce=intent.nonce,
            tx_hashes=hashes,
            depth=self.terms.confirmations,
            stage=Stage.PENDING if intent.receipt is None else Stage.INCLUDED,
            receipt=intent.receipt,
        )
        return replace(watch, tx_hashes=hashes)

    async def _include(self, intent: Intent, receipt: Receipt, now: int) -> Intent:
        if intent.state is IntentState.INCLUDED and intent.receipt == receipt:
            return intent
        return await self._journal.record_state(
            intent, IntentState.INCLUDED, now=now, receipt=receipt
        )

    async def _settle(self, intent: Intent, now: int) -> Intent:
        receipt, included = intent.receipt, intent.included
        if receipt is None or included is None:
            raise InvariantError(f"intent {intent.id} is confirmed without a receipt of its own")
        state, reason = IntentState.CONFIRMED, None
        if included.cancels:
            state, reason = IntentState.SUPERSEDED, "its deadline passed"
        elif not receipt.success:
            state, reason = IntentState.FAILED, "it reverted on chain"
        gas = gas_cost(receipt.gas_used, receipt.gas_price_wei, self.native_usd)
        known = bool(self.native_usd) and not self.terms.l1_fees
        if known and self.budget:
            self.budget.recount(intent, gas)
        log.info(
            "transaction.settled",
            chain=str(self.lane.chain),
            nonce=intent.nonce,
            state=state.value,
            tx_hash="0x" + receipt.tx_hash.hex(),
        )
        return await self._journal.record_state(
            intent,
            state,
            now=now,
            reason=reason,
            receipt=receipt,
            gas=gas if known else None,
        )

    async def _lose(self, intent: Intent, now: int) -> Intent:
        self.stopped = f"nonce {intent.nonce} was used by a transaction that is not ours"
        log.error("lane.stopped", chain=str(self.lane.chain), reason=self.stopped)
        if self.budget:
            self.budget.recount(intent, Usd(0))
        return await self._journal.record_state(
            intent, IntentState.LOST, now=now, reason=self.stopped, gas=Usd(0)
        )

    async def _push(self, intent: Intent, head: Head, now: int) -> Intent:
        """Send again what lies in no block: as it is, at higher fees, or emptied past its time."""
        height = head.anchor.height
        since = self._waiting_since.setdefault(intent.id, height)
        signed: SignedTransaction | None = None
        cancels = intent.last.cancels
        if now > intent.draft.deadline and not cancels:
            signed, cancels = await self._sign_empty(intent, head), True
            if signed is None:
                return intent
        elif height - since >= self.terms.stuck_blocks:
            signed = self.lane.sign_replacement(intent.last.evm, base_fee_wei=head.base_fee_wei)
        if signed is not None:
            attempt = Attempt(signed=signed, height=height, signed_at=now, cancels=cancels)
            intent = await self._attempt(intent, attempt, now)
        return await self._send(intent, now)

    async def _attempt(self, intent: Intent, attempt: Attempt, now: int) -> Intent:
        """Journal another version within the limits; an empty one only frees the lane."""
        gas: Usd | None = None
        if self.budget and not attempt.cancels:
            gas = self.budget.raised(intent, attempt)
            if reason := self.budget.refuse_raise(intent, gas, now=now):
                self._complain(intent, "transaction.not_raised", reason)
                return intent
        raised = await self._journal.record_attempt(intent, attempt, now=now, gas=gas)
        if self.budget and gas is not None:
            self.budget.recount(intent, gas)
        self._waiting_since[intent.id] = attempt.height
        return raised

    async def _sign_empty(self, intent: Intent, head: Head) -> SignedTransaction | None:
        call, old = empty_call(self.lane.sender), intent.last.evm
        try:
            gas_limit = with_margin(await self.lane.simulate(call))
        except ExecutionError:
            gas_limit = max(EMPTY_GAS, old.gas_limit)
        old = replace(old, call=call, gas_limit=gas_limit)
        raised = self.lane.sign_replacement(old, base_fee_wei=head.base_fee_wei)
        if raised is not None:
            return raised
        try:
            fees = self.lane.plan_fees(head.base_fee_wei)
        except FeeTooHigh:
            return None
        return self.lane.sign(call, nonce=intent.nonce, gas_limit=gas_limit, fees=fees)

    async def _send(self, intent: Intent, now: int) -> Intent:
        try:
            await self.lane.submit(intent.last.evm)
        except (ChainError, ExecutionError) as error:
            self._complain(intent, "transaction.not_sent", error.reason)
            return intent
        if intent.state is not IntentState.SIGNED:
            return intent
        # The hash is out: that it was sent is written down even when this task is cancelled.
        return await asyncio.shield(self._journal.record_state(intent, IntentState.SENT, now=now))

    def _complain(self, intent: Intent, event: str, reason: str) -> None:
        if self._complaints.get(intent.id) != reason:
            self._complaints[intent.id] = reason
            log.warning(event, chain=str(self.lane.chain), nonce=intent.nonce, reason=reason)

    def _forget(self, intent: Intent) -> None:
        del self._open[intent.id]
        for table in (self._watches, self._waiting_since, self._doubted_since, self._complaints):
            table.pop(intent.id, None)
