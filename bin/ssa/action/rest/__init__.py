"""splunkd's REST API as the alert action uses it: a session, receivers, lookups in the KV store, a saved search."""
