"""Passwords as Jupyter's servers hash them: `argon2:$argon2id$…`, or `sha256:salt:digest`."""

from __future__ import annotations

import hashlib
import hmac

from plughost import BadRequest

LONGEST = 1024
"""Characters; nobody types more, and hashing what is longer is work for nobody."""

_ARGON2 = "argon2:"


def judged(password: str) -> str:
    """The same password. Raises BadRequest for one that nobody could log in with."""
    if not password:
        raise BadRequest("The password is empty.", hint="Take 8 characters or more.")
    if len(password) > LONGEST:
        raise BadRequest(
            f"The password has {len(password)} characters; {LONGEST} are the most.",
            hint="Take a shorter one.",
        )
    if "\n" in password or "\r" in password:
        raise BadRequest(
            "The password has more than one line, and the login page has one.",
            hint="Pass one line on standard input.",
        )
    if not password.isprintable():
        raise BadRequest(
            "The password has a character that no form can send.",
            hint="Take letters, digits, signs and blanks.",
        )
    return password


def hash_password(password: str) -> str:
    """The password as it stands in a configuration file. Takes a good part of a second."""
    import argon2  # when needed: a server that nobody logs in to does without

    # As jupyter_server's passwd(): 10 MiB ten times over.
    hasher = argon2.PasswordHasher(memory_cost=10240, time_cost=10, parallelism=8)
    return _ARGON2 + hasher.hash(password)


def matches(password: str, hashed: str) -> bool:
    """Whether that is the password. Takes a good part of a second, and as long either way."""
    if not password or len(password) > LONGEST:
        return False
    if hashed.startswith(_ARGON2):
        import argon2

        try:
            return argon2.PasswordHasher().verify(hashed.removeprefix(_ARGON2), password)
        except (argon2.exceptions.VerificationError, ValueError):  # wrong, or no such hash
            return False
    algorithm, salt, digest = _old_form(hashed)
    if not algorithm:
        return False
    found = hashlib.new(algorithm, password.encode() + salt.encode()).hexdigest()
    return hmac.compare_digest(found.encode(), digest.encode())


def flaw(hashed: str) -> str:
    """What is to be said of a hash in the configuration, a sentence; empty when it is good."""
    anew = "Set the password anew with `plughost password`."
    if hashed.startswith(f"{_ARGON2}$argon2") or not hashed:
        return ""
    algorithm = _old_form(hashed)[0]
    if not algorithm:
        return f"`hashed_password` is no hash that Jupyter writes, and opens nothing. {anew}"
    return f"The password is hashed with {algorithm}, which is fast to guess. {anew}"


def is_usable(hashed: str) -> bool:
    """Whether some password can match."""
    return hashed.startswith(f"{_ARGON2}$argon2") or bool(_old_form(hashed)[0])


def _old_form(hashed: str) -> tuple[str, str, str]:
    """Algorithm, salt and digest as Jupyter wrote them before argon2; empty when they are not."""
    parts = hashed.split(":", 2)
    # "shake" has no length of its own, and was never written.
    if len(parts) != 3 or not parts[2] or parts[0].startswith("shake"):
        return "", "", ""
    if parts[0] not in hashlib.algorithms_available:
        return "", "", ""
    return parts[0], parts[1], parts[2]
