"""What tests judge by: the topics as a reader sees them, held against the tables."""
