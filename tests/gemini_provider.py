"""A scripted provider of Gemini's files."""

import itertools
import json
from typing import Any

from firedoor.testing import Reply
from firedoor.testing.upstream import UpstreamCall


class Provider:
    """Takes files as Google does; the bytes go to a URL of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.numbers = itertools.count(1)
        self.bytes: dict[str, bytes] = {}

    def file(self, id_: str) -> dict[str, Any]:
        return {
            "name": f"files/{id_}", "mimeType": "text/plain", "state": "ACTIVE",
            "uri": f"{self.url}/v1beta/files/{id_}",
            "downloadUri": f"{self.url}/v1beta/files/{id_}:download?alt=media",
        }  # fmt: skip

    def __call__(self, call: UpstreamCall) -> Reply:
        path, _, query = call.path.partition("?")
        command = call.headers.get("x-goog-upload-command", "")
        if path.startswith("/upload/") and "upload_id=" not in query:
            assert command == "start"
            at = f"{self.url}{path}?upload_id=up-{next(self.numbers)}&upload_protocol=resumable"
            head = (("x-goog-upload-url", at), ("x-goog-upload-status", "active"))
            return Reply(raw=b"", headers=head, content_type="text/plain; charset=utf-8")
        if path.startswith("/upload/"):
            id_ = query.partition("upload_id=")[2].partition("&")[0]
            self.bytes[id_] = self.bytes.get(id_, b"") + call.raw
            if "finalize" not in command:
                return Reply(raw=b"", headers=(("x-goog-upload-status", "active"),))
            made: Any = {"file": self.file(id_)}
            if "fileSearchStores" in path:
                store = path.partition("fileSearchStores/")[2].partition(":")[0]
                made = {"name": f"fileSearchStores/{store}/upload/operations/op-1", "done": True}
            final = (("x-goog-upload-status", "final"),)
            return Reply(raw=json.dumps(made).encode(), headers=final)
        if path.endswith(":download"):
            return Reply(raw=b"\x00\x01" * 999, content_type="video/mp4")
        if path.endswith("/files"):
            listed = {"files": [self.file("up-1"), self.file("of-others")]}
            return Reply(raw=json.dumps(listed).encode())
        if "/files/" in path:
            made = {} if call.method == "DELETE" else self.file(path.rpartition("/")[2])
            return Reply(raw=json.dumps(made).encode())
        if path.endswith("/fileSearchStores"):
            return Reply(raw=b'{"name": "fileSearchStores/s-1"}')
        return Reply("Noted.")
