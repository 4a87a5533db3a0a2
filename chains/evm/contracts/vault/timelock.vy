# pragma version 0.4.3
# @license Apache-2.0
"""
@title Plimsoll timelock: owns the contracts of a deployment on one chain
@notice The owner proposes calls that anybody may enact after a delay; a guardian may cancel them,
        pause spending for a limited time and veto write-downs. Nobody can do anything else at once.
@dev Some calls wait longer: those named by `require_long`, which can be added to and never taken
     from. This contract's own terms change by proposals to itself.
"""


interface Pausable:
    def pause(): nonpayable
    def unpause(): nonpayable


interface Seizure:
    def veto(account: bytes32, asset: uint8): nonpayable


event Proposed:
    id: indexed(bytes32)
    target: indexed(address)
    data: Bytes[2048]
    ready_at: uint256


event Enacted:
    id: indexed(bytes32)


event Cancelled:
    id: indexed(bytes32)


event RolesSet:
    owner: indexed(address)
    guardian: indexed(address)


MAX_DELAY: constant(uint256) = 60 * 86400
# An enactment that nobody wanted for so long is no longer what was announced.
WINDOW: constant(uint256) = 14 * 86400

delay: public(immutable(uint256))
long_delay: public(immutable(uint256))

owner: public(address)
guardian: public(address)
# When a proposal may be enacted; zero for none.
ready_at: public(HashMap[bytes32, uint256])
# Which calls wait the long delay, by target and selector.
is_long: public(HashMap[address, HashMap[bytes4, bool]])


@deploy
def __init__(_owner: address, _guardian: address, _delay: uint256, _long_delay: uint256):
    """
    @param _owner who proposes
    @param _guardian who cancels, pauses and vetoes
    @param _delay seconds from a proposal to its enactment
    @param _long_delay the same for calls named by `require_long`
    """
    assert _owner != empty(address), "zero"
    assert 0 < _delay and _delay <= _long_delay and _long_delay <= MAX_DELAY, "delay"
    delay = _delay
    long_delay = _long_delay
    self.owner = _owner
    self.guardian = _guardian
    log RolesSet(owner=_owner, guardian=_guardian)


@external
def propose(target: address, data: Bytes[2048]) -> bytes32:
    """
    @notice Announce a call
    @dev Reverts with owner, data, or proposed (the same waits already)
    @return its id
    """
    assert msg.sender == self.owner, "owner"
    assert len(data) >= 4, "data"
    id: bytes32 = self._id(target, data)
    assert self.ready_at[id] == 0, "proposed"
    selector: bytes4 = convert(slice(data, 0, 4), bytes4)
    waits: uint256 = long_delay if self.is_long[target][selector] else delay
    self.ready_at[id] = block.timestamp + waits
    log Proposed(id=id, target=target, data=data, ready_at=block.timestamp + waits)
    return id


@external
def enact(target: address, data: Bytes[2048]):
    """
    @notice Make an announced call whose delay is over; anybody may
    @dev Reverts with proposal (there is none), early, expired, or as the call
    """
    id: bytes32 = self._id(target, data)
    ready_at: uint256 = self.ready_at[id]
    assert ready_at > 0, "proposal"
    assert ready_at <= block.timestamp, "early"
    assert block.timestamp <= ready_at + WINDOW, "expired"
    self.ready_at[id] = 0
    log Enacted(id=id)
    raw_call(target, data)


@external
def cancel(target: address, data: Bytes[2048]):
    """
    @notice Take an announcement back
    @dev Reverts with role or proposal
    """
    assert msg.sender == self.owner or msg.sender == self.guardian, "role"
    id: bytes32 = self._id(target, data)
    assert self.ready_at[id] > 0, "proposal"
    self.ready_at[id] = 0
    log Cancelled(id=id)


@external
def require_long(target: address, selector: bytes4):
    """
    @notice Let a call wait the long delay from now on
    @dev Reverts with owner
    """
    assert msg.sender == self.owner, "owner"
    self.is_long[target][selector] = True


@external
def set_roles(owner: address, guardian: address):
    """
    @notice Hand over; only a proposal to this contract itself does
    @dev Reverts with self or zero
    """
    assert msg.sender == self, "self"
    assert owner != empty(address), "zero"
    self.owner = owner
    self.guardian = guardian
    log RolesSet(owner=owner, guardian=guardian)


@external
def pause(vault: address):
    """
    @notice Stop spending from a vault for a limited time
    @dev Reverts with guardian, or as the vault
    """
    assert msg.sender == self.guardian, "guardian"
    extcall Pausable(vault).pause()


@external
def unpause(vault: address):
    """
    @notice End a pause early
    @dev Reverts with role, or as the vault
    """
    assert msg.sender == self.owner or msg.sender == self.guardian, "role"
    extcall Pausable(vault).unpause()


@external
def veto(seizure: address, account: bytes32, asset: uint8):
    """
    @notice Take back a provision before it becomes a write-down
    @dev Reverts with guardian, or as the seizure
    """
    assert msg.sender == self.guardian, "guardian"
    extcall Seizure(seizure).veto(account, asset)


@internal
@pure
def _id(_target: address, _data: Bytes[2048]) -> bytes32:
    return keccak256(abi_encode(_target, _data))
