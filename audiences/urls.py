"""Audiences and contacts."""

from django.urls import path

from audiences.views import audience_form, audience_list, contacts

app_name = "audiences"
urlpatterns = [
    path("audiences/", audience_list.audience_list, name="list"),
    path("audiences/new/", audience_form.create, name="create"),
    path("audiences/count/", audience_form.count, name="count"),
    path("audiences/<int:pk>/", audience_form.edit, name="edit"),
    path("audiences/<int:pk>/count/", audience_list.saved_count, name="saved_count"),
    path("contacts/", contacts.contact_list, name="contacts"),
    path("contacts/<int:pk>/", contacts.contact, name="contact"),
]
