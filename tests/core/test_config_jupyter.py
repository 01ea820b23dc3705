"""Jupyter's own files, as people have them: what has a meaning here counts below ours."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Annotated

import msgspec
import pytest

from plughost.config import load
from plughost.errors import ConfigError

GENERATED = """\
# Configuration file for jupyter-server.

c = get_config()  #noqa

#------------------------------------------------------------------------------
# ServerApp(JupyterApp) configuration
#------------------------------------------------------------------------------
## The IP address the Jupyter server will listen on.
#  Default: 'localhost'
c.ServerApp.ip = '*'
## The port the server will listen on.
c.ServerApp.port = 9999
# c.ServerApp.port_retries = 50
c.ServerApp.base_url = '/jupyter'
c.ServerApp.root_dir = {root!r}
c.ServerApp.allow_origin = 'https://example.org'
c.ServerApp.local_hostnames.append('lab.local')
c.ServerApp.open_browser = False
c.ServerApp.certfile = ''
c.ServerApp.jpserver_extensions.update({{'jupyterlab': True}})
c.IdentityProvider.token = 'of-jupyter'
c.PasswordIdentityProvider.hashed_password = 'argon2:hash'
c.ContentsManager.allow_hidden = True
c.MappingKernelManager.cull_idle_timeout = 3600
c.ServerApp.tornado_settings = {{'headers': {{}}}}
c.ServerApp.contents_manager_class
"""


@pytest.fixture
def user(jupyter_folders):
    return jupyter_folders / "jupyter-config"


def read(*folders):
    return load(administrator=folders)


@dataclass(frozen=True)
class Contents:
    hidden: bool = field(default=False, metadata={"jupyter": "ContentsManager.allow_hidden"})
    trash: bool = field(
        default=True,
        metadata={"jupyter": ("FileContentsManager.delete_to_trash", "Trash.use")},
    )


class Kernels(msgspec.Struct, frozen=True):
    idle: Annotated[
        int, msgspec.Meta(ge=0, extra={"jupyter": "MappingKernelManager.cull_idle_timeout"})
    ] = 0


def test_a_generated_file_means_what_it_says(user):
    file = user / "jupyter_server_config.py"
    file.write_text(GENERATED.format(root=str(user)))
    config = read()
    assert (config.ip, config.port, config.base_url, config.root) == (
        "0.0.0.0",
        9999,
        "/jupyter/",
        user,
    )
    assert (config.allow_origin, config.allow_host) == (["https://example.org"], ["lab.local"])
    assert (config.token, config.hashed_password) == ("of-jupyter", "argon2:hash")
    assert (config.certfile, config.warnings) == (None, ())
    assert config.sources["ip"] == f"{file} (ServerApp.ip)"


def test_names_without_a_meaning_are_told_once_extensions_have_asked(user):
    file = user / "jupyter_server_config.py"
    file.write_text(GENERATED.format(root=str(user)))
    config = read()
    assert config.extension("contents", Contents) == Contents(hidden=True)
    assert config.extension("kernels", Kernels) == Kernels(idle=3600)
    assert config.unclaimed() == [
        f"{file}: these settings have no meaning here: "
        "ServerApp.open_browser, ServerApp.tornado_settings."
    ]
    assert config.sources["extensions.contents.hidden"] == f"{file} (ContentsManager.allow_hidden)"


def test_ours_are_above_jupyters(user):
    (user / "jupyter_server_config.json").write_text(
        json.dumps({"ServerApp": {"port": 1}, "ContentsManager": {"allow_hidden": True}})
    )
    (user / "plughost.toml").write_text("port = 2\n[extensions.contents]\nhidden = false\n")
    config = read()
    assert (config.port, config.extension("contents", Contents)) == (2, Contents())
    assert [entry.value for entry in config.explain("extensions.contents.hidden")] == [
        False,
        True,
        False,
    ]
    assert config.unclaimed() == []


def test_files_count_in_jupyters_order(user, jupyter_folders):
    system = jupyter_folders / "system"
    ports = {
        user / "jupyter_config.json": 1,
        user / "jupyter_notebook_config.json": 2,
        system / "jupyter_server_config.json": 3,
        user / "jupyter_server_config.d" / "a.json": 4,
        user / "jupyter_server_config.d" / "b.json": 5,
        user / "jupyter_server_config.py": 6,
        user / "jupyter_server_config.json": 7,
        user / "jupyter_lab_config.py": 8,
    }
    for file, port in ports.items():
        file.parent.mkdir(exist_ok=True)
        name = "NotebookApp" if port == 2 else "ServerApp"
        file.write_text(
            f"c.{name}.port = {port}"
            if file.suffix == ".py"
            else json.dumps({"version": 1, name: {"port": port}})
        )
        assert read(system).port == port


def test_the_newer_of_two_names_in_a_file_counts(user):
    (user / "jupyter_server_config.json").write_text(
        json.dumps(
            {"NotebookApp": {"token": "a"}, "IdentityProvider": {"token": "b"}, "ServerApp": None}
        )
    )
    assert read().token == "b"


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("jupyter_server_config.py", "c.ServerApp.port = 1\nimport no_such", "ModuleNotFoundError"),
        ("jupyter_server_config.py", "c.ServerApp.port = (", "SyntaxError"),
        ("jupyter_server_config.py", "raise SystemExit(3)", "SystemExit: 3"),
        ("jupyter_server_config.json", "{", "JSONDecodeError"),
        ("jupyter_server_config.json", "[]", "AttributeError"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_warning(user, name, text, reason):
    (user / name).write_text(text)
    config = read()
    assert (config.port, len(config.warnings)) == (8888, 1)
    assert config.warnings[0].startswith(f"{user / name} is ignored: {reason}")


def test_a_wrong_type_in_jupyters_file_is_told_like_ours(user):
    (user / "jupyter_server_config.json").write_text('{"ServerApp": {"port": "x"}}')
    with pytest.raises(ConfigError, match=r"config.json \(ServerApp.port\) cannot be used"):
        read()
    (user / "jupyter_server_config.json").write_text('{"ContentsManager": {"allow_hidden": 1}}')
    with pytest.raises(ConfigError, match=r"\(ContentsManager.allow_hidden\) cannot be used"):
        read().extension("contents", Contents)


def test_trusting_every_proxy_is_not_taken_over(user):
    (user / "jupyter_server_config.py").write_text("c.ServerApp.trust_xheaders = True")
    config = read()
    assert config.trusted_proxies == []
    assert config.warnings == (
        f"{user / 'jupyter_server_config.py'} (ServerApp.trust_xheaders) has no meaning here. "
        'Name whose headers count, such as `trusted_proxies = ["127.0.0.1"]`, in plughost.toml.',
    )
    (user / "plughost.toml").write_text("trusted_proxies = ['unix']")
    assert (read().warnings, read().unclaimed()) == ((), [])


def test_a_lock_holds_against_the_users_jupyter_files_only(user, jupyter_folders):
    system = jupyter_folders / "system"
    system.mkdir()
    (system / "plughost.toml").write_text("locked = ['port']\n[extensions.contents]\nlocked = true")
    (user / "jupyter_config.json").write_text(
        '{"ServerApp": {"port": 1}, "ContentsManager": {"allow_hidden": true}}'
    )
    config = read(system)
    assert (config.port, config.extension("contents", Contents)) == (8888, Contents())
    why = f"in vain: locked in {system / 'plughost.toml'}"
    file = user / "jupyter_config.json"
    assert config.warnings == (f"{file} (ServerApp.port) sets 'port' {why}:1.",)
    assert config.unclaimed() == [
        f"{file} (ContentsManager.allow_hidden) sets 'extensions.contents.hidden' {why}:3."
    ]
    (system / "jupyter_config.json").write_text(
        '{"ServerApp": {"port": 2}, "ContentsManager": {"allow_hidden": true}}'
    )
    assert read(system).port == 2
    assert read(system).extension("contents", Contents) == Contents(hidden=True)


def test_a_start_without_jupyters_programs_imports_no_traitlets(user):
    (user / "jupyter_server_config.json").write_text('{"ServerApp": {"port": 1}}')
    code = (
        "import sys; from plughost.config import load; load(administrator=[]);"
        "print([m for m in ('traitlets.config',) if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
