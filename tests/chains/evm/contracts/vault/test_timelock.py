"""timelock.vy: nothing at once but to cancel, to pause and to veto."""

import pytest

from chains.model.ids import Address
from tests.support.rescue import refused
from tests.support.vault_rules import govern, pause
from tests.support.vaults import GOVERNOR, GUARDIAN, STRANGER, TERMS, Ground, VaultChain

pytestmark = pytest.mark.net

SET_SEQUENCER = "set_sequencer(address,uint256)"
PROPOSE = "propose(address,bytes)"
ENACT = "enact(address,bytes)"
CANCEL = "cancel(address,bytes)"
INCOMING = True
WINDOW = 14 * 86_400


@pytest.fixture
def a(vaults: Ground) -> VaultChain:
    return vaults.a


def lock(place: VaultChain, signature: str, *args: object, sender: Address = GOVERNOR) -> None:
    place.do(place.ledger.timelock, signature, *args, sender=sender)


def proposal(place: VaultChain, grace: int = 77) -> tuple[str, bytes]:
    return place.vault, place.encode(SET_SEQUENCER, STRANGER, grace)


def test_the_owner_proposes_and_anybody_enacts_when_the_time_has_come(a: VaultChain) -> None:
    call = proposal(a)
    assert refused(lock, a, ENACT, *call) == "proposal"
    assert refused(lock, a, PROPOSE, *call, sender=GUARDIAN) == "owner"
    lock(a, PROPOSE, *call)
    assert refused(lock, a, PROPOSE, *call) == "proposed"
    assert refused(lock, a, ENACT, *call) == "early"
    a.advance(TERMS.delay_s)
    lock(a, ENACT, *call, sender=STRANGER)
    assert refused(lock, a, ENACT, *call) == "proposal"


def test_the_guardian_cancels_and_what_nobody_wanted_lapses(a: VaultChain) -> None:
    call = proposal(a)
    lock(a, PROPOSE, *call)
    assert refused(lock, a, CANCEL, *call, sender=STRANGER) == "role"
    lock(a, CANCEL, *call, sender=GUARDIAN)
    a.advance(TERMS.delay_s)
    assert refused(lock, a, ENACT, *call) == "proposal"
    lock(a, PROPOSE, *call)
    a.chain.advance(TERMS.delay_s + WINDOW + 1)
    assert refused(lock, a, ENACT, *call) == "expired"


def test_some_calls_wait_longer_from_when_the_owner_says_so(a: VaultChain) -> None:
    call = proposal(a)
    selector = a.encode(SET_SEQUENCER, STRANGER, 0)[:4]
    words = (a.vault, selector)
    assert refused(lock, a, "require_long(address,bytes4)", *words, sender=GUARDIAN) == "owner"
    lock(a, "require_long(address,bytes4)", *words)
    lock(a, PROPOSE, *call)
    a.advance(TERMS.delay_s)
    assert refused(lock, a, ENACT, *call) == "early"
    a.advance(TERMS.long_delay_s - TERMS.delay_s)
    lock(a, ENACT, *call)


def test_nobody_but_the_timelock_sets_anything_and_nobody_at_once(a: VaultChain) -> None:
    setters = {
        SET_SEQUENCER: (STRANGER, 0),
        "set_feed(uint8,address,uint256,uint256,uint256)": (0, a.pool, 1, 1, 2),
        "set_line_cap(uint64,uint8,bool,uint256)": (5, 0, INCOMING, 1),
        "pause()": (),
        "unpause()": (),
    }
    for signature, args in setters.items():
        for sender in (GOVERNOR, GUARDIAN, a.chain.deployment.owner):
            assert refused(a.do, a.vault, signature, *args, sender=sender) == "owner"


def test_roles_change_by_a_proposal_to_itself(a: VaultChain) -> None:
    roles = "set_roles(address,address)"
    assert refused(lock, a, roles, STRANGER, STRANGER) == "self"
    govern(a, a.ledger.timelock, roles, STRANGER, GUARDIAN)
    assert refused(lock, a, PROPOSE, *proposal(a)) == "owner"
    lock(a, PROPOSE, *proposal(a), sender=STRANGER)


def test_only_the_guardian_pauses_and_vetoes(a: VaultChain) -> None:
    assert refused(lock, a, "pause(address)", a.vault) == "guardian"
    words = (a.seizure, bytes(32), 1)
    assert refused(lock, a, "veto(address,bytes32,uint8)", *words) == "guardian"
    assert refused(lock, a, "unpause(address)", a.vault, sender=STRANGER) == "role"
    pause(a)
    lock(a, "unpause(address)", a.vault)


def test_a_call_that_fails_waits_on(a: VaultChain) -> None:
    data = a.encode("set_line_cap(uint64,uint8,bool,uint256)", a.number, 0, INCOMING, 1)
    lock(a, PROPOSE, a.vault, data)
    a.advance(TERMS.delay_s)
    assert refused(lock, a, ENACT, a.vault, data) == "chain"
