import shutil
import socket
from pathlib import Path

import pytest

from chains.model.ids import Address, checksummed
from daemon.devnet.rpc import Rpc
from daemon.doctor.examine import examine
from daemon.doctor.report import Level
from daemon.keys import draw_key, write_keystore, write_private
from tests.daemon.doctor.conftest import Patient

pytestmark = [pytest.mark.net, pytest.mark.timeout(180)]

NOBODY = Address("0x00000000000000000000000000000000000dead1")


async def test_a_right_configuration_has_nothing_to_fail(patient: Patient) -> None:
    findings = await patient.findings({})
    assert [str(found) for found in findings if found.level is Level.FAIL] == []
    pools = {found.where: found.what for found in findings if found.where.endswith("].pool")}
    assert pools == {
        "chains.cheap.markets[0].pool": "is Aave v3.6",
        "chains.dear.markets[0].pool": "is Aave v3.0",
    }
    assert all("\n" not in str(found) for found in findings)


async def test_an_address_without_a_contract_is_one_line(patient: Patient) -> None:
    over = {"chains": {"cheap": {"tokens": {"WETH": {"feed": NOBODY}}}}}
    (line,) = await patient.failures(over)
    assert line == (
        f"fail chains.cheap.tokens.WETH.feed: there is no contract at {checksummed(NOBODY)}, "
        "write the contract's address on this chain"
    )


async def test_another_contract_in_the_pools_place_is_one_line(patient: Patient) -> None:
    token = patient.table["chains"]["cheap"]["tokens"]["WETH"]["address"]
    over = {"chains": {"cheap": {"markets": [{"protocol": "aave_v3", "pool": token}]}}}
    lines = await patient.failures(over)
    assert lines[0].startswith("fail chains.cheap.markets[0].pool: is no Aave v3 pool we know: ")
    # The liquidator was deployed for the right pool and says so too.
    assert [line.split(":")[0] for line in lines[1:]] == ["fail chains.cheap.contracts.liquidator"]


async def test_an_endpoint_of_another_chain_is_one_line(patient: Patient) -> None:
    url = patient.table["chains"]["dear"]["rpc"][0]
    (line,) = await patient.failures({"chains": {"cheap": {"rpc": [url]}}})
    assert line == (
        "fail chains.cheap.rpc[0]: answers for eip155:31338, not eip155:31337, "
        "write a URL of eip155:31337, or correct caip2"
    )


async def test_a_dead_endpoint_does_not_hide_behind_a_living_one(patient: Patient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    urls = [f"http://127.0.0.1:{port}", *patient.table["chains"]["cheap"]["rpc"]]
    (line,) = await patient.failures({"chains": {"cheap": {"rpc": urls}}})
    assert line.startswith("fail chains.cheap.rpc[0]: does not answer: cannot connect")


async def test_a_websocket_of_another_chain_is_one_line(patient: Patient) -> None:
    url = patient.table["chains"]["dear"]["ws"][0]
    (line,) = await patient.failures({"chains": {"cheap": {"ws": [url]}}})
    assert line.startswith("fail chains.cheap.ws[0]: answers for eip155:31338, not eip155:31337")


async def test_wrong_feed_decimals_are_one_line(patient: Patient) -> None:
    over = {"chains": {"dear": {"tokens": {"WBTC": {"feed_decimals": 18, "reference_feed": None}}}}}
    (line,) = await patient.failures(over)
    assert line == (
        "fail chains.dear.tokens.WBTC.feed: has 8 decimals, 18 written, "
        "correct feed or feed_decimals"
    )


async def test_wrong_token_decimals_are_one_line(patient: Patient) -> None:
    (line,) = await patient.failures({"chains": {"dear": {"tokens": {"USDC": {"decimals": 18}}}}})
    assert line.startswith("fail chains.dear.tokens.USDC.decimals: has 6 decimals, 18 written")


async def test_loose_permissions_are_one_line(patient: Patient, tmp_path: Path) -> None:
    loose = tmp_path / "keystore.json"
    shutil.copy(patient.table["keys"]["keystore"], loose)
    loose.chmod(0o644)
    (line,) = await patient.failures({"keys": {"keystore": str(loose)}})
    assert line.startswith(f"fail keys: keystore {loose}: permissions 0644 are loose; chmod 600")


async def test_a_wrong_password_is_one_line_without_it(patient: Patient, tmp_path: Path) -> None:
    write_private(tmp_path / "password", "hunter2")
    (line,) = await patient.failures({"keys": {"password_file": str(tmp_path / "password")}})
    assert "not a version 3 keystore, or the password is wrong" in line
    assert "hunter2" not in line


async def test_missing_funds_are_one_line(patient: Patient) -> None:
    url = patient.table["chains"]["dear"]["rpc"][0]
    rpc = Rpc(int(url.rpartition(":")[2]))
    before = rpc.request("eth_getBalance", patient.state.keeper, "latest")
    rpc.request("anvil_setBalance", patient.state.keeper, "0x0")
    try:
        (line,) = await patient.failures({})
        assert line.startswith(
            f"fail chains.dear.balance: {checksummed(patient.state.keeper)} has 0 for gas, "
            "too little for a single transaction, send it at least "
        )
        dry = await patient.findings({"mode": "dry-run"})
        assert not [found for found in dry if found.level is Level.FAIL]
    finally:
        rpc.request("anvil_setBalance", patient.state.keeper, before)
        rpc.close()


async def test_a_foreign_deployments_verifier_is_named_on_each_chain(patient: Patient) -> None:
    lines = await patient.failures({"deployment": "another"})
    salt = "its salt is not that of deployment 'another', correct deployment, or"
    assert lines == [
        line
        for label in ("cheap", "dear")
        for line in (
            f"fail chains.{label}.contracts.verifier: {salt} deploy a verifier for it",
            f"fail chains.{label}.vault.notary: {salt} write the notary of this one",
        )
    ] + [f"fail chains.solana.programs.committee: {salt} create a committee for it"]


async def test_a_key_the_contracts_do_not_know_is_named(patient: Patient, tmp_path: Path) -> None:
    write_private(tmp_path / "password", "x")
    write_keystore(tmp_path / "keystore", draw_key(), "x", work=2)
    files = {"keystore": str(tmp_path / "keystore"), "password_file": str(tmp_path / "password")}
    attesting = {f"attestation_{name}": file for name, file in files.items()}
    lines = await patient.failures({"mode": "dry-run", "keys": files | attesting})
    assert [line.split(":")[0] for line in lines] == [
        f"fail chains.{label}.contracts.{name}"
        for label in ("cheap", "dear")
        for name in ("verifier", "liquidator")
    ] + ["fail chains.solana.programs.committee"]


async def test_an_attestation_key_that_does_not_open_is_one_line(
    patient: Patient, tmp_path: Path
) -> None:
    write_private(tmp_path / "password", "wrong")
    keys = {"attestation_password_file": str(tmp_path / "password")}
    (line,) = await patient.failures({"mode": "dry-run", "keys": keys})
    assert line.startswith("fail keys.attestation_keystore: ")
    assert "does not open with this password" in line
    (line,) = await patient.failures({"keys": {"attestation_password_file": None}})
    assert line.startswith("fail keys.attestation_keystore: ")
    assert "keys.attestation_password_file: is missing" in line


async def test_a_verifier_of_the_senders_own_key_is_warned_of(patient: Patient) -> None:
    attesting = {
        "keystore": str(patient.folder.attestation_keystore),
        "password_file": str(patient.folder.attestation_password_file),
    }
    found = await patient.findings({"mode": "dry-run", "keys": attesting})
    lines = [str(one) for one in found if ".contracts.verifier: " in str(one)]
    assert [line.split(":")[0] for line in lines] == [
        f"{level} chains.{label}.contracts.verifier"
        for label in ("cheap", "dear")
        for level in ("warn", "ok  ")
    ]
    assert "its one member sends the rescues too" in lines[0]


async def test_live_without_a_key_fails_and_dry_run_warns(patient: Patient) -> None:
    none = {"keystore": None, "password_file": None}
    (line,) = await patient.failures({"keys": none})
    assert line.startswith("fail keys.keystore: is not set, so nothing can be signed")
    assert await patient.failures({"mode": "dry-run", "keys": none}) == []


async def test_a_clock_that_is_wrong_is_one_line_a_chain(patient: Patient) -> None:
    found = await examine(patient.settings({}), clock=lambda: 0.0)
    lines = [str(one) for one in found if one.level is Level.FAIL]
    assert len(lines) == 3
    assert all(" s ahead of this clock, set this machine's clock" in line for line in lines)


async def test_a_state_directory_that_cannot_be_is_one_line(
    patient: Patient, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("", encoding="utf-8")
    (line,) = await patient.failures({"state_dir": str(file / "state")})
    assert line.startswith(f"fail state_dir: {file} is not a directory")


async def test_a_member_without_a_mandate_is_told_of(patient: Patient) -> None:
    member = f"eip155:31337:{NOBODY}"
    findings = await patient.findings({"accounts": [{"id": "alice", "members": [member]}]})
    lines = [str(found) for found in findings if found.where.startswith("accounts[0]")]
    assert lines == [
        "warn accounts[0].policy: alice has no band, so it is only watched, write a trigger",
        (
            f"warn accounts[0].members {member}: has given no mandate: no rescue here, "
            "run plimsoll mandate"
        ),
    ]


async def test_a_member_whose_mandates_cannot_be_read_is_not_said_to_have_none(
    patient: Patient,
) -> None:
    member = f"eip155:31337:{NOBODY}"
    cheap = patient.table["chains"]["cheap"]
    rescue, rpc = cheap["contracts"]["rescue"], Rpc(int(cheap["rpc"][0].rpartition(":")[2]))
    code = rpc.request("eth_getCode", rescue, "latest")
    rpc.request("anvil_setCode", rescue, "0x5f5ffd")
    rpc.request("anvil_mine", "0x1")
    try:
        findings = await patient.findings({"accounts": [{"id": "alice", "members": [member]}]})
    finally:
        rpc.request("anvil_setCode", rescue, code)
        rpc.close()
    (line,) = [str(found) for found in findings if found.where.endswith(member)]
    assert line.startswith(
        f"warn accounts[0].members {member}: his mandates cannot be read: no rescue here, "
    )
