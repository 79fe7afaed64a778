"""A virtual key as the door knows it: whose it is and what it may do. Never the key itself."""

from typing import Final, NamedTuple

VIRTUAL_PREFIX: Final = "fd_"
"""How every virtual key begins. No provider's key does."""
TOKEN_PREFIX: Final = "fd_t."
"""How one begins that its holder can narrow offline. The dot stands in no plain key."""
HUMAN: Final = "human"
"""The right to speak for a person: user turns under such a key are attested (MODEL §1)."""


class KeyRow(NamedTuple):
    """One virtual key, with everything that narrows it."""

    id: str
    """``k_…``: the credential of its calls, and the name of its account."""
    name: str | None = None
    """For people; nothing hangs on it."""
    compartment: str | None = None
    instance: str | None = None
    """The one instance that holds it."""
    instances: str | None = None
    """A pattern that the names of its instances match, where several share it."""
    upstreams: tuple[str, ...] = ()
    """Names of the upstreams that it may be used for; empty for all."""
    caps: tuple[tuple[str, int], ...] = ()
    """(kind, amount) over the key's whole life, on its account. Money in micro-dollars."""
    rights: tuple[str, ...] = ()
    expires: float | None = None
    """Seconds since the epoch."""
    revoked: float | None = None
    """When it was revoked, itself or what it descends from."""
    kind: str = "plain"
    """``plain``, or ``token``: its holder can narrow it offline."""
    children: tuple[str, ...] = ()
    """Names that attenuation appended, outermost first."""
    call_caps: tuple[tuple[str, int], ...] = ()
    """(kind, amount) that one call may ask for."""
    tools: tuple[str, ...] | None = None
    """The tools that its calls may define; None for any."""

    def may(self, right: str) -> bool:
        """Whether it holds a right."""
        return right in self.rights
