"""The demo's committee: four daemons, three of which must sign; one dies, one is lied to."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from chains.model.ids import Address
from daemon.demo.cast import ALICE, Cast
from daemon.demo.liar import Liar
from daemon.demo.stage import STEP_S, Daemon, DemoError, end, start_daemon
from daemon.devnet import control
from daemon.devnet.folder import DevnetState, Folder

SIZE: Final = 4
THRESHOLD: Final = 3
MORTAL: Final = 3
GULLIBLE: Final = 2
"""Who dies, and whose node lies."""
LIED_ABOUT: Final = "cheap"
HIDDEN: Final = "WBTC"
HIDDEN_SHOCK: Final = Decimal(1)
"""What its node does not tell of: a rise in percent."""


@dataclass(slots=True, kw_only=True)
class Members:
    """The daemons by their number: the first is the keeper, the others only attest."""

    folder: Folder
    state: DevnetState
    cast: Cast
    liar: Liar
    say: Callable[[str], None]
    daemons: dict[int, Daemon] = field(default_factory=dict)

    def start(self, number: int) -> None:
        """Start a member's daemon."""
        lied_to = {LIED_ABOUT: self.liar.url} if number == GULLIBLE else {}
        self.daemons[number] = start_daemon(
            self.folder, self.state, self.cast, number=number, rpc=lied_to
        )

    def start_all(self, stack: ExitStack) -> Daemon:
        """Start everybody, to be ended with the stack; give the keeper's once it is ready."""
        stack.callback(self._end_all)
        for number in range(SIZE):
            self.start(number)
        for daemon in self.daemons.values():
            daemon.wait_until_ready()
        return self.daemons[0]

    def _end_all(self) -> None:
        for daemon in self.daemons.values():
            end(daemon.process)

    def play(self) -> dict[str, Any]:
        """Kill one, lie to another, both at once, heal; DemoError where it does not hold."""
        everybody = self._wait_for_signers("the committee", lambda _: True)
        self.say(f"\na committee of {SIZE} attests, {THRESHOLD} must sign: {_names(everybody)} did")
        killed = self._kill()
        self.daemons.pop(MORTAL)
        self.start(MORTAL)
        self._wait_for_signers(
            "the one that came back", lambda found: self._address(MORTAL) in found
        )
        self.say("it is started again and signs again")
        doubting, refusal = self._lie()
        self._kill_silently()
        reason = self._wait_for_silence()
        self.liar.tell_the_truth()
        self.daemons.pop(MORTAL)
        self.start(MORTAL)
        healed = self._wait_for_signers("the healed committee", lambda _: True)
        self.say(f"both are healed: {_names(healed)} sign, it goes on")
        return {
            "n": SIZE,
            "k": THRESHOLD,
            "signed": [sorted(everybody), sorted(killed), sorted(doubting), sorted(healed)],
            "refused": [refusal],
            "stopped": reason,
        }

    def _kill(self) -> frozenset[str]:
        self._kill_silently()
        signers = self._wait_for_signers(
            "the three that are left", lambda found: self._address(MORTAL) not in found
        )
        self.say(f"one is killed: {_names(signers)} sign")
        return signers

    def _kill_silently(self) -> None:
        process = self.daemons[MORTAL].process
        process.kill()
        process.wait()

    def _lie(self) -> tuple[frozenset[str], dict[str, str]]:
        self.liar.lie()
        control.shock(self.folder, HIDDEN, HIDDEN_SHOCK)
        refusal = self.daemons[0].wait("the refusal of who is lied to", STEP_S, self._find_refusal)
        signers = self._wait_for_signers(
            "those who are not lied to", lambda found: self._address(GULLIBLE) not in found
        )
        self.say(
            f"the node of another hides that {HIDDEN} rose: {_names(signers)} sign,"
            f" it refuses: {refusal['reason']}"
        )
        return signers, refusal

    def _find_refusal(self) -> dict[str, str] | None:
        """Look at every member: a refusal is on record with who refused and who was refused."""
        for daemon in self.daemons.values():
            for found in daemon.get("/v1/committee")["refusals"]:
                if found["member"].lower() == self._address(GULLIBLE):
                    return {"member": found["member"], "reason": found["reason"]}
        return None

    def _wait_for_silence(self) -> str:
        def look() -> str | None:
            lost: str | None = self._account()["lost"]
            return lost

        reason = self.daemons[0].wait("the quorum to be lost", STEP_S, look)
        self.say(f"both at once: no quorum, and nobody signs for them: {reason}")
        return reason

    def _wait_for_signers(
        self, whose: str, wanted: Callable[[frozenset[str]], bool]
    ) -> frozenset[str]:
        """Wait for an attestation newer than now whose signers are wanted."""
        before = self._account()["sequence"] or -1

        def look() -> frozenset[str] | None:
            account = self._account()
            signers = frozenset(signer.lower() for signer in account["signers"])
            newer = (account["sequence"] or -1) > before
            return signers if newer and len(signers) >= THRESHOLD and wanted(signers) else None

        return self.daemons[0].wait(f"an attestation by {whose}", STEP_S, look)

    def _account(self) -> Mapping[str, Any]:
        accounts = self.daemons[0].get("/v1/committee")["accounts"]
        found = next((one for one in accounts if one["id"] == ALICE), None)
        if found is None:
            raise DemoError(f"the committee knows no {ALICE}")
        account: Mapping[str, Any] = found
        return account

    def _address(self, number: int) -> Address:
        return self.state.members[number]


def open_liar(state: DevnetState) -> AbstractContextManager[Liar]:
    """Put the endpoint that can lie before the chain it lies about."""
    [chain] = [found for found in state.chains if found.deployment.name == LIED_ABOUT]
    return Liar(int(chain.rpc_url.rpartition(":")[2])).serving()


def _names(addresses: frozenset[str]) -> str:
    return ", ".join(address[:8] for address in sorted(addresses))
