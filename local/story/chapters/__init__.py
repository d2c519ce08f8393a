"""The chapters of the Samarinda story, in order: each does over the public API what people of the city did."""
