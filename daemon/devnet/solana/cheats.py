"""What no real node offers: writing accounts, moving slots and clocks, breaking the endpoint.

The `surfnet_` names and arguments are Surfpool's, so that a devnet may stand on either; the
`node_` ones are this node's own.
"""

from collections.abc import Mapping

from solders.account import Account
from solders.pubkey import Pubkey

from chains.rpc.endpoint import Json
from daemon.devnet.solana.views import View, in_context
from daemon.devnet.solana.wire import (
    BadParams,
    Handler,
    Params,
    expect_key,
    expect_number,
    expect_text,
)


class Cheats:
    """Power over the ledger and over this endpoint's faults."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._ledger = view.ledger

    def handlers(self) -> Mapping[str, Handler]:
        """Give the methods by their names."""
        return {
            "surfnet_setAccount": self._set_account,
            "surfnet_writeProgram": self._write_program,
            "surfnet_timeTravel": self._time_travel,
            "surfnet_pauseClock": lambda _: self._pause(paused=True),
            "surfnet_resumeClock": lambda _: self._pause(paused=False),
            "node_tick": self._tick,
            "node_drop": self._drop,
            "node_setDepths": self._set_depths,
            "node_setFaults": self._set_faults,
        }

    def _set_account(self, params: Params) -> Json:
        """Change the fields given, `data` as hex, of an account that may be new."""
        key, change = params.key(0), params.config(1)
        held = self._ledger.machine.read(key) or Account(0, b"", Pubkey.default())
        lamports = change.get("lamports", held.lamports)
        account = Account(
            expect_number(lamports, "lamports"),
            _read_hex(change["data"]) if "data" in change else held.data,
            expect_key(change["owner"]) if "owner" in change else held.owner,
            bool(change.get("executable", held.executable)),
        )
        self._ledger.machine.write(key, account)
        return in_context(self._ledger.blocks.tip, None)

    def _write_program(self, params: Params) -> Json:
        if params.number(2, 0) != 0:
            raise BadParams("a program is written whole, at offset 0")
        try:
            self._ledger.machine.add_program(params.key(0), _read_hex(params.at(1)))
        except ValueError as error:
            raise BadParams(str(error)) from error
        return in_context(self._ledger.blocks.tip, None)

    def _time_travel(self, params: Params) -> Json:
        """Go to a time (`absoluteTimestamp`, in milliseconds); slots do not jump."""
        wanted = expect_number(params.config(0).get("absoluteTimestamp"), "absoluteTimestamp")
        self._ledger.travel(wanted // 1_000 - self._ledger.blocks.tip.time)
        return self._clock()

    def _pause(self, *, paused: bool) -> Json:
        self._ledger.paused = paused
        return self._clock()

    def _tick(self, params: Params) -> Json:
        for _ in range(params.number(0, 1)):
            self._ledger.tick(skip=params.number(1, 0))
        return self._clock()

    def _drop(self, params: Params) -> Json:
        try:
            self._ledger.drop(params.number(0, 1))
        except ValueError as error:
            raise BadParams(str(error)) from error
        return self._clock()

    def _set_depths(self, params: Params) -> Json:
        """Set how many blocks confirm and finalize one."""
        self._ledger.blocks.confirm = params.number(0)
        self._ledger.blocks.finalize = params.number(1)
        return self._clock()

    def _set_faults(self, params: Params) -> Json:
        self._view.faults.set(dict(params.config(0)))
        return None

    def _clock(self) -> Json:
        tip = self._ledger.blocks.tip
        return {"absoluteSlot": tip.slot, "blockHeight": tip.height, "unixTimestamp": tip.time}


def _read_hex(value: Json) -> bytes:
    try:
        return bytes.fromhex(expect_text(value, "data"))
    except ValueError as error:
        raise BadParams("data is no hex") from error
