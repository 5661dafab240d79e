"""A Django project with django-mailbox and nothing else; its defaults, attachments in files beside it."""

import os

SECRET_KEY = "of a benchmark"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
INSTALLED_APPS = ["django_mailbox"]
MEDIA_ROOT = "media"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        **{key: os.environ[f"DATABASE_{key}"] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")},
    }
}
