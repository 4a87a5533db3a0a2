# pragma version 0.4.3
"""
@title A token with the oddities that real ones have, and one that only an attacker's has
"""

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    units: uint256


name: public(String[8])
symbol: public(String[8])
decimals: public(uint8)
totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])

silent: public(bool)
lying: public(bool)
blocked: public(HashMap[address, bool])
strict: public(bool)
fee_bps: public(uint256)
victim: public(address)
payload: public(Bytes[4096])
attempts: public(uint256)
entered: public(uint256)
answer: public(Bytes[128])


@external
def describe(symbol: String[8], decimals: uint8):
    self.name = symbol
    self.symbol = symbol
    self.decimals = decimals


@external
def be_silent():
    """
    @notice Return nothing from transfers and approvals
    """
    self.silent = True


@external
def be_strict():
    """
    @notice Refuse to change an allowance that is not zero to another that is not
    """
    self.strict = True


@external
def lie():
    """
    @notice Return false from transfers and do nothing
    """
    self.lying = True


@external
def block(holder: address):
    """
    @notice Let nobody pay a holder
    """
    self.blocked[holder] = True


@external
def take_fee(bps: uint256):
    """
    @notice Burn a part of every transfer
    """
    self.fee_bps = bps


@external
def attack(victim: address, payload: Bytes[4096]):
    """
    @notice Call a contract from within the next transfers
    """
    self.victim = victim
    self.payload = payload


@external
def mint(receiver: address, units: uint256):
    self.totalSupply += units
    self.balanceOf[receiver] += units


@external
@raw_return
def approve(spender: address, units: uint256) -> Bytes[32]:
    if self.strict:
        assert units == 0 or self.allowance[msg.sender][spender] == 0, "strict"
    self.allowance[msg.sender][spender] = units
    return self._answer()


@external
@raw_return
def transfer(receiver: address, units: uint256) -> Bytes[32]:
    self._move(msg.sender, receiver, units)
    return self._answer()


@external
@raw_return
def transferFrom(sender: address, receiver: address, units: uint256) -> Bytes[32]:
    self.allowance[sender][msg.sender] -= units
    self._move(sender, receiver, units)
    return self._answer()


@internal
def _move(sender: address, receiver: address, units: uint256):
    if self.lying:
        return
    assert not self.blocked[receiver], "blocked"
    if self.victim != empty(address):
        victim: address = self.victim
        self.victim = empty(address)
        self.attempts += 1
        success: bool = False
        success, self.answer = raw_call(
            victim, self.payload, max_outsize=128, revert_on_failure=False
        )
        if success:
            self.entered += 1
    self.balanceOf[sender] -= units
    kept: uint256 = units * self.fee_bps // 10000
    self.totalSupply -= kept
    self.balanceOf[receiver] += units - kept
    log Transfer(sender=sender, receiver=receiver, units=units - kept)


@internal
@view
def _answer() -> Bytes[32]:
    if self.silent:
        return b""
    return abi_encode(not self.lying)
