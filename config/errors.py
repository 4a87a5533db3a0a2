"""What a configuration that cannot be used is reported as: one line per problem."""

from collections.abc import Sequence


class ConfigError(Exception):
    """The configuration cannot be used; the caller prints it and exits.

    `problems` holds one line each: the path of the field, what is wrong, what to write instead.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(*problems)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(self.problems)
