"""Which kernels can be started: this machine's kernelspecs, and those of providers.

This machine's are in Jupyter's data folders, or are what a KernelSpecManager of another
package makes of it, and have plain names. Those of a provider are called `provider:spec`.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from plughost import HostError
from plughost_kernels import managers
from plughost_kernels.errors import (
    BadProvider,
    KernelspecNotFound,
    ProviderExists,
    ProviderFailed,
    ProviderNotFound,
)
from plughost_kernels.folders import Folders, jupyter_folders
from plughost_kernels.kernel_json import Found
from plughost_kernels.providers import KernelProvider, Late, Partial, Problem, Provided
from plughost_kernels.settings import KernelSettings

if TYPE_CHECKING:
    from jupyter_client.kernelspec import KernelSpec

    from plughost import Config

LOCAL = "local"
"""What this machine's kernelspecs go by among the problems."""

_NAME = re.compile(r"[a-z0-9._-]+")

log = logging.getLogger("plughost.kernels")


class Kernelspec(msgspec.Struct, frozen=True):
    """One kernelspec as `GET /api/kernelspecs/<name>` shows it.

    `spec` is its kernel.json; `resources` has URLs of its logos and scripts.
    """

    name: str
    spec: dict[str, Any]
    resources: dict[str, str]


class Offer(msgspec.Struct, frozen=True, omit_defaults=True):
    """All kernelspecs as `GET /api/kernelspecs` shows them; `problems` by provider."""

    default: str
    kernelspecs: dict[str, Kernelspec]
    problems: dict[str, Problem] = {}


class Kernelspecs:
    """The kernelspecs by name, whoever has them.

    `ask` returns the providers that extensions have now: they come and go with them.
    """

    def __init__(
        self,
        config: Config,
        settings: KernelSettings,
        ask: Callable[[], Mapping[str, Iterable[Any]]] = dict,
    ) -> None:
        self._base_url = config.base_url
        self._settings = settings
        self._ask = ask
        folders = Folders(jupyter_folders(), native=settings.ensure_native_kernel)
        self._folders = Provided(KernelProvider(LOCAL, lambda: folders), patience=None, keep=0)
        self._foreign: Provided | None = None
        if settings.kernel_spec_manager:
            self._foreign = Provided(
                KernelProvider(LOCAL, lambda: managers.configured(config, settings)),
                patience=settings.provider_patience,
                keep=settings.provider_keep,
                title=f"The KernelSpecManager {str(settings.kernel_spec_manager)!r}",
                remedy="Install its package, or correct `kernel_spec_manager`.",
            )
        self._configured = [
            KernelProvider(name, partial(managers.named, what))
            for name, what in settings.providers.items()
        ]
        self._added: dict[str, KernelProvider] = {}
        self._known: dict[str, Provided] = {}
        self._refused: dict[str, Problem] = {}
        self._homes: dict[str, tuple[Provided, str]] = {}

    async def start(self) -> None:
        """Load another package's manager: the host then knows which settings it has."""
        if self._foreign is not None:
            await self._foreign.look()

    async def look(self) -> Offer:
        """Ask everybody, side by side; what nobody answers in time is as it was last known."""
        self._meet()
        asked = [*self._known.values(), self._foreign or self._folders]
        await asyncio.gather(*(provided.look() for provided in asked))
        local = asked[-1]
        if local is self._foreign and not local.answered:
            local = self._folders
            await local.look()
        allowed = self._settings.allowed_kernelspecs
        homes = {name: (local, name) for name in local.found if not allowed or name in allowed}
        homes |= {
            f"{provider}:{name}": (provided, name)
            for provider, provided in self._known.items()
            for name in provided.found
        }
        self._homes = homes
        specs = {
            name: self._present(name, provided.found[local_name])
            for name, (provided, local_name) in homes.items()
        }
        problems = {
            provided.provider.name: provided.problem for provided in asked if provided.problem
        }
        return Offer(self._default(specs), specs, {**self._refused, **problems})

    async def all(self) -> dict[str, Kernelspec]:
        """Every usable kernelspec; a broken one is named in the log."""
        return (await self.look()).kernelspecs

    async def get(self, name: str | None = None) -> Kernelspec:
        """One kernelspec, or the one to use when nobody names any; case does not matter.

        Raises KernelspecNotFound, and ProviderFailed where nobody can know whether it is there.
        """
        offer = await self.look()
        return offer.kernelspecs[self._find(name or offer.default, offer.kernelspecs)]

    async def kernel_spec(self, name: str) -> KernelSpec:
        """What jupyter_client needs to start a kernel of a kernelspec.

        Raises KernelspecNotFound and ProviderFailed.
        """
        name = (await self.get(name)).name
        provided, local_name = self._homes[name]
        answer = await provided.kernel_spec(local_name)
        if isinstance(answer, Problem) and provided is self._foreign:
            await self._folders.look()
            if local_name in self._folders.found:
                answer = await self._folders.kernel_spec(local_name)
        if answer is None:
            raise KernelspecNotFound(name, self._homes)
        if isinstance(answer, Problem):
            raise _failed(name, answer)
        return answer

    async def file(self, name: str, file: str) -> Path | None:
        """A resource file of a kernelspec, such as a logo; None when there is none."""
        spec = await self.get(name)
        provided, local_name = self._homes[spec.name]
        return await asyncio.to_thread(_inside, provided.found[local_name].folder, file)

    def add(self, provider: KernelProvider) -> None:
        """Offer the kernels of a provider from now on. Raises BadProvider, ProviderExists."""
        self._meet()
        if not _is_name(provider.name):
            raise BadProvider(provider.name)
        if provider.name in self._known:
            raise ProviderExists(provider.name)
        self._added[provider.name] = provider

    def remove(self, name: str) -> None:
        """Offer no more kernels of a provider that was added; those that run go on.

        Raises ProviderNotFound.
        """
        if name not in self._added:
            raise ProviderNotFound(name, self._added)
        del self._added[name]

    # -- odds and ends

    def _meet(self) -> None:
        """Learn who the providers are now; what is known of one that stays is kept."""
        known: dict[str, Provided] = {}
        refused: dict[str, Problem] = {}
        theirs = [provider for answers in self._ask().values() for provider in answers]
        for provider in (*self._configured, *self._added.values(), *theirs):
            # Whatever its type: the class that an extension has imported from us is another
            # one once we have been replaced.
            name = getattr(provider, "name", provider)
            error: HostError | None = None
            if not _is_name(name) or not callable(getattr(provider, "manager", None)):
                error = BadProvider(name)
            elif name in known:
                error = ProviderExists(name)
            if error is not None:
                refused[str(name)] = Problem(error.message, error.hint or "")
                continue
            before = self._known.get(name)
            if before is None or before.provider != provider:
                before = Provided(
                    provider,
                    patience=self._settings.provider_patience,
                    keep=self._settings.provider_keep,
                )
            known[name] = before
        for name, problem in refused.items():
            if problem != self._refused.get(name):
                log.warning("%s %s", problem.message, problem.hint)
        self._known, self._refused = known, refused

    def _find(self, name: str, specs: Mapping[str, Kernelspec]) -> str:
        """A name as it is written. Raises KernelspecNotFound, ProviderFailed."""
        if name in specs:
            return name
        for each in specs:
            if each.lower() == name.lower():
                return each
        provider, _, local_name = name.partition(":")
        provided = self._known.get(provider.lower())
        if provided is None:
            problem = self._foreign.problem if self._foreign else None
            raise KernelspecNotFound(name, specs, problem.message if problem else "")
        problem = provided.problem
        if isinstance(problem, Partial) and local_name not in provided.broken:
            problem = None
        if problem is not None:
            raise _failed(name, problem)
        raise KernelspecNotFound(name, specs)

    def _default(self, specs: Mapping[str, Kernelspec]) -> str:
        wanted = self._settings.default_kernel
        if wanted in specs:
            return wanted
        # This machine's first: they are there most of the time.
        return min(specs, key=lambda name: (self._homes[name][1] != name, name), default=wanted)

    def _present(self, name: str, found: Found) -> Kernelspec:
        folder = f"{self._base_url}kernelspecs/{quote(name)}"
        urls = {label: f"{folder}/{quote(file)}" for label, file in found.files.items()}
        return Kernelspec(name, found.spec, urls)


def _is_name(name: object) -> bool:
    return isinstance(name, str) and _NAME.fullmatch(name) is not None and name != LOCAL


def _failed(name: str, problem: Problem) -> ProviderFailed:
    return ProviderFailed(name, problem.message, problem.hint, late=isinstance(problem, Late))


def _inside(folder: Path | None, file: str) -> Path | None:
    """A file in a folder, unless links or dots lead out of it."""
    if folder is None:
        return None
    try:
        folder = folder.resolve()
        path = (folder / file).resolve()
        return path if path.is_relative_to(folder) and path.is_file() else None
    except (OSError, ValueError):  # such as a name with a zero byte, or too long a one
        return None
