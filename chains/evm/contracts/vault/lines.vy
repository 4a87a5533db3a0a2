# pragma version 0.4.3
# @license Apache-2.0
"""
@title Lines: units of collateral on one chain that back debt on another
@dev For every account, pair of chains and asset there are two sums that only grow: RAISED, told by
     the vault that lends, and LOWERED, told by the vault that borrows. Each side knows its own sum
     exactly and the other's as far as statements went, so what the borrower may use is never more
     than what the lender has set aside, whatever the order of messages.
"""
import facts as told

uses: told


event LineRaised:
    account: indexed(bytes32)
    to_chain: indexed(uint64)
    asset: indexed(uint8)
    units: uint256
    raised: uint256


event LineLowered:
    account: indexed(bytes32)
    from_chain: indexed(uint64)
    asset: indexed(uint8)
    units: uint256
    lowered: uint256


# A statement of the other side was taken; `incoming` says that it was a raise.
event LineTaken:
    account: indexed(bytes32)
    chain: indexed(uint64)
    asset: indexed(uint8)
    incoming: bool
    told_units: uint256


event LineCapSet:
    chain: indexed(uint64)
    asset: indexed(uint8)
    incoming: bool
    cap: uint256


# The greatest sum that statements told, by the fact's key.
seen: HashMap[bytes32, uint256]
# The greatest height of a chain at which a line with it was told, by account: what is known of the
# account there must be as new before anything is seized.
told_at: public(HashMap[bytes32, HashMap[uint64, uint64]])
# Sums over all chains, by account.
lent: HashMap[bytes32, HashMap[uint8, uint256]]
borrowed: HashMap[bytes32, HashMap[uint8, uint256]]
# Sums over all accounts, by the other chain, and their caps; wad units.
lent_to: public(HashMap[uint64, HashMap[uint8, uint256]])
borrowed_from: public(HashMap[uint64, HashMap[uint8, uint256]])
line_cap: public(HashMap[uint64, HashMap[uint8, uint256]])
in_cap: public(HashMap[uint64, HashMap[uint8, uint256]])


@internal
def set_cap(_chain: uint64, _asset: uint8, _incoming: bool, _cap: uint256):
    assert _chain != convert(chain.id, uint64), "chain"
    if _incoming:
        self.in_cap[_chain][_asset] = _cap
    else:
        self.line_cap[_chain][_asset] = _cap
    log LineCapSet(chain=_chain, asset=_asset, incoming=_incoming, cap=_cap)


@internal
@view
def line_out(_account: bytes32, _to: uint64, _asset: uint8) -> uint256:
    here: uint64 = convert(chain.id, uint64)
    raised: uint256 = told.facts[told.raised_key(_account, here, _to, _asset)]
    return raised - self.seen[told.lowered_key(_account, here, _to, _asset)]


@internal
@view
def line_in(_account: bytes32, _from: uint64, _asset: uint8) -> uint256:
    here: uint64 = convert(chain.id, uint64)
    raised: uint256 = self.seen[told.raised_key(_account, _from, here, _asset)]
    back: uint256 = told.facts[told.lowered_key(_account, _from, here, _asset)]
    return raised - min(back, raised)


@internal
def raise_line(_account: bytes32, _to: uint64, _asset: uint8, _units: uint256):
    # The caller sees to it that the units are free.
    assert _units > 0, "dust"
    before: uint256 = self.line_out(_account, _to, _asset)
    key: bytes32 = told.raised_key(_account, convert(chain.id, uint64), _to, _asset)
    raised: uint256 = told.facts[key] + _units
    told.facts[key] = raised
    self._move_lent(_account, _to, _asset, before)
    assert self.lent_to[_to][_asset] <= self.line_cap[_to][_asset], "cap"
    log LineRaised(account=_account, to_chain=_to, asset=_asset, units=_units, raised=raised)


@internal
def take_lowered(_account: bytes32, _to: uint64, _asset: uint8, _units: uint256):
    # Never beyond what was raised: a lie about the past frees nothing that is raised later.
    here: uint64 = convert(chain.id, uint64)
    raised: uint256 = told.facts[told.raised_key(_account, here, _to, _asset)]
    key: bytes32 = told.lowered_key(_account, here, _to, _asset)
    assert min(_units, raised) > self.seen[key], "old"
    before: uint256 = self.line_out(_account, _to, _asset)
    self.seen[key] = min(_units, raised)
    self._move_lent(_account, _to, _asset, before)
    log LineTaken(account=_account, chain=_to, asset=_asset, incoming=False, told_units=_units)


@internal
def take_raised(_account: bytes32, _from: uint64, _asset: uint8, _units: uint256):
    key: bytes32 = told.raised_key(_account, _from, convert(chain.id, uint64), _asset)
    assert _units > self.seen[key], "old"
    before: uint256 = self.line_in(_account, _from, _asset)
    most: uint256 = max(self.in_cap[_from][_asset], self.borrowed_from[_from][_asset])
    self.seen[key] = _units
    self._move_borrowed(_account, _from, _asset, before)
    log LineTaken(account=_account, chain=_from, asset=_asset, incoming=True, told_units=_units)
    # What is beyond the cap goes back at once: else its owner could neither use it nor have it back.
    total: uint256 = self.borrowed_from[_from][_asset]
    if total > most:
        self.lower_line(_account, _from, _asset, total - most)


@internal
def lower_line(_account: bytes32, _from: uint64, _asset: uint8, _units: uint256):
    # A consumed line may be lowered by more than was seen of it: what comes later is void then.
    before: uint256 = self.line_in(_account, _from, _asset)
    key: bytes32 = told.lowered_key(_account, _from, convert(chain.id, uint64), _asset)
    lowered: uint256 = told.facts[key] + _units
    told.facts[key] = lowered
    self._move_borrowed(_account, _from, _asset, before)
    log LineLowered(
        account=_account, from_chain=_from, asset=_asset, units=_units, lowered=lowered
    )


@internal
def _move_lent(_account: bytes32, _to: uint64, _asset: uint8, _before: uint256):
    now: uint256 = self.line_out(_account, _to, _asset)
    self.lent[_account][_asset] = self.lent[_account][_asset] + now - _before
    self.lent_to[_to][_asset] = self.lent_to[_to][_asset] + now - _before


@internal
def _move_borrowed(_account: bytes32, _from: uint64, _asset: uint8, _before: uint256):
    now: uint256 = self.line_in(_account, _from, _asset)
    self.borrowed[_account][_asset] = self.borrowed[_account][_asset] + now - _before
    self.borrowed_from[_from][_asset] = self.borrowed_from[_from][_asset] + now - _before
