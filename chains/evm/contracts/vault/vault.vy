# pragma version 0.4.3
# pragma optimize codesize
# @license Apache-2.0
"""
@title Plimsoll vault: what accounts hold and owe on one chain, and what lenders lend them
@notice Owners spend (`withdraw`, `borrow`) by what this chain knows alone: its own collateral less
        what is lent to other chains or locked, and the lines that other chains lend it, at its own
        feeds. Anybody may deposit and repay for anybody at any time. Seizure goes by an account's
        unified health and belongs to the contract named in the seal.
@dev `amount` is base units of a token; `units` are wad (whole tokens x 1e18), which every figure
     here is kept in. USD is 1e8. Whatever is rounded is rounded against who asked. Collateral is
     never lent. The only calls outwards go to the listed tokens, the feeds, the notary and the
     seizure; tokens are called last.
"""
import accounts
import buckets
import facts as told
import feeds
import INotary
import IPool
import ISeizure
import IVault
import lines
import seals
import tokens

initializes: told
initializes: seals
initializes: accounts[told := told]
initializes: lines[told := told]
initializes: feeds
initializes: tokens
initializes: buckets

exports: (
    told.facts,
    seals.seal,
    seals.pause,
    seals.unpause,
    seals.owner,
    seals.seizure,
    seals.notary,
    seals.paused_from,
    seals.paused_until,
    accounts.open,
    accounts.link,
    accounts.announce_link,
    accounts.account_id,
    accounts.owner_of,
    accounts.is_home,
    accounts.link_nonce,
    accounts.salt,
    lines.lent_to,
    lines.borrowed_from,
    lines.told_at,
    lines.line_cap,
    lines.in_cap,
    feeds.feed_of,
    tokens.credits,
)


# What an asset is. A listed token never changes; an asset without one has a price only.
struct Asset:
    token: address
    scale: uint256  # units of one base unit of the token
    ltv_bps: uint256  # of spending
    threshold_bps: uint256  # of seizure
    withdraw_cap: uint256  # units that may be withdrawn within an hour
    claim_cap: uint256  # units that claims may take within an hour


event AssetSet:
    asset: indexed(uint8)
    token: indexed(address)
    terms: Asset


event Deposited:
    account: indexed(bytes32)
    asset: indexed(uint8)
    payer: indexed(address)
    units: uint256


event Withdrawn:
    account: indexed(bytes32)
    asset: indexed(uint8)
    to: indexed(address)
    units: uint256


event Borrowed:
    account: indexed(bytes32)
    asset: indexed(uint8)
    to: indexed(address)
    units: uint256


# `units` is by how much the debt fell.
event Repaid:
    account: indexed(bytes32)
    asset: indexed(uint8)
    payer: indexed(address)
    units: uint256


event Seized:
    account: indexed(bytes32)
    asset: indexed(uint8)
    to: indexed(address)
    units: uint256


event Provided:
    account: indexed(bytes32)
    asset: indexed(uint8)
    units: uint256


event Unprovided:
    account: indexed(bytes32)
    asset: indexed(uint8)
    units: uint256


event WrittenDown:
    account: indexed(bytes32)
    asset: indexed(uint8)
    units: uint256
    borne_by_lenders: uint256


interface Token:
    def decimals() -> uint8: view


WAD: constant(uint256) = 10**18
BPS: constant(uint256) = 10**4
MAX_ASSETS: constant(uint8) = 8
# Buckets of claims stand behind those of spending.
CLAIMS: constant(uint256) = 256

# The least debt that may be borrowed, USD x 1e8.
min_debt: public(immutable(uint256))
# Where the lenders' tokens and all debts are.
pool: public(immutable(address))

asset_count: public(uint8)
listed: HashMap[uint8, Asset]
collateral: public(HashMap[bytes32, HashMap[uint8, uint256]])
locked: public(HashMap[bytes32, HashMap[uint8, uint256]])
total_collateral: HashMap[uint8, uint256]
# Bit i says that an account may have something in asset i.
touched: HashMap[bytes32, uint256]


@deploy
def __init__(_salt: bytes32, _pool: address, _min_debt: uint256):
    """
    @param _salt keccak256 of the deployment id
    @param _pool this chain's pool, which is sealed with this vault
    @param _min_debt the least debt in USD x 1e8
    """
    seals.__init__()
    accounts.__init__(_salt)
    assert _pool.is_contract, "pool"
    pool = _pool
    min_debt = _min_debt


# The owner's side: the deployer until the seal, then a timelock


@external
def set_asset(
    asset: uint8,
    token: address,
    ltv_bps: uint256,
    threshold_bps: uint256,
    caps: IVault.Caps,
):
    """
    @notice List an asset, the next free number, or change its terms
    @dev Reverts with owner, asset (a number that is not next, or another token), ltv, cap or
         decimals
    """
    seals.only_owner()
    assert asset <= self.asset_count and asset < MAX_ASSETS, "asset"
    assert ltv_bps <= threshold_bps and threshold_bps < BPS, "ltv"
    assert max(max(caps.withdraw, caps.claim), max(caps.pool, caps.fund)) < 2**128, "cap"
    if asset == self.asset_count:
        self.asset_count = asset + 1
    scale: uint256 = self.listed[asset].scale
    if token != self.listed[asset].token:
        assert scale == 0, "asset"
        scale = self._scale(token)
    terms: Asset = Asset(
        token=token,
        scale=scale,
        ltv_bps=ltv_bps,
        threshold_bps=threshold_bps,
        withdraw_cap=caps.withdraw,
        claim_cap=caps.claim,
    )
    self.listed[asset] = terms
    extcall IPool(pool).list_asset(asset, token, scale, caps.pool, caps.fund)
    log AssetSet(asset=asset, token=token, terms=terms)


@external
def set_feed(asset: uint8, source: address, heartbeat: uint256, lowest: uint256, highest: uint256):
    """
    @notice Set where an asset's price comes from and within which bounds (USD x 1e8) it is believed
    @dev Reverts with owner, feed or bounds
    """
    seals.only_owner()
    feeds.set_feed(asset, source, heartbeat, lowest, highest)


@external
def set_sequencer(source: address, grace: uint256):
    """
    @notice Set the feed that says whether the chain's sequencer is up; zero for none
    @dev Reverts with owner
    """
    seals.only_owner()
    feeds.sequencer = source
    feeds.sequencer_grace = grace


@external
def set_line_cap(chain_id: uint64, asset: uint8, incoming: bool, cap: uint256):
    """
    @notice Set the most units that all accounts together may lend to a chain, or be lent by it
    @dev Reverts with owner or chain
    """
    seals.only_owner()
    lines.set_cap(chain_id, asset, incoming, cap)


# Accounts


@external
@nonreentrant
def take_link(
    home_chain: uint64,
    first_owner: address,
    user_salt: bytes32,
    word: uint256,
    height: uint64,
    bitmap: uint256,
    proof: Bytes[2080],
    storage_proof: Bytes[12288],
):
    """
    @notice Take what an account's home chain announced about its owner here; anybody may bring it
    @dev Another owner, or none, only while nothing is at stake here. Reverts with home, old, stake
         or as the notary
    @param word the fact: owner | nonce << 160
    """
    id: bytes32 = accounts._foreign_id(home_chain, first_owner, user_salt)
    key: bytes32 = told.linked_key(id, convert(chain.id, uint64))
    self._check(id, home_chain, key, word, height, bitmap, proof, storage_proof)
    if accounts.take_linked(id, word):
        self._require_nothing(id)


@external
@nonreentrant
def unlink(account: bytes32):
    """
    @notice Give up one's account on this chain, with nothing of it here
    @dev Reverts with owner, home or stake
    """
    accounts.require_owner(account)
    self._require_nothing(account)
    accounts.unlink(account)


# What needs no permission and no price, and no pause stops


@external
@nonreentrant
def deposit(account: bytes32, asset: uint8, amount: uint256) -> uint256:
    """
    @notice Add collateral to an account that has an owner here
    @dev Reverts with sealed, account, asset, pull or dust
    @return the units credited: what arrived
    """
    seals.require_sealed()
    accounts.require_known(account)
    units: uint256 = self._pull(asset, msg.sender, amount)
    self.collateral[account][asset] += units
    self.total_collateral[asset] += units
    self._touch(account, asset)
    log Deposited(account=account, asset=asset, payer=msg.sender, units=units)
    return units


@external
@nonreentrant
def repay(account: bytes32, asset: uint8, amount: uint256) -> uint256:
    """
    @notice Repay an account's debt, at most what it owes
    @dev Reverts with asset, debt (there is none), pull or dust
    @return the units by which the debt fell
    """
    units: uint256 = extcall IPool(pool).repay(msg.sender, account, asset, amount)
    log Repaid(account=account, asset=asset, payer=msg.sender, units=units)
    return units


@external
@nonreentrant
def withdraw_credit(asset: uint8, to: address) -> uint256:
    """
    @notice Have paid what a token refused to pay to the caller before
    @dev Reverts with credit or transfer
    """
    return tokens.pay_credit(asset, self.listed[asset].token, to)


# Spending


@external
@nonreentrant
def withdraw(account: bytes32, asset: uint8, amount: uint256, to: address):
    """
    @notice Take collateral that is neither lent, locked nor needed
    @dev Reverts with owner, paused, asset, dust, line, cap, price or margin
    """
    self._spend(account)
    units: uint256 = self._to_units(asset, amount)
    held: uint256 = self.collateral[account][asset]
    assert units <= held, "collateral"
    self.collateral[account][asset] = held - units
    self.total_collateral[asset] -= units
    self._require_backed(account, asset, 0)
    self._require_margin(account)
    buckets.take(convert(asset, uint256), self.listed[asset].withdraw_cap, units)
    log Withdrawn(account=account, asset=asset, to=to, units=units)
    tokens.pay(asset, self.listed[asset].token, to, amount)


@external
@nonreentrant
def borrow(account: bytes32, asset: uint8, amount: uint256, to: address):
    """
    @notice Borrow against this chain's free collateral and the lines lent to it
    @dev Reverts with owner, paused, asset, dust, curve, cash, cap, price, min or margin
    """
    self._spend(account)
    units: uint256 = self._to_units(asset, amount)
    self._touch(account, asset)
    log Borrowed(account=account, asset=asset, to=to, units=units)
    owed: uint256 = extcall IPool(pool).borrow(account, asset, units, to)
    assert self._value(asset, owed, True) >= min_debt, "min"
    self._require_margin(account)


# Lines


@external
@nonreentrant
def raise_line(account: bytes32, to_chain: uint64, asset: uint8, units: uint256):
    """
    @notice Lend collateral of this chain to another: it backs debt there and none here
    @dev Reverts with owner, paused, line (it is not free), dust, cap, price, margin or health
    """
    self._spend(account)
    low: uint256 = 0
    high: uint256 = 0
    low, high = staticcall ISeizure(seals.seizure).health(account)
    assert low >= WAD, "health"
    self._require_backed(account, asset, units)
    lines.raise_line(account, to_chain, asset, units)
    self._require_margin(account)


@external
@nonreentrant
def lower_line(account: bytes32, from_chain: uint64, asset: uint8, units: uint256):
    """
    @notice Give back a line lent to this chain that no debt needs
    @dev Reverts with owner, dust, line, price or margin
    """
    accounts.require_owner(account)
    assert units > 0, "dust"
    assert units <= lines.line_in(account, from_chain, asset), "line"
    lines.lower_line(account, from_chain, asset, units)
    self._require_margin(account)


@external
@nonreentrant
def take_raised(
    account: bytes32,
    from_chain: uint64,
    asset: uint8,
    raised: uint256,
    height: uint64,
    bitmap: uint256,
    proof: Bytes[2080],
    storage_proof: Bytes[12288],
):
    """
    @notice Take the statement that another chain lends so much to this one, ever; anybody may
    @dev What is beyond this chain's cap is given back at once. Reverts with asset, old or as the
         notary
    """
    assert asset < self.asset_count, "asset"
    key: bytes32 = told.raised_key(account, from_chain, convert(chain.id, uint64), asset)
    self._check(account, from_chain, key, raised, height, bitmap, proof, storage_proof)
    lines.take_raised(account, from_chain, asset, raised)
    self._touch(account, asset)


@external
@nonreentrant
def take_lowered(
    account: bytes32,
    to_chain: uint64,
    asset: uint8,
    lowered: uint256,
    height: uint64,
    bitmap: uint256,
    proof: Bytes[2080],
    storage_proof: Bytes[12288],
):
    """
    @notice Take the statement that another chain gave so much back, ever; anybody may
    @dev Reverts with old or as the notary
    """
    key: bytes32 = told.lowered_key(account, convert(chain.id, uint64), to_chain, asset)
    self._check(account, to_chain, key, lowered, height, bitmap, proof, storage_proof)
    lines.take_lowered(account, to_chain, asset, lowered)


# For seizure only


@external
@nonreentrant
def lock(account: bytes32, asset: uint8, units: uint256, for_chain: uint64) -> uint256:
    """
    @notice Set collateral aside for an order on a chain
    @dev Reverts with seizure or line
    @return how many of the units are lent to that chain, which consumes as much of the line
    """
    seals.only_seizure()
    assert units <= self._lockable(account, asset, for_chain), "line"
    self.locked[account][asset] += units
    bound: uint256 = self._bound(account, asset)
    return min(units, bound - min(bound, self.collateral[account][asset]))


@external
@nonreentrant
def unlock(account: bytes32, asset: uint8, units: uint256):
    """
    @notice Give locked collateral back to its owner
    @dev Reverts with seizure or locked
    """
    seals.only_seizure()
    assert units <= self.locked[account][asset], "locked"
    self.locked[account][asset] -= units


@external
@nonreentrant
def seize(account: bytes32, asset: uint8, units: uint256, to: address, from_lock: bool) -> uint256:
    """
    @notice Pay collateral to a liquidator: from a lock within the claims' cap, or from what is free
    @dev Reverts with seizure, locked, cap or line
    @return the units paid, whole base units of the token
    """
    seals.only_seizure()
    a: Asset = self.listed[asset]
    taken: uint256 = units // a.scale * a.scale
    if from_lock:
        assert taken <= self.locked[account][asset], "locked"
        self.locked[account][asset] -= taken
        buckets.take(CLAIMS + convert(asset, uint256), a.claim_cap, taken)
    else:
        assert taken <= self._lockable(account, asset, convert(chain.id, uint64)), "line"
    self.collateral[account][asset] -= taken
    self.total_collateral[asset] -= taken
    log Seized(account=account, asset=asset, to=to, units=taken)
    if taken > 0:
        tokens.pay(asset, a.token, to, taken // a.scale)
    return taken


@external
@nonreentrant
def repay_from(payer: address, account: bytes32, asset: uint8, units: uint256) -> uint256:
    """
    @notice Let a liquidator repay
    @dev Reverts with seizure, asset, debt, pull or dust
    @return the units by which the debt fell
    """
    seals.only_seizure()
    scale: uint256 = self._scale_of(asset)
    amount: uint256 = (units + scale - 1) // scale
    repaid: uint256 = extcall IPool(pool).repay(payer, account, asset, amount)
    log Repaid(account=account, asset=asset, payer=payer, units=repaid)
    return repaid


@external
@nonreentrant
def consume_line(account: bytes32, from_chain: uint64, asset: uint8, units: uint256):
    """
    @notice Take an order's part of a line, whether its raise was seen here already or not
    @dev Reverts with seizure
    """
    seals.only_seizure()
    lines.lower_line(account, from_chain, asset, units)


@external
@nonreentrant
def draw_fund(asset: uint8, units: uint256, to: address) -> uint256:
    """
    @notice Pay from the insurance fund, as far as it, the cash and the claims' cap go
    @dev Reverts with seizure or asset
    @return the units paid
    """
    seals.only_seizure()
    return extcall IPool(pool).draw_fund(asset, units, to)


@external
@nonreentrant
def provide(account: bytes32, asset: uint8, units: uint256):
    """
    @notice Keep back for a debt that nothing backs: the fund's money first, then the lenders'
    @dev Reverts with seizure or debt
    """
    seals.only_seizure()
    extcall IPool(pool).provide(account, asset, units)
    log Provided(account=account, asset=asset, units=units)


@external
@nonreentrant
def unprovide(account: bytes32, asset: uint8, units: uint256):
    """
    @notice Take a provision back
    @dev Reverts with seizure or provision
    """
    seals.only_seizure()
    extcall IPool(pool).unprovide(account, asset, units)
    log Unprovided(account=account, asset=asset, units=units)


@external
@nonreentrant
def write_down(account: bytes32, asset: uint8, units: uint256):
    """
    @notice Let provided debt be a loss: it is still owed, but bears no interest and is no asset
    @dev Reverts with seizure, provision or cap
    """
    seals.only_seizure()
    borne: uint256 = extcall IPool(pool).write_down(account, asset, units)
    log WrittenDown(account=account, asset=asset, units=units, borne_by_lenders=borne)


# Views


@external
@view
def terms(asset: uint8) -> IVault.Terms:
    """
    @notice Give how an asset is lent against
    """
    a: Asset = self.listed[asset]
    return IVault.Terms(
        token=a.token,
        scale=a.scale,
        ltv_bps=a.ltv_bps,
        threshold_bps=a.threshold_bps,
        max_rate=staticcall IPool(pool).max_rate(),
    )


@external
@view
def price(asset: uint8) -> uint256:
    """
    @notice Give what a whole token costs here now, USD x 1e8
    @dev Reverts with price
    """
    return feeds.price(asset)


@external
@view
def value(asset: uint8, units: uint256, up: bool) -> uint256:
    """
    @notice Give what units cost here now, USD x 1e8
    @dev Reverts with price
    """
    return self._value(asset, units, up)


@external
@view
def legs(account: bytes32) -> IVault.Legs:
    """
    @notice Give all that an account has and owes here, by asset
    """
    found: IVault.Legs = empty(IVault.Legs)
    debts: uint256[8] = staticcall IPool(pool).debts(account, self.touched[account])
    for asset: uint8 in range(self.asset_count, bound=MAX_ASSETS):
        found.collateral.append(self.collateral[account][asset])
        found.debt.append(debts[asset])
        found.locked.append(self.locked[account][asset])
        found.lines_in.append(lines.borrowed[account][asset])
        found.lines_out.append(lines.lent[account][asset])
    return found


@external
@view
def spendable(account: bytes32) -> (uint256, uint256):
    """
    @notice Give what an account owes here and what it may owe, USD x 1e8
    @dev Reverts with price
    """
    return self._margin(account, True)


@external
@view
def lockable(account: bytes32, asset: uint8, for_chain: uint64) -> uint256:
    """
    @notice Give what is neither locked nor lent to another chain than this
    """
    return self._lockable(account, asset, for_chain)


@external
@view
def debt(account: bytes32, asset: uint8) -> uint256:
    """
    @notice Give what an account owes now, with interest and bad debt, rounded up
    """
    return staticcall IPool(pool).debt(account, asset)


@external
@view
def bad_debt(account: bytes32, asset: uint8) -> uint256:
    """
    @notice Give what of a debt was written down
    """
    return staticcall IPool(pool).bad_debt(account, asset)


@external
@view
def provision(account: bytes32, asset: uint8) -> uint256:
    """
    @notice Give what of a debt is provided for
    """
    return staticcall IPool(pool).provision(account, asset)


@external
@view
def line_out(account: bytes32, to_chain: uint64, asset: uint8) -> uint256:
    """
    @notice Give what is lent to a chain
    """
    return lines.line_out(account, to_chain, asset)


@external
@view
def line_in(account: bytes32, from_chain: uint64, asset: uint8) -> uint256:
    """
    @notice Give what a chain lends to this one
    """
    return lines.line_in(account, from_chain, asset)


@external
@view
def room(asset: uint8) -> uint256:
    """
    @notice Give what may leave the pool now by borrowing, exits and write-downs
    """
    return staticcall IPool(pool).room(asset)


@external
@view
def withdraw_room(asset: uint8) -> uint256:
    """
    @notice Give what may be withdrawn now
    """
    return buckets.room(convert(asset, uint256), self.listed[asset].withdraw_cap)


@external
@view
def claim_room(asset: uint8) -> uint256:
    """
    @notice Give what claims may take now
    """
    return buckets.room(CLAIMS + convert(asset, uint256), self.listed[asset].claim_cap)


@external
@view
def custody(asset: uint8) -> uint256:
    """
    @notice Give the base units that this contract must hold
    """
    scale: uint256 = self._scale_of(asset)
    return self.total_collateral[asset] // scale + tokens.total_credits[asset]


# How it is done


@internal
@view
def _scale(_token: address) -> uint256:
    decimals: uint8 = staticcall Token(_token).decimals()
    assert 6 <= decimals and decimals <= 18, "decimals"
    # One token is one asset: else one balance would be counted twice.
    for asset: uint8 in range(self.asset_count, bound=MAX_ASSETS):
        assert self.listed[asset].token != _token, "asset"
    return 10 ** convert(18 - decimals, uint256)


@internal
@view
def _scale_of(_asset: uint8) -> uint256:
    scale: uint256 = self.listed[_asset].scale
    assert scale > 0, "asset"
    return scale


@internal
@view
def _to_units(_asset: uint8, _amount: uint256) -> uint256:
    assert _amount > 0, "dust"
    return _amount * self._scale_of(_asset)


@internal
def _pull(_asset: uint8, _payer: address, _amount: uint256) -> uint256:
    scale: uint256 = self._scale_of(_asset)
    arrived: uint256 = tokens.pull(self.listed[_asset].token, _payer, _amount)
    buckets.give(
        convert(_asset, uint256), self.listed[_asset].withdraw_cap, arrived * scale
    )
    return arrived * scale


@internal
def _touch(_account: bytes32, _asset: uint8):
    self.touched[_account] |= 1 << convert(_asset, uint256)


@internal
def _check(
    _account: bytes32,
    _chain: uint64,
    _key: bytes32,
    _word: uint256,
    _height: uint64,
    _bitmap: uint256,
    _proof: Bytes[2080],
    _storage_proof: Bytes[12288],
):
    seals.require_sealed()
    assert staticcall INotary(seals.notary).check_fact(
        _chain, False, _key, _word, _height, _bitmap, _proof, _storage_proof
    ), "fact"
    lines.told_at[_account][_chain] = max(lines.told_at[_account][_chain], _height)


@internal
@view
def _require_nothing(_account: bytes32):
    debts: uint256[8] = staticcall IPool(pool).debts(_account, self.touched[_account])
    for asset: uint8 in range(self.asset_count, bound=MAX_ASSETS):
        stake: uint256 = self.collateral[_account][asset] | debts[asset]
        stake |= lines.lent[_account][asset] | lines.borrowed[_account][asset]
        assert stake == 0, "stake"


@internal
@view
def _spend(_account: bytes32):
    accounts.require_owner(_account)
    seals.require_spending()


@internal
@view
def _bound(_account: bytes32, _asset: uint8) -> uint256:
    # What is lent or locked; a unit may be both until the line's end is told here.
    return lines.lent[_account][_asset] + self.locked[_account][_asset]


@internal
@view
def _require_backed(_account: bytes32, _asset: uint8, _more: uint256):
    # What is lent and locked, and more of it, lies here.
    assert self._bound(_account, _asset) + _more <= self.collateral[_account][_asset], "line"


@internal
@view
def _lockable(_account: bytes32, _asset: uint8, _for_chain: uint64) -> uint256:
    bound: uint256 = self._bound(_account, _asset)
    bound -= lines.line_out(_account, _for_chain, _asset)
    held: uint256 = self.collateral[_account][_asset]
    return held - min(held, bound)


@internal
@view
def _require_margin(_account: bytes32):
    owed: uint256 = 0
    most: uint256 = 0
    owed, most = self._margin(_account, False)
    assert owed <= most, "margin"


@internal
@view
def _margin(_account: bytes32, _always: bool) -> (uint256, uint256):
    # Who owes nothing needs no price.
    touched: uint256 = self.touched[_account]
    debts: uint256[8] = staticcall IPool(pool).debts(_account, touched)
    some: uint256 = 0
    for debt: uint256 in debts:
        some |= debt
    owed: uint256 = 0
    most: uint256 = 0
    if some == 0 and not _always:
        return owed, most
    for i: uint8 in range(MAX_ASSETS):
        backing: uint256 = self._backing(_account, i)
        if debts[i] | backing == 0:
            continue
        cost: uint256 = feeds.price(i)
        owed += (debts[i] * cost + WAD - 1) // WAD
        most += backing * cost * self.listed[i].ltv_bps // (WAD * BPS)
    return owed, most


@internal
@view
def _backing(_account: bytes32, _asset: uint8) -> uint256:
    held: uint256 = self.collateral[_account][_asset]
    bound: uint256 = self._bound(_account, _asset)
    return held - min(held, bound) + lines.borrowed[_account][_asset]


@internal
@view
def _value(_asset: uint8, _units: uint256, _up: bool) -> uint256:
    product: uint256 = _units * feeds.price(_asset)
    if _up:
        product += WAD - 1
    return product // WAD
