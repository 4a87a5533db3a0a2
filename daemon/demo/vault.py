"""The vault act: all collateral on the cheap chain, all debt on the dear one, liquidated across.

Vera opens an account of the deployment's vaults with the commands anybody types. The committee
carries her line to the other chain. WETH falls until her unified health is under 1; the keeper
locks on one chain, fills on the other and claims on the first, and her health is at its target.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from chains.model.ids import Address, ChainId
from chains.model.units import BPS, WAD
from daemon.demo.cast import open_rpc
from daemon.demo.quorum import THRESHOLD
from daemon.demo.stage import STEP_S, Daemon, DemoError
from daemon.demo.terminal import Terminal
from daemon.devnet import control
from daemon.devnet.calls import encode_call
from daemon.devnet.deployment import CHEAP, DEAR
from daemon.devnet.folder import DevnetState, Folder, RunningChain
from daemon.devnet.keystores import draw_key, write_keystore
from daemon.devnet.vaults import VAULT_ASSETS, SeizureTerms, VaultContracts

COLLATERAL: Final = "40"
"""WETH that Vera deposits, and lends to the other chain."""
OPENING_HEALTH: Final = Decimal("1.04")
THRESHOLD_OF_WETH: Final = Decimal("0.825")
SHOCK: Final = Decimal(-6)
KEEPER_USDC: Final = Decimal(60_000)
TARGET: Final = SeizureTerms().target_e18
_STAGES: Final = ("locked", "filled", "claimed", "restored")


@dataclass(slots=True, kw_only=True)
class VaultAct:
    """The act; it fails where something does not hold."""

    folder: Folder
    state: DevnetState
    daemon: Daemon
    say: Callable[[str], None]
    account: str = ""
    gas: dict[str, int] = field(default_factory=dict)
    _terminal: Terminal = field(init=False)

    def play(self) -> dict[str, Any]:
        """Open, shock, liquidate across the pair, and settle the accounts; gives the figures."""
        self.say("\nan account of the vaults: all collateral on one chain, all debt on the other")
        self._open()
        signers = self._check_line()
        self._check_legs()
        self.say(f"\nWETH falls by {-SHOCK} % …")
        control.shock(self.folder, "WETH", SHOCK)
        began = time.monotonic()
        stages = self._watch(began)
        report = self._report()
        [order] = report["orders"]
        self._count_gas()
        bad_debt = self._check_books()
        self.say(
            f"{_usd(order['filled_usd'])} USD are liquidated across the pair, done after"
            f" {stages['restored']} s; bad debt {bad_debt}; every token is accounted for"
        )
        self.daemon.wait("both chains to agree", STEP_S, self._agreed)
        self._show_status()
        return {
            "collateral_on": f"eip155:{CHEAP.number}",
            "debt_on": f"eip155:{DEAR.number}",
            "liquidated_value": order["filled_usd"],
            "seconds": stages["restored"],
            "stages": stages,
            "gas": self.gas,
            "bad_debt": bad_debt,
            "line_signed_by": signers,
            "health_after": self._health(report),
        }

    def _open(self) -> None:
        keystore, password = self.folder.path / "vera.json", self.folder.path / "vera-password"
        vera = write_keystore(draw_key(), keystore, password)
        control.faucet(self.folder, vera, control.NATIVE, Decimal(10))
        control.faucet(self.folder, vera, "WETH", Decimal(COLLATERAL), chain=CHEAP.name)
        control.faucet(self.folder, self.state.keeper, "USDC", KEEPER_USDC, chain=DEAR.name)
        key = ("--keystore", str(keystore), "--password-file", str(password))
        files = [word for file in self.daemon.config for word in ("--config", str(file))]
        self._terminal = Terminal(options=(*files, *key), say=self.say)
        self.account = self._type("open", CHEAP.name)["account"]
        self._type("deposit", self.account, CHEAP.name, "WETH", COLLATERAL)
        self._type("line", self.account, CHEAP.name, DEAR.name, "WETH", COLLATERAL)
        price = Decimal(self._price("WETH")) / Decimal(self._price("USDC"))
        most = Decimal(COLLATERAL) * price * THRESHOLD_OF_WETH / OPENING_HEALTH
        self._type("borrow", self.account, DEAR.name, "USDC", f"{most:.0f}")

    def _type(self, *words: str) -> Mapping[str, Any]:
        options = (self._url,) if words[0] == "line" else ()
        found: Mapping[str, Any] = self._terminal.ask("vault", *words, options=options)
        for sent in found["transactions"]:
            name = sent["what"].partition(" ")[0]
            self.gas[name] = max(self.gas.get(name, 0), sent["gas_used"])
        return found

    def _price(self, symbol: str) -> int:
        chains = control.read_status(self.folder).chains
        dear = next(chain for chain in chains if chain.number == DEAR.number)
        return dear.prices[symbol].protocol

    def _report(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.daemon.get(f"/v1/vaults/{self.account}")
        return found

    def _check_line(self) -> list[str]:
        """See that a quorum's statement carried the line; give who signed it."""
        path = f"/v1/vaults/statements?account={self.account}&kind=RAISED"
        [found] = self.daemon.get(path)["statements"]
        document = found["document"]
        listed = document["committee"]["members"]
        places = [int(signed["member"]) for signed in document["signatures"]]
        signers = [str(listed[place]) for place in places]
        if len(signers) < THRESHOLD:
            raise DemoError(f"the line was carried by {len(signers)} members, not a quorum")
        self.say(
            f"{len(signers)} of {len(listed)} members state the line, and the other chain counts it"
        )
        return signers

    def _check_legs(self) -> None:
        """Wait until the report knows the debt; see on which chains she holds and owes."""

        def look() -> Mapping[str, Any] | None:
            report = self._report()
            return report if self._sides(report)[1] and self._health(report) else None

        report = self.daemon.wait("the debt in the vault's report", STEP_S, look)
        held, owed = self._sides(report)
        if (held, owed) != ({f"eip155:{CHEAP.number}"}, {f"eip155:{DEAR.number}"}):
            raise DemoError(f"collateral lies on {held} and debt on {owed}")
        self._show_status()

    @staticmethod
    def _sides(report: Mapping[str, Any]) -> tuple[set[str], set[str]]:
        held, owed = (
            {c["chain"] for c in report["chains"] for leg in c["legs"] if Decimal(leg[name])}
            for name in ("collateral", "debt")
        )
        return held, owed

    @staticmethod
    def _health(report: Mapping[str, Any]) -> str | None:
        """Give the high bound of unified health at the collateral's chain."""
        chain = next(c for c in report["chains"] if c["chain"] == f"eip155:{CHEAP.number}")
        health = chain["health"]
        found: str | None = health["high"] if health else None
        return found

    def _agreed(self) -> bool | None:
        """Say whether both chains tell the same health: each is told of the other's blocks late."""
        healths = [chain["health"] for chain in self._report()["chains"]]
        if not all(health and health["high"] for health in healths):
            return None
        low, high = sorted(Decimal(health["high"]) for health in healths)
        return high - low < Decimal("0.01") or None

    def _watch(self, began: float) -> dict[str, float]:
        """Wait for lock, fill, claim and target, saying each; seconds since the fall."""
        seen: dict[str, float] = {}

        def look() -> dict[str, float] | None:
            report = self._report()
            for stage in self._reached(report):
                if stage not in seen:
                    seen[stage] = round(time.monotonic() - began, 1)
                    self.say(f"  {seen[stage]:>5} s  {self._tell(stage, report)}")
            return seen if "restored" in seen else None

        return self.daemon.wait("the liquidation across the pair", STEP_S, look)

    def _reached(self, report: Mapping[str, Any]) -> list[str]:
        orders, health = report["orders"], self._health(report)
        fills = [fill for order in orders for fill in order["fills"]]
        claimed = bool(fills) and all(fill["paid"] for fill in fills)
        settled = claimed and all(order["state"] == "settled" for order in orders)
        whole = health is not None and Decimal(health) * BPS >= Decimal(TARGET) * (BPS - 1) / WAD
        reached = {
            "under": health is not None and Decimal(health) < 1,
            "locked": bool(orders),
            "filled": bool(fills),
            "claimed": claimed,
            "restored": settled and whole,
        }
        return [stage for stage, is_there in reached.items() if is_there]

    def _tell(self, stage: str, report: Mapping[str, Any]) -> str:
        health = (self._health(report) or "unknown")[:6]
        if stage == "under":
            return f"unified health is {health}: anybody may lock"
        [order] = report["orders"]
        if stage == "locked":
            where = f"{order['units'][:7]} WETH are locked on {order['collateral_chain']}"
            return f"{where} for {_usd(order['value_usd'])} USD of debt, bonus {order['bonus']}"
        if stage == "filled":
            repaid = f"{_usd(order['filled_usd'])} USD are repaid on {order['debt_chain']}"
            return f"{repaid}: a receipt that never lapses"
        if stage == "claimed":
            paid = sum(Decimal(fill["paid"]) for fill in order["fills"])
            return f"the receipt is paid on {order['collateral_chain']}: {paid:.4f} WETH"
        return f"unified health is {health}, at its target"

    def _count_gas(self) -> None:
        """Add what the keeper's steps used, from their receipts; DemoError where one is missing."""
        rpcs = {f"eip155:{c.deployment.number}": open_rpc(c) for c in self.state.chains}
        for action in self.daemon.get("/v1/actions?limit=100")["actions"]:
            if action["purpose"] != "vault" or action["subject"] != self.account:
                continue
            rpc, name = rpcs[action["chain"]], action["instrument"]
            receipt = rpc.request("eth_getTransactionReceipt", action["tx_hash"])
            if receipt is not None:
                self.gas[name] = max(self.gas.get(name, 0), int(receipt["gasUsed"], 16))
        if missing := {"lock", "fill", "claim"} - set(self.gas):
            raise DemoError(f"the keeper shows no {', '.join(sorted(missing))} of its own")

    def _check_books(self) -> str:
        """See that both chains' contracts hold exactly what they owe, and that no debt is bad."""
        bad = 0
        for chain in self.state.chains:
            contracts = _contracts(chain)
            ledger = contracts.ledger
            for number, symbol in enumerate(VAULT_ASSETS):
                bad += self._ask(
                    chain,
                    ledger.vault,
                    "bad_debt(bytes32,uint8)",
                    bytes.fromhex(self.account[2:]),
                    number,
                )
                token = chain.deployment.tokens[symbol].address
                for holder in (ledger.vault, ledger.pool):
                    holds = self._ask(chain, token, "balanceOf(address)", holder)
                    owes = self._ask(chain, holder, "custody(uint8)", number)
                    if holds != owes:
                        name = ChainId.evm(chain.deployment.number)
                        raise DemoError(f"{holder} on {name} holds {holds} {symbol}, owes {owes}")
        if bad:
            raise DemoError(f"the liquidation left bad debt: {bad} wad units")
        return "0"

    def _ask(self, chain: RunningChain, to: Address, signature: str, *args: object) -> int:
        data = "0x" + encode_call(signature, *args).hex()
        answer: str = open_rpc(chain).request("eth_call", {"to": to, "data": data}, "latest")
        return int(answer, 16)

    def _show_status(self) -> None:
        self._terminal.show("vault", "status", self.account, options=(self._url,))

    @property
    def _url(self) -> str:
        return f"--url=http://127.0.0.1:{self.daemon.port}"


def _contracts(chain: RunningChain) -> VaultContracts:
    if chain.vaults is None:
        raise DemoError(f"the devnet has no vaults on {chain.deployment.name}")
    return chain.vaults.contracts


def _usd(text: str) -> str:
    return f"{Decimal(text):,.2f}"
