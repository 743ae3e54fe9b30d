"""Extract: B3's bytes into the local cache. Knows no dataset by name."""
