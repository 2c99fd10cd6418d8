"""Access to the page: users, logins, tokens of programs, protection against forged requests."""
