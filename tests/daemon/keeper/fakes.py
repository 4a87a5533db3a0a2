"""A chain in memory behind the keeper's own lane port: blocks, a mempool, reorgs, and faults."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from eth_utils.crypto import keccak

from chains.errors import FeeTooHigh, NonceTooLow, SimulationReverted, Unreachable
from chains.evm.fees import Fees, plan_fees, plan_replacement
from chains.evm.nonces import NonceAllocator
from chains.evm.transactions import SignedTransaction
from chains.evm.watch import TransactionWatch
from chains.model.action import Action, Call, Instrument, Receipt
from chains.model.anchor import BlockAnchor, Head
from chains.model.ids import Address, ChainId
from chains.model.snapshot import ChainFees
from chains.model.units import WAD, Usd, Wad
from daemon.keeper.intent import Draft, Purpose
from tests.support import values as v

CAP = 10**12
KEY = v.address(0x6EE9)


class Crash(BaseException):
    """The process is gone: nothing after it runs."""


class Fault(Enum):
    """What goes wrong with the next submission."""

    NOTHING = auto()
    CRASH_BEFORE = auto()
    CRASH_AFTER = auto()
    UNREACHABLE_BEFORE = auto()
    UNREACHABLE_AFTER = auto()


@dataclass(slots=True)
class Block:
    """Transactions in order; the hash tells sibling blocks apart."""

    height: int
    hash: bytes
    transactions: list[SignedTransaction] = field(default_factory=list)


class FakeChain:
    """One chain, one key that matters."""

    def __init__(self, chain: ChainId = v.CHEAP) -> None:
        self.chain = chain
        self.blocks = [Block(0, b"\0" * 32)]
        self.mempool: dict[int, SignedTransaction] = {}
        self.base_fee_wei = 10**9
        self.reverting: set[bytes] = set()
        self.submitted: list[bytes] = []
        self._mined = 0

    @property
    def nonce(self) -> int:
        """How many transactions of the key are in blocks."""
        return sum(len(block.transactions) for block in self.blocks)

    @property
    def effects(self) -> list[bytes]:
        """The calldata that took effect, in order; empty transactions have none."""
        calls = [tx.call.data for block in self.blocks for tx in block.transactions]
        return [data for data in calls if data]

    def mine(self, *, take: int = 100) -> Head:
        """Make a block of at most `take` transactions that are next in line."""
        self._mined += 1
        block = Block(len(self.blocks), keccak(b"block" + str(self._mined).encode()))
        nonce = self.nonce
        while take and (tx := self.mempool.get(nonce)) is not None:
            if tx.fees.max_fee_wei < self.base_fee_wei:
                break
            block.transactions.append(self.mempool.pop(nonce))
            nonce, take = nonce + 1, take - 1
        self.blocks.append(block)
        return self.head()

    def reorg(self, depth: int, *, keep: bool = True) -> Head:
        """Replace the last blocks by as many empty ones and one more."""
        depth = min(depth, len(self.blocks) - 1)
        dropped, self.blocks = self.blocks[-depth:], self.blocks[:-depth]
        if keep:
            for block in dropped:
                self.mempool |= {tx.nonce: tx for tx in block.transactions}
        for _ in range(depth + 1):
            self.mine(take=0)
        return replace(self.head(), reorg_depth=depth)

    def head(self) -> Head:
        """Give the newest block."""
        block = self.blocks[-1]
        anchor = BlockAnchor(
            chain=self.chain, height=block.height, hash=block.hash, time=v.NOW + block.height
        )
        parent = self.blocks[-2].hash if len(self.blocks) > 1 else bytes(32)
        return Head(anchor=anchor, parent_hash=parent, base_fee_wei=self.base_fee_wei)

    def take(self, signed: SignedTransaction) -> None:
        """Accept a transaction into the mempool, as a node would."""
        self.submitted.append(signed.raw)
        if signed.nonce < self.nonce:
            raise NonceTooLow(self.chain, f"nonce {signed.nonce} is used")
        waiting = self.mempool.get(signed.nonce)
        if waiting is None or signed.fees.priority_fee_wei > waiting.fees.priority_fee_wei:
            self.mempool[signed.nonce] = signed

    def receipt(self, tx_hash: bytes) -> Receipt | None:
        """Give the receipt of a transaction that lies in a block."""
        for block in self.blocks:
            for tx in block.transactions:
                if tx.tx_hash == tx_hash:
                    return Receipt(
                        chain=self.chain,
                        tx_hash=tx_hash,
                        block_hash=block.hash,
                        height=block.height,
                        success=tx.call.data not in self.reverting,
                        gas_used=100_000,
                        gas_price_wei=10**9,
                    )
        return None


class FakeLane:
    """The key's lane on the chain; one process's view of it."""

    def __init__(self, chain: FakeChain, held: frozenset[int] = frozenset()) -> None:
        self.fake = chain
        self.fault = Fault.NOTHING
        self.gas: dict[bytes, int | Exception] = {}
        self.balance = 10**20
        self.l1_fee_wei: int | Exception = 0
        self.before_step: Callable[[], None] = lambda: None
        self._held = held
        self._nonces: NonceAllocator | None = None

    @property
    def chain(self) -> ChainId:
        return self.fake.chain

    @property
    def sender(self) -> Address:
        return KEY

    async def simulate(self, call: Call) -> int:
        found = self.gas.get(call.data, 100_000)
        if isinstance(found, Exception):
            raise found
        if call.data in self.fake.reverting:
            raise SimulationReverted(self.chain, "reverts")
        return found

    async def read_balance(self) -> int:
        return self.balance

    async def read_l1_fee(self, call: Call) -> int:
        if isinstance(self.l1_fee_wei, Exception):
            raise self.l1_fee_wei
        return self.l1_fee_wei if call.data else 0

    def plan_fees(self, base_fee_wei: int) -> Fees:
        if base_fee_wei + 10**8 > CAP:
            raise FeeTooHigh(self.chain, "above the cap")
        return plan_fees(base_fee_wei=base_fee_wei, priority_fee_wei=10**8, cap_wei=CAP)

    async def next_nonce(self) -> int:
        if self._nonces is None:
            pending = self.fake.nonce
            while pending in self.fake.mempool:
                pending += 1
            self._nonces = NonceAllocator(floor=pending, held=self._held)
        return self._nonces.reserve()

    async def read_nonce(self) -> int:
        return self.fake.nonce

    def release_nonce(self, nonce: int) -> None:
        assert self._nonces is not None
        self._nonces.release(nonce)

    def sign(self, call: Call, *, nonce: int, gas_limit: int, fees: Fees) -> SignedTransaction:
        raw = repr((str(self.chain), nonce, call, gas_limit, fees)).encode()
        return SignedTransaction(
            chain=self.chain,
            sender=KEY,
            nonce=nonce,
            fees=fees,
            gas_limit=gas_limit,
            call=call,
            raw=raw,
            tx_hash=keccak(raw),
        )

    def sign_replacement(
        self, signed: SignedTransaction, *, base_fee_wei: int
    ) -> SignedTransaction | None:
        fees = plan_replacement(signed.fees, base_fee_wei=base_fee_wei, cap_wei=CAP)
        if fees is None:
            return None
        return self.sign(signed.call, nonce=signed.nonce, gas_limit=signed.gas_limit, fees=fees)

    async def submit(self, signed: SignedTransaction) -> None:
        fault, self.fault = self.fault, Fault.NOTHING
        if fault is Fault.CRASH_BEFORE:
            raise Crash
        if fault is Fault.UNREACHABLE_BEFORE:
            raise Unreachable(self.chain, "nobody answers")
        if self.fake.receipt(signed.tx_hash) is None:
            self.fake.take(signed)
        if fault is Fault.CRASH_AFTER:
            raise Crash
        if fault is Fault.UNREACHABLE_AFTER:
            raise Unreachable(self.chain, "the answer was lost")

    async def step(self, watch: TransactionWatch, *, height: int) -> TransactionWatch:
        self.before_step()
        if watch.is_settled:
            return watch
        mined = self.fake.nonce
        receipts = (self.fake.receipt(tx_hash) for tx_hash in reversed(watch.tx_hashes))
        receipt = next((found for found in receipts if found), None)
        return watch.advance(height=height, mined_nonce=mined, receipt=receipt)


def gas(base_fee_wei: int = 10**9, *, native_usd: int = 0) -> ChainFees:
    """Give the fees of a chain; the native token's price is unknown (0) unless told."""
    return ChainFees(base_fee_wei=base_fee_wei, priority_fee_wei=0, native_usd=Usd(native_usd))


def draft(number: int, *, chain: ChainId = v.CHEAP, deadline: int = v.NOW + 10_000) -> Draft:
    """Give a draft whose calldata names it."""
    owner = v.account(chain, 0xA000 + number)
    return Draft(
        action=Action(
            chain=chain,
            instrument=Instrument.REPAY,
            market=v.market(chain),
            account=owner,
            asset=v.asset(chain, "USDC"),
            units=2**200 + number,
            call=Call(target=v.address(0x7E5C), data=b"cure" + number.to_bytes(4, "big")),
        ),
        purpose=Purpose.NATIVE,
        need=f"native {owner}",
        subject="alice",
        gas_limit=125_000,
        cost=Usd(10**7),
        moved=Usd(10**10),
        health_before=Wad(WAD),
        decision="{}",
        deadline=deadline,
    )
