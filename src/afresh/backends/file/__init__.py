"""A folder that all processes of a machine share."""
