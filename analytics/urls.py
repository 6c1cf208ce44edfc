"""The pages that show numbers, and the lists behind them."""

from django.urls import path

from analytics.views.call_lists import answered_calls
from analytics.views.campaign import campaign, campaign_numbers, campaign_record, campaign_rows
from analytics.views.comparison import compare
from analytics.views.compliance_reports import report_again, report_file, report_list
from analytics.views.dashboard import dashboard, tile_rows
from analytics.views.definitions import definitions
from analytics.views.downloads import (
    download_again,
    download_cancel,
    download_delete,
    download_file,
    download_list,
    download_queue,
)  # fmt: skip
from analytics.views.jobs import correct_credit, job, job_list
from analytics.views.opt_out_register import opt_out_register
from analytics.views.recounts import recounts
from analytics.views.search import search
from analytics.views.sending import assignments_and_sending, sending_rows

app_name = "analytics"
urlpatterns = [
    path("", dashboard, name="dashboard"),
    path("tiles/<slug:tile>/", tile_rows, name="tile_rows"),
    path("analytics/jobs/", job_list, name="jobs"),
    path("analytics/jobs/<int:pk>/", job, name="job"),
    path("analytics/jobs/<int:pk>/correct/", correct_credit, name="correct_credit"),
    path("search/", search, name="search"),
    path("campaigns/compare/", compare, name="compare"),
    path("campaigns/<int:pk>/", campaign, name="campaign"),
    path("campaigns/<int:pk>/records/<int:record>/", campaign_record, name="campaign_record"),
    path("campaigns/<int:pk>/senders/", campaign_numbers, name="campaign_numbers"),
    path("campaigns/<int:pk>/rows/", campaign_rows, name="campaign_rows"),
    path("analytics/assignments-and-sending/", assignments_and_sending, name="sending"),
    path("analytics/assignments-and-sending/rows/", sending_rows, name="sending_rows"),
    path("analytics/answered-calls/<int:lane>/", answered_calls, name="answered_calls"),
    path("analytics/definitions/", definitions, name="definitions"),
    path("downloads/", download_list, name="downloads"),
    path("downloads/queue/", download_queue, name="download_queue"),
    path("downloads/<int:pk>/file/", download_file, name="download_file"),
    path("downloads/<int:pk>/again/", download_again, name="download_again"),
    path("downloads/<int:pk>/cancel/", download_cancel, name="download_cancel"),
    path("downloads/<int:pk>/delete/", download_delete, name="download_delete"),
    path("settings/reports/", report_list, name="reports"),
    path("settings/reports/<int:pk>/again/", report_again, name="report_again"),
    path("settings/reports/<int:pk>/<slug:form>/", report_file, name="report_file"),
    path("settings/recounts/", recounts, name="recounts"),
    path("settings/opt-outs/register/", opt_out_register, name="opt_out_register"),
]
