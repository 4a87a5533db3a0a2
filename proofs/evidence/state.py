"""One state root, and all that trie nodes prove of it: accounts, storage words and code.

`ProvedState` answers from the nodes alone and refuses where they do not reach. `CollectingState`
is how evidence is gathered: it answers in the same way, and tells all that it lacks at once, so
that the same reading code both asks for evidence and verifies it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

from eth_hash.auto import keccak

from chains.model.ids import Address
from proofs.evidence.codes import Code, recognise_code
from proofs.evidence.flaws import EvidenceRefused, Flaw
from proofs.evidence.rlp import Encoded, RlpError, decode_int, decode_list, decode_string
from proofs.evidence.trie import EMPTY_ROOT, Trie, hash_nodes

EMPTY_CODE: Final = bytes(keccak(b""))
WORD: Final = 32

T = TypeVar("T")
U = TypeVar("U")


class Slot(NamedTuple):
    """A storage word's place."""

    contract: Address
    key: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account as the state trie holds it; one that is not there is empty."""

    storage_root: bytes = EMPTY_ROOT
    code_hash: bytes = EMPTY_CODE


class ProvedState:
    """What nodes and codes prove under a state root.

    `known` are codes recognised before, by their hashes; `codes` are bytes to be recognised now.
    """

    def __init__(
        self,
        state_root: bytes,
        *,
        nodes: Iterable[bytes],
        codes: Iterable[bytes] = (),
        known: Mapping[bytes, Code] | None = None,
    ) -> None:
        self._root = state_root
        self._nodes: Final = hash_nodes(nodes)
        self._codes: Final = hash_nodes(codes)
        self._recognised: dict[bytes, Code | None] = dict(known or {})
        self._trie: Final = Trie(self._nodes)
        self._accounts: dict[Address, Account] = {}
        self._words: dict[Slot, int] = {}
        self._used_codes: set[bytes] = set()
        self._coded: set[Address] = set()

    def want(self, slots: Iterable[Slot] = (), codes: Iterable[Address] = ()) -> None:
        """Say what will be read next; nothing more here."""

    def both(self, one: Callable[[], T], other: Callable[[], U]) -> tuple[T, U]:
        """Give the results of two readings of which neither needs the other's."""
        return one(), other()

    def account(self, address: Address) -> Account:
        """Give a proved account."""
        if (found := self._accounts.get(address)) is None:
            try:
                found = _decode_account(self._trie.get(self._root, bytes.fromhex(address[2:])))
            except EvidenceRefused as error:
                raise EvidenceRefused(error.flaw, f"account {address}: {error.detail}") from error
            self._accounts[address] = found
        return found

    def word(self, slot: Slot) -> int:
        """Give a proved storage word, 0 where the trie proves that there is none."""
        if (found := self._words.get(slot)) is None:
            root = self.account(slot.contract).storage_root
            try:
                found = _decode_word(self._trie.get(root, slot.key.to_bytes(WORD, "big")))
            except EvidenceRefused as error:
                detail = f"slot 0x{slot.key:x} of {slot.contract}: {error.detail}"
                raise EvidenceRefused(error.flaw, detail) from error
            self._words[slot] = found
        return found

    def code(self, address: Address) -> Code | None:
        """Give what is known of a contract's code; None where nothing is."""
        code_hash = self.account(address).code_hash
        self._coded.add(address)
        if code_hash not in self._recognised:
            if (raw := self._codes.get(code_hash)) is None:
                return None
            self._recognised[code_hash] = recognise_code(raw)
        if code_hash in self._codes:
            self._used_codes.add(code_hash)
        return self._recognised[code_hash]

    @property
    def recognised(self) -> Mapping[bytes, Code]:
        """The codes that were known or recognised so far, by their hashes."""
        return {name: code for name, code in self._recognised.items() if code is not None}

    @property
    def places(self) -> "Lacking":
        """What was read so far: what to fetch at once to read the same of another block."""
        slots: dict[Address, set[int]] = {address: set() for address in self._accounts}
        for contract, key in self._words:
            slots[contract].add(key)
        return Lacking(
            {address: frozenset(keys) for address, keys in slots.items()},
            frozenset(self._coded),
        )

    @property
    def used_nodes(self) -> tuple[bytes, ...]:
        """The nodes that were needed so far, in canonical order."""
        return tuple(sorted(self._nodes[name] for name in self._trie.used))

    @property
    def used_codes(self) -> tuple[bytes, ...]:
        """The codes that were needed so far, in canonical order."""
        return tuple(sorted(self._codes[name] for name in self._used_codes))

    def check_all_used(self) -> None:
        """Refuse (UNUSED) nodes or codes that nothing needed."""
        spare = (self._nodes.keys() - self._trie.used, self._codes.keys() - self._used_codes)
        if spare[0] or spare[1]:
            detail = f"{len(spare[0])} nodes and {len(spare[1])} codes are not needed"
            raise EvidenceRefused(Flaw.UNUSED, detail)


class Lacking(Exception):
    """What must be fetched before a reading can go on: storage words by contract, and codes.

    A contract without words is wanted for its account alone.
    """

    def __init__(self, slots: Mapping[Address, frozenset[int]], codes: frozenset[Address]) -> None:
        super().__init__(f"{sum(map(len, slots.values()))} words, {len(codes)} codes")
        self.slots: Final = slots
        self.codes: Final = codes

    def join(self, other: "Lacking") -> "Lacking":
        """Give what is lacking here or there."""
        slots = dict(self.slots)
        for contract, keys in other.slots.items():
            slots[contract] = slots.get(contract, frozenset()) | keys
        return Lacking(slots, self.codes | other.codes)


class CollectingState(ProvedState):
    """A state that raises Lacking with all that `want` names and the nodes do not prove."""

    def add(self, nodes: Iterable[bytes], codes: Iterable[bytes]) -> None:
        """Take more nodes and codes."""
        self._nodes.update(hash_nodes(nodes))
        self._codes.update(hash_nodes(codes))

    @property
    def everything(self) -> tuple[Iterable[bytes], Iterable[bytes]]:
        """All nodes and codes that were added."""
        return self._nodes.values(), self._codes.values()

    def want(self, slots: Iterable[Slot] = (), codes: Iterable[Address] = ()) -> None:
        """Raise Lacking unless everything named is there."""
        lacking: dict[Address, set[int]] = {}
        unknown = set()
        for slot in slots:
            if self._lacks(slot):
                lacking.setdefault(slot.contract, set()).add(slot.key)
        for address in codes:
            if not self._has_account(address):
                lacking.setdefault(address, set())
                unknown.add(address)
            elif not self._has_code(address):
                unknown.add(address)
        if lacking or unknown:
            frozen = {address: frozenset(keys) for address, keys in lacking.items()}
            raise Lacking(frozen, frozenset(unknown))

    def both(self, one: Callable[[], T], other: Callable[[], U]) -> tuple[T, U]:
        """Raise Lacking with what either reading lacks."""
        try:
            first = one()
        except Lacking as lacking:
            try:
                other()
            except Lacking as more:
                raise lacking.join(more) from more
            raise
        return first, other()

    def _lacks(self, slot: Slot) -> bool:
        try:
            self.word(slot)
        except EvidenceRefused as error:
            return _is_missing(error)
        return False

    def _has_account(self, address: Address) -> bool:
        try:
            self.account(address)
        except EvidenceRefused as error:
            return not _is_missing(error)
        return True

    def _has_code(self, address: Address) -> bool:
        code_hash = self.account(address).code_hash
        return code_hash in (self._codes.keys() | self._recognised.keys())


def _is_missing(error: EvidenceRefused) -> bool:
    """Say whether a refusal is for a missing node; others no fetching mends."""
    if error.flaw is not Flaw.MISSING_NODE:
        raise error
    return True


def _decode_account(value: bytes) -> Account:
    if not value:
        return Account()
    try:
        nonce, balance, storage_root, code_hash = decode_list(value)
        decode_int(nonce)
        decode_int(balance)
    except ValueError as error:
        raise EvidenceRefused(Flaw.BAD_VALUE, f"no account: {error}") from error
    if any(isinstance(name, Encoded) or len(name) != WORD for name in (storage_root, code_hash)):
        raise EvidenceRefused(Flaw.BAD_VALUE, "its hashes are not 32 bytes long")
    return Account(storage_root=storage_root, code_hash=code_hash)


def _decode_word(value: bytes) -> int:
    """Decode a word; an explicit 0 is taken too, as anvil keeps words that were set to 0."""
    if not value:
        return 0
    try:
        word = decode_int(decode_string(value))
    except RlpError as error:
        raise EvidenceRefused(Flaw.BAD_VALUE, str(error)) from error
    if word.bit_length() > 8 * WORD:
        raise EvidenceRefused(Flaw.BAD_VALUE, "no storage word")
    return word
