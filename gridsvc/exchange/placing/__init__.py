"""Does a file lie where it says? Its datum held against what is known, its eastings against its zone."""
