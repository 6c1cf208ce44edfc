"""Contacts from files of other programs: uploaded, understood column by column, taken in piece by piece.

`columns` says what a column may mean, `reading` makes people of rows, `matching` and `writing` put one piece
into the tables, `running` is the way of an import from upload to end, `undoing` takes it back.
"""
