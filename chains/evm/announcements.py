"""How a socket did so far, and when to look for ourselves: pure, in seconds of one clock.

What a socket announces is a hint and nothing more. It has proved itself once the endpoints had
what it announced before we knew of it; one that repeats itself, or names blocks that nobody has,
is found out by what the endpoints say meanwhile.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait: between polls, for a missing block each time and in all, for news."""

    poll_s: float
    retry_s: float
    missing_s: float
    silence_s: float


@dataclass(slots=True)
class SocketRecord:
    """What one open socket announced, and what came of it."""

    patience: Patience
    opened_at: float
    proved: bool = False
    missing: bytes | None = None
    """The newest block announced that no endpoint has yet."""
    news_at: float = field(init=False)
    """When it last told us something new, or the chain itself was found quiet."""
    looked_at: float = field(init=False)
    _missing_since: float = 0.0
    _beaten: bool = False

    def __post_init__(self) -> None:
        """Count from the opening."""
        self.news_at = self.looked_at = self.opened_at

    @property
    def due_at(self) -> float:
        """When to look for ourselves, whatever the socket says."""
        if self.missing is not None:
            return self.looked_at + self.patience.retry_s
        if self.proved:
            return self.news_at + self.patience.silence_s
        return self.looked_at + self.patience.poll_s

    def note_news(self, now: float) -> None:
        """Note that the endpoints have what it announced, and that we did not know it."""
        self.proved, self.missing, self.news_at, self._beaten = True, None, now, False

    def note_known(self, announced: bytes, now: float) -> None:
        """Note that it announced what we have: news only where it was first and we had to wait."""
        if announced == self.missing:
            self.note_news(now)

    def note_missing(self, announced: bytes, now: float) -> None:
        """Note that no endpoint has what it announced."""
        if self.missing is None:
            self._missing_since = now
        self.missing = announced

    def note_poll(self, now: float, *, found: bool) -> None:
        """Note a poll; a proved socket need not speak while the chain is quiet."""
        self.looked_at, self._beaten = now, found
        if self.proved and self.missing is None and not found:
            self.news_at = now

    def find_fault(self, now: float) -> str | None:
        """Say why it cannot be used: a block stays missing, or polls found what it did not say."""
        if self.missing is not None and now - self._missing_since >= self.patience.missing_s:
            return "it announces blocks that no endpoint has"
        if self._beaten and now - self.news_at >= self.patience.silence_s:
            return "open, but it missed heads"
        return None
