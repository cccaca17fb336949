"""Label Studio beside Tagloop, in one run: first page, opening a picture, deciding about one.

Label Studio is timed at its API alone; Tagloop at its WebSocket until everything is drawn, learning included. Needs
an environment of its own: `python -m venv PEER && PEER/bin/pip install label-studio`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.console import figures, prepare
from benchmarks.embedded import embed_folder
from benchmarks.served import Editor, serve
from tagging_core.embeddings.encoders import load_encoder

_TOKEN = "0123456789abcdef0123456789abcdef01234567"
_CHOICES = '<Choices name="tags" toName="image" choice="multiple">{}</Choices>'
_CONFIG = f'<View><Image name="image" value="$image"/>{_CHOICES}</View>'
_TAGS = [f"tag {n}" for n in range(200)]
Call = Callable[..., Any]


@contextlib.contextmanager
def label_studio(program: Path, folder: Path) -> Iterator[Call]:
    """A running Label Studio, as a function that calls its API."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder),
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "LATEST_VERSION_CHECK": "false",
        "COLLECT_ANALYTICS": "false",
        "SENTRY_DSN": "",
    }
    user = ["--username", "ann@example.com", "--password", "not-a-secret-1", "--user-token", _TOKEN]
    command = [str(program), "start", "--no-browser", "--port", str(port), *user]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        yield _caller(f"http://127.0.0.1:{port}", process)
    finally:
        process.terminate()
        process.wait(30)


def _caller(url: str, process: subprocess.Popen) -> Call:
    headers = {"Authorization": f"Token {_TOKEN}", "Content-Type": "application/json"}

    def call(path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(url + path, data, headers), timeout=120) as answer:
            return json.loads(answer.read() or "null")

    for _ in range(600):
        with contextlib.suppress(OSError, urllib.error.URLError):
            call("/api/projects")
            return call
        if process.poll() is not None:
            raise SystemExit("Label Studio did not start; see its log.")
        time.sleep(0.2)
    raise TimeoutError("Label Studio does not answer.")


def measure_peer(call: Call, pictures: int, acts: int) -> dict:
    config = _CONFIG.format("".join(f'<Choice value="{tag}"/>' for tag in _TAGS))
    project = call("/api/projects", {"title": "bench", "label_config": config})["id"]
    choice = {"from_name": "tags", "to_name": "image", "type": "choices", "value": {"choices": _TAGS[:5]}}
    tasks = [
        {"data": {"image": f"https://example.com/{n}.jpg"}, "predictions": [{"score": 0.5, "result": [choice]}]}
        for n in range(pictures)
    ]
    imported = _seconds(lambda: call(f"/api/projects/{project}/import", tasks))
    page = f"/api/tasks?project={project}&page=1&page_size=48&fields=all"
    first = [_seconds(lambda: call(page)) for _ in range(20)]
    ids = [task["id"] for task in call(f"/api/tasks?project={project}&page=1&page_size={acts}")["tasks"]]
    opened = [_seconds(lambda i=i: call(f"/api/tasks/{i}?project={project}")) for i in ids]
    sent = {"result": [choice], "lead_time": 1.0}
    submitted = [_seconds(lambda i=i: call(f"/api/tasks/{i}/annotations/?project={project}", sent)) for i in ids]
    found = {"first_page": figures(first), "open": figures(opened), "submit": figures(submitted)}
    return found | {"import_s": round(imported, 2)}


def measure_tagloop(folder: Path, acts: int) -> dict:
    with serve(folder, "builtin", TAGLOOP_KNOWN_SHARE="0") as url:
        grid = Editor(url, "Bob", "review?mode=grid&profile=e-commerce")
        time.sleep(8)
        first = [grid.press("n" if grid.has("n") else "Show them again") for _ in range(20)]
        grid.close()
        editor = Editor(url, "Ann", "review?profile=e-commerce")
        opened, submitted = [], []
        for _ in range(acts):
            opened.append(editor.press("right"))
            if editor.has("1"):
                submitted.append(editor.press("1"))
            time.sleep(0.1)
        editor.close()
    return {"first_page": figures(first), "open": figures(opened), "submit": figures(submitted)}


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--program", type=Path, required=True, help="PEER/bin/label-studio")
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--acts", type=int, default=100)
    parser.add_argument("--models", type=Path, default=Path("data/models"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        with label_studio(arguments.program, Path(name)) as call:
            peer = measure_peer(call, arguments.pictures, arguments.acts)
        encoder = load_encoder("builtin", arguments.models)
        photos = embed_folder(arguments.folder, encoder, arguments.models).vectors
        folder = Path(name) / "tagloop" / "data"
        prepare(folder, encoder, photos, arguments.pictures)
        ours = measure_tagloop(folder, arguments.acts)
    print(json.dumps({"label_studio": peer, "tagloop": ours}))


if __name__ == "__main__":
    main()
