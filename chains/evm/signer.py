"""Who signs: a port, and a signer whose key lies in an encrypted keystore file.

Keystore: Web3 secret storage version 3, as geth, eth-account and foundry write it. The password
stands in a second file, so that systemd hands both over as credentials.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol, Self

import orjson
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_keyfile.keyfile import decode_keyfile_json

from chains.keyfiles import SignerError, read_private
from chains.model.ids import Address, InvalidId, parse_address

TransactionFields = Mapping[str, Any]
_PROBE: Final[TransactionFields] = {
    "type": 2,
    "chainId": 1,
    "nonce": 0,
    "to": "0x" + "00" * 20,
    "value": 0,
    "data": b"",
    "gas": 0,
    "maxFeePerGas": 0,
    "maxPriorityFeePerGas": 0,
}


class Signer(Protocol):
    """Signs for one address."""

    @property
    def address(self) -> Address:
        """Whose signature it is."""
        ...

    def sign_transaction(self, fields: TransactionFields) -> bytes:
        """Give the signed bytes of a transaction, fields named as in eth-account."""
        ...


class LocalSigner:
    """A key in memory; neither its repr nor its errors show it."""

    __slots__ = ("_account", "address")

    def __init__(self, private_key: bytes) -> None:
        self._account: LocalAccount = Account.from_key(private_key)
        self.address: Final = Address(self._account.address.lower())

    @classmethod
    def open(cls, keystore: Path, password_file: Path) -> Self:
        """Decrypt a keystore; SignerError on loose permissions, a wrong password or address.

        Slow by design (the key derivation takes about a second): call it off the event loop.
        """
        content = read_private(keystore, "keystore")
        password = read_private(password_file, "password file").rstrip(b"\r\n")
        try:
            parsed = orjson.loads(content)
            key = bytes(decode_keyfile_json(parsed, password))
        except (ValueError, KeyError, TypeError, NotImplementedError) as error:
            # The cause is not shown: a library's message might quote what it was given.
            raise SignerError(
                f"{keystore}: not a version 3 keystore, or the password is wrong"
            ) from error
        signer = cls(key)
        signer._confirm(parsed.get("address"), keystore)
        return signer

    def sign_transaction(self, fields: TransactionFields) -> bytes:
        """Give the signed bytes of a transaction."""
        return bytes(self._account.sign_transaction(dict(fields)).raw_transaction)

    def _confirm(self, named: object, keystore: Path) -> None:
        """Compare the keystore's address with the one recovered from a signature."""
        recovered = recover_sender(self.sign_transaction(_PROBE))
        if named is None:
            expected = self.address
        else:
            try:
                expected = parse_address("0x" + str(named).lower().removeprefix("0x"))
            except InvalidId as error:
                raise SignerError(f"{keystore}: its address field is no address") from error
        if recovered != expected:
            raise SignerError(f"{keystore}: names {expected}, but its key is of {self.address}")

    def __repr__(self) -> str:
        return f"LocalSigner({self.address})"


def recover_sender(raw: bytes) -> Address:
    """Give the address whose signature a signed transaction carries."""
    return Address(str(Account.recover_transaction(raw)).lower())
