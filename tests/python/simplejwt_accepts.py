"""The stock token classes of djangorestframework-simplejwt accept a pair of tokens, by the secret or by the public keys of the
server. JSON in, JSON out."""

import json
import sys

import django
import jwt
from django.conf import settings
from other_keys import other_key_for

asked = json.load(sys.stdin)
if "jwk_url" in asked:
    keys = {"ALGORITHM": asked["algorithm"], "JWK_URL": asked["jwk_url"]}
else:
    keys = {"SIGNING_KEY": asked["key"]}
settings.configure(
    SECRET_KEY="unused-but-must-not-be-empty",
    USE_TZ=True,
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "rest_framework", "rest_framework_simplejwt"],
    SIMPLE_JWT={**keys, "USER_ID_CLAIM": "user_seq"},
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

# The same header and claims, signed by another key.
other_key = jwt.encode(
    access.payload,
    other_key_for(asked),
    algorithm=asked.get("algorithm", "HS256"),
    headers=jwt.get_unverified_header(asked["access"]),
)

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
