"""The demo company, Prairie Home Comfort: what a newcomer finds after `make run`. No invented results."""
