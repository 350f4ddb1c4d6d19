"""The table of who may do what, written out once more by hand."""

import pytest

from portal.accounts.models import RoleGrant, User
from portal.accounts.roles import TABLE, May, Role, allows
from tests.factories import make_user

WORKERS_AT_THE_BEDSIDE = {"uploader", "reader", "reviewer", "adjudicator", "pacs_admin"}
EXPECTED = {
    "upload": WORKERS_AT_THE_BEDSIDE,
    "see_own_uploads": WORKERS_AT_THE_BEDSIDE,
    "see_studies": WORKERS_AT_THE_BEDSIDE - {"uploader"},
    "write_finding": {"reader", "reviewer"},
    "sign": {"reviewer", "adjudicator"},
    "pause_model": {"reviewer", "adjudicator"},
    "adjudicate": {"adjudicator"},
    "operate": {"pacs_admin"},
    "evaluate_models": {"data_scientist"},
    "approve_models": {"reviewer", "site_admin"},
    "read_audit": {"auditor"},
    "administer": {"site_admin"},
}


def test_every_act_is_in_the_table():
    assert set(TABLE) == set(May)
    assert set(EXPECTED) == {act.value for act in May}


@pytest.mark.parametrize("act", list(May))
@pytest.mark.parametrize("role", Role.values)
def test_a_role_allows_what_the_table_says(act, role):
    assert allows([role], act) == (role in EXPECTED[act])


def test_nobody_may_do_anything_without_a_role():
    assert not any(allows([], act) for act in May)


def test_two_roles_allow_what_either_does(site):
    both = make_user(site, "reader", "auditor")
    assert both.may(May.WRITE_FINDING)
    assert both.may(May.READ_AUDIT)
    assert not both.may(May.SIGN)


def test_a_closed_account_may_nothing(reviewer):
    reviewer.is_active = False
    assert not any(reviewer.may(act) for act in May)


def test_roles_are_read_anew_by_the_next_request(reviewer):
    assert reviewer.may(May.SIGN)
    RoleGrant.objects.filter(user=reviewer).update(role="reader")
    assert not User.objects.get(pk=reviewer.pk).may(May.SIGN)
