"""News for the layers above. Receivers run in the writer's transaction: they write rows, call no vendor."""

from django.dispatch import Signal

jobs_changed = Signal()
"""Jobs were written by the sync. Arguments: `account`, `job_ids` (our ids of new and changed rows only)."""

hours_changed = Signal()
"""An account's campaigns keep to other hours from now on. Arguments: `account_id`, `now`."""

appointments_changed = Signal()
"""Visits or their jobs were written by the sync. Arguments: `account`, `job_ids` (ServiceTitan's ids of the
jobs), `now`."""
