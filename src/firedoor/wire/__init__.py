"""What stands in these bytes, and how are they written again?

May import: types, errors.
"""

from firedoor.wire import resumable
from firedoor.wire.answers import strings_of
from firedoor.wire.caps import CapProblem, Caps, OutputCap, output_cap, with_output_cap
from firedoor.wire.document import Limits, Malformed, check, parse
from firedoor.wire.edit import Edit, edit, replace_spans
from firedoor.wire.inventory.endpoints import Act
from firedoor.wire.inventory.hops import BETA_HEADERS, HOPS, beta_of
from firedoor.wire.picture import Bands, can_see, media_bytes, picture_bands
from firedoor.wire.refusal import CODES, Refusal, refusal, upstream_failure
from firedoor.wire.route import REROUTING, Endpoint, resource_of, route
from firedoor.wire.shape import normal_json
from firedoor.wire.state.answer import OUTPUT_FILE
from firedoor.wire.state.lists import Listing, filtered, listing
from firedoor.wire.state.urls import GEMINI_MEMBERS, through_door
from firedoor.wire.structured import AnswerSchema
from firedoor.wire.surface import AnswerStream, Bare, Piece, SurfaceWire
from firedoor.wire.surfaces import form_shape, surface_wire, wire_for
from firedoor.wire.tools import Definition
from firedoor.wire.usage import asking_usage
from firedoor.wire.veil import WORD_CHARS_MAX, is_wordy, veiled_name, veiled_pointer

__all__ = [
    "BETA_HEADERS",
    "CODES",
    "GEMINI_MEMBERS",
    "HOPS",
    "OUTPUT_FILE",
    "REROUTING",
    "WORD_CHARS_MAX",
    "Act",
    "AnswerSchema",
    "AnswerStream",
    "Bands",
    "Bare",
    "CapProblem",
    "Caps",
    "Definition",
    "Edit",
    "Endpoint",
    "Limits",
    "Listing",
    "Malformed",
    "OutputCap",
    "Piece",
    "Refusal",
    "SurfaceWire",
    "asking_usage",
    "beta_of",
    "can_see",
    "check",
    "edit",
    "filtered",
    "form_shape",
    "is_wordy",
    "listing",
    "media_bytes",
    "normal_json",
    "output_cap",
    "parse",
    "picture_bands",
    "refusal",
    "replace_spans",
    "resource_of",
    "resumable",
    "route",
    "strings_of",
    "surface_wire",
    "through_door",
    "upstream_failure",
    "veiled_name",
    "veiled_pointer",
    "wire_for",
    "with_output_cap",
]
