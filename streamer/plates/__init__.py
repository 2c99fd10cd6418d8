"""What plates look like by country: alphabet, grammar, formats."""
