"""A service that verifies access tokens by itself: Django REST framework and the stock SimpleJWT.

pip install djangorestframework djangorestframework-simplejwt "pyjwt[crypto]"
MUNJIGI_URL=https://auth.example.org python drf_service.py runserver 8001

In a project, the two dictionaries go into settings.py.
"""

import os
import sys

from django.conf import settings

URL = os.environ["MUNJIGI_URL"]  # server.public_url

SIMPLE_JWT = {
    "ALGORITHM": os.environ.get("MUNJIGI_ALGORITHM", "EdDSA"),  # of the signing key
    "JWK_URL": f"{URL}/.well-known/jwks.json",
    "ISSUER": os.environ.get("MUNJIGI_ISSUER", URL),  # tokens.issuer
    "AUDIENCE": os.environ.get("MUNJIGI_AUDIENCE"),  # one of tokens.audience, if that is set
    # `sub` is `user:1` or `client:1`: the number alone does not tell users and clients apart.
    "USER_ID_CLAIM": "sub",
}
REST_FRAMEWORK = {
    # The account is read from the token; this service has no table of users.
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTStatelessUserAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
}

settings.configure(
    ALLOWED_HOSTS=["localhost", "127.0.0.1"],
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "rest_framework"],
    REST_FRAMEWORK=REST_FRAMEWORK,
    ROOT_URLCONF=__name__,
    # Not used: SimpleJWT has no secret here, it fetches the public keys.
    SECRET_KEY=os.urandom(32).hex(),
    SIMPLE_JWT=SIMPLE_JWT,
)

import django  # noqa: E402

django.setup()

from django.core.management import execute_from_command_line  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework.permissions import BasePermission  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402


class IsInternalUser(BasePermission):
    """Refuses clients. SimpleJWT has checked the signature, `exp`, `iss` and that `token_type` is `access`."""

    def has_permission(self, request, view):
        return request.auth is not None and request.auth.get("user_type") == "user"


class WhoAmI(APIView):
    def get(self, request):
        return Response({"sub": request.user.id, "role": request.auth.get("role")})


class Reports(APIView):
    permission_classes = [IsInternalUser]

    def get(self, request):
        return Response({"reports": [], "reader": request.user.id})


urlpatterns = [path("whoami", WhoAmI.as_view()), path("reports", Reports.as_view())]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
