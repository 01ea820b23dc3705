"""A language server for tests, which does to its client whatever it is asked to.

`fake_server.py DIARY [how…]` writes what happens to it into the file DIARY. `deaf` does not
answer `shutdown` and ignores SIGTERM, `still` reads nothing after `initialize`, `stillborn`
ends before it reads anything.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time

DIARY, *HOW = sys.argv[1:]


def note(what: str) -> None:
    with open(DIARY, "a", encoding="utf-8") as diary:
        diary.write(f"{what}\n")


def read() -> dict | None:
    length = 0
    for line in sys.stdin.buffer:
        name, _, value = line.decode().partition(":")
        if name.lower() == "content-length":
            length = int(value)
        elif not line.strip():
            return json.loads(sys.stdin.buffer.read(length))
    return None


def write(message: object) -> None:
    out(frame(json.dumps(message).encode()))


def frame(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def out(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def about() -> dict:
    return {"pid": os.getpid(), "cwd": os.getcwd(), "env": dict(os.environ)}


def answer(method: str, params: dict, id_: object) -> None:
    reply = {"jsonrpc": "2.0", "id": id_, "result": params}
    if method == "initialize":
        reply["result"] = {"capabilities": {}, "about": about()}
        write(reply)
        while "still" in HOW:
            time.sleep(60)
    elif method == "shutdown":
        note("shutdown")
        if "deaf" not in HOW:
            write({**reply, "result": None})
    elif method == "read-file":
        try:
            with open(params["path"], encoding="utf-8") as file:
                write({**reply, "result": file.read()})
        except FileNotFoundError:
            write({**reply, "result": None})
    elif method == "dribble":
        for byte in frame(json.dumps(reply).encode()):
            out(bytes([byte]))
    elif method == "raw":
        out(params["before"].encode())
        out(params.get("bytes", "").encode("latin-1"))
        write(reply)
    elif method == "flood":
        for number in range(params["messages"]):
            write({"jsonrpc": "2.0", "method": "n", "params": [number, "x" * params["size"]]})
            note(f"sent {number}")
        write(reply)
    elif method == "die":
        print(params["words"], file=sys.stderr, flush=True)
        os._exit(params["code"])
    else:
        write(reply)


def main() -> None:
    note(f"started {os.getpid()}")
    if "stillborn" in HOW:
        sys.exit("I was never meant to be.")
    if "deaf" in HOW:
        signal.signal(signal.SIGTERM, lambda *_: note("sigterm"))
    while (message := read()) is not None:
        method = message.get("method", "")
        if method == "exit":
            note("exit")
            if "deaf" not in HOW:
                return
        elif "id" in message:
            answer(method, message.get("params") or {}, message["id"])
        else:
            note(f"notified {json.dumps(message)}")
    note("end of input")
    while "deaf" in HOW:
        time.sleep(60)


main()
