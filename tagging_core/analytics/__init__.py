"""What managers read: counted as the ledger grows, so that no page counts an archive.

`tallies` and `content` say which counts follow from the events of one picture; `projection` keeps their sums up to
date in the same transaction. The other modules only add up what lies between two days.
"""
