"""What tools/figures.py is made of: contenders, their turns, and the rows of its table."""
