"""What survives a restart: one SQLite file per mode, its tables and migrations."""
