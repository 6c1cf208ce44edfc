"""Twilio Voice, simulated: calls, the documents that steer them, and the people who pick up."""
