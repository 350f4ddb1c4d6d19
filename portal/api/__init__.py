"""The REST door, ``/api/v1``: authenticate, parse, call one function, render."""
