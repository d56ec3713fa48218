"""afresh: a cache for Python web applications whose results stay true."""
