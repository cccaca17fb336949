"""Addresses of the site."""

from __future__ import annotations

from django.conf import settings
from django.conf.urls.static import static
from django.urls import path
from pictures import views

urlpatterns = [
    path("", views.search, name="search"),
    path("upload", views.upload, name="upload"),
    path("hooks/tagloop", views.hook, name="hook"),
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
]
