"""The devnet's one owner: it alone mines, keeps the feeds fresh and obeys the control socket.

Solana's slots pass by themselves, as on a cluster; all else is done to it here too.

A single thread does it all in turn, so a shock, a refresh and the second's block never interleave
and nothing needs a lock. Run by `launch.py` as `python -m daemon.devnet.supervisor FOLDER`.
"""

import argparse
import os
import secrets
import selectors
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final, NoReturn

from chains.model.ids import Address, parse_address
from chains.model.units import USD
from daemon.devnet.anvil import Anvil
from daemon.devnet.build import BuiltChain, build_devnet
from daemon.devnet.committee import found_committee, make_members, write_members
from daemon.devnet.control import MAX_LINE
from daemon.devnet.errors import DevnetError
from daemon.devnet.folder import DevnetState, Folder, RunningChain, RunningVaults
from daemon.devnet.keystores import make_keeper
from daemon.devnet.live import LiveChain
from daemon.devnet.own import OwnContracts, deploy_own
from daemon.devnet.runfile import format_run_file
from daemon.devnet.serve import Service
from daemon.devnet.solana.deployment import NodeKind
from daemon.devnet.solana.hosting import SLOT_MS, start_host
from daemon.devnet.solana.starting import start_solana
from daemon.devnet.vaults import VaultTerms, deploy_vaults, supply_vault

BLOCK_S: Final = 1
_PAST_THE_SECOND_S: Final = 0.005
_CLIENT_TIMEOUT_S: Final = 2.0
_BACKLOG: Final = 16
_VAULT_SUPPLY_USD: Final = 5_000_000 * USD
"""What the owner lends of each asset through each chain's vault."""
_KEEPER_BALANCE_WEI: Final = 1_000 * 10**18
"""Few, because the password lies beside the key: it guards nothing and starts fast."""


def supervise(
    folder: Folder,
    *,
    keeper: Address | None,
    refresh_s: int,
    node: NodeKind | None,
    members: int = 1,
) -> NoReturn:
    """Start all chains and mine them until told to end; DevnetError when one cannot go on.

    `keeper` is the key that sends transactions and operates the liquidator; a throw-away one is
    made when None is given, and in any case one for each of the `members` that attest. `refresh_s`
    is how often feeds are published again, `node` what Solana runs on. SystemExit (SIGTERM) ends
    it; the chains end with it in every case.
    """
    with folder.hold(), ExitStack() as stack:
        folder.clean()
        shutil.rmtree(folder.daemon_state, ignore_errors=True)
        stack.callback(folder.clean)
        host = stack.enter_context(start_host(node, folder.path / "solana"))
        chains = [_start_chain(stack, folder, built) for built in build_devnet(_say)]
        attesters = make_members(folder, members)
        state = _deploy(folder, chains, keeper or make_keeper(folder), attesters)
        committee = found_committee(state.deployment, state.members)
        solana, running = start_solana(
            host, folder, deployment=state.deployment, committee=committee
        )
        state = replace(state, solana=running)
        write_members(folder, state.members, committee)
        folder.run_file.write_text(format_run_file(state, folder))
        listener = stack.enter_context(_listen(folder))
        folder.write_state(state)
        _say(f"devnet {state.deployment} is ready")
        _run(Service(state, chains, solana), listener, refresh_s)


def _start_chain(stack: ExitStack, folder: Folder, built: BuiltChain) -> LiveChain:
    deployment = built.deployment
    anvil = Anvil.start(
        chain_id=deployment.number,
        folder=folder.path / f"anvil-{deployment.name}",
        state=built.state,
        automine=False,
    )
    chain = LiveChain(stack.enter_context(anvil), deployment, automine=False)
    chain.refresh_feeds()
    return chain


def _deploy(
    folder: Folder, chains: Sequence[LiveChain], keeper: Address, members: tuple[Address, ...]
) -> DevnetState:
    deployment = f"plimsoll-devnet-{secrets.token_hex(4)}"
    committee = found_committee(deployment, members)
    own = []
    for chain in chains:
        chain.add_balance(keeper, _KEEPER_BALANCE_WEI)
        own.append(deploy_own(chain, deployment=deployment, keeper=keeper, committee=committee))
    vaults = _deploy_vaults(chains, deployment, own)
    running = [
        RunningChain(
            rpc_url=chain.rpc.url,
            ws_url=chain.rpc.ws_url,
            deployment=chain.deployment,
            contracts=contracts,
            vaults=found,
        )
        for chain, contracts, found in zip(chains, own, vaults, strict=True)
    ]
    return DevnetState(
        pid=os.getpid(),
        started_at=int(time.time()),
        deployment=deployment,
        keeper=keeper,
        attester=members[0],
        members=members,
        run_file=folder.run_file,
        chains=tuple(running),
    )


def _deploy_vaults(
    chains: Sequence[LiveChain], deployment: str, own: Sequence[OwnContracts]
) -> list[RunningVaults]:
    """Deploy vaults that know each other; one chain's owner governs them all, the last's guards."""
    heights = [chain.read_head().height for chain in chains]
    terms = VaultTerms(
        deployment=deployment,
        owner=chains[0].deployment.owner,
        guardian=chains[-1].deployment.owner,
    )
    placed = deploy_vaults(
        [(chain, contracts.verifier) for chain, contracts in zip(chains, own, strict=True)], terms
    )
    found = []
    for chain, height in zip(chains, heights, strict=True):
        contracts = placed[chain.deployment.number]
        supply_vault(chain, contracts.ledger, _VAULT_SUPPLY_USD)
        found.append(RunningVaults(contracts=contracts, start_block=height))
    return found


@contextmanager
def _listen(folder: Folder) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        with folder.socket_path() as path:
            listener.bind(path)
        listener.listen(_BACKLOG)
        listener.settimeout(0)
        yield listener


def _run(service: Service, listener: socket.socket, refresh_s: int) -> NoReturn:
    """Mine at every second, tend Solana at every slot, refresh the feeds now and then.

    Requests are answered in between.
    """
    refresh_at = time.monotonic() + refresh_s
    mine_at, tend_at = _next_block(), time.monotonic()
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        while True:
            due = min(mine_at, tend_at)
            if selector.select(max(0.0, due - time.monotonic())):
                _serve_client(listener, service)
            if time.monotonic() >= tend_at:
                service.solana.tend()
                tend_at = time.monotonic() + SLOT_MS / 1_000
            if time.monotonic() < mine_at:
                continue
            refresh = time.monotonic() >= refresh_at
            for chain in service.evm:
                chain.refresh_feeds() if refresh else chain.mine()
            if refresh:
                service.solana.refresh_feeds()
                refresh_at += refresh_s
            mine_at = _next_block()


def _next_block() -> float:
    """Give the monotonic time just after the wall clock's next whole second.

    Just after, so that two blocks in a row never have the same time by a hair's breadth.
    """
    return time.monotonic() + BLOCK_S + _PAST_THE_SECOND_S - time.time() % BLOCK_S


def _serve_client(listener: socket.socket, service: Service) -> None:
    """Answer one client; one that is slow or goes away is let go."""
    with suppress(BlockingIOError, TimeoutError, ConnectionError):
        client, _ = listener.accept()
        with client:
            client.settimeout(_CLIENT_TIMEOUT_S)
            line = client.makefile("rb").readline(MAX_LINE)
            client.sendall(service.answer(line))


def main() -> None:
    """Run as a process: end with 0 when told to, with 1 and one line when it cannot go on."""
    parser = argparse.ArgumentParser(prog="plimsoll-devnet")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--keeper", type=parse_address)
    parser.add_argument("--refresh-s", type=int, required=True)
    parser.add_argument("--solana", type=NodeKind)
    parser.add_argument("--members", type=int, default=1)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    try:
        supervise(
            Folder.open(arguments.folder),
            keeper=arguments.keeper,
            refresh_s=arguments.refresh_s,
            node=arguments.solana,
            members=arguments.members,
        )
    except DevnetError as error:
        sys.exit(str(error))


def _say(line: str) -> None:
    """Write a line to the log that `launch.py` opened."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _end(_number: int, _frame: object) -> NoReturn:
    sys.exit(0)


if __name__ == "__main__":
    main()
