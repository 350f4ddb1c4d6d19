"""Guesses are slowed down, and nobody is locked out of their account by a stranger."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from portal.accounts.hashers import BoundedArgon2
from portal.accounts.models import Attempts
from portal.accounts.services import PasswordWrong, confirm_password
from portal.accounts.sign_in_services import Knock, SignInRefused, check_sign_in
from portal.accounts.throttle_services import (
    PER_ADDRESS,
    PER_DEVICE,
    PER_NAME,
    PER_SIGNER,
    TooManyAttempts,
    forget_empty_buckets,
)
from portal.audit.models import AuditEvent
from tests.factories import PASSWORD, make_user

HERE, THERE = Knock("192.0.2.1"), Knock("192.0.2.2")


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


def guess(username, knock=HERE, password="not it"):
    return check_sign_in(username=username, password=password, knock=knock)


def exhaust(username, bucket, knock=HERE):
    for _ in range(bucket.holds):
        with pytest.raises(SignInRefused):
            guess(username, knock)


def throttled(chain="demo"):
    return AuditEvent.objects.filter(chain=chain, action="user.sign_in_throttled")


def test_a_name_takes_ten_wrong_passwords_and_then_even_the_right_one_waits(reader, clock):
    exhaust("reader", PER_NAME)
    with pytest.raises(TooManyAttempts) as refusal:
        guess("reader", password=PASSWORD)
    assert refusal.value.retry_after == PER_NAME.leaks.total_seconds()
    assert "5 minutes" in str(refusal.value)


def test_another_address_does_not_get_more_guesses_at_the_same_name(reader, clock):
    exhaust("reader", PER_NAME)
    with pytest.raises(TooManyAttempts):
        guess("reader", THERE)


def test_after_the_wait_there_is_one_guess_more_and_no_second(reader, clock):
    exhaust("reader", PER_NAME)
    clock.shift(PER_NAME.leaks)
    with pytest.raises(SignInRefused):
        guess("reader")
    with pytest.raises(TooManyAttempts):
        guess("reader")


def test_knocking_while_it_is_shut_does_not_keep_it_shut(reader, clock):
    exhaust("reader", PER_NAME)
    for _ in range(50):
        with pytest.raises(TooManyAttempts):
            guess("reader")
    clock.shift(PER_NAME.leaks)
    assert guess("reader", password=PASSWORD) == reader


def test_a_device_that_knows_its_person_is_not_locked_out_by_an_attack(reader, clock):
    exhaust("reader", PER_NAME)
    assert guess("reader", Knock(HERE.address, "device 1"), PASSWORD) == reader


def test_a_known_device_has_a_bucket_of_its_own(reader, clock):
    exhaust("reader", PER_DEVICE, Knock(HERE.address, "device 1"))
    with pytest.raises(TooManyAttempts):
        guess("reader", Knock(HERE.address, "device 1"), PASSWORD)
    assert guess("reader", Knock(HERE.address, "device 2"), PASSWORD) == reader


def test_many_names_from_one_address_are_slowed_down_together(db, clock):
    for number in range(PER_ADDRESS.holds):
        with pytest.raises(SignInRefused):
            guess(f"name{number}")
    with pytest.raises(TooManyAttempts):
        guess("one.more")
    with pytest.raises(SignInRefused):
        guess("one.more", THERE)


def test_a_clinic_behind_one_address_does_not_use_it_up_by_signing_in(reader, clock):
    for _ in range(PER_ADDRESS.holds + 5):
        assert guess("reader", password=PASSWORD) == reader


def test_a_clock_that_was_put_back_shuts_nobody_out(reader, clock):
    exhaust("reader", PER_NAME)
    clock.shift(timedelta(days=-1))
    with pytest.raises(TooManyAttempts) as refusal:
        guess("reader")
    assert refusal.value.retry_after <= PER_NAME.leaks.total_seconds()


def test_an_unknown_name_is_slowed_down_like_a_known_one(reader, clock):
    exhaust("nobody", PER_NAME)
    with pytest.raises(TooManyAttempts):
        guess("nobody")
    assert throttled("system").get().subject == "user:unknown"


def test_an_unknown_name_costs_the_same_hash_as_a_wrong_password(site, reader, monkeypatch):
    closed = make_user(site, "reader", username="closed")
    type(closed).objects.filter(pk=closed.pk).update(is_active=False)
    invited = make_user(site, "reader", username="invited")
    type(invited).objects.filter(pk=invited.pk).update(password="!nothing")
    hashes = []
    real = BoundedArgon2.encode
    check = BoundedArgon2.verify
    monkeypatch.setattr(BoundedArgon2, "encode", lambda *a: hashes.append(1) or real(*a))
    monkeypatch.setattr(BoundedArgon2, "verify", lambda *a: hashes.append(1) or check(*a))
    for username in ("reader", "nobody", "closed", "invited"):
        hashes.clear()
        with pytest.raises(SignInRefused, match="do not belong together"):
            guess(username)
        assert hashes == [1], username


def test_a_throttled_sign_in_is_in_the_trail_once_a_minute(reader, clock):
    exhaust("reader", PER_NAME)
    for _ in range(5):
        with pytest.raises(TooManyAttempts):
            guess("reader")
    assert [event.outcome for event in throttled()] == ["refused"]
    clock.shift(timedelta(minutes=1, seconds=1))
    with pytest.raises(TooManyAttempts):
        guess("reader")
    assert throttled().count() == 2


def test_passwords_at_signing_are_throttled_and_a_right_one_starts_anew(reader, clock):
    for _ in range(PER_SIGNER.holds - 1):
        with pytest.raises(PasswordWrong):
            confirm_password(user=reader, password="not it")
    confirm_password(user=reader, password=PASSWORD)
    for _ in range(PER_SIGNER.holds):
        with pytest.raises(PasswordWrong):
            confirm_password(user=reader, password="not it")
    with pytest.raises(TooManyAttempts):
        confirm_password(user=reader, password=PASSWORD)


def test_neither_names_nor_addresses_can_be_read_from_the_table(reader):
    with pytest.raises(SignInRefused):
        guess("MyPassword123!")
    kept = " ".join(Attempts.objects.values_list("key", flat=True))
    assert len(kept.split()) == 2
    assert "MyPassword" not in kept
    assert HERE.address not in kept


def test_what_holds_nobody_back_is_forgotten(reader, clock):
    exhaust("reader", PER_NAME)
    forget_empty_buckets()
    assert Attempts.objects.count() == 2
    clock.shift(PER_NAME.holds * PER_NAME.leaks)
    forget_empty_buckets()
    assert not Attempts.objects.exists()
