"""Our own Solana node in the test's process, clients in front of it, and wallets upon it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from solders.account import Account
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from chains.model.ids import ChainId
from chains.rpc.policy import Limits
from chains.rpc.pool import Listener
from chains.solana.client import SolanaClient
from chains.solana.rpc import Commitment
from daemon.devnet.solana.ledger import Ledger
from daemon.devnet.solana.node import SolanaNode

START_TIME = 1_700_000_000
SOL = 10**9
QUICK = Limits(max_lag=5, backoff_s=0.0, backoff_cap_s=0.0)
"""Set-aside endpoints are due at every check, so that tests need not wait."""


def make_ledger(seed: bytes = b"tests") -> Ledger:
    """Give a fresh chain whose slots and time move only when told to."""
    return Ledger(seed=seed, start_time=START_TIME)


def chain_of(ledger: Ledger) -> ChainId:
    """Give the CAIP-2 id of a ledger."""
    return ChainId("solana", str(ledger.genesis)[:32])


@asynccontextmanager
async def serving(
    *ledgers: Ledger,
    chain: ChainId | None = None,
    commitment: Commitment = Commitment.CONFIRMED,
    timeout_s: float = 0.5,
    limits: Limits = QUICK,
    listener: Listener | None = None,
) -> AsyncIterator[tuple[SolanaClient, list[SolanaNode]]]:
    """Give a client with one endpoint for each ledger named (one may be named often)."""
    async with AsyncExitStack() as stack:
        nodes = [await stack.enter_async_context(SolanaNode(ledger)) for ledger in ledgers]
        client = SolanaClient(
            chain=chain or chain_of(ledgers[0]),
            endpoints=[node.url for node in nodes],
            commitment=commitment,
            timeout_s=timeout_s,
            behind_wait_s=0.02,
            limits=limits,
            listener=listener,
        )
        yield await stack.enter_async_context(client), nodes


def make_wallet(ledger: Ledger, number: int = 1, *, lamports: int = 10 * SOL) -> Keypair:
    """Give a key with funds, the same for the same number."""
    keypair = Keypair.from_seed(number.to_bytes(32, "big"))
    ledger.airdrop(keypair.pubkey(), lamports)
    return keypair


def make_key(number: int) -> Pubkey:
    """Give an address nobody has the key of."""
    return Pubkey(b"k" + number.to_bytes(31, "big"))


def put(ledger: Ledger, key: Pubkey, data: bytes, *, owner: Pubkey, lamports: int = 1) -> None:
    """Write an account in the open slot."""
    ledger.machine.write(key, Account(lamports, data, owner))


def pay(sender: Keypair, to: Pubkey, lamports: int = SOL) -> Instruction:
    """Give the instruction of a transfer."""
    return transfer(TransferParams(from_pubkey=sender.pubkey(), to_pubkey=to, lamports=lamports))


def sign(
    ledger: Ledger, sender: Keypair, instructions: Sequence[Instruction]
) -> VersionedTransaction:
    """Sign a transaction with the newest blockhash."""
    blockhash = ledger.blocks.tip.hash
    message = MessageV0.try_compile(sender.pubkey(), list(instructions), [], blockhash)
    return VersionedTransaction(message, [sender])


def balance(ledger: Ledger, key: Pubkey) -> int:
    """Give the lamports of an account as it stands now."""
    account = ledger.machine.read(key)
    return account.lamports if account else 0
