"""News for the layers above, fired inside the writer's transaction with whole batches.

Receivers write rows and never call vendors.
"""

from django.dispatch import Signal

# An incoming text was stored and read. kwargs: message (Message), reading (Reading)
message_received = Signal()

# A customer replied, whatever it says unless it opts out; before anybody decides what follows.
# kwargs: message (Message), now
reply_came = Signal()

# Outgoing messages changed state. kwargs: changes (list[delivery.Change]), now (datetime)
message_status_changed = Signal()

# Queued messages were put off by window, cap or hold. kwargs: deferrals (list[delivery.Deferral]), now
message_deferred = Signal()

# Addresses may not be reached any more. kwargs: address_ids (list[int]), reason (str), now (datetime)
address_opted_out = Signal()

# A phone proved not to be a contact's. kwargs: contact_id (int), address_id (int), reason (str), now
contact_lost_address = Signal()

# Planned calls changed state. kwargs: changes (list[planned_calls.CallChange]), now (datetime)
planned_calls_changed = Signal()

# Planned calls were put off by window, cap, hold or until their next try.
# kwargs: deferrals (list[planned_calls.CallDeferral]), now (datetime)
planned_calls_deferred = Signal()
