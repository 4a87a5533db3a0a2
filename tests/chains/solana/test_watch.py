"""What becomes of a transaction, told by looks at the chain."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st
from solders.signature import Signature

from chains.model.anchor import Finality
from chains.solana.decode import ChainPoint, Look, SignatureStatus
from chains.solana.watch import Stage, TransactionWatch

LAST_VALID = 150


def watch(finality: Finality = Finality.SAFE) -> TransactionWatch:
    return TransactionWatch(
        signature=Signature.default(),
        signed_slot=1_000,
        last_valid_height=LAST_VALID,
        finality=finality,
    )


def look(
    height: int, seen: Finality | None = None, *, behind: int = 0, history_from: int = 0
) -> Look:
    slot = 1_000 + 2 * height
    status = None if seen is None else SignatureStatus(slot=slot, finality=seen, error=None)
    return Look(
        point=ChainPoint(slot=slot, height=height),
        status=status,
        status_slot=slot - behind,
        history_from=history_from,
    )


def test_it_is_confirmed_at_the_finality_asked_for_and_not_before() -> None:
    for wanted, stages in (
        (Finality.SAFE, [Stage.PENDING, Stage.SEEN, Stage.CONFIRMED]),
        (Finality.FINALIZED, [Stage.PENDING, Stage.SEEN, Stage.SEEN]),
    ):
        seen, found = watch(wanted), []
        for each in (look(1), look(2, Finality.LATEST), look(3, Finality.SAFE)):
            seen = seen.advance(each)
            found.append(seen.stage)
        assert found == stages
    assert seen.advance(look(40, Finality.FINALIZED)).is_settled


def test_dropped_with_its_block_it_is_to_be_sent_again_as_it_is() -> None:
    seen = watch().advance(look(2, Finality.LATEST)).advance(look(3))
    assert (seen.stage, seen.drops, seen.is_absent, seen.may_resign) == (
        Stage.PENDING,
        1,
        True,
        False,
    )


def test_it_may_be_signed_anew_only_past_its_last_valid_height() -> None:
    at_the_limit = watch().advance(look(LAST_VALID))
    assert (at_the_limit.stage, at_the_limit.may_resign) == (Stage.PENDING, False)
    past = at_the_limit.advance(look(LAST_VALID + 1))
    assert (past.stage, past.may_resign, past.is_absent) == (Stage.EXPIRED, True, False)


def test_a_status_from_before_the_limit_was_passed_settles_nothing() -> None:
    assert watch().advance(look(LAST_VALID + 1, behind=1)).stage is Stage.PENDING


def test_seen_past_the_limit_in_an_unconfirmed_block_it_is_not_signed_anew() -> None:
    seen = watch().advance(look(LAST_VALID + 1, Finality.LATEST))
    assert (seen.stage, seen.may_resign) == (Stage.SEEN, False)


def test_a_node_that_forgot_those_slots_cannot_say_that_it_never_landed() -> None:
    seen = watch().advance(look(9_000, history_from=1_001))
    assert (seen.stage, seen.may_resign, seen.is_settled) == (Stage.UNKNOWN, False, True)
    assert watch().advance(look(9_000, history_from=1_000)).stage is Stage.EXPIRED


@dataclass
class Chain:
    """Where ours is: in a block of the height `landed`, which is confirmed one block later."""

    height: int = 1
    landed: int | None = None
    history: list[Stage] = field(default_factory=list)

    @property
    def confirmed(self) -> int:
        return self.height - 1

    def look(self, *, behind: bool) -> Look:
        status = None
        if self.landed is not None:
            level = Finality.SAFE if self.landed <= self.confirmed else Finality.LATEST
            status = SignatureStatus(slot=1_000 + 2 * self.landed, finality=level, error=None)
        point = ChainPoint(slot=1_000 + 2 * self.confirmed, height=self.confirmed)
        # A node that lags answers of a time when ours may not have landed yet.
        return Look(
            point=point,
            status=None if behind else status,
            status_slot=point.slot - 1 if behind else point.slot + 2,
            history_from=0,
        )


EVENTS = st.lists(
    st.sampled_from(["block", "blocks", "land", "drop", "lagging"]), min_size=1, max_size=40
)


@given(EVENTS)
def test_whatever_happens_it_is_never_signed_anew_beside_one_that_can_land(
    events: list[str],
) -> None:
    chain, seen = Chain(), watch()
    for event in events:
        match event:
            case "block":
                chain.height += 1
            case "blocks":
                chain.height += 60
            case "land" if chain.landed is None and chain.height <= LAST_VALID:
                chain.landed = chain.height
            case "drop" if chain.landed == chain.height:
                chain.landed = None
        seen = seen.advance(chain.look(behind=event == "lagging"))
        if seen.may_resign:
            assert chain.landed is None
            assert chain.confirmed > LAST_VALID
        if seen.stage is Stage.CONFIRMED:
            assert chain.landed is not None
