"""Assignments & Sending: who entered and left campaigns, and what became of what they were sent."""
