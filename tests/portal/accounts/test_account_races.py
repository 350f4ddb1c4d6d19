"""What happens when two people, or two processes, do the same thing at the same moment."""

SEED = """
from tests.factories import make_site, make_user
site = make_site("demo")
for name in ("admin0", "admin1"):
    make_user(site, "site_admin", username=name)
make_user(site, "reader", username="reader")
"""
REMOVE_THE_OTHER = """
from portal.accounts.people_services import change_roles, disable_user
from portal.accounts.selectors import user_named
from portal.errors import PortalError
me, how = sys.argv[1].split()
by, other = user_named(f"admin{me}"), user_named(f"admin{1 - int(me)}")
ready()
try:
    if how == "roles":
        change_roles(user=other, roles=["reader"], by=by)
    else:
        disable_user(user=other, by=by)
    say("done")
except PortalError as refusal:
    say(refusal.code)
"""
WITHOUT_ANYBODY = """
from portal.accounts.people_services import disable_user
from portal.accounts.selectors import user_named
from portal.errors import PortalError
user = user_named(sys.argv[1])
ready()
try:
    disable_user(user=user, by=None)
    say("done")
except PortalError as refusal:
    say(refusal.code)
"""
ADMINS = """
from portal.accounts.models import User
from portal.audit.selectors import verify_chain
admins = User.objects.filter(is_active=True, role_grants__role="site_admin")
say([admins.count(), verify_chain("demo").intact])
"""
LINK = """
from portal.accounts.link_services import make_link
from portal.accounts.selectors import user_named
say(make_link(user=user_named("reader")).rstrip("/").split("/")[-1])
"""
USE = """
from portal.accounts.link_services import use_link
from portal.accounts.selectors import user_named
from portal.errors import PortalError
number, token = sys.argv[1].split(" ", 1)
user = user_named("reader")
ready()
try:
    use_link(user=user, token=token, password=f"a quite different phrase {number}")
    say(number)
except PortalError as refusal:
    say(refusal.code)
"""
WHOSE = """
from portal.accounts.selectors import user_named
from portal.audit.models import AuditEvent
user = user_named("reader")
right = [n for n in "012345" if user.check_password(f"a quite different phrase {n}")]
say([right, AuditEvent.objects.filter(action="user.password_set").count()])
"""
FIRST_GUESS = """
from portal.accounts.sign_in_services import Knock, check_sign_in
from portal.errors import PortalError
try:
    check_sign_in(username="reader", password="not it", knock=Knock("192.0.2.1"))
except PortalError as refusal:
    say(refusal.code)
"""
TAKE = """
from django.db import connection
from portal.accounts.throttle_services import PER_ADDRESS, PER_NAME, Guess, take_guesses
from portal.errors import PortalError
connection.ensure_connection()
ready()
try:
    take_guesses(Guess(PER_NAME, "reader"), Guess(PER_ADDRESS, "192.0.2.1"))
    say("taken")
except PortalError as refusal:
    say(refusal.code)
"""
INVITE = """
from portal.accounts.selectors import site_named
from portal.accounts.services import create_user
from portal.errors import PortalError
site = site_named("demo")
ready()
try:
    say(create_user(username="anna", site=site, roles=["reader"]).username)
except PortalError as refusal:
    say(refusal.code)
"""
EXPIRED = """
from django.utils import timezone
from portal.accounts.models import Session
from portal.accounts.selectors import user_named
now = timezone.now()
for number in range(5):
    Session.objects.create(session_key=f"key{number}", session_data="", user=user_named("reader"),
                           started_at=now, seen_at=now, expire_date=now)
"""
END = """
from portal.accounts.session_services import end_expired_sessions
ready()
end_expired_sessions()
say("ended")
"""
ENDED = """
from portal.accounts.models import Session
from portal.audit.models import AuditEvent
say([Session.objects.count(), AuditEvent.objects.filter(action="session.ended").count()])
"""


def test_of_two_administrators_who_remove_each_other_one_stays(own_portal):
    own_portal.run(SEED)
    assert sorted(own_portal.race(REMOVE_THE_OTHER, ["0 roles", "1 disable"])) == [
        "done",
        "no_longer_admin",
    ]
    assert own_portal.run(ADMINS) == [1, True]


def test_the_last_two_administrators_are_not_both_removed_from_outside(own_portal):
    own_portal.run(SEED)
    answers = own_portal.race(WITHOUT_ANYBODY, ["admin0", "admin1"])
    assert sorted(answers) == ["done", "last_admin"]
    assert own_portal.run(ADMINS) == [1, True]


def test_a_one_time_link_used_six_times_at_once_sets_one_password(own_portal):
    own_portal.run(SEED)
    token = own_portal.run(LINK)
    answers = own_portal.race(USE, [f"{number} {token}" for number in range(6)])
    (winner,) = [answer for answer in answers if answer != "link_dead"]
    assert sorted(answers) == sorted([winner, *["link_dead"] * 5])
    assert own_portal.run(WHOSE) == [[winner], 1]


def test_guesses_at_once_are_no_more_than_guesses_in_a_row(own_portal):
    own_portal.run(SEED)
    own_portal.run(FIRST_GUESS)
    answers = own_portal.race(TAKE, [str(number) for number in range(14)])
    assert sorted(answers) == [*["taken"] * 9, *["too_many_attempts"] * 5]


def test_two_sweeps_tell_the_end_of_a_session_once(own_portal):
    own_portal.run(SEED)
    own_portal.run(EXPIRED)
    own_portal.race(END, ["a", "b", "c"])
    assert own_portal.run(ENDED) == [0, 5]


def test_a_name_taken_twice_at_once_is_one_account_and_one_refusal(own_portal):
    own_portal.run(SEED)
    assert sorted(own_portal.race(INVITE, ["a", "b", "c"])) == [
        "anna",
        "user_exists",
        "user_exists",
    ]
