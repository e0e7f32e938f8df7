"""Reading, encoding, splitting and batching data; bundled data sets."""
