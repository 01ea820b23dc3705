"""What a process that an extension starts may know."""

import os

from plughost import child_environment


def test_a_child_gets_all_variables_but_the_secrets(monkeypatch):
    for name in (
        "JUPYTER_TOKEN",
        "JPY_PARENT_PID",
        "PLUGHOST_TOKEN",
        "PLUGHOST_HASHED_PASSWORD",
        "PLUGHOST_EXTENSIONS__LAKE__KEY",
    ):
        monkeypatch.setenv(name, "canary")
    monkeypatch.setenv("JUPYTER_TOKEN_FILE", "/run/token")  # a path is no secret
    monkeypatch.setenv("EDITOR", "ed")
    environment = child_environment()
    assert "canary" not in environment.values()
    assert environment == {k: v for k, v in os.environ.items() if v != "canary"}
