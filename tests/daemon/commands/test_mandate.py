import json
import time
from decimal import Decimal
from pathlib import Path

import pytest

from config.layers import read_table
from daemon.devnet import control
from daemon.devnet.artifacts import ROOT
from daemon.devnet.folder import Folder
from daemon.devnet.rpc import Rpc
from tests.daemon.commands.conftest import Run

pytestmark = [pytest.mark.net, pytest.mark.timeout(180)]

OWNER = "0x00000000000000000000000000000000000a11ce"
MEMBER = f"eip155:31337:{OWNER}"
ACCOUNTS = f"""
[[accounts]]
id = "alice"
members = ["{MEMBER}", "eip155:31338:{OWNER}"]
[accounts.policy]
unified = {{ trigger = "1.50", target = "1.60" }}
native = {{ trigger = "1.10", target = "1.20" }}
"""
LIMITS = ("--per-action", "1000", "--per-day", "2000")


def configure(folder: Folder, tmp_path: Path) -> list[object]:
    path = tmp_path / "accounts.toml"
    path.write_text(ACCOUNTS, encoding="utf-8")
    layers = (ROOT / "config" / "devnet.toml", folder.path / "run.toml", path)
    return [part for layer in layers for part in ("--config", layer)]


def sign(rpc: Rpc, step: dict[str, str]) -> None:
    """Do as the owner's wallet would, and wait for the block."""
    fields = {key: step[key] for key in ("to", "data")} | {"from": OWNER, "gas": hex(2_000_000)}
    tx_hash = rpc.request("eth_sendTransaction", fields)
    until = time.monotonic() + 30
    while (receipt := rpc.request("eth_getTransactionReceipt", tx_hash)) is None:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert receipt["status"] == "0x1", step["description"]


def test_an_owner_signs_what_is_printed_and_the_doctor_sees_it(
    plimsoll: Run, shared_devnet: Folder, tmp_path: Path
) -> None:
    config = configure(shared_devnet, tmp_path)
    table = read_table(shared_devnet.path / "run.toml")
    rpc = Rpc(int(table["chains"]["cheap"]["rpc"][0].rpartition(":")[2]))
    rpc.request("anvil_impersonateAccount", OWNER)
    rpc.request("anvil_setBalance", OWNER, hex(10**20))
    where = f"accounts[0].members {MEMBER}"

    def doctor() -> str:
        findings = json.loads(plimsoll("doctor", *config, "--json").out)
        return str(next(f["what"] for f in findings if f["where"] == where))

    assert doctor() == "has given no mandate: no rescue here"
    for kind in ("native", "unified"):
        line = ("mandate", "give", MEMBER, "USDC", *LIMITS, "--kind", kind, *config, "--json")
        printed = plimsoll(*line)
        assert printed.code == 0, printed.err
        given = json.loads(printed.out)
        assert (given["chain"], given["from"]) == ("eip155:31337", MEMBER)
        for step in given["steps"]:
            sign(rpc, step)
    # The second mandate found the allowance of the first, so it needed no approval.
    assert len(given["steps"]) == 1
    assert doctor() == "holds no USDC to be rescued with"
    control.faucet(shared_devnet, account=OWNER, symbol="USDC", amount=Decimal(5), chain="cheap")
    assert doctor() == "has given 2 mandate(s), allowed and funded"
    for command in ("pause", "resume"):
        (step,) = json.loads(plimsoll("mandate", command, MEMBER, *config, "--json").out)["steps"]
        sign(rpc, step)
        assert (doctor() == "has paused his mandates") is (command == "pause")
    for kind in ("native", "unified"):
        line = ("mandate", "revoke", MEMBER, "USDC", "--kind", kind, *config, "--json")
        for step in json.loads(plimsoll(*line).out)["steps"]:
            sign(rpc, step)
    assert doctor() == "has given no mandate: no rescue here"
    rpc.close()
    check_bad_input(plimsoll, config)


def check_bad_input(plimsoll: Run, config: list[object]) -> None:
    stranger = "eip155:31337:0x" + "22" * 20
    for line, field in (
        (("give", stranger, "USDC", *LIMITS), "MEMBER: "),
        (("give", "alice", "USDC", *LIMITS), "MEMBER: "),
        (("give", MEMBER, "DOGE", *LIMITS), "SYMBOL: "),
        (("give", MEMBER, "USDC", "--per-action", "1e3", "--per-day", "2"), "--per-action: "),
        (("give", MEMBER, "USDC", "--per-action", "3", "--per-day", "2"), "per_day: "),
        (("give", MEMBER, "USDC", *LIMITS, "--market", "7"), "--market: "),
        (("give", MEMBER, "USDC", *LIMITS, "--keeper", "0x12"), "--keeper: "),
    ):
        refused = plimsoll("mandate", *line, *config)
        assert (refused.code, refused.err.count("\n")) == (2, 1), refused.err
        assert refused.err.startswith(f"plimsoll: {field}"), refused.err
