"""One question in, the places that answer it out: names, numbers, addresses, codes and street corners."""
