"""What is wrong with a book: the caller records a gap with the reason."""

from dataclasses import dataclass


@dataclass(eq=False)
class BookError(Exception):
    """A book cannot be used; `field` is its path in the file, empty for the file itself."""

    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}" if self.field else self.reason
