"""Accounts are ids made of who opened them: nobody's address on another chain is his for free."""

import pytest

from chains.model.ids import Address
from chains.model.units import WAD
from proofs.vaults import FactKey, FactKind
from tests.support.rescue import refused
from tests.support.vaults import (
    LENDER,
    OWNER,
    STRANGER,
    TERMS,
    USER_SALT,
    WETH,
    Ground,
    Witness,
    link_account,
    sign_link,
)

pytestmark = pytest.mark.net

ETHER = 10**18
NOBODY = Address("0x" + "00" * 20)
LINK = "link(uint64,address,bytes32,bytes)"
TAKE_LINK = "take_link(uint64,address,bytes32,uint256,uint64,uint256,bytes,bytes)"


def owner_of(vaults: Ground, account: bytes) -> str:
    place = vaults.b
    return str(place.ask(place.vault, "owner_of(bytes32)", account, returns="(address)"))


def take_link(
    vaults: Ground, account: bytes, witness: Witness | None = None, word: int | None = None
) -> None:
    a, b = vaults.chains
    key = FactKey(kind=FactKind.LINKED, subject=account, numbers=(b.number,))
    told = a.fact(key) if word is None else word
    given = witness or a.witness(key, word=told)
    words = (a.number, OWNER, USER_SALT, told, *given.arguments)
    b.do(b.vault, TAKE_LINK, *words, sender=STRANGER)


def announce(vaults: Ground, account: bytes, owner: str) -> None:
    a, b = vaults.chains
    a.do(a.vault, "announce_link(bytes32,uint64,address)", account, b.number, owner)


def test_an_id_is_the_twins_of_python_and_opens_once(vaults: Ground) -> None:
    a, b = vaults.chains
    account = a.open()
    named = a.ask(
        a.vault,
        "account_id(uint64,address,bytes32)",
        a.number,
        OWNER,
        USER_SALT,
        returns="(bytes32)",
    )
    assert named == account
    assert refused(a.open) == "account"
    assert a.open(OWNER, bytes(32)) != account
    assert a.open(STRANGER) != account
    assert b.open() != account


def test_nobody_squats_an_id_on_another_chain(vaults: Ground) -> None:
    """Opening there gives another id; linking needs the first owner's word for that address."""
    a, b = vaults.chains
    account = a.open()
    b.open(STRANGER)
    assert owner_of(vaults, account) == NOBODY
    signature = sign_link(b, account, first_owner=OWNER, owner=LENDER)
    words = (a.number, OWNER, USER_SALT, signature)
    assert refused(b.do, b.vault, LINK, *words, sender=STRANGER) == "signature"
    assert refused(b.do, b.vault, LINK, *words, sender=OWNER) == "signature"
    b.do(b.vault, LINK, *words, sender=LENDER)
    assert owner_of(vaults, account) == LENDER
    assert refused(b.do, b.vault, LINK, *words, sender=LENDER) == "account"


def test_the_same_address_on_another_chain_owns_nothing_there(vaults: Ground) -> None:
    """The first owner's address may be somebody else's: the owner there is whom he named."""
    a, b = vaults.chains
    account = a.open()
    link_account(a, b, account, first_owner=OWNER, owner=LENDER)
    b.deposit(account, WETH, ETHER)
    assert refused(b.withdraw, account, WETH, 1, sender=OWNER) == "owner"
    b.withdraw(account, WETH, ETHER, sender=LENDER)


def test_a_signature_for_one_chain_account_or_time_serves_no_other(vaults: Ground) -> None:
    a, b = vaults.chains
    account = a.open()
    other = b.open(OWNER, bytes(32))
    for_other = sign_link(b, other, first_owner=OWNER, owner=LENDER)
    words = (a.number, OWNER, USER_SALT, for_other)
    assert refused(b.do, b.vault, LINK, *words, sender=LENDER) == "signature"
    forged = sign_link(b, account, first_owner=STRANGER, owner=LENDER)
    words = (a.number, OWNER, USER_SALT, forged)
    assert refused(b.do, b.vault, LINK, *words, sender=LENDER) == "signature"
    words = (a.number, NOBODY, USER_SALT, bytes(65))
    assert refused(b.do, b.vault, LINK, *words, sender=LENDER) == "signature"
    words = (b.number, OWNER, USER_SALT, for_other)
    assert refused(b.do, b.vault, LINK, *words, sender=LENDER) == "home"
    used = sign_link(b, account, first_owner=OWNER, owner=LENDER)
    b.do(b.vault, LINK, a.number, OWNER, USER_SALT, used, sender=LENDER)
    b.do(b.vault, "unlink(bytes32)", account, sender=LENDER)
    again = (a.number, OWNER, USER_SALT, used)
    assert refused(b.do, b.vault, LINK, *again, sender=LENDER) == "signature"


def test_a_contract_links_by_a_fact_of_its_home(vaults: Ground) -> None:
    account = vaults.a.open()
    announce(vaults, account, LENDER)
    take_link(vaults, account)
    assert owner_of(vaults, account) == LENDER
    assert refused(take_link, vaults, account) == "old"


def test_only_the_owner_at_home_announces(vaults: Ground) -> None:
    a, b = vaults.chains
    account = a.open()
    vaults.link(account, owner=LENDER)
    signature = "announce_link(bytes32,uint64,address)"
    words = (account, b.number, STRANGER)
    assert refused(a.do, a.vault, signature, *words, sender=STRANGER) == "owner"
    words = (account, a.number, STRANGER)
    assert refused(a.do, a.vault, signature, *words) == "home"
    assert refused(b.do, b.vault, signature, *words, sender=LENDER) == "home"


def test_a_link_told_by_another_chain_than_the_home_names_another_account(vaults: Ground) -> None:
    a, b = vaults.chains
    account = a.open()
    key = FactKey(kind=FactKind.LINKED, subject=account, numbers=(b.number,))
    witness = a.witness(key, word=int(STRANGER, 16) | 1 << 160)
    words = (77, OWNER, USER_SALT, int(STRANGER, 16) | 1 << 160, *witness.arguments)
    assert refused(b.do, b.vault, TAKE_LINK, *words) == "peer"
    words = (a.number, STRANGER, USER_SALT, int(STRANGER, 16) | 1 << 160, *witness.arguments)
    assert refused(b.do, b.vault, TAKE_LINK, *words) == "signer"
    assert owner_of(vaults, account) == NOBODY


def test_owners_change_only_while_nothing_is_at_stake(vaults: Ground) -> None:
    a, b = vaults.chains
    account = a.open()
    vaults.link(account, owner=LENDER)
    b.deposit(account, WETH, ETHER)
    assert refused(b.do, b.vault, "unlink(bytes32)", account, sender=LENDER) == "stake"
    announce(vaults, account, STRANGER)
    assert refused(take_link, vaults, account) == "stake"
    b.withdraw(account, WETH, ETHER, sender=LENDER)
    a.deposit(account, WETH, ETHER)
    a.raise_line(account, b, WETH, WAD)
    vaults.carry_raise(account, WETH)
    assert refused(take_link, vaults, account) == "stake"
    b.lower_line(account, a, WETH, WAD, sender=LENDER)
    take_link(vaults, account)
    assert owner_of(vaults, account) == STRANGER


def test_the_home_takes_an_owner_away_and_an_old_link_does_not_bring_him_back(
    vaults: Ground,
) -> None:
    a, b = vaults.chains
    account = a.open()
    key = FactKey(kind=FactKind.LINKED, subject=account, numbers=(b.number,))
    announce(vaults, account, LENDER)
    first, word = a.witness(key), a.fact(key)
    take_link(vaults, account)
    announce(vaults, account, NOBODY)
    take_link(vaults, account)
    assert owner_of(vaults, account) == NOBODY
    assert refused(take_link, vaults, account, first, word) == "old"


def test_a_home_keeps_its_owner(vaults: Ground) -> None:
    a = vaults.a
    account = a.open()
    assert refused(a.do, a.vault, "unlink(bytes32)", account) == "home"
    assert refused(a.do, a.vault, "unlink(bytes32)", account, sender=STRANGER) == "owner"


def test_the_deployments_salt_is_that_of_the_statements(vaults: Ground) -> None:
    for place in vaults.chains:
        assert place.ask(place.vault, "salt()", returns="(bytes32)") == TERMS.salt
