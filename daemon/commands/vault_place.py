"""Which vault, account, asset and amount a command of `plimsoll vault` is about."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chains.evm.signer import LocalSigner
from chains.keyfiles import SignerError, read_private
from chains.model.ids import ChainId
from chains.model.units import div_up
from config.amounts import WAD_DECIMALS, parse_amount
from config.evm import EvmSettings, EvmTokenSettings, VaultSettings
from config.settings import Settings
from daemon.commands.common import CommandError, refuse
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.signing.signer import KeystoreError

ID_DIGITS: Final = 66
EVERYTHING: Final = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultPlace:
    """One chain's vault, under its label in the configuration."""

    label: str
    chain: EvmSettings
    vault: VaultSettings

    @property
    def id(self) -> ChainId:
        """The chain."""
        return self.chain.caip2

    @property
    def number(self) -> int:
        """The chain's EIP-155 number, as contracts name it."""
        return self.id.evm_number

    def find_asset(self, symbol: str) -> "VaultAsset":
        """Give an asset of this vault; refused where it has none of that symbol."""
        numbers = self.vault.numbers
        if symbol not in numbers:
            known = ", ".join(numbers)
            refuse(f"SYMBOL: {symbol!r} is no asset of chains.{self.label}.vault; write {known}")
        token = self.chain.tokens[symbol]
        return VaultAsset(symbol=symbol, number=numbers[symbol], token=token)


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultAsset:
    """An asset by its number in the vaults, and its token on one chain."""

    symbol: str
    number: int
    token: EvmTokenSettings

    @property
    def scale(self) -> int:
        """Wad units of one base unit of the token."""
        return int(10 ** (WAD_DECIMALS - self.token.decimals))

    def parse_amount(self, text: str) -> int:
        """Read an amount of whole tokens as base units; refused where it is none or 0."""
        try:
            amount = parse_amount(text, self.token.decimals)
        except ValueError as error:
            refuse(f"AMOUNT: {error}")
        if amount == 0:
            refuse("AMOUNT: is 0; write more than nothing")
        return amount

    def to_base(self, units: int) -> int:
        """Give the base units that are worth at least so many wad units."""
        return div_up(units, self.scale)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerKey:
    """Who calls: for transactions, and for the owner's word that links his account."""

    sender: LocalSigner
    word: Secp256k1Signer


def find_places(settings: Settings) -> Mapping[str, VaultPlace]:
    """Give every configured vault by its chain's label; refused where there is none."""
    places = {
        label: VaultPlace(label=label, chain=chain, vault=chain.vault)
        for label, chain in settings.evm.items()
        if chain.vault is not None
    }
    if not places:
        refuse("chains: none has a vault; write a table [chains.….vault] for each that has")
    return places


def find_place(places: Mapping[str, VaultPlace], name: str, field: str) -> VaultPlace:
    """Give a vault by its chain's label, number or CAIP-2 id; refused where there is none."""
    named = (p for p in places.values() if name in (p.label, str(p.id), p.id.reference))
    place = next(named, None)
    if place is None:
        known = ", ".join(f"{place.label} ({place.id})" for place in places.values())
        refuse(f"{field}: {name!r} has no vault; write one of {known}")
    return place


def parse_account(text: str) -> bytes:
    """Read a vault account's id; refused where it is none."""
    try:
        account = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        account = b""
    if not text.startswith("0x") or len(text) != ID_DIGITS or not account:
        refuse("ACCOUNT: write the vault account's id, 0x and 64 hex digits")
    return account


def open_key(settings: Settings, keystore: Path | None, password_file: Path | None) -> OwnerKey:
    """Decrypt the key named, else the one of [keys]; CommandError where it cannot be."""
    if (keystore is None) != (password_file is None):
        refuse("--keystore: goes with --password-file; write both or none")
    keystore = keystore or settings.keys.keystore
    password_file = password_file or settings.keys.password_file
    if keystore is None or password_file is None:
        refuse("--keystore: write the owner's keystore and --password-file; [keys] has none")
    try:
        sender = LocalSigner.open(keystore, password_file)
        password = read_private(password_file, "password file").rstrip(b"\r\n").decode()
        return OwnerKey(sender=sender, word=Secp256k1Signer.from_keystore(keystore, password))
    except (SignerError, KeystoreError, UnicodeDecodeError) as error:
        raise CommandError(str(error)) from error
