"""What is written into Jupyter's own file, and what is left as it was."""

import json
import os
import stat

import pytest

from plughost import HostError
from plughost_login.password_file import PasswordFile


def test_the_hash_stands_where_jupyter_writes_it_and_the_rest_stays(jupyter_file, write):
    write({"ServerApp": {"port": 9999, "password": "old"}, "Mine": [1], "NotebookApp": {}})
    jupyter_file.chmod(0o644)
    PasswordFile().set("argon2:new")
    assert json.loads(jupyter_file.read_text()) == {
        "ServerApp": {"port": 9999},
        "Mine": [1],
        "NotebookApp": {},
        "IdentityProvider": {"hashed_password": "argon2:new"},
    }
    assert stat.S_IMODE(jupyter_file.stat().st_mode) == 0o600
    assert os.listdir(jupyter_file.parent) == [jupyter_file.name]


def test_the_folder_is_made_where_there_is_none(jupyter_file, monkeypatch):
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(jupyter_file.parent / "new" / "one"))
    PasswordFile().set("argon2:new")
    assert (jupyter_file.parent / "new" / "one" / jupyter_file.name).exists()


def test_a_link_stays_one(jupyter_file, tmp_path):
    target = tmp_path / "dotfiles.json"
    target.write_text("{}")
    jupyter_file.symlink_to(target)
    PasswordFile().set("argon2:new")
    assert jupyter_file.is_symlink()
    assert "argon2:new" in target.read_text()


@pytest.mark.parametrize(
    ("section", "name"),
    [
        ("IdentityProvider", "hashed_password"),
        ("PasswordIdentityProvider", "hashed_password"),
        ("ServerApp", "password"),
        ("NotebookApp", "password"),
    ],
)
def test_removing_finds_it_by_all_its_names(jupyter_file, write, section, name):
    write({section: {name: "x", "other": 1}, "Mine": {}})
    assert PasswordFile().remove()
    assert json.loads(jupyter_file.read_text()) == {section: {"other": 1}, "Mine": {}}
    assert not PasswordFile().remove()


def test_removing_where_there_is_no_file_makes_none(jupyter_file):
    assert not PasswordFile().remove()
    assert not jupyter_file.exists()


@pytest.mark.parametrize("content", ["{", "[]", '{"IdentityProvider": 1}', '{"ServerApp": null}'])
def test_a_file_that_cannot_be_used_is_left_alone_and_named(jupyter_file, content):
    jupyter_file.write_text(content)
    with pytest.raises(HostError) as refused:
        PasswordFile().set("argon2:new")
    assert str(jupyter_file) in refused.value.message
    assert jupyter_file.read_text() == content
