"""Where Django looks for `{% load afresh %}`."""
