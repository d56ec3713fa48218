"""What a request asks, and what an application reads of it: that is what its answer depends on."""
