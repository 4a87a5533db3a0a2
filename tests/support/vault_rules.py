"""What a deployment's governor, guardian and feeds do to a vault in tests."""

from chains.model.ids import Address
from tests.support.vaults import GOVERNOR, GUARDIAN, STRANGER, TERMS, VaultChain

_SET_ASSET = "set_asset(uint8,address,uint256,uint256,(uint256,uint256,uint256,uint256))"


def govern(place: VaultChain, target: Address, signature: str, *args: object) -> None:
    """Propose a call, wait, and let a stranger enact it."""
    data = place.encode(signature, *args)
    timelock = place.ledger.timelock
    place.do(timelock, "propose(address,bytes)", target, data, sender=GOVERNOR)
    place.advance(TERMS.delay_s)
    place.do(timelock, "enact(address,bytes)", target, data, sender=STRANGER)


def cap(place: VaultChain, asset: int, units: int) -> None:
    """Let no more than so many units leave within an hour, by any way."""
    rules = (place.token(asset), 8_000, 8_250, (units,) * 4)
    govern(place, place.vault, _SET_ASSET, asset, *rules)


def pause(place: VaultChain) -> None:
    """Let the guardian stop spending."""
    place.do(place.ledger.timelock, "pause(address)", place.vault, sender=GUARDIAN)


def break_feed(place: VaultChain, symbol: str) -> None:
    """Let a feed answer nothing sensible."""
    place.chain.send(place.chain.deployment.tokens[symbol].feed, "set(int256)", 0)
