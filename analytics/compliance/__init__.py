"""Opt-out and consent reports: what an attorney asks for, computed from the rows, as PDF and CSV."""
