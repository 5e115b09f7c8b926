"""The stock token classes of djangorestframework-simplejwt accept a pair of tokens. JSON in, JSON out."""

import json
import sys

import django
from django.conf import settings

asked = json.load(sys.stdin)
settings.configure(
    SECRET_KEY="unused-but-must-not-be-empty",
    USE_TZ=True,
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "rest_framework", "rest_framework_simplejwt"],
    SIMPLE_JWT={"SIGNING_KEY": asked["key"], "USER_ID_CLAIM": "user_seq"},
)
django.setup()

from rest_framework.test import APIRequestFactory  # noqa: E402
from rest_framework_simplejwt.authentication import JWTAuthentication  # noqa: E402
from rest_framework_simplejwt.exceptions import TokenError  # noqa: E402
from rest_framework_simplejwt.settings import api_settings  # noqa: E402
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken  # noqa: E402


def refused(kind, token):
    try:
        kind(token)
    except TokenError:
        return True
    return False


access = AccessToken(asked["access"])
refresh = RefreshToken(asked["refresh"])

authentication = JWTAuthentication()
request = APIRequestFactory().get("/", HTTP_AUTHORIZATION=f"Bearer {asked['access']}")
raw = authentication.get_raw_token(authentication.get_header(request))
validated = authentication.get_validated_token(raw)

head, body, signature = asked["access"].split(".")
tampered = ".".join((head, body, signature[::-1]))

# A pair of SimpleJWT's own, signed by another key, would be refused as well.
foreign = AccessToken()
foreign["user_seq"] = asked["user_seq"]
from rest_framework_simplejwt.backends import TokenBackend  # noqa: E402

other_key = TokenBackend("HS256", signing_key=asked["key"][::-1]).encode(foreign.payload)

print(
    json.dumps(
        {
            "access": access["user_seq"] == asked["user_seq"] and access["token_type"] == "access",
            "refresh": refresh["user_seq"] == asked["user_seq"] and refresh["token_type"] == "refresh",
            "authentication": validated[api_settings.USER_ID_CLAIM] == asked["user_seq"]
            and type(validated) is AccessToken,
            "swapped_refused": refused(AccessToken, asked["refresh"]) and refused(RefreshToken, asked["access"]),
            "tampered_refused": refused(AccessToken, tampered),
            "other_key_refused": refused(AccessToken, other_key),
        }
    )
)
