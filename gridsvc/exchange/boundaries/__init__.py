"""Files of communities and grids: published as a redraw, and told what is wrong with them."""
