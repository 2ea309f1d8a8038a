"""Cases composed from the services' own words: failures of AWS that cannot be played here, and adversarial ones."""
