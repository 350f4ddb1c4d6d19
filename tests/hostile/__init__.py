"""The corpus of hostile files, and the running product that has to answer every one of them.

A family is a module with ``cases()``. A case is made in memory, from its name alone; how it ends
is committed in ``expected.csv``.
"""
