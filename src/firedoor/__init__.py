"""firedoor: a door on the wire between AI agents and model APIs."""

from typing import TYPE_CHECKING

from firedoor.errors import (
    CallerError,
    FiredoorError,
    SettingsError,
    StoreError,
    StoreUnavailable,
    TamperingError,
    UpstreamError,
)

if TYPE_CHECKING:
    from firedoor.door import Door

__version__ = "0.1.0"

__all__ = [
    "CallerError",
    "Door",
    "FiredoorError",
    "SettingsError",
    "StoreError",
    "StoreUnavailable",
    "TamperingError",
    "UpstreamError",
    "__version__",
]


def __getattr__(name: str) -> object:
    # `Door` brings the store and the configuration; the errors alone need not wait for them.
    if name == "Door":
        from firedoor.door import Door

        return Door
    raise AttributeError(f"module 'firedoor' has no attribute {name!r}")
