"""Every way in, thin."""
