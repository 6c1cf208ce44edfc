"""The inbox and its threads."""

from django.urls import path

from conversations.views import (
    handling,
    hours,
    inbox,
    opt_out_imports,
    readings,
    sending,
    threads,
    waiting,
    wishes,
    writing,
)

app_name = "conversations"
urlpatterns = [
    path("conversations/", inbox.inbox_page, name="inbox"),
    path("conversations/waiting/", waiting.waiting, name="waiting"),
    path("conversations/<int:pk>/", threads.thread_page, name="thread"),
    path("conversations/<int:pk>/reply/", writing.reply, name="reply"),
    path("conversations/<int:pk>/reply/size/", writing.reply_size, name="reply_size"),
    path("conversations/<int:pk>/note/", writing.note, name="note"),
    path("conversations/<int:pk>/close/", handling.close, name="close"),
    path("conversations/<int:pk>/reopen/", handling.reopen, name="reopen"),
    path("conversations/<int:pk>/assign/", handling.assign, name="assign"),
    path("conversations/<int:pk>/escalate/", handling.escalate, name="escalate"),
    path("conversations/<int:pk>/wrong-number/", handling.wrong_number, name="wrong_number"),
    path("conversations/<int:pk>/opt-out/", wishes.opt_out, name="opt_out"),
    path("conversations/<int:pk>/opt-in/", wishes.opt_in, name="opt_in"),
    path("conversations/readings/<int:pk>/", readings.correct, name="reading"),
    path("contacts/<int:pk>/opt-out/", wishes.opt_out_contact, name="opt_out_contact"),
    path("settings/sending/", sending.sending, name="sending"),
    path("settings/sending/pause/", sending.pause, name="pause_everything"),
    path("settings/sending/resume/", sending.resume, name="resume_everything"),
    path("settings/hours/", hours.overview, name="hours"),
    path("settings/hours/law/", hours.law, name="law"),
    path("settings/hours/quiet/", hours.quiet, name="quiet_hours"),
    path("settings/hours/business/", hours.business, name="business_hours"),
    path("settings/hours/closed-days/", hours.closed_day, name="closed_day"),
    path("settings/hours/closed-days/<int:pk>/remove/", hours.closed_day_remove, name="closed_day_remove"),
    path("settings/hours/answer/", hours.answer, name="after_hours_answer"),
    path("settings/hours/answer/preview/", hours.preview, name="after_hours_preview"),
    path("settings/opt-outs/", opt_out_imports.overview, name="opt_outs"),
    path("settings/opt-outs/none/", opt_out_imports.none, name="opt_outs_none"),
    path("settings/opt-outs/<int:pk>/", opt_out_imports.one, name="opt_out_import"),
    path("settings/opt-outs/<int:pk>/record/", opt_out_imports.confirm, name="opt_out_import_confirm"),
]
