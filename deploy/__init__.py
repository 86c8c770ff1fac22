"""What surrounds an installation: sample papers, and the story of the demo."""
