"""What a Flask application reads of a request: the environ, its cookies, its session."""
