"""``manage.py serve``: everything that Overread consists of, as children of one process."""
