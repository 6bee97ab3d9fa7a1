"""What each tier stores because of an entry: pure functions of the journal."""
