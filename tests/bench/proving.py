"""What checking proofs takes over what the libraries underneath take for the same.

A quorum of BLS signatures over a bare pairing check; storage proofs of a real market read by the
strict verifier and by the `trie` library. Both of a pair take turns within one run.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, Final

import rlp
from eth_hash.auto import keccak
from py_arkworks_bls12381 import GT, G1Point, G2Point
from trie import hexary

from chains.model.ids import Address
from proofs.bls import SIGNATURE_TAG
from proofs.committee import Committee
from proofs.evidence.state import Lacking, ProvedState, Slot
from proofs.evidence.trie import hash_nodes
from proofs.quorum import check_quorum
from proofs.scheme import Scheme, Signatures
from tests.bench.figures import Figure, Figures, format_rows, median
from tests.bench.ground import ALICE, Ground, open_ground
from tests.proofs import keys
from tests.proofs.evidence.gathering import gather

ROUNDS: Final = 200
WARM_UP: Final = 5
SIGNERS: Final = 5
MEMBERS: Final = 7
DIGEST: Final = b"\x5a" * 32
STORAGE_ROOT: Final = 2
"""The place of an account's storage root."""
Work = Callable[[], object]
HexaryTrie: Final[Any] = hexary.HexaryTrie


def run(say: Callable[[str], None]) -> Figures:
    """Measure both pairs, the proofs on the benchmarks' own chains."""
    with open_ground() as ground:
        return measure(ground, say)


def measure(ground: Ground, say: Callable[[str], None], rounds: int = ROUNDS) -> Figures:
    """Measure both pairs."""
    return _measure_bls(rounds) | _measure_storage(ground, say, rounds)


def _measure_bls(rounds: int) -> dict[str, Figure]:
    committee = keys.committee(MEMBERS, SIGNERS)
    signed = keys.sign(Scheme.BLS12_381, DIGEST, range(SIGNERS), MEMBERS)
    ours, bare = compare(
        lambda: check_quorum(committee, Scheme.BLS12_381, DIGEST, signed),
        lambda: check_bare(committee, signed),
        rounds,
    )
    return {
        "proofs.bls_verify_over_arkworks": Figure(value=ours / bare, unit="ratio", target=1.2),
        "proofs.bls_verify_5of7_p50_ms": Figure(value=ours * 1_000, unit="ms"),
    }


def check_bare(committee: Committee, signatures: Signatures) -> None:
    """Check a sum of signatures as the library has it, with nothing refused on the way."""
    listed = [G1Point.from_compressed_bytes(committee.bls_keys[index]) for index, _ in signatures]
    signature = G2Point.from_compressed_bytes(signatures[0][1])
    hashed = G2Point.hash_to_curve(DIGEST, SIGNATURE_TAG)
    if not GT.pairing_check([reduce(add, listed), -G1Point()], [hashed, signature]):
        raise RuntimeError("the bare library refuses the signature")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proofs:
    """Nodes below a state root, and the words that they prove, by contract."""

    root: bytes
    nodes: Sequence[bytes]
    words: Sequence[tuple[Address, Sequence[int]]]

    @property
    def count(self) -> int:
        """How many accounts and words are proved."""
        return sum(1 + len(slots) for _, slots in self.words)


def gather_proofs(ground: Ground) -> Proofs:
    """Give the proofs of all that Alice's health depends on, on the chain where she owes."""
    gathered = gather(ground.devnet.dear, [ALICE])
    root = gathered.anchor.state_root
    if root is None:
        raise RuntimeError("the head has no state root")
    return Proofs(root=root, nodes=gathered.evidence.nodes, words=_list_words(gathered.asked))


def _list_words(asked: Lacking) -> list[tuple[Address, Sequence[int]]]:
    return [(address, sorted(slots)) for address, slots in sorted(asked.slots.items())]


def read_strictly(proofs: Proofs) -> list[int]:
    """Read all words as `plimsoll verify` does."""
    state = ProvedState(proofs.root, nodes=proofs.nodes)
    return [state.word(Slot(address, slot)) for address, slots in proofs.words for slot in slots]


def read_with_library(proofs: Proofs) -> list[int]:
    """Read all words with the library, which knows the nodes by their hashes too.

    That is its faster way: `get_from_proof` encodes and hashes every node again for each word.
    """
    nodes = hash_nodes(proofs.nodes)
    accounts = HexaryTrie(nodes, proofs.root)
    found = []
    for address, slots in proofs.words:
        account = rlp.decode(accounts.get(keccak(bytes.fromhex(address[2:]))))
        storage = HexaryTrie(nodes, account[STORAGE_ROOT])
        for slot in slots:
            value = storage.get(keccak(slot.to_bytes(32, "big")))
            found.append(int.from_bytes(rlp.decode(value), "big") if value else 0)
    return found


def _measure_storage(ground: Ground, say: Callable[[str], None], rounds: int) -> dict[str, Figure]:
    proofs = gather_proofs(ground)
    if read_strictly(proofs) != read_with_library(proofs):
        raise RuntimeError("the two read different words")
    ours, theirs = compare(lambda: read_strictly(proofs), lambda: read_with_library(proofs), rounds)
    rows = [("", "ms", "words and accounts a second")]
    rows += [
        (name, f"{seconds * 1_000:.2f}", f"{proofs.count / seconds:,.0f}")
        for name, seconds in (("strict", ours), ("trie", theirs))
    ]
    say(f"{proofs.count} words and accounts, {len(proofs.nodes)} nodes")
    say("\n".join(format_rows(rows)))
    return {
        "proofs.storage_proofs_vs_trie": Figure(value=ours / theirs, unit="ratio", target=1),
        "proofs.storage_proofs_per_s": Figure(
            value=proofs.count / ours, unit="1/s", better="higher"
        ),
    }


def compare(one: Work, other: Work, rounds: int) -> tuple[float, float]:
    """Give the median seconds of each, after taking turns."""
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + WARM_UP):
        for work, seconds in zip((one, other), taken, strict=True):
            began = time.perf_counter()
            work()
            if number >= WARM_UP:
                seconds.append(time.perf_counter() - began)
    return median(taken[0]), median(taken[1])
