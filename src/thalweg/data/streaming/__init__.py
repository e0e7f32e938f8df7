"""Tables larger than memory: read in pieces, surveyed, encoded into a file of rows, and trained from there."""
