"""CNNs by Hand: the helpers behind the lessons. Nothing is imported here, so this stays fast."""
