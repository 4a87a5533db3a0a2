"""One endpoint that answers nonsense, too much, or in other words."""

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.evm.rpc import EvmEndpoint, classify
from chains.model.ids import ChainId
from chains.rpc.endpoint import Endpoint, EndpointError, RpcError, RpcErrorKind, label_of
from daemon.devnet.anvil import Anvil
from tests.support.nodes import CHAIN, running_anvil
from tests.support.proxy import FaultProxy


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        (3, "execution reverted: 35", RpcErrorKind.REVERTED),
        (-32000, "nonce too low", RpcErrorKind.NONCE_TOO_LOW),
        (-32003, "nonce too low: next nonce 5, tx nonce 3", RpcErrorKind.NONCE_TOO_LOW),
        (-32000, "replacement transaction underpriced", RpcErrorKind.UNDERPRICED),
        (-32000, "already known", RpcErrorKind.ALREADY_KNOWN),
        (-32003, "transaction already imported", RpcErrorKind.ALREADY_KNOWN),
        (-32005, "limit exceeded", RpcErrorKind.RATE_LIMITED),
        (-32005, "query returned more than 10000 results", RpcErrorKind.RANGE_TOO_WIDE),
        (-32000, "header not found", RpcErrorKind.MISSING_BLOCK),
        (-32001, "Resource not found", RpcErrorKind.MISSING_BLOCK),
        (-32602, "invalid argument 0", RpcErrorKind.BAD_PARAMS),
        (-32601, "the method foo does not exist", RpcErrorKind.UNSUPPORTED),
        (-32000, "max fee per gas less than block base fee", RpcErrorKind.FEE_BELOW_BASE),
        (-32000, "insufficient funds for gas * price + value", RpcErrorKind.NO_FUNDS),
        (-32000, "something new", RpcErrorKind.UNKNOWN),
    ],
)
def test_nodes_words_are_understood(code: int, message: str, kind: RpcErrorKind) -> None:
    assert classify(code, message) is kind


@given(st.integers(), st.text())
def test_any_error_has_a_kind(code: int, message: str) -> None:
    assert classify(code, message) in RpcErrorKind


def test_a_label_keeps_the_key_in_the_url_secret() -> None:
    url = "https://user:secret@rpc.example.org/v2/secret-key?apikey=secret"
    assert label_of(url) == "rpc.example.org"
    assert label_of("http://127.0.0.1:8545") == "127.0.0.1:8545"


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    with running_anvil() as node:
        yield node


@pytest.fixture
async def proxy(anvil: Anvil) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(anvil.rpc.url) as proxy:
        yield proxy


@pytest.fixture
async def endpoint(proxy: FaultProxy) -> AsyncIterator[Endpoint]:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield EvmEndpoint(session, CHAIN, proxy.url, max_bytes=10_000)


@pytest.mark.net
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"\xff\x00", "not JSON"),
        (b'{"jsonrpc":"2.0","id":1,"res', "not JSON"),
        (b"7", "not a JSON-RPC object"),
        (b'{"id":999,"result":"0x1"}', "answers another request"),
        (b'{"id":1}', "answers another request"),
        (b'{"id":1,"result":"' + b"0" * 20_000 + b'"}', "larger than 10000 bytes"),
    ],
)
async def test_garbage_is_one_clear_error(
    proxy: FaultProxy, endpoint: Endpoint, body: bytes, reason: str
) -> None:
    proxy.garble(body)
    with pytest.raises(EndpointError, match=reason):
        await endpoint.request("eth_chainId", [], timeout_s=1)


@pytest.mark.net
async def test_a_compressed_reply_is_refused_unread(proxy: FaultProxy, endpoint: Endpoint) -> None:
    proxy.garble(b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
    with pytest.raises(EndpointError, match="compressed"):
        await endpoint.request("eth_chainId", [], timeout_s=1)


@pytest.mark.net
async def test_a_truncated_reply_is_a_failed_connection(
    proxy: FaultProxy, endpoint: Endpoint
) -> None:
    proxy.garble(b'{"id"', headers={"Content-Length": "1000"})
    with pytest.raises(EndpointError, match=r"connection failed|no answer"):
        await endpoint.request("eth_chainId", [], timeout_s=0.5)


@pytest.mark.net
async def test_a_connection_closed_while_idle_is_opened_again(
    proxy: FaultProxy, endpoint: Endpoint
) -> None:
    proxy.drop(times=1)
    assert await endpoint.request("eth_chainId", [], timeout_s=1) == "0x7a69"
    assert proxy.counts["eth_chainId"] == 2


@pytest.mark.net
async def test_a_rate_limit_says_how_long_to_wait(proxy: FaultProxy, endpoint: Endpoint) -> None:
    proxy.limit_rate(retry_after_s=7)
    with pytest.raises(EndpointError, match="rate limited") as caught:
        await endpoint.request("eth_chainId", [], timeout_s=1)
    assert caught.value.retry_after_s == 7
    proxy.fail("*", -32005, "daily request count exceeded")
    with pytest.raises(EndpointError, match="rate limited: daily"):
        await endpoint.request("eth_chainId", [], timeout_s=1)


@pytest.mark.net
async def test_silence_ends_at_the_time_limit(proxy: FaultProxy, endpoint: Endpoint) -> None:
    proxy.hang()
    with pytest.raises(EndpointError, match=r"no answer within 0.1 s"):
        await endpoint.request("eth_chainId", [], timeout_s=0.1)


@pytest.mark.net
async def test_a_refusal_carries_code_and_data(proxy: FaultProxy, endpoint: Endpoint) -> None:
    proxy.fail("eth_call", 3, "execution reverted", data="0x08c379a0")
    with pytest.raises(RpcError) as caught:
        await endpoint.request("eth_call", [], timeout_s=1)
    assert (caught.value.code, caught.value.data) == (3, bytes.fromhex("08c379a0"))
    proxy.fail("eth_call", -32015, "VM execution error", data="Reverted 0x08c379a0")
    with pytest.raises(RpcError) as caught:
        await endpoint.request("eth_call", [], timeout_s=1)
    assert caught.value.data == bytes.fromhex("08c379a0")


@pytest.mark.net
async def test_a_batch_keeps_its_order_and_its_errors(
    proxy: FaultProxy, endpoint: Endpoint
) -> None:
    proxy.fail("eth_blockNumber", -32000, "not today")
    first, second, third = await endpoint.batch(
        [("eth_chainId", []), ("eth_blockNumber", []), ("eth_chainId", [])], timeout_s=1
    )
    assert (first, third) == ("0x7a69", "0x7a69")
    assert isinstance(second, RpcError)
    proxy.garble(b"{}")
    with pytest.raises(EndpointError):
        await endpoint.batch([("eth_chainId", [])], timeout_s=1)


@pytest.mark.net
@pytest.mark.parametrize("key", [b"[7]", b"{}", b"null", b'"1"', b"1.0"])
async def test_a_batch_reply_under_no_number_of_ours_is_the_endpoints_fault(
    proxy: FaultProxy, endpoint: Endpoint, key: bytes
) -> None:
    proxy.garble(b'[{"id":' + key + b',"result":"0x1"}]')
    with pytest.raises(EndpointError):
        await endpoint.batch([("eth_chainId", [])], timeout_s=1)


@pytest.mark.net
async def test_every_request_is_observed_with_its_outcome(proxy: FaultProxy) -> None:
    heard: list[tuple[str, str]] = []

    def observe(chain: ChainId, method: str, outcome: str, seconds: float) -> None:
        assert chain == CHAIN
        assert seconds >= 0
        heard.append((method, outcome))

    async with aiohttp.ClientSession(auto_decompress=False) as session:
        endpoint = EvmEndpoint(session, CHAIN, proxy.url, observer=observe)
        await endpoint.request("eth_chainId", [], timeout_s=1)
        await endpoint.batch([("eth_chainId", [])], timeout_s=1)
        with pytest.raises(RpcError):
            await endpoint.request("eth_noSuchMethod", [], timeout_s=1)
        proxy.garble(b"7")
        with pytest.raises(EndpointError):
            await endpoint.request("eth_chainId", [], timeout_s=1)
    assert heard == [
        ("eth_chainId", "ok"),
        ("batch", "ok"),
        ("eth_noSuchMethod", "unsupported"),
        ("eth_chainId", "failed"),
    ]
