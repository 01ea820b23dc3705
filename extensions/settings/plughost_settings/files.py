"""Text files that people own: read leniently, written whole, never lost."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from plughost import BadRequest, Forbidden

_COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n\r\u2028\u2029]*|/\*.*?\*/', re.DOTALL)
_TRAILING_COMMA = re.compile(r'("(?:\\.|[^"\\])*")|(?<=[\w"}\]])\s*,(?=\s*[}\]])', re.DOTALL)

LONGEST_TEXT = 1024 * 1024
"""Characters of the longest text that is read."""
LONGEST_JSON5 = 64 * 1024
"""Of one that is more than JSON with comments: the parser for those takes 25 s for a million."""

log = logging.getLogger("plughost.settings")

Stamp = tuple[int, int, int, int]
"""When a file and what may be done with it were changed (ns), its size and its number."""


class NotJSON5(BadRequest):
    """A text that is not JSON5 (https://spec.json5.org); `place` says where it stops to be."""

    hint = "Correct the text at that place; comments and trailing commas are allowed."

    def __init__(self, what: str, place: str) -> None:
        self.place = place
        super().__init__(f"{what} is not JSON5: {place}.")


class NotWritable(Forbidden):
    def __init__(self, path: Path, error: OSError) -> None:
        self.path = path
        super().__init__(
            f"The file {str(path)!r} cannot be written: {error.strerror or error}.",
            hint="Make its folder writable for the user who runs the server.",
        )


def parse_json5(text: str, what: str) -> Any:
    """The value of a JSON5 text; `what` names it in the NotJSON5 that a bad one raises.

    What JSON has no notation for (NaN, infinity, half a character) is refused, too.
    """
    if len(text) > LONGEST_TEXT:
        raise NotJSON5(what, f"it is longer than {LONGEST_TEXT} characters")
    text = text.removeprefix("\ufeff")
    try:
        # JSON with comments is what JupyterLab writes, and json.loads a thousand times faster
        # than json5. What is not JSON once its comments are gone is left to json5.
        value = json.loads(_TRAILING_COMMA.sub(r"\1", _COMMENT.sub(r"\1 ", text)))
    except (ValueError, RecursionError) as error:
        value = _parse_slowly(text, what, error)
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:  # UnicodeEncodeError is a ValueError
        raise NotJSON5(what, f"it has a value that JSON cannot carry ({error})") from None
    return value


def _parse_slowly(text: str, what: str, error: Exception) -> Any:
    if len(text) > LONGEST_JSON5:
        place = f"it is longer than {LONGEST_JSON5} characters, and not JSON ({error})"
        raise NotJSON5(what, place)
    import json5

    try:
        return json5.loads(text)
    except (ValueError, RecursionError) as problem:
        place = " ".join(str(problem).replace("<string>:", "line ").split())
        raise NotJSON5(what, place) from None


def stamp(path: Path) -> Stamp | None:
    """What tells one state of a file from the next; None for one that is not there."""
    try:
        facts = path.stat()
    except (OSError, ValueError):
        return None
    return facts.st_mtime_ns, facts.st_ctime_ns, facts.st_size, facts.st_ino


def read_objects(*paths: Path) -> list[dict[str, Any]]:
    """The JSON5 objects in those of the files that exist.

    What cannot be used is left out, and the log says so: a typing error in one file of
    an administrator must not keep everybody out.
    """
    found: list[dict[str, Any]] = []
    for path in paths:
        try:
            value = parse_json5(path.read_text(encoding="utf-8"), f"The file {str(path)!r}")
        except FileNotFoundError:
            continue
        except NotJSON5 as error:
            log.warning("%s It is ignored.", error.message)
            continue
        except (OSError, UnicodeDecodeError) as error:
            log.warning("The file %r cannot be read: %s. It is ignored.", str(path), error)
            continue
        if isinstance(value, dict):
            found.append(value)
        else:
            log.warning("The file %r holds no JSON object. It is ignored.", str(path))
    return found


def write_whole(path: Path, text: str) -> None:
    """Replace a file's content at once: readers, and a crash, see the old or the new text.

    Folders are made; a symbolic link stays one, its target is replaced. Raises NotWritable.
    """
    target = path.resolve()
    temporary = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", newline="", dir=target.parent, prefix=".~", delete=False
        ) as file:
            temporary = Path(file.name)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        temporary.replace(target)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise NotWritable(path, error) from None


def keep_aside(path: Path) -> Path:
    """Copy a file that cannot be used and is about to be replaced to a free name beside it."""
    number = 1
    while (copy := path.with_name(f"{path.name}.broken-{number}")).exists():
        number += 1
    try:
        shutil.copy2(path, copy)
    except OSError as error:
        raise NotWritable(copy, error) from None
    log.warning("%r could not be used and is replaced; it is kept as %r.", str(path), str(copy))
    return copy
