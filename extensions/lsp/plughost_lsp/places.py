"""Where documents lie, as language servers are told."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from pathlib import Path


class ShadowFolder:
    """A folder for documents that are in no file (`shadow.py`): one for each host.

    It is below the system's folder for temporary files, closed to other users, and gone with
    the host. Each visit of a page gets a part of its own, so that none meet.
    """

    def __init__(self) -> None:
        temporary = Path(tempfile.gettempdir()).resolve()
        self.path = temporary / f"plughost-lsp-{secrets.token_hex(8)}"

    def visit_uri(self) -> str:
        """Where one visit's documents lie; nothing is there until one is written."""
        return (self.path / secrets.token_hex(4)).as_uri()

    def make(self) -> None:
        """Make it, for this user alone. Raises OSError; blocks, as all that follows."""
        try:
            self.path.mkdir(mode=0o700)
        except FileExistsError:  # for another client, perhaps at this moment
            if not self.path.is_dir():
                raise

    def remove(self) -> None:
        """Remove it and all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)


def page_values(root: Path, shadows: ShadowFolder) -> dict[str, str]:
    """The page-configuration keys of JupyterLab that concern language servers: file URIs."""
    return {"rootUri": root.resolve().as_uri(), "virtualDocumentsUri": shadows.visit_uri()}
