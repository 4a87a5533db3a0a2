"""`plimsoll vault lost`: members' operators declare a chain lost for good, and somebody sends it.

No daemon signs it. Every operator signs on his own machine with his member's key; a quorum's files
go to the notary of every chain that is left, which counts it once its delay is over.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from chains.evm.abi.function import Function
from chains.model.action import Call
from config.load import load
from config.settings import Settings
from daemon.commands.common import (
    CommandError,
    ConfigOption,
    JsonOption,
    build_app,
    choose_config,
    print_json,
    refuse,
)
from daemon.commands.vault_desk import open_desk
from daemon.commands.vault_place import OwnerKey, VaultPlace, find_place, find_places, open_key
from daemon.committee.compose import build_membership
from daemon.compose import open_key as open_member
from proofs.committee import Committee
from proofs.refusal import Refused
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.vault_loss import LossDocument, decode_loss, encode_loss, join_losses, verify_loss
from proofs.vaults import VaultChainLost

ANNOUNCE: Final = Function("announce_lost", ("uint64", "uint64", "uint256", "bytes"))
LOST_AT: Final = Function("lost_at", ("uint64",), ("uint256",))
COMMITTEE: Final = Function("committee", (), ("bytes32",))

app = build_app("Declare a chain of the vaults lost for good; a quorum of operators signs it.")


@app.command()
def sign(
    chain: Annotated[str, typer.Argument(help="The lost chain: its label, number or CAIP-2 id.")],
    config: ConfigOption = None,
    *,
    issued_at: Annotated[
        int | None,
        typer.Option(min=1, help="When it is declared (Unix time), the same for all; now if none."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The file to write; left out, named after chain and member.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Sign, as a member's operator, that a chain is lost; writes a file for whoever sends it."""
    settings = load(choose_config(config))
    place = find_place(find_places(settings), chain, "CHAIN")
    now = int(time.time())
    moment = now if issued_at is None else issued_at
    if moment > now:
        refuse(f"--issued-at: {moment} is after now, {now}; chains take no declaration of tomorrow")
    signer, committee = _sit(settings, now)
    loss = VaultChainLost(committee_id=committee.id, chain_id=place.number, issued_at=moment)
    blank = LossDocument(deployment=settings.deployment, committee=committee, loss=loss)
    index = committee.members.index(signer.address)
    signed = replace(blank, signatures=((index, signer.sign(blank.digest)),))
    path = out or Path(f"lost-{place.number}-member-{index}.json")
    _write(path, encode_loss(signed))
    told = {
        "file": str(path),
        "chain": str(place.id),
        "issued_at": moment,
        "member": signer.address,
        "needed": committee.threshold,
    }
    if as_json:
        print_json(told)
        return
    typer.echo(f"{path}: {signer.address} says that {place.id} is lost")
    typer.echo(f"{committee.threshold} of {len(committee.members)} members must say the same:")
    typer.echo(f"  plimsoll vault lost sign {place.number} --issued-at {moment}")


@app.command()
def send(
    files: Annotated[list[Path], typer.Argument(help="What members signed, a quorum of it.")],
    config: ConfigOption = None,
    *,
    on: Annotated[
        list[str] | None, typer.Option(help="A chain to tell; left out, all that are left.")
    ] = None,
    bare: Annotated[
        bool, typer.Option("--print", help="Print the transactions instead of sending them.")
    ] = False,
    keystore: Annotated[
        Path | None, typer.Option(help="The key's keystore; left out, the one of [keys].")
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option(help="The file of the keystore's password.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Announce a loss that a quorum signed on the chains that are left; anybody may."""
    settings = load(choose_config(config))
    document = _join(settings, files)
    told = _choose(settings, document.loss.chain_id, on)
    if bare:
        _print([_describe(place, _announce(place, document)) for place in told], as_json=as_json)
        return
    key = open_key(settings, keystore, password_file)
    _print(asyncio.run(_send(told, key, document)), as_json=as_json)


def _sit(settings: Settings, now: int) -> tuple[Secp256k1Signer, Committee]:
    """Give this machine's member key and the committee that it signs in now."""
    key = asyncio.run(open_member(settings))
    if key is None:
        refuse("keys: a keystore and its password_file are missing; a member's operator has both")
    signer = key.attestations
    if settings.committee is None:
        return signer, Committee.first(settings.deployment, [signer.address], 1)
    committee = build_membership(settings, settings.committee, key).current(now)
    if committee is None or signer.address not in committee.members:
        refuse(f"committee: {signer.address} is no member of a committee that may sign now")
    return signer, committee


def _write(path: Path, raw: bytes) -> None:
    try:
        path.write_bytes(raw)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from error


def _join(settings: Settings, files: Sequence[Path]) -> LossDocument:
    """Join the files and see that a quorum signed them, in this deployment."""
    documents = [_read(path) for path in files]
    try:
        joined = join_losses(documents)
        verify_loss(joined)
    except (Refused, ValueError) as error:
        refuse(f"FILES: {error}")
    if joined.deployment != settings.deployment:
        refuse(f"FILES: are of the deployment {joined.deployment!r}, not {settings.deployment!r}")
    return joined


def _read(path: Path) -> LossDocument:
    try:
        return decode_loss(path.read_bytes())
    except OSError as error:
        refuse(f"FILES: {path} cannot be read: {error.strerror}")
    except Refused as error:
        refuse(f"FILES: {path}: {error}")


def _choose(settings: Settings, lost: int, on: Sequence[str] | None) -> Sequence[VaultPlace]:
    places = find_places(settings)
    if on:
        chosen = [find_place(places, name, "--on") for name in on]
        if any(place.number == lost for place in chosen):
            refuse(f"--on: {lost} is the chain that is lost; tell those that are left")
        return chosen
    left = [place for place in places.values() if place.number != lost]
    if not left:
        refuse("chains: no other chain has a vault that could be told")
    return left


def _announce(place: VaultPlace, document: LossDocument) -> Call:
    loss = document.loss
    notary = place.vault.notary
    return ANNOUNCE.call(notary, loss.chain_id, loss.issued_at, document.bitmap, document.proof)


async def _send(
    places: Sequence[VaultPlace], key: OwnerKey, document: LossDocument
) -> list[Mapping[str, Any]]:
    """Announce it on one chain after the other; CommandError where one does not take it."""
    told: list[Mapping[str, Any]] = []
    for place in places:
        async with open_desk(place, key, lambda line: typer.echo(line, err=True)) as desk:
            counting = await desk.read(COMMITTEE.plan(place.vault.notary))
            if counting != document.committee.id:
                raise CommandError(
                    f"chains.{place.label}: committee 0x{counting.hex()} counts there, and "
                    f"0x{document.committee.id.hex()} signed; let that one's operators sign"
                )
            lost = document.loss.chain_id
            done = await desk.send(_announce(place, document), f"announce that {lost} is lost")
            counts_at = await desk.read(LOST_AT.plan(place.vault.notary, lost))
            told.append({**done.describe(), "counts_at": counts_at})
    return told


def _describe(place: VaultPlace, call: Call) -> Mapping[str, Any]:
    return {"chain": str(place.id), "to": call.target, "data": "0x" + call.data.hex(), "value": "0"}


def _print(listed: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json(list(listed))
        return
    for one in listed:
        for name, value in one.items():
            typer.echo(f"{name:<10} {value}")
