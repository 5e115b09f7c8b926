from django.contrib.auth.hashers import check_password
from rest_framework import exceptions, serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.tokens import RefreshToken
from rest_framework_simplejwt.utils import datetime_from_epoch

from .models import ClientUser


class ClientLogin(serializers.Serializer):
    username = serializers.CharField()
    password = serializers.CharField(trim_whitespace=False)


class ClientTokenView(APIView):
    """A log-in of clients: SimpleJWT knows one user model only, so that the type of the account is a claim."""

    authentication_classes = ()

    def post(self, request):
        asked = ClientLogin(data=request.data)
        asked.is_valid(raise_exception=True)
        client = ClientUser.objects.filter(username=asked.validated_data["username"], is_active=True).first()
        if client is None or not check_password(asked.validated_data["password"], client.password):
            raise exceptions.AuthenticationFailed("No active account found with the given credentials")
        refresh = RefreshToken()
        refresh[api_settings.USER_ID_CLAIM] = str(client.pk)
        refresh["user_type"] = "client"
        OutstandingToken.objects.create(
            jti=refresh["jti"],
            token=str(refresh),
            created_at=refresh.current_time,
            expires_at=datetime_from_epoch(refresh["exp"]),
        )
        return Response({"refresh": str(refresh), "access": str(refresh.access_token)})


class Me(APIView):
    """A view of the site that takes access tokens by the stock JWTAuthentication."""

    permission_classes = (IsAuthenticated,)

    def get(self, request):
        return Response({"id": request.user.pk, "username": request.user.username})
