"""Ground to sighting and incident: positions, rules, probability, association."""
