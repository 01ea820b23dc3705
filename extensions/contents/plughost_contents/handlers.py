"""The contents API over HTTP: parse, ask `Contents`, reply."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Mapping
from typing import Literal, TypeVar, get_args

import msgspec
from tornado.web import HTTPError

from plughost import BadRequest, Handler, JSONHandler
from plughost_contents.contents import Contents
from plughost_contents.listing import LARGEST_PAGE, Sort, Wanted
from plughost_contents.models import (
    CreateRequest,
    Model,
    RenameRequest,
    SaveRequest,
    as_json,
)
from plughost_contents.paths import url_path
from plughost_contents.resolve import Resolver

T = TypeVar("T")

FLAG = {"0": False, "1": True}
MOST = 10**9
STARTS = ("offset", "cursor", "at", "prefix")
"""Ways to say where a page begins."""

SORTS: dict[str, tuple[Sort, bool]] = {
    f"{sign}{name}": (name, bool(sign)) for name in get_args(Sort) for sign in ("", "-")
}
"""The orders of a listing, and whether each is the reverse of the one without a sign."""

FORMATS: dict[str, Literal["text", "base64"] | None] = {"text": "text", "base64": "base64"}


class ContentsHandler(JSONHandler):
    """`/api/contents/<path>`: read, make, save, rename and delete files and folders."""

    def initialize(self, contents: Contents) -> None:
        self.contents = contents
        self.model: Model | None = None

    async def get(self, path: str) -> None:
        self.model = await self.contents.get(
            path,
            kind=self.get_query_argument("type", None),
            format=self._choice("format", FORMATS, None),
            content=self._choice("content", FLAG, True),
            hash=self._choice("hash", FLAG, False),
            wanted=self._wanted(),
            hidden=self._choice("hidden", FLAG, True),
        )
        self.set_header("Last-Modified", self.model.last_modified)
        self.finish(await asyncio.to_thread(as_json, self.model))

    def compute_etag(self) -> str | None:
        """The hash that `If-Match` takes, where it was asked for; else that of a listing's text."""
        if self.model is None or self.model.type == "directory":
            return super().compute_etag()
        return f'"{self.model.hash}"' if self.model.hash else None

    def check_etag_header(self) -> bool:
        """Only a listing is told by its tag alone: a file's model has more than its bytes."""
        unchanged = self.model is not None and self.model.type == "directory"
        return unchanged and super().check_etag_header()

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
        model, new = await self.contents.save(
            path, wanted, match=self._match(), new=self._only_new()
        )
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

    def _reply(self, model: Model, *, status: int) -> None:
        self.set_header("Last-Modified", model.last_modified)
        self.locate(model.path)
        self.reply(model, status)

    def _wanted(self) -> Wanted | None:
        """The page of a folder that is asked for; None: all of it."""
        limit = self._number("limit", 1, LARGEST_PAGE)
        starts = [name for name in STARTS if self.get_query_argument(name, None) is not None]
        if limit is None:
            if starts:
                raise BadRequest(
                    f"There is {starts[0]!r} without `limit`.", hint="Say how long a page is."
                )
            return None
        if len(starts) > 1:
            raise BadRequest(
                f"There are {' and '.join(map(repr, starts))}, which say different things.",
                hint=f"Send one of {', '.join(STARTS)}.",
            )
        sort = self._choice("sort", SORTS, SORTS["name"])
        return Wanted(
            limit=limit,
            offset=self._number("offset", 0, MOST) or 0,
            cursor=self.get_query_argument("cursor", None),
            at=self.get_query_argument("at", None, strip=False),
            prefix=self.get_query_argument("prefix", None, strip=False),
            sort=sort[0],
            descending=sort[1],
            natural=self._choice("natural", FLAG, False),
            notebooks_first=self._choice("first", {"notebooks": True}, False),
            filter=self.get_query_argument("filter", ""),
            all_folders=self._choice("folders", {"all": True, "filtered": False}, False),
        )

    def _number(self, name: str, least: int, most: int) -> int | None:
        text = self.get_query_argument(name, None)
        if text is None:
            return None
        if not re.fullmatch(r"[0-9]{1,10}", text) or not least <= int(text) <= most:
            raise BadRequest(
                f"{name} is {text!r}.", hint=f"It is a whole number from {least} to {most}."
            )
        return int(text)

    def _save_request(self) -> SaveRequest:
        try:
            return self.body(SaveRequest)
        except BadRequest:
            # A string can end in the middle of a surrogate pair, as when a program cuts an
            # emoji in two. Browsers escape the half, msgspec refuses it; nobody should
            # lose a notebook over it.
            if b"\\ud" not in self.request.body.lower():
                raise
            with contextlib.suppress(ValueError, RecursionError):
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

    def _only_new(self) -> bool:
        """Whether `If-None-Match: *` says to save only what is not there yet (13.1.2)."""
        header = self.request.headers.get("If-None-Match")
        if header is not None and header.strip() != "*":
            raise BadRequest(
                f"`PUT` with `If-None-Match: {header}` makes no sense here.",
                hint="Send `*` to save only what is not there yet.",
            )
        return header is not None

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
    methods: tuple[str, ...] = ("GET", "POST")
    """What can be asked of it; the rest of what `ContentsHandler` does would befall the file."""
    has_id = False
    of_file = False

    async def prepare(self) -> None:
        path = self.path_kwargs["path"]
        self.of_file = await self.contents.is_file(path)
        if self.of_file and self.request.method not in self.methods:
            raise HTTPError(405)
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

    methods = ("POST", "DELETE")
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
    methods = ("POST",)

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
    """`GET /api/resolvePath?path=&kernel=`: what a path in an output means."""

    def initialize(self, resolver: Resolver) -> None:
        self.resolver = resolver

    async def get(self) -> None:
        path = self.get_query_argument("path", "", strip=False)
        if not path or "\0" in path:
            raise BadRequest("No `path` to resolve.", hint="Ask like this: ?path=/tmp/a.txt")
        self.reply(await self.resolver.resolve(path, self.get_query_argument("kernel", None)))
