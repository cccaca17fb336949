"""A small site; what concerns Tagloop stands at the end."""

from __future__ import annotations

import os
from pathlib import Path

BASE_DIR = Path(__file__).parent.parent
SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY", "only-for-a-try-on-this-machine")
DEBUG = True
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
ROOT_URLCONF = "newsroom.urls"
INSTALLED_APPS = ["pictures"]
MIDDLEWARE = ["django.middleware.csrf.CsrfViewMiddleware"]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]
DATA_DIR = Path(os.environ.get("NEWSROOM_DATA", BASE_DIR / "data"))
DATA_DIR.mkdir(parents=True, exist_ok=True)
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA_DIR / "newsroom.db"}}
MEDIA_ROOT, MEDIA_URL = DATA_DIR / "media", "/media/"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TAGLOOP_URL = os.environ.get("TAGLOOP_URL", "http://localhost:8501/api/v1")
TAGLOOP_KEY = os.environ.get("TAGLOOP_KEY", "")  # with the scopes read and tag
TAGLOOP_SECRET = os.environ.get("TAGLOOP_SECRET", "")  # of the webhook, whsec_...
