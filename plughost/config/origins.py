"""Where settings come from: what every layer says of every key, told without secrets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import field
from msgspec.structs import replace

from plughost.config.declared import Declared
from plughost.config.jupyter import JupyterFiles
from plughost.config.layers import RESERVED, Entry, Key, Layer, Said, merge
from plughost.errors import ConfigError, did_you_mean

REDACTED = "…"

SECRET = (
    *("token", "password", "passphrase", "secret", "credential"),
    *("api_key", "apikey", "private_key"),
)
"""What a name ends in whose value nobody is shown; `token_file` does not."""


class Origins(msgspec.Struct):
    """All that was read for one Config, and what extensions have asked it for since."""

    layers: Sequence[Layer] = ()
    said: Said = field(default_factory=dict)
    jupyter: JupyterFiles = field(default_factory=JupyterFiles)
    asked: dict[str, Mapping[str, Declared]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def ask(self, name: str, fields: Mapping[str, Declared]) -> None:
        """Take note of an extension's settings, and of what Jupyter's files say of them."""
        self.asked[name] = fields
        keys = {("extensions", name, key): each for key, each in fields.items()}
        claims: dict[Key, Sequence[str]] = {
            key: each.jupyter for key, each in keys.items() if each.jupyter
        }
        said, warnings = merge([*self.jupyter.claim(claims), *self.layers])
        self.said |= {key: said[key] for key in claims if key in said}
        self.warnings += [each for each in warnings if each not in self.warnings]

    def told(self, values: Mapping[Key, Any], defaults: Mapping[Key, Any]) -> Said:
        """What is said of every key: settings in their order, then what is in their tables."""
        asked = [("extensions", name, key) for name in self.asked for key in self.asked[name]]
        inside = sorted({key for key in (*values, *self.said, *asked) if len(key) > 1})
        return {
            key: self.entries(key, values.get(key, msgspec.UNSET), defaults.get(key))
            for key in (*(key for key in values if len(key) == 1), *inside)
        }

    def entries(self, key: Key, value: Any, default: Any = None) -> list[Entry]:
        """What is said of one key, highest first and the default last; exactly one counts.

        `value` is what the Config holds: if no layer said so, the program did.
        """
        if key[0] == "extensions":
            fields = self.asked.get(key[1], {})
            default = fields[key[2]].default if key[2] in fields else RESERVED.get(key[2])
        entries = [*self.said.get(key, ()), Entry(default, "default")]
        counting = next((entry for entry in entries if entry.counts), entries[-1])
        if value is not msgspec.UNSET and value != counting.value:
            entries.insert(0, counting := Entry(value, "the program"))
        return [replace(entry, counts=entry is counting) for entry in entries]


def counting(entries: Sequence[Entry]) -> Entry:
    return next(entry for entry in entries if entry.counts)


def described(key: Key, entries: Sequence[Entry]) -> dict[str, Any]:
    """A key and its layers for JSON."""
    layers = [
        {
            "value": shown(key[-1], entry.value),
            "source": entry.source,
            "counts": entry.counts,
            "note": entry.note,
        }
        for entry in entries
    ]
    ruling = next(layer for layer in layers if layer["counts"])
    return {
        "key": ".".join(key),
        "value": ruling["value"],
        "default": layers[-1]["value"],
        "source": ruling["source"],
        "layers": layers,
    }


ALL = "`plughost config show --all` lists all settings."


def find_key(text: str, keys: Iterable[Key]) -> Key:
    """The key that a person writes with dots. Raises ConfigError when there is none."""
    known = {".".join(key): key for key in keys}
    if text not in known:
        inside = [name for name in known if name.startswith(f"{text}.")]
        raise ConfigError(
            f"There is no setting {text!r}.",
            hint=f"{did_you_mean(text, known)}"
            + (f"Below it: {', '.join(inside)}." if inside else ALL),
        )
    return known[text]


def shown(name: str, value: Any) -> Any:
    """The value for JSON and for people's eyes: of a secret only whether there is one."""
    secret = name.lower().rstrip("s").endswith(SECRET)
    if isinstance(value, dict):
        return {key: shown(name if secret else str(key), each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [shown(name, each) for each in value]
    if secret and not isinstance(value, bool) and value not in (None, ""):
        return REDACTED
    return msgspec.to_builtins(value, enc_hook=str)
