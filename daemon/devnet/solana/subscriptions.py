"""WebSocket subscriptions: who wants to hear what, and what each new slot has to tell them.

Accounts, logs and signatures are told when their block has closed and reached the commitment
asked for, slots when they open.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from solders.pubkey import Pubkey
from solders.sysvar import CLOCK

from chains.rpc.endpoint import Json
from daemon.devnet.solana.blocks import Block, Level
from daemon.devnet.solana.views import Config, View, encode_account, in_context, matches, read_level
from daemon.devnet.solana.wire import BadParams, Handler, Params, expect_key

Outbox = asyncio.Queue[Json]
_KINDS: Final = ("account", "program", "logs", "signature", "slot", "root")


@dataclass(slots=True, kw_only=True)
class _Subscription:
    kind: str
    outbox: Outbox
    key: str = ""
    level: Level = Level.FINALIZED
    config: Config = field(default_factory=dict)


class Subscriptions:
    """All subscriptions at one endpoint."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._subscriptions: dict[int, _Subscription] = {}
        self._last_id = 0
        self._told = {level: self._reached(level).slot for level in Level}
        view.ledger.listen(self._tell)

    def handlers(self, outbox: Outbox) -> Mapping[str, Handler]:
        """Give the methods of one socket by their names."""
        handlers: dict[str, Handler] = {}
        for kind in _KINDS:
            handlers[f"{kind}Subscribe"] = self._subscriber(kind, outbox)
            handlers[f"{kind}Unsubscribe"] = self._unsubscribe
        return handlers

    def drop(self, outbox: Outbox) -> None:
        """Forget a socket."""
        gone = [key for key, each in self._subscriptions.items() if each.outbox is outbox]
        for key in gone:
            del self._subscriptions[key]

    def _subscriber(self, kind: str, outbox: Outbox) -> Handler:
        def subscribe(params: Params) -> Json:
            subscription = _read(kind, outbox, params)
            self._last_id += 1
            self._subscriptions[self._last_id] = subscription
            if kind == "signature":
                self._tell_signature(self._last_id, subscription)
            return self._last_id

        return subscribe

    def _unsubscribe(self, params: Params) -> Json:
        return self._subscriptions.pop(params.number(0), None) is not None

    def _reached(self, level: Level) -> Block:
        """Give the newest closed block of a level."""
        block = self._view.at(level)
        if block is not self._view.ledger.blocks.tip:
            return block
        return self._view.ledger.blocks.find(block.parent) or block

    def _tell(self) -> None:
        fresh: dict[Level, Sequence[Block]] = {}
        for level in Level:
            reached = self._reached(level)
            fresh[level] = self._view.ledger.blocks.between(self._told[level] + 1, reached.slot)
            self._told[level] = max(self._told[level], reached.slot)
        for key, subscription in list(self._subscriptions.items()):
            if subscription.kind == "signature":
                self._tell_signature(key, subscription)
                continue
            for value in self._news(subscription, fresh):
                self._push(key, subscription, value)

    def _tell_signature(self, key: int, subscription: _Subscription) -> None:
        landed = self._view.ledger.find(subscription.key)
        reached = self._view.at(subscription.level)
        if landed is not None and landed.slot <= reached.slot:
            self._push(key, subscription, in_context(reached, {"err": landed.error}))
            del self._subscriptions[key]

    def _news(
        self, subscription: _Subscription, fresh: Mapping[Level, Sequence[Block]]
    ) -> Iterator[Json]:
        blocks = fresh[subscription.level]
        match subscription.kind:
            case "slot":
                tip = self._view.at(Level.PROCESSED)
                root = self._view.at(Level.FINALIZED).slot
                yield {"slot": tip.slot, "parent": tip.parent, "root": root}
            case "root":
                yield from (block.slot for block in fresh[Level.FINALIZED])
            case "account":
                yield from self._account_news(subscription, blocks)
            case "program":
                yield from self._program_news(subscription, blocks)
            case _:
                yield from self._log_news(subscription, blocks)

    def _account_news(self, subscription: _Subscription, blocks: Sequence[Block]) -> Iterator[Json]:
        key = expect_key(subscription.key)
        if key == CLOCK and self._view.faults.unpublished_clock:
            return
        for block in blocks:
            if key in block.undo:
                [account] = self._view.accounts([key], block)
                yield in_context(block, encode_account(account, subscription.config))

    def _program_news(self, subscription: _Subscription, blocks: Sequence[Block]) -> Iterator[Json]:
        owner = expect_key(subscription.key)
        for block in blocks:
            changed: list[Pubkey] = list(block.undo)
            for key, account in zip(changed, self._view.accounts(changed, block), strict=True):
                if account is None or account.owner != owner:
                    continue
                if matches(account.data, subscription.config.get("filters")):
                    told = encode_account(account, subscription.config)
                    yield in_context(block, {"pubkey": str(key), "account": told})

    def _log_news(self, subscription: _Subscription, blocks: Sequence[Block]) -> Iterator[Json]:
        for block in blocks:
            for signature in block.signatures:
                landed = self._view.ledger.find(signature)
                if landed is None:
                    continue
                if subscription.key and expect_key(subscription.key) not in landed.locks.keys:
                    continue
                logs: list[Json] = [*landed.logs]
                told: Json = {"signature": signature, "err": landed.error, "logs": logs}
                yield in_context(block, told)

    def _push(self, key: int, subscription: _Subscription, result: Json) -> None:
        if self._view.faults.sockets_muted:
            return
        subscription.outbox.put_nowait(
            {
                "jsonrpc": "2.0",
                "method": f"{subscription.kind}Notification",
                "params": {"result": result, "subscription": key},
            }
        )


def _read(kind: str, outbox: Outbox, params: Params) -> _Subscription:
    if kind in ("slot", "root"):
        return _Subscription(kind=kind, outbox=outbox)
    config = params.config(1)
    key = _read_mention(params) if kind == "logs" else params.text(0)
    if kind in ("account", "program"):
        expect_key(key)
    return _Subscription(kind=kind, outbox=outbox, key=key, level=read_level(config), config=config)


def _read_mention(params: Params) -> str:
    """Give the account whose logs are wanted; empty for everybody's."""
    if params.at(0) in ("all", "allWithVotes"):
        return ""
    mentions = params.config(0).get("mentions")
    if not isinstance(mentions, list) or len(mentions) != 1:
        raise BadParams("mentions must name one account")
    return str(expect_key(mentions[0]))
