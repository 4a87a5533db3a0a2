"""What owners and lenders do at a vault, one transaction after another."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from chains.evm.abi.function import Function
from chains.evm.protocols.plimsoll_vault.contracts import OWNER_OF
from chains.evm.protocols.plimsoll_vault.owners import (
    BORROW,
    COLLATERAL,
    DEBT,
    DEPOSIT,
    LINK,
    LINK_NONCE,
    LOCKABLE,
    OPEN,
    REPAY,
    SALT,
    SUPPLY,
    WITHDRAW,
)
from chains.model.ids import Address
from chains.model.snapshot import NOBODY
from chains.model.units import BPS, div_up
from config.amounts import WAD_DECIMALS, format_amount
from daemon.commands.common import CommandError, refuse
from daemon.commands.vault_desk import Desk
from daemon.commands.vault_place import EVERYTHING, OwnerKey, VaultAsset
from proofs.typed import WORD, hash_text
from proofs.vaults import VaultLink, digest_vault, name_account

_INTEREST_BPS: Final = 1
"""What is approved beyond a debt that is repaid whole: interest until the block."""


async def open_account(
    home: Desk, others: Sequence[Desk], key: OwnerKey, deployment: str, number: int
) -> bytes:
    """Open an account at home and link it on the other chains; gives its id."""
    salt, user_salt = hash_text(deployment), number.to_bytes(WORD, "big")
    if await home.read(SALT.plan(home.vault)) != salt:
        refuse(f"deployment: the vault of chains.{home.place.label} is not one of {deployment!r}")
    account = name_account(salt, home.place.number, home.owner, user_salt)
    if await _find_owner(home, account) == NOBODY:
        await home.send(OPEN.call(home.vault, user_salt), "open the account")
    for desk in others:
        if (owner := await _find_owner(desk, account)) == NOBODY:
            await _link(home, desk, key, salt, account, user_salt)
        elif owner != desk.owner:
            desk.say(f"{desk.place.label}: the account belongs to {owner} there")
    return account


async def _find_owner(desk: Desk, account: bytes) -> Address:
    return Address(await desk.read(OWNER_OF.plan(desk.vault, account)))


async def _link(
    home: Desk, desk: Desk, key: OwnerKey, salt: bytes, account: bytes, user_salt: bytes
) -> None:
    nonce = await desk.read(LINK_NONCE.plan(desk.vault, account))
    link = VaultLink(account=account, chain_id=desk.place.number, owner=desk.owner, nonce=nonce)
    word = key.word.sign(digest_vault(link, salt))
    call = LINK.call(desk.vault, home.place.number, home.owner, user_salt, word)
    await desk.send(call, "link the account")


async def deposit(desk: Desk, account: bytes, asset: VaultAsset, text: str) -> None:
    """Add collateral; anybody may, for any account that somebody owns on the chain."""
    amount = asset.parse_amount(text)
    await desk.allow(asset, desk.vault, amount)
    call = DEPOSIT.call(desk.vault, account, asset.number, amount)
    await desk.send(call, f"deposit {text} {asset.symbol}")


async def withdraw(
    desk: Desk, account: bytes, asset: VaultAsset, text: str, to: Address | None
) -> None:
    """Take collateral out, an amount or `all` that is free, to the key or to another address."""
    if text == EVERYTHING:
        plan = LOCKABLE.plan(desk.vault, account, asset.number, desk.place.number)
        amount = await desk.read(plan) // asset.scale
    else:
        amount = asset.parse_amount(text)
    _require_some(amount, desk, asset, "holds nothing free")
    call = WITHDRAW.call(desk.vault, account, asset.number, amount, to or desk.owner)
    await desk.send(call, f"withdraw {format_amount(amount, asset.token.decimals)} {asset.symbol}")


async def borrow(
    desk: Desk, account: bytes, asset: VaultAsset, text: str, to: Address | None
) -> None:
    """Borrow an amount, to the key or to another address."""
    amount = asset.parse_amount(text)
    call = BORROW.call(desk.vault, account, asset.number, amount, to or desk.owner)
    await desk.send(call, f"borrow {text} {asset.symbol}")


async def repay(desk: Desk, account: bytes, asset: VaultAsset, text: str) -> None:
    """Repay an amount, or `all` with the interest until the block; anybody may."""
    if text == EVERYTHING:
        owed = asset.to_base(await desk.read(DEBT.plan(desk.vault, account, asset.number)))
        amount = owed + div_up(owed * _INTEREST_BPS, BPS)
    else:
        amount = asset.parse_amount(text)
    _require_some(amount, desk, asset, "owes nothing")
    await desk.allow(asset, await desk.read_pool(), amount)
    call = REPAY.call(desk.vault, account, asset.number, amount)
    await desk.send(call, f"repay {text} {asset.symbol}")


async def supply(desk: Desk, asset: VaultAsset, text: str) -> None:
    """Lend to the pool of an asset."""
    amount = asset.parse_amount(text)
    pool = await desk.read_pool()
    await desk.allow(asset, pool, amount)
    await desk.send(SUPPLY.call(pool, asset.number, amount), f"supply {text} {asset.symbol}")


async def read_legs(desk: Desk, account: bytes, asset: VaultAsset) -> Mapping[str, Any]:
    """Give what the account holds and owes of an asset on a chain now."""
    figures: tuple[tuple[str, Function], ...] = (("collateral", COLLATERAL), ("debt", DEBT))
    return {
        name: format_amount(
            await desk.read(function.plan(desk.vault, account, asset.number)), WAD_DECIMALS
        )
        for name, function in figures
    }


def _require_some(amount: int, desk: Desk, asset: VaultAsset, why: str) -> None:
    if amount == 0:
        raise CommandError(f"chains.{desk.place.label}: the account {why} of {asset.symbol}")
