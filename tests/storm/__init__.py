"""The storm: writers that are killed at random instants, and the reckoning afterwards."""
