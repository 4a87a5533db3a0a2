# pragma version 0.4.3
# @license Apache-2.0
"""
@title Plimsoll rescue: what owners let a keeper do with their idle tokens
@notice An owner sets a mandate for one Aave v3 pool, one kind of trigger and one token. The keeper
        he names may then take that token from him, within the mandate's limits, and with nothing
        else than to repay his debt or to supply for him in that pool. A native mandate is
        triggered by the health factor the pool computes; a unified one by an attestation that the
        mandate's verifier accepts from a quorum without the sender. The owner can pause, change or
        revoke at any time.
@dev There is no administrator and no upgrade. Calls go to the mandate's pool, its oracle, its
     token and its verifier only. Nothing stays here between transactions.

     Amounts. Native: computed here from the pool's own numbers so that the target is just
     reached, rounded up by a few units, then cut to the limits. Pools that round the account's
     average threshold down to basis points (Aave v3.0) can be overshot by a basis point of the
     collateral when a token of another threshold is supplied. Unified: stated by the keeper and
     bounded by what the attested figures need. With R the attested requirement and T the target,
     R = E / (HF − 1); a repayment of R·(T − HF)/T or a supply of R·(T − HF)/threshold is enough.
     HF is attested rounded down, so this R is an upper bound, and the nearer HF is to 1 the
     looser. At HF = 1 exactly R cannot be told and the limits alone bound the amount. The bound
     is taken at this pool's price and threshold and raised by the mandate's slack, which stands
     for what the contract does not see: haircuts, debt weights, and an underlying that is priced
     differently on another chain.

     Days are UTC days, so two daily limits may be spent within the hour around midnight. A
     change or renewal of a mandate does not give the day's spending back.
"""
from ethereum.ercs import IERC20


struct ReserveData:
    configuration: uint256
    liquidityIndex: uint128
    currentLiquidityRate: uint128
    variableBorrowIndex: uint128
    currentVariableBorrowRate: uint128
    currentStableBorrowRate: uint128
    lastUpdateTimestamp: uint40
    id: uint16
    aTokenAddress: address
    stableDebtTokenAddress: address
    variableDebtTokenAddress: address
    interestRateStrategyAddress: address
    accruedToTreasury: uint128
    unbacked: uint128
    isolationModeTotalDebt: uint128


struct HealthAttestation:
    schemaVersion: uint16
    audience: bytes32
    accountSetRoot: bytes32
    blockRefsRoot: bytes32
    positionsRoot: bytes32
    pricesRoot: bytes32
    paramsHash: bytes32
    zkCommitment: bytes32
    committeeId: bytes32
    epoch: uint64
    sequence: uint64
    prevDigest: bytes32
    issuedAt: uint64
    expiresAt: uint64
    minPriceTime: uint64
    positionCount: uint32
    status: uint8
    accountCount: uint32
    maxSkew: uint32
    healthFactorE18: uint256
    netEquityE8: int256


interface Pool:
    def ADDRESSES_PROVIDER() -> address: view
    def getUserAccountData(
        user: address
    ) -> (uint256, uint256, uint256, uint256, uint256, uint256): view
    def getReserveData(asset: address) -> ReserveData: view
    def getUserEMode(user: address) -> uint256: view
    def repay(asset: address, amount: uint256, rate_mode: uint256, owner: address) -> uint256: nonpayable
    def supply(asset: address, amount: uint256, owner: address, referral: uint16): nonpayable


interface AddressesProvider:
    def getPool() -> address: view
    def getPriceOracle() -> address: view


interface Oracle:
    def getAssetPrice(asset: address) -> uint256: view
    def BASE_CURRENCY_UNIT() -> uint256: view


interface Verifier:
    def verify_without(
        attestation: HealthAttestation, bitmap: uint256, proof: Bytes[2080], excluded: address
    ) -> bytes32: view


# What every mandate says. Amounts are units of `asset`, health factors are 1e18, times seconds.
struct Terms:
    pool: address
    asset: address
    kind: uint8  # 0 native, 1 unified
    instruments: uint8  # 1 repay, 2 supply, 3 both
    keeper: address
    trigger: uint256
    target: uint256
    per_action: uint256  # most that may leave the owner in one action, refund included
    per_day: uint256  # the same for one UTC day
    min_action: uint256  # least amount, unless less reaches the target
    refund_cap: uint256  # most the keeper may be paid back for gas in one action
    cooldown: uint256
    deadline: uint256  # last second of the mandate
    max_loss_bps: uint256  # most of what was taken that may be missing in the position


# What a unified mandate says besides; all zero in a native one.
struct UnifiedTerms:
    account_set_root: bytes32
    verifier: address
    max_age: uint256  # of an attestation, from its issue
    slack_bps: uint256  # see Amounts above


struct Usage:
    day: uint256
    spent: uint256
    last_action: uint256


struct MandateView:
    id: bytes32
    terms: Terms
    unified: UnifiedTerms
    left_today: uint256
    ready_at: uint256
    balance: uint256
    allowance: uint256
    available: uint256
    last_sequence: uint64


# One account in one pool; values in the oracle's base unit.
struct Account:
    collateral: uint256
    debt: uint256
    threshold_bps: uint256
    health: uint256


# One token of one pool as it counts for one account.
struct Reserve:
    price: uint256
    unit: uint256
    threshold_bps: uint256
    debt_token: address
    oracle: address


# What an action took, in units of the token.
struct Moved:
    reserved: uint256  # booked beforehand: the amount and the refund's cap
    spent: uint256  # left the owner for good, refund not included
    credited: uint256  # reached the pool


event MandateSet:
    owner: indexed(address)
    id: indexed(bytes32)
    terms: Terms
    unified: UnifiedTerms


event MandateRevoked:
    owner: indexed(address)
    id: indexed(bytes32)


event PausedSet:
    owner: indexed(address)
    paused: bool


event Rescued:
    owner: indexed(address)
    id: indexed(bytes32)
    instrument: uint8
    asset: indexed(address)
    amount: uint256
    hf_before: uint256
    hf_after: uint256
    refund: uint256


NATIVE: constant(uint8) = 0
UNIFIED: constant(uint8) = 1
REPAY: constant(uint8) = 1
SUPPLY: constant(uint8) = 2
MAX_MANDATES: constant(uint256) = 16
WAD: constant(uint256) = 10**18
BPS: constant(uint256) = 10**4
USD: constant(uint256) = 10**8
DAY: constant(uint256) = 86400
MAX_TARGET: constant(uint256) = 100 * WAD
VARIABLE_RATE: constant(uint256) = 2
# What the pool's integer divisions can take from an amount: units of the token, and base units.
ROUNDING_UNITS: constant(uint256) = 4
ROUNDING_BASE: constant(uint256) = 4
# Gas outside of what is measured. The transaction's own 21000, the refund's transfer and the event
# come to about what clearing storage gives back (EIP-3529); calldata is what remains.
CALLDATA_GAS: constant(uint256) = 8
# The longest call there is, so that padding is not paid for.
MAX_CALLDATA: constant(uint256) = 4 + 32 * 28 + 2080

# The token whose price stands for the native one when gas is paid back; zero for no refunds.
wrapped_native: public(immutable(address))

terms: HashMap[address, HashMap[bytes32, Terms]]
unified_terms: HashMap[address, HashMap[bytes32, UnifiedTerms]]
usage: HashMap[address, HashMap[bytes32, Usage]]
ids: HashMap[address, DynArray[bytes32, MAX_MANDATES]]
# Per owner and account set: an attestation serves one action of one mandate.
last_sequence: public(HashMap[address, HashMap[bytes32, uint64]])
paused: public(HashMap[address, bool])


@deploy
def __init__(_wrapped_native: address):
    """
    @param _wrapped_native the token whose oracle price converts gas into refunds, or zero
    """
    wrapped_native = _wrapped_native


# The owner's side


@external
@nonreentrant
def set_mandate(terms: Terms, unified: UnifiedTerms) -> bytes32:
    """
    @notice Set the caller's mandate for a pool, a kind and a token; replaces an earlier one
    @dev The caller also has to approve this contract for the token. Reverts with kind,
         instruments, keeper, target, limits, refund, loss, cooldown, deadline, pool, asset,
         unified, root, verifier, age, slack, currency, or full
    @param terms what the keeper may do
    @param unified which attestations trigger it; all zero for a native mandate
    @return the mandate's id
    """
    self._check_terms(terms)
    self._check_pool(terms)
    if terms.kind == UNIFIED:
        self._check_unified(terms.pool, unified)
    else:
        nothing: UnifiedTerms = empty(UnifiedTerms)
        assert keccak256(abi_encode(unified)) == keccak256(abi_encode(nothing)), "unified"
    id: bytes32 = self._id(msg.sender, terms.pool, terms.kind, terms.asset)
    if self.terms[msg.sender][id].pool == empty(address):
        assert len(self.ids[msg.sender]) < MAX_MANDATES, "full"
        self.ids[msg.sender].append(id)
    self.terms[msg.sender][id] = terms
    self.unified_terms[msg.sender][id] = unified
    log MandateSet(owner=msg.sender, id=id, terms=terms, unified=unified)
    return id


@external
@nonreentrant
def revoke(id: bytes32):
    """
    @notice End one of the caller's mandates
    @dev Reverts with `mandate` when there is none
    """
    assert self.terms[msg.sender][id].pool != empty(address), "mandate"
    self.terms[msg.sender][id] = empty(Terms)
    self.unified_terms[msg.sender][id] = empty(UnifiedTerms)
    kept: DynArray[bytes32, MAX_MANDATES] = []
    for other: bytes32 in self.ids[msg.sender]:
        if other != id:
            kept.append(other)
    self.ids[msg.sender] = kept
    log MandateRevoked(owner=msg.sender, id=id)


@external
@nonreentrant
def set_paused(on: bool):
    """
    @notice Stop all of the caller's mandates, or let them go on
    """
    self.paused[msg.sender] = on
    log PausedSet(owner=msg.sender, paused=on)


# The keeper's side


@external
@nonreentrant
def execute_native(owner: address, id: bytes32, instrument: uint8) -> uint256:
    """
    @notice Lift the owner's health factor in the pool to the mandate's target, or as far as the
            limits allow
    @dev Reverts with mandate, keeper, paused, kind, deadline, instrument, cooldown, health,
         threshold, debt, funds, small, loss, target, or the pool's or token's own reason
    @param owner whose mandate
    @param id the mandate
    @param instrument 1 repay, 2 supply
    @return what was repaid or supplied, in units of the token
    """
    gas_before: uint256 = msg.gas
    t: Terms = self._open(owner, id, NATIVE, instrument)
    before: Account = self._account(t.pool, owner)
    assert before.health < t.trigger, "health"
    r: Reserve = self._reserve(t.pool, t.asset, owner)
    needed: uint256 = 0
    most: uint256 = self._limit(owner, id, t)
    if instrument == REPAY:
        needed = self._repay_needed(before, r, t.target)
        owed: uint256 = staticcall IERC20(r.debt_token).balanceOf(owner)
        assert owed > 0, "debt"
        most = min(most, owed)
    else:
        needed = self._supply_needed(before, r, t.target)
    amount: uint256 = min(needed, most)
    assert amount > 0, "funds"
    assert amount == needed or amount >= t.min_action, "small"

    moved: Moved = self._move(owner, id, t, instrument, amount)
    after: Account = self._account(t.pool, owner)
    self._check_loss(before, after, r, moved.spent, t.max_loss_bps)
    capped: bool = moved.credited < needed and after.health > before.health
    assert after.health >= t.target or capped, "target"
    self._finish(owner, id, t, instrument, moved, before.health, after.health, r, gas_before)
    return moved.credited


@external
@nonreentrant
def execute_unified(
    owner: address,
    id: bytes32,
    instrument: uint8,
    amount: uint256,
    attestation: HealthAttestation,
    bitmap: uint256,
    proof: Bytes[2080],
) -> uint256:
    """
    @notice Repay or supply a stated amount for the owner because his attested health is low
    @dev Reverts with mandate, keeper, paused, kind, deadline, instrument, cooldown, root, status,
         health, old, sequence, acted (attested at or before the mandate's last action), figures,
         need, funds, small, threshold, loss, amount, native, or the verifier's, pool's or token's
         own reason
    @param owner whose mandate
    @param id the mandate
    @param instrument 1 repay, 2 supply
    @param amount units of the token: what is repaid or supplied, to the unit, but for a
           repayment of more than the debt, which ends it
    @param attestation over the mandate's account set
    @param bitmap the verifier's: who signed
    @param proof the verifier's: the signatures
    @return what was repaid or supplied, in units of the token
    """
    gas_before: uint256 = msg.gas
    t: Terms = self._open(owner, id, UNIFIED, instrument)
    self._take_attestation(owner, id, t.trigger, attestation, bitmap, proof)
    r: Reserve = self._reserve(t.pool, t.asset, owner)
    slack: uint256 = self.unified_terms[owner][id].slack_bps
    assert amount <= self._unified_needed(attestation, r, t.target, instrument, slack), "need"
    assert amount <= self._limit(owner, id, t), "funds"
    assert amount > 0 and amount >= t.min_action, "small"

    before: Account = self._account(t.pool, owner)
    moved: Moved = self._move(owner, id, t, instrument, amount)
    after: Account = self._account(t.pool, owner)
    self._check_loss(before, after, r, moved.spent, t.max_loss_bps)
    if moved.credited != amount:
        # Less is right only where it ended the debt.
        assert instrument == REPAY, "amount"
        assert staticcall IERC20(r.debt_token).balanceOf(owner) == 0, "amount"
    assert after.health >= before.health, "native"
    self._finish(owner, id, t, instrument, moved, before.health, after.health, r, gas_before)
    return moved.credited


# Views


@external
@view
def mandate(owner: address, id: bytes32) -> MandateView:
    """
    @notice Give a mandate and what it allows now; reverts with `mandate` when there is none
    """
    assert self.terms[owner][id].pool != empty(address), "mandate"
    return self._view(owner, id)


@external
@view
def mandates(owner: address) -> (bool, DynArray[MandateView, MAX_MANDATES]):
    """
    @notice Give whether the owner has paused, and all his mandates
    """
    found: DynArray[MandateView, MAX_MANDATES] = []
    for id: bytes32 in self.ids[owner]:
        found.append(self._view(owner, id))
    return self.paused[owner], found


@external
@view
def mandate_ids(owner: address) -> DynArray[bytes32, MAX_MANDATES]:
    """
    @notice Give the ids of the owner's mandates
    """
    return self.ids[owner]


@external
@view
def available(owner: address, id: bytes32) -> uint256:
    """
    @notice Give what one action may move now, in units of the token: the least of the limits,
            the balance and the allowance, less the refund's cap; 0 when paused or over
    """
    return self._available(owner, id, self.terms[owner][id])


@external
@view
def mandate_id(owner: address, pool: address, kind: uint8, asset: address) -> bytes32:
    """
    @notice Give the id that such a mandate has
    """
    return self._id(owner, pool, kind, asset)


@internal
@pure
def _id(_owner: address, _pool: address, _kind: uint8, _asset: address) -> bytes32:
    return keccak256(abi_encode(_owner, _pool, _kind, _asset))


@internal
@view
def _view(_owner: address, _id: bytes32) -> MandateView:
    t: Terms = self.terms[_owner][_id]
    u: UnifiedTerms = self.unified_terms[_owner][_id]
    last: uint256 = self.usage[_owner][_id].last_action
    return MandateView(
        id=_id,
        terms=t,
        unified=u,
        left_today=self._left_today(_owner, _id, t.per_day),
        ready_at=0 if last == 0 else last + t.cooldown,
        balance=staticcall IERC20(t.asset).balanceOf(_owner),
        allowance=staticcall IERC20(t.asset).allowance(_owner, self),
        available=self._available(_owner, _id, t),
        last_sequence=self.last_sequence[_owner][u.account_set_root],
    )


@internal
@view
def _available(_owner: address, _id: bytes32, _t: Terms) -> uint256:
    if _t.pool == empty(address) or self.paused[_owner] or block.timestamp > _t.deadline:
        return 0
    return self._limit(_owner, _id, _t)


# Checks of what an owner sets


@internal
@view
def _check_terms(_t: Terms):
    assert _t.kind == NATIVE or _t.kind == UNIFIED, "kind"
    assert _t.instruments >= 1 and _t.instruments <= 3, "instruments"
    assert _t.keeper != empty(address), "keeper"
    assert _t.trigger > 0 and _t.trigger < _t.target and _t.target <= MAX_TARGET, "target"
    assert _t.refund_cap < _t.per_action, "refund"
    assert _t.min_action <= _t.per_action - _t.refund_cap, "limits"
    assert _t.per_action <= _t.per_day, "limits"
    assert _t.max_loss_bps <= BPS, "loss"
    assert _t.cooldown <= 365 * DAY, "cooldown"
    assert _t.deadline > block.timestamp, "deadline"


@internal
@view
def _check_pool(_t: Terms):
    assert _t.pool.is_contract, "pool"
    provider: address = staticcall Pool(_t.pool).ADDRESSES_PROVIDER()
    assert staticcall AddressesProvider(provider).getPool() == _t.pool, "pool"
    reserve: ReserveData = staticcall Pool(_t.pool).getReserveData(_t.asset)
    assert _t.asset != empty(address) and reserve.aTokenAddress != empty(address), "asset"


@internal
@view
def _check_unified(_pool: address, _u: UnifiedTerms):
    assert _u.account_set_root != empty(bytes32), "root"
    assert _u.verifier.is_contract, "verifier"
    assert _u.max_age > 0 and _u.max_age <= DAY, "age"
    assert _u.slack_bps <= BPS, "slack"
    oracle: address = self._oracle(_pool)
    # Attested figures are USD x 1e8, so the pool's must be.
    assert staticcall Oracle(oracle).BASE_CURRENCY_UNIT() == USD, "currency"


# Checks before an action


@internal
@view
def _open(_owner: address, _id: bytes32, _kind: uint8, _instrument: uint8) -> Terms:
    t: Terms = self.terms[_owner][_id]
    assert t.pool != empty(address), "mandate"
    assert msg.sender == t.keeper, "keeper"
    assert not self.paused[_owner], "paused"
    assert t.kind == _kind, "kind"
    assert block.timestamp <= t.deadline, "deadline"
    assert _instrument == REPAY or _instrument == SUPPLY, "instrument"
    assert t.instruments & _instrument != 0, "instrument"
    last: uint256 = self.usage[_owner][_id].last_action
    assert last == 0 or block.timestamp >= last + t.cooldown, "cooldown"
    return t


@internal
def _take_attestation(
    _owner: address,
    _id: bytes32,
    _trigger: uint256,
    _attestation: HealthAttestation,
    _bitmap: uint256,
    _proof: Bytes[2080],
):
    u: UnifiedTerms = self.unified_terms[_owner][_id]
    assert _attestation.accountSetRoot == u.account_set_root, "root"
    assert _attestation.status == 0, "status"
    assert _attestation.healthFactorE18 < _trigger, "health"
    issued_at: uint256 = convert(_attestation.issuedAt, uint256)
    assert issued_at + u.max_age >= block.timestamp, "old"
    assert _attestation.sequence > self.last_sequence[_owner][u.account_set_root], "sequence"
    # What was said before the last action does not know of it: the same need would be met twice.
    assert issued_at > self.usage[_owner][_id].last_action, "acted"
    self.last_sequence[_owner][u.account_set_root] = _attestation.sequence
    # Who acts does not count among those who say that he must.
    digest: bytes32 = staticcall Verifier(u.verifier).verify_without(
        _attestation, _bitmap, _proof, msg.sender
    )
    assert digest != empty(bytes32), "digest"


@internal
@view
def _left_today(_owner: address, _id: bytes32, _per_day: uint256) -> uint256:
    used: Usage = self.usage[_owner][_id]
    spent: uint256 = used.spent if used.day == block.timestamp // DAY else 0
    return _per_day - min(spent, _per_day)


@internal
@view
def _limit(_owner: address, _id: bytes32, _t: Terms) -> uint256:
    most: uint256 = min(_t.per_action, self._left_today(_owner, _id, _t.per_day))
    most = min(most, staticcall IERC20(_t.asset).balanceOf(_owner))
    most = min(most, staticcall IERC20(_t.asset).allowance(_owner, self))
    return most - min(_t.refund_cap, most)


# What the pool says


@internal
@view
def _oracle(_pool: address) -> address:
    provider: address = staticcall Pool(_pool).ADDRESSES_PROVIDER()
    return staticcall AddressesProvider(provider).getPriceOracle()


@internal
@view
def _account(_pool: address, _owner: address) -> Account:
    collateral: uint256 = 0
    debt: uint256 = 0
    borrowable: uint256 = 0
    threshold: uint256 = 0
    ltv: uint256 = 0
    health: uint256 = 0
    collateral, debt, borrowable, threshold, ltv, health = staticcall Pool(
        _pool
    ).getUserAccountData(_owner)
    return Account(collateral=collateral, debt=debt, threshold_bps=threshold, health=health)


@internal
@view
def _reserve(_pool: address, _asset: address, _owner: address) -> Reserve:
    data: ReserveData = staticcall Pool(_pool).getReserveData(_asset)
    oracle: address = self._oracle(_pool)
    price: uint256 = staticcall Oracle(oracle).getAssetPrice(_asset)
    threshold: uint256 = (data.configuration >> 16) & 65535
    category: uint256 = staticcall Pool(_pool).getUserEMode(_owner)
    if category != 0 and self._in_category(_pool, category, data):
        source: address = empty(address)
        threshold, source = self._category(_pool, category)
        if source != empty(address):
            # Aave v3.0 can price a category by a source of its own.
            special: uint256 = staticcall Oracle(oracle).getAssetPrice(source)
            price = special if special != 0 else price
    assert price > 0, "price"
    return Reserve(
        price=price,
        unit=10 ** ((data.configuration >> 48) & 255),
        threshold_bps=threshold,
        debt_token=data.variableDebtTokenAddress,
        oracle=oracle,
    )


@internal
@view
def _in_category(_pool: address, _category: uint256, _data: ReserveData) -> bool:
    # Since v3.2 a category has a bitmap of reserves; before, a reserve named its one category.
    found: bool = False
    answer: Bytes[32] = b""
    found, answer = raw_call(
        _pool,
        abi_encode(_category, method_id=method_id("getEModeCategoryCollateralBitmap(uint8)")),
        max_outsize=32,
        is_static_call=True,
        revert_on_failure=False,
    )
    if found and len(answer) == 32:
        return (convert(answer, uint256) >> convert(_data.id, uint256)) & 1 == 1
    return (_data.configuration >> 168) & 255 == _category


@internal
@view
def _category(_pool: address, _category: uint256) -> (uint256, address):
    # (offset, ltv, threshold, bonus, price source, …): the label behind them is left out
    answer: Bytes[160] = raw_call(
        _pool,
        abi_encode(_category, method_id=method_id("getEModeCategoryData(uint8)")),
        max_outsize=160,
        is_static_call=True,
    )
    return extract32(answer, 64, output_type=uint256), extract32(answer, 128, output_type=address)


# How much is needed


@internal
@pure
def _to_units(_value: uint256, _r: Reserve) -> uint256:
    return (_value * _r.unit + _r.price - 1) // _r.price + ROUNDING_UNITS


@internal
@pure
def _repay_needed(_a: Account, _r: Reserve, _target: uint256) -> uint256:
    keep: uint256 = _a.health * _a.debt // _target
    return self._to_units(_a.debt - keep + ROUNDING_BASE, _r)


@internal
@pure
def _supply_needed(_a: Account, _r: Reserve, _target: uint256) -> uint256:
    assert _r.threshold_bps > 0, "threshold"
    # Weighted collateral in base units x 1e4: what the target needs, and what is there.
    goal: uint256 = _target * _a.debt * BPS // WAD + ROUNDING_BASE * BPS
    held: uint256 = _a.health * _a.debt * BPS // WAD
    value: uint256 = (goal - held) // _r.threshold_bps + 1
    floored: uint256 = _a.threshold_bps * _a.collateral
    if held <= floored + BPS and _a.threshold_bps != _r.threshold_bps:
        # The pool may weigh with the average threshold rounded down to basis points. This average
        # times the whole reaches the goal (but for half of its margin), and it will stand: the
        # sum that is then supplied weighs no less than `weighted`.
        weighted: uint256 = floored + value * _r.threshold_bps
        average: uint256 = weighted // (_a.collateral + value)
        whole: uint256 = (goal - ROUNDING_BASE * BPS // 2) // average + 1
        value = max(value, whole - min(_a.collateral, whole))
    return self._to_units(value, _r)


@internal
@pure
def _unified_needed(
    _attestation: HealthAttestation,
    _r: Reserve,
    _target: uint256,
    _instrument: uint8,
    _slack_bps: uint256,
) -> uint256:
    health: uint256 = _attestation.healthFactorE18
    equity: int256 = _attestation.netEquityE8
    gap: uint256 = 0
    if health >= WAD:
        assert equity >= 0, "figures"
        gap = health - WAD
    else:
        assert equity < 0, "figures"
        gap = WAD - health - 1
    if gap == 0:
        return max_value(uint256)
    assert equity != 0, "figures"
    requirement: uint256 = convert(abs(equity), uint256) * WAD // gap + 1
    value: uint256 = 0
    if _instrument == REPAY:
        value = requirement * (_target - health) // _target + 1
    else:
        assert _r.threshold_bps > 0, "threshold"
        value = requirement * (_target - health) // WAD * BPS // _r.threshold_bps + 1
    return self._to_units(value * (BPS + _slack_bps) // BPS, _r)


# The action and its end


@internal
def _move(
    _owner: address, _id: bytes32, _t: Terms, _instrument: uint8, _amount: uint256
) -> Moved:
    # The most that can leave the owner is booked before anything is called.
    reserved: uint256 = _amount + _t.refund_cap
    self._book(_owner, _id, _t.per_day, reserved)
    token: IERC20 = IERC20(_t.asset)
    owned: uint256 = staticcall token.balanceOf(_owner)
    held: uint256 = staticcall token.balanceOf(self)
    assert extcall token.transferFrom(_owner, self, _amount, default_return_value=True), "pull"
    arrived: uint256 = min(staticcall token.balanceOf(self) - held, _amount)
    assert extcall token.approve(_t.pool, arrived, default_return_value=True), "approve"
    if _instrument == REPAY:
        extcall Pool(_t.pool).repay(_t.asset, arrived, VARIABLE_RATE, _owner)
    else:
        extcall Pool(_t.pool).supply(_t.asset, arrived, _owner, 0)
    if staticcall token.allowance(self, _t.pool) > 0:
        assert extcall token.approve(_t.pool, 0, default_return_value=True), "approve"
    left: uint256 = staticcall token.balanceOf(self) - held
    if left > 0:
        assert extcall token.transfer(_owner, left, default_return_value=True), "return"
    return Moved(
        reserved=reserved,
        spent=owned - staticcall token.balanceOf(_owner),
        credited=arrived - min(left, arrived),
    )


@internal
def _book(_owner: address, _id: bytes32, _per_day: uint256, _amount: uint256):
    spent: uint256 = _per_day - self._left_today(_owner, _id, _per_day)
    self.usage[_owner][_id] = Usage(
        day=block.timestamp // DAY, spent=spent + _amount, last_action=block.timestamp
    )


@internal
@pure
def _check_loss(
    _before: Account, _after: Account, _r: Reserve, _spent: uint256, _max_loss_bps: uint256
):
    # The owner's equity in the pool must have grown by what he gave, at the pool's own prices.
    least: uint256 = _before.collateral + _after.debt
    least += _spent * _r.price // _r.unit * (BPS - _max_loss_bps) // BPS
    rounding: uint256 = ROUNDING_UNITS * _r.price // _r.unit + ROUNDING_BASE
    assert _after.collateral + _before.debt + rounding >= least, "loss"


@internal
def _finish(
    _owner: address,
    _id: bytes32,
    _t: Terms,
    _instrument: uint8,
    _moved: Moved,
    _hf_before: uint256,
    _hf_after: uint256,
    _r: Reserve,
    _gas_before: uint256,
):
    refund: uint256 = 0
    if _t.refund_cap > 0:
        refund = min(_t.refund_cap, self._gas_cost(_r, _gas_before))
    if refund > 0:
        assert extcall IERC20(_t.asset).transferFrom(
            _owner, _t.keeper, refund, default_return_value=True
        ), "refund"
    self.usage[_owner][_id].spent -= _moved.reserved - _moved.spent - refund
    log Rescued(
        owner=_owner,
        id=_id,
        instrument=_instrument,
        asset=_t.asset,
        amount=_moved.credited,
        hf_before=_hf_before,
        hf_after=_hf_after,
        refund=refund,
    )


@internal
@view
def _gas_cost(_r: Reserve, _gas_before: uint256) -> uint256:
    # In units of the token. A market that does not price the native token pays nothing back.
    found: bool = False
    answer: Bytes[32] = b""
    found, answer = raw_call(
        _r.oracle,
        abi_encode(wrapped_native, method_id=method_id("getAssetPrice(address)")),
        max_outsize=32,
        is_static_call=True,
        revert_on_failure=False,
    )
    if not found or len(answer) != 32:
        return 0
    gas_used: uint256 = _gas_before - msg.gas + CALLDATA_GAS * min(len(msg.data), MAX_CALLDATA)
    value: uint256 = gas_used * tx.gasprice * convert(answer, uint256) // WAD
    return value * _r.unit // _r.price
