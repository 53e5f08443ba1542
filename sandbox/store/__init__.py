"""What an instance keeps: apps and their bundles, tables, the KV store."""
