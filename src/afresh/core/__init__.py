"""Pure rules: no clock, no thread, no event loop, no driver. `now` and randomness are arguments."""
