"""What became of a transaction, as every endpoint alone says it."""

import asyncio

import pytest
from solders.signature import Signature
from solders.token import ID as TOKEN_PROGRAM

from chains.errors import Unreachable
from chains.rpc.endpoint import Json
from chains.solana.decode import TokenChange, decode_landing
from chains.solana.landings import LandingReader
from tests.support.solnode import (
    make_key,
    make_ledger,
    make_wallet,
    pay,
    serving,
    sign,
)

DOWN = "http://127.0.0.1:9"


@pytest.mark.net
async def test_endpoints_that_do_not_answer_are_left_out_unless_none_does() -> None:
    ledger, blind = make_ledger(), make_ledger()
    wallet = make_wallet(ledger)
    ledger.tick()
    sent = sign(ledger, wallet, [pay(wallet, make_key(1))])
    ledger.send(sent)
    for _ in range(3):
        ledger.tick()
        blind.tick()
    [signature] = sent.signatures
    async with serving(ledger, blind) as (client, [sighted, other]):
        everyone = LandingReader(client, [DOWN, other.url, sighted.url])
        [landing] = await everyone.read_everywhere(signature)
        assert landing == await everyone.read(signature)
        assert landing.paid == 10**9 + landing.fee
        looks = await everyone.look_everywhere(signature)
        assert [look.status is not None for look in looks.every] == [False, True]
        assert looks.trusted == looks.every
        with pytest.raises(Unreachable):
            await LandingReader(client, [DOWN]).look_everywhere(signature)


@pytest.mark.net
async def test_endpoints_are_asked_side_by_side_and_none_longer_than_allowed() -> None:
    ledger = make_ledger()
    ledger.tick()
    async with serving(ledger, ledger, ledger, ledger) as (client, nodes):
        for node in nodes[:3]:
            node.faults.silent = True
        everyone = LandingReader(client, [node.url for node in nodes], timeout_s=0.3)
        async with asyncio.timeout(0.6):
            looks = await everyone.look_everywhere(Signature.default())
        assert len(looks.every) == 1
        silent = LandingReader(client, [nodes[0].url], timeout_s=0.1)
        with pytest.raises(Unreachable, match=r"no answer within 0\.1 s"):
            await silent.look_everywhere(Signature.default())


@pytest.mark.net
async def test_what_endpoints_say_that_are_set_aside_is_no_vote_on_what_was_not_seen() -> None:
    ledger = make_ledger()
    for _ in range(30):
        ledger.tick()
    async with serving(ledger, ledger) as (client, [well, late]):
        late.faults.lag = 25
        everyone = LandingReader(client, [well.url, late.url])
        assert len((await everyone.look_everywhere(Signature.default())).trusted) == 2
        await client.check_endpoints()
        looks = await everyone.look_everywhere(Signature.default())
        assert len(looks.every) == 2
        [trusted] = looks.trusted
        assert trusted.point.slot == max(look.point.slot for look in looks.every)


def told(*balances: tuple[int, int, str | None]) -> Json:
    """Give token balances as the RPC writes them: index, units, and whose they are."""
    return [
        {
            "accountIndex": index,
            "mint": str(make_key(50)),
            "owner": owner,
            "programId": str(TOKEN_PROGRAM),
            "uiTokenAmount": {"amount": str(units)},
        }
        for index, units, owner in balances
    ]


def test_token_accounts_that_appear_or_vanish_change_by_all_they_hold() -> None:
    owner = str(make_key(60))
    answer: Json = {
        "slot": 7,
        "meta": {
            "err": None,
            "fee": 5_000,
            "preBalances": [9, 1],
            "postBalances": [4, 6],
            "preTokenBalances": told((1, 10, owner), (2, 5, owner), (4, 8, owner), (5, 1, None)),
            "postTokenBalances": told((1, 4, owner), (3, 7, owner), (4, 8, owner), (5, 9, None)),
        },
    }
    landing = decode_landing(Signature.default(), answer)
    assert landing is not None
    assert landing.paid == 5
    assert landing.tokens == tuple(
        TokenChange(owner=make_key(60), mint=make_key(50), units=units) for units in (-6, -5, 7)
    )
