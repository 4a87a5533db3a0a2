# pragma version 0.4.3
# @license Apache-2.0
"""
@title What lenders supplied and borrowers owe, one pool for each asset
@dev Everything is wad units. Lenders own cash + debt − fund − provisions, rounded down; debt is
     shares times an index (1e27), rounded up for whoever owes. Only what was sent through the vault
     counts, so a gift to its address changes no price; virtual shares keep the first lender from
     making the price. A debt that is provided for counts no more for who leaves; written down, it
     bears no interest, and what is repaid of it belongs to the lenders.
"""
import rates


struct Pool:
    cash: uint256
    debt_shares: uint256
    index: uint256  # 1e27 at first
    accrued_at: uint256
    supply_shares: uint256
    fund: uint256  # the insurance fund's part of what the pool holds
    provisions: uint256
    bad_debt: uint256


# A lender's shares on their way out. They are worth what they were when he asked, or less.
struct Exit:
    shares: uint256
    quote: uint256
    ready_at: uint256


# What is kept back for a debt, and how much of that the fund bears.
struct Provision:
    units: uint256
    from_fund: uint256


RAY: constant(uint256) = 10**27
VIRTUAL_SHARES: constant(uint256) = 10**6
VIRTUAL_UNITS: constant(uint256) = 1

# The ceiling of every rate, wad a year.
max_rate: public(immutable(uint256))
# Seconds from asking to leave until leaving, and how long the way out stays open then.
exit_delay: public(immutable(uint256))
exit_window: public(immutable(uint256))

pools: HashMap[uint8, Pool]
curves: public(HashMap[uint8, rates.Curve])
debt_shares: HashMap[bytes32, HashMap[uint8, uint256]]
bad_debts: HashMap[bytes32, HashMap[uint8, uint256]]
provisions: HashMap[bytes32, HashMap[uint8, Provision]]
shares: public(HashMap[address, HashMap[uint8, uint256]])
exits: HashMap[address, HashMap[uint8, Exit]]


@deploy
def __init__(_max_rate: uint256, _exit_delay: uint256, _exit_window: uint256):
    assert 0 < _max_rate and _max_rate <= rates.MAX_CEILING, "rate"
    assert _exit_delay > 0 and _exit_window > 0, "exit"
    max_rate = _max_rate
    exit_delay = _exit_delay
    exit_window = _exit_window


@internal
def set_curve(_asset: uint8, _curve: rates.Curve):
    rates.check(_curve)
    self.accrue(_asset)
    self.curves[_asset] = _curve


# Interest


@internal
def accrue(_asset: uint8):
    # Whoever changes cash or debt accrues first.
    if self.pools[_asset].accrued_at == block.timestamp:
        return
    index: uint256 = self.index(_asset)
    self.pools[_asset].fund = self._fund(_asset, index)
    self.pools[_asset].index = index
    self.pools[_asset].accrued_at = block.timestamp


@internal
@view
def index(_asset: uint8) -> uint256:
    old: uint256 = self.pools[_asset].index
    if old == 0:
        return RAY
    passed: uint256 = block.timestamp - self.pools[_asset].accrued_at
    if passed == 0 or self.pools[_asset].debt_shares == 0:
        return old
    return rates.grow(old, self._rate(_asset), passed)


@internal
@view
def _rate(_asset: uint8) -> uint256:
    debt: uint256 = self.pools[_asset].debt_shares * self.pools[_asset].index // RAY
    return rates.rate(self.curves[_asset], self.pools[_asset].cash, debt, max_rate)


@internal
@view
def _fund(_asset: uint8, _index: uint256) -> uint256:
    shares: uint256 = self.pools[_asset].debt_shares
    interest: uint256 = 0
    if shares > 0:
        interest = shares * (_index - self.pools[_asset].index) // RAY
    return self.pools[_asset].fund + interest * self.curves[_asset].reserve_bps // rates.BPS


@internal
@view
def assets(_asset: uint8) -> uint256:
    # What lenders own now, every provision taken off.
    index: uint256 = self.index(_asset)
    owned: uint256 = self.pools[_asset].cash + self.pools[_asset].debt_shares * index // RAY
    claimed: uint256 = self._fund(_asset, index) + self.pools[_asset].provisions
    return owned - min(owned, claimed)


# Debts


@internal
@view
def live_debt(_account: bytes32, _asset: uint8) -> uint256:
    shares: uint256 = self.debt_shares[_account][_asset]
    if shares == 0:
        return 0
    return self._to_debt(shares, self.index(_asset))


@internal
@view
def debt(_account: bytes32, _asset: uint8) -> uint256:
    return self.live_debt(_account, _asset) + self.bad_debts[_account][_asset]


@internal
def borrow(_account: bytes32, _asset: uint8, _units: uint256):
    self.accrue(_asset)
    # Without a curve there is no rate, and no call could ever accrue again.
    assert self.curves[_asset].kink_bps > 0, "curve"
    cash: uint256 = self.pools[_asset].cash
    assert _units <= cash, "cash"
    index: uint256 = self.pools[_asset].index
    shares: uint256 = (_units * RAY + index - 1) // index
    self.debt_shares[_account][_asset] += shares
    self.pools[_asset].debt_shares += shares
    self.pools[_asset].cash = cash - _units


@internal
def repay(_account: bytes32, _asset: uint8, _units: uint256) -> uint256:
    # Gives by how much the debt fell; what is beyond it is the lenders'.
    self.accrue(_asset)
    self.pools[_asset].cash += _units
    live: uint256 = self.live_debt(_account, _asset)
    repaid: uint256 = min(_units, live)
    self._drop_debt(_account, _asset, repaid, live)
    provided: uint256 = self.provisions[_account][_asset].units
    if provided > live - repaid:
        self.unprovide(_account, _asset, provided - (live - repaid))
    bad: uint256 = min(_units - repaid, self.bad_debts[_account][_asset])
    if bad > 0:
        self.bad_debts[_account][_asset] -= bad
        self.pools[_asset].bad_debt -= bad
    return repaid + bad


@internal
def _drop_debt(_account: bytes32, _asset: uint8, _units: uint256, _live: uint256):
    shares: uint256 = self.debt_shares[_account][_asset]
    if _units < _live:
        shares = _units * RAY // self.pools[_asset].index
    self.debt_shares[_account][_asset] -= shares
    self.pools[_asset].debt_shares -= shares


@internal
@pure
def _to_debt(_shares: uint256, _index: uint256) -> uint256:
    return (_shares * _index + RAY - 1) // RAY


# Lenders


@internal
def supply(_lender: address, _asset: uint8, _units: uint256) -> uint256:
    # While a loss is pending nobody may come in unaware of it.
    self.accrue(_asset)
    assert self.pools[_asset].provisions == 0, "provision"
    total: uint256 = self.pools[_asset].supply_shares
    minted: uint256 = _units * (total + VIRTUAL_SHARES) // (self.assets(_asset) + VIRTUAL_UNITS)
    assert minted > 0, "dust"
    self.pools[_asset].cash += _units
    self.pools[_asset].supply_shares = total + minted
    self.shares[_lender][_asset] += minted
    return minted


@internal
@view
def to_units(_asset: uint8, _shares: uint256) -> uint256:
    total: uint256 = self.pools[_asset].supply_shares
    return _shares * (self.assets(_asset) + VIRTUAL_UNITS) // (total + VIRTUAL_SHARES)


@internal
def request_exit(_lender: address, _asset: uint8, _shares: uint256) -> Exit:
    assert _shares > 0, "dust"
    self.shares[_lender][_asset] -= _shares
    asked: Exit = self.exits[_lender][_asset]
    asked.shares += _shares
    asked.quote = self.to_units(_asset, asked.shares)
    asked.ready_at = block.timestamp + exit_delay
    self.exits[_lender][_asset] = asked
    return asked


@internal
def cancel_exit(_lender: address, _asset: uint8):
    asked: Exit = self.exits[_lender][_asset]
    assert asked.shares > 0, "exit"
    self.exits[_lender][_asset] = empty(Exit)
    self.shares[_lender][_asset] += asked.shares


@internal
def take_exit(_lender: address, _asset: uint8, _room: uint256, _scale: uint256) -> uint256:
    # Gives the units to pay, whole base units of the token; the rest of the way out stays.
    self.accrue(_asset)
    asked: Exit = self.exits[_lender][_asset]
    assert asked.shares > 0, "exit"
    assert asked.ready_at <= block.timestamp, "early"
    assert block.timestamp <= asked.ready_at + exit_window, "expired"
    due: uint256 = min(asked.quote, self.to_units(_asset, asked.shares))
    cash: uint256 = self.pools[_asset].cash
    paid: uint256 = min(due, min(cash, _room)) // _scale * _scale
    assert paid > 0, "cash"
    burned: uint256 = asked.shares
    if due - paid >= _scale:
        burned = (asked.shares * paid + due - 1) // due
        quote: uint256 = asked.quote - min(asked.quote, paid)
        self.exits[_lender][_asset] = Exit(
            shares=asked.shares - burned, quote=quote, ready_at=asked.ready_at
        )
    else:
        self.exits[_lender][_asset] = empty(Exit)
    self.pools[_asset].supply_shares -= burned
    self.pools[_asset].cash = cash - paid
    return paid


# The insurance fund and losses


@internal
def donate(_asset: uint8, _units: uint256):
    self.accrue(_asset)
    self.pools[_asset].cash += _units
    self.pools[_asset].fund += _units


@internal
def draw_fund(_asset: uint8, _units: uint256, _scale: uint256) -> uint256:
    self.accrue(_asset)
    most: uint256 = min(self.pools[_asset].fund, self.pools[_asset].cash)
    drawn: uint256 = min(_units, most) // _scale * _scale
    self.pools[_asset].fund -= drawn
    self.pools[_asset].cash -= drawn
    return drawn


@internal
def provide(_account: bytes32, _asset: uint8, _units: uint256):
    self.accrue(_asset)
    held: Provision = self.provisions[_account][_asset]
    assert held.units + _units <= self.live_debt(_account, _asset), "debt"
    borne: uint256 = min(_units, self.pools[_asset].fund)
    self.pools[_asset].fund -= borne
    self.pools[_asset].provisions += _units
    self.provisions[_account][_asset] = Provision(
        units=held.units + _units, from_fund=held.from_fund + borne
    )


@internal
def unprovide(_account: bytes32, _asset: uint8, _units: uint256):
    # The lenders' part comes back last.
    self.accrue(_asset)
    held: Provision = self.provisions[_account][_asset]
    assert _units <= held.units, "provision"
    back: uint256 = min(_units, held.from_fund)
    self.pools[_asset].fund += back
    self.pools[_asset].provisions -= _units
    self.provisions[_account][_asset] = Provision(
        units=held.units - _units, from_fund=held.from_fund - back
    )


@internal
def write_down(_account: bytes32, _asset: uint8, _units: uint256) -> uint256:
    # Gives what the lenders bear.
    self.accrue(_asset)
    held: Provision = self.provisions[_account][_asset]
    assert _units <= held.units, "provision"
    borne: uint256 = min(_units, held.from_fund)
    self._drop_debt(_account, _asset, _units, self.live_debt(_account, _asset))
    self.bad_debts[_account][_asset] += _units
    self.pools[_asset].bad_debt += _units
    self.pools[_asset].provisions -= _units
    self.provisions[_account][_asset] = Provision(
        units=held.units - _units, from_fund=held.from_fund - borne
    )
    return _units - borne
