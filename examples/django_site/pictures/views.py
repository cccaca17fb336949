"""Upload, search, and what Tagloop tells."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterable

from django.conf import settings
from django.db import transaction
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from pictures.models import Picture, Tag
from tagging_core.api import Client, ServiceError

_OLD = 300  # seconds after which a delivery may be a replayed one

tagloop = Client(settings.TAGLOOP_URL, settings.TAGLOOP_KEY)


class UploadForm(ModelForm):
    """One picture."""

    class Meta:
        model = Picture
        fields = ("file",)


def upload(request: HttpRequest) -> HttpResponse:
    """Keep a picture with the tags that Tagloop suggests; without Tagloop it is kept without tags."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if not form.is_valid():
        return render(request, "upload.html", {"form": form}, status=400 if request.method == "POST" else 200)
    sent = form.cleaned_data["file"]
    sent.seek(0)
    try:
        found = tagloop.pictures.tag(sent.read(), sent.name, "news")
    except ServiceError as error:
        form.save()
        return render(request, "upload.html", {"form": UploadForm(), "trouble": str(error)}, status=502)
    with transaction.atomic():
        if Picture.objects.filter(asset=found.asset).exists():  # the same bytes have the same number
            return redirect("search")
        picture = form.save(commit=False)
        picture.asset, picture.alt = found.asset, found.description.alt
        picture.save()
        _set_tags(picture, ((s.tag, s.name, s.probability) for s in found.suggestions))
    return redirect("search")


@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """Pictures that fit words, best first; the latest without words."""
    words = request.GET.get("q", "").strip()
    pictures = Picture.objects.prefetch_related("tags")
    if not words:
        return render(request, "search.html", {"pictures": pictures.order_by("-id")[:60], "words": words})
    try:
        hits = tagloop.search.find(words, limit=60).hits
    except ServiceError as error:
        return render(request, "search.html", {"words": words, "trouble": str(error)}, status=502)
    mine = {picture.asset: picture for picture in pictures.filter(asset__in=[hit.asset.id for hit in hits])}
    found = [mine[hit.asset.id] for hit in hits if hit.asset.id in mine]
    return render(request, "search.html", {"pictures": found, "words": words})


@csrf_exempt
@require_POST
def hook(request: HttpRequest) -> HttpResponse:
    """An editor reviewed a picture: the tags that were accepted take the place of the suggested ones."""
    if not _is_genuine(request):
        return HttpResponse("The signature is not right.", status=403)
    told = json.loads(request.body)
    if told["type"] != "asset.reviewed":
        return HttpResponse(status=204)
    asset = told["data"]["asset"]
    with transaction.atomic():
        picture = Picture.objects.filter(asset=asset["id"]).first()
        if picture is not None:
            picture.reviewed, picture.alt = True, asset["description"]["alt"]
            picture.save()
            _set_tags(picture, ((tag["tag"], tag["name"], 1.0) for tag in asset["tags"]))
    return HttpResponse(status=204)


def _set_tags(picture: Picture, tags: Iterable[tuple[str, str, float]]) -> None:
    picture.tags.all().delete()
    Tag.objects.bulk_create(
        Tag(picture=picture, tag=tag, name=name, probability=probability) for tag, name, probability in tags
    )


def _is_genuine(request: HttpRequest) -> bool:
    """Whether Tagloop signed it, a moment ago (Standard Webhooks)."""
    uid, sent = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
    if not sent.isdigit() or abs(time.time() - int(sent)) > _OLD:
        return False
    secret = base64.urlsafe_b64decode(settings.TAGLOOP_SECRET.removeprefix("whsec_") + "==")
    digest = hmac.new(secret, f"{uid}.{sent}.".encode() + request.body, hashlib.sha256).digest()
    return hmac.compare_digest(
        request.headers.get("webhook-signature", ""), "v1," + base64.b64encode(digest).decode()
    )
