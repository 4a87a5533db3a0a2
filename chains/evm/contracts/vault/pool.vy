# pragma version 0.4.3
# pragma optimize codesize
# @license Apache-2.0
"""
@title Plimsoll pool: what lenders lend on one chain, and what is owed to them
@notice Lenders supply here and leave by a queue. Debts belong to accounts of the vault, which alone
        may borrow, and which is never given collateral to keep here: no collateral is ever lent.
@dev `amount` is base units of a token; `units` are wad. Lenders, and whoever repays, approve this
     contract. The vault's owner is this contract's, and the vault's pause stops exits.
"""
import buckets
import pools
import rates
import tokens

initializes: buckets
initializes: pools
initializes: tokens

exports: (
    pools.max_rate,
    pools.exit_delay,
    pools.exit_window,
    pools.curves,
    pools.shares,
    tokens.credits,
)


interface Vault:
    def owner() -> address: view
    def paused_until() -> uint256: view


struct Asset:
    token: address
    scale: uint256  # units of one base unit of the token
    hourly_cap: uint256  # units that may leave by borrowing, exits and write-downs
    fund_cap: uint256  # units that may leave by the insurance fund


struct PoolView:
    cash: uint256
    debt: uint256
    bad_debt: uint256
    fund: uint256
    provisions: uint256
    assets: uint256  # what the lenders own
    supply_shares: uint256
    index: uint256  # 1e27
    rate: uint256  # wad a year


event CurveSet:
    asset: indexed(uint8)
    curve: rates.Curve


event Supplied:
    lender: indexed(address)
    asset: indexed(uint8)
    units: uint256
    shares: uint256


event ExitRequested:
    lender: indexed(address)
    asset: indexed(uint8)
    shares: uint256
    quote: uint256
    ready_at: uint256


event ExitCancelled:
    lender: indexed(address)
    asset: indexed(uint8)


event Exited:
    lender: indexed(address)
    asset: indexed(uint8)
    units: uint256


event Donated:
    donor: indexed(address)
    asset: indexed(uint8)
    units: uint256


event FundDrawn:
    asset: indexed(uint8)
    to: indexed(address)
    units: uint256


# The fund's buckets stand behind those of spending.
FUNDS: constant(uint256) = 256

deployer: immutable(address)
# Zero until the seal.
vault: public(address)
listed: HashMap[uint8, Asset]


@deploy
def __init__(max_rate: uint256, exit_delay: uint256, exit_window: uint256):
    """
    @param max_rate the ceiling of interest a year, wad, for ever
    @param exit_delay seconds a lender waits: no less than the chain's finality
    @param exit_window seconds he may leave in then
    """
    pools.__init__(max_rate, exit_delay, exit_window)
    deployer = msg.sender


@external
def seal(vault: address):
    """
    @notice Name the vault, once
    @dev Reverts with owner, sealed or zero
    """
    assert msg.sender == deployer, "owner"
    assert self.vault == empty(address), "sealed"
    assert vault != empty(address), "zero"
    self.vault = vault


@external
def set_curve(asset: uint8, curve: rates.Curve):
    """
    @notice Set what borrowing an asset costs
    @dev Reverts with owner, kink, reserve or rate
    """
    assert msg.sender == staticcall Vault(self.vault).owner(), "owner"
    pools.set_curve(asset, curve)
    log CurveSet(asset=asset, curve=curve)


# Lenders


@external
@nonreentrant
def supply(asset: uint8, amount: uint256) -> uint256:
    """
    @notice Lend to those who borrow an asset on this chain
    @dev Reverts with asset, provision (a loss is pending), pull or dust
    @return the shares minted
    """
    units: uint256 = self._pull(asset, msg.sender, amount)
    minted: uint256 = pools.supply(msg.sender, asset, units)
    log Supplied(lender=msg.sender, asset=asset, units=units, shares=minted)
    return minted


@external
@nonreentrant
def request_exit(asset: uint8, shares: uint256) -> uint256:
    """
    @notice Ask to leave with shares, which are worth no more from now on; more shares ask anew
    @dev Reverts with dust
    @return when the way out opens
    """
    asked: pools.Exit = pools.request_exit(msg.sender, asset, shares)
    log ExitRequested(
        lender=msg.sender,
        asset=asset,
        shares=asked.shares,
        quote=asked.quote,
        ready_at=asked.ready_at,
    )
    return asked.ready_at


@external
@nonreentrant
def cancel_exit(asset: uint8):
    """
    @notice Stay after all
    @dev Reverts with exit
    """
    pools.cancel_exit(msg.sender, asset)
    log ExitCancelled(lender=msg.sender, asset=asset)


@external
@nonreentrant
def exit(asset: uint8) -> uint256:
    """
    @notice Leave, as far as cash and the hourly cap go, at the price less every provision
    @dev Reverts with paused, exit, early, expired or cash
    @return the units paid
    """
    assert block.timestamp >= staticcall Vault(self.vault).paused_until(), "paused"
    a: Asset = self._asset(asset)
    room: uint256 = buckets.room(convert(asset, uint256), a.hourly_cap)
    units: uint256 = pools.take_exit(msg.sender, asset, room, a.scale)
    self._send(asset, a, a.hourly_cap, 0, units, msg.sender)
    log Exited(lender=msg.sender, asset=asset, units=units)
    return units


@external
@nonreentrant
def donate(asset: uint8, amount: uint256):
    """
    @notice Add to an asset's insurance fund, for ever
    @dev Reverts with asset, pull or dust
    """
    units: uint256 = self._pull(asset, msg.sender, amount)
    pools.donate(asset, units)
    log Donated(donor=msg.sender, asset=asset, units=units)


@external
@nonreentrant
def withdraw_credit(asset: uint8, to: address) -> uint256:
    """
    @notice Have paid what a token refused to pay to the caller before
    @dev Reverts with credit or transfer
    @return the base units paid
    """
    return tokens.pay_credit(asset, self.listed[asset].token, to)


# For the vault only


@external
def list_asset(asset: uint8, token: address, scale: uint256, hourly_cap: uint256, fund_cap: uint256):
    """
    @notice List an asset or change its caps
    @dev Reverts with vault
    """
    self._only_vault()
    self.listed[asset] = Asset(
        token=token, scale=scale, hourly_cap=hourly_cap, fund_cap=fund_cap
    )


@external
@nonreentrant
def borrow(account: bytes32, asset: uint8, units: uint256, to: address) -> uint256:
    """
    @notice Lend whole base units to an account; the vault sees to its margin
    @dev Reverts with vault, asset, curve (none is set), cash or cap
    @return what the account owes then
    """
    self._only_vault()
    a: Asset = self._asset(asset)
    pools.borrow(account, asset, units)
    owed: uint256 = pools.debt(account, asset)
    self._send(asset, a, a.hourly_cap, 0, units, to)
    return owed


@external
@nonreentrant
def repay(payer: address, account: bytes32, asset: uint8, amount: uint256) -> uint256:
    """
    @notice Take at most what an account owes from whoever repays it
    @dev Reverts with vault, asset, debt (there is none), pull or dust
    @return the units by which the debt fell
    """
    self._only_vault()
    scale: uint256 = self._asset(asset).scale
    owed: uint256 = pools.debt(account, asset)
    assert owed > 0, "debt"
    arrived: uint256 = self._pull(asset, payer, min(amount, (owed + scale - 1) // scale))
    return pools.repay(account, asset, arrived)


@external
@nonreentrant
def draw_fund(asset: uint8, units: uint256, to: address) -> uint256:
    """
    @notice Pay from the insurance fund, as far as it, the cash and its cap go
    @dev Reverts with vault or asset
    @return the units paid
    """
    self._only_vault()
    a: Asset = self._asset(asset)
    room: uint256 = buckets.room(FUNDS + convert(asset, uint256), a.fund_cap)
    drawn: uint256 = pools.draw_fund(asset, min(units, room), a.scale)
    if drawn > 0:
        self._send(asset, a, a.fund_cap, FUNDS, drawn, to)
        log FundDrawn(asset=asset, to=to, units=drawn)
    return drawn


@external
@nonreentrant
def provide(account: bytes32, asset: uint8, units: uint256):
    """
    @notice Keep back for a debt that nothing backs: the fund's money first, then the lenders'
    @dev Reverts with vault or debt
    """
    self._only_vault()
    pools.provide(account, asset, units)


@external
@nonreentrant
def unprovide(account: bytes32, asset: uint8, units: uint256):
    """
    @notice Take a provision back
    @dev Reverts with vault or provision
    """
    self._only_vault()
    pools.unprovide(account, asset, units)


@external
@nonreentrant
def write_down(account: bytes32, asset: uint8, units: uint256) -> uint256:
    """
    @notice Let provided debt be a loss: it is still owed, but bears no interest and is no asset
    @dev Reverts with vault, provision or cap
    @return what the lenders bear
    """
    self._only_vault()
    borne: uint256 = pools.write_down(account, asset, units)
    buckets.take(convert(asset, uint256), self.listed[asset].hourly_cap, borne)
    return borne


# Views


@external
@view
def debt(account: bytes32, asset: uint8) -> uint256:
    """
    @notice Give what an account owes now, with interest and bad debt, rounded up
    """
    return pools.debt(account, asset)


@external
@view
def debts(account: bytes32, among: uint256) -> uint256[8]:
    """
    @notice Give what an account owes now, by asset
    @param among bit i says that asset i is looked at
    """
    found: uint256[8] = empty(uint256[8])
    for i: uint256 in range(8):
        if (among >> i) & 1 == 1:
            found[i] = pools.debt(account, convert(i, uint8))
    return found


@external
@view
def bad_debt(account: bytes32, asset: uint8) -> uint256:
    """
    @notice Give what of a debt was written down
    """
    return pools.bad_debts[account][asset]


@external
@view
def provision(account: bytes32, asset: uint8) -> uint256:
    """
    @notice Give what of a debt is provided for
    """
    return pools.provisions[account][asset].units


@external
@view
def room(asset: uint8) -> uint256:
    """
    @notice Give what may leave now by borrowing, exits and write-downs
    """
    return buckets.room(convert(asset, uint256), self.listed[asset].hourly_cap)


@external
@view
def fund_room(asset: uint8) -> uint256:
    """
    @notice Give what may leave now by the insurance fund
    """
    return buckets.room(FUNDS + convert(asset, uint256), self.listed[asset].fund_cap)


@external
@view
def pool(asset: uint8) -> PoolView:
    """
    @notice Give an asset's pool as it is now, interest included
    """
    index: uint256 = pools.index(asset)
    p: pools.Pool = pools.pools[asset]
    return PoolView(
        cash=p.cash,
        debt=p.debt_shares * index // pools.RAY,
        bad_debt=p.bad_debt,
        fund=pools._fund(asset, index),
        provisions=p.provisions,
        assets=pools.assets(asset),
        supply_shares=p.supply_shares,
        index=index,
        rate=pools._rate(asset),
    )


@external
@view
def shares_value(lender: address, asset: uint8) -> uint256:
    """
    @notice Give what a lender's shares, those on their way out included, are worth now
    """
    held: uint256 = pools.shares[lender][asset] + pools.exits[lender][asset].shares
    return pools.to_units(asset, held)


@external
@view
def exit_of(lender: address, asset: uint8) -> pools.Exit:
    """
    @notice Give a lender's way out
    """
    return pools.exits[lender][asset]


@external
@view
def custody(asset: uint8) -> uint256:
    """
    @notice Give the base units that this contract must hold
    """
    return pools.pools[asset].cash // self._asset(asset).scale + tokens.total_credits[asset]


# How it is done


@internal
@view
def _only_vault():
    assert msg.sender == self.vault, "vault"


@internal
@view
def _asset(_asset: uint8) -> Asset:
    # None is listed before the seal.
    a: Asset = self.listed[_asset]
    assert a.scale > 0, "asset"
    return a


@internal
def _pull(_asset: uint8, _payer: address, _amount: uint256) -> uint256:
    a: Asset = self._asset(_asset)
    units: uint256 = tokens.pull(a.token, _payer, _amount) * a.scale
    buckets.give(convert(_asset, uint256), a.hourly_cap, units)
    return units


@internal
def _send(_asset: uint8, _a: Asset, _cap: uint256, _kind: uint256, _units: uint256, _to: address):
    buckets.take(_kind + convert(_asset, uint256), _cap, _units)
    tokens.pay(_asset, _a.token, _to, _units // _a.scale)
