"""Who may do what, typed by hand from the design: what the product says of itself proves nothing.

One line an act, one letter a role: u uploader, r reader, v reviewer, j adjudicator, p pacs_admin,
d data_scientist, a auditor, s site_admin.
"""

ROLES = {
    "u": "uploader",
    "r": "reader",
    "v": "reviewer",
    "j": "adjudicator",
    "p": "pacs_admin",
    "d": "data_scientist",
    "a": "auditor",
    "s": "site_admin",
}
_ACTS = {
    "upload": "urvjp",
    "see_own_uploads": "urvjp",
    "see_studies": "rvjp",
    "write_finding": "rv",
    "sign": "vj",
    "pause_model": "vj",
    "adjudicate": "j",
    "operate": "p",
    "evaluate_models": "d",
    "approve_models": "vs",
    "read_audit": "a",
    "administer": "s",
    "watch_model": "vjdas",
    "answer_alerts": "vjds",
    "compare_by_study": "da",
}
ALLOWED = {act: {ROLES[letter] for letter in letters} for act, letters in _ACTS.items()}
