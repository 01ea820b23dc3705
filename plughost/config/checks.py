"""Settings that have the right type and still cannot be used, or not together."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from plughost.errors import ConfigError

if TYPE_CHECKING:
    from plughost.config import Config

ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#]+/?", re.IGNORECASE)
"""As browsers send it (RFC 6454, section 7); a slash at the end is forgiven."""


def check(config: Config) -> None:
    """Raise ConfigError for settings that cannot be used, or not together."""

    def wrong(name: str, message: str, hint: str) -> ConfigError:
        return ConfigError(f"{message} (set by: {config.sources.get(name, 'default')}).", hint=hint)

    if not config.root.is_dir():
        raise wrong(
            "root",
            f"The root folder {str(config.root)!r} does not exist",
            "Create it or name another.",
        )
    for name in ("certfile", "keyfile"):
        file = getattr(config, name)
        if file is not None and not file.is_file():
            raise wrong(name, f"The {name} {str(file)!r} does not exist", "Correct the path.")
    if config.keyfile and not config.certfile:
        raise wrong("keyfile", "There is a keyfile without a certfile", "Set certfile as well.")
    for origin in config.allow_origin:
        if origin != "*" and not ORIGIN.fullmatch(origin):
            raise wrong(
                "allow_origin",
                f"{origin!r} in allow_origin is not the origin of any page",
                "Write scheme, host and port, as https://example.org or http://localhost:3000, "
                "or * for every origin.",
            )
    for proxy in config.trusted_proxies:
        if proxy != "unix" and not _is_network(proxy):
            raise wrong(
                "trusted_proxies",
                f"The trusted proxy {proxy!r} is neither an address nor a network",
                "Write 10.0.0.1, 10.0.0.0/8, or `unix` for what comes through the unix socket.",
            )
    if config.no_auth and not config.unix_socket and not is_loopback(config.ip):
        raise wrong(
            "no_auth",
            f"Anybody may enter, and the server would listen on {config.ip!r}",
            "Set a token, or listen on a loopback address (127.0.0.1) or a unix_socket.",
        )
    if config.no_auth and "*" in config.allow_origin:
        raise wrong(
            "no_auth",
            "Anybody may enter, and the pages of every origin may call this server",
            "Set a token, or name the origins in allow_origin.",
        )


def _is_network(text: str) -> bool:
    import ipaddress

    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


@functools.lru_cache(maxsize=64)
def is_loopback(name: str) -> bool:
    """Whether a host name or address can only be this machine."""
    import ipaddress

    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
