"""Sign-in, password reset, the account switcher, and Settings."""

from django.urls import path

from accounts.views import (
    account_switch,
    audit_log,
    invitation,
    password_reset,
    people,
    profile,
    settings,
    sign_in,
)

app_name = "accounts"
urlpatterns = [
    path("login/", sign_in.sign_in, name="login"),
    path("logout/", sign_in.sign_out, name="logout"),
    path("account/switch/", account_switch.switch, name="switch"),
    path("password-reset/", password_reset.ask, name="password_reset"),
    path("password-reset/sent/", password_reset.sent, name="password_reset_sent"),
    path("password-reset/done/", password_reset.done, name="password_reset_done"),
    path("password-reset/<uidb64>/<token>/", password_reset.choose, name="password_reset_choose"),
    path("invitation/<uidb64>/<token>/", invitation.choose, name="invitation"),
    path("settings/", settings.overview, name="settings"),
    path("settings/profile/", profile.profile, name="profile"),
    path("settings/profile/password/", profile.password, name="password"),
    path("settings/people/", people.people_list, name="people"),
    path("settings/people/invite/", people.invite, name="invite"),
    path("settings/people/<int:pk>/", people.member, name="member"),
    path("settings/people/<int:pk>/role/", people.change_role, name="member_role"),
    path("settings/people/<int:pk>/invite/", people.invite_again, name="member_invite"),
    path("settings/people/<int:pk>/disable/", people.disable, name="member_disable"),
    path("settings/people/<int:pk>/enable/", people.enable, name="member_enable"),
    path("settings/people/<int:pk>/remove/", people.remove, name="member_remove"),
    path("settings/roles/", settings.roles, name="roles"),
    path("settings/account/", settings.account, name="account"),
    path("settings/audit-log/", audit_log.audit_log, name="audit_log"),
]
