"""The user's own plughost.toml: made from a template, changed without losing a comment."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from jupyter_core.paths import jupyter_config_dir

from plughost.config.sources import FILE
from plughost.config.toml_lines import parse
from plughost.errors import ConfigError

TEMPLATE = """\
# Settings of plughost. What stands behind a # has no effect.
# `plughost config show --all` lists all settings, `plughost config explain KEY` who says what.

# port = 8888
# root = "~/notebooks"
# token_file = "token"      # below this file's folder

# [extensions.terminals]
# enabled = false
"""


def path() -> Path:
    """Where it is, or would be: on top of all other files."""
    return Path(jupyter_config_dir(), FILE)


def switch(name: str, *, enabled: bool) -> Path:
    """Write `enabled` into `[extensions.<name>]`; everything else in the file stays as it is.

    Raises ConfigError when that cannot be done.
    """
    import tomlkit  # only here: it takes long to import

    file = path()
    before = file.read_text(encoding="utf-8-sig") if file.exists() else ""
    by_hand = f"Write `enabled = {str(enabled).lower()}` into [extensions.{name}] there yourself."
    try:
        document = tomlkit.parse(before)
        tables = document.setdefault("extensions", tomlkit.table(is_super_table=True))
        tables.setdefault(name, tomlkit.table())["enabled"] = enabled
        after = document.as_string()
        changed = parse(after)
    except ValueError as error:  # ours and tomlkit's, which derives from it
        raise ConfigError(f"{str(file)!r} cannot be changed: {error}", hint=by_hand) from None
    wanted = parse(before)
    wanted.setdefault("extensions", {}).setdefault(name, {})["enabled"] = enabled
    if changed != wanted:
        raise ConfigError(f"{str(file)!r} cannot be changed without loss.", hint=by_hand)
    write(file, after)
    return file


def write(file: Path, text: str) -> None:
    """Replace a file at once; its folder is made, a link stays one. Raises ConfigError."""
    target = file.resolve()
    temporary = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # It may hold a token: like every temporary file it is only for its user.
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", newline="", dir=target.parent, prefix=".~", delete=False
        ) as new:
            temporary = Path(new.name)
            new.write(text)
        if target.exists():
            temporary.chmod(target.stat().st_mode & 0o777)
        os.replace(temporary, target)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()
        raise ConfigError(
            f"{str(file)!r} cannot be written: {error.strerror}.",
            hint="Make its folder writable for you.",
        ) from None
