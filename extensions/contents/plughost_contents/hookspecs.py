"""What other extensions can add to contents."""

# A hook specification has no body on purpose.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from typing import TYPE_CHECKING

from plughost import hookspec

if TYPE_CHECKING:
    from plughost import Host
    from plughost_contents.provider import ContentsProvider


@hookspec
def contents_drives(host: Host) -> list[tuple[str, ContentsProvider]]:
    """Further places for files, each by its name mounted as a folder in the root.

    It is asked often: return what lives elsewhere, such as a service of the extension.

        @hookimpl(optionalhook=True)
        def contents_drives(host):
            return [("lake", host.service(Lake))]
    """
