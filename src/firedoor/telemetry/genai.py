"""Attribute names of the OpenTelemetry GenAI conventions, as literals in one place.

The conventions moved to a repository of their own, and the constants in
``opentelemetry-semantic-conventions`` are deprecated there; so the names stand here, with the
schema that they were read from. Nothing in this module ever holds content.
"""

from typing import Final

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.37.0"

OPERATION_NAME: Final = "gen_ai.operation.name"
PROVIDER_NAME: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_STREAM: Final = "gen_ai.request.stream"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_ID: Final = "gen_ai.response.id"
RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
AGENT_ID: Final = "gen_ai.agent.id"
AGENT_NAME: Final = "gen_ai.agent.name"
CONVERSATION_ID: Final = "gen_ai.conversation.id"
ERROR_TYPE: Final = "error.type"
HTTP_STATUS: Final = "http.response.status_code"

CALL: Final = "firedoor.call"
VERDICT: Final = "firedoor.verdict"
CODE: Final = "firedoor.code"
RULES: Final = "firedoor.rules"
GENERATION: Final = "firedoor.generation"
EXPOSURES: Final = "firedoor.exposures"
POLICY_DIGEST: Final = "firedoor.policy.digest"
MODE: Final = "firedoor.mode"
COMPARTMENT: Final = "firedoor.compartment"
QUARANTINE: Final = "firedoor.quarantine.ids"
BUDGET_WARNED: Final = "firedoor.budget.warned"
"""An event: an account passed its soft limit."""

OPERATIONS: Final = {
    "openai.chat": "chat",
    "openai.responses": "chat",
    "openai.embeddings": "embeddings",
    "anthropic.messages": "chat",
    "gemini.generate": "generate_content",
    "gemini.embed": "embeddings",
}
