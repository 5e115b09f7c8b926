import json
import os
from datetime import timedelta
from urllib.parse import unquote, urlsplit

SECRET_KEY = os.environ.get("SITE_KEY", "the-secret-key-of-the-site-in-these-tests")
ALLOWED_HOSTS = ["*"]
USE_TZ = True
ROOT_URLCONF = "urls"
APPEND_SLASH = False
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "rest_framework",
    "rest_framework_simplejwt",
    "rest_framework_simplejwt.token_blacklist",
    "accounts",
]
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = [
    f"django.contrib.auth.hashers.{name}PasswordHasher"
    for name in ("PBKDF2", "PBKDF2SHA1", "Argon2", "BCryptSHA256", "BCrypt", "Scrypt", "MD5")
]
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTAuthentication"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}
SIMPLE_JWT = {
    name: timedelta(seconds=value) if name.endswith("_LIFETIME") else value
    for name, value in json.loads(os.environ.get("SITE_SIMPLE_JWT", "{}")).items()
}

_place = urlsplit(os.environ.get("SITE_DATABASE", "db.sqlite3"))
if _place.scheme.startswith("postgres"):
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _place.path[1:],
            "USER": _place.username or "",
            "PASSWORD": unquote(_place.password or ""),
            "HOST": _place.hostname,
            "PORT": _place.port,
        }
    }
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ.get("SITE_DATABASE", "db.sqlite3"),
            "OPTIONS": {"timeout": 60},
        }
    }
