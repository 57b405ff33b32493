"""Objects followed over frames, sorties and contributors."""
