"""KernelSpecManagers of other packages, found and configured as Jupyter's server does it."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from plughost_kernels.folders import Folders
from plughost_kernels.settings import KernelSettings

if TYPE_CHECKING:
    from plughost import Config


def named(what: str) -> Any:
    """The manager that a setting names: of a folder with kernelspecs, or of a class.

    What has a slash in it is a folder. Raises whatever its module and its class raise.
    """
    if os.sep in what:
        return Folders([Path(what).expanduser()], native=False, required=True)
    return load(what)()


def load(path: Any) -> Any:
    """The class at a dotted path such as `package.module.Class`, or the class itself.

    Raises ImportError, AttributeError, ValueError for what is no such path, and what the
    module raises.
    """
    if isinstance(path, type):  # jupyter_server_config.py can say it so
        return path
    module, _, name = str(path).rpartition(".")
    if not module or not name:
        raise ValueError(f"{str(path)!r} is no dotted path of a class, like package.module.Class")
    importlib.invalidate_caches()  # it may have been installed meanwhile
    return getattr(importlib.import_module(module), name)


def configured(config: Config, settings: KernelSettings) -> Any:
    """The manager that `kernel_spec_manager` names, its traits set as far as anybody says so.

    Highest first: `kernel_spec_manager_options`, Jupyter's files under the class's name or
    the name of one it inherits from, our settings of the same meaning. Raises ValueError for
    an option that it does not have, and what loading and making it raises.
    """
    kind = load(settings.kernel_spec_manager)
    if not hasattr(kind, "class_trait_names"):
        return kind(**settings.kernel_spec_manager_options)
    traits = sorted(kind.class_trait_names(config=True))
    unknown = sorted(set(settings.kernel_spec_manager_options) - set(traits))
    if unknown:
        raise ValueError(f"it has no option {unknown[0]!r}; it has {', '.join(traits)}")
    ours = {
        **({"allowed_kernelspecs": allowed} if (allowed := settings.allowed_kernelspecs) else {}),
        **({} if settings.ensure_native_kernel else {"ensure_native_kernel": False}),
    }
    values = {
        **{trait: value for trait, value in ours.items() if trait in traits},
        **_jupyter_says(config, kind, traits),
        **settings.kernel_spec_manager_options,
    }
    from traitlets.config import Config as Traits

    return kind(config=Traits({kind.__name__: values}))


def _jupyter_says(config: Config, kind: Any, traits: list[str]) -> Mapping[str, Any]:
    """What Jupyter's files say of a class's traits.

    The host tells it where settings are declared, so each trait is declared as one.
    """
    options = {f"option_{trait}": trait for trait in traits}
    parents = [parent for parent in kind.mro() if hasattr(parent, "class_trait_names")]
    declared = [
        (name, Annotated[Any, msgspec.Meta(extra={"jupyter": _names(parents, trait)})], None)
        for name, trait in options.items()
    ]
    wanted = msgspec.defstruct(
        "KernelSettingsAndOptions",
        declared,
        bases=(KernelSettings,),
        frozen=True,
        rename={name: f"kernel_spec_manager_options.{trait}" for name, trait in options.items()},
    )
    said = config.extension("kernels", wanted)
    values = {trait: getattr(said, name) for name, trait in options.items()}
    return {trait: value for trait, value in values.items() if value is not None}


def _names(parents: list[Any], trait: str) -> tuple[str, ...]:
    """What Jupyter's files call a trait, the nearest class first."""
    return tuple(
        f"{parent.__name__}.{trait}"
        for parent in parents
        if trait in parent.class_trait_names(config=True)
    )
