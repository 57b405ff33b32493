"""Where peacekeepers are, and who else needs protection: shapes, patrols, imports."""
