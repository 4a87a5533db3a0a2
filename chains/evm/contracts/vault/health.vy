# pragma version 0.4.3
# @license Apache-2.0
"""
@title The unified health of an account at this chain's prices
@dev Two bounds. The low one: chains unread beyond grace have no collateral and owe their last debt
     with the greatest interest, or what their lines carried at most; locked units are gone. The
     high one, which alone opens a seizure: last quantities, top-ups that are not final counted,
     open orders as if they were filled. Where a feed has no valid price, the low bound takes its
     lowest price for collateral and its highest for debts, the high bound the other way round: so
     a stranger's wei of an odd asset stops no judgement.
"""
import IJudge
import INotary
import ISeizure
import IVault
import curve
import quantities
import wiring

uses: quantities
uses: wiring


interface Feeds:
    def feed_of(asset: uint8) -> Feed: view


struct Feed:
    source: address
    unit: uint256
    heartbeat: uint256
    lowest: uint256
    highest: uint256


# Prices and terms of the assets that an account has anywhere.
struct Market:
    low: uint256[8]
    high: uint256[8]
    carry: uint256[8]  # of the high price, the debt that a line of a whole token can carry at first
    threshold_bps: uint256[8]
    max_rate: uint256[8]


# What one chain's entry weighs, USD x 1e8; `weight` is collateral times threshold.
struct Weighed:
    weight: uint256
    debt: uint256
    low_weight: uint256
    low_debt: uint256
    lines_in: uint256
    locked: uint256
    locked_weight: uint256
    matters: bool  # some leg is not dust


YEAR: constant(uint256) = 365 * 86400
WAD: constant(uint256) = 10**18
BPS: constant(uint256) = 10**4
MAX_ASSETS: constant(uint256) = 8
MAX_CHAINS: constant(uint256) = 8
MAX_OPEN: constant(uint256) = 16


@internal
@view
def judge(
    _account: bytes32, _terms: IJudge.Terms, _open: DynArray[ISeizure.Open, MAX_OPEN]
) -> IJudge.Judged:
    grace: uint256 = _terms.grace_s
    min_leg: uint256 = _terms.min_leg_e8
    legs: IVault.Legs = staticcall IVault(wiring.vault).legs(_account)
    chains: DynArray[uint64, MAX_CHAINS] = staticcall INotary(wiring.notary).peer_chains()
    own: quantities.Entry = self._own(legs)
    entries: DynArray[quantities.Entry, MAX_CHAINS] = []
    mask: uint256 = self._mask(own) | self._mask_lines(legs)
    for chain_id: uint64 in chains:
        entry: quantities.Entry = quantities.read(_account, chain_id)
        if staticcall INotary(wiring.notary).is_lost(chain_id):
            entry = empty(quantities.Entry)
            entry.height = max_value(uint256)
        entries.append(entry)
        mask |= self._mask(entry)
    market: Market = self._read_market(mask)

    j: IJudge.Judged = empty(IJudge.Judged)
    j.oldest = max_value(uint256)
    here: Weighed = self._weigh(own, market, min_leg, 0)
    j = self._add_own(j, _account, here, market, _open, grace)
    j.abroad = self._lines_value(legs, market) >= min_leg
    for i: uint256 in range(len(chains), bound=MAX_CHAINS):
        if entries[i].height == 0:
            j = self._add_unknown(j, _account, chains[i], legs, market, min_leg)
        elif entries[i].height != max_value(uint256):
            j = self._add_read(j, entries[i], market, grace, min_leg)
            # What a line carries here now may be owed there still in an older entry, and what was
            # claimed here is repaid there in no older one.
            told_at: uint64 = staticcall ISeizure(wiring.partner).told_at(_account, chains[i])
            j.never = j.never or entries[i].height < convert(told_at, uint256)
    # What was filled is in the debts, too, until it is claimed.
    j.debt -= min(j.filled, j.debt)
    return j


@internal
@view
def is_unread(_account: bytes32, _chain: uint64, _grace: uint256) -> bool:
    head: uint256 = quantities.heads[_account][_chain]
    return ((head >> 64) & quantities.WORD) + _grace < block.timestamp


@internal
@view
def counts(_account: bytes32, _open: ISeizure.Open, _price: uint256, _grace: uint256) -> bool:
    # Whether an order of this chain is taken as filled: not while nobody would fill it.
    if _open.resting or curve.value_down(_open.locked, _price) < _open.left:
        return False
    return not self.is_unread(_account, _open.debt_chain, _grace)


@internal
@pure
def unfilled(_open: ISeizure.Open) -> uint256:
    # What an order repays of debts if it is filled: its margin repays none.
    return _open.left - min(_open.margin, _open.left)


@internal
@view
def ordered(
    _account: bytes32, _open: DynArray[ISeizure.Open, MAX_OPEN], _grace: uint256
) -> uint256:
    # The value that this chain's open orders may still repay, as far as they count; USD x 1e8.
    found: uint256 = 0
    for open: ISeizure.Open in _open:
        low: uint256 = 0
        high: uint256 = 0
        low, high = self.read_price(convert(open.collateral_asset, uint8))
        if self.counts(_account, open, high, _grace):
            found += self.unfilled(open)
    return found


# Parts of a judgement


@internal
@view
def _add_own(
    _judged: IJudge.Judged,
    _account: bytes32,
    _w: Weighed,
    _market: Market,
    _open: DynArray[ISeizure.Open, MAX_OPEN],
    _grace: uint256,
) -> IJudge.Judged:
    j: IJudge.Judged = _judged
    gone: uint256 = 0
    for open: ISeizure.Open in _open:
        asset: uint256 = open.collateral_asset
        if self.counts(_account, open, _market.high[asset], _grace):
            repaid: uint256 = self.unfilled(open)
            j.filled += repaid
            weight: uint256 = repaid * (BPS + open.bonus_bps) * _market.threshold_bps[asset]
            gone += weight // (BPS * BPS)
        j.busy = True
    j.gross_weight = _w.weight
    j.own_weight = _w.weight - min(gone, _w.weight)
    j.weight = j.own_weight
    j.read_weight = j.own_weight
    j.debt = _w.debt
    j.low_weight = _w.low_weight
    j.low_debt = _w.low_debt
    return j


@internal
@view
def _add_read(
    _judged: IJudge.Judged,
    _entry: quantities.Entry,
    _market: Market,
    _grace: uint256,
    _min_leg: uint256,
) -> IJudge.Judged:
    j: IJudge.Judged = _judged
    age: uint256 = block.timestamp - _entry.time
    unread: bool = age > _grace
    w: Weighed = self._weigh(_entry, _market, _min_leg, age if unread else 0)
    gone: uint256 = 0
    # As this chain's own orders: one that nobody would fill is not taken as filled.
    if w.locked >= max(_entry.ordered, 1):
        j.filled += _entry.ordered
        gone = min(_entry.ordered * w.locked_weight // w.locked, w.weight)
    j.busy = j.busy or _entry.ordered > 0 or w.locked >= _min_leg
    j.abroad = j.abroad or w.matters
    j.unread = j.unread or unread
    j.gross_weight += w.weight
    j.weight += w.weight - gone
    if not unread:
        j.read_weight += w.weight - gone
        if w.weight > 0:
            j.oldest = min(j.oldest, _entry.time)
    j.debt += w.debt
    j.low_weight += w.low_weight
    j.low_debt += max(w.low_debt, w.lines_in) if unread else w.low_debt
    return j


@internal
@view
def _add_unknown(
    _judged: IJudge.Judged,
    _account: bytes32,
    _chain: uint64,
    _legs: IVault.Legs,
    _market: Market,
    _min_leg: uint256,
) -> IJudge.Judged:
    # A chain that no statement told of: only lines say what may be there.
    j: IJudge.Judged = _judged
    j.unread = True
    lines: uint256 = 0
    for i: uint256 in range(len(_legs.lines_out), bound=MAX_ASSETS):
        asset: uint8 = convert(i, uint8)
        if _legs.lines_out[i] > 0:
            out: uint256 = staticcall IVault(wiring.vault).line_out(_account, _chain, asset)
            lines += curve.value_up(out, _market.carry[i])
        if _legs.lines_in[i] > 0:
            inward: uint256 = staticcall IVault(wiring.vault).line_in(_account, _chain, asset)
            j.never = j.never or curve.value_up(inward, _market.high[i]) >= _min_leg
    j.low_debt += lines
    j.never = j.never or lines >= _min_leg
    return j


@internal
@pure
def _weigh(_e: quantities.Entry, _m: Market, _min_leg: uint256, _age: uint256) -> Weighed:
    # An age other than zero is that of an unread chain.
    w: Weighed = empty(Weighed)
    for i: uint256 in range(MAX_ASSETS):
        held: uint256 = curve.value_down(_e.collateral[i] + _e.added[i], _m.high[i])
        if held >= _min_leg:
            w.weight += held * _m.threshold_bps[i] // BPS
        free: uint256 = _e.collateral[i] - min(_e.locked[i], _e.collateral[i])
        kept: uint256 = curve.value_down(free, _m.low[i])
        if kept >= _min_leg and _age == 0:
            w.low_weight += kept * _m.threshold_bps[i] // BPS
        owed: uint256 = _e.debt[i] - min(_e.repaid[i], _e.debt[i])
        w.debt += curve.value_up(owed, _m.low[i])
        grown: uint256 = _e.debt[i] + curve.div_up(_e.debt[i] * _m.max_rate[i] * _age, WAD * YEAR)
        most: uint256 = curve.value_up(grown, _m.high[i])
        w.low_debt += most
        locked: uint256 = curve.value_down(_e.locked[i], _m.high[i])
        w.locked += locked
        w.locked_weight += locked * _m.threshold_bps[i] // BPS
        w.lines_in += curve.value_up(_e.lines_in[i], _m.carry[i])
        w.matters = w.matters or held >= _min_leg or most >= _min_leg
    return w


@internal
@pure
def _own(_legs: IVault.Legs) -> quantities.Entry:
    found: quantities.Entry = empty(quantities.Entry)
    for i: uint256 in range(len(_legs.collateral), bound=MAX_ASSETS):
        found.collateral[i] = _legs.collateral[i]
        found.debt[i] = _legs.debt[i]
        found.locked[i] = _legs.locked[i]
        found.lines_in[i] = _legs.lines_in[i]
    return found


# Prices


@internal
@view
def _read_market(_mask: uint256) -> Market:
    found: Market = empty(Market)
    for i: uint256 in range(MAX_ASSETS):
        if (_mask >> i) & 1 == 0:
            continue
        asset: uint8 = convert(i, uint8)
        found.low[i], found.high[i] = self.read_price(asset)
        listed: IVault.Terms = staticcall IVault(wiring.vault).terms(asset)
        found.carry[i] = curve.div_up(found.high[i] * listed.ltv_bps, BPS)
        found.threshold_bps[i] = listed.threshold_bps
        found.max_rate[i] = listed.max_rate
    return found


@internal
@view
def read_price(_asset: uint8) -> (uint256, uint256):
    # The lowest and the highest it may be: the same where the feed is good.
    done: bool = False
    answer: Bytes[32] = b""
    done, answer = raw_call(
        wiring.vault,
        abi_encode(_asset, method_id=method_id("price(uint8)")),
        max_outsize=32,
        is_static_call=True,
        revert_on_failure=False,
    )
    if done and len(answer) == 32:
        found: uint256 = convert(answer, uint256)
        return found, found
    feed: Feed = staticcall Feeds(wiring.vault).feed_of(_asset)
    assert feed.highest > 0, "price"
    return feed.lowest, feed.highest


@internal
@view
def _lines_value(_legs: IVault.Legs, _market: Market) -> uint256:
    total: uint256 = 0
    for i: uint256 in range(len(_legs.lines_in), bound=MAX_ASSETS):
        units: uint256 = _legs.lines_in[i] + _legs.lines_out[i]
        total += curve.value_up(units, _market.high[i])
    return total


@internal
@pure
def _mask(_e: quantities.Entry) -> uint256:
    mask: uint256 = 0
    for i: uint256 in range(MAX_ASSETS):
        some: uint256 = _e.collateral[i] | _e.debt[i] | _e.locked[i] | _e.lines_in[i] | _e.added[i]
        if some > 0:
            mask |= 1 << i
    return mask


@internal
@pure
def _mask_lines(_legs: IVault.Legs) -> uint256:
    mask: uint256 = 0
    for i: uint256 in range(len(_legs.lines_out), bound=MAX_ASSETS):
        if _legs.lines_out[i] > 0:
            mask |= 1 << i
    return mask
