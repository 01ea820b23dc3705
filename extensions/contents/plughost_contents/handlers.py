"""The contents API over HTTP: parse, ask `Contents`, reply."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from plughost import BadRequest, Handler, JSONHandler
from plughost_contents.contents import Contents
from plughost_contents.models import CreateRequest, Model, RenameRequest, SaveRequest
from plughost_contents.paths import url_path
from plughost_contents.resolve import resolve

T = TypeVar("T")

FLAG = {"0": False, "1": True}
FORMATS: dict[str, Literal["text", "base64"] | None] = {"text": "text", "base64": "base64"}


class ContentsHandler(JSONHandler):
    """`/api/contents/<path>`: read, make, save, rename and delete files and folders."""

    def initialize(self, contents: Contents) -> None:
        self.contents = contents

    async def get(self, path: str) -> None:
        model = await self.contents.get(
            path,
            kind=self.get_query_argument("type", None),
            format=self._choice("format", FORMATS, None),
            content=self._choice("content", FLAG, True),
            hash=self._choice("hash", FLAG, False),
        )
        self._reply(model, status=200, located=False)

    async def post(self, path: str) -> None:
        wanted = self.body(CreateRequest, default=CreateRequest())
        if wanted.copy_from is not None:
            model = await self.contents.copy(wanted.copy_from, path)
        else:
            model = await self.contents.create(path, wanted)
        self._reply(model, status=201)

    async def put(self, path: str) -> None:
        if not self.request.body.strip():
            await self.post(path)
            return
        wanted = self._save_request()
        if wanted.copy_from is not None:
            raise BadRequest(
                "`PUT` does not copy.", hint="`POST` to the folder that receives the copy."
            )
        if wanted.chunk is not None and wanted.type != "file":
            raise BadRequest(
                f"Only a file comes in pieces, not a {wanted.type!r}.", hint="Send it whole."
            )
        model, new = await self.contents.save(path, wanted, match=self._match())
        self._reply(model, status=201 if new else 200)

    async def patch(self, path: str) -> None:
        model = await self.contents.rename(path, self.body(RenameRequest).path)
        self._reply(model, status=200)

    async def delete(self, path: str) -> None:
        await self.contents.delete(path)
        self.reply(None, status=204)

    def locate(self, *parts: str) -> None:
        """Say in `Location` where something is."""
        url = "/".join(["api/contents", *(url_path(part) for part in parts if part)])
        self.set_header("Location", self.host.config.base_url + url)

    def _reply(self, model: Model, *, status: int, located: bool = True) -> None:
        self.set_header("Last-Modified", model.last_modified)
        if located:
            self.locate(model.path)
        self.reply(model, status)

    def _save_request(self) -> SaveRequest:
        try:
            return self.body(SaveRequest)
        except BadRequest:
            # A string can end in the middle of a surrogate pair, as when a program cuts an
            # emoji in two. Browsers escape the half, msgspec refuses it; nobody should
            # lose a notebook over it.
            if b"\\ud" not in self.request.body.lower():
                raise
            with contextlib.suppress(ValueError):
                value = json.loads(self.request.body)
                if isinstance(value, dict) and "content" in value:
                    value["content"] = msgspec.Raw(json.dumps(value["content"]).encode())
                    return msgspec.convert(value, SaveRequest)
            raise

    def _match(self) -> set[str] | None:
        """The hashes in `If-Match` (RFC 9110, 13.1.1), with or without quotes."""
        header = self.request.headers.get("If-Match")
        if header is None:
            return None
        return {tag.strip().strip('"') for tag in header.split(",")}

    def _choice(self, name: str, choices: Mapping[str, T], default: T) -> T:
        text = self.get_query_argument(name, None)
        if text is None:
            return default
        if text not in choices:
            raise BadRequest(
                f"{name} is {text!r}.", hint=f"It can be {' or '.join(map(repr, choices))}."
            )
        return choices[text]


class OfFileHandler(ContentsHandler):
    """Something of a file, asked for by one more word in the path.

    Folders have nothing of the kind, so below a folder such a word is a name like others:
    `models/checkpoints` is a folder in a folder.
    """

    word = "checkpoints"
    has_id = False
    of_file = False

    async def prepare(self) -> None:
        path = self.path_kwargs["path"]
        self.of_file = await self.contents.is_file(path)
        if not self.of_file:
            rest = [self.word, *([self.path_kwargs["checkpoint"]] if self.has_id else [])]
            self.path_kwargs = {"path": "/".join([path, *rest])}


class CheckpointsHandler(OfFileHandler):
    """`/api/contents/<path>/checkpoints`: list a file's checkpoints, make one."""

    async def get(self, path: str) -> None:
        if not self.of_file:
            await super().get(path)
            return
        self.reply(await self.contents.checkpoints(path))

    async def post(self, path: str) -> None:
        if not self.of_file:
            await super().post(path)
            return
        checkpoint = await self.contents.create_checkpoint(path)
        self.locate(path, "checkpoints", checkpoint.id)
        self.reply(checkpoint, status=201)


class CheckpointHandler(OfFileHandler):
    """`/api/contents/<path>/checkpoints/<id>`: go back to a checkpoint, or forget it."""

    has_id = True

    async def post(self, path: str, checkpoint: str = "") -> None:
        if not self.of_file:
            await super().post(path)
            return
        await self.contents.restore_checkpoint(path, checkpoint)
        self.reply(None, status=204)

    async def delete(self, path: str, checkpoint: str = "") -> None:
        if not self.of_file:
            await super().delete(path)
            return
        await self.contents.delete_checkpoint(path, checkpoint)
        self.reply(None, status=204)


class TrustHandler(OfFileHandler):
    """`POST /api/contents/<path>/trust`: the outputs of a notebook may run as they are."""

    word = "trust"

    async def post(self, path: str) -> None:
        if not self.of_file:
            await super().post(path)
            return
        await self.contents.trust(path)
        self.reply({}, status=201)


class OldContentsHandler(Handler):
    """`/api/notebooks/<path>`: where the contents API was in IPython's days."""

    def get(self, path: str) -> None:
        # 308 keeps method and body (RFC 9110, 15.4.9).
        query = f"?{self.request.query}" if self.request.query else ""
        url = f"{self.host.config.base_url}api/contents{url_path(path)}{query}"
        self.redirect(url, status=308)

    post = put = patch = delete = get


class ResolveHandler(JSONHandler):
    """`GET /api/resolvePath?path=`: what a path in an output means to this server."""

    def initialize(self, contents: Contents, root: Path) -> None:
        self.contents = contents
        self.root = root

    async def get(self) -> None:
        path = self.get_query_argument("path", "", strip=False)
        if not path:
            raise BadRequest("No `path` to resolve.", hint="Ask like this: ?path=/tmp/a.txt")
        self.reply(await resolve(path, self.root, self.contents))
