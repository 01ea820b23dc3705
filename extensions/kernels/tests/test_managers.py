"""KernelSpecManagers of other packages, one of which offers the kernel of another environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv

import pytest

import plughost_kernels

MANAGERS = '''
"""Offers the Python of each environment in a folder, as conda's managers do."""

import os
import threading
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel
from traitlets import Unicode


class EnvironmentManager(KernelSpecManager):
    folder = Unicode(config=True)

    def find_kernel_specs(self):
        found = super().find_kernel_specs()
        for name in os.listdir(self.folder):
            found[f"env-{name}-py"] = os.path.join(self.folder, name, "kernel")
        return found

    def get_kernel_spec(self, kernel_name):
        if not kernel_name.startswith("env-"):
            return super().get_kernel_spec(kernel_name)
        name = kernel_name.split("-")[1]
        python = os.path.join(self.folder, name, "bin", "python")
        if not os.path.exists(python):
            raise NoSuchKernel(kernel_name)
        return KernelSpec(
            argv=[python, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            display_name=f"Python [{name}]",
            language="python",
            resource_dir=os.path.join(self.folder, name, "kernel"),
        )


class Moody(EnvironmentManager):
    def get_all_specs(self):
        raise RuntimeError("not today")


class Failing(KernelSpecManager):
    """Can say what there is, and no more."""

    def get_all_specs(self):
        plain = KernelSpecManager().get_all_specs()
        return {**plain, "env-sci-py": {"resource_dir": "", "spec": {}}}

    def get_kernel_spec(self, kernel_name):
        raise RuntimeError("not today")


GATE = threading.Event()


class Slow(KernelSpecManager):
    def get_all_specs(self):
        GATE.wait(60)
        return super().get_all_specs()
'''


@pytest.fixture
def strangers(tmp_path, monkeypatch):
    """A folder on the path of this process and its children, with a package of managers."""
    folder = tmp_path / "strangers"
    folder.mkdir()
    (folder / "envmanagers.py").write_text(MANAGERS)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    yield folder
    module = sys.modules.pop("envmanagers", None)
    if module is not None:
        module.GATE.set()


@pytest.fixture
def environments(tmp_path):
    """A folder with one environment, `sci`, whose Python sees the packages of ours."""
    folder = tmp_path / "environments"
    builder = venv.EnvBuilder(symlinks=True, with_pip=False)
    builder.create(folder / "sci")
    python = folder / "sci" / "bin" / "python"
    ask = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    with open(os.path.join(site, "ours.pth"), "w") as file:
        file.write(sysconfig.get_path("purelib"))
    (folder / "sci" / "kernel").mkdir()
    (folder / "sci" / "kernel" / "logo-svg.svg").write_text("<svg/>")
    return folder


PATIENT = {"PLUGHOST_EXTENSIONS__KERNELS__PROVIDER_PATIENCE": "60"}


def local(manager, **options):
    return {
        "extensions": {
            "kernels": {
                "kernel_spec_manager": manager,
                "kernel_spec_manager_options": options,
                "provider_keep": 0,
                "provider_patience": 60.0,  # a busy machine may be slow to answer
            }
        }
    }


async def test_a_kernel_of_another_environment_runs_there(
    served, connect, jupyter_folders, strangers, environments
):
    file = jupyter_folders / "jupyter-config" / "jupyter_server_config.py"
    file.write_text(
        "from envmanagers import EnvironmentManager\n"
        "c.ServerApp.kernel_spec_manager_class = EnvironmentManager\n"
        f"c.EnvironmentManager.folder = {str(environments)!r}\n"
        "c.KernelSpecManager.allowed_kernelspecs = {'python3', 'env-sci-py'}\n"
    )
    server = served(env=PATIENT)
    client = server.client
    offer = (await client.get("/api/kernelspecs")).json
    logo = await client.get(offer["kernelspecs"]["env-sci-py"]["resources"]["logo-svg"])
    prefixes = []
    for name in ("python3", "env-sci-py"):
        kernel = (await client.post("/api/kernels", {"name": name})).json
        line = await connect(client, kernel["id"])
        prefixes.append((await line.print("import sys; print(sys.prefix)")).strip())
        await client.delete(f"/api/kernels/{kernel['id']}")
    settings = (await client.get("/plughost/api/config")).json["settings"]
    told = {entry["key"]: entry for entry in settings}
    option = told["extensions.kernels.kernel_spec_manager_options.folder"]
    server.stop()
    assert "problems" not in offer
    assert sorted(offer["kernelspecs"]) == ["env-sci-py", "python3"]
    assert logo.body == b"<svg/>"
    assert prefixes == [sys.prefix, str(environments / "sci")]
    assert (option["value"], option["source"]) == (
        str(environments),
        f"{file} (EnvironmentManager.folder)",
    )
    assert "have no meaning here" not in server.output.read_text()


async def test_our_own_file_counts_more_than_jupyters(start, strangers, environments):
    settings = local("envmanagers.EnvironmentManager", folder=str(environments))
    async with start(plughost_kernels, **settings) as (_, client):
        offer = (await client.get("/api/kernelspecs")).json
        (environments / "new").mkdir()
        (environments / "new" / "bin").symlink_to(environments / "sci" / "bin")
        later = (await client.get("/api/kernelspecs")).json
    assert "env-sci-py" in offer["kernelspecs"]
    assert "env-new-py" in later["kernelspecs"]


@pytest.mark.parametrize(
    ("manager", "said"),
    [
        ("nobodys.Manager", "ModuleNotFoundError: No module named 'nobodys'"),
        ("envmanagers.Nobody", "has no attribute 'Nobody'"),
        ("Manager", "'Manager' is no dotted path of a class"),
        ("envmanagers.Moody", "RuntimeError: not today"),
        ("envmanagers.Slow", "has not answered within 0.5 s"),
    ],
)
async def test_a_manager_that_cannot_be_used_leaves_what_is_in_jupyters_folders(
    start, strangers, caplog, manager, said
):
    settings = local(manager)
    if manager == "envmanagers.Slow":
        settings["extensions"]["kernels"]["provider_patience"] = 0.5
    async with start(plughost_kernels, **settings) as (_, client):
        offer = (await client.get("/api/kernelspecs")).json
        status = (await client.post("/api/kernels", {"name": "python3"})).status
        unknown = await client.post("/api/kernels", {"name": "env-sci-py"})
    assert said in offer["problems"]["local"]["message"]
    assert f"The KernelSpecManager {manager!r} " in caplog.text
    assert ("python3" in offer["kernelspecs"], status, unknown.status) == (True, 201, 404)
    assert said in unknown.json["hint"]


async def test_a_manager_that_fails_when_a_kernel_is_wanted_costs_those_that_only_it_has(
    start, strangers
):
    async with start(plughost_kernels, **local("envmanagers.Failing")) as (_, client):
        ours = await client.post("/api/kernels", {"name": "python3"})
        theirs = await client.post("/api/kernels", {"name": "env-sci-py"})
    assert (ours.status, theirs.status) == (201, 502)
    assert "not today" in theirs.json["message"]


async def test_an_option_that_the_manager_does_not_have_is_named(start, strangers):
    settings = local("envmanagers.EnvironmentManager", foldre="/")
    async with start(plughost_kernels, **settings) as (_, client):
        offer = (await client.get("/api/kernelspecs")).json
    assert (
        "it has no option 'foldre'; it has allowed_kernelspecs"
        in (offer["problems"]["local"]["message"])
    )


async def test_a_class_named_in_the_settings_is_a_provider(start, strangers):
    plain = "jupyter_client.kernelspec.KernelSpecManager"
    providers = {"moody": "envmanagers.Moody", "plain": plain}
    settings = {"extensions": {"kernels": {"providers": providers, "provider_patience": 60.0}}}
    async with start(plughost_kernels, **settings) as (_, client):
        offer = (await client.get("/api/kernelspecs")).json
        kernel = await client.post("/api/kernels", {"name": "plain:python3"})
    assert {"plain:python3", "python3"} <= set(offer["kernelspecs"])
    assert set(offer["problems"]) == {"moody"}
    assert (kernel.status, kernel.json["name"]) == (201, "plain:python3")


async def test_what_jupyters_files_allow_is_all_there_is(served, jupyter_folders, install_kernel):
    install_kernel("echo", ["echo"])
    install_kernel("secret", ["echo"])
    config = {"KernelSpecManager": {"allowed_kernelspecs": ["echo"], "ensure_native_kernel": False}}
    file = jupyter_folders / "jupyter-config" / "jupyter_server_config.json"
    file.write_text(json.dumps(config))
    client = served().client
    offer = (await client.get("/api/kernelspecs")).json
    refused = await client.post("/api/kernels", {"name": "secret"})
    assert (list(offer["kernelspecs"]), offer["default"], refused.status) == (["echo"], "echo", 404)


OFFERING = """
from jupyter_client.kernelspec import KernelSpecManager
from plughost import hookimpl
from plughost_kernels.providers import KernelProvider

LAKE = KernelProvider("lake", KernelSpecManager)

@hookimpl(optionalhook=True)
def kernels_providers(host):
    return [LAKE]
"""


async def test_a_provider_is_there_after_the_exchange_of_either_extension(served, strangers):
    (strangers / "offering.py").write_text(OFFERING)
    facts = strangers / "offering-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: offering\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[plughost]\noffering = offering\n")
    client = served(env=PATIENT).client
    while (await client.get("/api/status")).json["loading"]:
        pass
    offered = []
    for extension in ("", "kernels", "offering"):
        if extension:
            await client.post(f"/plughost/api/extensions/{extension}", "")
        offer = (await client.get("/api/kernelspecs")).json
        offered.append(("lake:python3" in offer["kernelspecs"], offer.get("problems")))
    assert offered == [(True, None)] * 3
