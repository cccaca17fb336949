"""Analytics for managers, read from rollups that are updated in the transaction of each event.

`ledger.rollups` defines the daily counts; these modules sum them over a period, so no page scans the whole ledger.
"""
