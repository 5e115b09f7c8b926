from accounts.views import ClientTokenView, Me
from django.urls import re_path
from rest_framework_simplejwt import views

ROUTES = {
    "": views.token_obtain_pair,
    "refresh/": views.token_refresh,
    "verify/": views.token_verify,
    "blacklist/": views.token_blacklist,
    "sliding/": views.token_obtain_sliding,
    "sliding/refresh/": views.token_refresh_sliding,
    "client/": ClientTokenView.as_view(),
}
urlpatterns = [re_path(f"^api/token/{path}$", view) for path, view in ROUTES.items()]
urlpatterns.append(re_path("^api/me$", Me.as_view()))
