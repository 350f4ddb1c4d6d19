"""The seeded runner: clients upload, a killer kills, a judge compares.

What the clients were told is written to a ledger outside the system. When all is over, the judge
holds it against rows, blobs and audit trail. See ``docs/faults.md``.
"""
