# pragma version 0.4.3
# @license Apache-2.0
"""
@title Plimsoll seizure: liquidation of vault accounts over several chains by unified health
@notice On the chain of the collateral anybody opens an order by `lock` while the account's health,
        at its most favourable, is under 1; there health and bonus are judged, once. On the chain of
        the debt anybody repays parts of it by `fill`, and each fill is a receipt that never lapses.
        Back on the first chain anybody brings a receipt to `claim` and its holder is paid. Where
        both are one chain, `liquidate` does all of it. Debts that no collateral is left for are
        provided for and written down.
@dev Everything that crosses is a fact, one word of `facts`: notary.vy says which statements of
     them count. judge.vy says whether and how much may be seized. Money lies in the vault, whose
     privileged calls this contract makes. Not audited.
"""
import IJudge
import INotary
import ISeizure
import IVault
import curve
import facts as told
import orders
import wiring

initializes: told
initializes: wiring
initializes: orders

exports: (told.facts, wiring.seal, wiring.vault, wiring.notary, wiring.owner)


event Locked:
    account: indexed(bytes32)
    id: indexed(bytes32)
    order: ISeizure.Order
    health: uint256


event Registered:
    account: indexed(bytes32)
    id: indexed(bytes32)


event Filled:
    account: indexed(bytes32)
    id: indexed(bytes32)
    receipt: ISeizure.Receipt
    payer: address
    extra: uint256


event Closed:
    account: indexed(bytes32)
    id: indexed(bytes32)
    closed: uint256


event Claimed:
    account: indexed(bytes32)
    id: indexed(bytes32)
    index: uint32
    to: address
    units: uint256
    waiting: uint256


event Released:
    account: indexed(bytes32)
    id: indexed(bytes32)
    units: uint256


event Liquidated:
    account: indexed(bytes32)
    collateral_asset: uint8
    debt_asset: uint8
    repaid: uint256
    taken: uint256
    bonus_bps: uint256
    health: uint256
    payer: address


event Provided:
    account: indexed(bytes32)
    asset: uint8
    units: uint256
    ready_at: uint256


event Unprovided:
    account: indexed(bytes32)
    asset: uint8
    units: uint256


event WrittenDown:
    account: indexed(bytes32)
    asset: uint8
    units: uint256


WAD: constant(uint256) = 10**18
BPS: constant(uint256) = 10**4
MAX_OPEN: constant(uint256) = 16

nonce: public(uint256)
# Until when a pair rests whose order expired with less than half filled.
rests: HashMap[bytes32, uint256]
# 1 + what is still due, by receipt; and to whom.
dues: HashMap[bytes32, uint256]
payees: HashMap[bytes32, address]

# The greatest height of a chain at which a receipt that was claimed here was told, by account: an
# older entry does not know of what was repaid.
claimed_at: HashMap[bytes32, HashMap[uint64, uint64]]

# On the debt chain: 1 | receipts << 8 | filled value << 64
registered: public(HashMap[bytes32, uint256])
# How many of an account's orders are registered here and not closed.
open_here: HashMap[bytes32, uint256]
provided_at: public(HashMap[bytes32, HashMap[uint8, uint256]])


@deploy
def __init__():
    wiring.__init__()


# Views


@external
@view
def judge() -> address:
    """
    @notice Give the contract that takes quantities and says what may be seized
    """
    return wiring.partner


@external
@view
def health(account: bytes32) -> (uint256, uint256):
    """
    @notice Give HF_low and HF_high as the judge tells them
    """
    return staticcall IJudge(wiring.partner).health(account)


@external
@view
def read_quantities(account: bytes32) -> ISeizure.ChainQuantities:
    """
    @notice Give this chain's own entry of a statement, as the judge tells it
    """
    return staticcall IJudge(wiring.partner).read_quantities(account)


@external
@view
def open_orders(account: bytes32) -> DynArray[bytes32, MAX_OPEN]:
    """
    @notice Give the ids of the account's orders whose collateral is locked here
    """
    return orders.listed[account]


@external
@view
def open(account: bytes32) -> DynArray[ISeizure.Open, MAX_OPEN]:
    """
    @notice Give what is left of each of these orders
    """
    found: DynArray[ISeizure.Open, MAX_OPEN] = []
    for id: bytes32 in orders.listed[account]:
        found.append(orders.read(id))
    return found


@external
@view
def rest_until(
    account: bytes32, collateral_asset: uint8, debt_chain: uint64, debt_asset: uint8
) -> uint256:
    """
    @notice Give until when a pair rests whose order expired with less than half filled
    """
    return self.rests[self._pair(account, collateral_asset, debt_chain, debt_asset)]


@external
@view
def told_at(account: bytes32, chain_id: uint64) -> uint64:
    """
    @notice Give the greatest height of a chain at which a line or a claimed receipt was told: what
            is known of the account there must be as new before anything is seized
    """
    lines: uint64 = staticcall IVault(wiring.vault).told_at(account, chain_id)
    return max(lines, self.claimed_at[account][chain_id])


# On the chain of the collateral


@external
@nonreentrant
def lock(
    account: bytes32, collateral_asset: uint8, debt_chain: uint64, debt_asset: uint8
) -> ISeizure.Order:
    """
    @notice Open an order: collateral here for a debt on another chain; anybody may
    @dev Its size is a function of quantities and prices, not the caller's. Reverts with healthy,
         unread, stale, price, debt, done (this chain's share is ordered), dust, full, or line
    @return the order; `facts` holds its id
    """
    judge: IJudge = IJudge(wiring.partner)
    vault: IVault = IVault(wiring.vault)
    plan: IJudge.Plan = staticcall judge.plan_lock(
        account, collateral_asset, debt_chain, debt_asset
    )
    if plan.units > plan.free:
        self._rob(account, collateral_asset, debt_chain, plan.units - plan.free, plan.spare)
    extcall judge.note_spent(account, plan.value, plan.oldest)
    self.nonce += 1
    order: ISeizure.Order = ISeizure.Order(
        collateralChain=convert(chain.id, uint64),
        debtChain=debt_chain,
        account=account,
        collateralAsset=collateral_asset,
        debtAsset=debt_asset,
        units=plan.units,
        lineUnits=extcall vault.lock(account, collateral_asset, plan.units, debt_chain),
        valueE8=plan.value,
        bonusBps=convert(plan.bonus_bps, uint16),
        expiry=convert(block.timestamp + (staticcall judge.terms()).order_life_s, uint64),
        nonce=self.nonce,
    )
    self._open(order, plan.resting, plan.margin)
    log Locked(account=account, id=orders.identify(order), order=order, health=plan.health)
    return order


@external
@nonreentrant
def claim(
    order: ISeizure.Order,
    receipt: ISeizure.Receipt,
    height: uint64,
    bitmap: uint256,
    proof: Bytes[2080],
    storage_proof: Bytes[12288],
) -> uint256:
    """
    @notice Pay a receipt its value and bonus in collateral at this chain's price, at most its part
            of the locked units, as far as the hourly cap allows; anybody may bring it
    @dev The value is cut to what its units cost here plus the tolerance. What is due is settled
         now; `claim_rest` pays what the cap leaves. Units that the receipt does not need go back to
         the account. Reverts with order, receipt, claimed, price, or as the notary's `check_fact`
    @return the wad units paid now
    """
    id: bytes32 = self._require_own(order)
    assert receipt.order == id and receipt.to != empty(address), "receipt"
    key: bytes32 = told.receipt_key(id, receipt.index)
    assert self.dues[key] == 0, "claimed"
    word: uint256 = convert(orders.hash_receipt(receipt), uint256)
    assert staticcall INotary(wiring.notary).check_fact(
        order.debtChain, True, key, word, height, bitmap, proof, storage_proof
    ), "fact"
    open: ISeizure.Open = orders.read(id)
    honoured: uint256 = min(receipt.valueE8, open.left)
    assert honoured > 0, "order"
    before: uint64 = self.claimed_at[order.account][order.debtChain]
    self.claimed_at[order.account][order.debtChain] = max(before, height)
    part: uint256 = open.locked * honoured // open.left
    due: uint256 = min(self._due(order, receipt, honoured, open.robbed), part)
    open.locked -= part
    open.left -= honoured
    self._keep(order.account, id, open)
    extcall IVault(wiring.vault).unlock(order.account, order.collateralAsset, part - due)
    return self._pay(order, id, receipt.index, receipt.to, due)


@external
@nonreentrant
def claim_rest(order: ISeizure.Order, index: uint32) -> uint256:
    """
    @notice Pay what the hourly cap left of a receipt
    @dev Reverts with order or claimed (nothing is due)
    @return the wad units paid now
    """
    id: bytes32 = self._require_own(order)
    key: bytes32 = told.receipt_key(id, index)
    assert self.dues[key] > 1, "claimed"
    return self._pay(order, id, index, self.payees[key], self.dues[key] - 1)


@external
@nonreentrant
def release(
    order: ISeizure.Order,
    closed: uint256,
    height: uint64,
    bitmap: uint256,
    proof: Bytes[2080],
    storage_proof: Bytes[12288],
):
    """
    @notice Give back to the account what no receipt of a closed order can need; anybody may
    @dev Reverts with order, released, closed, or as the notary's `check_fact`
    @param closed what the debt chain's fact CLOSED says
    """
    id: bytes32 = self._require_own(order)
    open: ISeizure.Open = orders.read(id)
    assert open.left > 0, "order"
    assert not open.released, "released"
    # That an order is not closed yet would be a true statement, too.
    assert closed & 255 == 1, "closed"
    assert staticcall INotary(wiring.notary).check_fact(
        order.debtChain, True, told.closed_key(id), closed, height, bitmap, proof, storage_proof
    ), "fact"
    settled: uint256 = order.valueE8 - open.left
    filled: uint256 = min(closed >> 64, order.valueE8)
    pending: uint256 = filled - min(settled, filled)
    kept: uint256 = curve.div_up(open.locked * pending, open.left)
    freed: uint256 = open.locked - kept
    # By less than half: a little that its owner fills himself would keep the pair's shield up.
    if 2 * filled < order.valueE8:
        pair: bytes32 = self._pair(
            order.account, order.collateralAsset, order.debtChain, order.debtAsset
        )
        self.rests[pair] = block.timestamp + self._terms().order_life_s
    open.locked = kept
    open.left = pending
    open.released = True
    self._keep(order.account, id, open)
    self._free(order, id, freed)


@external
@nonreentrant
def release_lost(order: ISeizure.Order):
    """
    @notice Give back the collateral of an order whose debt chain is lost; anybody may
    @dev Reverts with order or lost
    """
    id: bytes32 = self._require_own(order)
    assert staticcall INotary(wiring.notary).is_lost(order.debtChain), "lost"
    open: ISeizure.Open = orders.read(id)
    assert open.left > 0, "order"
    freed: uint256 = open.locked
    open.locked = 0
    open.left = 0
    self._keep(order.account, id, open)
    self._free(order, id, freed)


# On the chain of the debt


@external
@nonreentrant
def register(
    order: ISeizure.Order,
    height: uint64,
    bitmap: uint256,
    proof: Bytes[2080],
    storage_proof: Bytes[12288],
):
    """
    @notice Take an order whose lock the committee saw finalised, and with it the lines it locked
    @dev Reverts with chain, expired, closed, registered, or as the notary's `check_fact`
    """
    self._register(order, height, bitmap, proof, storage_proof)


@external
@nonreentrant
def fill(order: ISeizure.Order, units: uint256, to: address) -> ISeizure.Receipt:
    """
    @notice Repay part of a registered order's debt, at this chain's price
    @dev Less than asked for is repaid where the order or the debt is less. Reverts with order,
         closed, expired, receiver, debt, price, dust, or the vault's own reason
    @param units of the debt asset, wad
    @param to who is paid, an address on the chain of the collateral
    @return the receipt; `facts` holds its hash
    """
    return self._fill(order, units, to)


@external
@nonreentrant
def register_and_fill(
    order: ISeizure.Order,
    units: uint256,
    to: address,
    height: uint64,
    bitmap: uint256,
    proof: Bytes[2080],
    storage_proof: Bytes[12288],
) -> ISeizure.Receipt:
    """
    @notice `register` and `fill` in one
    """
    self._register(order, height, bitmap, proof, storage_proof)
    return self._fill(order, units, to)


@external
@nonreentrant
def close(order: ISeizure.Order):
    """
    @notice End an order here whose time is over by this chain's clock; anybody may
    @dev One that was never registered needs no statement: nothing can be filled any more. A debt
         that is gone ends no order, else an owner could repay with a flash loan, end the order and
         borrow again. Reverts with chain, closed or open
    """
    assert order.debtChain == convert(chain.id, uint64), "chain"
    id: bytes32 = orders.identify(order)
    assert told.facts[told.closed_key(id)] == 0, "closed"
    assert block.timestamp > convert(order.expiry, uint256), "open"
    state: uint256 = self.registered[id]
    self._close(order.account, id, max(state, 1), state != 0)


@external
@nonreentrant
def recall_line(account: bytes32, from_chain: uint64, asset: uint8, units: uint256):
    """
    @notice Give back what no debt here needs of a line, of an account whose health is under 1;
            anybody may
    @dev What is lent here is seized for no other chain's debts. Else an owner could lend away,
         unused, what the debts he leaves are to be paid from. Reverts with healthy, unread, stale,
         line, price or margin
    """
    judge: IJudge = IJudge(wiring.partner)
    vault: IVault = IVault(wiring.vault)
    j: IJudge.Judged = staticcall judge.judge(account)
    assert j.weight < j.debt, "healthy"
    assert not j.never, "unread"
    sequence: uint256 = 0
    issued_at: uint256 = 0
    sequence, issued_at = staticcall judge.statement(account)
    assert issued_at + self._terms().max_age_s >= block.timestamp, "stale"
    assert units > 0 and units <= staticcall vault.line_in(account, from_chain, asset), "line"
    extcall vault.consume_line(account, from_chain, asset, units)
    owed: uint256 = 0
    most: uint256 = 0
    owed, most = staticcall vault.spendable(account)
    assert owed <= most, "margin"


# On one chain


@external
@nonreentrant
def liquidate(
    account: bytes32, collateral_asset: uint8, debt_asset: uint8, units: uint256, to: address
) -> (uint256, uint256):
    """
    @notice Repay a debt here and take collateral here, in one transaction
    @dev An account that has nothing elsewhere needs no committee. The bonus of one that has counts
         in the claims' cap. Reverts with healthy, unread, stale, price, debt, done, dust, cap, or
         the vault's own reason
    @param units of the debt asset to repay at most, wad
    @param to who receives the collateral
    @return wad units repaid, and wad units of collateral taken
    """
    assert to != empty(address), "receiver"
    judge: IJudge = IJudge(wiring.partner)
    vault: IVault = IVault(wiring.vault)
    plan: IJudge.Plan = staticcall judge.plan_liquidation(account, collateral_asset, debt_asset)
    owed: uint256 = staticcall vault.debt(account, debt_asset)
    offered: uint256 = min(units, min(owed, curve.div_up(plan.value * WAD, plan.debt_price)))
    spent: uint256 = min(curve.value_up(offered, plan.debt_price), plan.value)
    extcall judge.note_spent(account, spent, plan.oldest)
    repaid: uint256 = extcall vault.repay_from(msg.sender, account, debt_asset, offered)
    paid: uint256 = min(curve.value_down(repaid, plan.debt_price), plan.value)
    assert paid >= self._terms().min_order_e8 or repaid == owed, "dust"
    due: uint256 = min(curve.payout(paid, plan.bonus_bps, plan.collateral_price), plan.units)
    if due > plan.free:
        here: uint64 = convert(chain.id, uint64)
        self._rob(account, collateral_asset, here, due - plan.free, plan.spare)
    extra: uint256 = 0
    if plan.abroad:
        extra = due - min(due, curve.payout(paid, 0, plan.collateral_price))
    taken: uint256 = self._seize(account, collateral_asset, due - extra, extra, to)
    self._draw_fund(debt_asset, repaid, plan.bonus_bps, msg.sender)
    log Liquidated(
        account=account,
        collateral_asset=collateral_asset,
        debt_asset=debt_asset,
        repaid=repaid,
        taken=taken,
        bonus_bps=plan.bonus_bps,
        health=plan.health,
        payer=msg.sender,
    )
    return repaid, taken


# Losses


@external
@nonreentrant
def provide(account: bytes32, asset: uint8) -> uint256:
    """
    @notice Provide for a debt here of an account that has no collateral left anywhere
    @dev The fund bears what it can first. Reverts with collateral, unread, stale, open, provided or
         debt
    @return the wad units provided for
    """
    self._check_deficit(account, 0)
    vault: IVault = IVault(wiring.vault)
    assert staticcall vault.provision(account, asset) == 0, "provided"
    owed: uint256 = staticcall vault.debt(account, asset)
    bad: uint256 = staticcall vault.bad_debt(account, asset)
    assert owed > bad, "debt"
    extcall vault.provide(account, asset, owed - bad)
    self.provided_at[account][asset] = block.timestamp
    log Provided(
        account=account,
        asset=asset,
        units=owed - bad,
        ready_at=block.timestamp + self._terms().veto_s,
    )
    return owed - bad


@external
@nonreentrant
def write_down(account: bytes32, asset: uint8) -> uint256:
    """
    @notice Let the lenders bear a provision that nobody vetoed; the debt is not forgiven
    @dev Reverts with provided, early, cap, or as `provide`, whose conditions must hold by a
         statement that is newer than the provision
    @return the wad units written down
    """
    at: uint256 = self.provided_at[account][asset]
    vault: IVault = IVault(wiring.vault)
    provided: uint256 = staticcall vault.provision(account, asset)
    assert provided > 0 and at > 0, "provided"
    assert block.timestamp >= at + self._terms().veto_s, "early"
    self._check_deficit(account, at)
    # As much as the hour's cap has room for; the rest stays provided for, and waits.
    units: uint256 = min(provided, staticcall vault.room(asset))
    assert units > 0, "cap"
    if units == provided:
        self.provided_at[account][asset] = 0
    extcall vault.write_down(account, asset, units)
    log WrittenDown(account=account, asset=asset, units=units)
    return units


@external
@nonreentrant
def veto(account: bytes32, asset: uint8):
    """
    @notice Take a provision back: the owner at any time, anybody once collateral covers the debt
    @dev While there is less, the provision waits: else a lender could deposit a little for the
         account and leave before the loss. Reverts with owner or provided
    """
    if msg.sender != wiring.owner:
        j: IJudge.Judged = staticcall IJudge(wiring.partner).judge(account)
        assert j.weight >= j.debt, "owner"
    vault: IVault = IVault(wiring.vault)
    units: uint256 = staticcall vault.provision(account, asset)
    assert units > 0, "provided"
    self.provided_at[account][asset] = 0
    extcall vault.unprovide(account, asset, units)
    log Unprovided(account=account, asset=asset, units=units)


# Judgement


@internal
@view
def _terms() -> IJudge.Terms:
    return staticcall IJudge(wiring.partner).terms()


@internal
@view
def _check_deficit(_account: bytes32, _after: uint256):
    assert self.open_here[_account] == 0, "open"
    assert staticcall IJudge(wiring.partner).check_deficit(_account, _after), "collateral"


@internal
@pure
def _pair(
    _account: bytes32, _collateral_asset: uint8, _debt_chain: uint64, _debt_asset: uint8
) -> bytes32:
    return keccak256(abi_encode(_account, _collateral_asset, _debt_chain, _debt_asset))


# Collateral


@internal
def _open(_order: ISeizure.Order, _resting: bool, _margin: uint256):
    id: bytes32 = orders.identify(_order)
    open: ISeizure.Open = ISeizure.Open(
        collateral_asset=convert(_order.collateralAsset, uint256),
        debt_asset=convert(_order.debtAsset, uint256),
        debt_chain=_order.debtChain,
        bonus_bps=convert(_order.bonusBps, uint256),
        expiry=convert(_order.expiry, uint256),
        line_units=_order.lineUnits,
        resting=_resting,
        robbed=False,
        released=False,
        locked=_order.units,
        left=_order.valueE8,
        margin=_margin,
    )
    orders.add(_order.account, id, open)
    told.facts[told.lock_key(id)] = convert(id, uint256)


@internal
@view
def _require_own(_order: ISeizure.Order) -> bytes32:
    id: bytes32 = orders.identify(_order)
    assert told.facts[told.lock_key(id)] == convert(id, uint256), "order"
    return id


@internal
def _keep(_account: bytes32, _id: bytes32, _open: ISeizure.Open):
    if _open.left == 0:
        orders.remove(_account, _id)
    else:
        orders.write(_id, _open)


@internal
def _free(_order: ISeizure.Order, _id: bytes32, _units: uint256):
    extcall IVault(wiring.vault).unlock(_order.account, _order.collateralAsset, _units)
    log Released(account=_order.account, id=_id, units=_units)


@internal
@view
def _due(
    _order: ISeizure.Order, _receipt: ISeizure.Receipt, _honoured: uint256, _par: bool
) -> uint256:
    # Wad units of collateral for a receipt at this chain's prices.
    vault: IVault = IVault(wiring.vault)
    own: uint256 = staticcall vault.value(_order.debtAsset, _receipt.units, False)
    own = own * (BPS + self._terms().tolerance_bps) // BPS
    bonus: uint256 = 0 if _par else convert(_order.bonusBps, uint256)
    price: uint256 = staticcall vault.price(_order.collateralAsset)
    return curve.payout(min(_honoured, own), bonus, price)


@internal
def _pay(
    _order: ISeizure.Order, _id: bytes32, _index: uint32, _to: address, _due: uint256
) -> uint256:
    vault: IVault = IVault(wiring.vault)
    asset: uint8 = _order.collateralAsset
    scale: uint256 = (staticcall vault.terms(asset)).scale
    units: uint256 = min(_due, staticcall vault.claim_room(asset))
    taken: uint256 = 0
    if units >= scale:
        taken = extcall vault.seize(_order.account, asset, units, _to, True)
    rest: uint256 = _due - taken
    if rest < scale:
        # Less than the token's smallest unit goes back.
        extcall vault.unlock(_order.account, asset, rest)
        rest = 0
    key: bytes32 = told.receipt_key(_id, _index)
    self.dues[key] = 1 + rest
    if rest > 0:
        self.payees[key] = _to
    log Claimed(
        account=_order.account, id=_id, index=_index, to=_to, units=taken, waiting=rest
    )
    return taken


@internal
def _rob(
    _account: bytes32,
    _asset: uint8,
    _chain: uint64,
    _units: uint256,
    _spare: DynArray[uint256, MAX_OPEN],
):
    # Take from orders whose debt chain is unread, as much of each as the judge says: what is to be
    # lockable for a chain, and what is locked and lent elsewhere at once.
    vault: IVault = IVault(wiring.vault)
    legs: IVault.Legs = staticcall vault.legs(_account)
    asset: uint256 = convert(_asset, uint256)
    bound: uint256 = legs.locked[asset] + legs.lines_out[asset]
    bound -= staticcall vault.line_out(_account, _chain, _asset)
    units: uint256 = _units + bound - min(bound, legs.collateral[asset])
    missing: uint256 = units
    for i: uint256 in range(len(_spare), bound=MAX_OPEN):
        taken: uint256 = min(_spare[i], missing)
        if taken > 0:
            id: bytes32 = orders.listed[_account][i]
            open: ISeizure.Open = orders.read(id)
            open.locked -= taken
            open.robbed = True
            orders.write(id, open)
            missing -= taken
    extcall vault.unlock(_account, _asset, units - missing)


@internal
def _seize(
    _account: bytes32, _asset: uint8, _units: uint256, _capped: uint256, _to: address
) -> uint256:
    # Out of what is free; the capped part through a lock, so that it counts in the claims' cap.
    vault: IVault = IVault(wiring.vault)
    taken: uint256 = 0
    if _capped > 0:
        lent: uint256 = extcall vault.lock(_account, _asset, _capped, convert(chain.id, uint64))
        assert lent == 0, "line"
        taken = extcall vault.seize(_account, _asset, _capped, _to, True)
        if taken < _capped:
            extcall vault.unlock(_account, _asset, _capped - taken)
    return taken + extcall vault.seize(_account, _asset, _units, _to, False)


@internal
def _draw_fund(_asset: uint8, _repaid: uint256, _bonus_bps: uint256, _to: address) -> uint256:
    # Only where the bound of health, not the curve, made the bonus less.
    most: uint256 = self._terms().fund_bonus_bps
    if _bonus_bps >= most:
        return 0
    units: uint256 = _repaid * (most - _bonus_bps) // BPS
    return extcall IVault(wiring.vault).draw_fund(_asset, units, _to)


# Debts


@internal
def _register(
    _order: ISeizure.Order,
    _height: uint64,
    _bitmap: uint256,
    _proof: Bytes[2080],
    _storage_proof: Bytes[12288],
):
    assert _order.debtChain == convert(chain.id, uint64), "chain"
    assert block.timestamp <= convert(_order.expiry, uint256), "expired"
    id: bytes32 = orders.identify(_order)
    assert self.registered[id] == 0, "registered"
    assert told.facts[told.closed_key(id)] == 0, "closed"
    assert staticcall INotary(wiring.notary).check_fact(
        _order.collateralChain,
        True,
        told.lock_key(id),
        convert(id, uint256),
        _height,
        _bitmap,
        _proof,
        _storage_proof,
    ), "fact"
    self.registered[id] = 1
    self.open_here[_order.account] += 1
    if _order.lineUnits > 0:
        extcall IVault(wiring.vault).consume_line(
            _order.account, _order.collateralChain, _order.collateralAsset, _order.lineUnits
        )
    log Registered(account=_order.account, id=id)


@internal
def _fill(_order: ISeizure.Order, _units: uint256, _to: address) -> ISeizure.Receipt:
    id: bytes32 = orders.identify(_order)
    state: uint256 = self.registered[id]
    assert state != 0, "order"
    assert told.facts[told.closed_key(id)] == 0, "closed"
    assert block.timestamp <= convert(_order.expiry, uint256), "expired"
    assert _to != empty(address), "receiver"
    vault: IVault = IVault(wiring.vault)
    owed: uint256 = staticcall vault.debt(_order.account, _order.debtAsset)
    assert owed > 0, "debt"
    price: uint256 = staticcall vault.price(_order.debtAsset)
    filled: uint256 = state >> 64
    left: uint256 = _order.valueE8 - filled
    # The least that is worth all that is left, so that the last wei can be reached.
    offered: uint256 = min(_units, min(owed, curve.div_up(left * WAD, price)))
    repaid: uint256 = extcall vault.repay_from(msg.sender, _order.account, _order.debtAsset, offered)
    worth: uint256 = min(curve.value_down(repaid, price), left)
    ends: bool = repaid == owed or worth == left
    assert worth > 0 and (ends or worth >= self._terms().min_order_e8), "dust"
    index: uint256 = (state >> 8) & (2**32 - 1)
    receipt: ISeizure.Receipt = ISeizure.Receipt(
        order=id, index=convert(index, uint32), to=_to, units=repaid, valueE8=worth
    )
    key: bytes32 = told.receipt_key(id, receipt.index)
    told.facts[key] = convert(orders.hash_receipt(receipt), uint256)
    state = 1 | ((index + 1) << 8) | ((filled + worth) << 64)
    self.registered[id] = state
    bonus: uint256 = convert(_order.bonusBps, uint256)
    extra: uint256 = self._draw_fund(_order.debtAsset, repaid, bonus, msg.sender)
    log Filled(
        account=_order.account, id=id, receipt=receipt, payer=msg.sender, extra=extra
    )
    if left - worth < self._terms().min_order_e8:
        self._close(_order.account, id, state, True)
    return receipt


@internal
def _close(_account: bytes32, _id: bytes32, _closed: uint256, _registered: bool):
    if _registered:
        self.open_here[_account] -= 1
    told.facts[told.closed_key(_id)] = _closed
    log Closed(account=_account, id=_id, closed=_closed)
