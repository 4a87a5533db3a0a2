"""What a chain that knows another's state roots itself wants beside a statement of a fact.

Where its notary names an anchor for the other chain (contracts/vault/anchor.vy), a fact is taken
with a storage proof of its word at the statement's block, once the anchor knows that block's state
root. Nothing that is read here is trusted: headers and proofs go to contracts that check them.
"""

from typing import Final

from eth_utils.crypto import keccak

from chains.errors import Stale
from chains.evm.abi.function import Function
from chains.evm.client import EvmClient
from chains.evm.multicall import combine, read
from chains.evm.proofs import HISTORY, read_header, read_word_proof
from chains.model.action import Call
from chains.model.anchor import BlockAnchor
from chains.model.ids import Address

ANCHORS: Final = Function("anchors", ("uint64",), ("address",))
"""Of the notary: the anchor for a chain's state, the zero address where there is none."""
ROOT_TAKEN: Final = bytes(keccak(text="RootTaken(uint64,bytes32)"))
"""The event by which an anchor tells of a state root that it took."""
WINDOW: Final = 8191
"""How many hashes a chain's history keeps. Source: EIP-2935."""
L1_BLOCK: Final = Address("0x4200000000000000000000000000000000000015")
"""What says layer 1's newest block. Source: OP stack specification, predeploys."""
_STATE_ROOT: Final = Function("state_root", ("uint64",), ("bytes32",))
_NEWEST: Final = Function("newest", (), ("uint64",))
_HEARD: Final = Function("number", (), ("uint64",))
_TAKE_LATEST: Final = Function("take_latest", ("bytes",))
_TAKE_OLDER: Final = Function("take_older", ("uint64", "bytes", "bytes"))
_FACTS_SLOT: Final = 0
"""Where `facts` lies in vault and seizure, as the notary has it."""
_WORD: Final = 32


async def read_backing(
    here: EvmClient,
    at: BlockAnchor,
    anchor: Address,
    there: EvmClient,
    *,
    source: Address,
    key: bytes,
    height: int,
) -> bytes | Call:
    """Read the storage proof of a fact of `there` at a height, else what must be called before.

    The call lets the anchor, as it is at the block `at`, know a state root. ChainError; Stale while
    the chain has not heard of a block so new, or where it is too old for a proof from one known.
    """
    if (call := await plan_root(here, at, anchor, there, height)) is not None:
        return call
    block = (await there.read_head(height)).anchor
    slot = keccak(_FACTS_SLOT.to_bytes(_WORD, "big") + key)
    return await read_word_proof(there, block, source, int.from_bytes(slot, "big"))


async def plan_root(
    here: EvmClient, at: BlockAnchor, anchor: Address, there: EvmClient, height: int
) -> Call | None:
    """Build the next call that brings an anchor nearer to a block's state root.

    None once it knows it; ChainError, and Stale as `read_backing`.
    """
    plan = combine([_STATE_ROOT.plan(anchor, height), _NEWEST.plan(anchor)])
    root, newest = await read(here, at, plan)
    if any(root):
        return None
    if newest < height:
        return await _plan_latest(here, at, anchor, there, height)
    if newest - height > WINDOW:
        reason = f"block {height} of {there.chain} is more than {WINDOW} before the anchor's newest"
        raise Stale(here.chain, reason)
    known, older = [(await there.read_head(block)).anchor for block in (newest, height)]
    proof = await read_word_proof(there, known, HISTORY, height % WINDOW)
    return _TAKE_OLDER.call(anchor, newest, await read_header(there, older), proof)


async def _plan_latest(
    here: EvmClient, at: BlockAnchor, anchor: Address, there: EvmClient, height: int
) -> Call:
    heard = await read(here, at, _HEARD.plan(L1_BLOCK))
    if heard < height:
        raise Stale(here.chain, f"it has heard of {there.chain} up to block {heard}, not {height}")
    block = (await there.read_head(heard)).anchor
    return _TAKE_LATEST.call(anchor, await read_header(there, block))
