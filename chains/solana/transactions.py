"""Transactions of one key on one Solana chain: simulate, price, sign, send, see what became.

Signing and sending are apart, so that an intent with its signature is journalled in between. What
became of a transaction is decided by `watch.py`; here is the I/O around it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.hash import Hash
from solders.instruction import Instruction
from solders.message import CompileError, VersionedMessage, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from chains.errors import (
    ExecutionError,
    FeeTooHigh,
    InvariantError,
    NotIncluded,
    SimulationReverted,
    Stale,
    SubmitRefused,
)
from chains.model.ids import ChainId
from chains.rpc.endpoint import RpcError
from chains.solana.client import SolanaClient
from chains.solana.decode import Landing, RecentBlockhash, Simulation
from chains.solana.fees import (
    MAX_UNITS,
    Budget,
    MessageBuilder,
    V0Messages,
    cap_budget,
    plan_raise,
    plan_unit_limit,
    plan_unit_price,
)
from chains.solana.signer import Signer
from chains.solana.watch import Stage, TransactionWatch

MAX_TRANSACTION: Final = 1_232
"""Bytes that fit into one packet (PACKET_DATA_SIZE)."""
_TRIAL: Final = Budget(unit_limit=MAX_UNITS, unit_price=0)


class TransactionTooLarge(ExecutionError):
    """The signed transaction would not fit into a packet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a transaction is to do: instructions in order, and tables that shorten it."""

    instructions: tuple[Instruction, ...]
    tables: tuple[AddressLookupTableAccount, ...] = ()

    @property
    def writable(self) -> tuple[Pubkey, ...]:
        """The accounts it locks for writing, which is where fees are bid up."""
        metas = (meta for each in self.instructions for meta in each.accounts)
        return tuple(dict.fromkeys(meta.pubkey for meta in metas if meta.is_writable))


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTransaction:
    """A signed transaction and what went into it; `fee` in lamports."""

    chain: ChainId
    sender: Pubkey
    order: Order
    budget: Budget
    fee: int
    blockhash: RecentBlockhash
    raw: bytes
    signature: Signature


class Lane:
    """One key on one chain.

    The unit price offered is the `percentile` of recent slots' least prices, at least
    `price_floor` (micro-lamports).
    """

    def __init__(
        self,
        client: SolanaClient,
        signer: Signer,
        *,
        messages: MessageBuilder | None = None,
        percentile: int = 75,
        price_floor: int = 1,
    ) -> None:
        self.chain: Final = client.chain
        self.sender: Final = signer.pubkey
        self._client = client
        self._signer = signer
        self._messages = messages or V0Messages()
        self._percentile = percentile
        self._price_floor = price_floor

    async def simulate(
        self, order: Order, *, min_slot: int = 0, accounts: Sequence[Pubkey] = ()
    ) -> Simulation:
        """Run an order without effect at `min_slot` or later; SimulationReverted with the reason.

        TransactionTooLarge before anything is asked.
        """
        message = self._build(order, _TRIAL, Hash.default())
        unsigned = VersionedTransaction.populate(message, [Signature.default()])
        self._check_size(unsigned)
        simulated = await self._client.simulate(unsigned, min_slot=min_slot, accounts=accounts)
        if simulated.error is not None:
            raise SimulationReverted(self.chain, simulated.error)
        return simulated

    async def plan_budget(self, order: Order, *, units: int, cap_lamports: int) -> Budget:
        """Price an order that used `units` in simulation; FeeTooHigh where the cap forbids it.

        The cap bounds the whole fee; what recent slots paid is cut down to it.
        """
        price = await self.read_unit_price(order)
        return self.fit_budget(units=units, unit_price=price, cap_lamports=cap_lamports)

    async def read_unit_price(self, order: Order) -> int:
        """Give the price to offer for a unit of an order, as recent slots paid for it."""
        recent = await self._client.read_recent_fees(order.writable)
        return plan_unit_price(recent, percentile=self._percentile, floor=self._price_floor)

    def fit_budget(self, *, units: int, unit_price: int, cap_lamports: int) -> Budget:
        """Price `units` used in simulation within a cap of the whole fee; FeeTooHigh."""
        wanted = Budget(unit_limit=plan_unit_limit(units), unit_price=unit_price)
        budget = cap_budget(wanted, cap_lamports=cap_lamports)
        if budget is None or budget.unit_price < self._price_floor:
            raise FeeTooHigh(self.chain, f"{wanted.fee()} lamports, {cap_lamports} allowed")
        return budget

    async def read_balance(self) -> int:
        """Give the key's lamports."""
        return await self._client.read_balance(self.sender)

    async def read_least_balance(self) -> int:
        """Give the lamports that the key must keep: an account may not hold less."""
        return await self._client.read_rent(0)

    async def read_blockhash(self) -> RecentBlockhash:
        """Give a blockhash to sign with."""
        return await self._client.read_blockhash()

    def sign(
        self, order: Order, *, budget: Budget, blockhash: RecentBlockhash
    ) -> SignedTransaction:
        """Sign an order; InvariantError when the signature is not the lane's."""
        message = self._build(order, budget, blockhash.hash)
        signature = self._signer.sign_message(to_bytes_versioned(message))
        transaction = VersionedTransaction.populate(message, [signature])
        if not all(transaction.verify_with_results()):
            raise InvariantError(f"{self.chain}: another key signed for {self.sender}")
        self._check_size(transaction)
        return SignedTransaction(
            chain=self.chain,
            sender=self.sender,
            order=order,
            budget=budget,
            fee=budget.fee(),
            blockhash=blockhash,
            raw=bytes(transaction),
            signature=signature,
        )

    async def submit(self, signed: SignedTransaction, *, everywhere: bool = False) -> None:
        """Broadcast; SubmitRefused when a node says no, Unreachable leaves open who has it.

        A node takes what can never land, or drops what it took, without a word: watch what
        becomes of it, and have it sent `everywhere` when it is sent again.
        """
        try:
            await self._client.submit(signed.raw, everywhere=everywhere)
        except RpcError as error:
            raise SubmitRefused(self.chain, error.reason) from error

    async def rebroadcast(self, signed: SignedTransaction) -> None:
        """Send the same bytes again, to every endpoint in use; a refusal changes nothing."""
        try:
            await self._client.submit(signed.raw, everywhere=True)
        except RpcError:
            return

    def watch(self, signed: SignedTransaction) -> TransactionWatch:
        """Begin to watch a transaction at the client's commitment."""
        return TransactionWatch(
            signature=signed.signature,
            signed_slot=signed.blockhash.slot,
            last_valid_height=signed.blockhash.last_valid_height,
            finality=self._client.commitment.finality,
        )

    async def step(self, watch: TransactionWatch) -> TransactionWatch:
        """Look at the chain once and advance the watch; sends nothing."""
        if watch.is_settled:
            return watch
        return watch.advance(await self._client.look(watch.signature))

    async def read_landing(self, signature: Signature) -> Landing | None:
        """Give what a transaction did and cost; None while it is in no block."""
        return await self._client.read_landing(signature)

    async def confirm(
        self,
        signed: SignedTransaction,
        *,
        cap_lamports: int,
        deadline_s: float,
        poll_s: float = 0.4,
    ) -> Landing:
        """Wait until a sent transaction is confirmed; for callers without a journal.

        Sends it again while it is in no block, signs it anew at a higher price once it is
        expired. NotIncluded when it is expired after `deadline_s`: it can then never land, so
        the wait may outlast the deadline by a blockhash's life. A failed one is given as it
        landed.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        watch = self.watch(signed)
        while True:
            watch = await self.step(watch)
            match watch.stage:
                case Stage.CONFIRMED:
                    if (landing := await self.read_landing(signed.signature)) is not None:
                        return landing
                    if loop.time() - started > deadline_s:
                        raise Stale(self.chain, f"{signed.signature}: confirmed, and nobody has it")
                    watch = self.watch(signed)  # another endpoint answered, which is not so far
                case Stage.UNKNOWN:
                    raise NotIncluded(self.chain, f"{signed.signature}: no node remembers so far")
                case Stage.EXPIRED:
                    if loop.time() - started > deadline_s:
                        raise NotIncluded(self.chain, f"{signed.signature}: not in {deadline_s} s")
                    signed = await self._sign_anew(signed, cap_lamports)
                    watch = self.watch(signed)
                    await self.submit(signed)
                case Stage.PENDING:
                    await self.rebroadcast(signed)
                case Stage.SEEN:
                    pass
            await asyncio.sleep(poll_s)

    async def _sign_anew(self, signed: SignedTransaction, cap_lamports: int) -> SignedTransaction:
        budget = plan_raise(signed.budget, cap_lamports=cap_lamports) or signed.budget
        blockhash = await self.read_blockhash()
        return self.sign(signed.order, budget=budget, blockhash=blockhash)

    def _build(self, order: Order, budget: Budget, blockhash: Hash) -> VersionedMessage:
        try:
            message = self._messages.build(
                self.sender,
                order.instructions,
                budget=budget,
                blockhash=blockhash,
                tables=order.tables,
            )
        except CompileError as error:
            raise TransactionTooLarge(self.chain, str(error)) from error
        if message.header.num_required_signatures != 1:
            raise InvariantError(f"{self.chain}: an order wants signatures beside {self.sender}'s")
        return message

    def _check_size(self, transaction: VersionedTransaction) -> None:
        if (size := len(bytes(transaction))) > MAX_TRANSACTION:
            raise TransactionTooLarge(
                self.chain, f"{size} bytes, {MAX_TRANSACTION} fit: use a lookup table"
            )
