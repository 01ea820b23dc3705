"""Which kernels could be started, and what is broken about the others.

Looked for where jupyter_client looks, which passes over broken ones with a line in the log.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
from jupyter_core.paths import jupyter_path

from plughost_observe.doctor.environments import has_module
from plughost_observe.doctor.findings import Finding, error, warning

NATIVE = "python3"
"""What jupyter_client offers for this Python even where there is no kernelspec."""

PROVISIONERS = "jupyter_client.kernel_provisioners"


class Kernel(msgspec.Struct, frozen=True):
    """One kernelspec. `problem` says why it cannot be started, `hint` what to do."""

    name: str
    folder: str
    display_name: str = ""
    language: str = ""
    executable: str = ""
    problem: str = ""
    hint: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "displayName": self.display_name,
            "language": self.language,
            "folder": self.folder,
            "executable": self.executable,
            "usable": not self.problem,
            "problem": self.problem,
        }


class _Spec(msgspec.Struct, frozen=True):
    argv: list[str] = []
    display_name: str = ""
    language: str = ""
    metadata: dict[str, Any] = {}
    env: dict[str, str] = {}


def look() -> tuple[list[Kernel], list[Finding]]:
    """All kernels that count, and what is wrong with them."""
    paths: dict[str, list[Path]] = {}
    for place in _places():
        for file in sorted(place.glob("*/kernel.json")):
            paths.setdefault(file.parent.name.lower(), []).append(file)
    with ThreadPoolExecutor(max_workers=4) as pool:
        kernels = list(pool.map(_read, paths, (files[0] for files in paths.values())))
    if NATIVE not in paths and (package := find_spec("ipykernel")):
        folder = os.path.dirname(package.origin or "")
        kernels.append(Kernel(NATIVE, folder, "Python 3", "python", sys.executable))
    return sorted(kernels, key=lambda kernel: kernel.name), [*_findings(kernels)]


def _findings(kernels: list[Kernel]) -> Iterator[Finding]:
    for kernel in kernels:
        if kernel.problem:
            yield error(
                "kernelspec-broken",
                kernel.name,
                f"The kernel {kernel.name!r} cannot be started: {kernel.problem} "
                f"It is in {kernel.folder!r}.",
                kernel.hint,
            )
    if not [kernel for kernel in kernels if not kernel.problem]:
        yield warning(
            "no-kernel",
            "kernels",
            "There is no kernel that can be started.",
            f"Install one: `{sys.executable} -m pip install ipykernel`.",
        )


def _places() -> list[Path]:
    ipython = os.environ.get("IPYTHONDIR") or os.path.expanduser("~/.ipython")
    return [*map(Path, jupyter_path("kernels")), Path(ipython, "kernels")]


def _read(name: str, file: Path) -> Kernel:
    folder = str(file.parent)
    remove = f"Correct {str(file)!r}, or remove it: `jupyter kernelspec remove {name}`."
    if not re.fullmatch(r"[a-z0-9._\-]+", name):
        return Kernel(
            name,
            folder,
            problem=f"{name!r} is no name for a kernel.",
            hint="Rename its folder: letters, digits, '.', '-' and '_' are allowed.",
        )
    try:
        spec = msgspec.json.decode(file.read_bytes(), type=_Spec)
    except OSError as failure:
        reason = f"its kernel.json cannot be read ({failure.strerror})."
        return Kernel(name, folder, problem=reason, hint=remove)
    except (msgspec.DecodeError, UnicodeDecodeError) as failure:
        return Kernel(name, folder, problem=f"its kernel.json is broken ({failure}).", hint=remove)
    program, problem, hint = _judge(name, folder, spec)
    return Kernel(name, folder, spec.display_name, spec.language, program, problem, hint or remove)


def _judge(name: str, folder: str, spec: _Spec) -> tuple[str, str, str]:
    """The program it runs, what is wrong, and what to do if that is more than to correct it."""
    provisioner = spec.metadata.get("kernel_provisioner", {})
    wanted = provisioner.get("provisioner_name", "") if isinstance(provisioner, dict) else ""
    known = {entry.name for entry in entry_points(group=PROVISIONERS)}
    if wanted and wanted not in known:
        return (
            "",
            f"its provisioner {wanted!r} is not installed.",
            f"Install the package that brings it with `{sys.executable} -m pip install …`; "
            f"installed are {', '.join(sorted(known)) or 'none'}.",
        )
    if wanted and wanted != "local-provisioner":
        return spec.argv[0] if spec.argv else "", "", ""  # it knows what to do with its argv
    if not spec.argv:
        return "", "its kernel.json has no argv, so there is nothing to run.", ""
    program = _program(spec, folder)
    if program is None:
        return (
            spec.argv[0],
            f"there is no program {spec.argv[0]!r}.",
            f"Install it again where it is gone, or remove the kernel: "
            f"`jupyter kernelspec remove {name}`.",
        )
    if not any("{connection_file}" in word for word in spec.argv):
        return program, "its argv has no '{connection_file}', so nobody could talk to it.", ""
    # A Python without ipykernel is what a kernel that dies at its start is most often.
    if len(spec.argv) > 2 and spec.argv[1] == "-m" and "python" in os.path.basename(program):
        module = spec.argv[2]
        if has_module(program, module) is False:
            return (
                program,
                f"{program!r} has no module {module!r}.",
                f"`{program} -m pip install {module.partition('_launcher')[0]}`, or remove the "
                f"kernel: `jupyter kernelspec remove {name}`.",
            )
    return program, "", ""


def _program(spec: _Spec, folder: str) -> str | None:
    """The program as jupyter_client would find it."""
    word = spec.argv[0].replace("{resource_dir}", folder)
    if word in (
        "python",
        f"python{sys.version_info.major}",
        f"python{sys.version_info.major}.{sys.version_info.minor}",
    ):
        return sys.executable
    return shutil.which(word, path=spec.env.get("PATH"))
