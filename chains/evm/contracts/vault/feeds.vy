# pragma version 0.4.3
# @license Apache-2.0
"""
@title What assets cost by this chain's own feeds, USD x 1e8
@dev Feeds speak Chainlink's AggregatorV3Interface. A price that is missing, not positive, out of
     its bounds, older than its heartbeat or from the future reverts with price, and so does every
     price while the sequencer is down or has been up for less than its grace.
"""


struct Feed:
    source: address
    unit: uint256  # 10 ** the feed's decimals
    heartbeat: uint256  # seconds
    lowest: uint256  # USD x 1e8
    highest: uint256


interface Aggregator:
    def decimals() -> uint8: view


event FeedSet:
    asset: indexed(uint8)
    source: indexed(address)
    heartbeat: uint256
    lowest: uint256
    highest: uint256


USD: constant(uint256) = 10**8

feed_of: public(HashMap[uint8, Feed])
# Zero on a chain without a sequencer.
sequencer: public(address)
sequencer_grace: public(uint256)


@internal
def set_feed(_asset: uint8, _source: address, _heartbeat: uint256, _lowest: uint256, _highest: uint256):
    assert _source.is_contract and _heartbeat > 0, "feed"
    assert _lowest > 0 and _lowest < _highest and _highest < 2**96, "bounds"
    decimals: uint8 = staticcall Aggregator(_source).decimals()
    assert decimals <= 36, "feed"
    self.feed_of[_asset] = Feed(
        source=_source,
        unit=10 ** convert(decimals, uint256),
        heartbeat=_heartbeat,
        lowest=_lowest,
        highest=_highest,
    )
    log FeedSet(
        asset=_asset, source=_source, heartbeat=_heartbeat, lowest=_lowest, highest=_highest
    )


@internal
@view
def price(_asset: uint8) -> uint256:
    feed: Feed = self.feed_of[_asset]
    answer: int256 = 0
    started: uint256 = 0
    updated: uint256 = 0
    answer, started, updated = self._read(feed.source)
    # No feed answers with more than 96 bits of dollars, whatever its decimals.
    self._believe(0 < answer and answer < 2**215 and updated <= block.timestamp)
    found: uint256 = convert(answer, uint256) * USD // feed.unit
    self._believe(updated + feed.heartbeat >= block.timestamp)
    self._believe(feed.lowest <= found and found <= feed.highest)
    if self.sequencer != empty(address):
        answer, started, updated = self._read(self.sequencer)
        self._believe(answer == 0 and 0 < started and started <= block.timestamp)
        self._believe(block.timestamp - started > self.sequencer_grace)
    return found


@internal
@view
def _read(_source: address) -> (int256, uint256, uint256):
    # (round, answer, started at, updated at, answered in); an address without code answers nothing.
    done: bool = False
    answer: Bytes[160] = b""
    done, answer = raw_call(
        _source,
        method_id("latestRoundData()"),
        max_outsize=160,
        is_static_call=True,
        revert_on_failure=False,
    )
    self._believe(done and len(answer) == 160)
    return (
        extract32(answer, 32, output_type=int256),
        extract32(answer, 64, output_type=uint256),
        extract32(answer, 96, output_type=uint256),
    )


@internal
@pure
def _believe(_sound: bool):
    assert _sound, "price"
