"""Two servers, one standing by: who may take writes, what follows, and how each knows the other."""
