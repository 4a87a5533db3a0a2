# pragma version 0.4.3
# pragma optimize codesize
# @license Apache-2.0
"""
@title Plimsoll judge: what accounts have everywhere, and what of it may be seized here
@notice Takes the committee's quantities, tells the two bounds of unified health at this chain's
        prices, and plans liquidations. How much one repays is a function of quantities and prices,
        never the caller's choice: this chain's share of what restores the target, by the weight of
        its collateral among the chains that are read.
@dev Rounds. Chains do not see each other's orders at once. What was ordered here is counted against
     this chain's share until a newer statement has looked at every other chain with collateral
     after it; so a quick succession of statements does not let one chain take the others' shares
     too. Not audited.
"""
import IJudge
import INotary
import ISeizure
import IVault
import curve
import health as judging
import quantities
import terms as rules
import wiring

implements: IJudge

initializes: wiring
initializes: rules
initializes: quantities
initializes: judging[quantities := quantities, wiring := wiring]

exports: (wiring.seal, wiring.vault, wiring.notary, wiring.owner)


WAD: constant(uint256) = 10**18
BPS: constant(uint256) = 10**4
MAX_OPEN: constant(uint256) = 16
# Orders that end small debts take no more of an account's places than this.
MAX_SMALL: constant(uint256) = 8
CLOCK_TOLERANCE_S: constant(uint256) = 15

# What was ordered here in the account's round: sequence | time << 64 | value << 128
rounds: HashMap[bytes32, uint256]


@deploy
def __init__(_terms: IJudge.Terms):
    """
    @param _terms what liquidations go by; the owner may change them
    """
    wiring.__init__()
    rules.write(_terms)


@external
def set_terms(terms: IJudge.Terms):
    """
    @notice Set all terms; orders that are open keep their bonus, units and expiry
    @dev Only the owner. Reverts with owner, times, target, bonus, bps or minimum
    """
    assert msg.sender == wiring.owner, "owner"
    rules.write(terms)


@external
@nonreentrant
def post_quantities(q: ISeizure.VaultQuantities, bitmap: uint256, proof: Bytes[2080]):
    """
    @notice Bring what an account has on every chain; anybody may
    @dev Of each chain the greatest height is kept, of statements the greatest sequence; this
         chain's own entry is passed over, its state is read live. Reverts with committee, future,
         size, or as the notary's `check_quorum`
    @param q the statement
    @param bitmap who signed
    @param proof the signatures
    """
    notary: INotary = INotary(wiring.notary)
    assert q.committeeId == staticcall notary.committee(), "committee"
    assert convert(q.issuedAt, uint256) <= block.timestamp + CLOCK_TOLERANCE_S, "future"
    assert staticcall notary.check_quorum(quantities.hash(q), bitmap, proof), "quorum"
    quantities.note(q.account, q.sequence, q.issuedAt)
    for entry: ISeizure.ChainQuantities in q.chains:
        if entry.chainId != convert(chain.id, uint64):
            quantities.take(q.account, entry)


@external
def note_spent(account: bytes32, spent: uint256, oldest: uint256):
    """
    @notice Count a value against this chain's share of the account's round
    @dev Only the seizure. Reverts with seizure or size
    @param oldest of the plan that is carried out
    """
    assert msg.sender == wiring.partner, "seizure"
    used: uint256 = self._used(account, oldest) + spent
    assert used < 2**128, "size"
    sequence: uint256 = quantities.newest[account] & quantities.WORD
    self.rounds[account] = sequence | (block.timestamp << 64) | (used << 128)


# Views


@external
@view
def terms() -> IJudge.Terms:
    """
    @notice Give the terms
    """
    return rules.read()


@external
@view
def health(account: bytes32) -> (uint256, uint256):
    """
    @notice Give HF_low and HF_high at this chain's prices, 1e18; 2**256 - 1 without debt
    """
    j: IJudge.Judged = self._judge(account)
    return curve.health(j.low_weight, j.low_debt), curve.health(j.weight, j.debt)


@external
@view
def judge(account: bytes32) -> IJudge.Judged:
    """
    @notice Give the sums that a liquidation is sized from
    """
    return self._judge(account)


@external
@view
def read_quantities(account: bytes32) -> ISeizure.ChainQuantities:
    """
    @notice Give this chain's own entry as a statement of this block holds it, without top-ups that
            are not final
    """
    legs: IVault.Legs = staticcall IVault(wiring.vault).legs(account)
    return ISeizure.ChainQuantities(
        chainId=convert(chain.id, uint64),
        height=convert(block.number, uint64),
        time=convert(block.timestamp, uint64),
        collateral=legs.collateral,
        debt=legs.debt,
        locked=legs.locked,
        added=[],
        repaid=[],
        orderedE8=judging.ordered(account, self._open(account), rules.read().grace_s),
        linesIn=legs.lines_in,
    )


@external
@view
def entry(account: bytes32, chain_id: uint64) -> quantities.Entry:
    """
    @notice Give what is known of an account on another chain
    """
    return quantities.read(account, chain_id)


@external
@view
def statement(account: bytes32) -> (uint256, uint256):
    """
    @notice Give the sequence and the time of issue of an account's newest statement
    """
    return quantities.statement(account)


@external
@view
def plan_lock(
    account: bytes32, collateral_asset: uint8, debt_chain: uint64, debt_asset: uint8
) -> IJudge.Plan:
    """
    @notice Give the order that `lock` would open now
    @dev Reverts with healthy, unread, stale, price, debt, done (this chain's share is ordered),
         dust, full or rest
    """
    terms: IJudge.Terms = rules.read()
    assert not judging.is_unread(account, debt_chain, terms.grace_s), "unread"
    assert not staticcall INotary(wiring.notary).is_lost(debt_chain), "unread"
    opened: DynArray[ISeizure.Open, MAX_OPEN] = self._open(account)
    j: IJudge.Judged = judging.judge(account, terms, opened)
    plan: IJudge.Plan = self._start(account, j, terms, collateral_asset, debt_asset, debt_chain, opened)
    plan.resting = self._rests(account, collateral_asset, debt_chain, debt_asset, opened)
    leg: uint256 = self._foreign_leg(account, debt_chain, debt_asset, plan.debt_price, terms, opened)
    margin: uint256 = leg * terms.tolerance_bps // BPS
    plan = self._size(j, plan, terms, collateral_asset, leg, margin, terms.buffer_bps, account)
    if plan.value < terms.min_order_e8:
        assert len(opened) < MAX_SMALL, "full"
    reserved: uint256 = curve.reserve(
        plan.value, plan.bonus_bps, terms.buffer_bps, plan.collateral_price
    )
    plan.units = min(plan.units, reserved)
    return plan


@external
@view
def plan_liquidation(
    account: bytes32, collateral_asset: uint8, debt_asset: uint8
) -> IJudge.Plan:
    """
    @notice Give what `liquidate` may do now
    @dev Reverts with healthy, unread, stale, price, debt, done or dust
    """
    terms: IJudge.Terms = rules.read()
    opened: DynArray[ISeizure.Open, MAX_OPEN] = self._open(account)
    j: IJudge.Judged = judging.judge(account, terms, opened)
    here: uint64 = convert(chain.id, uint64)
    plan: IJudge.Plan = self._start(account, j, terms, collateral_asset, debt_asset, here, opened)
    owed: uint256 = staticcall IVault(wiring.vault).debt(account, debt_asset)
    leg: uint256 = curve.value_up(owed, plan.debt_price)
    return self._size(j, plan, terms, collateral_asset, leg, 0, 0, account)


@external
@view
def check_deficit(account: bytes32, after: uint256) -> bool:
    """
    @notice See that no collateral is left anywhere, by a statement issued after a time
    @dev Every other chain must have been read: a debt is no loss of the lenders' before. Reverts
         with collateral, open, unread or stale
    """
    terms: IJudge.Terms = rules.read()
    j: IJudge.Judged = self._judge(account)
    assert j.gross_weight == 0, "collateral"
    assert not j.busy, "open"
    if len(staticcall INotary(wiring.notary).peer_chains()) > 0:
        issued_at: uint256 = quantities.newest[account] >> 64
        assert not (j.unread or j.never), "unread"
        assert issued_at + terms.max_age_s >= block.timestamp and issued_at > after, "stale"
    return True


# How it is done


@internal
@view
def _open(_account: bytes32) -> DynArray[ISeizure.Open, MAX_OPEN]:
    return staticcall ISeizure(wiring.partner).open(_account)


@internal
@view
def _judge(_account: bytes32) -> IJudge.Judged:
    return judging.judge(_account, rules.read(), self._open(_account))


@internal
@view
def _start(
    _account: bytes32,
    _j: IJudge.Judged,
    _terms: IJudge.Terms,
    _collateral_asset: uint8,
    _debt_asset: uint8,
    _debt_chain: uint64,
    _opened: DynArray[ISeizure.Open, MAX_OPEN],
) -> IJudge.Plan:
    # Whether anything may be seized, and what there is of the collateral.
    assert _j.weight < _j.debt, "healthy"
    assert not _j.never, "unread"
    if _j.abroad:
        issued_at: uint256 = quantities.newest[_account] >> 64
        assert issued_at + _terms.max_age_s >= block.timestamp, "stale"
    vault: IVault = IVault(wiring.vault)
    plan: IJudge.Plan = empty(IJudge.Plan)
    plan.abroad = _j.abroad
    plan.oldest = _j.oldest
    plan.collateral_price = staticcall vault.price(_collateral_asset)
    plan.debt_price = staticcall vault.price(_debt_asset)
    plan.free = staticcall vault.lockable(_account, _collateral_asset, _debt_chain)
    spare: uint256 = 0
    lent: uint256 = 0
    for open: ISeizure.Open in _opened:
        units: uint256 = self._spare(_account, open, _collateral_asset, _terms.grace_s)
        plan.spare.append(units)
        spare += units
        lent += open.line_units
    # Units that are locked and lent at once fill two places until the line's end is told here.
    plan.units = plan.free + spare - min(lent, spare)
    return plan


@internal
@view
def _size(
    _j: IJudge.Judged,
    _plan: IJudge.Plan,
    _terms: IJudge.Terms,
    _collateral_asset: uint8,
    _leg: uint256,
    _margin: uint256,
    _buffer_bps: uint256,
    _account: bytes32,
) -> IJudge.Plan:
    assert _leg > 0, "debt"
    plan: IJudge.Plan = _plan
    t: uint256 = (staticcall IVault(wiring.vault).terms(_collateral_asset)).threshold_bps
    plan.health = curve.health(_j.weight, _j.debt)
    plan.bonus_bps = curve.bonus(
        plan.health, t, _terms.min_bonus_bps, _terms.max_bonus_bps, _terms.floor_e18
    )
    needed: uint256 = curve.needed(_j.weight, _j.debt, t, plan.bonus_bps, _terms.target_e18)
    used: uint256 = self._used(_account, _j.oldest)
    share: uint256 = 0
    if _j.read_weight > 0:
        share = curve.div_up((needed + used) * _j.own_weight, _j.read_weight)
    assert share > used, "done"
    plan.value = share - used
    whole: bool = plan.value + _terms.min_debt_e8 > _leg
    if whole:
        # Interest and the other chain's price must not leave a remainder of an order.
        plan.value = _leg + _margin
        plan.margin = _margin
    covered: uint256 = curve.covered(
        plan.units, plan.bonus_bps, _buffer_bps, plan.collateral_price
    )
    whole = whole and covered >= plan.value
    plan.margin -= min(plan.margin, plan.value - min(plan.value, covered))
    plan.value = min(plan.value, covered)
    assert plan.value > 0 and (whole or plan.value >= _terms.min_order_e8), "dust"
    return plan


@internal
@view
def _used(_account: bytes32, _oldest: uint256) -> uint256:
    round: uint256 = self.rounds[_account]
    newer: bool = quantities.newest[_account] & quantities.WORD > round & quantities.WORD
    if newer and _oldest > (round >> 64) & quantities.WORD:
        return 0
    return round >> 128


@internal
@view
def _foreign_leg(
    _account: bytes32,
    _debt_chain: uint64,
    _debt_asset: uint8,
    _price: uint256,
    _terms: IJudge.Terms,
    _opened: DynArray[ISeizure.Open, MAX_OPEN],
) -> uint256:
    # What is owed there, less what orders of this chain will repay of it; USD x 1e8.
    e: quantities.Entry = quantities.read(_account, _debt_chain)
    asset: uint256 = convert(_debt_asset, uint256)
    leg: uint256 = curve.value_up(e.debt[asset] - min(e.repaid[asset], e.debt[asset]), _price)
    for open: ISeizure.Open in _opened:
        if open.debt_chain == _debt_chain and open.debt_asset == asset:
            low: uint256 = 0
            high: uint256 = 0
            low, high = judging.read_price(convert(open.collateral_asset, uint8))
            if judging.counts(_account, open, high, _terms.grace_s):
                leg -= min(leg, judging.unfilled(open))
    return leg


@internal
@view
def _rests(
    _account: bytes32,
    _collateral_asset: uint8,
    _debt_chain: uint64,
    _debt_asset: uint8,
    _opened: DynArray[ISeizure.Open, MAX_OPEN],
) -> bool:
    # A pair that rests may have one order, which is taken as filled by nobody:
    # so orders that nobody fills keep no other pair from being liquidated.
    until: uint256 = staticcall ISeizure(wiring.partner).rest_until(
        _account, _collateral_asset, _debt_chain, _debt_asset
    )
    if block.timestamp >= until:
        return False
    for open: ISeizure.Open in _opened:
        same: bool = open.resting and open.debt_chain == _debt_chain
        same = same and open.debt_asset == convert(_debt_asset, uint256)
        same = same and open.collateral_asset == convert(_collateral_asset, uint256)
        assert not same, "rest"
    return True


@internal
@view
def _spare(
    _account: bytes32, _open: ISeizure.Open, _asset: uint8, _grace: uint256
) -> uint256:
    # What a later order may take of one that expired and whose debt chain is unread since: not
    # what was lent there, which may back debts of that chain still.
    if _open.collateral_asset != convert(_asset, uint256):
        return 0
    if block.timestamp <= _open.expiry + _grace:
        return 0
    if not judging.is_unread(_account, _open.debt_chain, _grace):
        return 0
    return _open.locked - min(_open.line_units, _open.locked)
