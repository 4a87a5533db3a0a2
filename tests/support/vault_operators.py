"""What a committee's operators have over the ground's two chains: configurations, keystores."""

import json
from pathlib import Path
from typing import Final

from eth_hash.auto import keccak

from daemon.devnet.keystores import write_keystore
from daemon.devnet.vaults import VAULT_ASSETS
from proofs.signing.secp256k1 import Secp256k1Signer
from tests.support.vaults import DEPLOYMENT, KEYS, MEMBERS, OWNER, Ground, VaultChain

_SECRETS: Final = {
    Secp256k1Signer(key).address: key
    for key in (bytes(keccak(b"member %d" % number)) for number in range(6))
}


def write_operator(ground: Ground, folder: Path, member: int) -> Path:
    """Write what a member's machine has; gives the configuration."""
    home = folder / f"member-{member}"
    home.mkdir()
    keystore, password = home / "key.json", home / "password"
    write_keystore(_SECRETS[MEMBERS[member].address], keystore, password)
    lines = [
        f"deployment = {json.dumps(DEPLOYMENT)}",
        f"state_dir = {_text(home / 'state')}",
        "[keys]",
        f"keystore = {_text(keystore)}",
        f"password_file = {_text(password)}",
        "[committee]",
        "threshold = 3",
        'listen = "127.0.0.1:1"',
        *(line for signer in MEMBERS for line in _member(signer.address)),
        *(line for name, place in _named(ground) for line in _chain(name, place)),
    ]
    config = home / "plimsoll.toml"
    config.write_text("\n".join(lines) + "\n")
    return config


def write_owner(folder: Path) -> list[str]:
    """Write the keystore of somebody with native money; gives the options that name it."""
    keystore, password = folder / "owner.json", folder / "owner-password"
    write_keystore(KEYS[OWNER], keystore, password)
    return ["--keystore", str(keystore), "--password-file", str(password)]


def _member(address: str) -> list[str]:
    return ["[[committee.members]]", f'address = "{address}"', 'url = "http://127.0.0.1:1"']


def _named(ground: Ground) -> list[tuple[str, VaultChain]]:
    return [("a", ground.a), ("b", ground.b)]


def _chain(name: str, place: VaultChain) -> list[str]:
    lines = [
        f"[chains.{name}]",
        f'caip2 = "eip155:{place.number}"',
        f"rpc = [{json.dumps(place.chain.url)}]",
        'max_fee_gwei = "2000"',
        'priority_fee_gwei = "1"',
        f"[chains.{name}.vault]",
        f'vault = "{place.vault}"',
        f'seizure = "{place.seizure}"',
        f'notary = "{place.notary}"',
        f"assets = {json.dumps(list(VAULT_ASSETS))}",
    ]
    for number, symbol in enumerate(VAULT_ASSETS):
        token = place.chain.deployment.tokens[symbol]
        lines += [
            f"[chains.{name}.tokens.{symbol}]",
            f'address = "{place.token(number)}"',
            f"decimals = {token.decimals}",
            f'feed = "{token.feed}"',
            "heartbeat_s = 3600",
        ]
    return lines


def _text(path: Path) -> str:
    return json.dumps(str(path))
