"""A Solana chain of its own for each story, whose slots pass only when the story says so.

Alice has the same mandates there as on the EVM chains, for her debt in USDC. A stranger owes 55 000
USDC against 500 SOL, a bystander 51 000: native health 1.09 and 1.18.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eth_hash.auto import keccak
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from chains.model.ids import AccountId, Address, ChainId
from chains.model.snapshot import MandateKind
from chains.solana.rescue import Debt, Rescued, decode_rescued
from daemon.demo.wallets import DEBT, IDLE, WalletMandates
from daemon.devnet.committee import found_committee
from daemon.devnet.folder import DevnetState, Folder, RunningChain, RunningSolana
from daemon.devnet.runfile import format_run_file
from daemon.devnet.solana.actors import SOL
from daemon.devnet.solana.chain import LiveSolana
from daemon.devnet.solana.deployment import NodeKind
from daemon.devnet.solana.hosting import SolanaHost
from daemon.devnet.solana.sending import Sender
from daemon.devnet.solana.starting import start_solana
from proofs.statement import AccountLeaf, calculate_leaves_root
from tests.support.stage import ALICE, BANDS, DEPLOYMENT, SALT, Stage

USDC: Final = 10**6
IDLE_UNITS: Final = int(IDLE) * USDC
ALICES_KEY: Final = Keypair.from_seed(keccak(b"alice on solana"))
STRANGERS_KEY: Final = Keypair.from_seed(keccak(b"the stranger on solana"))
BYSTANDERS_KEY: Final = Keypair.from_seed(keccak(b"the bystander on solana"))
_FEES: Final = 10 * SOL
_QUICK_MS: Final = 10
"""Between slots while the stage is set."""
_PROCESSED: Final = {"commitment": "processed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Units that somebody deposits in Save, and units he borrows against them, by symbol."""

    deposits: Mapping[str, int]
    borrows: Mapping[str, int]


DEBT_HEAVY: Final = Position(deposits={"SOL": 196 * SOL}, borrows={DEBT: 20_600 * USDC})
"""Native health 1.142; with 6 WETH on the cheap chain beside it the unified one is 1.62."""
COLLATERAL_HEAVY: Final = Position(deposits={"SOL": 100 * SOL}, borrows={DEBT: 1_000 * USDC})
"""Native health 12; with her debt on the dear chain beside it the unified one is 1.64."""
STRANGERS: Final = Position(deposits={"SOL": 500 * SOL}, borrows={DEBT: 55_000 * USDC})
BYSTANDERS: Final = Position(deposits={"SOL": 500 * SOL}, borrows={DEBT: 51_000 * USDC})


@dataclass(frozen=True, slots=True, kw_only=True)
class SolanaStage:
    """The chain, and the folder of its keys and of run.toml; `evm` is the label of the other."""

    chain: LiveSolana
    running: RunningSolana
    folder: Folder
    evm: str
    members: tuple[AccountId, ...]

    @property
    def chain_id(self) -> ChainId:
        """The chain's CAIP-2 id, another for each story."""
        return self.chain.chain_id

    @property
    def rescue(self) -> Pubkey:
        """Our program for mandates."""
        return Pubkey.from_string(str(self.running.deployment.rescue))

    @property
    def keeper(self) -> Pubkey:
        """The keeper's key."""
        return Pubkey.from_string(self.running.keeper)

    @property
    def debt(self) -> Debt:
        """What Alice owes, and where."""
        actors, wallet = self.chain.actors, ALICES_KEY.pubkey()
        accounts, setup = actors.deployment.find_token(DEBT).accounts, actors.deployment.setup
        return Debt(
            owner=wallet,
            obligation=actors.obligation_of(wallet),
            lending=setup.program,
            market=setup.market,
            reserve=accounts.reserve,
            supply=accounts.supply,
            mint=accounts.mint,
        )

    def read_slot(self) -> int:
        """Read the newest confirmed slot."""
        return int(self.chain.rpc.request("getSlot", {"commitment": "confirmed"}))

    def set_faults(self, **faults: object) -> None:
        """Let the node ail, as daemon.devnet.solana.faults says."""
        self.chain.rpc.request("node_setFaults", faults)

    def post(self, key: Keypair, *instructions: Instruction) -> str:
        """Send instructions in the open slot, signed and paid by a wallet."""
        return Sender(self.chain.rpc, key).post(instructions)

    def count_idle(self) -> int:
        """Give what Alice holds idle of what she owes."""
        return self.chain.actors.read_units(ALICES_KEY.pubkey(), DEBT)

    def find_rescues(self) -> list[Rescued]:
        """Give the rescues in the chain's slots, the open one among them, the oldest first."""
        found = (decode_rescued(logs, self.rescue) for logs in self._read_logs())
        return [rescue for rescue in found if rescue is not None]

    def list_landed(self, key: Pubkey) -> list[tuple[str, object]]:
        """Give the signatures and errors of the transactions that name a key, the oldest first."""
        found = self.chain.rpc.request("getSignaturesForAddress", str(key), _PROCESSED)
        return [(each["signature"], each["err"]) for each in reversed(found)]

    def _read_logs(self) -> Iterator[list[str]]:
        config = _PROCESSED | {"encoding": "base64", "maxSupportedTransactionVersion": 0}
        for signature, _ in self.list_landed(self.rescue):
            yield self.chain.rpc.request("getTransaction", signature, config)["meta"]["logMessages"]


@contextmanager
def open_solana(stage: Stage, path: Path, *, evm: str, position: Position) -> Iterator[SolanaStage]:
    """Start a chain, put everybody in place, and let Alice's mandates on both chains name both."""
    folder = Folder.open(path)
    made = stage.folder
    attesting = (made.attestation_keystore, made.attestation_password_file)
    for file in (made.keystore, made.password_file, *attesting):
        shutil.copy(file, folder.path)
    with SolanaHost.start(NodeKind.OWN, folder.path / "node", slot_ms=_QUICK_MS) as host:
        chain, running = start_solana(
            host,
            folder,
            deployment=DEPLOYMENT,
            committee=found_committee(DEPLOYMENT, [stage.attester]),
        )
        members = (
            AccountId(stage.chain(evm).chain_id, ALICE),
            AccountId(chain.chain_id, Address(str(ALICES_KEY.pubkey()))),
        )
        _open_positions(chain, position)
        _give_mandates(stage, chain, running, evm, _calculate_root(members))
        host.rpc.request("surfnet_pauseClock")
        folder.run_file.write_text(format_run_file(_describe(stage, running, folder, evm), folder))
        yield SolanaStage(chain=chain, running=running, folder=folder, evm=evm, members=members)


def _open_positions(chain: LiveSolana, position: Position) -> None:
    strangers = (STRANGERS_KEY, STRANGERS), (BYSTANDERS_KEY, BYSTANDERS)
    for key, held in ((ALICES_KEY, position), *strangers):
        chain.actors.post_funds(key.pubkey(), lamports=_FEES)
        chain.actors.open_position(key, deposits=held.deposits, borrows=held.borrows)


def _give_mandates(
    stage: Stage, chain: LiveSolana, running: RunningSolana, evm: str, root: bytes
) -> None:
    chain.actors.fund(ALICES_KEY.pubkey(), tokens={DEBT: IDLE_UNITS})
    mandates = WalletMandates(keeper=running.keeper, bands=BANDS, account_set_root=root)
    mandates.give(chain.actors, ALICES_KEY)
    for symbol in ("WETH", "USDC"):
        stage.set_mandate(evm, MandateKind.UNIFIED, symbol, account_set_root=root)


def _calculate_root(members: tuple[AccountId, ...]) -> bytes:
    return calculate_leaves_root(
        [AccountLeaf(index=i, caip10=str(m), salt=SALT) for i, m in enumerate(members)]
    )


def _describe(stage: Stage, running: RunningSolana, folder: Folder, evm: str) -> DevnetState:
    chain = stage.chain(evm)
    return DevnetState(
        pid=0,
        started_at=0,
        deployment=DEPLOYMENT,
        keeper=stage.keeper,
        attester=stage.attester,
        run_file=folder.run_file,
        chains=(
            RunningChain(
                rpc_url=chain.url,
                ws_url=chain.ws_url,
                deployment=chain.deployment,
                contracts=stage.contracts[evm],
            ),
        ),
        solana=running,
    )
