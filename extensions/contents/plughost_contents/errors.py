"""What can go wrong with files, and what to do next.

HostError
├── NotFound
│   └── PathNotFound      404   nothing there, or nothing that anybody may know of
├── BadRequest
│   ├── HiddenPath        400   writing under a name that begins with a dot
│   ├── WrongKind         400   a file where a folder is needed, or the other way round
│   └── WrongFormat       400   the content is not what the request says it is
├── Forbidden
│   └── NotAllowed        403   the operating system says no
├── Conflict
│   └── PathExists        409
├── PreconditionFailed
│   └── Changed           412   somebody else has saved in between
├── Unavailable
│   └── Busy              503   somebody else is at work on it
└── DiskFull              507
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from plughost import (
    BadRequest,
    Conflict,
    Forbidden,
    HostError,
    NotFound,
    PreconditionFailed,
    Unavailable,
)


class PathNotFound(NotFound):
    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(
            f"There is no file or folder {path!r}.",
            hint="Paths are relative to the server's root folder; hidden names are refused "
            "unless `allow_hidden_files` is set.",
        )


class HiddenPath(BadRequest):
    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(
            f"The path {path!r} is hidden.",
            hint="Choose a name without a leading dot, or set `allow_hidden_files` under "
            "[extensions.contents] in plughost.toml.",
        )


class WrongKind(BadRequest):
    reason = "bad type"

    def __init__(self, path: str, actual: str, *, hint: str) -> None:
        self.path = path
        super().__init__(f"{path!r} is a {actual}.", hint=hint)


class WrongFormat(BadRequest):
    reason = "bad format"


class PathExists(Conflict):
    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(
            f"There is already a file or folder {path!r}.",
            hint="Choose another name, or delete that one first.",
        )


class NotAllowed(Forbidden):
    def __init__(self, path: str, why: str) -> None:
        self.path = path
        super().__init__(
            f"The server may not do this to {path!r}: {why}.",
            hint="Check who owns the file and its folder, and their permissions.",
        )


class Changed(PreconditionFailed):
    def __init__(self, path: str, current: str | None) -> None:
        self.path = path
        now = f"its hash is {current!r} now" if current else "it does not exist any more"
        super().__init__(
            f"{path!r} has changed since it was read: {now}.",
            hint="Read it again and merge, or save without `If-Match` to overwrite it.",
            facts={"hash": current, "hash_algorithm": "sha256" if current else None},
        )


class Busy(Unavailable):
    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(
            f"Another program is at work on {path!r}.",
            hint="Try again when it is done.",
        )


class DiskFull(HostError):
    status = 507

    def __init__(self, path: str, why: str) -> None:
        self.path = path
        super().__init__(
            f"There is no room left to write {path!r}: {why}. What was there is unchanged.",
            hint="Free some space on that disk, then save again.",
        )


@contextlib.contextmanager
def explained(path: str) -> Iterator[None]:
    """Turn what the operating system says about `path` into one of the errors above."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise PathNotFound(path) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise NotAllowed(path, why) from error
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise DiskFull(path, why) from error
        if error.errno == errno.EEXIST:
            raise PathExists(path) from error
        if error.errno == errno.EBUSY:
            raise Busy(path) from error
        if error.errno in (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ):
            raise BadRequest(
                f"The operating system refuses {path!r}: {why}.", hint="Choose another name."
            ) from error
        if error.errno == errno.EISDIR:
            raise WrongKind(path, "folder", hint="Name a file in it.") from error
        if error.errno == errno.ENOTEMPTY:
            raise BadRequest(
                f"The folder {path!r} is not empty.",
                hint="Delete what is in it first, or set `delete_to_trash = true`.",
            ) from error
        raise
