"""The order of things: the only caller of the outside and the store together."""
