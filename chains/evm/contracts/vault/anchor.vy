# pragma version 0.4.3
# @license Apache-2.0
"""
@title Plimsoll anchor: state roots of layer 1 that a chain of the OP stack can vouch for itself
@notice The chain's own protocol says what layer 1's newest block is; anybody brings that block's
        header, and then the header of any older block, whose hash layer 1 keeps in its own state
        and a proof shows. Nobody signs anything, and nobody owns this.
@dev A header is believed for its hash alone. A root taken here stays right: were layer 1 to lose
     the block, this chain would lose the one that took it. Reverts with hash (not the header of
     that block), number, root (of a block not known here), window, or proof, as the prover does.
     Source: OP stack specification, L1 attributes predeployed contract; EIP-2935.
"""
import rlp


interface L1Block:
    def number() -> uint64: view
    def hash() -> bytes32: view


interface Prover:
    def read_word(
        state_root: bytes32, contract: address, slot: bytes32, proof: Bytes[12288]
    ) -> uint256: view


event RootTaken:
    height: indexed(uint64)
    root: bytes32


# What a header says of its block.
struct Header:
    number: uint64
    state_root: bytes32


L1_BLOCK: constant(address) = 0x4200000000000000000000000000000000000015
HISTORY: constant(address) = 0x0000F90827F1C53a10cb7A02335B175320002935
# How many hashes the history keeps.
WINDOW: constant(uint64) = 8191
# Where fields stand in a header, which has these since genesis; forks add more behind them.
STATE_ROOT: constant(uint256) = 3
BLOOM: constant(uint256) = 6
NUMBER: constant(uint256) = 8
FIRST_FIELDS: constant(uint256) = 15
MOST_FIELDS: constant(uint256) = 32

prover: public(immutable(address))

state_root: public(HashMap[uint64, bytes32])
newest: public(uint64)


@deploy
def __init__(_prover: address):
    """
    @param _prover reads words of layer 1's state
    """
    assert _prover.is_contract, "prover"
    prover = _prover


@external
def take_latest(header: Bytes[rlp.MAX_DATA]):
    """
    @notice Take the state root of the newest block of layer 1 that this chain has heard of
    @param header of that block, encoded
    """
    assert keccak256(header) == staticcall L1Block(L1_BLOCK).hash(), "hash"
    said: Header = self._open(header)
    assert said.number == staticcall L1Block(L1_BLOCK).number(), "number"
    self._note(said)


@external
def take_older(known: uint64, header: Bytes[rlp.MAX_DATA], proof: Bytes[12288]):
    """
    @notice Take the state root of a block of layer 1 that came before one known here
    @param known height of a block whose state root is known here, at most 8191 blocks later
    @param header of the older block, encoded
    @param proof the nodes of layer 1's history contract and of its word, at the known block
    """
    root: bytes32 = self.state_root[known]
    assert root != empty(bytes32), "root"
    said: Header = self._open(header)
    assert said.number < known and known - said.number <= WINDOW, "window"
    slot: bytes32 = convert(convert(said.number % WINDOW, uint256), bytes32)
    word: uint256 = staticcall Prover(prover).read_word(root, HISTORY, slot, proof)
    assert convert(word, bytes32) == keccak256(header), "hash"
    self._note(said)


@internal
def _note(_said: Header):
    self.state_root[_said.number] = _said.state_root
    self.newest = max(self.newest, _said.number)
    log RootTaken(height=_said.number, root=_said.state_root)


@internal
@pure
def _open(_header: Bytes[rlp.MAX_DATA]) -> Header:
    # What a header says: a list of strings and nothing behind it, the old fields of their sizes.
    whole: rlp.Item = rlp.measure(_header, 0)
    assert whole.is_list and whole.end == len(_header), "proof"
    said: Header = empty(Header)
    place: uint256 = whole.start
    count: uint256 = 0
    for _: uint256 in range(MOST_FIELDS):
        if place == whole.end:
            break
        item: rlp.Item = rlp.measure(_header, place)
        size: uint256 = item.end - item.start
        assert not item.is_list, "proof"
        if count < BLOOM:
            # Hashes, and an address among them.
            assert size == (20 if count == 2 else 32), "proof"
        if count == STATE_ROOT:
            said.state_root = extract32(_header, item.start)
        elif count == BLOOM:
            assert size == 256, "proof"
        elif count == NUMBER:
            said.number = self._read_number(_header, item.start, size)
        place = item.end
        count += 1
    assert place == whole.end and count >= FIRST_FIELDS, "proof"
    return said


@internal
@pure
def _read_number(_header: Bytes[rlp.MAX_DATA], _start: uint256, _size: uint256) -> uint64:
    # Canonical: no leading zero. What follows a number makes up the 32 bytes that are read.
    assert _size <= 8, "proof"
    if _size == 0:
        return 0
    assert slice(_header, _start, 1) != x"00", "proof"
    word: uint256 = convert(extract32(_header, _start), uint256)
    return convert(word >> (8 * (32 - _size)), uint64)
