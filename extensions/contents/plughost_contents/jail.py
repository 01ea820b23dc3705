"""A jail: paths are walked name by name, each folder opened from within the one before.

So a check and what follows it are one thing: whoever asks for a place gets an open folder
and a name in it, and nobody can put a link to elsewhere between the two. Links are
followed here and not by the system, for only then is it known where they lead.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from plughost_contents import paths
from plughost_contents.errors import PathNotFound, explained

MOST_LINKS = 40
"""Links that one path may go through, as on Linux (path_resolution(7))."""

# Linux can open a folder without reading it. Elsewhere (macOS) every folder on the way has
# to be readable, too.
FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY

_NO_FOLDER = (errno.ENOTDIR, errno.ELOOP, errno.EMLINK)  # what a link is called differs


@dataclass(frozen=True)
class Place:
    """A name in an open folder; whether something is there is another matter.

    A name `.` is the folder itself. No operation follows a link at this place. Every one
    raises OSError. `path` is where it was found: for messages, and for what takes no
    descriptors.
    """

    folder: int
    name: str
    path: str

    def beside(self, name: str) -> Place:
        return Place(self.folder, name, os.path.join(os.path.dirname(self.path), name))

    def open(self, flags: int, mode: int = 0o600) -> int:
        # Without O_NONBLOCK a named pipe would hold the thread until somebody writes.
        flags |= os.O_NOFOLLOW | os.O_NONBLOCK
        return os.open(self.name, flags, mode, dir_fd=self.folder)

    def stat(self) -> os.stat_result:
        return os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)

    def facts(self) -> os.stat_result | None:
        """What `stat` says; None where nothing is."""
        try:
            return self.stat()
        except FileNotFoundError:
            return None

    def is_writable(self) -> bool:
        return os.access(self.name, os.W_OK, dir_fd=self.folder, follow_symlinks=False)

    def mkdir(self, mode: int = 0o777) -> None:
        os.mkdir(self.name, mode, dir_fd=self.folder)

    def rmdir(self) -> None:
        os.rmdir(self.name, dir_fd=self.folder)

    def unlink(self) -> None:
        os.unlink(self.name, dir_fd=self.folder)

    def link(self, new: Place) -> None:
        """Give it one more name. Raises FileExistsError when something has that."""
        folders = {"src_dir_fd": self.folder, "dst_dir_fd": new.folder}
        os.link(self.name, new.name, **folders, follow_symlinks=False)

    def rename(self, new: Place) -> None:
        """Take the name `new`, from whatever has it."""
        os.rename(self.name, new.name, src_dir_fd=self.folder, dst_dir_fd=new.folder)


class Jail:
    """The folder `root`. With `strict`, no link leads out of it."""

    def __init__(self, root: Path, *, strict: bool = False) -> None:
        self._root = os.path.realpath(root)
        self._strict = strict

    @contextlib.contextmanager
    def place(self, path: str, *, follow: bool = True) -> Iterator[Place]:
        """Where an API path leads; without `follow`, to the link at its end if there is one.

        The folder is open as long as the block runs. Raises PathNotFound and NotAllowed.
        """
        names = paths.normal(path).split("/")
        with contextlib.ExitStack() as stack:
            with explained(path):
                walk = stack.enter_context(_Walk(self._root))
                name = walk.to(names, follow=follow)
            if self._strict and not walk.inside:
                raise PathNotFound(path)
            here = walk.names if name == "." else [*walk.names, name]
            yield Place(walk.folder, name, "/" + "/".join(here))


class _Walk:
    """Somebody on the way from the root: the folder where he is, and its names from `/`."""

    def __init__(self, root: str) -> None:
        self._root = [name for name in root.split("/") if name]
        self._start()

    def __enter__(self) -> _Walk:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.folder)

    def _start(self) -> None:
        self.folder = os.open("/" + "/".join(self._root), FOLDER)
        self._root_facts = os.fstat(self.folder)
        self.names = self._root
        self.inside = True

    def to(self, names: list[str], *, follow: bool) -> str:
        """Go to the folder that has what `names` lead to; returns its name there."""
        ahead = names[::-1]
        links = 0
        while ahead:
            name = ahead.pop()
            if name in ("", "."):
                continue
            if name == "..":
                self._up(ahead)
                continue
            if ahead and self._into(name):
                continue
            link = self._link(name) if ahead or follow else None
            if link is None:
                if ahead:
                    raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
                return name
            links += 1
            if links > MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            ahead += link.split("/")[::-1]
            if link.startswith("/"):
                self._arrive(os.open("/", FOLDER), [])
        return "."

    def _into(self, name: str) -> bool:
        """Go into a folder, if `name` is one and no link."""
        try:
            folder = os.open(name, FOLDER | os.O_NOFOLLOW, dir_fd=self.folder)
        except OSError as error:
            if error.errno in _NO_FOLDER:
                return False
            raise
        self._arrive(folder, [*self.names, name], inside=self.inside)
        return True

    def _up(self, ahead: list[str]) -> None:
        if self.inside and self.names != self._root:
            # Down from the root once more: by now `..` of this folder may be elsewhere.
            ahead += self.names[len(self._root) : -1][::-1]
            here = self.folder
            self._start()
            os.close(here)
        else:
            self._arrive(os.open("..", FOLDER, dir_fd=self.folder), self.names[:-1])

    def _arrive(self, folder: int, names: list[str], *, inside: bool = False) -> None:
        os.close(self.folder)
        self.folder, self.names, self.inside = folder, names, inside
        # However one gets there: the root is the root.
        if not inside and os.path.samestat(os.fstat(folder), self._root_facts):
            self.names, self.inside = self._root, True

    def _link(self, name: str) -> str | None:
        """Where the link of that name leads; None when it is no link, or nothing."""
        try:
            link = os.readlink(name, dir_fd=self.folder)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOENT):
                return None
            raise
        # As Linux does (`fs.protected_symlinks`, proc(5)): where everybody may put links, as
        # in /tmp, only one's own are followed.
        here = os.fstat(self.folder)
        if here.st_mode & stat.S_ISVTX and here.st_mode & stat.S_IWOTH:
            owner = os.stat(name, dir_fd=self.folder, follow_symlinks=False).st_uid
            if owner not in (os.geteuid(), here.st_uid):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return link
