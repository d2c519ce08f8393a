"""Stories that are played over the public API: what people of a city do, in chapters, with the figures they leave."""
