"""Seeding at any size: the demo's world, computed in slices with numpy and stored by binary COPY."""
