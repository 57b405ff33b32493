"""Models kept like code: cards, pinned files, conversion."""
