"""Members of a committee upon a stage that was set before them: keys, ports, configurations.

The devnet's own (daemon.devnet.committee) are known to its contracts; these sign for no contract.
"""

import json
import secrets
import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chains.model.ids import Address
from daemon.devnet.keystores import draw_key, write_keystore
from proofs.committee import Committee
from proofs.signing.secp256k1 import Secp256k1Signer

_HOST: Final = "127.0.0.1"
_NOT_GIVEN: Final = range(20_000, 32_000)
"""Below the ports that the kernel gives to whoever asks for any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DevMember:
    """One member: its place in the committee, its attestation key, and where it listens."""

    place: int
    address: Address
    port: int
    folder: Path

    @property
    def url(self) -> str:
        """Where the others reach it."""
        return f"http://{_HOST}:{self.port}"

    @property
    def keystore(self) -> Path:
        """The keystore of its attestation key."""
        return self.folder / "keystore.json"

    @property
    def password_file(self) -> Path:
        """The password of its attestation key."""
        return self.folder / "password"

    @property
    def state_dir(self) -> Path:
        """Its daemon's state."""
        return self.folder / "state"

    @property
    def config_file(self) -> Path:
        """Its part of the configuration."""
        return self.folder / "member.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class DevCommittee:
    """The members by address ascending, and how many must sign."""

    threshold: int
    members: tuple[DevMember, ...]

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Who signs, in the committee's order."""
        return tuple(member.address for member in self.members)

    def build(self, deployment: str) -> Committee:
        """Give the deployment's first committee."""
        return Committee.first(deployment, self.addresses, self.threshold)

    def write_config(
        self,
        member: DevMember,
        *,
        sends: bool = False,
        urls: Mapping[Address, str] | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> Path:
        """Write a member's file and give its path.

        One that `sends` is live with the keeper's key that `run.toml` names, the others run dry
        with their own. `urls` say where this member reaches others, where not directly; `settings`
        are further ones, with dotted names.
        """
        found: dict[str, object] = {
            "mode": "live" if sends else "dry-run",
            "state_dir": str(member.state_dir),
            "api.port": 0,
            "keys.attestation_keystore": str(member.keystore),
            "keys.attestation_password_file": str(member.password_file),
            "committee.threshold": self.threshold,
            "committee.listen": f"{_HOST}:{member.port}",
        }
        if not sends:
            found["keys.keystore"] = str(member.keystore)
            found["keys.password_file"] = str(member.password_file)
        lines = [
            f"{key} = {json.dumps(value)}" for key, value in (found | dict(settings or {})).items()
        ]
        for each in self.members:
            url = (urls or {}).get(each.address, each.url)
            lines += ["[[committee.members]]", f'address = "{each.address}"', f'url = "{url}"']
        member.config_file.write_text("\n".join(lines) + "\n")
        return member.config_file


def make_committee(path: Path, *, size: int = 4, threshold: int = 3) -> DevCommittee:
    """Make keys, folders and ports for `size` members; no chain is needed yet."""
    keys = sorted((draw_key() for _ in range(size)), key=_number)
    ports = find_ports(size)
    members = tuple(
        DevMember(
            place=place,
            address=Secp256k1Signer(key).address,
            port=port,
            folder=path / f"member-{place}",
        )
        for place, (key, port) in enumerate(zip(keys, ports, strict=True))
    )
    for member, key in zip(members, keys, strict=True):
        member.folder.mkdir(parents=True, mode=0o700)
        write_keystore(key, member.keystore, member.password_file)
    return DevCommittee(threshold=threshold, members=members)


def _number(key: bytes) -> int:
    return int(Secp256k1Signer(key).address, 16)


def find_ports(count: int) -> Sequence[int]:
    """Give ports that are free now, all different, and that nobody is given by chance."""
    found: list[int] = []
    with ExitStack() as stack:
        while len(found) < count:
            with suppress(OSError):
                port = secrets.choice(_NOT_GIVEN)
                stack.enter_context(socket.create_server((_HOST, port)))
                found.append(port)
    return found
