"""What an engine is made with: each room's frozen settings, and the keyed digest."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from firedoor.budget import Budgets, Rates, no_price
from firedoor.lineage import Outside, Printer, Proofs, StoreMap
from firedoor.policy import Policy
from firedoor.types.ids import Digest
from firedoor.wire import Bands, Limits, picture_bands

Digester = Callable[[str], Digest]


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Everything that stays the same between two reloads."""

    policy: Policy
    stores: StoreMap
    digester: Digester
    """Keyed with the store's own key: two stores never give the same digest for one text."""
    limits: Limits = field(default_factory=Limits)
    body_bytes_max: int = 32 * 1024 * 1024
    upload_bytes_max: int = 1024 * 1024 * 1024
    """Bound of a body that is a form; those lie in a file, not in memory."""
    answer_bytes_max: int = 64 * 1024 * 1024
    memory_bytes_max: int = 64 * 1024 * 1024
    """Bound of the histories kept in memory so that only what is new is read."""
    upstreams: Mapping[str, str] = field(default_factory=dict)
    """Base URLs of the providers, by name."""
    keys_required: bool = False
    """Whether a sidecar's callers need a virtual key."""
    keyed_upstreams: frozenset[str] = frozenset()
    """The upstreams that the door has a key for: virtual keys are good for no other."""
    outside: Outside = field(default_factory=Outside)
    printer: Printer | None = None
    """Keyed likewise, for fingerprints; None leaves texts to be known by exact digests alone."""
    picture_bands: Callable[[bytes], Bands] = picture_bands
    """What a picture looks like: nothing, where the extra for it is missing."""
    keep_content: bool = True
    """Whether commits carry the texts, for the store to keep encrypted."""
    budgets: Budgets = field(default_factory=Budgets)
    prices: Callable[[str | None], Rates | None] = no_price
    """What a model costs; None where that is not known."""
    prices_digest: str | None = None
    """Of the table that costs are counted by, where any limit speaks of them."""
    proofs: Proofs = field(default_factory=Proofs)
    """Whose statements count, and with what key this door makes its own."""
