"""``python -m tests.hostile``: run the corpus and write how it ended into ``expected.csv``.

Look at every line that changed: an ending that is wrong and committed is worse than none.
"""

import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.bundles import tiny_bundle
from tests.chaos.harness import overread
from tests.hostile.corpus import EXPECTED, corpus, expected, write_expected
from tests.hostile.runner import by_api, endings, tell


def main() -> None:
    """Run everything once through the API."""
    before = expected() if EXPECTED.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        bundle = tiny_bundle(Path(folder) / "tiny-0.0.1")
        with overread(Path(folder) / "overread", bundle) as product:
            product.start()
            token = product.people("uploader")["uploader"]
            began = time.monotonic()
            told = tell(corpus(), by_api(product, token))
            print(f"{len(told.verdicts)} files sent in {time.monotonic() - began:.0f} s,"
                  f" the slowest request took {told.slowest:.1f} s")  # fmt: skip
            found = endings(product, told, within=300)
            print(f"all ended after {time.monotonic() - began:.0f} s")
    write_expected(found.items())
    for name, ending in sorted(found.items()):
        if before.get(name) != ending:
            print(name, *before.get(name, ("new",)), "->", *ending)
    print(Counter(answer for answer, _ in found.values()))


if __name__ == "__main__":
    main()
