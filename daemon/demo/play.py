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
from chains.model.units import BPS, USD, WAD
from daemon.demo.cast import ALICE, BANDS, Cast, open_rpc
from daemon.demo.figures import Figures
from daemon.demo.stage import STEP_S, Daemon, DemoError, find_action
from daemon.devnet import control
from daemon.devnet.calls import decode_result, encode_call
from daemon.devnet.folder import DevnetState, Folder, RunningChain
from proofs.document import decode_document
from proofs.typed import encode_words
from proofs.verify import Expected, verify_file

FIRST_SHOCK: Final = Decimal(-30)
SECOND_SHOCK: Final = Decimal(-10)
_VERIFY: Final = f"verify({ATTESTATION},uint256,bytes)"


@dataclass(slots=True, kw_only=True)
class Play:
    """What the acts share."""

    folder: Folder
    state: DevnetState
    cast: Cast
    daemon: Daemon
    say: Callable[[str], None]
    figures: Figures = field(default_factory=Figures)

    def run(self) -> Figures:
        """Play all acts; DemoError or DevnetError where one does not hold."""
        self.open()
        self.rescue()
        self.liquidate()
        self.verify()
        status = control.read_status(self.folder)
        self.figures.chains = [
            {"id": f"eip155:{chain.number}", "height": chain.height} for chain in status.chains
        ]
        return self.figures

    def open(self) -> None:
        """Show the account as it begins."""
        health = self.daemon.wait("the account to be complete", STEP_S, self._complete)
        self.figures.health_before = health["unified"]["health_factor"]
        self._show(health, "Before")
        self._keep_attestation("before", lambda factor: factor == self._wad(health))

    def rescue(self) -> None:
        """Let WETH fall until the unified health is under its trigger, and wait for the cure."""
        trigger, _ = BANDS[MandateKind.UNIFIED]
        with self._timed("rescue"):
            self.say(f"\nWETH falls by {-FIRST_SHOCK} % on both chains …")
            control.shock(self.folder, "WETH", FIRST_SHOCK)
            factor = self._keep_attestation("after-shock", lambda found: found < trigger)
            self.figures.health_after_shock = _decimal(factor)
            self.say(f"unified health is {_decimal(factor)[:6]}, under its trigger; attested")
            action = self.daemon.wait(
                "the rescue", STEP_S, lambda: find_action(self.daemon, "unified")
            )
        self.figures.rescue = _describe_rescue(action)
        self._show_candidates(action)
        health = self.daemon.wait("health to be restored", STEP_S, self._restored)
        self.figures.health_after_rescue = health["unified"]["health_factor"]
        self._show(health, "After the rescue")
        self._keep_attestation("after-rescue", lambda found: found >= trigger)

    def liquidate(self) -> None:
        """Let WETH fall until the stranger is unhealthy, and wait for his liquidation."""
        with self._timed("liquidation"):
            self.say(f"\nWETH falls by another {-SECOND_SHOCK} % …")
            control.shock(self.folder, "WETH", SECOND_SHOCK)
            action = self.daemon.wait(
                "the liquidation", STEP_S, lambda: find_action(self.daemon, "liquidation")
            )
        if AccountId.parse(action["account"]).evm_address != self.cast.stranger:
            raise DemoError(f"{action['account']} was liquidated, who is not the stranger")
        profit = self._realised_profit(action)
        if profit <= 0:
            raise DemoError(f"the liquidation made no profit: {profit} USD")
        self.figures.liquidation = {
            "chain": action["chain"],
            "profit_usd": f"{profit:.2f}",
            "tx": action["tx_hash"],
        }
        decided = action["decision"]
        self.say(
            f"a stranger with native health {decided['health'][:6]} is liquidated on "
            f"{action['chain']}: profit {profit:.2f} USD after gas\n"
            f"  transaction {action['tx_hash']}"
        )

    def verify(self) -> None:
        """Check every attestation offline, then the last one on both chains."""
        self.say("")
        last = b""
        for kept in self.figures.attestations:
            last = Path(kept["path"]).read_bytes()
            header = decode_document(last).statement.header
            expected = Expected(
                deployment=self.state.deployment, members=frozenset({self.state.keeper})
            )
            verify_file(last, expected, now=header.issued_at)
            self.say(f"offline: consistent, unanchored: {kept['path']}")
        for chain in self.state.chains:
            self._verify_on(chain, last)

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

    def _realised_profit(self, action: Mapping[str, Any]) -> Decimal:
        """Give what the contract paid out less the gas, in dollars at the protocol's prices."""
        chain = next(c for c in self.state.chains if f":{c.deployment.number}" in action["chain"])
        receipt = open_rpc(chain).request("eth_getTransactionReceipt", action["tx_hash"])
        wei = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
        status = control.read_status(self.folder)
        prices = next(c.prices for c in status.chains if c.number == chain.deployment.number)
        usdc = chain.deployment.tokens["USDC"]
        units = Decimal(str(action["effect"]["profit_units"]))
        earned = units / 10**usdc.decimals
        gas = Decimal(wei) / WAD * prices["WETH"].protocol / USD
        profit: Decimal = earned * prices["USDC"].protocol / USD - gas
        return profit

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
