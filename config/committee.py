"""The committee that attests together: who its members are, and where they are reached."""

from typing import Annotated, Final

from pydantic import Field, PlainSerializer, model_validator
from pydantic_core import PydanticCustomError

from config.base import Section
from config.identifiers import EvmAddress, FilePath, HttpUrl, Listener, key_bytes

_ED25519_BYTES: Final = 32
_BLS_BYTES: Final = 48
_PROOF_BYTES: Final = 96
_MOST: Final = 32
_HEX: Final = PlainSerializer(lambda value: value.hex())
Ed25519Key = Annotated[bytes, key_bytes(_ED25519_BYTES), _HEX]
BlsKey = Annotated[bytes, key_bytes(_BLS_BYTES), _HEX]
BlsProof = Annotated[bytes, key_bytes(_PROOF_BYTES), _HEX]


class MemberSettings(Section):
    """One member: the address of the key he attests with, and his daemon's listener.

    The other keys are everybody's or nobody's, and enter the committee's id.
    """

    address: EvmAddress = Field(description="the address of the member's attestation key")
    url: HttpUrl = Field(description="a URL such as http://10.0.0.1:9001")
    ed25519: Ed25519Key | None = Field(None, description="64 hex digits")
    bls: BlsKey | None = Field(None, description="96 hex digits")
    bls_proof: BlsProof | None = Field(None, description="192 hex digits")


class CommitteeSettings(Section):
    """The members, how many must sign, and where this one listens to the others.

    Without `history` the members are the deployment's first committee. With it, the file
    (`plimsoll/committee-chain/1`) says who signs when, and `members` where each is reached.
    """

    threshold: int | None = Field(None, ge=1, le=_MOST, description="more than two thirds")
    listen: Listener = Field(description="an address and a port such as 127.0.0.1:9001")
    members: tuple[MemberSettings, ...] = Field(
        min_length=1, description="a list of tables of address and url"
    )
    history: FilePath | None = Field(None, description="the path of a committee chain's file")

    @model_validator(mode="after")
    def _agree(self) -> "CommitteeSettings":
        if problem := self._find_problem():
            raise PydanticCustomError("committee", "{detail}", {"detail": problem})
        return self

    def _find_problem(self) -> str | None:
        addresses = [member.address for member in self.members]
        twice = next((a for a in addresses if addresses.count(a) > 1), None)
        if twice is not None:
            return f"{twice} is a member twice; write each member once"
        if (self.threshold is None) == (self.history is None):
            return "write a threshold, or the history that says who signs when, not both"
        count = len(self.members)
        if self.threshold is not None and not (
            count <= _MOST and 2 * count < 3 * self.threshold <= 3 * count
        ):
            return f"threshold {self.threshold} of {count} is not more than two thirds of them"
        if any((member.bls is None) != (member.bls_proof is None) for member in self.members):
            return "a bls key goes with its bls_proof; write both or none"
        for name in ("ed25519", "bls"):
            if 0 < sum(getattr(m, name) is not None for m in self.members) < count:
                return f"some members have no {name} key; write everybody's or nobody's"
        return None
