"""A committee upon a devnet: who attests there, and a configuration file for each member.

A member runs with `config/devnet.toml`, run.toml, `members/N.toml` and what a test or demo adds.
The first member's key is the one that run.toml names; one member alone needs no file.
"""

import json
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from chains.model.ids import Address
from daemon.devnet.folder import Folder
from daemon.devnet.keystores import draw_key, make_attester, write_keystore
from proofs.committee import Committee

_HOST: Final = "127.0.0.1"


def make_members(folder: Folder, count: int) -> tuple[Address, ...]:
    """Make the keys of so many members; gives their addresses, the first one's first."""
    addresses = [make_attester(folder)]
    for number in range(1, count):
        home = _home(folder, number)
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        addresses.append(write_keystore(draw_key(), home / "keystore.json", home / "password"))
    return tuple(addresses)


def found_committee(deployment: str, members: Sequence[Address]) -> Committee:
    """Give the devnet's first committee: as few must sign as the rules allow."""
    return Committee.first(deployment, members, 2 * len(members) // 3 + 1)


def write_members(folder: Folder, members: Sequence[Address], committee: Committee) -> None:
    """Write every member's file; each listens on a port of its own that is free now."""
    if len(members) == 1:
        return
    ports = _find_ports(len(members))
    for number, port in enumerate(ports):
        home = _home(folder, number)
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        lines = [f"state_dir = {_text(home / 'state')}"]
        if number:
            lines += ["[keys]", f"attestation_keystore = {_text(home / 'keystore.json')}"]
            lines += [f"attestation_password_file = {_text(home / 'password')}"]
        lines += ["[api]", "port = 0"]
        lines += ["[committee]", f"threshold = {committee.threshold}"]
        lines += [f'listen = "{_HOST}:{port}"']
        for address, theirs in zip(members, ports, strict=True):
            lines += ["[[committee.members]]", f'address = "{address}"']
            lines += [f'url = "http://{_HOST}:{theirs}"']
        member_file(folder, number).write_text("\n".join(lines) + "\n")


def member_file(folder: Folder, number: int) -> Path:
    """Give where a member's configuration lies."""
    return folder.members / f"{number}.toml"


def _home(folder: Folder, number: int) -> Path:
    return folder.members / str(number)


def _find_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind((_HOST, 0))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


def _text(path: Path) -> str:
    return json.dumps(str(path))
