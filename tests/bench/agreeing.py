"""How long a committee takes to attest: four daemons on the loopback, three of whom must sign.

Each is a process of its own with its own keys and reads; blocks are mined once a second, and there
is a round in every second. A round's time is the proposer's: from stating what it has read to
having a quorum's signatures on its disk. The others read the same blocks again meanwhile.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final

from daemon.devnet.artifacts import ROOT
from daemon.devnet.committee import (
    found_committee,
    make_members,
    member_file,
    write_members,
)
from tests.bench.figures import Figure, Figures, percentile
from tests.bench.ground import ACCOUNT, SALT, Ground, open_ground
from tests.support.daemon import Daemon

MEMBERS: Final = 4
WARM_UP: Final = 5
RUNS: Final = 60
PATIENCE: Final = 3
"""How many times the seconds that the rounds need are waited for them."""
EVENT: Final = "committee.attested"
Round = Mapping[str, Any]
"""What the log says of a round that came to an attestation."""


def run(say: Callable[[str], None]) -> Figures:
    """Let the committee attest an account on both chains, once a second."""
    return measure(say)


def measure(say: Callable[[str], None], runs: int = RUNS, warm_up: int = WARM_UP) -> Figures:
    """Give the times of so many rounds, after some that do not count."""
    with open_ground() as ground:
        rounds = asyncio.run(_attest(ground, runs + warm_up))[warm_up:]
    seconds = [float(each["seconds"]) for each in rounds]
    signed = [len(each["signed"]) for each in rounds]
    say(f"{len(rounds)} rounds, {signed.count(MEMBERS)} of them signed by all {MEMBERS}")
    return {
        f"proofs.attest_p{percent}_ms": Figure(
            value=percentile(seconds, percent) * 1_000, unit="ms"
        )
        for percent in (50, 95)
    }


async def _attest(ground: Ground, wanted: int) -> Sequence[Round]:
    """Run the members until so many rounds came to an attestation; gives them in order."""
    found: list[Round] = []
    async with AsyncExitStack() as stack:
        daemons = [await stack.enter_async_context(daemon) for daemon in _build_daemons(ground)]
        async with asyncio.TaskGroup() as group:
            for daemon in daemons:
                group.create_task(daemon.start())
        for _ in range(PATIENCE * wanted):
            for chain in ground.devnet.chains:
                chain.mine(1)
            await asyncio.sleep(1)
            found = [line for daemon in daemons for line in daemon.logs(EVENT)]
            if len(found) >= wanted:
                return sorted(found, key=lambda line: int(line["sequence"]))[:wanted]
        last = daemons[0].last_words(5)
    raise TimeoutError(f"{len(found)} rounds of {wanted} came to an attestation:\n{last}")


def _build_daemons(ground: Ground) -> Iterator[Daemon]:
    members = make_members(ground.folder, MEMBERS)
    committee = found_committee(ground.state.deployment, members)
    write_members(ground.folder, members, committee)
    base = ROOT / "config" / "devnet.toml"
    common = ground.folder.path / "committee.toml"
    common.write_text(_format_config(ground))
    for place in range(MEMBERS):
        home = ground.folder.members / str(place)
        yield Daemon(
            files=(base, ground.folder.run_file, common, member_file(ground.folder, place)),
            log_file=home / "daemon.log",
            state_dir=home / "state",
        )


def _format_config(ground: Ground) -> str:
    """Write what all members run with: no keeper's work, a fresh attestation every second."""
    listed = ", ".join(f'"{member}"' for member in ground.members)
    return f"""mode = "dry-run"
[attestation]
refresh_s = 1
[keeper]
liquidate = false
[[accounts]]
id = "{ACCOUNT}"
members = [{listed}]
salt = "0x{SALT.hex()}"
[accounts.policy]
unified = {{ trigger = "1.01", target = "1.10" }}
"""
