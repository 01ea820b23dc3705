"""Settings of the host: merged from many layers, each value knowing its source.

The layers, lowest first: defaults, Jupyter's own files, the `plughost.toml` of the system,
of the Python environment, of the user, the one named with `--config`, environment variables,
flags. Their top level holds the settings below; `[extensions.<name>]` holds what belongs to
an extension, beside the keys in RESERVED that the host reads itself.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec.structs import replace

from plughost.config import sources
from plughost.config.checks import check
from plughost.config.declared import convert, declared, typed, unknown_setting
from plughost.config.entrance import implied, settle
from plughost.config.jupyter import read_jupyter_files
from plughost.config.layers import GROUPS, RESERVED, Entry, Key, Said, flat, merge, nested
from plughost.config.origins import Origins, counting, described, find_key, shown
from plughost.errors import ConfigError, did_you_mean

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]


@dataclass(frozen=True)
class Switch:
    """Whether an extension may run: three separate facts, and where they were decided."""

    enabled: bool
    """Somebody wants it to run."""
    locked: bool
    """Only the administrator can change what is set of it."""
    blocked: bool
    """It must not run, whoever wants it to."""
    strict: bool
    """The server must not run without it."""
    reason: str
    """One sentence on where the decisive value was set."""


@dataclass(frozen=True)
class Config:
    """The merged settings. `sources` maps each name that was set to where it was set."""

    ip: str = "127.0.0.1"
    """Address to listen on."""
    port: Port = 8888
    """Port to listen on; when it is taken, the next free one is."""
    unix_socket: Path | None = None
    """Unix socket to listen on, instead of an address and port."""
    base_url: str = "/"
    """Path under which everything is served; begins and ends with a slash."""
    root: Path = field(default_factory=Path.cwd)
    """Folder whose files are shown; kernels and terminals start in it."""
    token: str | None = field(default=None, repr=False)
    """What a caller must present; None: a random one, empty: the same as `no_auth`."""
    token_file: Path | None = None
    """File with the token, so that it stands in no setting."""
    no_auth: bool = False
    """Anybody who reaches the server may enter; only on a loopback address or unix socket."""
    hashed_password: str = field(default="", repr=False)
    """Password as Jupyter hashes it, for an extension that lets people log in with one."""
    certfile: Path | None = None
    """Certificate for HTTPS; with its key, unless `keyfile` has that."""
    keyfile: Path | None = None
    """Key of the certificate."""
    default_page: str | None = None
    """Name of the page that `/` leads to; None: the one with the lowest rank."""
    allow_origin: list[str] = field(default_factory=list)
    """Other origins (`https://example.org`) whose pages may call this server."""
    allow_host: list[str] = field(default_factory=list)
    """Host names, besides this machine's loopback ones, under which it may be reached."""
    trusted_proxies: list[str] = field(default_factory=list)
    """Addresses or networks whose `X-Forwarded-…` headers count; `unix`: the unix socket's."""
    import_patience: Seconds = 0.5
    """Seconds to wait for the import of one extension before the next one's begins."""
    import_timeout: Seconds = 60.0
    """Seconds after which the import of an extension is recorded as failed."""
    start_timeout: Seconds = 60.0
    """Seconds that one service has to start."""
    hold: Seconds = 5.0
    """Seconds that a request waits for an extension that is still loading."""
    websocket_ping_interval: Seconds = 30.0
    """Seconds between pings on a WebSocket; it is closed when none came back before the next."""
    safe: bool = False
    """Only first-party extensions are loaded, and nothing is noted of them."""
    locked: list[str] = field(default_factory=list)
    """Names of settings that only the administrator's files can set."""
    services: dict[str, str] = field(default_factory=dict)
    """By the qualified name of a service's type: the extension whose provider wins."""
    extensions: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)
    """What belongs to each extension, by its name."""
    warnings: tuple[str, ...] = ()
    """What is ignored, and why; see also `unclaimed`."""

    _origins: Origins = field(default_factory=Origins, repr=False, compare=False)

    def __post_init__(self) -> None:
        # One fact with two spellings, which must not contradict each other.
        if self.token == "" or self.no_auth:
            object.__setattr__(self, "token", "")
            object.__setattr__(self, "no_auth", True)

    @classmethod
    def load(cls, flags: Mapping[str, Any] | None = None, file: Path | None = None) -> Config:
        """The merged settings of all layers, as `plughost serve` takes them.

        `flags` are values by setting name, `file` is a layer above the user's. Raises
        ConfigError.
        """
        return load(flags, file)

    def extension(self, name: str, kind: type[Any]) -> Any:
        """The table `[extensions.<name>]` as a `kind`: a dataclass or msgspec.Struct.

        A field may say what Jupyter calls it (see `Declared`): Jupyter's files then count
        for it, below ours. Raises ConfigError for a wrong type and, with a suggestion, for
        an unknown key.
        """
        fields = {key: each for key, each in declared(kind).items() if key not in RESERVED}
        self._origins.ask(name, fields)
        for key in self.extensions.get(name, {}):
            if key not in fields and key not in RESERVED:
                where = f"[extensions.{name}] in {self._of_extension(name, key).source}"
                raise unknown_setting(key, [*fields, *RESERVED], where)
        values = {}
        for key, each in fields.items():
            entry = self._of_extension(name, key)
            if entry.source != "default":
                values[each.attribute] = convert(entry, each.kind, ("extensions", name, key))
        try:
            return kind(**values)
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"The settings in [extensions.{name}] cannot be used: {error}",
                hint="Change them there, or remove them for the defaults.",
            ) from None

    def switch(self, name: str) -> Switch:
        """Whether an extension may run, and who says so."""
        facts = {key: self._of_extension(name, key) for key in RESERVED}
        told = [
            f"{'disabled' if key == 'enabled' else key} in {facts[key].source}"
            for key in ("blocked", "enabled", "locked", "strict")
            if facts[key].value is not RESERVED[key]
        ]
        source = facts["enabled"].source
        usual = "enabled by default" if source == "default" else f"enabled in {source}"
        reason = ", ".join(told) or usual
        return Switch(
            **{key: fact.value for key, fact in facts.items()},
            reason=f"{reason[0].upper()}{reason[1:]}.",
        )

    @property
    def disabled(self) -> set[str]:
        """Names of the extensions with `enabled = false`."""
        return self._names("enabled", False)

    @property
    def blocked(self) -> set[str]:
        """Names of the extensions with `blocked = true`."""
        return self._names("blocked", True)

    @property
    def strict(self) -> set[str]:
        """Names of the extensions with `strict = true`."""
        return self._names("strict", True)

    @property
    def sources(self) -> Mapping[str, str]:
        """Where each key that was set was set: a file and its line, a variable, a flag."""
        ruling = {".".join(key): counting(entries) for key, entries in self._told().items()}
        return {key: entry.source for key, entry in ruling.items() if entry.source != "default"}

    def explain(self, key: str) -> list[Entry]:
        """What every layer says of a key such as `extensions.kernels.restart_limit`.

        The highest comes first, the default last; secrets are redacted. Raises ConfigError
        for an unknown key.
        """
        told = self._told()
        path = find_key(key, told)
        return [replace(each, value=shown(path[-1], each.value), text=None) for each in told[path]]

    def to_json(self) -> list[dict[str, Any]]:
        """Every key with its value, default, source and layers; secrets are redacted."""
        return [described(key, entries) for key, entries in self._told().items()]

    def unclaimed(self) -> list[str]:
        """Warnings about what no extension has asked for, once all have had their chance."""
        asked = self._origins.asked
        idle = {*asked, *self.disabled, *self.blocked}
        unasked = [
            f"{counting(entries).source} sets {'.'.join(key)!r}, which no extension has asked "
            f"for. {did_you_mean(key[1], asked)}".rstrip()
            for key, entries in self._told().items()
            if key[0] == "extensions" and key[1] not in idle and key[2] not in RESERVED
        ]
        late = [each for each in self._origins.warnings if each not in self.warnings]
        return [*late, *unasked, *self._origins.jupyter.unclaimed()]

    def _names(self, key: str, value: bool) -> set[str]:
        return {name for name, table in self.extensions.items() if table.get(key) is value}

    def _told(self) -> Said:
        return self._origins.told(_values(self), _values(Config()))

    def _of_extension(self, name: str, key: str) -> Entry:
        """What counts of one key of an extension."""
        value = self.extensions.get(name, {}).get(key, msgspec.UNSET)
        return counting(self._origins.entries(("extensions", name, key), value))


SETTINGS = [f.name for f in dataclasses.fields(Config) if f.name not in ("warnings", "_origins")]


def load(
    flags: Mapping[str, Any] | None = None,
    file: Path | None = None,
    *,
    administrator: Sequence[Path] | None = None,
) -> Config:
    """Merge all layers.

    `flags` are values by setting name, None meaning not given. `file` is a layer above the
    user's folders. `administrator` names the folders, lowest first, that count instead of
    the system's and the environment's. Raises ConfigError, naming file and line, for what
    cannot be read, an unknown name, and a value that cannot be used.
    """
    folders = sources.folders(administrator)
    jupyter = read_jupyter_files(folders.jupyter, folders.administrator)
    environment, unknown = sources.read_environment(os.environ, _variables())
    layers = [
        implied(typed(layer, _kinds()))
        for layer in (
            *jupyter.layers(),
            *sources.read_folders(folders.administrator, administrator=True),
            *sources.read_folders(folders.user),
            *([sources.read_file(file)] if file else []),
            *environment,
            sources.read_flags(flags or {}),
        )
    ]
    said, ignored = merge(layers)
    settle(said)
    values = nested(said)
    warnings = [*unknown, *jupyter.warnings, *ignored]
    trusting = jupyter.trusting()
    if trusting and not values.get("trusted_proxies"):
        warnings.append(
            f"{trusting.source} has no meaning here. Name whose headers count, such as "
            '`trusted_proxies = ["127.0.0.1"]`, in plughost.toml.'
        )
    config = Config(**values, warnings=tuple(warnings), _origins=Origins(layers, said, jupyter))
    check(config)
    return config


def _values(config: Config) -> dict[Key, Any]:
    settings = {name: getattr(config, name) for name in SETTINGS}
    return {key: value for key, value, _ in flat(settings)}


@functools.cache
def _kinds() -> dict[str, Any]:
    kinds = typing.get_type_hints(Config, include_extras=True)
    return {name: kinds[name] for name in SETTINGS}


def _variables() -> dict[str, bool]:
    """The settings that have an environment variable, and whether it holds a list."""
    return {name: kind == list[str] for name, kind in _kinds().items() if name not in GROUPS}
