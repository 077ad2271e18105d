"""The main job, end to end, on local real servers, with a proof of its result."""
