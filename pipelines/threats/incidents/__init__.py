"""One incident for one thing, what people decide of it, and what is not shown."""
