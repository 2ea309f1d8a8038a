"""Pictures of an incident, as SVG and as lines of text. Pure: they know the nouns and nothing else."""
