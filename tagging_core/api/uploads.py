"""Uploaded files of multipart forms: their names, and errors for files that a route would drop silently."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import aclosing
from typing import Any

from fastapi import Request, Response
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser

from tagging_core.api.routes.common import ScopedRoute
from tagging_core.api.upload_names import file_name
from tagging_core.errors import SourceError

_MULTIPART = "multipart/form-data"


class UploadRoute(ScopedRoute):
    """A route that takes file names in all forms that programs send."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See `ScopedRoute`."""
        handle = super().get_route_handler()  # checks the scope before it reads the form

        async def handle_upload(request: Request) -> Response:
            return await handle(_UploadRequest(request.scope, request.receive))

        return handle_upload


def only_files(part: str, most: int) -> Callable[[Request], Awaitable[None]]:
    """Return a dependency that refuses files which the route would not read.

    Args:
        part: Name of the part, or parts, that the route reads.
        most: Maximum number of files.

    Returns:
        The dependency; it raises a `SourceError` that says what to send instead.
    """

    async def check(request: Request) -> None:
        items = (await request.form()).multi_items()
        if any(key == part and not isinstance(value, UploadFile) for key, value in items):
            raise SourceError(
                f'The part {part!r} has no file name, so that it is no file. Add one: filename="photo.jpg".'
            )
        files = [(key, value.filename) for key, value in items if isinstance(value, UploadFile)]
        if other := [(key, name) for key, name in files if key != part]:
            raise SourceError(f"{other[0][1]!r} was sent as part {other[0][0]!r}; send files as part {part!r}.")
        if len(files) > most:
            raise SourceError(
                f"{len(files)} files were sent; the limit is {most} per request. Send several requests, or a zip "
                "to POST /batches."
            )

    return check


class _UploadRequest(Request):
    async def _get_form(self, **limits: Any) -> FormData:
        if self._form is None and self.headers.get("Content-Type", "").lower().startswith(_MULTIPART):
            try:
                async with aclosing(self.stream()) as stream:
                    self._form = await _UploadParser(self.headers, stream, **limits).parse()
            except MultiPartException as error:
                raise HTTPException(400, error.message) from error
        return await super()._get_form(**limits)


class _UploadParser(MultiPartParser):
    def on_headers_finished(self) -> None:
        """Let a part with any kind of file name be a file, and set its name."""
        disposition = self._current_part.content_disposition or b""
        name = file_name(disposition)
        if name is not None:  # replaced below; Starlette takes no part for a file for the sake of `filename*`
            kind, _, rest = disposition.partition(b";")
            self._current_part.content_disposition = kind + b'; filename="unnamed";' + rest
        super().on_headers_finished()
        if name is not None and self._current_part.file is not None:
            self._current_part.file.filename = name
