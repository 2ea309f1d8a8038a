"""Where incidents are kept: one interface, one file per backend."""
