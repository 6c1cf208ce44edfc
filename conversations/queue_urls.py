"""The call queue, the person an agent has open, and what is done with them."""

from django.urls import path

from conversations.views import agent_phone, call_acts, calls

app_name = "calls"
urlpatterns = [
    path("calls/", calls.queue_page, name="queue"),
    path("calls/next/", calls.next_call, name="next"),
    path("calls/phone/", agent_phone.phone, name="phone"),
    path("calls/available/", agent_phone.available, name="available"),
    path("calls/to/<int:pk>/", agent_phone.own_call, name="own"),
    path("calls/<int:pk>/", calls.person_page, name="person"),
    path("calls/<int:pk>/take/", calls.take, name="take"),
    path("calls/<int:pk>/call/", call_acts.place, name="place"),
    path("calls/<int:pk>/end/", call_acts.end, name="end"),
    path("calls/<int:pk>/outcome/", call_acts.outcome, name="outcome"),
    path("calls/<int:pk>/undo/", call_acts.undo, name="undo"),
    path("calls/<int:pk>/again/", call_acts.again, name="again"),
    path("calls/<int:pk>/skip/", call_acts.skip, name="skip"),
    path("calls/<int:pk>/wrong-number/", call_acts.wrong_number, name="wrong_number"),
    path("calls/<int:pk>/leave/", call_acts.leave, name="leave"),
]
