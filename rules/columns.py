"""The arrays of the rules: those of the ground, under the name that this room knows them by."""

from citypatrol.columns import Bytes, Codes, Column, Floats, Ints, PairIndex, Texts

__all__ = ["Bytes", "Codes", "Column", "Floats", "Ints", "PairIndex", "Texts"]
