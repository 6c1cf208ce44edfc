"""News for the layers above. Receivers run in the writer's transaction: they write rows, call no vendor."""

from django.dispatch import Signal

jobs_changed = Signal()
"""Jobs were written by the sync. Arguments: `account`, `job_ids` (our ids of new and changed rows only)."""

hours_changed = Signal()
"""An account's campaigns keep to other hours from now on. Arguments: `account_id`, `now`."""

appointments_changed = Signal()
"""Visits or their jobs were written by the sync. Arguments: `account`, `job_ids` (ServiceTitan's ids of the
jobs), `now`."""

contacts_merged = Signal()
"""Contacts that prove to be one person: everything of the one that goes is the other's from now on.
Arguments: `pairs` (our ids: who goes, who goes on), `left_alone` (who goes on, and the opt-out that is to
hold for every address they have now), `now`. Households and addresses are locked. It may be said again."""

threads_to_merge = Signal()
"""The same once more, for what is locked last: behind messages, enrollments and steps."""
job_papers_changed = Signal()
"""What says where jobs come from or what they bring was written by the sync: invoices, calls, bookings,
recurring visits. Arguments: `account`, `job_ids` (ServiceTitan's ids of the jobs, those they named before
included)."""
