"""Tagging single pictures."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Request, Response, UploadFile

from tagging_core.api.routes.common import (
    OnceKey,
    ProfileName,
    Tagging,
    once,
)
from tagging_core.api.uploads import UploadRoute, only_files
from tagging_core.learning.suggestions import MAX_SUGGESTIONS
from tagging_core.publishing import schemas

router = APIRouter(tags=["Pictures in"], route_class=UploadRoute)


@router.post("/pictures", response_model=schemas.Tagged, dependencies=[Depends(only_files("picture", most=1))])
def tag_picture(
    request: Request,
    operations: Tagging,
    picture: Annotated[UploadFile, File(description="JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF or HEIC")],
    profile: ProfileName = "general",
    title: Annotated[str, Form(max_length=2_000)] = "",
    caption: Annotated[str, Form(max_length=20_000)] = "",
    body: Annotated[str, Form(max_length=200_000)] = "",
    instruction: Annotated[str, Form(max_length=2_000, description="what the model should look for")] = "",
    top_k: Annotated[int, Form(ge=1, le=MAX_SUGGESTIONS)] = MAX_SUGGESTIONS,
    target: Annotated[float | None, Form(gt=0, lt=1, description="minimum precision", examples=[0.95])] = None,
    language: Annotated[schemas.Language, Form()] = "en",
    keep: Annotated[bool, Form(description="whether to store the picture")] = True,
    vector: Annotated[bool, Form(description="whether to return the embedding")] = False,
    key: OnceKey = None,
) -> Response:
    """Tag one picture synchronously."""
    data = picture.file.read()
    name = picture.filename or ""
    text = schemas.Text(title=title, caption=caption, body=body)
    options = repr((name, profile, text, instruction, top_k, target, language, keep, vector))

    def work() -> schemas.Tagged:
        return operations.pictures.tag(
            data,
            name,
            profile,
            text=text,
            instruction=instruction,
            top_k=top_k,
            target=target,
            language=language,
            keep=keep,
            vector=vector,
        )

    return once(request, key, [data, options], work)
