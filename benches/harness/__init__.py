"""What `benches/run` is made of. Standard library only; start reading at `main.py`, then `measure.py`."""
