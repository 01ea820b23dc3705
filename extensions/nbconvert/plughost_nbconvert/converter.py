"""The program that converts: a process of its own, so that nbconvert holds up nobody.

`workers.py` runs this file by its path. For each line of JSON on stdin it does one piece of
work, and says in one line on stdout how that went; notebooks and what becomes of them are in
files. It imports nothing of plughost, and it ends with the server, however that ends.
"""

# nbconvert has types for some functions only.
# mypy: disallow-untyped-calls=False

from __future__ import annotations

import contextlib
import json
import mimetypes
import os
import queue
import re
import shutil
import signal
import sys
import threading
import traceback
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

GROUP = "nbconvert.exporters"

SERVER_CONFIG = (
    "jupyter_config",
    "jupyter_notebook_config",
    "jupyter_server_config",
    "jupyter_lab_config",
)
"""Where Jupyter's server takes nbconvert's settings from, the lowest first."""

OWN_CONFIG = "jupyter_nbconvert_config"
"""Where `jupyter nbconvert` takes them from; it counts most."""

MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)

MESSAGE = 1500
"""Characters of an error that are passed on; LaTeX can say a lot."""


class Refused(Exception):
    """Something that is not nbconvert's fault: `kind` says what."""

    def __init__(self, kind: str, message: str, hint: str) -> None:
        self.kind, self.message, self.hint = kind, message, hint
        super().__init__(message)


def main() -> None:
    """Work until the server goes away."""
    requests, replies = _channels()
    warnings.simplefilter("ignore")  # nbformat and others have many, which nobody would read
    folder, root = os.getcwd(), sys.argv[1]
    # The folder of this file, whose modules nobody should find by their bare names.
    sys.path[:] = [path for path in sys.path if path != os.path.dirname(os.path.abspath(__file__))]
    with contextlib.suppress(OSError):
        os.chdir(root)
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests, lines, folder), daemon=True).start()
    while True:
        reply = answer(json.loads(lines.get()))
        replies.write(json.dumps(reply).encode() + b"\n")
        replies.flush()


def _channels() -> tuple[BinaryIO, BinaryIO]:
    """What the server writes and reads, out of reach of whatever else runs here.

    Templates print, and LaTeX reads what to do about an error.
    """
    requests, replies = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return os.fdopen(requests, "rb"), os.fdopen(replies, "wb")


def _listen(requests: BinaryIO, lines: queue.SimpleQueue[bytes], folder: str) -> None:
    for line in requests:
        lines.put(line)
    # The server is gone: nobody waits for what is being made, or sweeps up after it.
    shutil.rmtree(folder, ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """Do one piece of work; whatever it raises is in the reply."""
    work: Callable[[Mapping[str, Any]], dict[str, Any]]
    work = {"nothing": lambda request: {}, "list": _list, "convert": _convert}[request["do"]]
    try:
        return work(request)
    except Refused as error:
        return {"error": {"kind": error.kind, "message": error.message, "hint": error.hint}}
    # Exporters, templates and configuration files are anybody's code.
    except (Exception, SystemExit) as error:
        return {
            "error": {
                "kind": "failed",
                "message": _text_of(error),
                "hint": "The server's log has the details.",
                "traceback": traceback.format_exc(),
            }
        }


def _text_of(error: BaseException) -> str:
    text = str(error).strip() or repr(error)
    text = text if isinstance(error, OSError | RuntimeError) else f"{type(error).__name__}: {text}"
    return text if len(text) <= MESSAGE else f"… {text[-MESSAGE:]}"


# -- what there is


def _entry_points() -> dict[str, Any]:
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group=GROUP)}


def _list(request: Mapping[str, Any]) -> dict[str, Any]:
    """The MIME type of what each exporter makes, as jupyter_server lists them.

    One that cannot be imported, or is disabled in the configuration, is left out.
    """
    import nbconvert.exporters  # noqa: F401  # where it cannot be imported: say so, once

    config = _config()
    found = {}
    for name, entry in sorted(_entry_points().items()):
        try:
            exporter = entry.load()
            if getattr(exporter(config=config), "enabled", True):
                found[name] = {"output_mimetype": str(exporter.output_mimetype)}
        except Exception:
            traceback.print_exc()
    return {"formats": found}


def _exporter(name: str, config: Any, sanitize: bool | None) -> Any:
    """An exporter that is ready to convert. Raises Refused for an unknown name."""
    from nbconvert.exporters.base import ExporterDisabledError, get_exporter
    from nbconvert.preprocessors import ExecutePreprocessor

    known = _entry_points()
    # Whatever else `get_exporter` is given it imports, if there is a dot in it.
    if name.lower() not in known and name not in known and name != "ipynb":
        raise Refused(
            "unknown format",
            f"Notebooks cannot be converted to {name!r}.",
            f"Formats: {', '.join(sorted(known))}.",
        )
    try:
        exporter = get_exporter(name, config=config)(config=config)
    except ExporterDisabledError:
        raise Refused(
            "unknown format",
            f"The format {name!r} is disabled.",
            "Jupyter's configuration files say so; whoever looks after them can change it.",
        ) from None
    # To convert is to read: what the cells say is done by a kernel, when a person runs them.
    for preprocessor in getattr(exporter, "_preprocessors", ()):
        if isinstance(preprocessor, ExecutePreprocessor):
            preprocessor.enabled = False
    if sanitize is not None and hasattr(exporter, "sanitize_html"):
        exporter.sanitize_html = sanitize
    return exporter


def _config() -> Any:
    """nbconvert's settings from Jupyter's folders, read anew: they may have been changed."""
    from jupyter_core.application import JupyterApp
    from traitlets.config import Application
    from traitlets.config.loader import ConfigFileNotFound

    app = JupyterApp()
    for name in (*SERVER_CONFIG, OWN_CONFIG):
        # What is wrong with the server's files its start has said.
        app.raise_config_file_errors = name == OWN_CONFIG
        with contextlib.suppress(ConfigFileNotFound):
            # Not JupyterApp's own: that reads `jupyter_config` again, over the others.
            Application.load_config_file(app, name, path=app.config_file_paths)
    config: Any = app.config
    # By default a notebook is validated after each of a dozen steps, even those that are off.
    config.Exporter.setdefault("optimistic_validation", True)
    # By default templates are looked for in the folder one is in, before any other: whoever
    # opens somebody's folder, with a `lab/index.html.j2` in it, would run that.
    config.TemplateExporter.setdefault("extra_template_basedirs", [])
    return config


# -- conversion


def _convert(request: Mapping[str, Any]) -> dict[str, Any]:
    """Convert the notebook in the file `source` into the file `target`."""
    exporter = _exporter(request["format"], _config(), request["sanitize"])
    notebook, name = _notebook(request)
    stem = os.path.splitext(name)[0]
    try:
        output, resources = exporter.from_notebook_node(notebook, _resources(request, stem))
    except Exception as error:
        raise _explained(error, exporter, name) from error
    data = output.encode("utf-8", "replace") if isinstance(output, str) else output
    # The extension of a script is what the notebook says it is.
    made = PurePosixPath(f"{stem}{resources['output_extension']}").name
    others = _others(resources)
    target = Path(request["target"])
    if others:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(made, data)
            for other, content in others.items():
                archive.writestr(other, content)
        return _made(f"{stem}.zip", "application/zip", attachment=True)
    target.write_bytes(data)
    return _made(made, _media_type(exporter.output_mimetype, made, output), attachment=False)


def _made(name: str, media_type: str, *, attachment: bool) -> dict[str, Any]:
    return {"made": {"name": name, "media_type": media_type, "attachment": attachment}}


def _notebook(request: Mapping[str, Any]) -> tuple[Any, str]:
    """The notebook and its file's name. Raises Refused for what is none."""
    import nbformat

    name = request["name"]
    try:
        value = json.loads(Path(request["source"]).read_bytes())
        if name is None:
            value, name = _posted(value)
        if value["nbformat"] == 4:
            _complete(value)
        # Upgrades older ones, and logs what is not valid.
        notebook = nbformat.reads(json.dumps(value), as_version=4)
    except Refused:
        raise
    except Exception as error:  # as many kinds as there are ways not to be a notebook
        raise Refused(
            "not a notebook",
            f"{name or 'The content'!r} is not a notebook: {_text_of(error)}",
            "Open it as text (Open With > Editor) to see and repair it.",
        ) from error
    return notebook, name


def _posted(value: Any) -> tuple[Any, str]:
    """The notebook in the body of a POST, and the name that it goes by."""
    content, name = (
        (value.get("content"), value.get("name")) if isinstance(value, dict) else ("",) * 2
    )
    if not isinstance(content, dict) or not isinstance(name, str | None):
        raise Refused(
            "not a notebook",
            "The request has no notebook in `content`.",
            'Send {"content": {…}, "name": "a.ipynb"}; `name` is optional.',
        )
    return content, PurePosixPath(name or "").name or "notebook.ipynb"


def _complete(notebook: Any) -> None:
    """Add what templates rely on and programs leave out."""
    notebook.setdefault("metadata", {})
    for cell in notebook["cells"]:
        cell.setdefault("metadata", {})
        cell.setdefault("source", "")
        if cell["cell_type"] == "code":
            cell.setdefault("outputs", [])
            cell.setdefault("execution_count", None)


def _resources(request: Mapping[str, Any], stem: str) -> dict[str, Any]:
    from jupyter_core.paths import jupyter_config_dir

    facts = {"modified_date": request["modified"], "path": request["folder"]}
    metadata = {"name": stem, **{key: value for key, value in facts.items() if value}}
    return {"metadata": metadata, "config_dir": jupyter_config_dir()}


def _others(resources: Mapping[str, Any]) -> dict[str, bytes]:
    """The files that belong to an output, by their names in relation to it."""
    found = {}
    for key in ("outputs", "attachments"):
        files = resources.get(key)
        for name, content in files.items() if isinstance(files, dict) else ():
            path = PurePosixPath(name)
            inside = not path.is_absolute() and ".." not in path.parts
            found[str(path) if inside else path.name] = content
    return found


def _media_type(declared: str, name: str, output: str | bytes) -> str:
    if not MEDIA_TYPE.fullmatch(declared):  # that of a script is what the notebook says, too
        declared = ""
    if isinstance(output, str):
        return f"{declared or 'text/plain'}; charset=utf-8"
    # Those that make PDFs from HTML say they make HTML.
    if not declared or declared.startswith("text/"):
        return mimetypes.guess_type(name)[0] or "application/octet-stream"
    return declared


# -- what went wrong


def _explained(error: Exception, exporter: Any, name: str) -> Exception:
    """What to tell a person about an error, if there is more to say than it says itself."""
    import nbformat

    if isinstance(error, nbformat.ValidationError):
        return Refused(
            "not a notebook",
            f"{name!r} is not a valid notebook: {error.message[-MESSAGE:]}",
            "Open and save it: JupyterLab says what is not valid in it.",
        )
    missing = _missing_programs(error, exporter)
    if missing:
        return Refused(
            "failed",
            f"This format needs {' and '.join(missing)}, which cannot be found.",
            f"Install {' and '.join(map(_where_from, missing))}, then try again.",
        )
    return error


def _missing_programs(error: Exception, exporter: Any) -> list[str]:
    from nbconvert.exporters import PDFExporter
    from nbconvert.utils.pandoc import PandocMissing

    needed = ["pandoc"] if isinstance(error, PandocMissing) else []
    if isinstance(exporter, PDFExporter):
        needed = ["pandoc", exporter.latex_command[0]]
    return [program for program in needed if shutil.which(program) is None]


def _where_from(program: str) -> str:
    pages = {"pandoc": "https://pandoc.org/installing.html", "xelatex": "https://tug.org/texlive/"}
    return f"{program} ({pages[program]})" if program in pages else program


if __name__ == "__main__":
    main()
