"""A save that is killed when it has written so much: `cut_short.py ROOT PATH BYTES < CONTENT`.

The system ends a process that writes more to a file than it may (SIGXFSZ, setrlimit(2)).
Python ignores that signal, unless told otherwise.
"""

import asyncio
import resource
import signal
import sys
from pathlib import Path

from plughost_contents.files import Files

if __name__ == "__main__":
    root, path, limit = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    content = sys.stdin.buffer.read()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    asyncio.run(Files(root).write(path, content))
