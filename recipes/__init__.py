"""Programs that train and evaluate, one per method."""
