"""What no learner of a kind can do."""
