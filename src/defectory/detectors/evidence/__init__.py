"""How `auto` learns: three views of what is normal, whom to distrust, what labels teach."""
