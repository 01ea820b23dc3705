"""What people can set in `[extensions.login]`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from plughost import Config

_Change = msgspec.Meta(
    extra={
        "jupyter": (
            "PasswordIdentityProvider.allow_password_change",
            "ServerApp.allow_password_change",
            "NotebookApp.allow_password_change",
        )
    }
)


class Settings(msgspec.Struct, frozen=True):
    allow_password_change: Annotated[bool, _Change] = True
    """Whether who has the token can set another password on the page."""
    failures_per_minute: Annotated[int, msgspec.Meta(ge=1)] = 60
    """Wrong passwords, from everywhere together, after which everybody waits."""

    def fixed(self, config: Config, file: Path) -> str:
        """Why the page cannot write the password into the file; empty when it can."""
        if not self.allow_password_change:
            return "This server does not let its password be changed here."
        # What stands in another file would count again at the next start, or hide ours.
        source = config.sources.get("hashed_password", "")
        if config.hashed_password and not source.startswith(str(file)):
            return (
                f"The password is set in {source or 'the program'}, and can only be changed there."
            )
        return ""
