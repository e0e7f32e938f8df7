"""Error tree, registry look-up and array aliases: what every room stands on."""
