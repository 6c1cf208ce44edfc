"""The reader of replies: how words are made alike, which ones end everything, and the trained remainder.

Nothing in here knows the database; `conversations/reading.py` puts the parts together.
"""
