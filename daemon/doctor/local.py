"""Checks that need no chain: the key and its files, the state directory, the policies."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from solders.pubkey import Pubkey

from chains.evm.signer import LocalSigner
from chains.keyfiles import SignerError
from chains.model.ids import Address, checksummed
from chains.model.units import WAD
from chains.solana.signer import LocalSigner as SolanaSigner
from config.accounts import AccountSettings
from config.errors import ConfigError
from config.secrets import read_secret
from config.settings import Settings
from daemon.doctor.report import Finding, fail, ok, warn
from daemon.keys import find_attestation_key
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.signing.signer import KeystoreError

_STORE = "keys.keystore"
_KEYPAIR = "keys.solana_keypair"
_ATTESTING = "keys.attestation_keystore"


def examine_key(settings: Settings) -> tuple[Address | None, list[Finding]]:
    """Decrypt the keystore; slow by design, call it off the event loop."""
    keys = settings.keys
    if keys.keystore is None or keys.password_file is None:
        missing = _STORE if keys.keystore is None else "keys.password_file"
        advice = "run plimsoll keys new and name both files under [keys]"
        if settings.live:
            return None, [fail(missing, "is not set, so nothing can be signed", advice)]
        return None, [warn(missing, "is not set: nothing is attested or sent", advice)]
    try:
        signer = LocalSigner.open(keys.keystore, keys.password_file)
    except SignerError as error:
        return None, [fail("keys", str(error), "see plimsoll keys --help")]
    return signer.address, [ok(_STORE, f"opens, its address is {checksummed(signer.address)}")]


def examine_attester(
    settings: Settings, key: Address | None
) -> tuple[Address | None, list[Finding]]:
    """Open the key that signs attestations: one of its own, or the keeper's `key`; slow too."""
    try:
        files = find_attestation_key(settings.keys)
        if files is None:
            return key, []
        password = read_secret(files[1]).get_secret_value()
        address = Secp256k1Signer.from_keystore(files[0], password).address
    except (ConfigError, KeystoreError) as error:
        return None, [fail(_ATTESTING, str(error), "see plimsoll keys --help")]
    return address, [ok(_ATTESTING, f"opens, its address is {checksummed(address)}")]


def examine_keypair(settings: Settings) -> tuple[Pubkey | None, list[Finding]]:
    """Open the Solana keypair, where there is a Solana chain to use it on."""
    if not settings.solana:
        return None, []
    keypair = settings.keys.solana_keypair
    if keypair is None:
        advice = "run plimsoll keys new --solana-keypair and name the file under [keys]"
        return None, [warn(_KEYPAIR, "is not set: nothing is sent on Solana", advice)]
    try:
        signer = SolanaSigner.open(keypair)
    except SignerError as error:
        return None, [fail("keys", str(error), "see plimsoll keys --help")]
    return signer.pubkey, [ok(_KEYPAIR, f"opens, its address is {signer.pubkey}")]


def examine_state(path: Path) -> Finding:
    """Try to write where the journal goes, or to see that the directory can be made."""
    where = "state_dir"
    existing = path
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        return fail(where, f"{existing} is not a directory", "name another directory")
    if existing != path:
        if os.access(existing, os.W_OK | os.X_OK):
            return ok(where, f"{path} will be made")
        return fail(where, f"{path} cannot be made in {existing}", "make it for the daemon's user")
    try:
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(b"x")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return fail(where, f"{path} cannot be written: {error.strerror}", "free it or name another")
    return ok(where, f"{path} can be written")


def examine_accounts(accounts: tuple[AccountSettings, ...]) -> Iterator[Finding]:
    """Look for margin accounts whose policy never acts, or acts too late."""
    if not accounts:
        yield warn("accounts", "there is none", "write [[accounts]] with id and members")
    for index, account in enumerate(accounts):
        where = f"accounts[{index}].policy"
        policy = account.policy
        if policy.unified is None and policy.native is None:
            yield warn(where, f"{account.id} has no band, so it is only watched", "write a trigger")
        if policy.native is not None and policy.native.trigger <= WAD:
            advice = "write a trigger above 1"
            yield warn(f"{where}.native.trigger", "acts only after liquidation is open", advice)
