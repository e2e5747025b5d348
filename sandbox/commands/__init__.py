"""The commands of `python3 -m sandbox`, and what they alone need."""
