# pragma version 0.4.3
# @license Apache-2.0
"""
@title What accounts have on other chains, as far as statements told
@dev Per account and chain the entry of the greatest height is kept; a newer sequence without a
     chain leaves its entry as it is. Two quantities share a word, so none may reach 2**128, and
     words of zero are not stored: a mask in the entry's head says which there are.
"""
import ISeizure


# An entry as it is computed with; arrays by asset number, wad units.
struct Entry:
    height: uint256
    time: uint256
    collateral: uint256[MAX_ASSETS]
    debt: uint256[MAX_ASSETS]
    locked: uint256[MAX_ASSETS]
    added: uint256[MAX_ASSETS]
    repaid: uint256[MAX_ASSETS]
    lines_in: uint256[MAX_ASSETS]
    ordered: uint256  # USD x 1e8


event QuantitiesPosted:
    account: indexed(bytes32)
    sequence: uint64
    issued_at: uint64


MAX_ASSETS: constant(uint256) = 8
MAX_CHAINS: constant(uint256) = 8
HALF: constant(uint256) = 2**128
LOW: constant(uint256) = 2**128 - 1
WORD: constant(uint256) = 2**64 - 1
PAIRS: constant(uint256) = 3
ORDERED: constant(uint256) = PAIRS * MAX_ASSETS
CHAIN_TYPEHASH: constant(bytes32) = keccak256(
    "ChainQuantities(uint64 chainId,uint64 height,uint64 time,uint256[] collateral,uint256[] debt,uint256[] locked,uint256[] added,uint256[] repaid,uint256 orderedE8,uint256[] linesIn)"
)
QUANTITIES_TYPEHASH: constant(bytes32) = keccak256(
    "VaultQuantities(bytes32 committeeId,bytes32 account,uint64 sequence,uint64 issuedAt,ChainQuantities[] chains)ChainQuantities(uint64 chainId,uint64 height,uint64 time,uint256[] collateral,uint256[] debt,uint256[] locked,uint256[] added,uint256[] repaid,uint256 orderedE8,uint256[] linesIn)"
)

# height | time << 64 | mask << 128
heads: HashMap[bytes32, HashMap[uint64, uint256]]
words: HashMap[bytes32, HashMap[uint64, HashMap[uint256, uint256]]]
# sequence | issuedAt << 64 of the newest statement of an account
newest: HashMap[bytes32, uint256]


@internal
@view
def statement(_account: bytes32) -> (uint256, uint256):
    # Sequence and time of issue of the newest statement; zero for none.
    word: uint256 = self.newest[_account]
    return word & WORD, word >> 64


@internal
def note(_account: bytes32, _sequence: uint64, _issued_at: uint64):
    sequence: uint256 = convert(_sequence, uint256)
    if sequence > self.newest[_account] & WORD:
        self.newest[_account] = sequence | (convert(_issued_at, uint256) << 64)
    log QuantitiesPosted(account=_account, sequence=_sequence, issued_at=_issued_at)


@internal
def take(_account: bytes32, _q: ISeizure.ChainQuantities):
    # Keep an entry unless a higher one is known. A clock that runs ahead makes nothing fresher. Of
    # two as high the greater top-ups are kept, since they were seen while that block was final.
    height: uint256 = convert(_q.height, uint256)
    known: Entry = self.read(_account, _q.chainId)
    if height < known.height:
        return
    if height > known.height:
        known = empty(Entry)
    mask: uint256 = 0
    for i: uint256 in range(MAX_ASSETS):
        collateral: uint256 = self._item(_q.collateral, i)
        debt: uint256 = self._item(_q.debt, i)
        locked: uint256 = self._item(_q.locked, i)
        lines_in: uint256 = self._item(_q.linesIn, i)
        added: uint256 = max(self._item(_q.added, i), known.added[i])
        repaid: uint256 = max(self._item(_q.repaid, i), known.repaid[i])
        mask |= self._put(_account, _q.chainId, PAIRS * i, collateral, debt)
        mask |= self._put(_account, _q.chainId, PAIRS * i + 1, locked, lines_in)
        mask |= self._put(_account, _q.chainId, PAIRS * i + 2, added, repaid)
    mask |= self._put(_account, _q.chainId, ORDERED, _q.orderedE8, 0)
    time: uint256 = min(convert(_q.time, uint256), block.timestamp)
    self.heads[_account][_q.chainId] = height | (time << 64) | (mask << 128)


@internal
@view
def read(_account: bytes32, _chain: uint64) -> Entry:
    # All zero where nothing was told.
    found: Entry = empty(Entry)
    head: uint256 = self.heads[_account][_chain]
    found.height = head & WORD
    found.time = (head >> 64) & WORD
    mask: uint256 = head >> 128
    if mask == 0:
        return found
    for i: uint256 in range(MAX_ASSETS):
        three: uint256 = mask >> (PAIRS * i)
        if three & 7 == 0:
            continue
        found.collateral[i], found.debt[i] = self._get(_account, _chain, PAIRS * i, three)
        found.locked[i], found.lines_in[i] = self._get(
            _account, _chain, PAIRS * i + 1, three >> 1
        )
        found.added[i], found.repaid[i] = self._get(_account, _chain, PAIRS * i + 2, three >> 2)
    some: uint256 = 0
    found.ordered, some = self._get(_account, _chain, ORDERED, mask >> ORDERED)
    return found


@internal
@pure
def hash(_q: ISeizure.VaultQuantities) -> bytes32:
    hashes: DynArray[bytes32, MAX_CHAINS] = []
    for q: ISeizure.ChainQuantities in _q.chains:
        hashes.append(self._hash_chain(q))
    return keccak256(
        abi_encode(
            QUANTITIES_TYPEHASH,
            _q.committeeId,
            _q.account,
            _q.sequence,
            _q.issuedAt,
            keccak256(slice(abi_encode(hashes), 64, 32 * len(hashes))),
        )
    )


@internal
@pure
def _hash_chain(_q: ISeizure.ChainQuantities) -> bytes32:
    return keccak256(
        abi_encode(
            CHAIN_TYPEHASH,
            _q.chainId,
            _q.height,
            _q.time,
            self._hash_list(_q.collateral),
            self._hash_list(_q.debt),
            self._hash_list(_q.locked),
            self._hash_list(_q.added),
            self._hash_list(_q.repaid),
            _q.orderedE8,
            self._hash_list(_q.linesIn),
        )
    )


@internal
@pure
def _hash_list(_list: DynArray[uint256, MAX_ASSETS]) -> bytes32:
    # Without the offset and the length that stand before the items.
    return keccak256(slice(abi_encode(_list), 64, 32 * len(_list)))


@internal
@pure
def _item(_list: DynArray[uint256, MAX_ASSETS], _i: uint256) -> uint256:
    # Zero beyond the end.
    return _list[_i] if _i < len(_list) else 0


@internal
def _put(
    _account: bytes32, _chain: uint64, _place: uint256, _one: uint256, _other: uint256
) -> uint256:
    assert _one < HALF and _other < HALF, "size"
    if _one | _other == 0:
        return 0
    self.words[_account][_chain][_place] = _one | (_other << 128)
    return 1 << _place


@internal
@view
def _get(
    _account: bytes32, _chain: uint64, _place: uint256, _mask: uint256
) -> (uint256, uint256):
    if _mask & 1 == 0:
        return 0, 0
    word: uint256 = self.words[_account][_chain][_place]
    return word & LOW, word >> 128
