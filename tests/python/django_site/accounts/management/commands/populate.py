"""Makes accounts with every hasher and logs in, rotates, blacklists and expires through the site's own views. Prints what there
is: accounts with their passwords, and refresh tokens by their state."""

import json
from datetime import timedelta

from accounts.models import ClientUser, User
from django.contrib.auth.hashers import get_hashers, make_password
from django.core.management.base import BaseCommand
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, SlidingToken

PASSWORD = "비밀번호 of {}"


class Command(BaseCommand):
    def handle(self, **options):
        self.api = APIClient()
        self.made = {"users": [], "clients": [], "live": [], "blacklisted": [], "unbooked": [], "access": []}
        for hasher in get_hashers():
            self.user(f"u-{hasher.algorithm}", hasher.algorithm)
            self.client(f"c-{hasher.algorithm}", hasher.algorithm)
        # The accounts of the replayed requests.
        self.user("active", "md5")
        self.user("no-mail", "md5", email=None)
        self.user("unusable", None)
        self.user("inactive", "md5", is_active=False)
        self.user("admin", "pbkdf2_sha256", is_superuser=True, is_staff=True)
        self.client("c-inactive", "md5", is_active=False)
        self.tokens()
        self.stdout.write(json.dumps(self.made))

    def user(self, name, hasher, **fields):
        typed = PASSWORD.format(name)
        fields = {"email": f"{name}@example.org", **fields}
        password = make_password(typed, hasher=hasher) if hasher else make_password(None)
        user = User.objects.create(username=name, password=password, first_name="Ann", **fields)
        self.made["users"].append(
            {"id": user.pk, "username": name, "email": user.email, "password": typed, "works": user.is_active and bool(hasher)}
        )

    def client(self, name, hasher, **fields):
        typed = PASSWORD.format(name)
        password = make_password(typed, hasher=hasher)
        client = ClientUser.objects.create(username=name, password=password, name="Acme", phone="+82212345678", **fields)
        self.made["clients"].append({"id": client.pk, "username": name, "password": typed, "works": client.is_active})

    def call(self, path, expected=200, **body):
        answer = self.api.post(f"/api/token/{path}", body, format="json")
        assert answer.status_code == expected, (path, answer.status_code, answer.content)
        return answer.json()

    def tokens(self):
        md5 = User.objects.get(username="u-md5")
        refresh = lambda user: str(RefreshToken.for_user(user))  # noqa: E731
        live = self.made["live"]
        # Of each user a token at least, by the view where it can be: it trims passwords.
        for user in User.objects.filter(is_active=True):
            live.append({"type": "user", "id": user.pk, "refresh": refresh(user)})
        for made in self.made["clients"]:
            if made["works"]:
                pair = self.call("client/", username=made["username"], password=made["password"])
                live.append({"type": "client", "id": made["id"], "refresh": pair["refresh"]})
        trimmed = User.objects.create(username="trimmed", email="trimmed@example.org", password=make_password("plain", hasher="md5"))
        self.made["users"].append(
            {"id": trimmed.pk, "username": "trimmed", "email": trimmed.email, "password": "plain", "works": True}
        )
        first = self.call("", username="trimmed", password="plain")
        rotated = self.call("refresh/", refresh=first["refresh"])
        self.made["blacklisted"].append(first["refresh"])
        live.append({"type": "user", "id": trimmed.pk, "refresh": rotated["refresh"]})
        self.made["access"].append({"id": trimmed.pk, "access": rotated["access"]})
        ended = self.call("", username="trimmed", password="plain")["refresh"]
        self.call("blacklist/", refresh=ended)
        self.made["blacklisted"].append(ended)
        of_client = self.call("client/", username="c-md5", password=PASSWORD.format("c-md5"))["refresh"]
        self.call("blacklist/", refresh=of_client)
        self.made["blacklisted"].append(of_client)
        self.made["sliding"] = str(SlidingToken.for_user(md5))
        self.made["parallel"] = refresh(md5)
        # SimpleJWT before 5.5 did not store tokens that it issued by rotation.
        unbooked = RefreshToken.for_user(md5)
        OutstandingToken.objects.filter(jti=unbooked["jti"]).delete()
        self.made["unbooked"].append(str(unbooked))
        expired = RefreshToken.for_user(md5)
        expired.set_exp(from_time=timezone.now() - timedelta(days=9))
        OutstandingToken.objects.filter(jti=expired["jti"]).update(token=str(expired), expires_at=timezone.now() - timedelta(days=8))
        self.made["expired"] = str(expired)
        self.made["access"].append({"id": md5.pk, "access": str(AccessToken.for_user(md5))})
        self.made["refresh_of_inactive"] = refresh(User.objects.get(username="inactive"))
