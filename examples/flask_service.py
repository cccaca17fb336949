"""Few but sure keywords for a CMS, from Tagloop: `flask --app examples/flask_service run`.

`TAGLOOP_URL` and `TAGLOOP_KEY` say where Tagloop is. `POST /keywords` with a file `picture` answers with keywords,
of which 95 in 100 are right; `GET /search?q=red+dress` with the file names of pictures.
"""

from __future__ import annotations

import os

from flask import Flask, abort, jsonify, request
from flask.typing import ResponseReturnValue

from tagging_core.api import Client, ServiceError

app = Flask(__name__)
tagloop = Client(os.environ["TAGLOOP_URL"], os.environ.get("TAGLOOP_KEY", ""))


@app.post("/keywords")
def keywords() -> ResponseReturnValue:
    """Tag a picture without keeping it."""
    sent = request.files.get("picture")
    if sent is None:
        abort(400, "Send the picture as the form's file `picture`.")
    found = tagloop.pictures.tag(sent.read(), sent.filename or "", "news", target=0.95, keep=False)
    return jsonify(keywords=[s.name for s in found.suggestions], alt=found.description.alt)


@app.get("/search")
def search() -> ResponseReturnValue:
    """Find pictures by words."""
    found = tagloop.search.find(request.args.get("q", ""), limit=20)
    return jsonify([{"name": hit.asset.name, "relevance": hit.relevance} for hit in found.hits])


@app.errorhandler(ServiceError)
def refused(error: ServiceError) -> ResponseReturnValue:
    """Tell what Tagloop told; what went wrong there is not the caller's fault."""
    return jsonify(error=str(error)), error.status if 400 <= error.status < 500 else 502
