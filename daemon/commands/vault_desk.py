"""An owner at one chain's vault: reads the newest block, signs, sends, and waits for the block."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from chains.errors import ChainError, ExecutionError, SimulationReverted
from chains.evm.abi.erc20 import ALLOWANCE, BALANCE_OF
from chains.evm.client import EvmClient
from chains.evm.multicall import ReadPlan, read
from chains.evm.protocols.plimsoll_vault.contracts import JUDGE, POOL, SEIZURE
from chains.evm.rescue import build_approve
from chains.evm.transactions import Lane, SignedTransaction
from chains.evm.vaults import VaultReader
from chains.model.action import Call, Receipt
from chains.model.anchor import BlockAnchor
from chains.model.ids import Address
from config.amounts import format_amount
from daemon.commands.common import CommandError
from daemon.commands.vault_place import OwnerKey, VaultAsset, VaultPlace
from daemon.keeper.quote import with_margin
from daemon.vaulting import read_contracts

INCLUDED_S: Final = 120.0
POLL_S: Final = 0.25
REASONS: Final = {
    "account": "nobody owns the account on this chain; `plimsoll vault open` links it",
    "cap": "the cap of this hour, or of this pair of chains, is reached; wait, or ask for less",
    "cash": "the pool has not so much left to lend",
    "collateral": "the account has not so much of it here",
    "debt": "the account owes nothing of it here",
    "dust": "it is too little to count",
    "health": "the account's health is under 1 here",
    "issued": "a declaration as new, or a newer one, was announced there already",
    "line": "so much is not free here: it is lent to other chains or locked",
    "margin": "the collateral here, and what other chains lend, does not carry it",
    "min": "the debt would be under the vault's least debt",
    "owner": "the key does not own the account on this chain",
    "paused": "spending is paused on this chain; deposits and repayments go on",
    "price": "a price that it needs is not good on this chain now",
    "pull": "the token was not paid: does the key hold so much of it?",
    "sealed": "the vault is not sealed yet",
}
"""What the contracts' short reasons mean to an owner."""

T = TypeVar("T")
Say = Callable[[str], None]


class CallRefused(CommandError):
    """A contract would not take a call; `reason` is its own word for it."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A transaction that was included."""

    chain: str
    what: str
    receipt: Receipt

    def describe(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {
            "chain": self.chain,
            "what": self.what,
            "hash": "0x" + self.receipt.tx_hash.hex(),
            "block": self.receipt.height,
            "gas_used": self.receipt.gas_used,
        }


@dataclass(slots=True)
class Desk:
    """One key at one chain's vault; `done` are its transactions, in order."""

    place: VaultPlace
    client: EvmClient
    lane: Lane
    reader: VaultReader
    say: Say
    done: list[Done] = field(default_factory=list)

    @property
    def owner(self) -> Address:
        """Who calls."""
        return self.lane.sender

    @property
    def vault(self) -> Address:
        """The vault's address."""
        return self.place.vault.vault

    async def read(self, plan: ReadPlan[T]) -> T:
        """Read at the newest block."""
        head = await self.client.read_head("latest")
        return await read(self.client, head.anchor, plan)

    async def read_final(self) -> BlockAnchor:
        """Read the newest final block."""
        return await self.reader.read_final()

    async def read_judge(self) -> Address:
        """Read who takes quantities."""
        seizure = Address(await self.read(SEIZURE.plan(self.vault)))
        return Address(await self.read(JUDGE.plan(seizure)))

    async def read_pool(self) -> Address:
        """Read who is paid by lenders and by who repays."""
        return Address(await self.read(POOL.plan(self.vault)))

    async def allow(self, asset: VaultAsset, spender: Address, amount: int) -> None:
        """Let a contract take an amount (base units), which the key must hold."""
        token = asset.token.address
        held = int(await self.read(BALANCE_OF.plan(token, self.owner)))
        if held < amount:
            has, wants = (format_amount(n, asset.token.decimals) for n in (held, amount))
            where = f"chains.{self.place.label}"
            raise CommandError(f"{where}: {self.owner} has {has} {asset.symbol}, not {wants}")
        allowed = int(await self.read(ALLOWANCE.plan(token, self.owner, spender)))
        if allowed < amount:
            await self.send(build_approve(token, spender, amount), f"approve {asset.symbol}")

    async def send(self, call: Call, what: str) -> Done:
        """Send a call and wait until it is in a block; CommandError with the contract's reason."""
        signed = await self._sign(call, what)
        await self.lane.submit(signed)
        receipt = await self._wait(signed, what)
        if not receipt.success:
            reason = await self._explain(call)
            raise CommandError(f"chains.{self.place.label}: {what} failed: {reason}")
        done = Done(chain=str(self.place.id), what=what, receipt=receipt)
        self.done.append(done)
        self.say(f"{self.place.label}: {what}, block {receipt.height}, gas {receipt.gas_used:,}")
        return done

    async def _sign(self, call: Call, what: str) -> SignedTransaction:
        try:
            gas = await self.lane.simulate(call)
        except SimulationReverted as error:
            meaning = REASONS.get(error.reason, error.reason)
            line = f"chains.{self.place.label}: cannot {what}: {meaning}"
            raise CallRefused(line, error.reason) from error
        head = await self.client.read_head("latest")
        return self.lane.sign(
            call,
            nonce=await self.lane.next_nonce(),
            gas_limit=with_margin(gas),
            fees=self.lane.plan_fees(head.base_fee_wei),
        )

    async def _wait(self, signed: SignedTransaction, what: str) -> Receipt:
        try:
            async with asyncio.timeout(INCLUDED_S):
                while True:
                    if (receipt := await self.lane.read_receipt(signed.tx_hash)) is not None:
                        return receipt
                    await asyncio.sleep(POLL_S)
        except TimeoutError as error:
            raise CommandError(
                f"chains.{self.place.label}: {what} was sent as 0x{signed.tx_hash.hex()} and is in "
                f"no block after {INCLUDED_S:.0f} s; see what becomes of it before you try again"
            ) from error

    async def _explain(self, call: Call) -> str:
        try:
            await self.lane.simulate(call)
        except SimulationReverted as error:
            return REASONS.get(error.reason, error.reason)
        return "another transaction came first; try again"


@asynccontextmanager
async def open_desk(place: VaultPlace, key: OwnerKey, say: Say) -> AsyncIterator[Desk]:
    """Open a vault's chain for a key; what the chain refuses becomes one line."""
    chain = place.chain
    client = EvmClient(chain=chain.caip2, endpoints=chain.rpc, multicall=chain.multicall3)
    try:
        async with client:
            lane = Lane(
                client,
                key.sender,
                fee_cap_wei=chain.max_fee_wei,
                priority_fee_wei=chain.priority_fee_wei,
            )
            reader = VaultReader(client, read_contracts(place.vault))
            yield Desk(place=place, client=client, lane=lane, reader=reader, say=say)
    except (ChainError, ExecutionError) as error:
        raise CommandError(f"chains.{place.label}: {error.reason}") from error
