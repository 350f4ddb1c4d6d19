"""The airlock: the only process that opens untrusted bytes.

``python -m inference.airlock --socket S`` is a forkserver: one limited child per file. Its clients
are ``inference.airlock.client`` and, with nothing but the standard library, ``portal.airlock``.
The protocol is in ``inference.airlock.wire``.
"""
