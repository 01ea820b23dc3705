"""A zip with what whoever helps needs to know: what is installed, what runs, what was logged.

Everything goes through `privacy.Privacy` before it is written.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import platform
import secrets
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, distributions, metadata
from pathlib import Path
from typing import Any

import msgspec
from jupyter_core.paths import jupyter_data_dir, jupyter_path, jupyter_runtime_dir

from plughost import Config, Conflict, HostError, NotFound, __version__
from plughost_observe.doctor.examination import examine
from plughost_observe.doctor.facts import Settings
from plughost_observe.doctor.privacy import SECRET_NAME, Privacy

LOG_FILES = 5
"""So many of the newest log files are put in."""

LOG_BYTES = 1_000_000
"""And of each so much of its end."""

README = """\
A report of `plughost bugreport`.

doctor.json         what `plughost doctor --json` found
extensions.json     the record of every extension: state, times, error, traceback
configuration.json  every setting with the place that set it; of secrets only whether there is one
versions.json       every installed distribution
platform.json       Python, system, names (not values) of the environment variables that matter
logs/               the end of the newest log files

Secrets, the home folder, and names of user and machine were taken out by what they are known
to be and by what they look like. Look through it before you pass it on.
"""


class Report(msgspec.Struct, frozen=True):
    """What was written: the zip, its members with their sizes, and where it can be sent."""

    path: Path
    members: list[tuple[str, int]]
    address: str


def write(file: Path | None, progress: Callable[[str], None] = lambda text: None) -> Report:
    """Write a report. Raises Conflict when the file exists, NotFound when its folder does not."""
    path = _target(file)
    seen = examine(progress)
    progress("collecting")
    privacy = Privacy(_known_secrets())
    members = {
        "README.txt": README,
        "doctor.json": _json(privacy, seen.to_json()),
        "extensions.json": _json(privacy, seen.records),
        "configuration.json": _json(
            privacy,
            {
                "settings": seen.settings.told,
                "warnings": [*seen.settings.warnings, *seen.settings.unclaimed],
            },
        ),
        "versions.json": _json(privacy, _versions()),
        "platform.json": _json(privacy, _platform()),
        **{f"logs/{privacy.text(p.name)}": _log(privacy, p) for p in _log_files(seen.settings)},
    }
    _write_whole(path, _zipped(members))
    sizes = [(name, len(text.encode())) for name, text in members.items()]
    return Report(path, sizes, _address())


def _target(file: Path | None) -> Path:
    name = f"plughost-bugreport-{time.strftime('%Y%m%d-%H%M%S')}.zip"
    path = Path(name) if file is None else file / name if file.is_dir() else file
    _refuse_existing(path)
    if not path.absolute().parent.is_dir():
        raise NotFound(
            f"There is no folder {str(path.parent)!r}.", hint="Make it, or name another file."
        )
    return path


def _refuse_existing(path: Path) -> None:
    if os.path.lexists(path):
        raise Conflict(
            f"The file {str(path)!r} exists, and is left as it is.",
            hint="Name another file, or move that one away.",
        )


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all, for our eyes only."""
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        try:
            os.link(temporary, path)  # unlike a rename it takes nobody's place
        except FileExistsError:
            _refuse_existing(path)
        except OSError:  # a file system without hard links
            _refuse_existing(path)
            os.replace(temporary, path)
    except PermissionError as error:
        raise HostError(
            f"{str(path)!r} cannot be written: {error.strerror}.",
            hint="Name a file in a folder that you can write to.",
        ) from None
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def _zipped(members: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text.encode())
    return buffer.getvalue()


def _json(privacy: Privacy, value: Any) -> str:
    # Redacted before it is written: afterwards a quote in a secret would be spelt otherwise.
    return json.dumps(privacy.value(msgspec.to_builtins(value)), indent=2, ensure_ascii=False)


# -- what goes in


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for distribution in distributions():
        with contextlib.suppress(Exception):  # whatever a stranger's metadata makes it raise
            found.setdefault(distribution.metadata["Name"], distribution.version)
    return dict(sorted(found.items(), key=lambda each: str(each[0]).lower()))


def _platform() -> dict[str, Any]:
    return {
        "plughost": __version__,
        "python": sys.version,
        "executable": sys.executable,
        "prefix": sys.prefix,
        "path": sys.path,
        "system": platform.platform(),
        "machine": platform.machine(),
        "jupyterPath": jupyter_path(),
        # Their names say what is set; their values are nobody's business.
        "environment": sorted(
            name
            for name in os.environ
            if name.startswith(("PLUGHOST", "JUPYTER", "PYTHON", "CONDA", "VIRTUAL_ENV", "LC_"))
            or name in ("LANG", "TERM", "SHELL", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
        ),
        "locale": {name: os.environ[name] for name in ("LANG", "LC_ALL") if name in os.environ},
    }


def _log_files(settings: Settings) -> list[Path]:
    """The newest log files; not the audit's, which say who did what."""
    told = {each["key"]: each["value"] for each in settings.told}
    own = told.get("extensions.observe.log_folder")
    usual = Path(jupyter_data_dir(), "plughost", "logs")
    folder = Path(settings.root, own) if own else usual
    files = [path for path in folder.glob("*.jsonl*") if not path.name.startswith("audit")]
    return sorted(files, key=lambda path: path.stat().st_mtime, reverse=True)[:LOG_FILES]


def _log(privacy: Privacy, path: Path) -> str:
    """The end of a log file, each line redacted as the JSON that it is."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - LOG_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError as error:
        return f"This file cannot be read: {error.strerror}.\n"
    whole = lines if size <= LOG_BYTES else lines[1:]  # the first one is cut
    return "".join(f"{_log_line(privacy, line)}\n" for line in whole)


def _log_line(privacy: Privacy, line: str) -> str:
    try:
        value = json.loads(line)
    except ValueError:
        return privacy.text(line)
    return json.dumps(privacy.value(value), ensure_ascii=False)


def _known_secrets() -> Iterator[str]:
    """Secrets of this installation, which could stand anywhere in what is collected."""
    runtime = Path(jupyter_runtime_dir())
    for pattern in (
        "jpserver-*.json",
        "nbserver-*.json",
        "kernel-*.json",
        "plughost/kernels/*.json",
    ):
        for path in runtime.glob(pattern):
            with contextlib.suppress(OSError, ValueError):
                yield from _secrets_in(json.loads(path.read_bytes()))
    try:
        config = Config.load()
    except HostError:
        return  # it cannot be used, as the doctor's findings say; its values went nowhere
    yield from filter(None, (config.token, config.hashed_password))
    yield from _secrets_in(config.extensions)
    if config.token_file is not None:
        with contextlib.suppress(OSError, ValueError):
            yield config.token_file.read_text(encoding="utf-8").strip()


def _secrets_in(value: Any, name: str = "") -> Iterator[str]:
    """Texts under a name that says secret; `key` is one in files of the runtime folder."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _secrets_in(each, str(key))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _secrets_in(each, name)
    elif isinstance(value, str) and (SECRET_NAME.search(name) or name == "key"):
        yield value


def _address() -> str:
    """Where plughost takes reports, as its own package metadata says."""
    try:
        urls = metadata("plughost").get_all("Project-URL") or []
    except PackageNotFoundError:
        urls = []
    labelled = dict(each.split(", ", 1) for each in urls if ", " in each)
    for label, url in labelled.items():
        if label.lower() in ("issues", "bug tracker", "bugs", "tracker"):
            return str(url)
    return "whoever helps you with plughost, or attach it to an issue there."
