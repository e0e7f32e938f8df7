"""One reader a file: each turns one family of formats into tables."""
