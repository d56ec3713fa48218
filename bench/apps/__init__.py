"""Real applications: uncached, with other packages and with afresh, in one run each."""
