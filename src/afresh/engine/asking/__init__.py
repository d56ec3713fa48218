"""Who asks: the chain of loads, the request around it, and how current its answers have to be."""
