"""Health check of the container: 0 where the run answers on its metrics port (variable ALPR_HEALTH_URL)."""

from __future__ import annotations

import os
import sys
import urllib.request

URL = os.environ.get("ALPR_HEALTH_URL", "http://127.0.0.1:9464/healthz")


def main() -> int:
    try:
        with urllib.request.urlopen(URL, timeout=4) as answer:
            return 0 if answer.status == 200 else 1
    except OSError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
