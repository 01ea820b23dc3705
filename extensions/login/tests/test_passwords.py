"""Hashes as Jupyter writes them, in all the forms it has had."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plughost_login.passwords import LONGEST, flaw, hash_password, is_usable, matches

from .conftest import ARGON2, PASSWORD, SHA1, SHA256


@pytest.mark.parametrize("hashed", [ARGON2, SHA1, SHA256])
def test_a_hash_that_jupyter_wrote_knows_its_password_and_no_other(hashed):
    assert is_usable(hashed)
    others = ("Mypassword", "mypassword ", "mypasswor", "", hashed, PASSWORD * LONGEST)
    assert matches(PASSWORD, hashed)
    assert [other for other in others if matches(other, hashed)] == []


def test_a_password_is_hashed_anew_each_time_as_jupyter_does():
    one, other = hash_password("pässwörd"), hash_password("pässwörd")
    assert one != other
    assert one.startswith("argon2:$argon2id$v=19$m=10240,t=10,p=8$")
    assert matches("pässwörd", one)
    assert matches("pässwörd", other)


def test_the_hash_of_nothing_lets_nobody_in():
    assert not matches("", hash_password(""))


@pytest.mark.parametrize(
    "hashed",
    [
        "",
        PASSWORD,
        "argon2:",
        "argon2:x",
        "sha1:salt:",
        "sha1:salt",
        "nothing:salt:digest",
        "shake_128:salt:digest",
        "sha256::é",
        ARGON2[:-8],
        ARGON2.removeprefix("argon2:"),
    ],
)
def test_what_is_no_hash_lets_nobody_in(hashed):
    assert not matches(PASSWORD, hashed)


@settings(max_examples=200, deadline=None)
@given(hashed=st.text() | st.from_regex(r"(sha1|md5|blake2b|argon2):.*:.*"), typed=st.text())
def test_whatever_stands_in_the_configuration_breaks_nothing(hashed, typed):
    assert matches(typed, hashed) is False
    assert isinstance(flaw(hashed), str)


@pytest.mark.parametrize(
    ("hashed", "said"),
    [
        ("", ""),
        (ARGON2, ""),
        (SHA1, "The password is hashed with sha1, which is fast to guess."),
        (PASSWORD, "`hashed_password` is no hash that Jupyter writes, and opens nothing."),
    ],
)
def test_a_hash_that_is_weak_or_none_is_said_so(hashed, said):
    assert flaw(hashed).startswith(said)
    assert bool(flaw(hashed)) == bool(said)
    assert PASSWORD not in flaw(hashed)
