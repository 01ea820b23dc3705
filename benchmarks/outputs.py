"""Cells that write a lot, and what of it has reached a client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lines import Message

MESSAGES = 20_000
BIG = 200
MEGABYTE = 1_000_000

DISPLAY = """
from IPython.display import display
for number in range({count}):
    display({{"text/plain": str(number).rjust({size}, "-")}}, raw=True)
"""
PRINT = """
for number in range({count}):
    print(number, flush=True)
"""
# What is left of `display` when everything but the message itself is taken away: it is put
# together, signed, and handed to the thread that sends.
BURST = """
kernel = get_ipython().kernel
parent, topic = kernel.get_parent(), kernel._topic("display_data")
for number in range({count}):
    content = {{"data": {{"text/plain": str(number)}}, "metadata": {{}}, "transient": {{}}}}
    kernel.session.send(kernel.iopub_socket, "display_data", content, parent, ident=topic)
"""
FLOOD = """
import time
from IPython.display import display
end = time.monotonic() + {seconds}
while time.monotonic() < end:
    display({{"text/plain": "-" * {size}}}, raw=True)
"""


def flood(seconds: float, size: int) -> str:
    """A cell that displays so many bytes again and again for so many seconds."""
    return FLOOD.format(seconds=seconds, size=size)


@dataclass(frozen=True)
class Output:
    """A cell, how many pieces it writes, and what a rate counts: so many units a piece."""

    code: str
    count: int
    unit: str = "messages"


OUTPUTS = {
    "20,000 displays": Output(DISPLAY.format(count=MESSAGES, size=0), MESSAGES),
    "20,000 flushed prints": Output(PRINT.format(count=MESSAGES), MESSAGES, "lines"),
    "burst of 20,000": Output(BURST.format(count=MESSAGES), MESSAGES),
    "200 × 1 MB": Output(DISPLAY.format(count=BIG, size=MEGABYTE), BIG, "MB"),
}


@dataclass
class Received:
    """What has reached a client of one output, and when.

    `lost` counts pieces that are missing or out of place; a stream's pieces are its lines, in
    however many messages they come. `skipped` is `Line.skipped`: what is lost and not skipped
    has been dropped by the kernel.
    """

    name: str
    seconds: float = 0.0
    messages: int = 0
    lost: int = 0
    skipped: int = 0
    idle: bool = False
    replied: bool = True
    _pieces: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        return self.idle and self.replied and not self.lost

    def take(self, message: Message, at: float) -> None:
        """Note a message that has come so many seconds after the request."""
        self.messages += 1
        if message.kind == "display_data":
            self._pieces.append(message.content["data"]["text/plain"])
        elif message.kind == "stream":
            self._pieces.append(message.content["text"])
        elif message.kind == "error":
            raise ValueError(f"The cell of {self.name!r} failed: {message.content}")
        elif message.content.get("execution_state") == "idle":
            self.idle = True
        self.seconds = at

    def judged(self) -> Received:
        """The same when nothing more will come, compared with what was written."""
        wanted = [str(number) for number in range(OUTPUTS[self.name].count)]
        if OUTPUTS[self.name].unit == "lines":
            pieces: Sequence[str] = "".join(self._pieces).split("\n")[:-1]
        else:
            pieces = [piece.lstrip("-") for piece in self._pieces]
        self.lost = len(wanted) - _in_order(pieces, wanted)
        self._pieces.clear()
        return self


def _in_order(pieces: Sequence[str], wanted: Sequence[str]) -> int:
    """How many of the pieces are what was wanted, each after the one before it."""
    position = {piece: index for index, piece in enumerate(wanted)}
    count, last = 0, -1
    for piece in pieces:
        index = position.get(piece, -1)
        if index > last:
            count, last = count + 1, index
    return count


def summary(received: dict[str, Any]) -> dict[str, float]:
    """The figures of an output, by what they are called."""
    name, output = received["name"], OUTPUTS[received["name"]]
    return {
        f"{name} ({output.unit}/s)": (output.count - received["lost"]) / received["seconds"],
        f"{name}: lost": received["lost"] + (not received["replied"]) + (not received["idle"]),
    }
