"""What may go wrong on the devnet, each in one line for its operator."""


class DevnetError(Exception):
    """The devnet cannot be built, started or asked; the message says what to do."""
