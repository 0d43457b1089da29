"""The errors a user can do something about; each carries the exit code that the shell gives."""


class Iop4Error(Exception):
    """What happened, to what, and what to do about it."""

    exit_code = 1


class UsageError(Iop4Error):
    """The command line or the configuration asks for something that cannot be."""

    exit_code = 2


class NoSuchItem(Iop4Error):
    """A name that matches nothing in the archive."""

    exit_code = 4


class StoreBusy(Iop4Error):
    """The store's lock was not to be had in time; trying again later will work."""

    exit_code = 75


class StoreError(Iop4Error):
    """The store cannot be opened or does not hold what was asked."""


class BadFrame(Iop4Error):
    """A FITS file that cannot be used, with the reason."""
