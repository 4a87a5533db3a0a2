"""`plimsoll verify FILE`: verdicts, exit codes, and the comparison with real chains."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from chains.model.ids import AccountId, Address
from chains.model.position import Side
from chains.model.price import Price
from config.load import load
from daemon.commands.verify import verify
from daemon.compose import EvmParts, open_chains
from proofs.build import StatedLeg, Terms, build_statement
from proofs.document import Document, encode_document
from proofs.params import Params
from proofs.refusal import Refusal
from proofs.statement import Statement, hash_audience
from proofs.vectors.declared import declare
from tests.proofs import samples, solana
from tests.support.devnet import DevChain, Devnet

USER = Address("0x" + "a1" * 20)
APP = typer.Typer()
APP.command()(verify)


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(APP, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def write(made: Statement, path: Path) -> Path:
    signed = Document(statement=made, signatures=samples.sign(made))
    path.write_bytes(encode_document(signed))
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(samples.statement(), tmp_path / "attestation.json")


def test_a_good_file_is_consistent_but_unanchored(file: Path) -> None:
    code, output = run(file, "--at", samples.NOW)
    assert code == 0
    assert output.startswith("consistent, unanchored\n")
    assert "not pinned" in output
    assert "not checked" in output
    assert f"eip155:31337@{samples.ANCHORS[0].height}" in output


def test_a_slot_of_solana_and_how_its_leaves_are_backed_are_shown(tmp_path: Path) -> None:
    file = write(solana.statement(), tmp_path / "attestation.json")
    code, output = run(file, "--at", samples.NOW)
    assert code == 0, output
    assert f"{solana.SOLANA}@{solana.SLOT}" in output
    assert f"  leaves      {solana.SOLANA} quorum-read\n" in output
    view = json.loads(run(file, "--at", samples.NOW, "--json")[1])
    assert view["evidence"] == {
        str(chain): ["quorum-read"] for chain in (samples.CHEAP, samples.DEAR, solana.SOLANA)
    }


def test_json_gives_decimals_as_strings(file: Path) -> None:
    signer = samples.committee().members[0]
    options = ("--deployment", samples.DEPLOYMENT, "--member", signer, "--json")
    code, output = run(file, "--at", "2033-05-18T03:33:20Z", *options)
    view: dict[str, Any] = json.loads(output)
    made = samples.statement()
    assert code == view["code"] == 0
    assert view["pinned"] is view["deployment_checked"] is True
    assert view["digest"] == "0x" + made.digest.hex()
    assert view["signers"] == [signer]
    assert view["health_factor"].replace(".", "").lstrip("0") == str(made.header.health_factor_e18)
    assert view["equity_usd"].replace(".", "") == str(made.header.net_equity_e8)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--at", samples.NOW + 61), Refusal.EXPIRED),
        ((), Refusal.FUTURE),
        (("--at", samples.NOW, "--deployment", "elsewhere"), Refusal.DEPLOYMENT),
        (("--at", samples.NOW, "--committee", "0x" + "11" * 32), Refusal.COMMITTEE),
        (("--at", samples.NOW, "--member", "0x" + "11" * 20), Refusal.COMMITTEE),
        (("--at", samples.NOW, "--max-ttl", 10), Refusal.TTL),
        (("--at", samples.NOW, "--max-skew", 10), Refusal.SKEW),
    ],
)
def test_a_refusal_exits_with_its_own_code(
    file: Path, arguments: tuple[object, ...], reason: Refusal
) -> None:
    code, output = run(file, *arguments)
    assert code == reason.code
    assert f"refused ({reason.name.lower()})" in output
    code, output = run(file, *arguments, "--json")
    view = json.loads(output)
    assert (view["verdict"], view["code"]) == ("refused", code)


def test_a_flipped_byte_is_refused(file: Path) -> None:
    raw = bytearray(file.read_bytes())
    raw[raw.index(b"amountRaw") + 13] ^= 1
    file.write_bytes(raw)
    code, _ = run(file, "--at", samples.NOW)
    assert code == Refusal.POSITIONS_ROOT.code


def test_an_attestation_bound_to_a_consumer_needs_that_consumer(tmp_path: Path) -> None:
    consumer = "eip155:31337:0x" + "22" * 20
    audience = hash_audience(AccountId.parse(consumer))
    made = samples.statement(replace(samples.TERMS, audience=audience))
    file = write(made, tmp_path / "bound.json")
    at = ("--at", samples.NOW)
    assert run(file, *at)[0] == Refusal.AUDIENCE.code
    assert run(file, *at, "--audience", "eip155:31338:0x" + "22" * 20)[0] == Refusal.AUDIENCE.code
    assert run(file, *at, "--audience", consumer)[0] == 0
    assert run(file, *at, "--audience", "0x" + audience.hex())[0] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("--at", "yesterday"),
        ("--at", "2027-01-15T08:00:00"),
        ("--committee", "0x11"),
        ("--audience", "alice"),
        ("--audience", "a:b"),
        ("--member", "0x11"),
    ],
)
def test_an_option_that_cannot_be_read_is_wrong_usage(
    file: Path, arguments: tuple[str, ...]
) -> None:
    code, output = run(file, *arguments)
    assert code == 2
    assert arguments[0] in output


def test_a_missing_file_and_a_missing_configuration_have_their_own_codes(
    file: Path, tmp_path: Path
) -> None:
    code, output = run(tmp_path / "none.json")
    assert code == 3
    assert "cannot be read" in output
    code, _ = run(file, "--at", samples.NOW, "--rpc", tmp_path / "none.toml")
    assert code == 2


def format_chain(chain: DevChain, url: str) -> Iterator[str]:
    deployment = chain.deployment
    yield f"[chains.{chain.name}]"
    yield f'caip2 = "eip155:{deployment.number}"'
    yield f'rpc = ["{url}"]'
    yield f'multicall3 = "{deployment.multicall3}"'
    yield 'max_fee_gwei = "500"\npriority_fee_gwei = "1"'
    yield f"[[chains.{chain.name}.markets]]"
    yield f'protocol = "aave_v3"\npool = "{deployment.aave.pool}"'
    for symbol, token in deployment.tokens.items():
        yield f"[chains.{chain.name}.tokens.{symbol}]"
        yield f'address = "{token.address}"\nfeed = "{token.feed}"'
        yield f"decimals = {token.decimals}\nheartbeat_s = 3600"


def write_config(path: Path, devnet: Devnet, *, dear_url: str | None = None) -> Path:
    lines = [f'deployment = "{samples.DEPLOYMENT}"']
    lines += format_chain(devnet.cheap, devnet.cheap.url)
    lines += format_chain(devnet.dear, dear_url or devnet.dear.url)
    path.write_text("\n".join(lines))
    return path


async def state_devnet(config: Path) -> Statement:
    """Read both chains as the daemon does and state what was found."""
    members, anchors, legs = [], [], []
    prices: list[Price] = []
    async with open_chains(load([config], {})) as chains:
        for chain, parts in chains.items():
            if not isinstance(parts, EvmParts):
                continue
            head = await parts.client.read_head("latest")
            member = AccountId(chain, USER)
            snapshot = await parts.reader.read(head, [member])
            members.append(member)
            anchors.append(head.anchor)
            for position in snapshot.positions:
                for leg in position.legs:
                    legs.append(StatedLeg(position=position, leg=leg, price=len(prices)))
                    prices.append(leg.price)
    terms = Terms(
        deployment=samples.DEPLOYMENT,
        committee=samples.committee(),
        sequence=1,
        issued_at=max(anchor.time for anchor in anchors),
        ttl_s=60,
        max_skew_s=300,
    )
    made = build_statement(
        terms,
        members=members,
        salt=samples.SALT,
        anchors=anchors,
        legs=legs,
        prices=prices,
        params=Params(),
    )
    return declare(made)


@pytest.mark.net
def test_the_leaves_are_compared_with_the_chains_at_their_blocks(
    devnet: Devnet, tmp_path: Path
) -> None:
    devnet.cheap.supply("WETH", USER, 10**18)
    devnet.dear.supply("WBTC", USER, 10**8)
    devnet.dear.borrow("USDC", USER, 10**9)
    config = write_config(tmp_path / "run.toml", devnet)
    made = asyncio.run(state_devnet(config))
    assert len(made.leaves.positions) == 3
    at = ("--at", made.header.issued_at)
    file = write(made, tmp_path / "attestation.json")
    devnet.dear.borrow("USDC", USER, 10**9)

    code, output = run(file, *at, "--rpc", config)
    assert code == 0, output
    assert output.startswith("consistent, and what your endpoints say")

    without_debt = _drop_debt(made)
    code, output = run(write(without_debt, file), *at, "--rpc", config)
    assert code == 60
    assert "left out: debt of 1000000000" in output

    dead = write_config(tmp_path / "dead.toml", devnet, dear_url="http://127.0.0.1:1")
    code, output = run(write(made, file), *at, "--rpc", dead)
    assert code == 61
    assert "eip155:31338" in output


def _drop_debt(made: Statement) -> Statement:
    collateral = [leaf for leaf in made.leaves.positions if leaf.side == Side.COLLATERAL]
    positions = tuple(replace(leaf, index=i) for i, leaf in enumerate(collateral))
    kept = replace(made, leaves=replace(made.leaves, positions=positions))
    return samples.restate(kept)
