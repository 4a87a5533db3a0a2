"""Two real chains with our contracts and three people on them, for whole stories.

Alice is collateral-heavy on the cheap chain (6 WETH) and debt-heavy on the dear one (0.5 WBTC
against 20 000 USDC): native health 1.125 there, unified health 1.62. She keeps 5 WETH and 10 000
USDC idle on both and gives the keeper all four kinds of mandate. A stranger owes 11 000 USDC
against 10 WETH on the cheap chain: native health 1.5. Made once; every story is undone after it.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from eth_hash.auto import keccak

from chains.evm.decode import decode_data
from chains.evm.multicall import ViewResult
from chains.evm.rescue import MandateTerms, build_set_mandate, plan_funds
from chains.model.action import Instrument
from chains.model.ids import AccountId, Address
from chains.model.snapshot import Mandate, MandateKind
from chains.model.units import BPS, WAD, Bps, Wad
from daemon.devnet.folder import DevnetState, Folder, RunningChain
from daemon.devnet.keystores import write_keystore
from daemon.devnet.own import OwnContracts, deploy_own
from daemon.devnet.runfile import format_run_file
from proofs.committee import Committee
from proofs.statement import AccountLeaf, calculate_leaves_root
from tests.support.devnet import DevChain, Devnet, derive_accounts, run_devnet
from tests.support.rescue import read_time

DEPLOYMENT: Final = "plimsoll-stories"
KEEPER_KEY: Final = keccak(b"the keeper of the stories")
ATTESTER_KEY: Final = keccak(b"the attester of the stories")
SALT: Final = keccak(b"alice's salt")
IDLE: Final[Mapping[str, int]] = {"WETH": 5 * 10**18, "USDC": 10_000 * 10**6}
BOTH: Final = frozenset({Instrument.REPAY, Instrument.SUPPLY})
BANDS: Final = {
    MandateKind.UNIFIED: (Wad(150 * WAD // 100), Wad(160 * WAD // 100)),
    MandateKind.NATIVE: (Wad(110 * WAD // 100), Wad(120 * WAD // 100)),
}
ALICE, STRANGER, BYSTANDER = (account.address for account in derive_accounts()[1:4])
_DAY: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The chains, our contracts on each by label, and the folder of the key and run.toml."""

    net: Devnet
    contracts: Mapping[str, OwnContracts]
    keeper: Address
    attester: Address
    folder: Folder

    def chain(self, name: str) -> DevChain:
        """Give a chain by label."""
        return next(chain for chain in self.net.chains if chain.name == name)

    @property
    def members(self) -> tuple[AccountId, ...]:
        """Alice's accounts in the order that is attested."""
        return tuple(AccountId(chain.chain_id, ALICE) for chain in self.net.chains)

    def set_mandate(self, name: str, kind: MandateKind, symbol: str, **changes: Any) -> None:  # noqa: ANN401 -- any field
        """Let Alice give the keeper a mandate over a token of hers, or change it."""
        chain = self.chain(name)
        terms = replace(self._terms(chain, kind, symbol), **changes)
        call = build_set_mandate(self.contracts[name].rescue, terms)
        chain.send_call(call, sender=ALICE)

    def read_mandates(self, name: str) -> tuple[Mandate, ...]:
        """Read Alice's mandates on a chain, with what the contract remembers of each."""
        chain, rescue = self.chain(name), self.contracts[name].rescue
        plan = plan_funds(chain.chain_id, rescue, [AccountId(chain.chain_id, ALICE)])
        [call] = plan.calls
        asked = {"to": call.target, "data": "0x" + call.data.hex()}
        data = decode_data(chain.rpc.request("eth_call", asked, "latest"))
        [funds] = plan.decode([ViewResult(success=True, data=data)])
        return funds.mandates

    def _terms(self, chain: DevChain, kind: MandateKind, symbol: str) -> MandateTerms:
        trigger, target = BANDS[kind]
        terms = MandateTerms(
            kind=kind,
            pool=chain.deployment.aave.pool,
            asset=chain.deployment.tokens[symbol].address,
            instruments=BOTH,
            keeper=self.keeper,
            trigger=trigger,
            target=target,
            per_action=IDLE[symbol],
            per_day=IDLE[symbol],
            deadline=read_time(chain) + 7 * _DAY,
            max_loss_bps=Bps(BPS // 100),
        )
        if kind is MandateKind.NATIVE:
            return terms
        leaves = [
            AccountLeaf(index=i, caip10=str(member), salt=SALT)
            for i, member in enumerate(self.members)
        ]
        return replace(
            terms,
            account_set_root=calculate_leaves_root(leaves),
            verifier=self.contracts[chain.name].verifier,
            max_age_s=60,
            slack_bps=Bps(BPS // 20),
        )


@contextmanager
def open_stage() -> Iterator[Stage]:
    """Start both chains and put everybody in place."""
    with run_devnet() as net, tempfile.TemporaryDirectory(prefix="plimsoll-stage-") as path:
        folder = Folder.open(Path(path))
        keeper = write_keystore(KEEPER_KEY, folder.keystore, folder.password_file)
        attester = write_keystore(
            ATTESTER_KEY, folder.attestation_keystore, folder.attestation_password_file
        )
        committee = Committee.first(DEPLOYMENT, [attester], 1)
        contracts = {
            chain.name: deploy_own(chain, deployment=DEPLOYMENT, keeper=keeper, committee=committee)
            for chain in net.chains
        }
        stage = Stage(net=net, contracts=contracts, keeper=keeper, attester=attester, folder=folder)
        for chain in net.chains:
            chain.set_balance(keeper, 100 * 10**18)
        _open_positions(net)
        _give_mandates(stage)
        folder.run_file.write_text(format_run_file(_describe(stage), folder))
        yield stage


def _open_positions(net: Devnet) -> None:
    net.cheap.supply("WETH", ALICE, 6 * 10**18)
    net.dear.supply("WBTC", ALICE, 5 * 10**7)
    net.dear.borrow("USDC", ALICE, 20_000 * 10**6)
    net.cheap.supply("WETH", STRANGER, 10 * 10**18)
    net.cheap.borrow("USDC", STRANGER, 11_000 * 10**6)


def _give_mandates(stage: Stage) -> None:
    for chain in stage.net.chains:
        for symbol, units in IDLE.items():
            chain.mint(symbol, ALICE, units)
            chain.approve(symbol, stage.contracts[chain.name].rescue, ALICE)
            for kind in MandateKind:
                stage.set_mandate(chain.name, kind, symbol)


def _describe(stage: Stage) -> DevnetState:
    return DevnetState(
        pid=0,
        started_at=0,
        deployment=DEPLOYMENT,
        keeper=stage.keeper,
        attester=stage.attester,
        run_file=stage.folder.run_file,
        chains=tuple(
            RunningChain(
                rpc_url=chain.url,
                ws_url=chain.ws_url,
                deployment=chain.deployment,
                contracts=stage.contracts[chain.name],
            )
            for chain in stage.net.chains
        ),
    )


def format_accounts(members: Sequence[AccountId], **policy: object) -> str:
    """Write Alice's margin account with her policy; cooldown 1 s, so that it hides no fault."""
    terms: dict[str, object] = {"min_size_usd": "10", "max_cost_usd": "50", "cooldown_s": 1}
    rules = "".join(f"{key} = {json.dumps(value)}\n" for key, value in (terms | policy).items())
    return (
        f'[[accounts]]\nid = "alice"\nmembers = {json.dumps([str(m) for m in members])}\n'
        f'salt = "0x{SALT.hex()}"\n'
        "[accounts.policy]\n"
        'unified = { trigger = "1.50", target = "1.60" }\n'
        'native = { trigger = "1.10", target = "1.20" }\n'
        f"{rules}"
    )
