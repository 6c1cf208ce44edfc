from analytics.models.cleared_return import ClearedReturn
from analytics.models.clearing import Clearing
from analytics.models.compliance_report import ComplianceReport
from analytics.models.counter_baseline import CounterBaseline
from analytics.models.counter_day import CounterDay
from analytics.models.counter_delta import CounterDelta
from analytics.models.counter_fill import CounterFill
from analytics.models.counter_hour import CounterHour
from analytics.models.counter_minute import CounterMinute
from analytics.models.counter_month import CounterMonth
from analytics.models.counter_total import CounterTotal
from analytics.models.credit_correction import CreditCorrection
from analytics.models.download import Download
from analytics.models.download_chunk import DownloadChunk
from analytics.models.download_slice import DownloadSlice
from analytics.models.job_credit import JobCredit
from analytics.models.job_standing import JobStanding
from analytics.models.queue_sign import QueueSign
from analytics.models.recount_run import RecountRun
from analytics.models.report_chunk import ReportChunk

__all__ = [
    "ClearedReturn",
    "Clearing",
    "ComplianceReport",
    "CounterBaseline",
    "CounterDay",
    "CounterDelta",
    "CounterFill",
    "CounterHour",
    "CounterMinute",
    "CounterMonth",
    "CounterTotal",
    "CreditCorrection",
    "Download",
    "DownloadChunk",
    "DownloadSlice",
    "JobCredit",
    "JobStanding",
    "QueueSign",
    "RecountRun",
    "ReportChunk",
]
