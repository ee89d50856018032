"""The parts of the sample town's maker: each turns what the one before it made into the next layer."""
