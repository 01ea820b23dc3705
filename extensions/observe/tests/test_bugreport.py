"""`plughost bugreport`: what is in it, and above all what is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from plughost_observe.doctor.privacy import Privacy

CANARIES = {
    "environment": "canary-environment-1",
    "plain variable": "Xk29dk3Kd93kfLs83kd",
    "database": "canary-database-2",
    "token": "canary-token-3 with \"quotes\" and 'more'",
    "password": "argon2:$argon2id$v=19$m=10240,t=10,p=8$Y2FuYXJ5$canaryhash4",
    "extension": "canary-extension-5",
    "server": "canaryserver6canaryserver6",
    "kernel": "canary-kernel-key-7",
    "header": "canary-header-8",
    "cookie": "canary-cookie-9",
    "query": "canary-query-10",
    "argument": "canary-argument-11",
    "traceback": "canary-environment-1",
    "user": "canaryuser",
}

LOUD = """
import os
raise RuntimeError(f"cannot log in with {os.environ['SERVICE_API_KEY']} at {os.environ['DB']}")
"""


@pytest.fixture
def installation(jupyter_folders: Path) -> dict[str, str]:
    """An environment with a canary wherever a secret can be; returns its variables."""
    home = jupyter_folders / "home" / CANARIES["user"]
    logs = jupyter_folders / "jupyter-data" / "plughost" / "logs"
    strangers = jupyter_folders / "strangers"
    info = strangers / "loud-1.0.dist-info"
    for folder in (home, logs, info):
        folder.mkdir(parents=True)
    (strangers / "loud.py").write_text(LOUD)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: loud\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[plughost]\nloud = loud\n")
    toml = jupyter_folders / "jupyter-config" / "plughost.toml"
    toml.write_text(
        f"token = {json.dumps(CANARIES['token'])}\n"
        f"hashed_password = {json.dumps(CANARIES['password'])}\n"
        f"root = {json.dumps(str(home))}\n"
        f"[extensions.weather]\napi_key = {json.dumps(CANARIES['extension'])}\n"
    )
    runtime = jupyter_folders / "jupyter-runtime"
    (runtime / f"jpserver-{os.getpid()}.json").write_text(
        json.dumps(
            {
                "pid": os.getpid(),
                "url": f"http://127.0.0.1:1/?token={CANARIES['server']}",
                "token": CANARIES["server"],
            }
        )
    )
    (runtime / "kernel-1.json").write_text(json.dumps({"key": CANARIES["kernel"]}))
    lines = [
        f"GET /api/status?token={CANARIES['query']}&x=1 403",
        f"headers {{'Authorization': 'token {CANARIES['header']}', 'Accept': '*/*'}}",
        f"Cookie: username-127={CANARIES['cookie']}; _xsrf=2|{CANARIES['cookie']}",
        f"ran ['serve', '--token', '{CANARIES['argument']}'] --password {CANARIES['argument']}",
        f"signed with {CANARIES['kernel']} for {CANARIES['token']}",
        f"{CANARIES['server']} {CANARIES['plain variable']} {CANARIES['extension']}",
        f"opened {home}/notebook.ipynb for {CANARIES['user']}",
    ]
    facts = {"headers": {"X-Api-Key": CANARIES["header"]}, "argv": ["--token", "x"]}
    with (logs / "plughost.jsonl").open("w") as file:
        for line in lines:
            print(json.dumps({"level": "INFO", "message": line, **facts}), file=file)
        print(f"no JSON: token={CANARIES['query']}", file=file)
    (logs / "audit.jsonl").write_text('{"who": "somebody-else"}\n')
    return {
        **{n: v for n, v in os.environ.items() if n not in ("VIRTUAL_ENV", "CONDA_PREFIX")},
        "HOME": str(home),
        "USER": CANARIES["user"],
        "LOGNAME": CANARIES["user"],
        "PATH": str(jupyter_folders / "bin"),
        "PYTHONPATH": str(strangers),
        "SERVICE_API_KEY": CANARIES["environment"],
        "OPAQUE": CANARIES["plain variable"],
        "DB": f"postgres://ada:{CANARIES['database']}@db.example/weather",
        "PLUGHOST_NODE_DOWNLOAD": "never",
    }


def bugreport(environment, *arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "plughost", "bugreport", *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_no_secret_is_in_any_member(installation, jupyter_folders):
    run = bugreport(installation, "report.zip", cwd=jupyter_folders)
    assert (run.returncode, run.stderr) == (0, "")
    with zipfile.ZipFile(jupyter_folders / "report.zip") as archive:
        members = {name: archive.read(name).decode() for name in archive.namelist()}
    found = {
        (kind, name)
        for kind, canary in CANARIES.items()
        for name, text in members.items()
        if canary in text or canary in name or json.dumps(canary)[1:-1] in text
    }
    assert found == set()
    assert str(Path(installation["HOME"])) not in "".join(members.values())


def test_it_has_what_a_helper_needs(installation, jupyter_folders):
    run = bugreport(installation, "report.zip", cwd=jupyter_folders)
    with zipfile.ZipFile(jupyter_folders / "report.zip") as archive:
        members = {name: archive.read(name).decode() for name in archive.namelist()}
    assert members.keys() == {
        *("README.txt", "doctor.json", "extensions.json", "configuration.json"),
        *("versions.json", "platform.json", "logs/plughost.jsonl"),
    }
    assert all(name in run.stdout for name in members), "what is inside is printed"
    assert "Send it to" in run.stdout
    records = {each["name"]: each for each in json.loads(members["extensions.json"])}
    assert "RuntimeError: cannot log in with" in records["loud"]["traceback"]
    settings = {e["key"]: e for e in json.loads(members["configuration.json"])["settings"]}
    assert settings["token"]["value"] == "…"
    assert settings["token"]["source"].endswith("plughost.toml:1")
    assert settings["root"]["value"] == "~"
    findings = {each["check"] for each in json.loads(members["doctor.json"])["findings"]}
    assert "extension-failed" in findings
    assert json.loads(members["versions.json"])["loud"] == "1.0"
    assert "opened ~/notebook.ipynb for <user>" in members["logs/plughost.jsonl"]
    assert "GET /api/status?token=" in members["logs/plughost.jsonl"]


def test_a_file_that_exists_is_left_as_it_is(installation, jupyter_folders):
    (jupyter_folders / "report.zip").write_text("mine")
    run = bugreport(installation, "report.zip", cwd=jupyter_folders)
    assert run.returncode == 1
    assert "'report.zip' exists, and is left as it is" in run.stderr
    assert "Name another file" in run.stderr
    assert (jupyter_folders / "report.zip").read_text() == "mine"


def test_a_folder_that_is_not_there_is_said_before_anything_is_collected(
    installation, jupyter_folders
):
    run = bugreport(installation, "nowhere/report.zip", cwd=jupyter_folders)
    assert run.returncode == 1
    assert "There is no folder 'nowhere'" in run.stderr


def test_logs_are_taken_from_where_they_are_set_to_be(installation, jupyter_folders):
    folder = jupyter_folders / "other-logs"
    folder.mkdir()
    (folder / "8888.jsonl.1").write_text('{"message": "from elsewhere"}\n')
    installation["PLUGHOST_EXTENSIONS__OBSERVE__LOG_FOLDER"] = str(folder)
    bugreport(installation, "report.zip", cwd=jupyter_folders)
    with zipfile.ZipFile(jupyter_folders / "report.zip") as archive:
        assert b"from elsewhere" in archive.read("logs/8888.jsonl.1")


def test_without_a_name_it_makes_one_and_leaves_nothing_else_behind(installation, jupyter_folders):
    folder = jupyter_folders / "here"
    folder.mkdir()
    run = bugreport(installation, cwd=folder)
    (written,) = folder.iterdir()
    assert written.name in run.stdout
    assert written.match("plughost-bugreport-*.zip")
    if os.name == "posix":
        assert written.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abc.def-123456789",
        'curl -H "Authorization: token 0123456789abcdef"',
        "https://ada:hunter2@example.org/x",
        "PASSWORD=hunter2",
        '{"api_key": "hunter2"}',
        "--token hunter2",
        "sha1:74ba40f8a388:c913541b7ee99d15d5ed31d4226bf7838f83a50e",
        "$argon2id$v=19$m=10240,t=10,p=8$c2FsdA$aGFzaGhhc2g",
        "2|1:0|10:1700000000|12:username-127|44:aGVsbG8=|" + "0" * 64,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl",
        "ghp_0123456789abcdefghij0123456789abcdef",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----",
        "7" * 48,
    ],
)
def test_what_looks_like_a_secret_is_taken_out(text):
    told = Privacy(environment={}).text(f"before {text} after")
    for word in ("hunter2", "abc.def", "0123456789", "c913541b", "aGFzaGhhc2g", "MIIB", "eyJz"):
        assert word not in told
    assert "7" * 48 not in told
    assert told.startswith("before ")


@pytest.mark.parametrize(
    "text",
    [
        "kernel 1b4e28ba-2fa1-11d2-883f-0016d3cca427 died",
        "ModuleNotFoundError: No module named 'tokenizers'",
        "GET /api/contents/report.ipynb 200",
        "'react' ^18.2.0 is required",
        "plughost_contents.contents.Contents",
    ],
)
def test_what_helps_is_left_in(text):
    assert Privacy(environment={}).text(text) == text
