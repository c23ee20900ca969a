"""Work in parts on a Ray cluster; Ray (extra `ray`) is imported only where one is asked for."""
