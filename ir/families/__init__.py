"""What families of ops share: one file a family."""
