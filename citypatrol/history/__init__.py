"""The Parquet history (RULES 26): every sample by the UTC hour of its timestamp, for good.

``stage`` writes it from the journal, ``reading`` is what everybody else needs.
"""
