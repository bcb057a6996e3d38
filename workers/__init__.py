"""Do the slow work: import, pre-label, freeze, export, publish."""
