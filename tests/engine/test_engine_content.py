"""What is kept of a call's content for people to read."""

import json
from typing import Any

from driving import Office, settings_for
from firedoor.engine.port import Commit
from firedoor.types.exchange import Binding


class Watched(Office):
    """An office whose commits are looked at."""

    def _ask(self, command: Any) -> Any:
        if isinstance(command, Commit) and command.content is not None:
            self.kept = json.loads(command.content)["parts"]
        return super()._ask(command)


def test_ids_and_sealed_state_are_not_kept_with_the_texts() -> None:
    """They are large, they are the provider's, and they say nothing to a reader."""
    world = Watched(settings_for(None, "observe"))
    sealed = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "g" * 50_000}
    asked = {"role": "user", "content": "When does it move?"}
    body = {"model": "m", "input": [asked, sealed], "previous_response_id": "resp_1"}
    world.call(Binding("a", "press"), [], path="/v1/responses", body=json.dumps(body).encode())
    assert world.kept == {"/input/0/content": "When does it move?"}
