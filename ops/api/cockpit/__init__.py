"""What people look at: pages made here, in their language, with what makes them live."""
