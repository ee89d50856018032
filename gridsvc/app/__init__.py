"""Where things come in: the HTTP application, pages, tiles and the command line."""
