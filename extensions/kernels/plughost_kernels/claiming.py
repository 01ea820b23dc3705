"""What a warm kernel is told when somebody gets it: its folder and its environment.

It is told in its own language, by a silent request that leaves neither output nor history
nor names behind, and that no client sees anything of.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from pathlib import Path

import msgspec

from plughost_kernels.messages import UNREADABLE, Message, new_header


def _python(folder: str, session_name: str) -> str:
    program = f"""
import os, sys
from pathlib import Path
os.chdir({folder!r})
os.environ["JPY_SESSION_NAME"] = {session_name!r}
# What ipykernel and IPython have made of the folder and the variable when they started:
if {session_name!r} and "ipykernel" in sys.modules:
    user["__session__"] = {session_name!r}
if user.get("_dh"):
    user["_dh"][:] = [Path.cwd()]
"""
    # In a namespace of its own, so that the user's gets no name from it.
    return f"exec({program!r}, {{'user': globals()}})"


def _r(folder: str, session_name: str) -> str:
    return (
        f"invisible({{setwd({_quoted(folder)}); "
        f"Sys.setenv(JPY_SESSION_NAME = {_quoted(session_name)})}})"
    )


def _julia(folder: str, session_name: str) -> str:
    # A dollar begins an interpolation.
    folder, session_name = (_quoted(text).replace("$", "\\$") for text in (folder, session_name))
    return f'cd({folder}); ENV["JPY_SESSION_NAME"] = {session_name}; nothing'


def _quoted(text: str) -> str:
    """Text as R and Julia write it: like JSON, but without its surrogate pairs."""
    return json.dumps(text, ensure_ascii=False)


LANGUAGES: dict[str, Callable[[str, str], str]] = {"python": _python, "r": _r, "julia": _julia}
"""How to tell a kernel, by the `language` of its kernelspec in lower case."""


def knows(language: str) -> bool:
    """Whether kernels of a language can be told."""
    return language.lower() in LANGUAGES


def code(language: str, folder: Path, session_name: str) -> str:
    """What makes a kernel work in `folder` and find `session_name` in JPY_SESSION_NAME."""
    return LANGUAGES[language.lower()](str(folder), session_name)


class SilentRequest:
    """One `execute_request` of the server's own, in a session that nobody else uses.

    `parts` are its header, parent, metadata and content; `succeeded` becomes whether the
    kernel could run the code. Source: "Messaging in Jupyter", execute.
    """

    def __init__(self, program: str) -> None:
        self.succeeded: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._session = secrets.token_hex(16)
        content = {
            "code": program,
            "silent": True,
            "store_history": False,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        header = new_header("execute_request", self._session)
        self.parts = [header, b"{}", b"{}", msgspec.json.encode(content)]

    def caused(self, message: Message) -> bool:
        """Whether a message belongs to this request, and is nobody else's business."""
        if message.parent.session != self._session:
            return False
        if message.channel == "shell" and not self.succeeded.done():
            self.succeeded.set_result(_status(message) == "ok")
        return True


class _Reply(msgspec.Struct):
    status: str = ""


def _status(message: Message) -> str:
    try:
        return msgspec.json.decode(message.parts[3], type=_Reply).status
    except UNREADABLE:
        return ""
