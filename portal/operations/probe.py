"""``python -m portal.operations.probe PATH``: a healthcheck of the web server here.

Needs neither Django nor the settings, so that asking every few seconds costs little. The answer
is printed; the exit code is 0 for 200.
"""

import argparse
import http.client
import os
import sys
from http import HTTPStatus
from urllib.parse import urlsplit


def main() -> int:
    """Ask once."""
    parser = argparse.ArgumentParser(prog="python -m portal.operations.probe")
    parser.add_argument("path", help="/healthz or /readyz")
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    origin = os.environ.get("OVERREAD_ORIGIN", f"http://127.0.0.1:{arguments.port}")
    server = http.client.HTTPConnection("127.0.0.1", arguments.port, timeout=4)
    try:
        server.request("GET", arguments.path, headers={"Host": urlsplit(origin).netloc})
        answer = server.getresponse()
        sys.stdout.write(f"{answer.status} {answer.read(4096).decode(errors='replace').strip()}\n")
    except (OSError, http.client.HTTPException) as error:
        sys.stdout.write(f"no answer: {error}\n")
        return 1
    finally:
        server.close()
    return 0 if answer.status == HTTPStatus.OK else 1


if __name__ == "__main__":
    sys.exit(main())
