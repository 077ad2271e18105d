"""The routes that change something, each for one function of `ops/acts`."""
