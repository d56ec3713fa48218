"""Where Django looks for commands: `python manage.py afresh …`; each subcommand is a module of `subcommands`."""
