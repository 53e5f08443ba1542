"""How much many rules cost: ours beside a plain command, SQLite and DuckDB, all with the same rules and rows."""
