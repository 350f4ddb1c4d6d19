"""Several windows opened at the same moment are one look."""

import pytest

pytestmark = pytest.mark.services

BEGIN = """
from tests.factories import make_site, make_study, make_user
site = make_site("demo")
make_user(site, "reader", username="reader")
say(make_study(site).study_instance_uid)
"""
LOOK = """
from portal.accounts.selectors import user_named
from portal.studies.access_services import open_study
reader = user_named("reader")
ready()
open_study(study_instance_uid=sys.argv[1], by=reader)
say(True)
"""
COUNT = """
from portal.audit.models import AuditEvent
from portal.audit.selectors import verify_chain
opened = AuditEvent.objects.filter(action="study.opened").count()
say([opened, verify_chain("demo").intact])
"""


def test_six_looks_at_once_are_one_event(own_portal):
    uid = own_portal.run(BEGIN)
    own_portal.race(LOOK, [uid] * 6)
    assert own_portal.run(COUNT) == [1, True]
