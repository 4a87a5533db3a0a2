"""An anchor on one chain for another: as a chain of the OP stack knows layer 1.

Headers and proofs are the node's own, EIP-2935's history is the one that it keeps. The one stand-in
is the predeployed contract that says what layer 1's newest block is: anybody tells it here.
"""

from typing import Any, Final

from chains.evm.proofs import HISTORY, encode_header
from chains.evm.vault_anchor import L1_BLOCK, WINDOW
from chains.model.ids import Address
from daemon.devnet.vaults import compile_vault
from tests.support.rescue import compile_helper
from tests.support.vaults import STRANGER, VaultChain

LATEST: Final = "take_latest(bytes)"
OLDER: Final = "take_older(uint64,bytes,bytes)"


def put_anchor(here: VaultChain) -> Address:
    """Deploy an anchor of layer 1, with the predeployed contract that it asks; no notary knows."""
    told = here.chain.deploy(compile_helper("l1_block"))
    code = here.chain.rpc.request("eth_getCode", told, "latest")
    here.chain.rpc.request("anvil_setCode", L1_BLOCK, code)
    return here.chain.deploy(compile_vault("anchor"), here.chain.deploy(compile_vault("prover")))


def set_anchor(here: VaultChain, there: VaultChain, anchor: Address) -> None:
    """Let a chain's notary demand storage proofs of another's facts."""
    owner = here.ledger.timelock
    here.do(here.notary, "set_anchor(uint64,address)", there.number, anchor, sender=owner)


def read_block(there: VaultChain, height: int | None = None) -> dict[str, Any]:
    """Read a block, the newest by default."""
    name = "latest" if height is None else hex(height)
    block: dict[str, Any] = there.chain.rpc.request("eth_getBlockByNumber", name, *(False,))
    return block


def header_of(there: VaultChain, height: int | None = None) -> bytes:
    """Give a block's header, encoded."""
    return encode_header(read_block(there, height))


def root_of(there: VaultChain, height: int) -> bytes:
    """Give a block's state root."""
    return bytes.fromhex(read_block(there, height)["stateRoot"][2:])


def tell_latest(here: VaultChain, there: VaultChain) -> int:
    """Let the predeployed contract say the other chain's newest block; gives its height."""
    block = read_block(there)
    height = int(block["number"], 16)
    here.do(L1_BLOCK, "tell(uint64,bytes32)", height, bytes.fromhex(block["hash"][2:]))
    return height


def prove_older(there: VaultChain, known: int, height: int) -> bytes:
    """Give the proof that a block's state has the hash of an older one."""
    return prove_word(there, HISTORY, height % WINDOW, known)


def prove_word(there: VaultChain, contract: Address, slot: int, height: int) -> bytes:
    """Give the node's proof of a storage word in a block: the account's nodes, then the word's."""
    asked = (contract, [f"0x{slot:064x}"], hex(height))
    found = there.chain.rpc.request("eth_getProof", *asked)
    nodes = [*found["accountProof"], *found["storageProof"][0]["proof"]]
    return b"".join(bytes.fromhex(node[2:]) for node in nodes)


def bring_latest(here: VaultChain, there: VaultChain, anchor: Address) -> int:
    """Let an anchor know the other chain's newest block; gives its height."""
    height = tell_latest(here, there)
    here.do(anchor, LATEST, header_of(there, height), sender=STRANGER)
    return height


def bring_older(
    here: VaultChain, there: VaultChain, anchor: Address, known: int, height: int
) -> None:
    """Let an anchor know an older block from one that it knows."""
    arguments = (known, header_of(there, height), prove_older(there, known, height))
    here.do(anchor, OLDER, *arguments, sender=STRANGER)


def anchored_root(here: VaultChain, anchor: Address, height: int) -> bytes:
    """Read what an anchor says of a height; zero where it knows nothing."""
    root: bytes = here.ask(anchor, "state_root(uint64)", height, returns="(bytes32)")
    return root
