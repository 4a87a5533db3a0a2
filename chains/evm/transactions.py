"""Transactions of one key on one chain: sign, send, replace, and see what became of them.

Signing and sending are apart, so that an intent with its hash is journalled in between. What
became of a transaction is decided by `watch.py`; here is the I/O around it.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from chains.errors import FeeTooHigh, InvariantError, NonceTooLow, SubmitRefused
from chains.evm.client import EvmClient, transaction_hash
from chains.evm.fees import Fees, is_affordable, plan_fees, plan_replacement
from chains.evm.l1_fees import L1FeeOracle
from chains.evm.nonces import NonceAllocator
from chains.evm.signer import Signer, recover_sender
from chains.evm.watch import TransactionWatch
from chains.model.action import Call, Receipt
from chains.model.ids import Address, ChainId
from chains.rpc.endpoint import RpcError, RpcErrorKind


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTransaction:
    """A signed EIP-1559 transaction and what went into it."""

    chain: ChainId
    sender: Address
    nonce: int
    fees: Fees
    gas_limit: int
    call: Call
    raw: bytes
    tx_hash: bytes

    @property
    def most_wei(self) -> int:
        """The most gas it can take: what a node asks the key to hold."""
        return self.gas_limit * self.fees.max_fee_wei


class Lane:
    """One key on one chain.

    `fee_cap_wei` bounds what is offered per gas; `held` are the journal's unsettled nonces;
    `l1_fees` is asked on rollups that charge for publishing.
    """

    def __init__(
        self,
        client: EvmClient,
        signer: Signer,
        *,
        fee_cap_wei: int,
        priority_fee_wei: int,
        held: Iterable[int] = (),
        l1_fees: L1FeeOracle | None = None,
    ) -> None:
        self.chain: Final = client.chain
        self.sender: Final = signer.address
        self._client = client
        self._signer = signer
        self._fee_cap_wei = fee_cap_wei
        self._priority_fee_wei = priority_fee_wei
        self._held = frozenset(held)
        self._l1_fees = l1_fees
        self._nonces: NonceAllocator | None = None
        self._opening = asyncio.Lock()

    def plan_fees(self, base_fee_wei: int) -> Fees:
        """Give the fees to offer at this base fee; FeeTooHigh above the cap."""
        if not is_affordable(
            base_fee_wei=base_fee_wei,
            priority_fee_wei=self._priority_fee_wei,
            cap_wei=self._fee_cap_wei,
        ):
            raise FeeTooHigh(
                self.chain,
                f"base fee {base_fee_wei} + tip {self._priority_fee_wei} wei is above the cap of"
                f" {self._fee_cap_wei} wei",
            )
        return plan_fees(
            base_fee_wei=base_fee_wei,
            priority_fee_wei=self._priority_fee_wei,
            cap_wei=self._fee_cap_wei,
        )

    async def read_l1_fee(self, call: Call) -> int:
        """Give the most that a rollup charges for publishing a call, in wei; 0 where none does."""
        return 0 if self._l1_fees is None else await self._l1_fees.read_upper_bound(call)

    async def next_nonce(self) -> int:
        """Take the lowest free nonce; the chain is asked the first time only."""
        return (await self._allocator()).reserve()

    def release_nonce(self, nonce: int) -> None:
        """Give back a nonce whose transaction was never sent."""
        if self._nonces is not None:
            self._nonces.release(nonce)

    async def resync(self) -> None:
        """Take over the chain's counts, as when another process used the key."""
        (await self._allocator()).resync(
            latest=await self._client.read_nonce(self.sender, "latest"),
            pending=await self._client.read_nonce(self.sender, "pending"),
        )

    async def _allocator(self) -> NonceAllocator:
        async with self._opening:
            if self._nonces is None:
                pending = await self._client.read_nonce(self.sender, "pending")
                self._nonces = NonceAllocator(floor=pending, held=self._held)
            return self._nonces

    def sign(self, call: Call, *, nonce: int, gas_limit: int, fees: Fees) -> SignedTransaction:
        """Sign a call; InvariantError when the signature is not the lane's."""
        raw = self._signer.sign_transaction(
            {
                "type": 2,
                "chainId": self.chain.evm_number,
                "nonce": nonce,
                "to": bytes.fromhex(call.target[2:]),
                "value": call.value,
                "data": call.data,
                "gas": gas_limit,
                "maxFeePerGas": fees.max_fee_wei,
                "maxPriorityFeePerGas": fees.priority_fee_wei,
            }
        )
        if (signed_by := recover_sender(raw)) != self.sender:
            raise InvariantError(f"{self.chain}: {signed_by} signed for {self.sender}")
        return SignedTransaction(
            chain=self.chain,
            sender=self.sender,
            nonce=nonce,
            fees=fees,
            gas_limit=gas_limit,
            call=call,
            raw=raw,
            tx_hash=transaction_hash(raw),
        )

    def sign_replacement(
        self, signed: SignedTransaction, *, base_fee_wei: int
    ) -> SignedTransaction | None:
        """Sign the same call and nonce at 12.5 % more or above; None where the cap forbids it."""
        fees = plan_replacement(signed.fees, base_fee_wei=base_fee_wei, cap_wei=self._fee_cap_wei)
        if fees is None:
            return None
        return self.sign(signed.call, nonce=signed.nonce, gas_limit=signed.gas_limit, fees=fees)

    async def simulate(self, call: Call) -> int:
        """Give the gas the call needs now; SimulationReverted with the reason."""
        return await self._client.simulate(call, self.sender)

    async def read_nonce(self) -> int:
        """Give how many of the key's transactions are mined."""
        return await self._client.read_nonce(self.sender, "latest")

    async def read_balance(self) -> int:
        """Give what the key has to pay for gas, in wei."""
        return await self._client.read_balance(self.sender)

    async def submit(self, signed: SignedTransaction) -> None:
        """Broadcast; done when a node has it, or when it is already in a block.

        NonceTooLow: the nonce is spent by another transaction, and the lane has resynced.
        FeeTooHigh: the base fee is above the offer. SubmitRefused: anything else a node says.
        Unreachable leaves open whether it was taken: keep the nonce and look by hash.
        """
        try:
            await self._client.submit(signed.raw)
        except RpcError as error:
            match error.kind:
                case RpcErrorKind.NONCE_TOO_LOW:
                    await self._settle_low_nonce(signed, error)
                case RpcErrorKind.FEE_BELOW_BASE:
                    raise FeeTooHigh(self.chain, error.reason) from error
                case _:
                    raise SubmitRefused(self.chain, error.reason) from error

    async def _settle_low_nonce(self, signed: SignedTransaction, error: RpcError) -> None:
        if await self._client.read_receipt(signed.tx_hash) is not None:
            return
        await self.resync()
        raise NonceTooLow(self.chain, f"nonce {signed.nonce} is used: {error.reason}") from error

    async def read_receipt(self, tx_hash: bytes) -> Receipt | None:
        """Give the receipt, None while not included (or no longer)."""
        return await self._client.read_receipt(tx_hash)

    async def step(self, watch: TransactionWatch, *, height: int) -> TransactionWatch:
        """Look at the chain once and advance the watch; sends nothing."""
        if watch.is_settled:
            return watch
        mined = await self._client.read_nonce(self.sender, "latest")
        receipt = await self._find_receipt(watch)
        return watch.advance(height=height, mined_nonce=mined, receipt=receipt)

    async def _find_receipt(self, watch: TransactionWatch) -> Receipt | None:
        for tx_hash in reversed(watch.tx_hashes):
            if (receipt := await self._client.read_receipt(tx_hash)) is not None:
                return receipt
        return None
