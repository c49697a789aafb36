"""Rule tests: series in a few words, played through the live engine by a clock of their own."""
