"""Whether the airlock is there. The worker asks it for pixels through `inference`."""

import socket

from django.conf import settings


def airlock_listens() -> bool:
    """Return whether somebody takes connections at the airlock's socket."""
    with socket.socket(socket.AF_UNIX) as door:
        door.settimeout(1)
        try:
            door.connect(str(settings.OVERREAD_AIRLOCK_SOCKET))
        except OSError:
            return False
    return True
