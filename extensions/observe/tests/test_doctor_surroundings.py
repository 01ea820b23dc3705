"""What `plughost doctor` says of what is around: environments, kernels, settings and limits."""

from __future__ import annotations

import json
import os
import sys
import venv

import pytest


def test_an_extension_in_another_environment_is_named_with_the_command_to_have_it_here(patient):
    other = patient.folder / "other"
    venv.create(other, symlinks=True, with_pip=False)
    (site,) = other.glob("lib/python*/site-packages")
    patient.describe("plughost-elsewhere", packages=site)
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
