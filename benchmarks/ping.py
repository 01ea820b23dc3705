"""Ask a server for its status until standard input ends; then print how long each answer took."""

from __future__ import annotations

import http.client
import json
import select
import sys
import time
from urllib.parse import urlsplit


def main(base: str, token: str) -> None:
    address = urlsplit(base)
    client = http.client.HTTPConnection(address.hostname or "", address.port, timeout=120)
    waits: list[float] = []
    while True:
        began = time.perf_counter()
        client.request("GET", "/api/status", headers={"Authorization": f"token {token}"})
        client.getresponse().read()
        waits.append(time.perf_counter() - began)
        if len(waits) == 1:
            print("under way", flush=True)
        if select.select([sys.stdin], [], [], 0.002)[0]:
            break
    print(json.dumps(waits))


if __name__ == "__main__":
    main(*sys.argv[1:])
