"""The report as one HTML file: no script, no request to anywhere, both colour schemes, wide screens and phones."""
