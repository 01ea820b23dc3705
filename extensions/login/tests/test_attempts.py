"""How long who typed wrong passwords has to wait."""

import pytest

from plughost_login.attempts import ADDRESSES, FREE, LONGEST, Attempts, TooManyAttempts


def fail(attempts, clock, address, times):
    """Fail as fast as allowed; returns the seconds waited before each attempt."""
    waited = []
    for _ in range(times):
        wait = attempts.wait(address)
        waited.append(wait.seconds if wait else 0)
        clock.now += waited[-1]
        attempts.begin(address)
    return waited


def test_each_failure_after_the_first_few_doubles_the_wait(clock):
    attempts = Attempts(60, clock)
    waited = fail(attempts, clock, "192.0.2.1", FREE + 12)
    assert waited == [0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, LONGEST, LONGEST]


def test_the_wait_is_for_one_address_only(clock):
    attempts = Attempts(60, clock)
    fail(attempts, clock, "192.0.2.1", 6)
    with pytest.raises(TooManyAttempts, match=r"your address\. Wait 8 seconds") as refused:
        attempts.begin("192.0.2.1")
    assert (refused.value.status, refused.value.seconds) == (429, 8)
    assert attempts.begin("192.0.2.2") == 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("", None, True),
    ],
)
def test_who_has_many_addresses_at_one_place_gets_no_more_attempts(clock, one, other, same):
    attempts = Attempts(60, clock)
    fail(attempts, clock, one, FREE)
    assert (attempts.wait(other) is not None) == same


def test_success_is_the_end_of_what_was_held_against_an_address(clock):
    attempts = Attempts(60, clock)
    fail(attempts, clock, "192.0.2.1", 5)
    clock.now += attempts.wait("192.0.2.1").seconds
    attempts.begin("192.0.2.1")
    attempts.succeeded("192.0.2.1")
    assert (attempts.wait("192.0.2.1"), len(attempts)) == (None, 0)


def test_many_attempts_at_once_count_before_any_of_them_has_failed(clock):
    attempts = Attempts(60, clock)
    for _ in range(FREE):
        attempts.begin("192.0.2.1")
    with pytest.raises(TooManyAttempts):
        attempts.begin("192.0.2.1")


def test_wrong_passwords_from_everywhere_make_everybody_wait(clock):
    attempts = Attempts(10, clock)
    for number in range(10):
        attempts.begin(f"192.0.2.{number}")
        clock.now += 1
    with pytest.raises(TooManyAttempts, match=r"many places\. Wait 50 seconds") as refused:
        attempts.begin("198.51.100.1")
    assert "plughost serve" in refused.value.hint
    clock.now += refused.value.seconds
    assert attempts.begin("198.51.100.1") == 1


def test_people_who_log_in_do_not_count_against_everybody(clock):
    attempts = Attempts(10, clock)
    for number in range(100):
        attempts.begin(f"192.0.2.{number}")
        attempts.succeeded(f"192.0.2.{number}")
    assert attempts.wait("198.51.100.1") is None


def test_addresses_are_forgotten_after_a_while_and_when_there_are_too_many(clock):
    attempts = Attempts(10_000, clock)
    for number in range(ADDRESSES + 50):
        attempts.begin(f"10.0.{number // 250}.{number % 250}")
    assert len(attempts) == ADDRESSES
    clock.now += 3601
    attempts.begin("192.0.2.1")
    assert len(attempts) == 1


def test_an_address_that_was_quiet_for_long_begins_anew(clock):
    attempts = Attempts(60, clock)
    fail(attempts, clock, "192.0.2.1", 8)
    clock.now += 3601
    assert attempts.begin("192.0.2.1") == 1
