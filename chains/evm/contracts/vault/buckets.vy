# pragma version 0.4.3
# @license Apache-2.0
"""
@title Leaky buckets: how much may leave within an hour
@dev What leaves fills a bucket that leaks its whole size in an hour: no hour sees more than twice
     the size go, nor any moment more than once. What comes in makes room for what leaves in the
     same transaction only, so that no stranger's deposit makes room for a thief, and a flash loan
     fills no bucket.
"""


struct Level:
    used: uint256
    at: uint256


HOUR: constant(uint256) = 3600

levels: HashMap[uint256, Level]
came: transient(HashMap[uint256, uint256])
went: transient(HashMap[uint256, uint256])


@internal
@view
def room(_bucket: uint256, _size: uint256) -> uint256:
    used: uint256 = self._used(_bucket, _size)
    return _size - min(used, _size)


@internal
def take(_bucket: uint256, _size: uint256, _units: uint256):
    came: uint256 = self.came[_bucket]
    went: uint256 = self.went[_bucket]
    self.went[_bucket] = went + _units
    added: uint256 = self._excess(went + _units, came) - self._excess(went, came)
    used: uint256 = self._used(_bucket, _size) + added
    assert used <= _size, "cap"
    self.levels[_bucket] = Level(used=used, at=block.timestamp)


@internal
def give(_bucket: uint256, _size: uint256, _units: uint256):
    came: uint256 = self.came[_bucket]
    went: uint256 = self.went[_bucket]
    self.came[_bucket] = came + _units
    returned: uint256 = self._excess(went, came) - self._excess(went, came + _units)
    if returned > 0:
        used: uint256 = self._used(_bucket, _size)
        self.levels[_bucket] = Level(used=used - min(used, returned), at=block.timestamp)


@internal
@view
def _used(_bucket: uint256, _size: uint256) -> uint256:
    level: Level = self.levels[_bucket]
    leaked: uint256 = _size * (block.timestamp - level.at) // HOUR
    return level.used - min(level.used, leaked)


@internal
@pure
def _excess(_one: uint256, _other: uint256) -> uint256:
    return _one - min(_one, _other)
