"""Training a model: what it learns from, the course it takes, and what comes of it."""
