"""Errors, by whose fault they are. A refusal of a call is never one of these: it is a value.

FiredoorError
├── SettingsError       the operator's file, flag or variable
├── CallerError         the code that uses the library
├── UpstreamError       the provider, or the road to it
├── StoreError          the disk or the database
│   └── StoreUnavailable
└── TamperingError      evidence that does not add up
"""

from typing import Final

EXIT_OK: Final = 0
EXIT_FINDING: Final = 1
EXIT_USAGE: Final = 2
EXIT_UNAVAILABLE: Final = 3


class FiredoorError(Exception):
    """Root of all errors that configuration and tools raise.

    ``str(error)`` is one line for a log; ``diagnostics()`` is for the person who has to act.
    """

    exit_code: int = EXIT_UNAVAILABLE

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(message if where is None else f"{where}: {message}")
        self.message = message
        self.where = where
        self.hint = hint

    def diagnostics(self) -> str:
        """What happened, where, and what to do, on a line each."""
        lines = [self.message]
        if self.where is not None:
            lines.append(f"  where: {self.where}")
        if self.hint is not None:
            lines.append(f"  do:    {self.hint}")
        return "\n".join(lines)


class SettingsError(FiredoorError):
    """A file, flag or variable that cannot be used."""

    exit_code = EXIT_USAGE


class CallerError(FiredoorError):
    """A use of the library that it cannot serve."""

    exit_code = EXIT_USAGE


class UpstreamError(FiredoorError):
    """The provider did not answer as HTTP demands."""


class StoreError(FiredoorError):
    """The store refused or lost something."""


class StoreUnavailable(StoreError):
    """The store cannot be reached, read or written: in ``contain`` nothing is admitted."""


class TamperingError(FiredoorError):
    """The evidence does not add up."""

    exit_code = EXIT_FINDING
