"""What programs ask and do, over HTTP."""
