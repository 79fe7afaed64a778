"""What does the rest of the observability stack see of a call?

May import: types, errors, engine (its summaries), opentelemetry-api.
"""

from firedoor.telemetry.spans import ExchangeSpans

__all__ = ["ExchangeSpans"]
