# pragma version 0.4.3
# @title A price feed of the devnet that its owner sets
# @notice Speaks Chainlink's AggregatorV3Interface plus the older `latestAnswer` family, which
#         AaveOracle reads. `set_at` and `set_round` make the rounds a keeper must refuse: old
#         ones, ones from the future, ones that never completed; and a sequencer's up or down.

event AnswerUpdated:
    current: indexed(int256)
    roundId: indexed(uint256)
    updatedAt: uint256

struct Round:
    answer: int256
    started_at: uint256
    updated_at: uint256
    answered_in: uint80

owner: public(immutable(address))
decimals: public(immutable(uint8))
description: public(String[32])
latestRound: public(uint80)
rounds: HashMap[uint80, Round]


@deploy
def __init__(_decimals: uint8, answer: int256, _description: String[32]):
    owner = msg.sender
    decimals = _decimals
    self.description = _description
    self._push(answer, block.timestamp, block.timestamp, 1)


@internal
def _push(answer: int256, started_at: uint256, updated_at: uint256, answered_in: uint80):
    round_id: uint80 = self.latestRound + 1
    self.latestRound = round_id
    self.rounds[round_id] = Round(
        answer=answer, started_at=started_at, updated_at=updated_at, answered_in=answered_in
    )
    log AnswerUpdated(
        current=answer, roundId=convert(round_id, uint256), updatedAt=updated_at
    )


@internal
@view
def _read(round_id: uint80) -> (uint80, int256, uint256, uint256, uint80):
    found: Round = self.rounds[round_id]
    return round_id, found.answer, found.started_at, found.updated_at, found.answered_in


@external
def set(answer: int256):
    """
    @notice Open and complete a round now.
    """
    assert msg.sender == owner, "owner"
    self._push(answer, block.timestamp, block.timestamp, self.latestRound + 1)


@external
def set_at(answer: int256, updated_at: uint256):
    """
    @notice Complete a round at any time, 0 for a round that is not complete.
    """
    assert msg.sender == owner, "owner"
    self._push(answer, updated_at, updated_at, self.latestRound + 1)


@external
def set_round(answer: int256, started_at: uint256, updated_at: uint256, answered_in: uint80):
    """
    @notice Push a round with every field chosen.
    """
    assert msg.sender == owner, "owner"
    self._push(answer, started_at, updated_at, answered_in)


@external
@view
def latestRoundData() -> (uint80, int256, uint256, uint256, uint80):
    return self._read(self.latestRound)


@external
@view
def getRoundData(round_id: uint80) -> (uint80, int256, uint256, uint256, uint80):
    assert round_id != 0 and round_id <= self.latestRound, "No data present"
    return self._read(round_id)


@external
@view
def latestAnswer() -> int256:
    return self.rounds[self.latestRound].answer


@external
@view
def latestTimestamp() -> uint256:
    return self.rounds[self.latestRound].updated_at


@external
@pure
def version() -> uint256:
    return 4
