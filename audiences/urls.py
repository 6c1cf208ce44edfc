"""Audiences and contacts."""

from django.urls import path

from audiences.views import (
    audience_form,
    audience_list,
    connections,
    consent,
    consent_import,
    consents,
    contact_list,
    contacts,
    do_not_call,
    limits,
)

app_name = "audiences"
urlpatterns = [
    path("audiences/", audience_list.audience_list, name="list"),
    path("audiences/new/", audience_form.create, name="create"),
    path("audiences/shape/", audience_form.shape, name="shape"),
    path("audiences/count/", audience_form.count, name="count"),
    path("audiences/details/", audience_form.details, name="details"),
    path("audiences/<int:pk>/", audience_form.edit, name="edit"),
    path("audiences/<int:pk>/count/", audience_list.saved_count, name="saved_count"),
    path("contacts/", contact_list.contact_list, name="contacts"),
    path("contacts/<int:pk>/", contacts.contact, name="contact"),
    path("settings/connections/", connections.overview, name="connections"),
    path("settings/connections/sync/", connections.sync, name="sync"),
    path("settings/connections/sync/stop/", connections.stop_sync, name="sync_stop"),
    path("settings/connections/sync/resume/", connections.resume_sync, name="sync_resume"),
    path("settings/connections/freshness/", connections.keep_fresh, name="freshness"),
    path("settings/connections/<slug:provider>/", connections.edit, name="connection"),
    path("settings/connections/<slug:provider>/test/", connections.test, name="connection_test"),
    path("contacts/<int:pk>/consents/", consents.add, name="consent_add"),
    path("consents/<int:pk>/withdraw/", consents.withdraw, name="consent_withdraw"),
    path("settings/consent/", consent.declare, name="consent"),
    path("settings/limits/", limits.limits, name="limits"),
    path("settings/limits/consents/import/", consent_import.bring, name="consents_import"),
    path("settings/limits/consents/", consents.kept, name="consents"),
    path("settings/do-not-call/", do_not_call.overview, name="do_not_call"),
    path("settings/do-not-call/<int:pk>/", do_not_call.one, name="do_not_call_list"),
    path("settings/do-not-call/<int:pk>/confirm/", do_not_call.confirm, name="do_not_call_confirm"),
    path("settings/do-not-call/<int:pk>/discard/", do_not_call.discard, name="do_not_call_discard"),
    path("settings/do-not-call/<int:pk>/remove/", do_not_call.remove, name="do_not_call_remove"),
]
