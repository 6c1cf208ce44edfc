"""Audiences and contacts."""

from django.urls import path

from audiences.views import audience_form, audience_list, connections, consent, contacts

app_name = "audiences"
urlpatterns = [
    path("audiences/", audience_list.audience_list, name="list"),
    path("audiences/new/", audience_form.create, name="create"),
    path("audiences/count/", audience_form.count, name="count"),
    path("audiences/<int:pk>/", audience_form.edit, name="edit"),
    path("audiences/<int:pk>/count/", audience_list.saved_count, name="saved_count"),
    path("contacts/", contacts.contact_list, name="contacts"),
    path("contacts/<int:pk>/", contacts.contact, name="contact"),
    path("settings/connections/", connections.overview, name="connections"),
    path("settings/connections/sync/", connections.sync, name="sync"),
    path("settings/connections/<slug:provider>/", connections.edit, name="connection"),
    path("settings/connections/<slug:provider>/test/", connections.test, name="connection_test"),
    path("settings/consent/", consent.declare, name="consent"),
]
