"""News for analytics, fired inside the writer's transaction."""

from django.dispatch import Signal

# ServiceTitan turned a booking of ours into a job. kwargs: account_id, booking_id, servicetitan_job_id
job_booked = Signal()
