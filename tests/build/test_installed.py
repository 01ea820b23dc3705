"""`plughost build --installed`: wheels that carry sources and no bundle, installed by real pip.

They are built by the real command and served by a real server.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import venv
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from .conftest import MakeSource

TSCONFIG = {"compilerOptions": {"strict": True, "noEmit": True, "types": []}, "include": ["src"]}


class Environment:
    """A Python environment with a site-packages of its own, beside everything we have."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=False, symlinks=True)
        self.python = folder / "bin" / "python"
        (self.site,) = folder.glob("lib/python*/site-packages")
        self.variables = {"PYTHONPATH": str(self.site), "PYTHONDONTWRITEBYTECODE": "1"}

    def pip(self, *arguments: object) -> None:
        command = [sys.executable, "-m", "pip", "--python", self.python, *map(str, arguments)]
        run = subprocess.run(command, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr

    def install(self, wheel: Path) -> None:
        self.pip("install", "--no-index", "--no-deps", "--force-reinstall", wheel)

    def build(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "plughost", "build", "--installed", *arguments],
            env={**os.environ, **self.variables, "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=300,
        )

    def events(self, *arguments: str) -> list[dict[str, Any]]:
        """What it tells of the extensions that are no part of plughost."""
        told = map(json.loads, self.build("--json", *arguments).stdout.splitlines())
        return [event for event in told if event.get("distribution") != "plughost"]


@pytest.fixture
def environment(tmp_path: Path, jupyter_folders: Path) -> Environment:
    return Environment(tmp_path / "env")


@pytest.fixture
def built(jupyter_folders: Path) -> Path:
    """Where the user's own bundles are."""
    return jupyter_folders / "jupyter-data" / "plughost" / "frontends"


def make_wheel(
    folder: Path,
    name: str = "weather",
    version: str = "1.0",
    *,
    files: Mapping[str, str] | None = None,
    package_json: Mapping[str, Any] | None = None,
    plughost: Mapping[str, Any] | None = None,
) -> Path:
    """A wheel of an extension whose package has its sources in `ui/`, and no bundle."""
    package = f"plughost_{name}"
    about = {"name": f"plughost-{name}", "version": "1.0.0", **(package_json or {})}
    about["plughost"] = {"package": "..", **(plughost or {})}
    info = f"{package}-{version}.dist-info"
    content = {
        f"{package}/__init__.py": '"""Nothing."""\n',
        f"{package}/ui/package.json": json.dumps(about),
        f"{package}/ui/tsconfig.json": json.dumps(TSCONFIG),
        f"{package}/ui/src/index.ts": f"export default [{{ id: '{name} {version}' }}];\n",
        **{f"{package}/ui/{path}": text for path, text in (files or {}).items()},
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[plughost]\n{name} = {package}\n",
    }
    record = "".join(f"{path},{_hash(text)},{len(text)}\n" for path, text in content.items())
    folder.mkdir(exist_ok=True)
    wheel = folder / f"{package}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in {**content, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(path, text)
    return wheel


def _hash(text: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
    return f"sha256={digest.decode().rstrip('=')}"


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


async def served_by(server: Any) -> dict[str, str]:
    """What the page loads besides first-party modules: the text of each, by extension."""
    page = (await server.client.get("/lab")).text
    boot = re.search(r'id="plughost-boot"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert boot is not None
    return {
        each["extension"]: (await server.client.get(each["module"])).text
        for each in json.loads(boot[1])["frontends"]
        if not each["package"].startswith("@plughost/")
    }


async def test_an_extension_that_came_uncompiled_is_built_and_served(
    environment: Environment, tmp_path: Path, built: Path, served: Any
) -> None:
    environment.install(make_wheel(tmp_path / "wheels"))
    server = served(env=environment.variables)
    assert await served_by(server) == {}
    record = (await server.client.get("/plughost/api/extensions/weather")).json
    assert record["notes"] == [
        "Its browser half is not compiled. `plughost build --installed` does that."
    ]

    before = contents(environment.site)
    run = environment.build()
    assert run.returncode == 0, run.stderr
    assert "plughost-weather: building" in run.stderr
    assert "after its next start" in run.stderr
    assert contents(environment.site) == before, "what pip installed is pip's"
    (folder,) = built.iterdir()
    assert re.fullmatch(r"plughost-weather-1\.0-[0-9a-f]{16}", folder.name)

    modules = await served_by(served(env=environment.variables))
    assert {name: "weather 1.0" in text for name, text in modules.items()} == {"weather": True}
    assert [event["event"] for event in environment.events()] == ["fresh"]


async def test_a_server_that_runs_serves_it_once_the_extension_was_switched_off_and_on(
    environment: Environment, tmp_path: Path, served: Any
) -> None:
    environment.install(make_wheel(tmp_path / "wheels"))
    server = served(env=environment.variables)
    environment.build()
    assert await served_by(server) == {}
    for enabled in (False, True):
        reply = await server.client.patch("/plughost/api/extensions/weather", {"enabled": enabled})
        assert reply.status == 200
    assert set(await served_by(server)) == {"weather"}


def test_sources_that_were_packed_elsewhere_than_they_were_written_are_found(
    environment: Environment, tmp_path: Path
) -> None:
    """Their package.json names the Python package from where it lay in the repository."""
    environment.install(make_wheel(tmp_path / "wheels", plughost={"package": "plughost_weather"}))
    run = environment.build()
    assert run.returncode == 0, run.stderr


async def test_what_was_built_for_another_version_is_not_used_and_goes(
    environment: Environment, tmp_path: Path, built: Path, served: Any
) -> None:
    environment.install(make_wheel(tmp_path / "wheels"))
    environment.build()
    (old,) = built.iterdir()

    # The same version with other contents, as whoever develops it makes them.
    environment.install(make_wheel(tmp_path / "wheels", files={"src/more.ts": "export {};\n"}))
    assert await served_by(served(env=environment.variables)) == {}
    environment.install(make_wheel(tmp_path / "wheels", version="2.0"))
    assert await served_by(served(env=environment.variables)) == {}

    events = environment.events()
    assert [e["folder"] for e in events if e["event"] == "removed"] == [str(old)]
    modules = await served_by(served(env=environment.variables))
    assert "weather 2.0" in modules["weather"]
    assert not old.exists()


async def test_uninstalling_leaves_nothing_that_is_used_and_the_next_build_removes_it(
    environment: Environment, tmp_path: Path, built: Path, served: Any
) -> None:
    environment.install(make_wheel(tmp_path / "wheels"))
    environment.build()
    environment.pip("uninstall", "--yes", "plughost_weather")
    assert await served_by(served(env=environment.variables)) == {}
    run = environment.build()
    assert (run.returncode, [*built.iterdir()]) == (0, [])
    assert "removed, what it was built for is no longer installed" in run.stderr


async def test_site_packages_that_nobody_may_write_to_are_no_obstacle(
    environment: Environment, tmp_path: Path, served: Any
) -> None:
    environment.install(make_wheel(tmp_path / "wheels"))
    locked = [environment.site, *environment.site.rglob("*")]
    for path in locked:
        path.chmod(path.stat().st_mode & ~0o222)
    try:
        run = environment.build()
        assert run.returncode == 0, run.stderr
        assert "weather" in await served_by(served(env=environment.variables))
    finally:
        for path in locked:
            path.chmod(path.stat().st_mode | 0o200)


async def test_one_that_cannot_be_built_is_named_and_stops_no_other(
    environment: Environment, tmp_path: Path, built: Path, served: Any
) -> None:
    wheels = tmp_path / "wheels"
    environment.install(make_wheel(wheels, "alpha", files={"src/index.ts": "const a: = 1;\n"}))
    environment.install(make_wheel(wheels, "beta", files={"package.json": '{"plughost": {}}'}))
    environment.install(make_wheel(wheels, "weather"))
    run = environment.build()
    assert run.returncode == 1
    assert "plughost-alpha: 'plughost-alpha' was not built: " in run.stderr
    assert re.search(r"^beta: .*package\.json' has no 'name'", run.stderr, re.MULTILINE)
    assert set(await served_by(served(env=environment.variables))) == {"weather"}
    # What failed is tried again, what succeeded is not.
    states = {e["extension"]: e["event"] for e in environment.events("--dry-run")}
    assert states == {"alpha": "stale", "beta": "failed", "weather": "fresh"}


async def test_two_environments_of_one_user_do_not_mix(
    environment: Environment, tmp_path: Path, built: Path, served: Any
) -> None:
    other = Environment(tmp_path / "other")
    wheel = make_wheel(tmp_path / "wheels")
    for each in (environment, other):
        each.install(wheel)
    environment.build()
    (first,) = built.iterdir()
    # Other shared modules may be there, and a bundle is made for those that are.
    assert await served_by(served(env=other.variables)) == {}
    other.build()
    assert len([*built.iterdir()]) == 2

    environment.pip("uninstall", "--yes", "plughost_weather")
    other.build()
    assert not first.exists()
    assert set(await served_by(served(env=other.variables))) == {"weather"}


async def test_of_two_uncompiled_ones_the_provider_is_built_first(
    environment: Environment, tmp_path: Path, built: Path, served: Any
) -> None:
    user = make_wheel(
        tmp_path / "wheels",
        "atlas",
        package_json={
            "peerDependencies": {"plughost-maps": "^1.0.0"},
            "peerDependenciesMeta": {"plughost-maps": {"optional": True}},
        },
        files={
            "src/index.ts": "import { map } from 'plughost-maps';\nexport default [map];\n",
            "src/maps.d.ts": "declare module 'plughost-maps' { export const map: object; }\n",
        },
    )
    provider = make_wheel(
        tmp_path / "wheels",
        "maps",
        plughost={"provides": ["plughost-maps"]},
        files={"src/index.ts": "export const map = { id: 'map' };\nexport default [map];\n"},
    )
    environment.install(user)
    environment.install(provider)
    events = environment.events()
    assert [e["name"] for e in events if e["event"] == "frontend"] == [
        "plughost-maps",
        "plughost-atlas",
    ]
    (manifest,) = (
        e["manifest"] for e in events if e["event"] == "done" and e["extension"] == "atlas"
    )
    assert manifest["requires"] == {"plughost-maps": "^1.0.0"}
    assert set(await served_by(served(env=environment.variables))) == {"atlas", "maps"}


def test_a_working_folder_is_built_in_place(
    environment: Environment, tmp_path: Path, built: Path
) -> None:
    """As `pip install -e` leaves it: the package is somewhere else than its metadata."""
    with zipfile.ZipFile(make_wheel(tmp_path / "wheels")) as archive:
        for name in archive.namelist():
            place = environment.site if ".dist-info/" in name else tmp_path / "work"
            archive.extract(name, place)
    (environment.site / "weather.pth").write_text(f"{tmp_path / 'work'}\n")
    path = os.pathsep.join([str(environment.site), str(tmp_path / "work")])
    environment.variables["PYTHONPATH"] = path
    run = environment.build()
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "work/plughost_weather/frontend/plughost.json").is_file()
    assert not built.exists()


def test_in_a_repository_each_is_told_of_by_the_name_of_its_own_extension(
    environment: Environment, tmp_path: Path, make_source: MakeSource
) -> None:
    work = tmp_path / "work"
    uses = {"dependencies": {"plughost-maps": "^0.1.0"}}
    make_source("maps", folder=work / "maps", plughost={"provides": ["plughost-maps"]})
    make_source("atlas", folder=work / "atlas", package_json=uses)
    (work / "package.json").write_text('{"workspaces": ["maps", "atlas"]}')
    places = []
    for name in ("maps", "atlas"):
        metadata = tmp_path / f"site-{name}" / f"{name}-1.0.dist-info"
        metadata.mkdir(parents=True)
        metadata.joinpath("METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        )
        metadata.joinpath("entry_points.txt").write_text(
            f"[plughost]\n{name} = plughost_{name}\nbad-{name} = not a module!\n"
        )
        # The provider's is found before that of its user, which brings it along.
        places += [metadata.parent, work / name]
    environment.variables["PYTHONPATH"] = os.pathsep.join(map(str, places))
    told = [(e["name"], e["extension"]) for e in environment.events("--dry-run")]
    assert told == [("plughost-maps", "maps"), ("plughost-atlas", "atlas")]


def test_sources_that_lie_where_the_bundle_belongs_are_told_of(
    environment: Environment, tmp_path: Path
) -> None:
    with zipfile.ZipFile(make_wheel(tmp_path / "wheels")) as archive:
        archive.extractall(environment.site)
    package = environment.site / "plughost_weather"
    (package / "ui").rename(package / "frontend")
    (failed,) = environment.events()
    assert failed["event"] == "failed"
    assert "where the bundle belongs" in failed["text"]
    assert (package / "frontend/src/index.ts").is_file()


def test_a_dry_run_says_why_and_writes_nothing(
    environment: Environment, tmp_path: Path, built: Path
) -> None:
    environment.install(make_wheel(tmp_path / "wheels"))
    run = environment.build("--dry-run")
    assert run.returncode == 1
    assert "plughost-weather: stale, it has never been built\n" in run.stdout
    assert not built.exists()
    environment.build()
    before = contents(built)
    (folder,) = built.iterdir()
    assert environment.events("--dry-run") == [
        {
            "event": "fresh",
            "name": "plughost-weather",
            "output": str(folder / "frontend"),
            "extension": "weather",
            "distribution": "plughost_weather",
            "folder": str(environment.site / "plughost_weather" / "ui"),
            "inPlace": False,
        }
    ]
    assert contents(built) == before


@pytest.mark.parametrize("arguments", [["."], ["--watch"], ["--bundle"], ["--jupyterlab"]])
def test_what_does_not_go_together_is_refused(
    environment: Environment, arguments: list[str]
) -> None:
    run = environment.build(*arguments)
    assert run.returncode == 2
    assert "--installed does not go together with" in run.stderr


async def test_a_list_of_files_that_cannot_be_read_stops_nobody(
    environment: Environment, tmp_path: Path, served: Any
) -> None:
    for name in ("alpha", "weather"):
        environment.install(make_wheel(tmp_path / "wheels", name))
    environment.build()
    (record,) = environment.site.glob("plughost_alpha*.dist-info/RECORD")
    record.write_bytes(b"\xff\xfe\x00")
    assert set(await served_by(served(env=environment.variables))) == {"weather"}
    environment.build()
    assert set(await served_by(served(env=environment.variables))) == {"alpha", "weather"}
