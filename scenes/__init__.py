"""Rendered sorties with known truth; shares no code with what it judges."""
