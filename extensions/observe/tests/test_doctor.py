"""`plughost doctor`, run as people run it, in an environment of the test's own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[3]


class Patient:
    """An installation to be looked at: a folder of distributions, and the environment around."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.packages = folder / "strangers"
        self.packages.mkdir()
        self.runtime = folder / "jupyter-runtime"
        self.config = folder / "jupyter-config"
        self.kernels = folder / "jupyter-data" / "kernels"
        # What else is on this machine is none of the test's business, except that kernelspecs
        # of the system are looked at in any case: that of R, which tests install, names `R`.
        (folder / "bin").mkdir()
        if program := shutil.which("R"):
            (folder / "bin" / "R").symlink_to(program)
        self.environment = {
            **{n: v for n, v in os.environ.items() if n not in ("VIRTUAL_ENV", "CONDA_PREFIX")},
            "PYTHONPATH": str(self.packages),
            "PATH": str(folder / "bin"),
            "JUPYTER_PATH": "",
            "IPYTHONDIR": str(folder / "ipython"),
            "PLUGHOST_NODE_DOWNLOAD": "never",
        }

    def install(self, name: str, source: str, version: str = "1.0") -> Path:
        """An extension of one module, as pip would leave it; returns its file."""
        (self.packages / f"{name}.py").write_text(source)
        self.describe(name, version)
        return self.packages / f"{name}.py"

    def install_half(self, name: str, *, bundled: Any = None, **manifest: Any) -> None:
        """An extension that has a compiled browser half, too."""
        frontend = self.packages / name / "frontend"
        frontend.mkdir(parents=True)
        (frontend.parent / "__init__.py").write_text("")
        (frontend / "plughost.json").write_text(
            json.dumps(
                {"format": 1, "name": name, "version": "1.0.0", "module": "index.js", **manifest}
            )
        )
        if bundled is not None:
            (frontend / "packages.json").write_text(json.dumps(bundled))
        self.describe(name)

    def install_source(self, name: str, *, beside: bool = False, **package_json: Any) -> Path:
        """An extension that came uncompiled, its source in its package or beside; returns that."""
        folder = self.packages if beside else self.packages / name / "ui"
        (folder / "src").mkdir(parents=True)
        (folder / "src" / "index.js").write_text("export default [];")
        about = {
            "name": name,
            "version": "1.0.0",
            "plughost": {"package": name if beside else ".."},
        }
        about["plughost"]["entry"] = "src/index.js"
        (folder / "package.json").write_text(json.dumps(about | package_json))
        (self.packages / name).mkdir(exist_ok=True)
        (self.packages / name / "__init__.py").write_text("")
        self.describe(name)
        return folder

    def build(self, *arguments: object) -> None:
        command = [sys.executable, "-m", "plughost", "build", *map(str, arguments)]
        environment = {**self.environment, "PATH": os.environ["PATH"]}
        run = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr

    def describe(self, name: str, version: str = "1.0") -> None:
        info = self.packages / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[plughost]\n{name} = {name}\n")

    def add_kernel(self, name: str, text: str) -> None:
        folder = self.kernels / name
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(text)

    def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "plughost", "doctor", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            **options,
        )

    def told(self, *arguments: str, **options: Any) -> dict[str, Any]:
        """What it says as JSON, when all it has to say on standard error is nothing."""
        run = self.run("--json", *arguments, **options)
        assert run.stderr == ""
        told: dict[str, Any] = json.loads(run.stdout)
        assert run.returncode == (0 if told["ok"] else 1)
        return told

    def findings(self, check: str, *arguments: str, **options: Any) -> list[dict[str, str]]:
        told = self.told(*arguments, **options)
        return [each for each in told["findings"] if each["check"] == check]


@pytest.fixture
def patient(jupyter_folders: Path) -> Patient:
    return Patient(jupyter_folders)


def test_where_nothing_is_wrong_it_says_so_and_ends_well(patient):
    patient.environment["PLUGHOST_EXTENSIONS__OBSERVE__STARTUP_BUDGET_MS"] = "1000000"
    run = patient.run()
    assert (run.returncode, run.stderr) == (0, "")
    assert re.search(r"^contents +active ", run.stdout, re.MULTILINE)
    assert "Nothing is wrong" in run.stdout.splitlines()[-1]
    assert "\x1b" not in run.stdout


def test_a_failing_extension_is_named_with_what_to_do(patient):
    patient.install("broken", "import nowhere_to_be_found")
    run = patient.run()
    assert run.returncode == 1
    assert "error: 'broken' fails in import: ModuleNotFoundError" in run.stdout
    assert "'nowhere_to_be_found' is not installed in this environment" in run.stdout
    assert re.search(r"^contents +active ", run.stdout, re.MULTILINE), "the others are shown, too"


def test_of_slow_extensions_one_is_named(patient):
    patient.install("slow", "import time; time.sleep(0.7)")
    patient.install("slower", "import time; time.sleep(1.2)")
    told = patient.told()
    (finding,) = [each for each in told["findings"] if each["check"] == "startup-budget"]
    totals = {each["name"]: each["total"] for each in told["extensions"]}
    # On a busy machine another one can take still longer; then that is the one.
    slowest = max(totals, key=totals.__getitem__)
    assert totals["slower"] >= 1_200
    assert (finding["level"], finding["subject"]) == ("warning", slowest)
    assert re.match(rf"'{slowest}' takes \d+\.\d s of the \d", finding["message"])
    assert "importtime" in finding["hint"]
    assert told["startup"]["slowest"] == slowest
    assert told["ok"], "slow is not broken"


def test_what_an_extension_may_take_is_a_setting(patient):
    patient.install("slow", "import time; time.sleep(0.7)")
    (patient.config / "plughost.toml").write_text(
        "[extensions.observe]\nstartup_budget_ms = 20000\n"
    )
    told = patient.told()
    assert told["startup"]["budget"] == 20000
    assert "startup-budget" not in {each["check"] for each in told["findings"]}


def test_an_extension_that_ends_the_process_is_named_and_the_others_are_still_seen(patient):
    patient.install("deadly", "import os; os._exit(3)")
    patient.install("harmless", "")
    told = patient.told()
    (finding,) = [each for each in told["findings"] if each["check"] == "process-ended"]
    assert finding["subject"] == "deadly"
    assert "exit code 3 while 'deadly' was being imported" in finding["message"]
    states = {each["name"]: each["state"] for each in told["extensions"]}
    assert (states["deadly"], states["contents"]) == ("disabled", "active")
    assert states["harmless"] == "active"
    assert len([each for each in told["findings"] if each["subject"] == "deadly"]) == 1


def test_an_extension_that_hangs_is_named_and_holds_nobody_up_for_ever(patient):
    patient.install("hanging", "import threading; threading.Event().wait()")
    patient.environment["PLUGHOST_IMPORT_TIMEOUT"] = "1"
    found = {each["subject"]: each for each in patient.findings("extension-failed")}
    # So may others on a busy machine, which have that second, too.
    assert "longer than 1 seconds" in found["hanging"]["message"]


def test_an_extension_that_prints_does_not_spoil_the_json(patient):
    patient.install("talker", "import sys; print('hello'); print('there', file=sys.stderr)")
    assert patient.told()["ok"]


STARTS = """
import os
from pathlib import Path
from plughost import Service, hookimpl

class Starts:
    async def start(self):
        Path(__file__).with_suffix(".started").write_text(os.environ["JUPYTER_RUNTIME_DIR"])

    async def stop(self):
        Path(__file__).with_suffix(".stopped").write_text("")

@hookimpl
def plughost_services():
    return [Service(Starts())]
"""


def test_services_are_started_for_the_profile_only_and_not_in_the_users_folders(patient):
    file = patient.install("starter", STARTS)
    told = patient.told("--startup")
    assert file.with_suffix(".started").read_text() != str(patient.runtime)
    assert file.with_suffix(".stopped").exists()
    assert not Path(file.with_suffix(".started").read_text()).exists(), "it is cleaned up"
    assert list(patient.runtime.iterdir()) == []
    file.with_suffix(".started").unlink()
    patient.told()
    assert not file.with_suffix(".started").exists(), "a look starts nothing"
    (row,) = [each for each in told["extensions"] if each["name"] == "starter"]
    assert row["start"] is not None
    assert told["startup"]["measured"] == "start"


def test_the_profile_shows_the_dearest_first(patient):
    patient.install("slow", "import time; time.sleep(0.2)")
    totals = [each["total"] for each in patient.told("--startup")["extensions"]]
    assert totals == sorted(totals, reverse=True)


FAILS_TO_START = """
from plughost import Service, hookimpl

class Fails:
    async def start(self):
        raise OSError("no such database")

@hookimpl
def plughost_services():
    return [Service(Fails())]
"""


def test_what_fails_only_when_it_is_started_is_found_by_the_profile(patient):
    patient.install("fails", FAILS_TO_START)
    assert patient.told()["ok"]
    (finding,) = patient.findings("extension-failed", "--startup")
    assert "fails in start: OSError while in start: no such database" in finding["message"]


WAITS = """
from plughost import Route, hookimpl

@hookimpl
def plughost_routes(host):
    host.service("moon.Phases")
    return []
"""


def test_an_extension_that_waits_in_vain_is_named_with_what_it_lacks(patient):
    patient.install("waits", WAITS)
    (finding,) = patient.findings("extension-waits")
    assert finding["subject"] == "waits"
    assert "moon.Phases" in finding["message"]
    assert finding["hint"]


def test_a_browser_half_for_another_plughost_is_named(patient):
    patient.install_half("weather", engine=">=99")
    (finding,) = patient.findings("frontend-refused")
    assert finding["subject"] == "weather"
    assert "engine '>=99'" in finding["message"]


PUBLIC = """
from plughost import JSONHandler, Route, hookimpl

class Health(JSONHandler):
    def get(self):
        self.reply({})

@hookimpl
def plughost_routes():
    return [Route(r"/open/api/health", Health, public=True), Route(r"/open/api/rest", Health)]
"""


def test_every_public_route_is_listed_with_whose_it_is(patient):
    patient.install("open_door", PUBLIC)
    routes = {each["pattern"]: each["extension"] for each in patient.told()["publicRoutes"]}
    assert routes["/api"] == "plughost"
    assert routes["/open/api/health"] == "open_door"
    assert "/open/api/rest" not in routes


def test_two_providers_of_one_module_are_named_with_whose_is_used(patient):
    provided = {"map-core": {"version": "2.0.0", "file": "shared/map.js"}}
    patient.install_half("maps", provides=provided)
    patient.install_half("other_maps", provides=provided)
    (finding,) = patient.findings("shared-module-twice")
    assert finding["subject"] == "other_maps"
    assert "'map-core' is provided by 'maps' and by 'other_maps'" in finding["message"]


def test_a_module_in_a_version_that_nobody_asked_for_is_named_with_who_wants_what(patient):
    provided = {"map-core": {"version": "2.0.0", "file": "shared/map.js"}}
    patient.install_half("maps", provides=provided)
    patient.install_half("weather", requires={"map-core": "^1.4.0"})
    (finding,) = patient.findings("shared-module-range")
    assert finding["message"] == "'weather' requires 'map-core' ^1.4.0, and 'maps' provides 2.0.0."


def test_a_module_that_nobody_provides_is_named(patient):
    patient.install_half("weather", requires={"map-core": "^1.4.0"})
    (finding,) = patient.findings("shared-module-missing")
    assert (
        "'weather' requires 'map-core', which no installed extension provides"
        in (finding["message"])
    )


@pytest.mark.parametrize("beside", [True, False])
def test_a_browser_half_that_is_not_compiled_is_named_with_how_to(patient, beside):
    folder = patient.install_source("unbuilt", beside=beside)
    (finding,) = patient.findings("frontend-missing")
    assert finding["subject"] == "unbuilt"
    assert str(folder) in finding["message"]
    command = f"plughost build {folder if beside else '--installed'}"
    assert finding["hint"] == f"`{command}` compiles it."
    patient.build(folder if beside else "--installed")
    told = patient.told()
    assert [f for f in told["findings"] if f["check"].startswith("frontend-")] == []


def test_a_source_that_cannot_be_built_is_named_with_the_reason(patient):
    folder = patient.install_source("nameless")
    (folder / "package.json").write_text('{"plughost": {"package": ".."}}')
    (finding,) = patient.findings("frontend-missing")
    assert finding["subject"] == "nameless"
    assert "has no 'name'" in finding["message"]


def test_a_source_that_was_changed_since_it_was_compiled_is_named(patient):
    folder = patient.install_source("edited", beside=True)
    patient.build(folder)
    (folder / "src" / "index.js").write_text("export default [{}];")
    (finding,) = patient.findings("frontend-stale")
    assert (finding["level"], finding["subject"]) == ("warning", "edited")
    assert "changed after it was compiled" in finding["message"]
    assert finding["hint"] == f"`plughost build {folder}` compiles it anew."


def test_a_build_that_cannot_be_asked_is_told_and_the_rest_is_seen(patient):
    (patient.packages / "plughost_build.py").write_text("raise SystemExit('out of order')\n")
    told = patient.told()
    (finding,) = [f for f in told["findings"] if f["check"] == "build-silent"]
    assert "out of order" in finding["message"]
    assert told["kernels"]


BUNDLED = [
    {"name": "react", "version": "17.0.2", "bytes": 140_000},
    {"name": "leaflet", "version": "1.9.4", "bytes": 150_000},
    {"name": "weather", "version": "1.0.0", "bytes": 1_000},
]


def install_copies(patient):
    patient.install_half("weather", requires={"map-core": "^2.0.0"}, bundled=[*BUNDLED, MAP_CORE])
    patient.install_half(
        "maps",
        provides={name: {"version": "2.0.0", "file": "x.js"} for name in ("leaflet", "map-core")},
        bundled=[BUNDLED[1], MAP_CORE, {"name": "tiny", "version": "1.0.0", "bytes": 2_000}],
    )
    patient.install_half(
        "radar", bundled=[{"name": "tiny", "version": "1.1.0", "bytes": 3_000}], requires={"x": "1"}
    )


MAP_CORE = {"name": "map-core", "version": "2.0.0", "bytes": 9_000}


def test_a_copy_of_a_shared_module_is_named_and_is_worse_where_it_must_be_single(patient):
    install_copies(patient)
    found = {f["message"]: f for f in patient.findings("shared-module-copy", "--modules")}
    levels = {message.split("'")[3]: each["level"] for message, each in found.items()}
    assert levels == {"react": "warning", "leaflet": "note", "map-core": "note"}
    assert (
        "'weather' has 'leaflet' 1.9.4 for itself (150 kB), and the page has 2.0.0 of 'maps'."
        in found
    )


def test_every_shared_module_is_listed_with_who_provides_it_and_who_wants_it(patient):
    install_copies(patient)
    told = patient.told("--modules")
    assert told.keys() == {"format", "plughost", "ok", "findings", "modules", "duplicates"}
    modules = {each["name"]: each for each in told["modules"]}
    assert modules["map-core"] == {
        "name": "map-core",
        "version": "2.0.0",
        "extension": "maps",
        "wantedBy": [{"extension": "weather", "range": "^2.0.0", "fits": True}],
        "overruled": [],
        "copies": [{"extension": "weather", "version": "2.0.0", "bytes": 9_000}],
    }
    assert (modules["x"]["version"], modules["x"]["extension"]) == ("", "")
    assert modules["react"]["extension"] == "lab"
    (tiny,) = [each for each in told["duplicates"] if each["name"] == "tiny"]
    assert [copy["extension"] for copy in tiny["copies"]] == ["maps", "radar"]

    shown = patient.run("--modules").stdout
    assert re.search(
        r"^map-core +2\.0\.0 +maps +weather \^2\.0\.0 .*weather 2\.0\.0 \(9 kB\)$",
        shown,
        re.MULTILINE,
    )
    assert re.search(r"^tiny +maps 1\.0\.0 \(2 kB\), radar 1\.1\.0 \(3 kB\) +2 kB$", shown, re.M)
    assert "Kernels" not in shown


def test_the_start_up_and_the_modules_are_not_looked_at_together(patient):
    run = patient.run("--startup", "--modules")
    assert run.returncode == 2
    assert "--startup does not go together with --modules" in run.stderr


def test_an_extension_in_another_environment_is_named_with_the_command_to_have_it_here(patient):
    other = patient.folder / "other"
    venv.create(other, symlinks=True, with_pip=False)
    (site,) = other.glob("lib/python*/site-packages")
    Patient.describe(_At(site), "plughost-elsewhere")
    patient.environment["VIRTUAL_ENV"] = str(other)
    told = patient.told()
    (finding,) = [each for each in told["findings"] if each["check"] == "other-environment"]
    assert (finding["level"], finding["subject"]) == ("warning", "plughost-elsewhere")
    assert repr(str(other)) in finding["message"]
    assert repr(sys.prefix) in finding["message"]
    assert f"`{sys.executable} -m pip install plughost-elsewhere`" in finding["hint"]
    assert [each["prefix"] for each in told["environments"]] == [str(other)]


def test_a_pip_that_installs_elsewhere_is_named(patient):
    other = patient.folder / "other"
    venv.create(other, symlinks=True, with_pip=False)
    pip = patient.folder / "bin" / "pip"
    pip.write_text(f"#!{other}/bin/python\n")
    pip.chmod(0o755)
    (finding,) = patient.findings("pip-elsewhere")
    assert repr(str(other)) in finding["message"]
    assert f"{sys.executable} -m pip install" in finding["hint"]


class _At:
    """Enough of a Patient to describe a distribution in a folder."""

    def __init__(self, packages: Path) -> None:
        self.packages = packages


BROKEN_KERNELS = {
    "no-json": "{",
    "no-argv": '{"argv": []}',
    "no-program": '{"argv": ["/nowhere/python", "-f", "{connection_file}"], "language": "r"}',
    "no-connection": json.dumps({"argv": [sys.executable, "-m", "json"]}),
    "no-module": json.dumps(
        {"argv": [sys.executable, "-m", "nowhere_kernel", "-f", "{connection_file}"]}
    ),
    "no-provisioner": json.dumps(
        {
            "argv": [sys.executable, "{connection_file}"],
            "metadata": {"kernel_provisioner": {"provisioner_name": "moon"}},
        }
    ),
}


def test_broken_kernels_are_named_each_with_its_reason(patient):
    for name, text in BROKEN_KERNELS.items():
        patient.add_kernel(name, text)
    told = patient.told()
    broken = {each["name"]: each["problem"] for each in told["kernels"] if not each["usable"]}
    assert broken.keys() == BROKEN_KERNELS.keys()
    assert broken["no-program"] == "there is no program '/nowhere/python'."
    assert "has no module 'nowhere_kernel'" in broken["no-module"]
    assert "'moon' is not installed" in broken["no-provisioner"]
    findings = [each for each in told["findings"] if each["check"] == "kernelspec-broken"]
    assert {each["subject"] for each in findings} == BROKEN_KERNELS.keys()
    assert all(each["hint"] for each in findings)
    (python,) = [each for each in told["kernels"] if each["name"] == "python3"]
    assert python["usable"], "the usual one is there all the same"


def test_a_configuration_that_cannot_be_read_is_a_finding_and_no_traceback(patient):
    (patient.config / "plughost.toml").write_text("port = ")
    told = patient.told()
    (finding,) = [each for each in told["findings"] if each["check"] == "configuration"]
    assert (finding["level"], told["startup"]) == ("error", None)
    assert "is not TOML" in finding["message"]
    assert told["kernels"], "what needs no host is looked at all the same"


def test_settings_that_nobody_asked_for_and_blocked_extensions_are_noted(patient):
    (patient.config / "plughost.toml").write_text(
        "[extensions.terminal]\nshell_command = ['zsh']\n[extensions.lab]\nblocked = true\n"
    )
    told = patient.told()
    by_check = {each["check"]: each for each in told["findings"]}
    assert "extensions.terminal.shell_command" in by_check["setting-unclaimed"]["message"]
    assert by_check["extension-blocked"]["subject"] == "lab"
    assert "plughost.toml:4" in by_check["extension-blocked"]["message"]


def test_a_host_that_lets_everybody_in_is_warned_of(patient):
    patient.environment["PLUGHOST_NO_AUTH"] = "true"
    (finding,) = patient.findings("no-auth")
    assert "environment variable PLUGHOST_NO_AUTH" in finding["message"]


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_a_file_with_a_secret_that_others_can_read_is_an_error_and_the_secret_is_not_told(patient):
    file = patient.config / "plughost.toml"
    file.write_text('token = "hush-hush"')
    # Others have to get at it: a test's own folder is closed to them.
    for folder in [patient.config, patient.folder, patient.folder.parent]:
        folder.chmod(0o755)
    file.chmod(0o644)
    told = patient.told()
    findings = [each for each in told["findings"] if each["check"] == "readable-secret"]
    if all(above.stat().st_mode & 0o011 for above in file.parents):
        (finding,) = findings
        assert finding["hint"].startswith(f"`chmod 600 {file}`")
    assert "hush-hush" not in json.dumps(told)
    file.chmod(0o600)
    assert patient.findings("readable-secret") == []


@pytest.mark.skipif(os.name != "posix", reason="a limit of POSIX")
def test_too_few_open_files_are_warned_of(patient):
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    (finding,) = patient.findings(
        "few-descriptors",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard)),
    )
    assert "256" in finding["message"]


NOBODY = 2**22 + 1
"""A process id that no process gets: it is beyond what Linux and macOS give out."""


def test_a_file_of_a_server_that_has_ended_is_noted(patient):
    file = patient.runtime / f"jpserver-{NOBODY}.json"
    file.write_text(json.dumps({"pid": NOBODY, "url": "http://127.0.0.1:1/"}))
    (finding,) = patient.findings("server-file-stale")
    assert str(file) in finding["message"]
    assert finding["hint"] == "`plughost servers` removes such files."


@pytest.fixture
def running(patient: Patient, served: Callable[..., Any]) -> Any:
    """A server that is listed in the runtime folder."""
    server = served(env=patient.environment)
    assert (patient.runtime / f"jpserver-{server.process.pid}.json").exists()
    return server


async def test_a_running_server_is_asked_and_differences_are_told(patient, running):
    while (await running.client.get("/api/status")).json["loading"]:
        pass
    await running.client.patch("/plughost/api/extensions/terminals", {"enabled": False})
    patient.install("late", "")
    told = patient.told()
    (server,) = told["servers"]
    assert (server["pid"], server["here"]) == (running.process.pid, True)
    assert server["extensions"]["terminals"] == "disabled"
    different = {e["subject"]: e for e in told["findings"] if e["check"] == "server-differs"}
    assert different.keys() == {"late", "terminals"}
    assert "was installed after" in different["late"]["message"]
    (contents,) = [each for each in told["extensions"] if each["name"] == "contents"]
    assert contents["start"] is not None, "known from the server that runs"


HOLDS = """
import time
from plughost import JSONHandler, Route, hookimpl

class Sleeper(JSONHandler):
    def get(self):
        time.sleep(float(self.get_query_argument("seconds")))
        self.reply({})

@hookimpl
def plughost_routes():
    return [Route(r"/sleeper/api/sleep", Sleeper)]
"""


async def test_who_held_a_running_servers_loop_is_named_with_the_place(patient, served):
    file = patient.install("sleeper", HOLDS)
    server = served(env=patient.environment)
    seconds, worst = 0.6, {"extension": ""}
    # Whatever else held a loop on a busy machine, this holds it longer in the end.
    while worst["extension"] != "sleeper":
        await server.client.get(f"/sleeper/api/sleep?seconds={seconds}")
        places = (await server.client.get("/plughost/api/loop")).json["places"]
        worst = max(places, key=lambda place: place["worst"], default=worst)
        seconds *= 1.5
    told = patient.told()
    (finding,) = [each for each in told["findings"] if each["check"] == "loop-held"]
    assert (finding["level"], finding["subject"]) == ("warning", "sleeper")
    assert f"{file}:7" in finding["message"]
    (row,) = [each for each in told["extensions"] if each["name"] == "sleeper"]
    assert row["loopBlocked"]["count"] == worst["count"]
    assert row["loopBlocked"]["milliseconds"] > 500
    assert f"({worst['count']}×)" in patient.run().stdout


def test_a_token_on_a_command_line_is_warned_of_and_not_repeated(patient, running):
    told = patient.told()
    assert "token-visible" in {each["check"] for each in told["findings"]}
    assert running.client.token not in json.dumps(told)


KEYS = {
    "format",
    "plughost",
    "ok",
    "findings",
    "startup",
    "extensions",
    "modules",
    "duplicates",
    "servers",
    "publicRoutes",
    "environments",
    "kernels",
    "node",
    "machine",
}


def test_the_keys_of_the_json_are_those_that_are_documented(patient):
    told = patient.told()
    assert told.keys() == KEYS
    assert patient.told("--startup").keys() == KEYS - {
        *("servers", "publicRoutes", "environments", "kernels", "node", "machine"),
        *("modules", "duplicates"),
    }
    guide = (REPOSITORY / "docs" / "guides" / "doctor.md").read_text(encoding="utf-8")
    samples = [told, told["startup"], told["extensions"][0], told["kernels"][0], told["machine"]]
    samples += [told["modules"][0]]
    for key in {key for sample in samples for key in sample}:
        assert f"`{key}`" in guide, key


def test_every_check_is_documented():
    guide = (REPOSITORY / "docs" / "guides" / "doctor.md").read_text(encoding="utf-8")
    package = REPOSITORY / "extensions" / "observe" / "plughost_observe"
    checks = {
        check
        for file in package.rglob("*.py")
        for check in re.findall(
            r"(?:error|warning|note|kind)\(\s*\"([a-z]+(?:-[a-z]+)*)\",", file.read_text()
        )
    }
    assert {"extension-failed", "startup-budget", "kernelspec-broken"} <= checks
    assert {check for check in checks if f"`{check}`" not in guide} == set()


def test_on_a_terminal_it_has_colours_and_fits_the_width(patient):
    import fcntl
    import pty  # not on Windows
    import struct
    import termios

    patient.install("broken", "import nowhere_to_be_found")
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 80, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "plughost", "doctor"],
        cwd=patient.folder,
        env={**patient.environment, "TERM": "xterm-256color", "NO_COLOR": ""},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    drawn = b""
    try:
        while chunk := os.read(ours, 65536):
            drawn += chunk
    except OSError:  # EIO: the other end is closed
        pass
    os.close(ours)
    assert process.communicate()[1] == b""
    assert process.returncode == 1
    text = drawn.decode()
    assert "\x1b[" in text
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
    assert "broken" in plain
    assert max(map(len, plain.replace("\r", "").split("\n"))) <= 80
