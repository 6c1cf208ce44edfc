"""What a contact's jobs are: one definition for rules, snapshots and `Contact.last_job_at`.

A job counts unless it was cancelled, or deleted at the source. Its date is the day it was completed, or
made where it is not completed yet; the last job is the one of the latest date. SQL over alias j
(audiences_job); no parameters.
"""

JOB_COUNTS = "(j.active AND j.status <> 'Canceled')"
JOB_AT = "coalesce(j.completed_on, j.created_on)"
