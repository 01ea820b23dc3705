"""The subcommands of `plughost`: what they take, what they print, and how they end."""
