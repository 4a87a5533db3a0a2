"""CAIP identifiers: canonical in, canonical out, everything else refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.model.ids import AccountId, AssetId, ChainId, InvalidId, checksummed, parse_address

VITALIK = "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045"
hexes = st.binary(min_size=20, max_size=20).map(lambda b: "0x" + b.hex())


@given(number=st.integers(min_value=1, max_value=2**64), raw=hexes)
def test_identifiers_round_trip_through_their_text(number: int, raw: str) -> None:
    chain = ChainId.evm(number)
    account = AccountId.parse(f"{chain}:{raw}")
    asset = AssetId.erc20(chain, account.evm_address)
    assert ChainId.parse(str(chain)) == chain
    assert AccountId.parse(str(account)) == account
    assert AssetId.parse(str(asset)) == asset
    assert chain.evm_number == number
    assert asset.token == raw


@given(raw=hexes)
def test_a_checksummed_address_reads_back_in_lower_case(raw: str) -> None:
    assert parse_address(checksummed(parse_address(raw))) == raw


def test_a_wrong_checksum_is_refused() -> None:
    assert parse_address(VITALIK) == VITALIK.lower()
    with pytest.raises(InvalidId, match="EIP-55"):
        parse_address(VITALIK.replace("dA", "Da"))


def test_solana_accounts_keep_their_case() -> None:
    text = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:7S3P4HxJpyyigGzodYwHtCxZyUQe9JiBMHyRWXArAaKv"
    assert str(AccountId.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "eip155", "eip155:", "EIP155:1", "eip155:1:0x12", "eip155:1:0x" + "g" * 40]
)
def test_what_is_no_account_is_refused(text: str) -> None:
    with pytest.raises(InvalidId):
        AccountId.parse(text)


def test_an_asset_of_another_kind_has_no_token_address() -> None:
    with pytest.raises(InvalidId, match="ERC-20"):
        _ = AssetId.parse("eip155:1/slip44:60").token
