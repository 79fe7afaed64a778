"""What do tests of agents need? A door on a throw-away store, and a provider that says what it is told.

May import: everything below ``cli``. The pytest plugin is loaded by its entry point.
"""

from firedoor.testing.shapes import Call, Reply
from firedoor.testing.upstream import ScriptedUpstream, UpstreamCall

__all__ = ["Call", "Reply", "ScriptedUpstream", "UpstreamCall"]
