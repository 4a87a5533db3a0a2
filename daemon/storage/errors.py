"""What may be wrong with the state on disk, each told in one line with its repair.

::

    StorageError          nothing more is sent; the API goes on
    ├── Conflict          a row exists already: a nonce or a sequence would be used twice
    └── StateRefused      the daemon does not start
        ├── StateLocked   another daemon has this state directory
        ├── CorruptState  the file is damaged
        └── NewerState    a newer version wrote the file
"""


class StorageError(Exception):
    """The state could not be written or read (disk full, I/O error)."""


class Conflict(StorageError):
    """A unique key is taken: writing would use a nonce or a sequence twice."""


class StateRefused(StorageError):
    """The daemon must not start on this state directory."""


class StateLocked(StateRefused):
    """Another process holds the state directory."""


class CorruptState(StateRefused):
    """The database is damaged or is none of ours."""


class NewerState(StateRefused):
    """The database's schema is newer than this version knows."""
