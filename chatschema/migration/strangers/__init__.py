"""The migrations of other tools, taken over: their files converted, and what they had applied recorded."""
