"""`newar up` and `newar demo` as a person runs them."""
