"""What a check found: where, what, and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much a finding matters: a `fail` keeps the daemon from doing its work."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line: the field looked at, what was found, and what to do where it is not right."""

    level: Level
    where: str
    what: str
    advice: str = ""

    def __str__(self) -> str:
        tail = f", {self.advice}" if self.advice else ""
        return f"{self.level:<4} {self.where}: {self.what}{tail}"


def ok(where: str, what: str) -> Finding:
    """Say that something is right."""
    return Finding(level=Level.OK, where=where, what=what)


def warn(where: str, what: str, advice: str) -> Finding:
    """Say that something deserves a look."""
    return Finding(level=Level.WARN, where=where, what=what, advice=advice)


def fail(where: str, what: str, advice: str) -> Finding:
    """Say that something is wrong."""
    return Finding(level=Level.FAIL, where=where, what=what, advice=advice)


def has_failed(findings: Iterable[Finding]) -> bool:
    """Whether anything is wrong."""
    return any(finding.level is Level.FAIL for finding in findings)
