"""Login: a page that asks people for a password, and the way out again."""
