"""The story, act by act; every act waits for what it promises and fails when it does not come."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from chains.evm.rescue import ATTESTATION
from chains.model.ids import AccountId
from chains.model.snapshot import MandateKind
from chains.model.units import BPS, WAD
from daemon.demo.cast import ALICE, BANDS, Cast, open_rpc
from daemon.demo.figures import Figures
from daemon.demo.profit import realised_profit
from daemon.demo.quorum import Members
from daemon.demo.stage import STEP_S, Daemon, DemoError, find_action
from daemon.demo.vault import VaultAct
from daemon.devnet import control
from daemon.devnet.calls import decode_result, encode_call
from daemon.devnet.folder import DevnetState, Folder, RunningChain
from daemon.devnet.solana.deployment import NAME as SOLANA_NAME
from proofs.document import decode_document
from proofs.statement import Evidence
from proofs.typed import encode_words
from proofs.verify import Expected, verify_file

FIRST_SHOCK: Final = Decimal(-30)
SECOND_SHOCK: Final = Decimal(-25)
SOLANA_SHOCK: Final = Decimal(-15)
DEAR_UNIT_PRICE: Final = Decimal(40_000_000)
"""Micro-lamports for each compute unit: a crowded Solana, dearer than the cheap chain."""
_VERIFY: Final = f"verify({ATTESTATION},uint256,bytes)"


@dataclass(slots=True, kw_only=True)
class Play:
    """What the acts share."""

    folder: Folder
    state: DevnetState
    cast: Cast
    daemon: Daemon
    members: Members
    say: Callable[[str], None]
    figures: Figures = field(default_factory=Figures)
    _done: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def run(self) -> Figures:
        """Play all acts; DemoError or DevnetError where one does not hold."""
        self.open()
        self.attest_together()
        self.rescue()
        self.rescue_elsewhere()
        self.liquidate()
        self.liquidate_on_solana()
        # Attestations expire while the last act takes its time.
        self.verify()
        self.liquidate_across()
        self.figures.chains = [
            {"id": chain.caip2, "height": chain.height}
            for chain in control.read_status(self.folder).chains
        ]
        return self.figures

    def open(self) -> None:
        """Show the account as it begins."""
        health = self.daemon.wait("the account to be complete", STEP_S, self._complete)
        self.figures.health_before = health["unified"]["health_factor"]
        self._show(health, "Before")
        self._keep_attestation("before", lambda factor: factor == self._wad(health))

    def attest_together(self) -> None:
        """Lose members of the committee, one by one and both, and heal it."""
        with self._timed("committee"):
            self.figures.committee = self.members.play()

    def rescue(self) -> None:
        """Let WETH fall until the unified health is under its trigger, and wait for the cure."""
        with self._timed("rescue"):
            factor = self._shock_weth(FIRST_SHOCK, "after-shock")
            self.figures.health_after_shock = _decimal(factor)
            action = self._wait_for("unified")
        self.figures.rescue = _describe_rescue(action)
        self._show_candidates(action)
        health = self.daemon.wait("health to be restored", STEP_S, self._restored)
        self.figures.health_after_rescue = health["unified"]["health_factor"]
        self._show(health, "After the rescue")
        trigger, _ = BANDS[MandateKind.UNIFIED]
        self._keep_attestation("after-rescue", lambda found: found >= trigger)

    def rescue_elsewhere(self) -> None:
        """Make the chain of the first rescue dear, let WETH fall again, and see another chosen."""
        first = self._done["unified"]
        with self._timed("rescue_elsewhere"):
            self.say(f"\nSolana grows crowded: {DEAR_UNIT_PRICE} micro-lamports for each unit …")
            control.set_base_fee(self.folder, SOLANA_NAME, DEAR_UNIT_PRICE)
            self._shock_weth(SECOND_SHOCK, "after-second-shock")
            action = self._wait_for("unified")
        self._show_candidates(action)
        if action["chain"] == first["chain"]:
            raise DemoError(f"the second rescue is on {action['chain']} again, now the dearer one")
        self.figures.rescue_elsewhere = _describe_rescue(action)
        health = self.daemon.wait("health to be restored again", STEP_S, self._restored)
        self._show(health, "After the second rescue")

    def liquidate(self) -> None:
        """Wait for the liquidation of the stranger whom WETH's second fall made unhealthy."""
        chain = str(self.cast.chains[0])
        stranger = AccountId(self.cast.chains[0], self.cast.stranger)
        with self._timed("liquidation"):
            action = self._wait_for("liquidation", chain=chain)
        self.figures.liquidation = self._judge_liquidation(action, stranger)

    def liquidate_on_solana(self) -> None:
        """Let SOL fall until the stranger in Save is unhealthy, and wait for his liquidation."""
        stranger = self.cast.wallets.stranger_account
        with self._timed("liquidation_on_solana"):
            control.set_base_fee(self.folder, SOLANA_NAME, Decimal(0))
            self.say(f"\nSOL falls by {-SOLANA_SHOCK} % …")
            control.shock(self.folder, "SOL", SOLANA_SHOCK)
            action = self._wait_for("liquidation", chain=str(stranger.chain))
        self.figures.liquidation_on_solana = self._judge_liquidation(action, stranger)

    def liquidate_across(self) -> None:
        """Open a vault account over both EVM chains and see it liquidated across the pair."""
        act = VaultAct(folder=self.folder, state=self.state, daemon=self.daemon, say=self.say)
        with self._timed("vault"):
            self.figures.vault = act.play()

    def _shock_weth(self, percent: Decimal, name: str) -> int:
        """Move WETH everywhere and give the attested health, which is under the trigger."""
        trigger, _ = BANDS[MandateKind.UNIFIED]
        self.say(f"\nWETH falls by {-percent} % on all three chains …")
        control.shock(self.folder, "WETH", percent)
        factor = self._keep_attestation(name, lambda found: found < trigger)
        self.say(f"unified health is {_decimal(factor)[:6]}, under its trigger; attested")
        return factor

    def _wait_for(self, purpose: str, *, chain: str | None = None) -> Mapping[str, Any]:
        """Wait for the next action of a purpose (on a chain) whose effect is known."""
        after = self._done.get(purpose, {"id": 0})["id"]
        action = self.daemon.wait(
            f"the {purpose} action",
            STEP_S,
            lambda: find_action(self.daemon, purpose, after=after, chain=chain),
        )
        self._done[purpose] = action
        return action

    def _judge_liquidation(
        self, action: Mapping[str, Any], stranger: AccountId
    ) -> Mapping[str, Any]:
        if AccountId.parse(action["account"]) != stranger:
            raise DemoError(f"{action['account']} was liquidated, who is not the stranger")
        profit = realised_profit(self.folder, self.state, action)
        if profit <= 0:
            raise DemoError(f"the liquidation made no profit: {profit} USD")
        self.say(
            f"\na stranger with native health {action['decision']['health'][:6]} is liquidated on "
            f"{action['chain']}: profit {profit:.2f} USD after fees\n"
            f"  transaction {action['tx_hash']}"
        )
        return {
            "chain": action["chain"],
            "profit_usd": f"{profit:.2f}",
            "tx": action["tx_hash"],
        }

    def verify(self) -> None:
        """Check every attestation offline, then the last one on both chains."""
        self.say("")
        last = b""
        for kept in self.figures.attestations:
            last = Path(kept["path"]).read_bytes()
            header = decode_document(last).statement.header
            expected = Expected(
                deployment=self.state.deployment, members=frozenset(self.state.members)
            )
            verify_file(last, expected, now=header.issued_at)
            self.say(f"offline: consistent, unanchored: {kept['path']}")
        self._show_evidence(last)
        for chain in self.state.chains:
            self._verify_on(chain, last)

    def _show_evidence(self, raw: bytes) -> None:
        """Say how strongly the leaves of a Solana position are backed; all must be quorum-read."""
        leaves = decode_document(raw).statement.leaves
        prefix = f"{self.cast.wallets.chain}"
        grades = {
            Evidence(leaf.evidence)
            for leaf in leaves.positions
            if leaves.blocks[leaf.block_ref].caip2 == prefix
        }
        if grades != {Evidence.QUORUM_READ}:
            raise DemoError(f"Solana's leaves are {grades or 'missing'}, not quorum-read")
        self.figures.solana_evidence = "quorum-read"
        self.say(f"Solana's leaves are labelled {self.figures.solana_evidence}")

    def _verify_on(self, chain: RunningChain, raw: bytes) -> None:
        document = decode_document(raw)
        envelope = document.envelope
        words = encode_words(envelope.header)
        data = encode_call(
            _VERIFY,
            decode_result(f"({ATTESTATION})", words)[0],
            envelope.bitmap,
            envelope.proof,
        )
        call = {"to": chain.contracts.verifier, "data": "0x" + data.hex()}
        answer = open_rpc(chain).request("eth_call", call, "latest")
        if bytes.fromhex(answer[2:]) != document.statement.digest:
            raise DemoError(f"the verifier on {chain.deployment.name} gives another digest")
        chain_id = f"eip155:{chain.deployment.number}"
        self.figures.verified_on.append(chain_id)
        self.say(f"verifier.vy on {chain_id} accepts it: digest {answer}")

    def _complete(self) -> Mapping[str, Any] | None:
        health: Mapping[str, Any] = self.daemon.get(f"/v1/accounts/{ALICE}/health")
        return health if health["complete"] else None

    def _restored(self) -> Mapping[str, Any] | None:
        health = self._complete()
        _, target = BANDS[MandateKind.UNIFIED]
        # Interest grows while the rescue is mined: a hundredth of a percent is given for it.
        return health if health and self._wad(health) >= target * (BPS - 1) // BPS else None

    @staticmethod
    def _wad(health: Mapping[str, Any]) -> int:
        return int(Decimal(health["unified"]["health_factor"]) * WAD)

    def _keep_attestation(self, name: str, wanted: Callable[[int], bool]) -> int:
        """Wait for an attestation whose factor is wanted, keep its file, give the factor."""

        def look() -> bytes | None:
            found = self.daemon.get(f"/v1/accounts/{ALICE}/attestation")
            raw = json.dumps(found, sort_keys=True, separators=(",", ":")).encode()
            header = decode_document(raw).statement.header
            return raw if wanted(header.health_factor_e18) else None

        raw = self.daemon.wait(f"the attestation {name}", STEP_S, look)
        path = self.folder.path / f"attestation-{name}.json"
        path.write_bytes(raw)
        statement = decode_document(raw).statement
        self.figures.attestations.append(
            {"path": str(path), "digest": "0x" + statement.digest.hex()}
        )
        return statement.header.health_factor_e18

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.figures.seconds[name] = round(time.monotonic() - started, 2)

    def _show(self, health: Mapping[str, Any], title: str) -> None:
        self.say(f"\n{title}: {ALICE}")
        self.say(f"  {'unified health':<18}{health['unified']['health_factor'][:6]}")
        self.say(f"  {'minimum native':<18}{health['minimum_native']['health_factor'][:6]}")
        self.say(f"  {'rescuable':<18}{(health['rescuable']['health_factor'] or 'no debt')[:6]}")
        self.say(f"  {'equity':<18}{health['unified']['equity_usd'][:-6]} USD")
        for position in health["positions"]:
            native = position["native"]["health_factor"]
            legs = ", ".join(_leg(leg) for leg in position["legs"])
            self.say(
                f"  {position['chain']} {position['protocol']} {position['version']:<5}"
                f"native {(native or 'no debt')[:7]:<9}{legs}"
            )

    def _show_candidates(self, action: Mapping[str, Any]) -> None:
        self.say("candidates, the chosen one first:")
        for candidate in action["decision"]["candidates"]:
            cost = candidate["cost_usd"]
            self.say(
                f"  {candidate['chain']} {candidate['instrument']:<7}{candidate['symbol']:<6}"
                f"{'no quote' if cost is None else f'{Decimal(cost):.4f} USD':<16}"
                f"{candidate['reason'] or 'chosen'}"
            )


def _leg(leg: Mapping[str, str]) -> str:
    sign = "-" if leg["side"] == "debt" else ""
    return f"{sign}{Decimal(leg['amount']):.4f} {leg['symbol']}"


def _describe_rescue(action: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "chain": action["chain"],
        "instrument": action["instrument"],
        "amount": action["effect"]["units"],
        "cost_usd": action["expected_cost_usd"],
        "candidates": [
            {key: candidate[key] for key in ("chain", "instrument", "cost_usd")}
            for candidate in action["decision"]["candidates"]
        ],
    }


def _decimal(factor: int) -> str:
    return f"{factor // WAD}.{factor % WAD:018d}"
