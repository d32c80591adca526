"""The checks of `tm doctor`: each reads one thing, changes nothing, and returns findings."""
