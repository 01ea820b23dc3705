"""The error tree: what can go wrong, with its facts and the next step.

    HostError                 500
    ├── BadRequest            400   the request makes no sense
    ├── Forbidden             403   we know why, and the answer is no
    │   └── Unauthenticated   403   nobody said who is asking
    ├── NotFound              404   there is no such thing
    │   ├── NoRoute           404   no extension answers at this path
    │   └── ExtensionNotFound 404
    ├── Conflict              409   it exists, or somebody else changed it
    ├── Gone                  410   it was here and is not any more
    ├── PreconditionFailed    412   the caller's idea of the state is out of date
    ├── TooLarge              413   more than is taken at once
    ├── NotSupported          501   nobody here can do that
    ├── Unavailable           503   not yet; ask again
    └── SetupError                  before anything is served
        ├── ConfigError             a setting that cannot be used
        ├── ManifestError           a `plughost.json` that cannot be used
        └── ExtensionError          an extension broke a rule of the host
            ├── ServiceNotFound     nobody provides what was asked for
            └── DuplicateError      two extensions claim the same thing

An error carries its facts as attributes, says in one sentence what is wrong with
the value in quotes, and says in `hint` what to do next. The domain raises; the edge
(`web.py`) turns it into the Jupyter error reply. Extensions derive their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


class HostError(Exception):
    """Something the host or an extension can explain.

    `status` is the HTTP status of the reply, `reason` the short machine-readable word
    that Jupyter clients find under the same name, `hint` the next step for a person.
    `facts` go into the reply as they are, for clients that know what to do with them.
    """

    status: int = 500
    reason: str | None = None
    hint: str | None = None

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        reason: str | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.facts = dict(facts or {})
        if hint is not None:
            self.hint = hint
        if reason is not None:
            self.reason = reason


class BadRequest(HostError):
    status = 400


class Forbidden(HostError):
    status = 403


class Unauthenticated(Forbidden):
    hint = (
        "Open the URL that `plughost serve` printed, or send the token "
        "in the header `Authorization: token …`."
    )


class NotFound(HostError):
    status = 404


class NoRoute(NotFound):
    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(
            f"No extension answers at {path!r}.",
            hint="`plughost extensions list` shows which extensions are active.",
        )


class ExtensionNotFound(NotFound):
    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name = name
        known = sorted(known)
        super().__init__(
            f"There is no extension named {name!r}.",
            hint=f"{did_you_mean(name, known)}Installed: {', '.join(known) or 'none'}.",
        )


class Conflict(HostError):
    status = 409


class Gone(HostError):
    status = 410


class PreconditionFailed(HostError):
    status = 412


class TooLarge(HostError):
    status = 413


class NotSupported(HostError):
    status = 501


class Unavailable(HostError):
    """Not yet: the reply carries `Retry-After: <retry_after>` in seconds (RFC 9110)."""

    status = 503

    def __init__(self, message: str, *, hint: str | None = None, retry_after: int = 2) -> None:
        self.retry_after = retry_after
        super().__init__(message, hint=hint)


class SetupError(HostError):
    """Found before anything is served, or while an extension is being added."""


class ConfigError(SetupError):
    pass


class ManifestError(SetupError):
    pass


class ExtensionError(SetupError):
    pass


class ServiceNotFound(ExtensionError):
    def __init__(self, key: str, known: Iterable[str]) -> None:
        self.key, self._known = key, sorted(known)
        super().__init__(f"No extension provides the service {key!r}.")

    @property
    def hint(self) -> str:  # type: ignore[override]  # for who reads it: many only ask whether
        return f"{did_you_mean(self.key, self._known)}Provided: {', '.join(self._known) or 'none'}."


class DuplicateError(ExtensionError):
    def __init__(self, what: str, value: str, owner: str) -> None:
        self.value = value
        self.owner = owner
        super().__init__(
            f"The {what} {value!r} already belongs to the extension {owner!r}.",
            hint=f"Choose another {what}, or disable one of the two extensions.",
        )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence with the closest known word and a trailing space, or nothing."""
    import difflib  # for mistakes alone

    close = difflib.get_close_matches(word, list(known), n=3)
    # The same letters in another order: the likeliest slip of the fingers.
    close.sort(key=lambda each: sorted(each) != sorted(word))
    return f"Did you mean {close[0]!r}? " if close else ""
