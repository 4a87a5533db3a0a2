"""What the verdict vectors ask: files that are sound, damaged, or changed after signing."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations
from typing import Any, Final

from proofs.document import Document, encode_document, view_document
from proofs.statement import hash_audience
from proofs.typed import ZERO
from proofs.vectors.bases import CONSUMER, DEPLOYMENT, TIME, build_bases, form, sign
from proofs.verify import Expected

View = dict[str, Any]
ANY: Final = Expected()
FOR_CONSUMER: Final = Expected(audience=hash_audience(CONSUMER))
_OBJECTS: Final = (
    ("the file", ()),
    ("committee", ("committee",)),
    ("header", ("header",)),
    ("accounts[0]", ("accounts", 0)),
    ("blocks[1]", ("blocks", 1)),
    ("positions[2]", ("positions", 2)),
    ("prices[3]", ("prices", 3)),
    ("signatures[0]", ("signatures", 0)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A file, the base it is written down against, and what the verifier expects.

    `chain` names the chain of committees (proofs.vectors.chains) that the verifier follows.
    """

    name: str
    base: str
    raw: bytes
    now: int = TIME
    expected: Expected = ANY
    chain: str | None = None


def encode(view: object) -> bytes:
    """Give the canonical bytes of a view, sound or not."""
    return json.dumps(view, sort_keys=True, separators=(",", ":")).encode()


def sound(base: str = "worlds") -> bytes:
    """Give a base's bytes."""
    return encode_document(build_bases()[base])


def look(base: str = "worlds") -> View:
    """Give a fresh view of a base."""
    return view_document(build_bases()[base])


def accept() -> Iterator[Case]:
    """Give sound files and everything that may be expected of them."""
    for base, document in build_bases().items():
        expected = FOR_CONSUMER if base == "bound" else ANY
        yield Case(name=f"sound: {base}", base=base, raw=sound(base), expected=expected)
        yield from _at_the_ends_of_its_life(base, document, expected)
    worlds = build_bases()["worlds"]
    committee = worlds.statement.committee
    for indices in chain.from_iterable(combinations(range(4), k) for k in (3, 4)):
        raw = encode_document(sign(worlds.statement, indices))
        yield Case(name=f"signed by members {indices}", base="worlds", raw=raw)
    yield Case(name="with a final newline", base="worlds", raw=sound() + b"\n")
    pins = {
        "the deployment": Expected(deployment=DEPLOYMENT),
        "the committee": Expected(committee_id=committee.id),
        "the members": Expected(members=frozenset(committee.members)),
        "a consumer, whom anybody includes": FOR_CONSUMER,
        "exactly its life": Expected(max_ttl_s=60),
        "exactly its skew": Expected(max_skew_s=30),
    }
    for name, expected in pins.items():
        yield Case(name=f"expecting {name}", base="worlds", raw=sound(), expected=expected)


def _at_the_ends_of_its_life(base: str, document: Document, expected: Expected) -> Iterator[Case]:
    header = document.statement.header
    for name, now in (
        ("at its last second", header.expires_at),
        ("a second too late", header.expires_at + 1),
        ("ahead by what clocks may differ", header.issued_at - 15),
        ("ahead by a second more", header.issued_at - 16),
    ):
        raw = encode_document(document)
        yield Case(name=f"{base}, {name}", base=base, raw=raw, now=now, expected=expected)


def expect() -> Iterator[Case]:
    """Give sound files that are not what the verifier expects."""
    others = {
        "another deployment": Expected(deployment="elsewhere"),
        "another committee": Expected(committee_id=b"\x01" * 32),
        "one member less": Expected(members=frozenset(form(4, 3).members[:3])),
        "one member more": Expected(members=frozenset(form(5, 4).members)),
        "a shorter life": Expected(max_ttl_s=59),
        "a smaller skew": Expected(max_skew_s=29),
    }
    for name, expected in others.items():
        yield Case(name=f"expecting {name}", base="worlds", raw=sound(), expected=expected)
    yield Case(name="bound, for anybody", base="bound", raw=sound("bound"))
    other = Expected(audience=b"\x02" * 32)
    yield Case(name="bound, for another", base="bound", raw=sound("bound"), expected=other)
    later = build_bases()["later committee"].statement.committee
    for now in (later.valid_from - 1, later.valid_until + 1):
        name = f"later committee, {now - TIME} s from its issue"
        yield Case(name=name, base="later committee", raw=sound("later committee"), now=now)


def misform() -> Iterator[Case]:
    """Give files that are not exactly of the form."""
    for name, raw in chain(_broken_json(), _other_writings(), _structure(), _members()):
        yield Case(name=name, base="worlds", raw=raw)


def _broken_json() -> Iterator[tuple[str, bytes]]:
    raw = sound()
    yield "an empty file", b""
    yield "cut short by a byte", raw[:-1]
    yield "cut in the middle", raw[: len(raw) // 2]
    yield "a byte behind it", raw + b"x"
    yield "two files", raw + raw
    yield "a byte order mark", b"\xef\xbb\xbf" + raw
    yield "UTF-16", b"\xff\xfe{\x00}\x00"
    yield "UTF-8 longer than it need be", raw.replace(b"plimsoll-v", b"\xc0\xafplimsoll-v", 1)
    yield "half a surrogate in UTF-8", raw.replace(b"plimsoll-v", b"\xed\xa0\x80", 1)
    yield "a raw control character in a text", raw.replace(b"plimsoll-v", b"plimsoll\x01v", 1)
    yield "a raw newline in a text", raw.replace(b"plimsoll-v", b"plimsoll\nv", 1)
    yield "an escape that is none", raw.replace(b"plimsoll-v", b"plimsoll\\xv", 1)
    yield "nested too deep", b"[" * 5 + b"]" * 5
    yield "nested very deep", b"[" * 2_000
    yield "a field twice, then nested too deep", b'{"a":1,"a":2,"b":[[[[[]]]]]}'
    yield "a field twice, then no JSON", b'[{"a":1,"a":2},'
    yield "no JSON inside of what stands twice", b'{"a":1,"a":2'
    yield "a text without an end", b'{"' + b'\\"' * 1000
    yield "brackets in a text without an end", b'"' + b"[" * 9
    yield "a comma too many", raw[:-1] + b",}"
    yield "a comma too many in a list", raw.replace(b"}]", b"},]", 1)
    yield "a leading zero", b'{"format":01}'
    for other in (b"[]", b"1", b'"x"', b"null", b"true", b"NaN", b"-Infinity", b"1.5e3", b" [] "):
        yield f"no object: {other.decode()}", other


def _other_writings() -> Iterator[tuple[str, bytes]]:
    raw, view = sound(), look()
    yield "white space", json.dumps(view, sort_keys=True).encode()
    yield "fields in another order", json.dumps(view, separators=(",", ":")).encode()
    yield "an escaped letter", raw.replace(b"plimsoll-v", b"\\u0070limsoll-v", 1)
    yield "an escaped slash", raw.replace(b"plimsoll/", b"plimsoll\\/", 1)
    yield "a space behind it", raw + b" "
    yield "a space before it", b" " + raw
    yield "two newlines behind it", raw + b"\n\n"
    yield "a carriage return behind it", raw + b"\r\n"


def _structure() -> Iterator[tuple[str, bytes]]:
    for name, path in _OBJECTS:
        view = look()
        _at(view, path)["note"] = "hello"
        yield f"a field more in {name}", encode(view)
        yield f"the first field of {name} twice", _twice(path)
        view = look()
        _at(view, path)["__proto__"] = "hello"
        yield f"a field __proto__ in {name}", encode(view)
        if path:
            view = look()
            _at(view, path[:-1])[path[-1]] = "text"
            yield f"{name} is a text", encode(view)
    for field in look():
        view = look()
        del view[field]
        yield f"{field} is missing", encode(view)
    others: tuple[object, ...] = ({}, "x", None, 1, True)
    for value in others:
        yield f"a list that is {value!r}", encode(look() | {"accounts": value})
    yield "an index in a leaf", _put(("accounts", 1, "index"), "1")
    yield "another format", _put(("format",), "plimsoll/health-attestation/2")
    yield "a format that is no text", _put(("format",), 1)


def _members() -> Iterator[tuple[str, bytes]]:
    for field in look()["header"]:
        view = look()
        del view["header"][field]
        yield f"header.{field} is missing", encode(view)
        yield f"header.{field} is a number", _put(("header", field), 1)
    for text in (
        "",
        "00",
        "01",
        "+1",
        "-1",
        "-0",
        " 1",
        "1 ",
        "1.0",
        "1e3",
        "0x1",
        "\uff11",
        "1" * 80,
    ):
        yield f"header.epoch is {text[:8]!r}", _put(("header", "epoch"), text)
    for field, bits in (("status", 8), ("schemaVersion", 16), ("maxSkew", 32), ("issuedAt", 64)):
        yield f"header.{field} is beyond {bits} bits", _put(("header", field), str(2**bits))
    for number in (2**255, -(2**255) - 1):
        yield f"header.netEquityE8 is {number:.0e}", _put(("header", "netEquityE8"), str(number))
    audiences = ("0x00", "0x" + "AA" * 32, "zz" * 33, "00" * 33, "0x" + "0" * 63, None)
    for audience in audiences:
        yield f"header.audience is {str(audience)[:6]}", _put(("header", "audience"), audience)
    deployments: tuple[object, ...] = ("", "Plimsoll…", "tab\there", "\ud800", "x" * 257, 7)
    for value in deployments:
        yield f"a deployment that is {ascii(value)[:12]}", _put(("deployment",), value)
    addresses: tuple[object, ...] = ("0x1", "0x" + "Ab" * 20, 5)
    for value in addresses:
        name = f"a committee member that is {value}"[:40]
        yield name, _put(("committee", "members", 1), value)
    for size in (0, 64, 66):
        name = f"a signature of {size} bytes"
        yield name, _put(("signatures", 1, "signature"), "0x" + "00" * size)
    yield "a signer's place that is a number", _put(("signatures", 1, "member"), 2)


def _at(view: Any, path: Sequence[str | int]) -> Any:  # noqa: ANN401 -- JSON
    for step in path:
        view = view[step]
    return view


def _put(path: Sequence[str | int], value: object) -> bytes:
    view = look()
    _at(view, path[:-1])[path[-1]] = value
    return encode(view)


def _twice(path: Sequence[str | int]) -> bytes:
    found = _at(look(), path)
    written = encode(found)
    first = min(found)
    pair = b'"%s":%s' % (first.encode(), encode(found[first]))
    return sound().replace(written, b"{" + pair + b"," + written[1:], 1)


def change() -> Iterator[Case]:
    """Give files of which one member was changed after signing."""
    for kind, index in (("accounts", 1), ("blocks", 0), ("positions", 3), ("prices", 3)):
        for field in look()[kind][index]:
            raw = _edit((kind, index, field), altered)
            yield Case(name=f"{kind}[{index}].{field} changed", base="worlds", raw=raw)
        view = look()
        view[kind] = view[kind][:-1]
        yield Case(name=f"{kind} cut short", base="worlds", raw=encode(view))
        view[kind] = look()[kind][::-1]
        yield Case(name=f"{kind} the other way round", base="worlds", raw=encode(view))
    for field in look()["header"]:
        raw = _edit(("header", field), altered)
        yield Case(name=f"header.{field} changed", base="worlds", raw=raw)
    for field in ("epoch", "threshold", "validFrom", "validUntil", "prevCommitteeId"):
        raw = _edit(("committee", field), altered)
        yield Case(name=f"committee.{field} changed", base="worlds", raw=raw)
    raw = _edit(("deployment",), lambda text: text + "2")
    yield Case(name="the deployment changed", base="worlds", raw=raw)
    posing = build_bases()["single"]
    renamed = replace(posing.statement, deployment="another")
    raw = encode_document(replace(posing, statement=renamed))
    yield Case(name="single, posing as another deployment", base="single", raw=raw)
    blinded = _edit(("accounts", 0, "salt"), lambda _: "0x" + ZERO.hex())
    yield Case(name="an account's blinding taken away", base="worlds", raw=blinded)


def _edit(path: Sequence[str | int], alter: Callable[[str], str]) -> bytes:
    return _put(path, alter(_at(look(), path)))


def altered(text: str) -> str:
    """Give another value of the same kind: a text's last letter, a number one off."""
    if text.lstrip("-").isdigit():
        return str(int(text) - 1 if int(text) > 0 else int(text) + 1)
    return text[:-1] + ("1" if text[-1] != "1" else "2")
