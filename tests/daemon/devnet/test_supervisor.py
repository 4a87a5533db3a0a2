"""The running devnet: one owner, obeyed, and nothing left when it goes."""

import json
import os
import signal
import socket
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from chains.model.ids import Address
from chains.model.units import USD
from chains.solana.tokens import derive_token_account
from config.evm import EvmSettings
from config.load import load
from config.solana import SolanaSettings
from daemon.devnet import control, launch
from daemon.devnet.artifacts import ROOT
from daemon.devnet.calls import decode_result, encode_call
from daemon.devnet.committee import found_committee
from daemon.devnet.deployment import GWEI
from daemon.devnet.errors import DevnetError
from daemon.devnet.folder import Folder
from daemon.devnet.rpc import Rpc
from daemon.devnet.solana.actors import Actors
from daemon.devnet.solana.deployment import NodeKind
from daemon.devnet.solana.sending import read_accounts
from daemon.devnet.solana.starting import KEEPER_LAMPORTS, KEEPER_TOKENS

pytestmark = pytest.mark.net

RECEIVER = "0x" + "5e" * 20


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    """Give one devnet that tests may ask for anything but to end."""
    folder = Folder.open(tmp_path_factory.mktemp("supervised"))
    launch.up(folder, refresh_s=2, solana=NodeKind.OWN, progress=print)
    try:
        yield folder
    finally:
        launch.down(folder)


def find_children(pid: int) -> list[int]:
    """List the living processes whose parent is `pid`, zombies left out."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(") ")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(status.parent.name))
    return found


def read_command(pid: int) -> str:
    """Give a process's command line."""
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")


def is_alive(pid: int) -> bool:
    """Tell whether a process runs, a zombie counting as gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def read_newest_fee(rpc: Rpc, accounts: Sequence[str]) -> int:
    """Give what the newest block that tells of it charged for writing to accounts."""
    recent = rpc.request("getRecentPrioritizationFees", accounts)
    fee: int = max(recent, key=lambda block: block["slot"])["prioritizationFee"] if recent else -1
    return fee


def wait_for(holds: Callable[[], bool], seconds: float = 15) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


@pytest.fixture
def nodes(running: Folder) -> Iterator[tuple[Rpc, Rpc]]:
    """Open a connection to each chain's node."""
    cheap, dear = (
        Rpc(int(chain.rpc_url.rpartition(":")[2])) for chain in running.read_state().chains
    )
    yield cheap, dear
    cheap.close()
    dear.close()


def send_line(folder: Folder, line: bytes) -> dict[str, str]:
    """Say anything to the control socket."""
    with socket.socket(socket.AF_UNIX) as connection, folder.socket_path() as path:
        connection.connect(path)
        connection.sendall(line)
        answer: dict[str, str] = json.loads(connection.makefile().readline())
        return answer


def test_run_toml_over_devnet_toml_is_a_whole_configuration(running: Folder) -> None:
    state = running.read_state()
    settings = load([ROOT / "config" / "devnet.toml", running.run_file], environment={})
    assert settings.deployment == state.deployment
    evm = [chain for chain in settings.chains.values() if isinstance(chain, EvmSettings)]
    assert [str(chain.caip2) for chain in evm] == ["eip155:31337", "eip155:31338"]
    assert settings.keys.keystore == running.keystore
    for chain, made in zip(evm, state.chains, strict=True):
        assert chain.contracts.rescue == made.contracts.rescue
        assert chain.contracts.liquidator == made.contracts.liquidator
        assert chain.contracts.verifier == made.contracts.verifier
        assert chain.vault is not None
        assert made.vaults is not None
        assert chain.vault.vault == made.vaults.contracts.ledger.vault
        assert chain.vault.seizure == made.vaults.contracts.seizure
        assert chain.vault.notary == made.vaults.contracts.notary
        assert chain.vault.assets == ("WETH", "USDC")
        assert chain.uniswap_v3 is not None
        assert chain.uniswap_v3.router == made.deployment.uniswap.router
        assert chain.markets[0].pool == made.deployment.aave.pool
        assert {symbol: token.reference_feed for symbol, token in chain.tokens.items()} == {
            symbol: token.reference_feed for symbol, token in made.deployment.tokens.items()
        }


def test_vaults_are_sealed_lend_and_count_the_devnets_committee(
    running: Folder, nodes: tuple[Rpc, Rpc]
) -> None:
    state = running.read_state()
    committee = found_committee(state.deployment, state.members)
    for chain, node in zip(state.chains, nodes, strict=True):
        assert chain.vaults is not None
        contracts = chain.vaults.contracts

        def ask(to: Address, signature: str, *args: object, rpc: Rpc = node) -> int:
            data = "0x" + encode_call(signature, *args).hex()
            answer = rpc.request("eth_call", {"to": to, "data": data}, "latest")
            return int.from_bytes(bytes.fromhex(answer[2:])[:32], "big")

        assert ask(contracts.ledger.vault, "seizure()") == int(contracts.seizure, 16)
        assert ask(contracts.notary, "committee()") == int.from_bytes(committee.id, "big")
        for number in range(2):
            assert ask(contracts.ledger.pool, "pool(uint8)", number) > 0, "its cash"


def test_run_toml_tells_of_solana_as_it_was_made(running: Folder) -> None:
    made = running.read_state().solana
    assert made is not None
    settings = load([ROOT / "config" / "devnet.toml", running.run_file], environment={})
    assert settings.keys.solana_keypair == running.solana_keypair
    [chain] = [chain for chain in settings.chains.values() if isinstance(chain, SolanaSettings)]
    deployment = made.deployment
    assert chain.caip2 == deployment.chain
    assert (chain.programs.rescue, chain.programs.committee) == (
        deployment.rescue,
        deployment.committee,
    )
    [market] = chain.markets
    assert market.market == deployment.market
    assert set(market.reserves) == {token.reserve for token in deployment.tokens.values()}
    assert [pool.vaults for pool in chain.pools] == [pool.vaults for pool in deployment.pools]
    assert {symbol: token.feed for symbol, token in chain.tokens.items()} == {
        symbol: token.feed for symbol, token in deployment.tokens.items()
    }


def test_the_throw_away_keys_are_readable_by_their_owner_only(running: Folder) -> None:
    secrets = (running.keystore, running.password_file, running.solana_keypair)
    attesting = (running.attestation_keystore, running.attestation_password_file)
    for file in (*secrets, *attesting, running.solana_owner):
        assert file.stat().st_mode & 0o077 == 0
    state = running.read_state()
    stores = (running.keystore, running.attestation_keystore)
    made = [json.loads(file.read_text())["address"] for file in stores]
    named = [f"0x{address.removeprefix('0x').lower()}" for address in made]
    assert named == [state.keeper, state.attester]
    assert state.keeper != state.attester
    assert state.solana is not None
    keypair = Keypair.from_bytes(bytes(json.loads(running.solana_keypair.read_text())))
    assert str(keypair.pubkey()) == state.solana.keeper


def test_the_keeper_on_solana_has_fees_and_an_inventory(running: Folder) -> None:
    state = running.read_state().solana
    assert state is not None
    actors, keeper = Actors.open(state, running), Pubkey.from_string(state.keeper)
    assert actors.read_lamports(keeper) == KEEPER_LAMPORTS
    for symbol, units in KEEPER_TOKENS.items():
        assert actors.read_units(keeper, symbol) == units
    collateral = [
        derive_token_account(keeper, token.accounts.collateral_mint)
        for token in state.deployment.tokens.values()
    ]
    assert None not in read_accounts(actors.rpc, collateral)
    actors.rpc.close()


def test_our_contracts_are_deployed_for_the_keeper_and_it_has_money(
    running: Folder, nodes: tuple[Rpc, Rpc]
) -> None:
    state = running.read_state()
    for rpc, chain in zip(nodes, state.chains, strict=True):
        for contract in (chain.contracts.rescue, chain.contracts.verifier):
            assert len(rpc.request("eth_getCode", contract, "latest")) > 1_000
        call = {"to": chain.contracts.liquidator, "data": "0x" + encode_call("operator()").hex()}
        answer = bytes.fromhex(rpc.request("eth_call", call, "latest")[2:])
        assert decode_result("(address)", answer) == (state.keeper,)
        assert int(rpc.request("eth_getBalance", state.keeper, "latest"), 16) >= 10**20


def test_a_block_comes_every_second_at_wall_time_and_the_set_base_fee(
    running: Folder, nodes: tuple[Rpc, Rpc]
) -> None:
    before = control.read_status(running)
    time.sleep(3.1)
    after = control.read_status(running)
    for rpc, old, new in zip(nodes, before.chains[:2], after.chains[:2], strict=True):
        assert 2 <= new.height - old.height <= 5
        assert abs(new.time - time.time()) < 3
        block = rpc.request("eth_getBlockByNumber", *("latest", False))
        assert int(block["baseFeePerGas"], 16) == new.base_fee_wei


def test_feeds_are_published_again_without_being_asked(
    running: Folder, nodes: tuple[Rpc, Rpc]
) -> None:
    chain, rpc = running.read_state().chains[1], nodes[1]
    feed = chain.deployment.tokens["USDC"].reference_feed
    call = {"to": feed, "data": "0x" + encode_call("latestRound()").hex()}
    before = int(rpc.request("eth_call", call, "latest"), 16)
    wait_for(lambda: int(rpc.request("eth_call", call, "latest"), 16) > before)


def test_a_shock_moves_all_chains_at_once(running: Folder) -> None:
    before = control.read_status(running)
    after = control.shock(running, "WETH", Decimal("-12.5"))
    assert [chain.name for chain in after.chains] == ["cheap", "dear", "solana"]
    for old, new in zip(before.chains, after.chains, strict=True):
        assert new.prices["WETH"].protocol == old.prices["WETH"].protocol * 7 // 8
        assert new.prices["WETH"].reference == old.prices["WETH"].reference * 7 // 8
        assert new.prices["USDC"] == old.prices["USDC"]


@pytest.mark.parametrize(("symbol", "having"), [("WBTC", 2), ("SOL", 1)])
def test_a_chain_without_an_asset_is_skipped(running: Folder, symbol: str, having: int) -> None:
    before = control.read_status(running)
    after = control.shock(running, symbol, Decimal(10))
    moved = [
        new.prices[symbol].protocol * 10 == old.prices[symbol].protocol * 11
        for old, new in zip(before.chains, after.chains, strict=True)
        if symbol in new.prices
    ]
    assert moved == [True] * having


def test_a_protocol_only_shock_parts_protocol_and_market(running: Folder) -> None:
    before = control.read_status(running)
    after = control.shock(running, "USDC", Decimal(10), protocol_only=True)
    for old, new in zip(before.chains, after.chains, strict=True):
        assert new.prices["USDC"].protocol == old.prices["USDC"].protocol * 11 // 10
        assert new.prices["USDC"].reference == old.prices["USDC"].reference


def test_mine_adds_the_blocks_asked_for_on_all_chains(running: Folder) -> None:
    before = control.read_status(running)
    after = control.mine(running, 20)
    for old, new in zip(before.chains, after.chains, strict=True):
        assert 20 <= new.height - old.height <= 24


def test_slots_pass_by_themselves(running: Folder) -> None:
    before = control.read_status(running).chains[2].height
    wait_for(lambda: control.read_status(running).chains[2].height >= before + 3)


def test_a_unit_price_shows_in_what_recent_slots_paid_and_goes_again(running: Folder) -> None:
    state = running.read_state().solana
    assert state is not None
    rpc = Rpc(int(state.rpc_url.rpartition(":")[2]))
    accounts = [state.deployment.tokens["SOL"].reserve, state.keeper]
    for price in (40_000, 0):
        status = control.set_base_fee(running, "solana", Decimal(price))
        assert status.chains[2].unit_price == price
        recent = rpc.request("getRecentPrioritizationFees", accounts)
        paid = sorted(slot["prioritizationFee"] for slot in recent)
        assert paid[len(paid) * 3 // 4] == price
    rpc.close()


def test_base_fee_is_in_the_next_block_and_in_all_after_it(
    running: Folder, nodes: tuple[Rpc, Rpc]
) -> None:
    status = control.set_base_fee(running, "cheap", Decimal("77.5"))
    control.mine(running, 3)
    fees = nodes[0].request("eth_feeHistory", hex(3), "latest", [])["baseFeePerGas"]
    assert [int(fee, 16) for fee in fees] == [int(Decimal("77.5") * GWEI)] * 4
    assert status.chains[1].base_fee_wei == 50 * GWEI


def test_the_faucet_gives_tokens_and_native_money_where_asked(
    running: Folder, nodes: tuple[Rpc, Rpc]
) -> None:
    control.faucet(running, RECEIVER, "USDC", Decimal("12.5"), chain="dear")
    control.faucet(running, RECEIVER, "native", Decimal(2))
    balances = []
    for rpc, chain in zip(nodes, running.read_state().chains, strict=True):
        data = encode_call("balanceOf(address)", RECEIVER)
        call = {"to": chain.deployment.tokens["USDC"].address, "data": "0x" + data.hex()}
        balances.append(int(rpc.request("eth_call", call, "latest"), 16))
        assert int(rpc.request("eth_getBalance", RECEIVER, "latest"), 16) == 2 * 10**18
    assert balances == [0, 12_500_000]


def test_the_faucet_gives_to_solana_addresses_on_solana_only(running: Folder) -> None:
    state = running.read_state().solana
    assert state is not None
    actors, wallet = Actors.open(state, running), Keypair().pubkey()
    control.faucet(running, str(wallet), "native", Decimal("1.5"))
    control.faucet(running, str(wallet), "WETH", Decimal("0.25"), chain="solana")
    assert actors.read_lamports(wallet) == 1_500_000_000
    assert actors.read_units(wallet, "WETH") == 25_000_000
    actors.rpc.close()
    with pytest.raises(DevnetError, match="chain 'dear' has no addresses like"):
        control.faucet(running, str(wallet), "WETH", Decimal(1), chain="dear")
    with pytest.raises(DevnetError, match="no asset 'SOL' on the devnet: WETH, USDC, WBTC"):
        control.faucet(running, RECEIVER, "SOL", Decimal(1))


def test_what_cannot_be_done_is_refused_in_one_line(running: Folder) -> None:
    with pytest.raises(DevnetError, match="on the devnet: WETH, USDC, WBTC, SOL"):
        control.shock(running, "DOGE", Decimal(1))
    with pytest.raises(DevnetError, match="no chain 'warm' on the devnet: cheap"):
        control.set_base_fee(running, "warm", Decimal(1))
    with pytest.raises(DevnetError, match="above -100 %"):
        control.shock(running, "WETH", Decimal(-200))
    with pytest.raises(DevnetError, match=r"blocks: Input should be less than or equal to 1000"):
        control.mine(running, 10**9)


@pytest.mark.parametrize(
    "line", [b"no json\n", b"[]\n", b'{"command":"dance"}\n', b"\xff\n", b"\n"]
)
def test_nonsense_on_the_socket_is_answered_with_an_error(running: Folder, line: bytes) -> None:
    assert "error" in send_line(running, line)
    assert control.read_status(running).pid == running.read_state().pid


def test_a_client_that_says_nothing_does_not_stop_the_blocks(running: Folder) -> None:
    before = control.read_status(running).chains[0].height
    with socket.socket(socket.AF_UNIX) as silent, running.socket_path() as path:
        silent.connect(path)
        time.sleep(0.1)
        assert control.mine(running).chains[0].height > before


def test_a_second_supervisor_is_refused(running: Folder) -> None:
    pid = running.read_state().pid
    with pytest.raises(DevnetError, match=rf"runs already in .* \(process {pid}\)"):
        launch.up(running, progress=print)
    with pytest.raises(DevnetError, match="runs already"), running.hold():
        pass
    assert control.read_status(running).pid == pid


def test_a_given_keeper_is_used_and_no_key_to_send_with_is_made(tmp_path: Path) -> None:
    folder = Folder.open(tmp_path)
    keeper = Address("0x" + "c4" * 20)
    state = launch.up(folder, keeper=keeper, solana=NodeKind.OWN, progress=print)
    try:
        assert state.keeper == keeper
        assert not folder.keystore.exists()
        keys = tomllib.loads(folder.run_file.read_text())["keys"]
        assert set(keys) >= {"attestation_keystore", "attestation_password_file"}
        assert not {"keystore", "password_file"} & set(keys)
    finally:
        launch.down(folder)


def test_down_leaves_no_process_and_no_file_but_the_log(supervised_devnet: Folder) -> None:
    pid = supervised_devnet.read_state().pid
    nodes = find_children(pid)
    assert len(nodes) == 3
    assert launch.down(supervised_devnet)
    assert not any(is_alive(process) for process in (pid, *nodes))
    left = {path.name for path in supervised_devnet.path.iterdir()}
    assert left == {"supervisor.log", "supervisor.pid"}
    assert not launch.down(supervised_devnet)
    with pytest.raises(DevnetError, match="no devnet runs in"):
        control.read_status(supervised_devnet)


def test_killing_the_supervisor_ends_the_chains_and_the_next_start_works(
    supervised_devnet: Folder,
) -> None:
    first = supervised_devnet.read_state()
    nodes = find_children(first.pid)
    os.kill(first.pid, signal.SIGKILL)
    wait_for(lambda: not any(is_alive(process) for process in nodes))
    with pytest.raises(DevnetError, match="no devnet runs in"):
        control.read_status(supervised_devnet)
    second = launch.up(supervised_devnet, solana=NodeKind.OWN, progress=print)
    assert second.pid != first.pid
    assert second.deployment != first.deployment
    assert len(list(supervised_devnet.path.glob("anvil-*"))) == 2


@pytest.mark.parametrize("node", ["anvil", "daemon.devnet.solana"])
def test_a_chain_that_dies_ends_the_devnet_with_a_reason(
    supervised_devnet: Folder, node: str
) -> None:
    pid = supervised_devnet.read_state().pid
    victim = next(child for child in find_children(pid) if node in read_command(child))
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: not is_alive(pid))
    assert "does not answer" in supervised_devnet.log_file.read_text()
    assert not supervised_devnet.state_file.exists()


def test_prices_of_a_new_devnet_are_the_opening_ones(supervised_devnet: Folder) -> None:
    status = control.read_status(supervised_devnet)
    assert [chain.prices["WETH"].protocol for chain in status.chains] == [2_000 * USD] * 3
    assert [chain.base_fee_wei for chain in status.chains] == [GWEI // 20, 50 * GWEI, None]
    assert status.chains[2].prices["SOL"].protocol == 150 * USD
    assert (status.chains[2].unit_price, status.chains[2].node) == (0, "own")


def test_left_to_itself_solana_runs_on_surfpool_and_obeys(tmp_path: Path) -> None:
    folder = Folder.open(tmp_path)
    state = launch.up(folder, progress=print).solana
    try:
        assert state is not None
        assert (state.node, state.fallback) == (NodeKind.SURFPOOL, None)
        status = control.shock(folder, "SOL", Decimal(-10))
        assert status.chains[2].prices["SOL"].reference == 135 * USD
        control.set_base_fee(folder, "solana", Decimal(90_000))
        rpc = Rpc(int(state.rpc_url.rpartition(":")[2]))
        reserve = [state.deployment.tokens["SOL"].reserve]
        wait_for(lambda: read_newest_fee(rpc, reserve) == 90_000)
        control.set_base_fee(folder, "solana", Decimal(0))
        wait_for(lambda: read_newest_fee(rpc, reserve) == 0)
        rpc.close()
        pid = folder.read_state().pid
        victim = next(child for child in find_children(pid) if "surfpool" in read_command(child))
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda: not is_alive(pid))
        assert "does not answer" in folder.log_file.read_text()
    finally:
        launch.down(folder)
