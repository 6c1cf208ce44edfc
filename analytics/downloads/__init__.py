"""Files of the rows behind figures and lists: what may be had, queueing, building, fetching."""
