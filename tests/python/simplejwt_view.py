"""A view with the stock `JWTAuthentication` of djangorestframework-simplejwt answers requests with tokens. JSON in, JSON out."""

import json
import sys

import django
from django.conf import settings

asked = json.load(sys.stdin)
settings.configure(
    SECRET_KEY=asked["key"],
    USE_TZ=True,
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["testserver"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "rest_framework", "rest_framework_simplejwt"],
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTAuthentication"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    },
    SIMPLE_JWT=asked["settings"],
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework.permissions import IsAuthenticated  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.test import APIClient  # noqa: E402
from rest_framework.views import APIView  # noqa: E402


class Me(APIView):
    permission_classes = [IsAuthenticated]

    def get(self, request):
        return Response({"username": request.user.username})


urlpatterns = [path("me", Me.as_view())]

call_command("migrate", verbosity=0)
User.objects.create(pk=1, username="ann")


def answer(token):
    response = APIClient().get("/me", HTTP_AUTHORIZATION=f"Bearer {token}")
    body = response.json()
    return [response.status_code, body.get("username") or body.get("detail")]


print(json.dumps([answer(token) for token in asked["tokens"]]))
