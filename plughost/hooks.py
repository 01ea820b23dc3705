"""Pluggy's registry, asked one extension at a time, and the hooks that extensions declare.

Not `manager.hook.plughost_routes()`: pluggy stops at the first exception, and one broken
extension must not hide what the others contribute.
"""

from __future__ import annotations

import contextvars
import inspect
from collections.abc import Iterable
from typing import Any

import pluggy

from plughost import hookspecs
from plughost.errors import DuplicateError, ExtensionError, did_you_mean
from plughost.records import ExtensionRecord

HOST_HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("plughost_"))
"""The host's own hooks, in the order in which they are asked."""

asking: contextvars.ContextVar[ExtensionRecord | None] = contextvars.ContextVar(
    "asking", default=None
)
"""Whose hook is running now: what it looks up, the host notes as required."""


class Hooks:
    """Who implements what. Extensions are told apart by their plugin objects."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager("plughost")
        self._manager.add_hookspecs(hookspecs)
        self._declared: dict[str, tuple[str, frozenset[str]]] = {}

    def register(self, name: str, plugin: Any) -> None:
        """Add a plugin object.

        Raises ExtensionError for a misspelt hook, and for one with arguments that it does not
        have.
        """
        implemented = self._implemented(plugin)
        for hook in implemented:
            if hook.startswith("plughost_") and hook not in HOST_HOOKS:
                raise ExtensionError(
                    f"There is no hook named {hook!r}.",
                    hint=f"{did_you_mean(hook, HOST_HOOKS)}Hooks: {', '.join(HOST_HOOKS)}.",
                )
            if hook in HOST_HOOKS:
                self._check_arguments(hook, plugin, implemented[hook][0])
        # Not the object itself: pluggy compares it with others, and `==` is a stranger's code.
        stand_in = type(name, (), {})()
        for attribute in implemented.values():
            setattr(stand_in, attribute[0], getattr(plugin, attribute[0]))
        self._manager.register(stand_in, name=name)

    def unregister(self, name: str) -> None:
        """Forget a plugin object and the hooks it declared; fine when it is not there."""
        if self._manager.has_plugin(name):
            self._manager.unregister(name=name)
        self._declared = {h: spec for h, spec in self._declared.items() if spec[0] != name}

    def declare(self, owner: str, namespace: Any) -> None:
        """Add the hooks that an extension has for others.

        Raises ExtensionError for a name that does not begin with the owner's,
        DuplicateError for one that is declared already.
        """
        for name in dir(namespace):
            if self._manager.parse_hookspec_opts(namespace, name) is None:
                continue
            if not name.startswith(f"{owner}_"):
                raise ExtensionError(
                    f"The hook {name!r} of {owner!r} does not begin with its name.",
                    hint=f"Call it {f'{owner}_{name}'!r}.",
                )
            if name in self._declared:
                raise DuplicateError("hook", name, self._declared[name][0])
            arguments = frozenset(inspect.signature(getattr(namespace, name)).parameters)
            self._declared[name] = (owner, arguments - {"self"})

    def implements(self, name: str, hook: str) -> bool:
        """Whether the extension `name` implements a hook."""
        return any(impl.plugin_name == name for impl in self._implementations(hook))

    def owners(self, hook: str) -> list[str]:
        """The extensions that implement a hook, the first to come first."""
        return [impl.plugin_name for impl in reversed(self._implementations(hook))]

    def ask(self, record: ExtensionRecord, hook: str, kind: type[Any], **arguments: Any) -> Any:
        """What one extension answers to one hook: a list of `kind`.

        Raises whatever the extension raises, and ExtensionError when the answer is not a
        list, has anything else in it, or takes arguments that the hook does not have.
        """
        answers: list[Any] = []
        token = asking.set(record)
        try:
            for impl in self._implementations(hook):
                if impl.plugin_name == record.name:
                    _check(hook, impl, arguments)
                    answer = impl.function(*(arguments[name] for name in impl.argnames))
                    answers.extend(_checked(hook, answer, kind))
        finally:
            asking.reset(token)
        return answers

    def unheard(self, name: str, plugin: Any) -> dict[str, str]:
        """Hooks that the extension implements and nobody asks, each with what to do.

        Not those marked with `hookimpl(optionalhook=True)`: their owner may be absent.
        """
        return {
            hook: f"{did_you_mean(hook, self._declared)}"
            "Perhaps the extension that has this hook is not active."
            for hook, (_, optional) in self._implemented(plugin).items()
            if not optional and not hook.startswith("plughost_") and hook not in self._declared
        }

    def unmarked(self, plugin: Any) -> list[str]:
        """The functions that are called like hooks of the host and are none."""
        implemented = {name for name, _ in self._implemented(plugin).values()}
        return [
            name
            for name in dir(plugin)
            if name in HOST_HOOKS
            and name not in implemented
            and inspect.isroutine(getattr(plugin, name))
        ]

    def arguments_of(self, hook: str) -> frozenset[str]:
        """The arguments of a hook that an extension declared. Raises ExtensionError."""
        if hook not in self._declared:
            raise ExtensionError(
                f"No extension declares the hook {hook!r}.",
                hint=f"{did_you_mean(hook, self._declared)}Declare it in plughost_hookspecs.",
            )
        return self._declared[hook][1]

    def _implemented(self, plugin: Any) -> dict[str, tuple[str, bool]]:
        """The hooks that a plugin object implements, by which name, and whether as optional."""
        found = {}
        for name in dir(plugin):
            options = self._manager.parse_hookimpl_opts(plugin, name)
            if options is not None:
                found[options["specname"] or name] = (name, options["optionalhook"])
        return found

    def _check_arguments(self, hook: str, plugin: Any, name: str) -> None:
        """Raises ExtensionError where pluggy would raise an error of its own words."""
        options = self._manager.parse_hookimpl_opts(plugin, name)
        spec = getattr(self._manager.hook, hook).spec
        if options is not None:
            impl = pluggy.HookImpl(plugin, hook, getattr(plugin, name), options)
            _check(hook, impl, spec.argnames)

    def _implementations(self, hook: str) -> list[Any]:
        caller = getattr(self._manager.hook, hook, None)
        return caller.get_hookimpls() if caller is not None else []


def _check(hook: str, impl: pluggy.HookImpl, known: Iterable[str]) -> None:
    """Raises ExtensionError for an implementation with arguments that are not known."""
    unknown = set(impl.argnames) - set(known)
    if unknown:
        raise ExtensionError(
            f"{hook} takes {', '.join(sorted(unknown))}, which the hook does not have.",
            hint=f"It has: {', '.join(sorted(known)) or 'nothing'}.",
        )


def _checked(hook: str, answer: Any, kind: type[Any]) -> list[Any]:
    if not isinstance(answer, list | tuple):
        raise ExtensionError(
            f"{hook} returned {type(answer).__name__}, not a list.",
            hint=f"Return a list from {hook}, an empty one for nothing.",
        )
    for value in answer:
        if not isinstance(value, kind):
            raise ExtensionError(
                f"{hook} returned {_named(type(value))}, not {_named(kind)}.",
                hint=f"Every value that {hook} returns is {_named(kind)}.",
            )
    return list(answer)


def _named(kind: type[Any]) -> str:
    """The name of a type with its article: `a Route`, `an int`."""
    return f"{'an' if kind.__name__[0] in 'AEIOaeio' else 'a'} {kind.__name__}"
