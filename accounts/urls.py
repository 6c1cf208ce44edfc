"""Sign-in, password reset, the account switcher, and Settings."""

from django.urls import path

from accounts.views import account_switch, password_reset, settings, sign_in

app_name = "accounts"
urlpatterns = [
    path("login/", sign_in.sign_in, name="login"),
    path("logout/", sign_in.sign_out, name="logout"),
    path("account/switch/", account_switch.switch, name="switch"),
    path("password-reset/", password_reset.ask, name="password_reset"),
    path("password-reset/sent/", password_reset.sent, name="password_reset_sent"),
    path("password-reset/done/", password_reset.done, name="password_reset_done"),
    path("password-reset/<uidb64>/<token>/", password_reset.choose, name="password_reset_choose"),
    path("settings/", settings.overview, name="settings"),
    path("settings/roles/", settings.roles, name="roles"),
]
