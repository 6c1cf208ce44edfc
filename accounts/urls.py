"""Sign-in, password reset and the account switcher."""

from django.urls import URLPattern

app_name = "accounts"
urlpatterns: list[URLPattern] = []
