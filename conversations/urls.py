"""The inbox and its threads."""

from django.urls import path

from conversations.views import handling, inbox, threads, waiting, writing

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
    path("conversations/<int:pk>/opt-out/", handling.opt_out, name="opt_out"),
]
