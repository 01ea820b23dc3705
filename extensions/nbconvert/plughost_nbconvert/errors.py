"""What can go wrong with a conversion, and what to do next.

HostError
├── NotSupported
│   └── NotInstalled       501   there is no nbconvert here
├── NotFound
│   └── UnknownFormat      404
├── BadRequest
│   └── NotANotebook       400
├── ConversionFailed       500   nbconvert, or a program that it needs, says no
├── TooSlow                500   it took longer than it may
└── ConverterDied          500   its process has ended in the middle of it
"""

from __future__ import annotations

import signal

from plughost import BadRequest, HostError, NotFound, NotSupported


class NotInstalled(NotSupported):
    def __init__(self) -> None:
        super().__init__("nbconvert is not installed.", hint="pip install plughost[nbconvert]")


class UnknownFormat(NotFound):
    pass


class NotANotebook(BadRequest):
    pass


class ConversionFailed(HostError):
    pass


class TooSlow(HostError):
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(
            f"The conversion took longer than {seconds:g} seconds and was broken off.",
            hint="Raise `timeout_seconds` under [extensions.nbconvert] in plughost.toml, or "
            "clear large outputs and try again.",
        )


class ConverterDied(HostError):
    """`code` is the exit code, as `subprocess` gives it; `said` the end of what it printed."""

    def __init__(self, code: int, said: str) -> None:
        self.code = code
        self.said = said
        if code == -signal.SIGKILL:
            how = "was killed"
            hint = "This is what the system does when memory runs out; the next conversion is "
            hint += "made by a new process."
        else:
            how = f"ended with {signal.Signals(-code).name}" if code < 0 else f"ended ({code})"
            hint = "The server's log has its last words; the next conversion is made by a new "
            hint += "process."
        super().__init__(f"The process that converts {how}.", hint=hint)
