"""From a predictive distribution to the decision that costs least."""
