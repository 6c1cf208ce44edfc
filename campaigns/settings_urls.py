"""The pages of Settings that know of campaigns."""

from django.urls import path

from campaigns.views import first_run, job_creation, launch_settings, link_settings, numbers

urlpatterns = [
    path("first-run/", first_run.first_run_page, name="first_run"),
    path("first-run/test-text/", first_run.test_text, name="test_text"),
    path("launches/", launch_settings.launches, name="launch_settings"),
    path("bookings/", job_creation.bookings, name="bookings"),
    path("links/", link_settings.links, name="links"),
    path("links/check/", link_settings.check, name="links_check"),
    path("numbers/", numbers.number_list, name="numbers"),
    path("numbers/add/", numbers.add, name="number_add"),
    path("numbers/<int:pk>/", numbers.number, name="number"),
    path("numbers/<int:pk>/switch/", numbers.switch, name="number_switch"),
]
