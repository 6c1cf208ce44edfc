"""Walking a workflow as one contact, to see what it says and where it leads, before anybody is reached.

There is no second engine: `playing` lets the engine, the node kinds, the gate and the reader do all acts of a
walkthrough once more, on rows of one transaction that is always rolled back. No vendor is called, no bell
rung, nothing kept but what was shown.
"""
