"""Pages, scripts and words; the server renders them."""
