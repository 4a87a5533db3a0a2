import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, cast

import pytest

from chains.model.snapshot import ChainGap
from daemon.api.context import HistoryEntry
from daemon.board import Attested
from tests.daemon.api.conftest import Api, Serving
from tests.support import values
from tests.support.values import CHEAP, DEAR, NOW

pytestmark = pytest.mark.net

EVENTS = [
    HistoryEntry(id=i, at=NOW + i, event="health", details={"unified": str(i)}) for i in range(1, 6)
]


async def read_events(account: str, before: int | None, limit: int) -> Sequence[HistoryEntry]:
    assert account == "alice"
    older = [entry for entry in reversed(EVENTS) if before is None or entry.id < before]
    return older[:limit]


async def test_accounts_are_listed_with_where_to_go_on(api: Api) -> None:
    status, body = await api.get("/v1/accounts")
    assert status == 200
    (account,) = cast("list[dict[str, Any]]", body["accounts"])
    assert account["id"] == "alice"
    assert account["health"] == "/v1/accounts/alice/health"
    assert len(account["members"]) == 2


@pytest.mark.parametrize("name", ["bob", "eip155%3A1%3A0x12", "%2e%2e", "a%00b", "%F0%9F%9A%A2"])
@pytest.mark.parametrize("leaf", ["health", "attestation", "history"])
async def test_an_unknown_account_is_a_problem_that_says_what_to_do(
    api: Api, name: str, leaf: str
) -> None:
    async with api.session.get(f"/v1/accounts/{name}/{leaf}") as response:
        assert response.status == 404
        assert response.content_type == "application/problem+json"
        problem = await response.json()
        assert problem["status"] == 404
        assert "GET /v1/accounts" in problem["detail"] or "openapi" in problem["detail"]


async def test_other_methods_are_refused_with_those_allowed(api: Api) -> None:
    async with api.session.post("/v1/accounts", json={}) as response:
        assert response.status == 405
        assert response.headers["Allow"] == "GET, HEAD"
        assert response.content_type == "application/problem+json"


async def test_head_answers_like_get_without_a_body(api: Api) -> None:
    async with api.session.head("/livez") as response:
        assert response.status == 200
        assert await response.read() == b""
        assert int(response.headers["Content-Length"]) > 0


async def test_an_unknown_path_points_to_the_description(api: Api) -> None:
    status, body = await api.get("/v2/nothing")
    assert status == 404
    assert "/openapi.json" in str(body["detail"])


async def test_an_attestation_is_answered_byte_for_byte_canonical(api: Api) -> None:
    document = {"b": "2", "a": {"d": [], "c": "1"}}
    # The route looks at digest and document only; how envelopes are made is tested in tests/proofs.
    api.board.attestations["alice"] = Attested(
        account="alice",
        sequence=7,
        digest=b"\x01" * 32,
        envelope=cast("Any", None),
        document=document,
    )
    async with api.session.get("/v1/accounts/alice/attestation") as response:
        assert response.status == 200
        assert await response.read() == b'{"a":{"c":"1","d":[]},"b":"2"}'
        assert response.headers["ETag"] == f'W/"{"01" * 32}"'


async def test_a_missing_attestation_says_where_to_look(api: Api) -> None:
    status, body = await api.get("/v1/accounts/alice/attestation")
    assert status == 404
    assert "/v1/accounts/alice/health" in str(body["detail"])


async def test_history_pages_are_followed_to_the_end(serving: Serving) -> None:
    async with serving(history=read_events) as api:
        seen: list[int] = []
        path: str | None = "/v1/accounts/alice/history?limit=2"
        while path:
            _, body = await api.get(path)
            page = cast("dict[str, Any]", body)
            seen += [event["id"] for event in page["events"]]
            path = page["links"]["next"]
        assert seen == [5, 4, 3, 2, 1]


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=501", "before=-1", "limit=٣"])
async def test_a_wrong_page_names_the_field(serving: Serving, query: str) -> None:
    async with serving(history=read_events) as api:
        status, body = await api.get(f"/v1/accounts/alice/history?{query}")
        assert status == 400
        assert str(body["detail"]).startswith(f"{query.partition('=')[0]} is ")


async def test_ready_while_every_chain_is_fresh(api: Api) -> None:
    for chain in (CHEAP, DEAR):
        api.board.chains[chain] = values.chain_snapshot(chain, [])
    status, body = await api.get("/readyz")
    assert (status, body["status"], body["unready"]) == (200, "ready", [])


async def test_not_ready_names_each_chain_that_is_a_gap_and_why(api: Api) -> None:
    api.board.chains[CHEAP] = values.chain_snapshot(CHEAP, [])
    api.board.chains[DEAR] = ChainGap(chain=DEAR, reason="no endpoint answered", since=NOW - 5)
    status, body = await api.get("/readyz")
    assert status == HTTPStatus.SERVICE_UNAVAILABLE
    assert body["unready"] == [
        {
            "what": "dear (eip155:31338)",
            "reason": "no endpoint answered",
            "since": "2027-01-15T07:59:55Z",
        }
    ]


async def test_a_chain_grows_stale_while_nobody_writes(api: Api) -> None:
    for chain in (CHEAP, DEAR):
        api.board.chains[chain] = values.chain_snapshot(chain, [])
    api.clock.now = NOW + 11
    status, body = await api.get("/readyz")
    assert status == 503
    assert len(cast("list[object]", body["unready"])) == 2


async def test_a_halted_keeper_and_a_missing_signer_are_named(serving: Serving) -> None:
    async with serving(signer_fault="no key") as api:
        for chain in (CHEAP, DEAR):
            api.board.chains[chain] = values.chain_snapshot(chain, [])
        api.board.keeper_halted = "health did not rise"
        status, body = await api.get("/readyz")
        assert status == 503
        unready = cast("list[dict[str, Any]]", body["unready"])
        assert {entry["what"]: entry["reason"] for entry in unready} == {
            "keeper": "health did not rise",
            "signer": "no key",
        }
        assert (await api.get("/livez"))[0] == 200


async def test_a_stopped_lane_and_stopped_liquidations_are_named(serving: Serving) -> None:
    halts = {
        "keeper": "told already",
        str(DEAR): "nonce 4 is not ours",
        "liquidations": "no effect",
    }
    async with serving(halts=halts) as api:
        for chain in (CHEAP, DEAR):
            api.board.chains[chain] = values.chain_snapshot(chain, [])
        status, body = await api.get("/readyz")
        assert status == 503
        unready = cast("list[dict[str, Any]]", body["unready"])
        assert {entry["what"]: entry["reason"] for entry in unready} == {
            "transactions on dear (eip155:31338)": "nonce 4 is not ours",
            "liquidations": "no effect",
        }


async def test_metrics_tell_of_chains_and_accounts_without_addresses(api: Api) -> None:
    api.board.chains[CHEAP] = values.chain_snapshot(CHEAP, [])
    async with api.session.get("/metrics") as response:
        text = await response.text()
    assert 'plimsoll_chain_up{chain="eip155:31337",label="cheap"} 1.0' in text
    assert 'plimsoll_chain_up{chain="eip155:31338",label="dear"} 0.0' in text
    assert "plimsoll_keeper_halted 0.0" in text
    assert "0x" not in text


async def test_the_description_is_openapi_3_1_and_names_every_route(api: Api) -> None:
    _, body = await api.get("/openapi.json")
    description = cast("dict[str, Any]", body)
    assert description["openapi"] == "3.1.0"
    assert "/v1/accounts/{account}/health" in description["paths"]
    text = json.dumps(description)
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= set(description["components"]["schemas"])
    for path, item in description["paths"].items():
        status, _ = (
            await api.get(path.replace("{account}", "alice"))
            if "metrics" not in path
            else (200, {})
        )
        assert str(status) in item["get"]["responses"], path


async def test_a_defect_is_a_problem_without_its_details(serving: Serving) -> None:
    async def broken(_: str, __: int | None, ___: int) -> Sequence[HistoryEntry]:
        raise RuntimeError("s3cret")

    async with serving(history=broken) as api:
        status, body = await api.get("/v1/accounts/alice/history")
        assert status == 500
        assert "s3cret" not in json.dumps(body)
