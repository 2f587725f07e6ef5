"""The words of the house as frozen structs: no I/O, no clock."""
