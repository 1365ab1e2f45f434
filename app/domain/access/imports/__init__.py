"""Files that people have: read in any of their forms, looked through, then written when told to."""
